"""Data, estimators and rivals of ``gradient_search.py``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.feature_selection import VarianceThreshold
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskElasticNet,
    MultiTaskLasso,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

MSE, LOG_LOSS = "neg_mean_squared_error", "neg_log_loss"


def standardised(X):
    return StandardScaler().fit_transform(X)


def folds(y, n_splits=5):
    """The folds that all searches of a task get."""
    classes = y.dtype.kind != "f"
    splitter = (StratifiedKFold if classes else KFold)(n_splits, shuffle=True, random_state=0)
    return list(splitter.split(np.zeros((len(y), 1)), y))


def alpha_max(X, y):
    """The least penalty with which a lasso has no feature, on centred data."""
    slopes = X.T @ (y - y.mean(axis=0)).reshape(len(y), -1)
    return float(np.linalg.norm(slopes, axis=1).max() / len(y))


def wide(n_relevant, noise, seed=0):
    """500 x 1000, neighbouring features correlated by 0.5; the target has unit variance."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((500, 1000))
    for j in range(1, 1000):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    w = np.zeros(1000)
    w[rng.choice(1000, n_relevant, replace=False)] = rng.standard_normal(n_relevant)
    y = X @ w
    y += noise * y.std() * rng.standard_normal(500)
    return X, (y - y.mean()) / y.std()


def text_like(n=5000, p=20000, kind="real", seed=0):
    """Rows of 120 words drawn by Zipf's law, log counts times idf, of unit length: 0.5 %."""
    rng = np.random.default_rng(seed)
    popularity = 1 / (np.arange(p) + 50.0)
    words = rng.choice(p, size=(n, 120), p=popularity / popularity.sum())
    rows = np.repeat(np.arange(n), 120)
    counts = sparse.csr_matrix((np.ones(n * 120), (rows, words.ravel())), shape=(n, p))
    counts.sum_duplicates()
    idf = np.log((1 + n) / (1 + np.bincount(counts.indices, minlength=p))) + 1
    counts.data = np.log1p(counts.data) * idf[counts.indices]
    length = np.sqrt(counts.multiply(counts).sum(axis=1)).A1
    X = sparse.csr_matrix(sparse.diags(1 / length) @ counts)
    w = rng.standard_normal(p) * (rng.random(p) < 0.02) * idf.max()
    signal = X @ w
    signal = (signal - signal.mean()) / signal.std()
    if kind == "real":
        y = signal + 0.5 * rng.standard_normal(n)
        return X, (y - y.mean()) / y.std()
    return X, (1.5 * signal + rng.logistic(size=n) > 0).astype(int)


def diabetes(squares=False):
    X, y = load_diabetes(return_X_y=True)
    X = standardised(X)
    if squares:
        X = standardised(PolynomialFeatures(2, include_bias=False).fit_transform(X))
        X = VarianceThreshold(1e-12).fit_transform(X)
    return X, (y - y.mean()) / y.std()


# ---- targets 3 and 4: searches


@dataclass
class Rival:
    """A search to compare with.

    Attributes
    ----------
    make : callable
        ``make(seed, splits)``, the unfitted search.
    params : callable
        From the fitted search to what it found.
    """

    make: Callable[[int, list], Any]
    params: Callable[[Any], dict]


@dataclass
class SearchTask:
    """A search to be made by everybody.

    Attributes
    ----------
    bars : dict
        From a rival to the largest share of its CPU time that is allowed.
    tight : dict
        Settings of the estimator with which what was found is scored.
    options : dict
        Of GradientSearchCV, where its defaults do not end in minutes.
    """

    what: str
    data: Callable[[], tuple]
    estimator: Any
    space: Callable[[Any, Any], dict]
    scoring: str
    rivals: Callable[[Any, Any], dict[str, Rival]]
    bars: dict[str, float]
    tight: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    repeats: int = 3


