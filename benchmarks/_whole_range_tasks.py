"""Tasks of ``whole_range.py``: one or two hyperparameters, raw and scaled data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_friedman1,
    make_moons,
    make_regression,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

MSE, LOG_LOSS, R2 = "neg_mean_squared_error", "neg_log_loss", "r2"
_LOG = "log-uniform"


@dataclass
class Task:
    """A search, to be compared with a grid over the same box.

    Attributes
    ----------
    data : callable
        ``data(rng)``, X and y.
    ranges : dict
        (low, high, prior) of each hyperparameter.
    tight : dict
        Settings with which scikit-learn's solver is close to the solution.
    """

    what: str
    data: Callable[[np.random.Generator], tuple]
    estimator: Any
    ranges: dict[str, tuple]
    scoring: str = MSE
    tight: dict = field(default_factory=dict)


def _part(X, y, n, rng):
    rows = rng.permutation(len(y))[:n]
    return X[rows], y[rows]


def diabetes(rng, n=150):
    return _part(*load_diabetes(return_X_y=True), n, rng)


def unscaled_diabetes(rng, n=150):
    """In mmHg, mg/dl and so on."""
    return _part(*load_diabetes(return_X_y=True, scaled=False), n, rng)


def alcohol(rng, n=120):
    """Of the wine data, from the other columns: scales from 0.1 to 300."""
    X = load_wine().data
    return _part(X[:, 1:], X[:, 0], n, rng)


def radius(rng, n=150):
    """A column of the breast cancer data that the others determine but for 1e-2."""
    X = load_breast_cancer().data
    return _part(X[:, 1:], X[:, 0], n, rng)


def two_wines(rng, n=90):
    X, y = load_wine(return_X_y=True)
    return _part(X[y < 2], y[y < 2], n, rng)


def cancer(rng, n=150):
    return _part(*load_breast_cancer(return_X_y=True), n, rng)


def setosa(rng):
    X, y = load_iris(return_X_y=True)
    return X, (y == 0).astype(int)


def linear(n=100, p=60, n_relevant=60, noise=1.0, scale=1.0):
    """A linear target of equal weights, in units of `scale`."""

    def data(rng):
        X = rng.standard_normal((n, p))
        w = np.zeros(p)
        w[:n_relevant] = rng.standard_normal(n_relevant)
        signal = X @ w
        spread = signal.std() if n_relevant else 1.0
        return X, scale * (signal + noise * spread * rng.standard_normal(n))

    return data


def regression(noise, n_features=50, n_informative=50):
    """scikit-learn's, with a target in the hundreds."""

    def data(rng):
        seed = int(rng.integers(2**31))
        return make_regression(
            120, n_features, n_informative=n_informative, noise=noise, random_state=seed
        )

    return data


def labels(n=100, p=30, n_relevant=30, noise=1.0):
    def data(rng):
        X, y = linear(n, p, n_relevant, noise)(rng)
        return X, (y > 0).astype(int)

    return data


def waves(slow, fast, share, n=150, noise=0.1):
    """One feature; a slow wave and a fast one that only a narrow kernel can follow."""

    def data(rng):
        x = rng.random(n)
        y = np.sin(2 * np.pi * slow * x) + share * np.sin(2 * np.pi * fast * x)
        return x[:, None], y + noise * rng.standard_normal(n)

    return data


def friedman(rng, n=120):
    return make_friedman1(n, 6, noise=0.5, random_state=int(rng.integers(2**31)))


def moons(rng, n=120):
    return make_moons(n, noise=0.3, random_state=int(rng.integers(2**31)))


def counts(rng, n=120):
    X = rng.standard_normal((n, 20))
    return X, rng.poisson(np.exp(0.5 + X @ rng.standard_normal(20) / 8)).astype(float)


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def powers(degree, estimator):
    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(degree, include_bias=False),
        StandardScaler(),
        estimator,
    )


def by(name, low, high, prior=_LOG):
    return {name: (low, high, prior)}


def _rbf_ridge(**params):
    return KernelRidge(kernel="rbf", **params)


ALPHA, C, GAMMA = by("alpha", 1e-4, 1e4), by("C", 1e-4, 1e4), by("gamma", 1e-4, 1e4)
PATH = {"tol": 1e-8, "max_iter": 100_000}
# Searches choose by scikit-learn's own scores, and so do grids: at the default tolerances of
# lbfgs and coordinate descent they are off by more than what is compared.
_LOGISTIC = LogisticRegression(solver="newton-cholesky", tol=1e-8, max_iter=1000)


def inside(prefix, params):
    return {f"{prefix}__{name}": value for name, value in params.items()}


