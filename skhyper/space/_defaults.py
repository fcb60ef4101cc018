"""Search spaces to start from, for estimators that people use most.

One table a family of estimators: what is worth tuning, and between which ends. The tables are
short on purpose, as most hyperparameters of most estimators hardly matter. Ranges that depend
on the data (``gamma`` of a kernel, the penalty of a lasso) are measured on them where they are
given and reach the estimator unchanged, and are right for standardised data where not.

Classes are known by their names and packages, so that nothing is imported.

References
----------
Probst, Boulesteix, Bischl (2019), "Tunability", JMLR 20(53).
Grinsztajn, Oyallon, Varoquaux (2022), "Why do tree-based models still outperform deep learning
on typical tabular data?", NeurIPS.
Feurer et al. (2022), "Auto-Sklearn 2.0", JMLR 23(261).
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skhyper.space._choices import equal
from skhyper.space._conditions import When

__all__ = ["default_space"]

LOG = "log-uniform"
_PACKAGES = ("skhyper", "sklearn", "xgboost", "lightgbm", "catboost")
_SEARCHES = ("param_grid", "param_distributions", "search_spaces")


@dataclass(frozen=True)
class _Data:
    """What is known of the data that an estimator will see; None where it is not."""

    n: int | None = None
    p: int | None = None
    variance: float | None = None
    y_std: float | None = None
    alpha_max: float | None = None

    @classmethod
    def of(cls, X: Any, y: Any) -> "_Data":
        if X is None:
            return cls()
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        matrix, target = _as_floats(X, 2), _as_floats(y, 1)
        known = cls(n=n, y_std=None if target is None else _positive(target.std()))
        if matrix is None:
            return known
        known = replace(known, p=matrix.shape[1], variance=_positive(matrix.var()))
        if target is None:
            return known
        # Above it a lasso has no coefficient left.
        products = (matrix - matrix.mean(axis=0)).T @ (target - target.mean()) / n
        return replace(known, alpha_max=_positive(np.abs(products).max(initial=0.0)))

    def transformed(self) -> "_Data":
        """What is known of them behind a transformer."""
        return _Data(n=self.n, y_std=self.y_std)


def _as_floats(values: Any, ndim: int) -> np.ndarray | None:
    """The array of finite numbers that `values` are, None if they are none."""
    if values is None or (hasattr(values, "tocsr") and not isinstance(values, np.ndarray)):
        return None
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):  # text, categories, lists of unequal length
        return None
    return array if array.ndim == ndim and array.size and np.isfinite(array).all() else None


def _positive(value: Any) -> float | None:
    return float(value) if value > 0 else None


def _rounded(x: float) -> float:
    return float(f"{x:.1e}")


# A spec is a spelling of a dimension, or a function of the data and of the estimator's own
# settings that returns one, or None where there is none.
_Spec = Callable[[_Data, Mapping[str, Any]], Any]


def _up_to(low: int, high: int, share: float, prior: str = LOG) -> _Spec:
    """Whole numbers from `low` to `high`, or to a share of the number of samples."""

    def spec(data: _Data, own: Mapping[str, Any]) -> Any:
        top = high if data.n is None else min(high, int(share * data.n))
        return (low, top, prior) if top > low else None

    return spec


def _share(low: float) -> _Spec:
    """A share of the samples, so large that folds of small data still have enough."""

    def spec(data: _Data, own: Mapping[str, Any]) -> Any:
        least = low if data.n is None else max(low, min(0.6, 20 / data.n))
        return (_rounded(least), 1.0)

    return spec


def _gamma(data: _Data, own: Mapping[str, Any]) -> Any:
    """Around ``1 / (p var(X))``, which is scikit-learn's ``"scale"``."""
    if data.p is None or data.variance is None:
        return (1e-4, 1e1, LOG)
    scale = 1.0 / (data.p * data.variance)
    return (_rounded(1e-3 * scale), _rounded(1e2 * scale), LOG)


