"""Conditions under which hyperparameters of scikit-learn's estimators are active.

For example, ``gamma`` of a support vector machine has no effect with a linear kernel.
Hyperparameters without an entry are assumed to be active.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Requirement:
    """A condition on another hyperparameter of the same estimator.

    Attributes
    ----------
    parent : str
        Name of the other hyperparameter.
    holds : callable
        Whether its value meets the condition.
    text : str
        The condition in words: ``"kernel='poly'"``.
    """

    parent: str
    holds: Callable[[Any], bool]
    text: str

    def is_met(self, value: Any) -> bool:
        """Whether a value of the parent meets the condition, or may do so."""
        try:
            return bool(self.holds(value))
        except Exception:  # noqa: BLE001  (an array, say, has no truth value: unknown)
            return True


Requirements = Mapping[str, Requirement | tuple[Requirement, ...]]


def is_deprecated_default(value: Any) -> bool:
    """Whether a value marks a deprecated hyperparameter that is not set."""
    return isinstance(value, str) and value == "deprecated"


def _is(parent: str, *values: Any) -> Requirement:
    """`parent` is one of the values; an array is none of them."""

    def holds(value: Any) -> bool:
        # By type as well: 1 is not True, and an array compares with everything.
        return any(type(value) is type(v) and value == v for v in values)

    if len(values) == 1:
        return Requirement(parent, holds, f"{parent}={values[0]!r}")
    return Requirement(parent, holds, f"{parent} in {', '.join(map(repr, values))}")


def _is_not(parent: str, *values: Any) -> Requirement:
    is_one = _is(parent, *values).holds
    text = f"{parent} other than {' or '.join(map(repr, values))}"
    return Requirement(parent, lambda value: not is_one(value), text)


def _on(parent: str) -> Requirement:
    def holds(value: Any) -> bool:
        return bool(value) and not is_deprecated_default(value)

    return Requirement(parent, holds, f"{parent}=True")


_MINKOWSKI = _is("metric", "minkowski")
_WITH_TREE = _is("algorithm", "auto", "ball_tree", "kd_tree")
_NEIGHBORS = {"p": _MINKOWSKI, "leaf_size": _WITH_TREE}
_SVM: Requirements = {
    "gamma": _is("kernel", "rbf", "poly", "sigmoid"),
    "degree": _is("kernel", "poly"),
    "coef0": _is("kernel", "poly", "sigmoid"),
}
_SVC: Requirements = {
    **_SVM,
    "random_state": _on("probability"),
    "break_ties": _is("decision_function_shape", "ovr"),
}


def _pairwise(parent: str) -> dict[str, Requirement]:
    """Requirements of the arguments of scikit-learn's ``pairwise_kernels``."""
    return {
        "gamma": _is(parent, "rbf", "laplacian", "poly", "polynomial", "sigmoid", "chi2"),
        "degree": _is(parent, "poly", "polynomial"),
        "coef0": _is(parent, "poly", "polynomial", "sigmoid"),
    }


