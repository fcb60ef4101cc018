"""Small data for tests of hypergradients."""

import numpy as np
from scipy import sparse

from skhyper.hypergradient import Want, inner_problem


def designs():
    """Data by name: more samples than features, fewer, sparse."""
    rng = np.random.default_rng(0)
    return {
        "tall": rng.normal(size=(120, 8)),
        "wide": rng.normal(size=(60, 90)),
        "sparse": sparse.random(120, 40, density=0.2, random_state=0, format="csr"),
    }


def target(X, kind, seed=0):
    """A target of a kind that depends on X linearly, with noise."""
    rng = np.random.default_rng(seed)
    n, p = X.shape
    t = np.asarray(X @ rng.normal(size=p)).ravel()
    t = t / t.std() + 0.7 * rng.normal(size=n)
    return {
        "real": lambda: t,
        "positive": lambda: np.exp(t / 2) * rng.gamma(3, 1 / 3, size=n),
        "count": lambda: rng.poisson(np.exp(t / 2)).astype(float),
        "binary": lambda: np.where(t > 0.3, "yes", "no"),
        "classes": lambda: np.digitize(t, np.quantile(t, [0.3, 0.6])),
        "outputs": lambda: np.column_stack([t, t**2, -t]) + rng.normal(size=(n, 3)),
    }[kind]()


def weights(n, weighted):
    """Metadata for ``fit``: sample weights, or nothing."""
    return {"sample_weight": np.random.default_rng(1).random(n) + 0.2} if weighted else {}


class Session:
    """A problem, its fold, its last fit and the last output of this, one after the other."""

    def __init__(self, estimator):
        self.problem = inner_problem(estimator)
        self.estimator, self.names = self.problem.estimator, self.problem.names
        self.methods, self.traits = self.problem.methods, self.problem.traits

    def load(self, X, y, **fit_params):
        self.fold = self.problem.load(X, y, **fit_params)

    def fit(self, params):
        """The fitted estimator."""
        self.fitted = self.fold.fit(params)
        return self.fitted.estimator

    def predict(self, X, method):
        self.output = self.fitted.predict(X, method)
        return self.output.value

    def vjp(self, d_value, names=None, data=False):
        """Cotangents of the hyperparameters, the training data and the data predicted."""
        names = self.names if names is None else names
        return self.output.vjp(np.asarray(d_value), Want(names, data))
