"""Linear models with a smooth loss and an l2 penalty, an l1 penalty or both.

Training minimizes ``F = c Σ a ℓ(y, z) + Σ λ v²/2 + Σ μ |v|`` over ``v = (w, b)``, with
``z = Q v`` and ``Q = [X 1]``. At the solution, on its support (v ≠ 0 where μ > 0),
``G = c Qᵀ (a g) + λ v + μ sign(v) = 0``.

Notation
--------
n, p, q, K : number of samples, features, coefficients with the intercept, outputs
V : coefficients, (q, K), the intercept in the last row
a : sample weights, (n, K): they depend on the output in one-vs-rest classification
c : scale of the loss;  λ, μ : penalties, (q,)
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax

from skhyper._numeric._curvature import Design
from skhyper._numeric._data import as_matrix
from skhyper._numeric._softmax import SoftmaxFactor
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._linear_newton import Features, Newton, Training
from skhyper.hypergradient._losses import probability_pull_back

# Number of entries, zeros included, up to which sparse data are made dense, which is faster.
_SMALL = 1_000_000


class LinearProblem(hg.InnerProblem):
    """Base class for linear models; ``training`` of a subclass defines the objective.

    Attributes
    ----------
    penalizes_intercept : bool
    """

    traits = hg.Traits(passes_data=True)
    penalizes_intercept: bool = False

    @abstractmethod
    def training(self, fitted: Any, fold: "LinearFold") -> Training:
        """The training problem solved by `fitted`."""

    def link(self, fitted: Any, Z: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        """Output at linear predictors (m, K), and pull-back of ∂L/∂output to ∂L/∂Z (m, K)."""
        flat = Z[:, 0] if Z.shape[1] == 1 else Z
        if method != "predict_proba":
            return flat, lambda d: d.reshape(Z.shape)
        if Z.shape[1] > 1:
            P = softmax(Z, axis=1)
        else:
            P = np.column_stack([1 - expit(flat), expit(flat)])
        return P, partial(probability_pull_back, Z)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        return LinearFold(self, X, y, sample_weight)


class LinearFold(hg.Fold):
    """Training data of a linear model.

    Attributes
    ----------
    y : ndarray of shape (n,)
    sample_weight : array-like or None
    factor : SoftmaxFactor
    """

    def __init__(self, problem: LinearProblem, X: Any, y: Any, sample_weight: Any):
        self.problem, self.sample_weight = problem, sample_weight
        self._X, self.y = X, np.asarray(y)
        if self.y.ndim == 2 and self.y.shape[1] == 1:
            self.y = self.y.ravel()
        self.factor = SoftmaxFactor()

    @property
    def caches(self) -> bool:  # type: ignore[override]
        return self.features.design.dense is not None

    @property
    def n_coefs(self) -> int:
        """q."""
        return self.features.design.shape[1]

    @property
    def n_features(self) -> int:
        """p."""
        return len(self.features.mean)

    @cached_property
    def features(self) -> Features:
        """Centered features, where an unpenalized intercept absorbs their means.

        The model is the same, and the Hessian better conditioned.
        """
        matrix = as_matrix(self._X)
        if sparse.issparse(matrix) and np.prod(matrix.shape) <= _SMALL:
            matrix = matrix.toarray()
        (n, p), intercept = matrix.shape, bool(self.problem.estimator.fit_intercept)
        Q, mean = Design.from_blocks(matrix, np.ones((n, int(intercept)))), np.zeros(p)
        if intercept and not self.problem.penalizes_intercept and Q.dense is not None:
            mean = Q.dense[:, :p].mean(axis=0)
            whole = Q.dense - np.append(mean, 0.0)
            Q = Design(whole[:, :p], whole[:, p:], whole)
        return Features(Q, mean, np.sqrt(Q.squared_norms(np.ones(n)))[:, None])

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        given = {"sample_weight": self.sample_weight}
        fitted = hg.fitted_clone(self.problem.estimator, params, self._X, self.y, **given)
        return _LinearFit(fitted, self, self.problem.training(fitted, self))


@dataclass(frozen=True)
class _LinearFit(hg.Fit):
    estimator: Any
    fold: LinearFold
    training: Training

    def predict(self, X: Any, method: str) -> hg.Output:
        newton, mean = self._newton, self.fold.features.mean
        V = newton.at.V if newton.converged else self._V
        X_test = as_matrix(X)
        if np.any(mean):
            X_test = (X_test.toarray() if sparse.issparse(X_test) else X_test) - mean
        p = X_test.shape[1]
        value, to_link = self.fold.problem.link(
            self.estimator, X_test @ V[:p] + V[p:].sum(0), method
        )

        def direct(d_value: np.ndarray, want: hg.Want) -> tuple[Any, hg.Cotangents]:
            D = to_link(d_value)
            dV = X_test.T @ D
            if len(V) > p:
                dV = np.vstack([dV, D.sum(axis=0)])
            return dV, hg.Cotangents({}, X_test=D @ V[:p].T if want.data else None)

        return hg.Output(value, hg.implicit_vjp(direct, self._solve, self._cross))

    @property
    def _V(self) -> np.ndarray:
        """The estimator's coefficients, for centered features."""
        V = np.atleast_2d(self.estimator.coef_).T.astype(float)
        if not self.estimator.fit_intercept:
            return V
        b = np.broadcast_to(self.estimator.intercept_, (1, V.shape[1]))
        return np.vstack([V, b + self.fold.features.mean @ V])

    @cached_property
    def _newton(self) -> Newton:
        fold, V = self.fold, self._V
        newton = Newton(fold.features, fold.factor, self.training, V)
        if not (newton.converged or self.training.l1.any()):
            newton = Newton(fold.features, fold.factor, self.training, np.zeros_like(V))
        return newton

    def _solve(self, dw: np.ndarray) -> np.ndarray:
        if not self._newton.converged:
            raise hg.NotDifferentiableError(
                f"Newton's method does not converge for {self.fold.problem.estimator!r}: its "
                "training problem has no solution, or is too ill-conditioned. Scale the features, "
                "or increase the penalty."
            )
        if not self._newton.is_determined:
            raise hg.NotDifferentiableError(
                f"The solution of {self.fold.problem.estimator!r} is not accurate enough to "
                "determine the samples with loss 0, on which the derivative depends: scale the "
                "features, or increase the penalty."
            )
        U = self._newton.solve(dw)
        if U is None:
            raise hg.NotDifferentiableError(
                f"Conjugate gradients do not converge for {self.fold.problem.estimator!r}: scale "
                "the features."
            )
        return U

    def _cross(self, u: np.ndarray, want: hg.Want) -> hg.Cotangents:
        t, at, design = self.training, self._newton.at, self.fold.features.design
        gradient = {name: by(u, at.V) for name, by in t.by.items()}
        if t.family.by:
            s = t.scale * t.weights * design.apply(u)
        for name, slope_by in t.family.by.items():
            gradient[name] = float((s * slope_by(t.y, at.z)).sum())
        if not want.data or design.dense is None:
            return hg.Cotangents(gradient)
        p = self.fold.n_features
        curved = at.curvature_times(design.apply(u))
        return hg.Cotangents(gradient, curved @ at.V[:p].T + at.residuals @ u[:p].T)
