"""Whether a hyperparameter counts, given the others.

``gamma`` of a support vector machine means nothing to a linear kernel. The rules say what each
hyperparameter needs; what has no rule counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Need", "inactive_because"]


@dataclass(frozen=True)
class Need:
    """That another hyperparameter has one of some values.

    Attributes
    ----------
    parent : str
        Name of the other hyperparameter, in the same estimator.
    holds : callable
        On its value.
    words : str
        The same, to be read: ``"kernel='poly'"``.
    """

    parent: str
    holds: Callable[[Any], bool]
    words: str


Needs = Mapping[str, Need | tuple[Need, ...]]


def _is(parent: str, *values: Any) -> Need:
    """That `parent` is one of the values; an array, say, is none of them."""

    def holds(value: Any) -> bool:
        # By type as well: 1 is no True, and an array compares with everything.
        return any(type(value) is type(v) and value == v for v in values)

    if len(values) == 1:
        return Need(parent, holds, f"{parent}={values[0]!r}")
    return Need(parent, holds, f"{parent} in {', '.join(map(repr, values))}")


def _is_not(parent: str, *values: Any) -> Need:
    is_one = _is(parent, *values).holds
    words = f"{parent} other than {' or '.join(map(repr, values))}"
    return Need(parent, lambda value: not is_one(value), words)


def _on(parent: str) -> Need:
    return Need(parent, lambda value: bool(value) and not _is_gone(value), f"{parent}=True")


def _is_gone(value: Any) -> bool:
    """Whether it is the mark of a hyperparameter that is deprecated and not set."""
    return isinstance(value, str) and value == "deprecated"


_MINKOWSKI = _is("metric", "minkowski")
_WITH_TREE = _is("algorithm", "auto", "ball_tree", "kd_tree")
_NEIGHBORS = {"p": _MINKOWSKI, "leaf_size": _WITH_TREE}
_SVM: Needs = {
    "gamma": _is("kernel", "rbf", "poly", "sigmoid"),
    "degree": _is("kernel", "poly"),
    "coef0": _is("kernel", "poly", "sigmoid"),
}
_SVC: Needs = {
    **_SVM,
    "random_state": _on("probability"),
    "break_ties": _is("decision_function_shape", "ovr"),
}
_PAIRWISE: Needs = {
    "gamma": _is("kernel", "rbf", "laplacian", "poly", "polynomial", "sigmoid", "chi2"),
    "degree": _is("kernel", "poly", "polynomial"),
    "coef0": _is("kernel", "poly", "polynomial", "sigmoid"),
}
_AFFINITY: Needs = {
    "gamma": _is("affinity", "rbf", "laplacian", "poly", "polynomial", "sigmoid", "chi2"),
    "degree": _is("affinity", "poly", "polynomial"),
    "coef0": _is("affinity", "poly", "polynomial", "sigmoid"),
    "n_neighbors": _is("affinity", "nearest_neighbors", "precomputed_nearest_neighbors"),
    "n_init": _is("assign_labels", "kmeans"),
}
_LOGISTIC: Needs = {
    "C": _is_not("penalty", None),
    # From scikit-learn 1.8 on the penalty has no other name than its l1_ratio.
    "l1_ratio": _is("penalty", "elasticnet", "deprecated"),
    "dual": _is("solver", "liblinear"),
    "intercept_scaling": (_is("solver", "liblinear"), _on("fit_intercept")),
    "random_state": _is("solver", "liblinear", "sag", "saga"),
}
_RIDGE: Needs = {
    "max_iter": _is_not("solver", "svd", "cholesky"),
    "tol": _is_not("solver", "svd", "cholesky"),
    "random_state": _is("solver", "sag", "saga"),
}
_ITERATED_LASSO = {"random_state": _is("selection", "random")}
_SGD: Needs = {
    "l1_ratio": _is("penalty", "elasticnet"),
    "eta0": _is_not("learning_rate", "optimal"),
    "power_t": _is("learning_rate", "invscaling"),
    "epsilon": _is("loss", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"),
    "validation_fraction": _on("early_stopping"),
}
_BY_STEPS = _is("solver", "sgd", "adam")
_MLP: Needs = {  # of scikit-learn's (solver) and of skhyper's (optimizer)
    "batch_size": _BY_STEPS,
    "learning_rate": _is("solver", "sgd"),
    "learning_rate_init": _BY_STEPS,
    "power_t": (_is("solver", "sgd"), _is("learning_rate", "invscaling")),
    "shuffle": _BY_STEPS,
    "momentum": (_is("solver", "sgd"), _is("optimizer", "momentum")),
    "nesterovs_momentum": (_is("solver", "sgd"), Need("momentum", bool, "momentum > 0")),
    "early_stopping": _BY_STEPS,
    "validation_fraction": (_BY_STEPS, _on("early_stopping")),
    "n_iter_no_change": _BY_STEPS,
    "beta_1": (_is("solver", "adam"), _is("optimizer", "adam")),
    "beta_2": (_is("solver", "adam"), _is("optimizer", "adam")),
    "epsilon": (_is("solver", "adam"), _is("optimizer", "adam", "adagrad")),
    "max_fun": _is("solver", "lbfgs"),
}
_BOOTSTRAPPED = {"max_samples": _on("bootstrap"), "oob_score": _on("bootstrap")}
_GRADIENT_BOOSTING: Needs = {
    "validation_fraction": _is_not("n_iter_no_change", None),
    "tol": _is_not("n_iter_no_change", None),
    "alpha": _is("loss", "huber", "quantile"),
}
# early_stopping="auto" depends on the data: it may count.
_STOPPED = _is_not("early_stopping", False)
_HIST_BOOSTING: Needs = {
    "validation_fraction": _STOPPED,
    "n_iter_no_change": _STOPPED,
    "tol": _STOPPED,
    "scoring": _STOPPED,
    "quantile": _is("loss", "quantile"),
}
_ARPACK_OR_RANDOM = _is("svd_solver", "auto", "randomized")
_WORDS_ONLY = _is("analyzer", "word")
_ANALYZED = Need("analyzer", lambda value: not callable(value), "analyzer that is no function")
_VECTORIZER: Needs = {
    "token_pattern": (_WORDS_ONLY, _is("tokenizer", None)),
    "tokenizer": _WORDS_ONLY,
    "stop_words": _WORDS_ONLY,
    "ngram_range": _ANALYZED,
    "lowercase": _ANALYZED,
    "strip_accents": _ANALYZED,
    "preprocessor": _ANALYZED,
    "max_df": _is("vocabulary", None),
    "min_df": _is("vocabulary", None),
    "max_features": _is("vocabulary", None),
}

# Names of classes, and what their hyperparameters need: all that is listed.
_FAMILIES: list[tuple[str, Needs]] = [
    ("SVR NuSVR OneClassSVM", _SVM),
    ("SVC NuSVC", _SVC),
    ("LinearSVC", {"intercept_scaling": _on("fit_intercept")}),
    ("LinearSVR", {"intercept_scaling": _on("fit_intercept")}),
    ("KernelRidge Nystroem", _PAIRWISE),
    ("KernelPCA", {**_PAIRWISE, "alpha": _on("fit_inverse_transform")}),
    ("SpectralClustering", _AFFINITY),
    (
        "LabelPropagation LabelSpreading",
        {"gamma": _is("kernel", "rbf"), "n_neighbors": _is("kernel", "knn")},
    ),
    ("LogisticRegression", _LOGISTIC),
    (
        "LogisticRegressionCV",
        {
            **{name: need for name, need in _LOGISTIC.items() if name != "C"},
            "l1_ratios": _is("penalty", "elasticnet", "deprecated"),
        },
    ),
    ("Ridge RidgeClassifier", _RIDGE),
    ("RidgeCV RidgeClassifierCV", {"gcv_mode": _is("cv", None)}),
    ("ElasticNet ElasticNetCV LassoCV MultiTaskElasticNet", _ITERATED_LASSO),
    ("MultiTaskElasticNetCV MultiTaskLassoCV", _ITERATED_LASSO),
    ("SGDClassifier SGDRegressor SGDOneClassSVM", _SGD),
    (
        "Perceptron",
        {
            "alpha": _is_not("penalty", None),
            "l1_ratio": _is("penalty", "elasticnet"),
            "validation_fraction": _on("early_stopping"),
        },
    ),
    (
        "PassiveAggressiveClassifier PassiveAggressiveRegressor",
        {"validation_fraction": _on("early_stopping")},
    ),
    ("MLPClassifier MLPRegressor", _MLP),
    ("ForestClassifier ForestRegressor", _BOOTSTRAPPED),
    ("BaggingClassifier BaggingRegressor", {"oob_score": _on("bootstrap")}),
    ("GradientBoostingClassifier GradientBoostingRegressor", _GRADIENT_BOOSTING),
    ("HistGradientBoostingClassifier HistGradientBoostingRegressor", _HIST_BOOSTING),
    ("NeighborsBase DBSCAN", _NEIGHBORS),
    ("KernelDensity", {"leaf_size": _WITH_TREE}),
    (
        "OPTICS",
        {
            **_NEIGHBORS,
            "xi": _is("cluster_method", "xi"),
            "predecessor_correction": _is("cluster_method", "xi"),
            "min_cluster_size": _is("cluster_method", "xi"),
            "eps": _is("cluster_method", "dbscan"),
        },
    ),
    (
        "PCA",
        {
            "iterated_power": _ARPACK_OR_RANDOM,
            "n_oversamples": _ARPACK_OR_RANDOM,
            "power_iteration_normalizer": _ARPACK_OR_RANDOM,
            "tol": _is("svd_solver", "arpack"),
            "random_state": _is("svd_solver", "auto", "arpack", "randomized"),
        },
    ),
    (
        "TruncatedSVD",
        {
            "n_iter": _is("algorithm", "randomized"),
            "n_oversamples": _is("algorithm", "randomized"),
            "power_iteration_normalizer": _is("algorithm", "randomized"),
            "tol": _is("algorithm", "arpack"),
        },
    ),
    (
        "LinearDiscriminantAnalysis",
        {
            "shrinkage": _is("solver", "lsqr", "eigen"),
            "covariance_estimator": _is("solver", "lsqr", "eigen"),
            "store_covariance": _is("solver", "svd"),
            "tol": _is("solver", "svd"),
        },
    ),
    ("TSNE", {"angle": _is("method", "barnes_hut")}),
    (
        "LocallyLinearEmbedding",
        {"hessian_tol": _is("method", "hessian"), "modified_tol": _is("method", "modified")},
    ),
    ("SimpleImputer", {"fill_value": _is("strategy", "constant")}),
    ("KBinsDiscretizer", {"quantile_method": _is("strategy", "quantile")}),
    ("TfidfTransformer", {"smooth_idf": _on("use_idf")}),
    ("CountVectorizer HashingVectorizer", _VECTORIZER),
    ("TfidfVectorizer", {**_VECTORIZER, "smooth_idf": _on("use_idf")}),
    (
        "DummyClassifier",
        {
            "constant": _is("strategy", "constant"),
            "random_state": _is("strategy", "stratified", "uniform"),
        },
    ),
    (
        "DummyRegressor",
        {"constant": _is("strategy", "constant"), "quantile": _is("strategy", "quantile")},
    ),
    ("VotingClassifier", {"flatten_transform": _is("voting", "soft")}),
    (
        "SelfTrainingClassifier",
        {"threshold": _is("criterion", "threshold"), "k_best": _is("criterion", "k_best")},
    ),
    ("SequentialFeatureSelector", {"tol": _is("n_features_to_select", "auto")}),
    ("TargetEncoder", {"random_state": _on("shuffle")}),
    (
        "GaussianProcessRegressor GaussianProcessClassifier",
        {"n_restarts_optimizer": _is_not("optimizer", None)},
    ),
]
_RULES = {name: rules for names, rules in _FAMILIES for name in names.split()}


def inactive_because(estimator: Any, name: str, own: Mapping[str, Any]) -> str:
    """What a hyperparameter lacks to count; empty where it counts, or where no rule is known.

    Parameters
    ----------
    estimator : estimator
        The one that has it; rules of its bases hold too.
    name : str
    own : mapping
        ``get_params(deep=False)`` of the estimator.
    """
    if _is_gone(own.get(name)):
        return "deprecated"
    for base in type(estimator).__mro__:
        if name in _RULES.get(base.__name__, {}):
            needs = _RULES[base.__name__][name]
            needs = (needs,) if isinstance(needs, Need) else needs
            unmet = [n.words for n in needs if n.parent in own and not _holds(n, own[n.parent])]
            return "needs " + " and ".join(unmet) if unmet else ""
    return ""


def _holds(need: Need, value: Any) -> bool:
    try:
        return bool(need.holds(value))
    except Exception:  # noqa: BLE001  (an array, say: unknown, so it counts)
        return True