def _lasso_alpha(data: _Data, own: Mapping[str, Any]) -> Any:
    """Below the penalty that leaves nothing; for standardised features that is below std(y)."""
    top = data.alpha_max or data.y_std or 1.0
    top = top / max(own.get("l1_ratio", 1.0), 0.05) if data.alpha_max else top
    return (_rounded(1e-4 * top), _rounded(top), LOG)


def _lasso_weights(data: _Data, own: Mapping[str, Any]) -> Any:
    """Of each band, in units of `alpha`; one weight for all would only be another `alpha`."""
    several = own["bands"] is not None or np.ndim(own["l1_weights"]) > 0
    return (1e-2, 1e2, LOG) if several or isinstance(own["l1_weights"], dict) else None


def _strength_of_weights(data: _Data, own: Mapping[str, Any]) -> Any:
    """`alpha`, unless it is in the weights."""
    return None if _lasso_weights(data, own) else _lasso_alpha(data, own)


def _length_scales(data: _Data, own: Mapping[str, Any]) -> Any:
    """Around ``√(p / 2)`` standard deviations; to a hundred times that, which is none."""
    scale = math.sqrt((data.p or 2) / 2 * (data.variance or 1.0))
    return (_rounded(1e-1 * scale), _rounded(1e2 * scale), LOG)


def _alpha_of_network(data: _Data, own: Mapping[str, Any]) -> Any:
    """Ours is divided by the number of samples, scikit-learn's by that of a batch."""
    return (1e-5, 1e2, LOG) if "optimizer" in own else (1e-7, 1e-1, LOG)


def _first_rate(data: _Data, own: Mapping[str, Any]) -> Any:
    """`learning_rate` of our networks; scikit-learn's calls its schedule so."""
    if "optimizer" not in own:
        return None
    return (1e-4, 1e-1, LOG) if own["optimizer"] == "adam" else (1e-3, 1.0, LOG)


def _momentum(data: _Data, own: Mapping[str, Any]) -> Any:
    return (0.5, 0.99) if own.get("optimizer") == "momentum" else None


def _epsilon(data: _Data, own: Mapping[str, Any]) -> Any:
    scale = data.y_std or 1.0
    return (_rounded(1e-3 * scale), _rounded(scale), LOG)


def _ccp_alpha_of_regression(data: _Data, own: Mapping[str, Any]) -> Any:
    """In units of the squared error, so unknown where the target is."""
    if data.y_std is None:
        return None
    return (_rounded(1e-5 * data.y_std**2), _rounded(1e-1 * data.y_std**2), LOG)


def _clusters(low: int) -> _Spec:
    def spec(data: _Data, own: Mapping[str, Any]) -> Any:
        top = 20 if data.n is None else min(20, math.isqrt(data.n))
        return (low, top) if top > low else None

    return spec


def _mixing(data: _Data, own: Mapping[str, Any]) -> Any:
    """``l1_ratio`` of a logistic regression: only one solver can mix."""
    # Up to scikit-learn 1.7 it counts under one penalty; from 1.8 on there is no other switch.
    mixes = own.get("penalty", "deprecated") in ("elasticnet", "deprecated")
    return (0.0, 1.0) if own["solver"] == "saga" and mixes else None


def _penalty_strength(data: _Data, own: Mapping[str, Any]) -> Any:
    return None if own.get("penalty", "") is None else (1e-4, 1e4, LOG)


def _bootstrap(data: _Data, own: Mapping[str, Any]) -> Any:
    return None if own["oob_score"] else [True, False]  # which needs it


def _rounds(low: int, high: int, stopped_by: str) -> _Spec:
    """Number of boosting rounds, unless early stopping chooses it."""

    def spec(data: _Data, own: Mapping[str, Any]) -> Any:
        stops = own[stopped_by] not in (None, False, "auto")
        return None if stops else (low, high, LOG)

    return spec


def _kept_variance(data: _Data, own: Mapping[str, Any]) -> Any:
    counted = own["n_components"] is not None and not 0 < own["n_components"] < 1
    exact = own["svd_solver"] in ("auto", "full", "covariance_eigh")
    return (0.5, 0.999) if exact and not counted else None