def _tasks():
    lasso = inside("lasso", PATH)
    ridge_alpha = by("ridge__alpha", 1e-6, 1e6)
    gp = GaussianProcessRegressor(RBF(1.0), alpha=0.1, optimizer=None, normalize_y=True)
    nystroem = Nystroem(gamma=0.1, n_components=40, random_state=0)
    net = by("alpha", 1e-4, 1e2) | by("l1_ratio", 0.01, 1.0, "uniform")
    scaled_net = by("elasticnet__alpha", 1e-4, 1e2) | by(
        "elasticnet__l1_ratio", 0.01, 1.0, "uniform"
    )
    return [
        # ---- penalties
        Task("ridge, diabetes", diabetes, Ridge(), ALPHA),
        Task("ridge, diabetes unscaled", unscaled_diabetes, Ridge(), by("alpha", 1e-6, 1e6)),
        Task("ridge, squares of diabetes", diabetes, powers(2, Ridge()), ridge_alpha, R2),
        Task("ridge, more features than samples", linear(60, 150, 150), Ridge(), ALPHA, R2),
        Task("ridge, hardly any noise", linear(100, 40, 40, 1e-3), Ridge(), by("alpha", 1e-8, 1e6)),
        Task("ridge, nothing but noise", linear(60, 30, 0), Ridge(), by("alpha", 1e-4, 1e6)),
        Task("ridge, radius unscaled", radius, Ridge(), by("alpha", 1e-8, 1e6)),
        Task(
            "lasso, target in hundreds",
            regression(1.0),
            Lasso(**PATH),
            by("alpha", 1e-3, 1e3),
            MSE,
            PATH,
        ),
        Task(
            "lasso, more noise", regression(50.0), Lasso(**PATH), by("alpha", 1e-3, 1e3), R2, PATH
        ),
        Task(
            "lasso, few relevant",
            linear(80, 200, 5, 0.5),
            Lasso(**PATH),
            by("alpha", 1e-2, 1e2),
            MSE,
            PATH,
        ),
        Task(
            "lasso, nothing but noise",
            linear(60, 30, 0),
            Lasso(**PATH),
            by("alpha", 1e-4, 1e2),
            MSE,
            PATH,
        ),
        Task("lasso, diabetes", diabetes, Lasso(**PATH), by("alpha", 1e-4, 1e2), R2, PATH),
        Task("lasso, alcohol unscaled", alcohol, Lasso(**PATH), by("alpha", 1e-4, 1e3), MSE, PATH),
        Task(
            "lasso, squares of diabetes",
            diabetes,
            powers(2, Lasso(**PATH)),
            by("lasso__alpha", 1e-2, 1e2),
            MSE,
            lasso,
        ),
        Task(
            "elastic net, target in thousands",
            linear(100, 40, 40, 0.01, 1e3),
            ElasticNet(l1_ratio=0.5, **PATH),
            by("alpha", 1e-5, 1e3),
            MSE,
            PATH,
        ),
        Task(
            "Poisson, counts",
            counts,
            PoissonRegressor(),
            by("alpha", 1e-5, 1e3),
            "neg_mean_poisson_deviance",
            {"tol": 1e-8, "max_iter": 10_000},
        ),
        Task(
            "Huber, scaled diabetes",
            diabetes,
            scaled(HuberRegressor(max_iter=1000)),
            by("huberregressor__alpha", 1e-4, 1e4),
            MSE,
            inside("huberregressor", {"tol": 1e-7}),
        ),
        # ---- logistic regression and support vector machines
        Task(
            "logistic, scaled cancer",
            cancer,
            scaled(_LOGISTIC),
            by("logisticregression__C", 1e-4, 1e4),
            LOG_LOSS,
        ),
        Task(
            "logistic, scaled wine",
            two_wines,
            scaled(_LOGISTIC),
            by("logisticregression__C", 1e-4, 1e6),
            LOG_LOSS,
        ),
        Task("logistic, separable", setosa, _LOGISTIC, C, LOG_LOSS),
        Task("logistic, nothing but noise", labels(100, 10, 0), _LOGISTIC, C, LOG_LOSS),
        Task(
            "logistic, plateau at the end",
            labels(300, 5, 5, 1.0),
            _LOGISTIC,
            by("C", 1e-5, 1e7),
            LOG_LOSS,
        ),
        Task(
            "logistic, few samples",
            labels(60, 20, 20, 1.0),
            _LOGISTIC,
            by("C", 1e-6, 1e6),
            "neg_brier_score",
        ),
        Task(
            "LinearSVC, scaled cancer",
            cancer,
            scaled(LinearSVC()),
            by("linearsvc__C", 1e-5, 1e2),
            "accuracy",
            inside("linearsvc", {"tol": 1e-8, "max_iter": 1_000_000}),
        ),
        Task(
            "SVC, moons by C", moons, SVC(gamma=1.0), by("C", 1e-3, 1e3), "accuracy", {"tol": 1e-7}
        ),
        Task(
            "SVR, diabetes by C",
            diabetes,
            scaled(SVR()),
            by("svr__C", 1e-3, 1e4),
            R2,
            {"svr__tol": 1e-7},
        ),
        # ---- width of a kernel
        Task(
            "kernel ridge, two waves",
            waves(1, 12, 0.4),
            _rbf_ridge(alpha=0.1),
            by("gamma", 1e-2, 1e5),
        ),
        Task(
            "kernel ridge, fast wave",
            waves(1, 20, 1.0),
            _rbf_ridge(alpha=0.01),
            by("gamma", 1e-3, 1e6),
            R2,
        ),
        Task(
            "kernel ridge, little noise",
            waves(1, 5, 0.3, 80, 0.01),
            _rbf_ridge(alpha=1e-3),
            by("gamma", 1e-3, 1e5),
        ),
        Task("kernel ridge, Friedman", friedman, _rbf_ridge(alpha=0.1), GAMMA),
        Task(
            "kernel ridge by alpha, waves",
            waves(1, 8, 0.5),
            _rbf_ridge(gamma=100.0),
            by("alpha", 1e-8, 1e3),
        ),
        Task(
            "kernel ridge, alcohol unscaled",
            alcohol,
            scaled(_rbf_ridge(alpha=0.01)),
            by("kernelridge__gamma", 1e-5, 1e3),
        ),
        Task(
            "SVR, two waves by gamma",
            waves(1, 10, 0.5),
            SVR(C=10.0),
            by("gamma", 1e-2, 1e5),
            MSE,
            {"tol": 1e-7},
        ),
        Task(
            "GP, two waves by length", waves(1, 12, 0.4), gp, by("kernel__length_scale", 1e-3, 1e2)
        ),
        Task("GP, Friedman by length", friedman, gp, by("kernel__length_scale", 1e-2, 1e3), R2),
        Task(
            "Nystroem and ridge by gamma",
            diabetes,
            make_pipeline(StandardScaler(), nystroem, Ridge()),
            by("nystroem__gamma", 1e-5, 1e2),
        ),
        # ---- two hyperparameters
        Task(
            "kernel ridge, 2-D, scaled diabetes",
            diabetes,
            scaled(_rbf_ridge()),
            by("kernelridge__alpha", 1e-4, 1e2) | by("kernelridge__gamma", 1e-5, 1e1),
        ),
        Task(
            "kernel ridge, 2-D, two waves",
            waves(1, 12, 0.4),
            _rbf_ridge(),
            by("alpha", 1e-6, 1e2) | by("gamma", 1e-2, 1e5),
            R2,
        ),
        Task(
            "kernel ridge, 2-D, alcohol unscaled",
            alcohol,
            _rbf_ridge(),
            by("alpha", 1e-6, 1e2) | by("gamma", 1e-8, 1e1),
        ),
        Task(
            "kernel ridge (poly), 2-D, Friedman",
            friedman,
            KernelRidge(kernel="poly", gamma=0.1),
            by("alpha", 1e-4, 1e4) | by("gamma", 1e-3, 1e1),
        ),
        Task(
            "GP, 2-D, two waves",
            waves(1, 12, 0.4),
            gp,
            by("kernel__length_scale", 1e-3, 1e2) | by("alpha", 1e-4, 1e1),
        ),
        Task(
            "GP, 2-D, Friedman",
            friedman,
            gp,
            by("kernel__length_scale", 1e-2, 1e3) | by("alpha", 1e-6, 1e1),
            R2,
        ),
        Task(
            "SVR, 2-D, scaled diabetes",
            diabetes,
            scaled(SVR()),
            by("svr__C", 1e-2, 1e4) | by("svr__gamma", 1e-5, 1e1),
            R2,
            {"svr__tol": 1e-7},
        ),
        Task(
            "SVC, 2-D, moons",
            moons,
            SVC(gamma=1.0),
            by("C", 1e-2, 1e3) | by("gamma", 1e-3, 1e2),
            "accuracy",
            {"tol": 1e-7},
        ),
        Task(
            "elastic net, 2-D, target in hundreds",
            regression(10.0),
            ElasticNet(**PATH),
            net,
            MSE,
            PATH,
        ),
        Task(
            "elastic net, 2-D, scaled diabetes",
            diabetes,
            scaled(ElasticNet(**PATH)),
            scaled_net,
            R2,
            inside("elasticnet", PATH),
        ),
        Task(
            "elastic net, 2-D, few relevant",
            linear(80, 40, 5, 0.5),
            ElasticNet(**PATH),
            net,
            MSE,
            PATH,
        ),
        Task(
            "Nystroem and ridge, 2-D, Friedman",
            friedman,
            make_pipeline(StandardScaler(), nystroem, Ridge()),
            by("nystroem__gamma", 1e-5, 1e2) | by("ridge__alpha", 1e-6, 1e2),
        ),
        Task(
            "Nystroem and logistic, 2-D, moons",
            moons,
            make_pipeline(nystroem, _LOGISTIC),
            by("nystroem__gamma", 1e-3, 1e2) | by("logisticregression__C", 1e-3, 1e4),
            LOG_LOSS,
        ),
        Task(
            "random features and ridge, 2-D, waves",
            waves(1, 12, 0.4),
            make_pipeline(RBFSampler(gamma=1.0, n_components=100, random_state=0), Ridge()),
            by("rbfsampler__gamma", 1e-2, 1e5) | by("ridge__alpha", 1e-6, 1e2),
        ),
    ]


TASKS = {task.what: task for task in _tasks()}