def grid_of(estimator, space, sizes, scoring):
    """GridSearchCV over the box of a space, evenly on each axis."""

    def axis(low, high, prior, size):
        spaced = np.geomspace if prior == "log-uniform" else np.linspace
        return spaced(low, high, size)

    grid = {n: axis(*box, size) for (n, box), size in zip(space.items(), sizes, strict=True)}
    return Rival(
        lambda seed, splits: GridSearchCV(estimator, grid, scoring=scoring, cv=splits),
        lambda search: search.best_params_,
    )


def skopt_of(estimator, space, scoring, n_iter=30):
    def make(seed, splits):
        import skopt

        return skopt.BayesSearchCV(
            estimator, dict(space), n_iter=n_iter, scoring=scoring, cv=splits, random_state=seed
        )

    return Rival(make, lambda search: dict(search.best_params_))


def own_cv(make, *names):
    """A class of scikit-learn's that searches by itself."""

    def params(search):
        return {name: float(np.ravel(getattr(search, name + "_"))[0]) for name in names}

    return Rival(make, params)


def ridge_rivals(X, y):
    alphas = np.geomspace(1e-2, 1e5, 100)
    make = lambda seed, splits: RidgeCV(alphas=alphas, cv=splits, scoring=MSE)  # noqa: E731
    return {"RidgeCV(cv=5)": own_cv(make, "alpha")}


def lasso_space(X, y):
    return {"alpha": (1e-3 * alpha_max(X, y), alpha_max(X, y), "log-uniform")}


def lasso_rivals(X, y):
    rivals = {"LassoCV": own_cv(lambda seed, splits: LassoCV(cv=splits), "alpha")}
    if not sparse.issparse(X):
        rivals["GridSearchCV(100)"] = grid_of(Lasso(), lasso_space(X, y), [100], MSE)
    return rivals


def logistic_rivals(X, y):
    def with_grid(Cs):
        def make(seed, splits):
            return LogisticRegressionCV(
                Cs=Cs, cv=splits, scoring=LOG_LOSS, max_iter=1000, use_legacy_attributes=False
            )

        return own_cv(make, "C")

    # Its default is too coarse for the loss that is asked for; 100 values are GridSearchCV's.
    rivals = {
        "LogisticRegressionCV": with_grid(10),
        "LogisticRegressionCV(Cs=100)": with_grid(100),
    }
    if not sparse.issparse(X):
        grid = grid_of(LogisticRegression(max_iter=1000), C_SPACE, [100], LOG_LOSS)
        rivals["GridSearchCV(100)"] = grid
    return rivals


def net_space(X, y):
    return {**lasso_space(X, y), "l1_ratio": (0.05, 1.0, "uniform")}


def net_rivals(X, y):
    ratios = np.linspace(0.05, 1, 10)
    make = lambda seed, splits: ElasticNetCV(l1_ratio=ratios, cv=splits)  # noqa: E731
    grid = grid_of(ElasticNet(), net_space(X, y), [10, 10], MSE)
    return {"ElasticNetCV": own_cv(make, "alpha", "l1_ratio"), "GridSearchCV(100)": grid}


def kernel_rivals(estimator, space, sizes):
    def rivals(X, y):
        return {
            "GridSearchCV(100)": grid_of(estimator, space, sizes, MSE),
            "skopt(30)": skopt_of(estimator, space, MSE),
        }

    return rivals


C_SPACE = {"C": (1e-4, 1e4, "log-uniform")}
KERNEL_SPACE = {"alpha": (1e-4, 1e2, "log-uniform"), "gamma": (1e-5, 1e1, "log-uniform")}
SVR_SPACE = {
    "C": (1e-2, 1e3, "log-uniform"),
    "gamma": (1e-4, 1e0, "log-uniform"),
    "epsilon": (1e-2, 1e0, "log-uniform"),
}
PATH = {"tol": 1e-10, "max_iter": 1_000_000}