def _n_selected(data: _Data, own: Mapping[str, Any]) -> Any:
    return (1, data.p, LOG) if data.p is not None and data.p > 1 else None


def _neighbors(data: _Data, own: Mapping[str, Any]) -> Any:
    return _up_to(1, 30 if data.n is None else 100, 1 / 3)(data, own)


def _isolation_samples(data: _Data, own: Mapping[str, Any]) -> Any:
    if data.n is None:
        return (0.1, 1.0)
    low, high = min(64, data.n // 4), min(data.n // 2, 1024)
    return (low, high, LOG) if 0 < low < high else None


def _rare_words(data: _Data, own: Mapping[str, Any]) -> Any:
    most = 10 if data.n is None else data.n / 20
    return [count for count in (1, 2, 5, 10) if count == 1 or count <= most]


_LAYERS = [(16,), (32,), (64,), (128,), (256,), (32, 32), (64, 64), (128, 128), (256, 256)]

_TREE = {
    "max_depth": (1, 30, LOG),
    "min_samples_split": _up_to(2, 128, 0.5),
    "min_samples_leaf": _up_to(1, 64, 0.25),
}
# More trees are never worse, only slower: their number is no matter of search.
_FOREST = {
    "max_features": (0.05, 1.0, LOG),
    "min_samples_leaf": _up_to(1, 50, 0.25),
    "bootstrap": _bootstrap,
    "max_samples": When(_share(0.3), bootstrap=True),
}
_BOOSTING = {"learning_rate": (5e-3, 0.3, LOG)}
# No choice of the kernel: a wide rbf is as good as linear (Keerthi and Lin, 2003), and a linear
# one with a large C on unscaled data takes a thousand times as long (breast cancer, C = 1e4:
# 22 s against 0.02 s).
_KERNEL_SVM = {
    "C": (1e-2, 1e4, LOG),
    "gamma": When(_gamma, kernel=["rbf", "poly", "sigmoid"]),
    "degree": When((2, 4), kernel="poly"),
    "coef0": When((0.0, 1.0), kernel=["poly", "sigmoid"]),
}
_SGD = {
    "alpha": (1e-7, 1e-1, LOG),
    "penalty": ["l2", "l1", "elasticnet"],
    "l1_ratio": When((0.0, 1.0), penalty="elasticnet"),
}
_NETWORK = {
    "hidden_layer_sizes": _LAYERS,
    "activation": ["relu", "tanh"],
    "alpha": _alpha_of_network,
    "learning_rate": _first_rate,
    "momentum": _momentum,
    "learning_rate_init": When((1e-4, 1e-1, LOG), solver=["sgd", "adam"]),
}
_COUNTS = {
    "ngram_range": [(1, 1), (1, 2), (1, 3)],
    "min_df": _rare_words,
    "max_df": (0.5, 1.0),
}

# Names of classes, and what is searched for them; parents stand before children.
_FAMILIES: list[tuple[str, dict[str, Any]]] = [
    # Linear models
    ("LogisticRegression", {"C": _penalty_strength, "l1_ratio": _mixing}),
    ("Ridge RidgeClassifier", {"alpha": (1e-4, 1e4, LOG)}),
    ("BandedRidge BandedLogisticRegression", {"alphas": (1e-3, 1e5, LOG)}),
    ("WeightedElasticNet", {"alpha": _strength_of_weights, "l1_weights": _lasso_weights}),
    ("Lasso LassoLars MultiTaskLasso", {"alpha": _lasso_alpha}),
    ("ElasticNet MultiTaskElasticNet", {"alpha": _lasso_alpha, "l1_ratio": (0.05, 1.0)}),
    ("HuberRegressor", {"epsilon": (1.05, 3.0), "alpha": (1e-6, 10.0, LOG)}),
    ("PoissonRegressor GammaRegressor TweedieRegressor", {"alpha": (1e-4, 1e2, LOG)}),
    (
        "SGDClassifier",
        {
            **_SGD,
            "learning_rate": ["optimal", "adaptive"],
            "eta0": When((1e-4, 1.0, LOG), learning_rate=["constant", "invscaling", "adaptive"]),
        },
    ),
    (
        "SGDRegressor",
        {
            **_SGD,
            "learning_rate": ["invscaling", "adaptive"],
            # Beyond it the squared loss of standardised data diverges.
            "eta0": When((1e-4, 5e-2, LOG), learning_rate=["constant", "invscaling", "adaptive"]),
        },
    ),
    ("PassiveAggressiveClassifier PassiveAggressiveRegressor", {"C": (1e-5, 10.0, LOG)}),
    # Kernels
    ("LinearSVC", {"C": (1e-4, 1e4, LOG)}),
    ("LinearSVR", {"C": (1e-4, 1e4, LOG), "epsilon": _epsilon}),
    ("SVC", _KERNEL_SVM),
    ("SVR", {**_KERNEL_SVM, "epsilon": _epsilon}),
    ("NuSVC NuSVR OneClassSVM", {k: v for k, v in _KERNEL_SVM.items() if k != "C"}),
    (
        "KernelRidge",
        {
            "alpha": (1e-6, 1e2, LOG),
            "kernel": ["linear", "rbf"],
            "gamma": When(_gamma, kernel=["rbf", "laplacian", "poly", "polynomial", "sigmoid"]),
        },
    ),
    (
        "ARDKernelRidge ARDKernelRidgeClassifier",
        {"alpha": (1e-4, 1e1, LOG), "length_scales": _length_scales},
    ),
    ("GaussianProcessRegressor", {"alpha": (1e-8, 1.0, LOG)}),
    # Neighbours, naive Bayes, discriminants
    (
        "KNeighborsClassifier KNeighborsRegressor",
        {
            "n_neighbors": _neighbors,
            "weights": ["uniform", "distance"],
            "p": When([1, 2], metric="minkowski"),
        },
    ),
    ("GaussianNB", {"var_smoothing": (1e-12, 1e-1, LOG)}),
    ("MultinomialNB BernoulliNB ComplementNB CategoricalNB", {"alpha": (1e-3, 1e2, LOG)}),
    (
        "LinearDiscriminantAnalysis",
        {
            "solver": ["svd", "lsqr"],
            "shrinkage": When((0.0, 1.0), solver=["lsqr", "eigen"]),
        },
    ),
    ("QuadraticDiscriminantAnalysis", {"reg_param": (1e-3, 1.0, LOG)}),
    # Trees and ensembles
    ("DecisionTreeClassifier ExtraTreeClassifier", {**_TREE, "ccp_alpha": (1e-5, 1e-1, LOG)}),
    (
        "DecisionTreeRegressor ExtraTreeRegressor",
        {**_TREE, "ccp_alpha": _ccp_alpha_of_regression},
    ),
    ("RandomForestClassifier RandomForestRegressor", _FOREST),
    (
        "ExtraTreesClassifier ExtraTreesRegressor",
        {"max_features": (0.05, 1.0, LOG), "min_samples_split": _up_to(2, 32, 0.5)},
    ),
    (
        "HistGradientBoostingClassifier HistGradientBoostingRegressor",
        {
            "learning_rate": (5e-3, 0.5, LOG),
            "max_iter": _rounds(50, 500, "early_stopping"),
            "max_leaf_nodes": (4, 512, LOG),
            "min_samples_leaf": _up_to(1, 200, 0.25),
            "l2_regularization": (1e-8, 10.0, LOG),
            "max_features": (0.3, 1.0),
        },
    ),
    (
        "GradientBoostingClassifier GradientBoostingRegressor",
        {
            "learning_rate": (1e-2, 0.5, LOG),
            "n_estimators": _rounds(50, 500, "n_iter_no_change"),
            "subsample": (0.4, 1.0),
            "max_depth": (1, 10),
            "max_features": (0.1, 1.0),
            "min_samples_leaf": _up_to(1, 100, 0.25),
        },
    ),
    (
        "AdaBoostClassifier AdaBoostRegressor",
        {"n_estimators": (50, 500, LOG), "learning_rate": (1e-2, 2.0, LOG)},
    ),
    (
        "BaggingClassifier BaggingRegressor",
        {"max_samples": _share(0.2), "max_features": (0.2, 1.0)},
    ),
    ("IsolationForest", {"max_samples": _isolation_samples}),
    # Networks
    ("MLPClassifier MLPRegressor", _NETWORK),
    # Clusters and mixtures: a score of their own must tell good from bad
    ("KMeans MiniBatchKMeans BisectingKMeans", {"n_clusters": _clusters(2)}),
    (
        "GaussianMixture BayesianGaussianMixture",
        {
            "n_components": _clusters(1),
            "covariance_type": ["full", "tied", "diag", "spherical"],
        },
    ),
    # Transformers
    ("PCA", {"n_components": _kept_variance}),
    ("SelectPercentile", {"percentile": (5, 100)}),
    ("SelectKBest", {"k": _n_selected}),
    ("CountVectorizer", _COUNTS),
    ("TfidfVectorizer", {**_COUNTS, "sublinear_tf": [True, False], "norm": ["l2", "l1"]}),
    # Boosting outside of scikit-learn
    (
        "XGBClassifier XGBRegressor XGBRanker",
        {
            **_BOOSTING,
            "n_estimators": (50, 1000, LOG),
            "max_depth": (3, 10),
            "min_child_weight": (1e-3, 64.0, LOG),
            "subsample": (0.5, 1.0),
            "colsample_bytree": (0.5, 1.0),
            "reg_alpha": (1e-4, 10.0, LOG),
            "reg_lambda": (1e-4, 10.0, LOG),
        },
    ),
    (
        "LGBMClassifier LGBMRegressor LGBMRanker",
        {
            **_BOOSTING,
            "n_estimators": (50, 1000, LOG),
            "num_leaves": (4, 256, LOG),
            "min_child_samples": (1, 100, LOG),
            "colsample_bytree": (0.4, 1.0),
            "subsample": (0.6, 1.0),
            "subsample_freq": [1],  # without it, subsample does nothing
            "reg_alpha": (1e-6, 10.0, LOG),
            "reg_lambda": (1e-6, 10.0, LOG),
        },
    ),
    (
        "CatBoostClassifier CatBoostRegressor",
        {**_BOOSTING, "depth": (4, 9), "l2_leaf_reg": (1e-4, 10.0, LOG)},
    ),
]
_TABLES = {name: table for names, table in _FAMILIES for name in names.split()}
# Inside of a boosted ensemble a tree is small.
_WEAK_LEARNER = {"max_depth": (1, 6)}


def default_space(estimator: Any, X: Any = None, y: Any = None) -> dict[str, Any]:
    """A search space to start from, for an estimator and all those inside of it.

    Parameters
    ----------
    estimator : estimator
        Fitted or not; a pipeline or another composition too. It is never changed.
    X, y : array-like, default=None
        The data that it will be fitted to: some ranges depend on their number, scale or
        correlation. Where they are not given, features are taken to be standardised.

    Returns
    -------
    space : dict
        From (nested) names of hyperparameters to ranges, choices and conditions, as the
        searches of skhyper take it. Empty where nothing is known.

    Notes
    -----
    A choice that the estimator makes against its default (``kernel="poly"``) is kept, and
    what it makes irrelevant is left out. What a search inside of the estimator tunes is left
    to it.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> from skhyper.space import default_space
    >>> default_space(Ridge())
    {'alpha': (0.0001, 10000.0, 'log-uniform')}
    >>> default_space(make_pipeline(StandardScaler(), SVC(kernel="linear")))
    {'svc__C': (0.01, 10000.0, 'log-uniform')}
    >>> default_space(StandardScaler())
    {}
    """
    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        raise TypeError(f"default_space needs an estimator, an instance; got {estimator!r}.")
    known = _Data.of(X, y)
    space: dict[str, Any] = {}
    for prefix, part, data, table in _parts(estimator, known):
        for name, spec in _resolved(part, table, data).items():
            space[prefix + name] = _prefixed(spec, prefix)
    return space


def _parts(
    estimator: Any, data: _Data, prefix: str = ""
) -> Iterator[tuple[str, Any, _Data, dict[str, Any]]]:
    """Every estimator in an estimator: its prefix, itself, its data and its table."""
    own = estimator.get_params(deep=False)
    table = _table(estimator)
    yield prefix, estimator, data, table
    if any(name in own for name in _SEARCHES):
        return
    names = _class_names(estimator)
    for name, part in _inside(estimator, own):
        inner = f"{prefix}{name}__"
        if names & {"AdaBoostClassifier", "AdaBoostRegressor"} and "max_depth" in _table(part):
            yield inner, part, data, _WEAK_LEARNER
        else:
            yield from _parts(part, _reaching(estimator, name, data), inner)


def _inside(estimator: Any, own: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and estimators one level below, those of lists such as ``steps`` included."""
    values = estimator.get_params(deep=True)
    return [
        (name, value)
        for name, value in values.items()
        if "__" not in name and hasattr(value, "get_params") and not isinstance(value, type)
    ]


def _reaching(estimator: Any, name: str, data: _Data) -> _Data:
    """What is known of the data that reach the part `name`."""
    steps = [step for step, _ in getattr(estimator, "steps", [])]
    if "Pipeline" not in _class_names(estimator) or name not in steps:
        return _Data(n=data.n)
    before = estimator.steps[: steps.index(name)]
    unchanged = all(step in (None, "passthrough") for _, step in before)
    return data if unchanged else data.transformed()


def _class_names(estimator: Any) -> set[str]:
    """Names of its class and bases, of those packages that the tables are about."""
    return {
        cls.__name__
        for cls in type(estimator).__mro__
        if cls.__module__.partition(".")[0] in _PACKAGES
    }


def _table(estimator: Any) -> dict[str, Any]:
    """Table of its class or of the nearest base that has one."""
    for cls in type(estimator).__mro__:
        if cls.__module__.partition(".")[0] in _PACKAGES and cls.__name__ in _TABLES:
            return _TABLES[cls.__name__]
    return {}


def _resolved(estimator: Any, table: Mapping[str, Any], data: _Data) -> dict[str, Any]:
    """The table's entries that this estimator has and that count in its settings."""
    own = estimator.get_params(deep=False)
    signature = inspect.signature(type(estimator).__init__).parameters
    space: dict[str, Any] = {}
    for name, spec in table.items():
        conditions = spec.conditions if isinstance(spec, When) else {}
        spec = spec.values if isinstance(spec, When) else spec
        # CatBoost's get_params tells only what was set.
        if name not in own and "CatBoost" not in type(estimator).__name__:
            continue
        spec = spec(data, own) if callable(spec) else spec
        if spec is None or (isinstance(spec, list) and _is_changed(name, own, signature)):
            continue
        fixed = {parent: wanted for parent, wanted in conditions.items() if parent not in space}
        if all(_is_one_of(own[parent], wanted) for parent, wanted in fixed.items()):
            free = {parent: conditions[parent] for parent in conditions if parent in space}
            space[name] = _conditioned(spec, free, space)
    return space


def _is_changed(name: str, own: Mapping[str, Any], signature: Mapping[str, Any]) -> bool:
    return name in own and name in signature and not equal(own[name], signature[name].default)


def _is_one_of(value: Any, wanted: Any) -> bool:
    choices = wanted if isinstance(wanted, list) else [wanted]
    return any(value is choice or equal(value, choice) for choice in choices)


def _conditioned(spec: Any, conditions: Mapping[str, Any], space: Mapping[str, Any]) -> Any:
    """The spec under those of the wanted values that the space can have."""
    wanted = {}
    for parent, values in conditions.items():
        values = values if isinstance(values, list) else [values]
        wanted[parent] = [v for v in values if _is_one_of(v, space[parent])]
    return When(spec, wanted) if wanted else spec


def _prefixed(spec: Any, prefix: str) -> Any:
    if not isinstance(spec, When):
        return list(spec) if isinstance(spec, list) else spec
    return When(spec.values, {prefix + name: wanted for name, wanted in spec.conditions.items()})