_AFFINITY: Requirements = {
    **_pairwise("affinity"),
    "n_neighbors": _is("affinity", "nearest_neighbors", "precomputed_nearest_neighbors"),
    "n_init": _is("assign_labels", "kmeans"),
}
_LOGISTIC: Requirements = {
    "C": _is_not("penalty", None),
    # From scikit-learn 1.8 on the penalty has no other name than its l1_ratio.
    "l1_ratio": _is("penalty", "elasticnet", "deprecated"),
    "dual": _is("solver", "liblinear"),
    "intercept_scaling": (_is("solver", "liblinear"), _on("fit_intercept")),
    "random_state": _is("solver", "liblinear", "sag", "saga"),
}
_RIDGE: Requirements = {
    "max_iter": _is_not("solver", "svd", "cholesky"),
    "tol": _is_not("solver", "svd", "cholesky"),
    "random_state": _is("solver", "sag", "saga"),
}
_SGD: Requirements = {
    "l1_ratio": _is("penalty", "elasticnet"),
    "eta0": _is_not("learning_rate", "optimal"),
    "power_t": _is("learning_rate", "invscaling"),
    "epsilon": _is("loss", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"),
    "validation_fraction": _on("early_stopping"),
}
_BY_STEPS = _is("solver", "sgd", "adam")
_MLP: Requirements = {  # of scikit-learn's (solver) and of skhyper's (optimizer)
    "batch_size": _BY_STEPS,
    "learning_rate": _is("solver", "sgd"),
    "learning_rate_init": _BY_STEPS,
    "power_t": (_is("solver", "sgd"), _is("learning_rate", "invscaling")),
    "shuffle": _BY_STEPS,
    "momentum": (_is("solver", "sgd"), _is("optimizer", "momentum")),
    "nesterovs_momentum": (_is("solver", "sgd"), Requirement("momentum", bool, "momentum > 0")),
    "early_stopping": _BY_STEPS,
    "validation_fraction": (_BY_STEPS, _on("early_stopping")),
    "n_iter_no_change": _BY_STEPS,
    "beta_1": (_is("solver", "adam"), _is("optimizer", "adam")),
    "beta_2": (_is("solver", "adam"), _is("optimizer", "adam")),
    "epsilon": (_is("solver", "adam"), _is("optimizer", "adam", "adagrad")),
    "max_fun": _is("solver", "lbfgs"),
}
_BOOTSTRAPPED = {"max_samples": _on("bootstrap"), "oob_score": _on("bootstrap")}
_GRADIENT_BOOSTING: Requirements = {
    "validation_fraction": _is_not("n_iter_no_change", None),
    "tol": _is_not("n_iter_no_change", None),
    "alpha": _is("loss", "huber", "quantile"),
}
# early_stopping="auto" depends on the data: it may count.
_STOPPED = _is_not("early_stopping", False)
_HIST_BOOSTING: Requirements = {
    "validation_fraction": _STOPPED,
    "n_iter_no_change": _STOPPED,
    "tol": _STOPPED,
    "scoring": _STOPPED,
    "quantile": _is("loss", "quantile"),
}
_ARPACK_OR_RANDOM = _is("svd_solver", "auto", "randomized")
_WORDS_ONLY = _is("analyzer", "word")
_ANALYZED = Requirement(
    "analyzer", lambda value: not callable(value), "analyzer that is not a function"
)
_VECTORIZER: Requirements = {
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

# From names of classes to the requirements of their hyperparameters: all of them must be met.
_FAMILIES: dict[str, Requirements] = {
    "SVR NuSVR OneClassSVM": _SVM,
    "SVC NuSVC": _SVC,
    "LinearSVC LinearSVR": {"intercept_scaling": _on("fit_intercept")},
    "KernelRidge Nystroem": _pairwise("kernel"),
    "KernelPCA": {**_pairwise("kernel"), "alpha": _on("fit_inverse_transform")},
    "SpectralClustering": _AFFINITY,
    "LabelPropagation LabelSpreading": {
        "gamma": _is("kernel", "rbf"),
        "n_neighbors": _is("kernel", "knn"),
    },
    "LogisticRegression": _LOGISTIC,
    "LogisticRegressionCV": {
        **{name: need for name, need in _LOGISTIC.items() if name != "C"},
        "l1_ratios": _is("penalty", "elasticnet", "deprecated"),
    },
    "Ridge RidgeClassifier": _RIDGE,
    "RidgeCV RidgeClassifierCV": {"gcv_mode": _is("cv", None)},
    "ElasticNet ElasticNetCV LassoCV MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLassoCV": {
        "random_state": _is("selection", "random")
    },
    "SGDClassifier SGDRegressor SGDOneClassSVM": _SGD,
    "Perceptron": {
        "alpha": _is_not("penalty", None),
        "l1_ratio": _is("penalty", "elasticnet"),
        "validation_fraction": _on("early_stopping"),
    },
    "PassiveAggressiveClassifier PassiveAggressiveRegressor": {
        "validation_fraction": _on("early_stopping")
    },
    "MLPClassifier MLPRegressor": _MLP,
    "ForestClassifier ForestRegressor": _BOOTSTRAPPED,
    "BaggingClassifier BaggingRegressor": {"oob_score": _on("bootstrap")},
    "GradientBoostingClassifier GradientBoostingRegressor": _GRADIENT_BOOSTING,
    "HistGradientBoostingClassifier HistGradientBoostingRegressor": _HIST_BOOSTING,
    "NeighborsBase DBSCAN": _NEIGHBORS,
    "KernelDensity": {"leaf_size": _WITH_TREE},
    "OPTICS": {
        **_NEIGHBORS,
        "xi": _is("cluster_method", "xi"),
        "predecessor_correction": _is("cluster_method", "xi"),
        "min_cluster_size": _is("cluster_method", "xi"),
        "eps": _is("cluster_method", "dbscan"),
    },
    "PCA": {
        "iterated_power": _ARPACK_OR_RANDOM,
        "n_oversamples": _ARPACK_OR_RANDOM,
        "power_iteration_normalizer": _ARPACK_OR_RANDOM,
        "tol": _is("svd_solver", "arpack"),
        "random_state": _is("svd_solver", "auto", "arpack", "randomized"),
    },
    "TruncatedSVD": {
        "n_iter": _is("algorithm", "randomized"),
        "n_oversamples": _is("algorithm", "randomized"),
        "power_iteration_normalizer": _is("algorithm", "randomized"),
        "tol": _is("algorithm", "arpack"),
    },
    "LinearDiscriminantAnalysis": {
        "shrinkage": (_is("solver", "lsqr", "eigen"), _is("covariance_estimator", None)),
        "covariance_estimator": _is("solver", "lsqr", "eigen"),
        "store_covariance": _is("solver", "svd"),
        "tol": _is("solver", "svd"),
    },
    "TSNE": {"angle": _is("method", "barnes_hut")},
    "LocallyLinearEmbedding": {
        "hessian_tol": _is("method", "hessian"),
        "modified_tol": _is("method", "modified"),
    },
    "SimpleImputer": {"fill_value": _is("strategy", "constant")},
    "KBinsDiscretizer": {"quantile_method": _is("strategy", "quantile")},
    "TfidfTransformer": {"smooth_idf": _on("use_idf")},
    "CountVectorizer HashingVectorizer": _VECTORIZER,
    "TfidfVectorizer": {**_VECTORIZER, "smooth_idf": _on("use_idf")},
    "DummyClassifier": {
        "constant": _is("strategy", "constant"),
        "random_state": _is("strategy", "stratified", "uniform"),
    },
    "DummyRegressor": {
        "constant": _is("strategy", "constant"),
        "quantile": _is("strategy", "quantile"),
    },
    "VotingClassifier": {"flatten_transform": _is("voting", "soft")},
    "SelfTrainingClassifier": {
        "threshold": _is("criterion", "threshold"),
        "k_best": _is("criterion", "k_best"),
    },
    "SequentialFeatureSelector": {"tol": _is("n_features_to_select", "auto")},
    "TargetEncoder": {"random_state": _on("shuffle")},
    "GaussianProcessRegressor GaussianProcessClassifier": {
        "n_restarts_optimizer": _is_not("optimizer", None)
    },
}
REQUIREMENTS = {name: table for names, table in _FAMILIES.items() for name in names.split()}


def requirements_of(estimator: Any, name: str) -> tuple[Requirement, ...]:
    """The requirements of a hyperparameter; empty if none are known.

    Parameters
    ----------
    estimator : estimator
        The one that has it; requirements of its base classes apply, too.
    name : str

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from skhyper.space import requirements_of
    >>> [requirement.text for requirement in requirements_of(SVC(), "degree")]
    ["kernel='poly'"]
    """
    for base in type(estimator).__mro__:
        if name in REQUIREMENTS.get(base.__name__, {}):
            found = REQUIREMENTS[base.__name__][name]
            return (found,) if isinstance(found, Requirement) else found
    return ()