FEW = {
    "Ridge 500x1000": SearchTask(
        "Ridge by alpha, 500 x 1000; RidgeCV with 100 penalties",
        lambda: wide(300, 1.0),
        Ridge(),
        lambda X, y: {"alpha": (1e-2, 1e5, "log-uniform")},
        MSE,
        ridge_rivals,
        {"RidgeCV(cv=5)": 1 / 30},
    ),
    "Lasso 500x1000": SearchTask(
        "Lasso by alpha, 500 x 1000, 30 relevant features; LassoCV with its 100 penalties",
        lambda: wide(30, 0.2),
        Lasso(),
        lasso_space,
        MSE,
        lasso_rivals,
        {"LassoCV": 0.5, "GridSearchCV(100)": 0.1},
        PATH,
    ),
    "Lasso, sparse": SearchTask(
        "Lasso by alpha, sparse text-like 5000 x 20000; LassoCV with its 100 penalties",
        lambda: text_like(kind="real"),
        Lasso(),
        lasso_space,
        MSE,
        lasso_rivals,
        {"LassoCV": 0.5},
        {"tol": 1e-7, "max_iter": 1_000_000},
        repeats=1,
    ),
    "LogisticRegression": SearchTask(
        "LogisticRegression by C, breast cancer (standardised); Cs=10 by default, and 100",
        lambda: (standardised(load_breast_cancer().data), load_breast_cancer().target),
        LogisticRegression(max_iter=1000),
        lambda X, y: C_SPACE,
        LOG_LOSS,
        logistic_rivals,
        {
            "LogisticRegressionCV": 0.5,
            "LogisticRegressionCV(Cs=100)": 0.5,
            "GridSearchCV(100)": 0.1,
        },
        {"tol": 1e-10, "solver": "newton-cholesky"},
    ),
    "LogisticRegression, sparse": SearchTask(
        "LogisticRegression by C, sparse text-like 5000 x 20000; Cs=10 by default, and 100",
        lambda: text_like(kind="binary"),
        LogisticRegression(max_iter=1000),
        lambda X, y: C_SPACE,
        LOG_LOSS,
        logistic_rivals,
        {"LogisticRegressionCV": 0.5, "LogisticRegressionCV(Cs=100)": 0.5},
        {"tol": 1e-9, "max_iter": 10_000},
    ),
    "ElasticNet, 2-D": SearchTask(
        "ElasticNet by alpha and l1_ratio, diabetes with squares; 10 ratios; 10 x 10 grid",
        lambda: diabetes(squares=True),
        ElasticNet(),
        net_space,
        MSE,
        net_rivals,
        {"ElasticNetCV": 0.5, "GridSearchCV(100)": 0.1},
        PATH,
    ),
}
KERNELS = {
    "KernelRidge, 2-D": SearchTask(
        "KernelRidge (rbf) by alpha and gamma, diabetes; 10 x 10 grid",
        diabetes,
        KernelRidge(kernel="rbf"),
        lambda X, y: KERNEL_SPACE,
        MSE,
        kernel_rivals(KernelRidge(kernel="rbf"), KERNEL_SPACE, [10, 10]),
        {"GridSearchCV(100)": 0.2},
    ),
    "SVR, 3-D": SearchTask(
        "SVR (rbf) by C, gamma and epsilon, diabetes; 5 x 5 x 4 grid",
        diabetes,
        SVR(),
        lambda X, y: SVR_SPACE,
        MSE,
        kernel_rivals(SVR(), SVR_SPACE, [5, 5, 4]),
        {"GridSearchCV(100)": 0.2},
        {"tol": 1e-6},
    ),
}


# ---- target 2: value and gradient


def grouped(estimator, n_groups, size):
    """A pipeline that weighs groups of features; ``transformer_weights`` are tuned."""
    names = [f"g{i}" for i in range(n_groups)]
    groups = ColumnTransformer(
        [(g, "passthrough", slice(i * size, (i + 1) * size)) for i, g in enumerate(names)],
        transformer_weights=dict.fromkeys(names, 1.0),
    )
    return make_pipeline(groups, estimator)


def united(estimator, n_maps):
    """A pipeline with a union of maps; ``transformer_weights`` are tuned."""
    names = [f"m{i}" for i in range(n_maps)]
    maps = [(name, FunctionTransformer(_Columns(i))) for i, name in enumerate(names)]
    union = FeatureUnion(maps, transformer_weights=dict.fromkeys(names, 1.0))
    return make_pipeline(union, estimator)


@dataclass
class _Columns:
    """Takes some columns."""

    i: int

    def __call__(self, X):
        return X[:, 5 * self.i : 5 * self.i + 5]


@dataclass
class CostTask:
    """An estimator whose value and gradient is compared with its value.

    Attributes
    ----------
    values : callable
        ``values(rng)``, settings of the hyperparameters, one at a time.
    """

    what: str
    data: Callable[[], tuple]
    estimator: Any
    name: str
    ranges: tuple
    scoring: str
    values: Callable[[np.random.Generator], Any]
    bar: float = 1.5


def log_normal(centre, spread=1.0):
    return lambda rng: float(centre * 10 ** (spread * (rng.random() - 0.5)))


def weights_of(prefix, n):
    return lambda rng: {f"{prefix}{i}": float(10 ** (rng.random() - 0.5)) for i in range(n)}


def blobs(n, p, kind="real", seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    y = X @ (rng.standard_normal(p) * rng.random(p) ** 2)
    y = y / y.std() + 0.5 * rng.standard_normal(n)
    return X, y if kind == "real" else (y > 0).astype(int)


_COLUMN_WEIGHTS = "columntransformer__transformer_weights"
_UNION_WEIGHTS = "featureunion__transformer_weights"
_LOG = "log-uniform"
COSTS = {
    "Ridge, 1": CostTask(
        "Ridge by alpha, 1000 x 300", lambda: blobs(1000, 300), Ridge(), "alpha",
        (1e-3, 1e5, _LOG), MSE, log_normal(30, 2),
    ),
    "LogisticRegression, 1": CostTask(
        "LogisticRegression by C, 1000 x 100", lambda: blobs(1000, 100, "binary"),
        LogisticRegression(max_iter=1000), "C", (1e-4, 1e4, _LOG), LOG_LOSS, log_normal(0.3, 2),
    ),
    "ElasticNet, 1": CostTask(
        "ElasticNet by alpha, 1000 x 300", lambda: blobs(1000, 300), ElasticNet(), "alpha",
        (1e-4, 1e1, _LOG), MSE, log_normal(0.03, 1.5),
    ),
    "KernelRidge, 1": CostTask(
        "KernelRidge (rbf) by gamma, 600 x 20", lambda: blobs(600, 20),
        KernelRidge(alpha=0.1, kernel="rbf"), "gamma", (1e-4, 1e1, _LOG), MSE,
        log_normal(0.02, 2), 1.8,
    ),
    "SVR, 1": CostTask(
        "SVR (rbf) by gamma, 600 x 20", lambda: blobs(600, 20), SVR(), "gamma",
        (1e-4, 1e1, _LOG), MSE, log_normal(0.02, 2),
    ),
    "Ridge, 200": CostTask(
        "Ridge after a ColumnTransformer with 200 weights of groups of 5, 800 x 1000",
        lambda: blobs(800, 1000), grouped(Ridge(10.0), 200, 5), _COLUMN_WEIGHTS,
        (1e-2, 1e2, _LOG), MSE, weights_of("g", 200),
    ),
    "LogisticRegression, 200": CostTask(
        "LogisticRegression after a ColumnTransformer with 200 weights of pairs, 2000 x 400",
        lambda: blobs(2000, 400, "binary"), grouped(LogisticRegression(max_iter=1000), 200, 2),
        _COLUMN_WEIGHTS, (1e-2, 1e2, _LOG), LOG_LOSS, weights_of("g", 200),
    ),
    "Ridge after a union, 200": CostTask(
        "Ridge after a FeatureUnion with 200 weights of groups of 5, 800 x 1000",
        lambda: blobs(800, 1000), united(Ridge(10.0), 200), _UNION_WEIGHTS,
        (1e-2, 1e2, _LOG), MSE, weights_of("m", 200),
    ),
    "KernelRidge, 200": CostTask(
        "KernelRidge with an RBF kernel of 200 length-scales, 600 x 200", lambda: blobs(600, 200),
        KernelRidge(alpha=0.1, kernel=RBF(np.ones(200))), "kernel__length_scale",
        (1e-1, 1e3, _LOG), MSE, lambda rng: 15 * 10 ** (rng.random(200) - 0.5), 1.8,
    ),
}  # fmt: skip


# ---- target 1: coverage


@dataclass
class CoverageRow:
    """An estimator whose gradient is checked.

    Attributes
    ----------
    make : callable
        ``make(alpha_max, y_scale)``, the estimator.
    weight : str or None
        Name of the sample weights in ``fit``.
    exact : bool
        Whether scikit-learn's own solver is precise enough for differences of its fits.
    why : str
        Why it is not.
    """

    make: Callable[[float, float], Any]
    kind: str
    scoring: str | None = None
    weight: str | None = "sample_weight"
    exact: bool = True
    why: str = ""
    p: int = 8


LIBSVM = "libsvm keeps its kernel matrix in single precision"
LIBLINEAR = "liblinear's coordinate descent stops early"
LBFGS = "its L-BFGS stops with some 1e-4 of the solution to go"


def logistic(**settings):
    return lambda m, s: LogisticRegression(**{"C": 0.7, **settings})


def gp_kernel(m, s):
    return GaussianProcessRegressor(
        RBF(np.linspace(1, 3, 8)) + WhiteKernel(0.3), alpha=0.1, optimizer=None, normalize_y=True
    )


def weighted_union(m, s):
    maps = [("a", StandardScaler()), ("b", Nystroem(gamma=0.05, n_components=15, random_state=0))]
    return make_pipeline(FeatureUnion(maps, transformer_weights={"a": 0.8, "b": 1.5}), Ridge(2.0))


def weighted_columns(m, s):
    groups = [("a", StandardScaler(), slice(0, 4)), ("b", "passthrough", slice(4, 8))]
    weights = {"a": 0.7, "b": 1.3}
    return make_pipeline(
        ColumnTransformer(groups, transformer_weights=weights), LogisticRegression()
    )


def transformed_target(m, s):
    return TransformedTargetRegressor(Ridge(2.0), func=np.log1p, inverse_func=np.expm1)


def _net(cls, factor, **settings):
    return lambda m, s: cls(alpha=factor * m, **settings)


def _scaled(last):
    """After a StandardScaler: kernels and the squared loss depend on the scale of data."""
    return lambda m, s: make_pipeline(StandardScaler(), last)


COVERAGE = {
    "Ridge": CoverageRow(lambda m, s: Ridge(2.0), "real"),
    "Ridge, more features than samples": CoverageRow(lambda m, s: Ridge(2.0), "real", p=150),
    "RidgeClassifier": CoverageRow(lambda m, s: RidgeClassifier(2.0), "classes"),
    "Lasso": CoverageRow(_net(Lasso, 0.05), "real"),
    "ElasticNet": CoverageRow(_net(ElasticNet, 0.1, l1_ratio=0.6), "real"),
    "MultiTaskLasso": CoverageRow(_net(MultiTaskLasso, 0.1), "outputs", weight=None),
    "MultiTaskElasticNet": CoverageRow(
        _net(MultiTaskElasticNet, 0.1, l1_ratio=0.6), "outputs", weight=None
    ),
    "LogisticRegression": CoverageRow(logistic(), "binary", LOG_LOSS),
    "LogisticRegression, multinomial": CoverageRow(logistic(), "classes", LOG_LOSS),
    "LogisticRegression, l1": CoverageRow(
        logistic(l1_ratio=1.0, solver="liblinear"), "binary", LOG_LOSS
    ),
    "LogisticRegression, elastic net": CoverageRow(
        logistic(l1_ratio=0.4, solver="saga"), "binary", LOG_LOSS
    ),
    "LogisticRegression, multinomial elastic net": CoverageRow(
        logistic(l1_ratio=0.4, solver="saga"), "classes", LOG_LOSS
    ),
    "PoissonRegressor": CoverageRow(lambda m, s: PoissonRegressor(alpha=0.1), "count"),
    "GammaRegressor": CoverageRow(
        lambda m, s: GammaRegressor(alpha=0.1), "positive", "neg_mean_gamma_deviance"
    ),
    "TweedieRegressor": CoverageRow(
        lambda m, s: TweedieRegressor(power=1.5, alpha=0.1), "positive", MSE
    ),
    "HuberRegressor": CoverageRow(
        lambda m, s: HuberRegressor(alpha=5.0, epsilon=1.8, max_iter=10_000),
        "real", exact=False, why=LBFGS,
    ),
    "LinearSVC, squared hinge": CoverageRow(
        lambda m, s: LinearSVC(C=0.3), "binary", exact=False, why=LIBLINEAR
    ),
    "LinearSVR, squared": CoverageRow(
        lambda m, s: LinearSVR(loss="squared_epsilon_insensitive", C=0.7, epsilon=0.2 * s),
        "real", exact=False, why=LIBLINEAR,
    ),
    "KernelRidge": CoverageRow(
        _scaled(KernelRidge(alpha=0.5, kernel="rbf", gamma=0.1)), "real",
        weight="kernelridge__sample_weight",
    ),
    "KernelRidge, length-scales": CoverageRow(
        _scaled(KernelRidge(alpha=0.5, kernel=RBF(np.linspace(1, 4, 8)))), "real",
        weight="kernelridge__sample_weight",
    ),
    "GaussianProcessRegressor": CoverageRow(_scaled(gp_kernel(0, 0)), "real", weight=None),
    "SVC": CoverageRow(
        _scaled(SVC(C=2.5, gamma=0.1)), "binary", weight="svc__sample_weight",
        exact=False, why=LIBSVM,
    ),
    "SVR": CoverageRow(
        lambda m, s: make_pipeline(StandardScaler(), SVR(C=2.0 * s, gamma=0.1, epsilon=0.2 * s)),
        "real", weight="svr__sample_weight", exact=False, why=LIBSVM,
    ),
    "Nystroem, Ridge": CoverageRow(
        lambda m, s: make_pipeline(
            StandardScaler(), Nystroem(gamma=0.05, n_components=30, random_state=0), Ridge(0.5)
        ),
        "real", weight="ridge__sample_weight",
    ),
    "RBFSampler, LogisticRegression": CoverageRow(
        lambda m, s: make_pipeline(
            StandardScaler(), RBFSampler(gamma=0.05, random_state=0), LogisticRegression()
        ),
        "binary", LOG_LOSS, weight="logisticregression__sample_weight",
    ),
    "FeatureUnion weights, Ridge": CoverageRow(
        weighted_union, "real", weight="ridge__sample_weight"
    ),
    "ColumnTransformer weights, LogisticRegression": CoverageRow(
        weighted_columns, "binary", LOG_LOSS, weight="logisticregression__sample_weight"
    ),
    "TransformedTargetRegressor, Ridge": CoverageRow(transformed_target, "positive", MSE),
}  # fmt: skip


def random_data(row, scale, seed):
    """120 samples; `scale`: of all features, of each, of the target; and the target's own."""
    rng = np.random.default_rng(seed)
    n, p = 120, row.p
    X = rng.standard_normal((n, p))
    t = X @ rng.standard_normal(p)
    t = t / t.std() + 0.7 * rng.standard_normal(n)
    if scale == "features":
        X *= 10 ** rng.uniform(-1, 1, p)
    elif scale == "small":
        X *= 0.1
    size = 100.0 if scale == "target" and row.kind in ("real", "outputs") else 1.0
    y = {
        "real": lambda: size * t,
        "positive": lambda: np.exp(t / 2) * rng.gamma(3, 1 / 3, size=n),
        "count": lambda: rng.poisson(np.exp(t / 2)).astype(float),
        "binary": lambda: (t > 0.3).astype(int),
        "classes": lambda: np.digitize(t, np.quantile(t, [0.3, 0.6])),
        "outputs": lambda: size * (np.column_stack([t, t**2, -t]) + rng.standard_normal((n, 3))),
    }[row.kind]()
    weight = rng.random(n) + 0.2
    return X, y, weight, size
