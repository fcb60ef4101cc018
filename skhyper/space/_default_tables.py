"""Tables of the hyperparameters worth tuning, one for each family of estimators.

The tables are short on purpose, since most hyperparameters of most estimators hardly matter. A
value is a specification of a dimension, or a function of the data and of the estimator's own params
that returns one, or None if the hyperparameter is not searched. Classes are known by their names
and packages, so that nothing is imported.

References
----------
Probst, Boulesteix, Bischl (2019), "Tunability", JMLR 20(53).
Grinsztajn, Oyallon, Varoquaux (2022), "Why do tree-based models still outperform deep learning
on typical tabular data?", NeurIPS.
Feurer et al. (2022), "Auto-Sklearn 2.0", JMLR 23(261).
"""

from typing import Any

from skhyper.space import _default_ranges as ranges
from skhyper.space._default_ranges import LOG

PACKAGES = ("skhyper", "sklearn", "xgboost", "lightgbm", "catboost")

_LAYERS = [(16,), (32,), (64,), (128,), (256,), (32, 32), (64, 64), (128, 128), (256, 256)]

_TREE = {
    "max_depth": (1, 30, LOG),
    "min_samples_split": ranges.up_to(2, 128, 0.5),
    "min_samples_leaf": ranges.up_to(1, 64, 0.25),
}
# The number of trees is not searched: more are slower and not worse.
_FOREST = {
    "max_features": (0.05, 1.0, LOG),
    "min_samples_leaf": ranges.up_to(1, 50, 0.25),
    "bootstrap": ranges.bootstrap,
    "max_samples": ranges.share(0.3),
}
_BOOSTING = {"learning_rate": (5e-3, 0.3, LOG)}
# No choice of the kernel: a wide rbf is as good as linear (Keerthi and Lin, 2003), and a linear
# one with a large C on unscaled data takes a thousand times as long (breast cancer, C = 1e4:
# 22 s against 0.02 s).
_KERNEL_SVM = {"C": (1e-2, 1e4, LOG), "gamma": ranges.gamma, "degree": (2, 4), "coef0": (0.0, 1.0)}
_SGD = {"alpha": (1e-7, 1e-1, LOG), "penalty": ["l2", "l1", "elasticnet"], "l1_ratio": (0.0, 1.0)}
_NETWORK = {
    "hidden_layer_sizes": _LAYERS,
    "activation": ["relu", "tanh"],
    "alpha": ranges.alpha_of_network,
    "learning_rate": ranges.first_rate(1.0, 1.0),
    "momentum": ranges.momentum,
    "learning_rate_init": (1e-4, 1e-1, LOG),
}
_COUNTS = {
    "ngram_range": [(1, 1), (1, 2), (1, 3)],
    "min_df": ranges.rare_words,
    "max_df": (0.5, 1.0),
}

# From names of classes to their search spaces; parents precede their children.
_FAMILIES: dict[str, dict[str, Any]] = {
    # Linear models
    "LogisticRegression": {"C": (1e-4, 1e4, LOG), "l1_ratio": ranges.mixing},
    "Ridge RidgeClassifier": {"alpha": (1e-4, 1e4, LOG)},
    "BandedRidge BandedLogisticRegression": {"alphas": (1e-3, 1e5, LOG)},
    "WeightedElasticNet": {"alpha": ranges.strength_of_weights, "l1_weights": ranges.lasso_weights},
    "Lasso LassoLars MultiTaskLasso": {"alpha": ranges.lasso_alpha},
    "ElasticNet MultiTaskElasticNet": {"alpha": ranges.lasso_alpha, "l1_ratio": (0.05, 1.0)},
    "HuberRegressor": {"epsilon": (1.05, 3.0), "alpha": (1e-6, 10.0, LOG)},
    "PoissonRegressor GammaRegressor TweedieRegressor": {"alpha": (1e-4, 1e2, LOG)},
    "SGDClassifier": {**_SGD, "learning_rate": ["optimal", "adaptive"], "eta0": (1e-4, 1.0, LOG)},
    "SGDRegressor": {
        **_SGD,
        "learning_rate": ["invscaling", "adaptive"],
        # Beyond it the squared loss of standardized data diverges; at 1e-4 a fit takes 50 times the
        # default's time.
        "eta0": (3e-4, 5e-2, LOG),
    },
    "PassiveAggressiveClassifier PassiveAggressiveRegressor": {"C": (1e-5, 10.0, LOG)},
    # Kernels
    "LinearSVC": {"C": (1e-4, 1e4, LOG)},
    "LinearSVR": {"C": (1e-4, 1e4, LOG), "epsilon": ranges.epsilon},
    "SVC": _KERNEL_SVM,
    "SVR": {**_KERNEL_SVM, "epsilon": ranges.epsilon},
    "NuSVC NuSVR OneClassSVM": {k: v for k, v in _KERNEL_SVM.items() if k != "C"},
    "KernelRidge": {"alpha": (1e-6, 1e2, LOG), "kernel": ["linear", "rbf"], "gamma": ranges.gamma},
    "ARDKernelRidge ARDKernelRidgeClassifier": {
        "alpha": (1e-4, 1e1, LOG),
        "length_scales": ranges.length_scales,
    },
    "GaussianProcessRegressor": {"alpha": (1e-8, 1.0, LOG)},
    # Neighbors, naive Bayes, discriminants
    "KNeighborsClassifier KNeighborsRegressor": {
        "n_neighbors": ranges.neighbors,
        "weights": ["uniform", "distance"],
        "p": [1, 2],
    },
    "GaussianNB": {"var_smoothing": (1e-12, 1e-1, LOG)},
    "MultinomialNB BernoulliNB ComplementNB CategoricalNB": {"alpha": (1e-3, 1e2, LOG)},
    "LinearDiscriminantAnalysis": {"solver": ["svd", "lsqr"], "shrinkage": (0.0, 1.0)},
    "QuadraticDiscriminantAnalysis": {"reg_param": (1e-3, 1.0, LOG)},
    # Trees and ensembles
    "DecisionTreeClassifier ExtraTreeClassifier": {**_TREE, "ccp_alpha": (1e-5, 1e-1, LOG)},
    "DecisionTreeRegressor ExtraTreeRegressor": {
        **_TREE,
        "ccp_alpha": ranges.ccp_alpha_of_regression,
    },
    "RandomForestClassifier RandomForestRegressor": _FOREST,
    "ExtraTreesClassifier ExtraTreesRegressor": {
        "max_features": (0.05, 1.0, LOG),
        "min_samples_split": ranges.up_to(2, 32, 0.5),
        "min_samples_leaf": ranges.up_to(1, 20, 0.25),
    },
    "HistGradientBoostingClassifier HistGradientBoostingRegressor": {
        "learning_rate": (5e-3, 0.5, LOG),
        "max_iter": ranges.rounds(50, 500, "early_stopping"),
        "max_leaf_nodes": ranges.leaves(512),
        "min_samples_leaf": ranges.up_to(1, 200, 0.25),
        "l2_regularization": (1e-8, 10.0, LOG),
        "max_features": (0.3, 1.0),
    },
    "GradientBoostingClassifier GradientBoostingRegressor": {
        "learning_rate": (1e-2, 0.5, LOG),
        "n_estimators": ranges.rounds(50, 500, "n_iter_no_change"),
        "subsample": (0.4, 1.0),
        "max_depth": (1, 10),
        "max_features": (0.1, 1.0),
        "min_samples_leaf": ranges.up_to(1, 100, 0.25),
    },
    "AdaBoostClassifier AdaBoostRegressor": {
        "n_estimators": (50, 500, LOG),
        "learning_rate": (1e-2, 2.0, LOG),
    },
    "BaggingClassifier BaggingRegressor": {
        "max_samples": ranges.share(ranges.LEAST_SHARE),
        "max_features": (0.2, 1.0),
    },
    "IsolationForest": {"max_samples": ranges.isolation_samples},
    # Networks
    "MLPClassifier": _NETWORK,
    # At higher rates the squared loss of standardized data diverges.
    "MLPRegressor": {**_NETWORK, "learning_rate": ranges.first_rate(0.2, 0.03)},
    # Clusters and mixtures: they need a score that can compare numbers of clusters
    "KMeans MiniBatchKMeans BisectingKMeans": {"n_clusters": ranges.clusters(2)},
    "GaussianMixture BayesianGaussianMixture": {
        "n_components": ranges.clusters(1),
        "covariance_type": ["full", "tied", "diag", "spherical"],
    },
    # Transformers
    "PCA": {"n_components": ranges.kept_variance},
    "SelectPercentile": {"percentile": (5, 100)},
    "SelectKBest": {"k": ranges.n_selected},
    "CountVectorizer": _COUNTS,
    "TfidfVectorizer": {**_COUNTS, "sublinear_tf": [True, False], "norm": ["l2", "l1"]},
    # Boosting outside of scikit-learn
    "XGBClassifier XGBRegressor XGBRanker": {
        **_BOOSTING,
        "n_estimators": ranges.many_rounds,
        "max_depth": ranges.depth_of_xgboost,
        "min_child_weight": (1e-3, 64.0, LOG),
        "subsample": (0.5, 1.0),
        "colsample_bytree": (0.5, 1.0),
        "reg_alpha": (1e-4, 10.0, LOG),
        "reg_lambda": (1e-4, 10.0, LOG),
    },
    "LGBMClassifier LGBMRegressor LGBMRanker": {
        **_BOOSTING,
        "n_estimators": ranges.many_rounds,
        "num_leaves": ranges.leaves(256),
        "min_child_samples": (1, 100, LOG),
        "colsample_bytree": (0.4, 1.0),
        "subsample": (0.6, 1.0),
        "subsample_freq": [1],  # without it, subsample does nothing
        "reg_alpha": (1e-6, 10.0, LOG),
        "reg_lambda": (1e-6, 10.0, LOG),
    },
    "CatBoostClassifier CatBoostRegressor": {
        **_BOOSTING,
        "depth": (4, 9),
        "l2_leaf_reg": (1e-4, 10.0, LOG),
    },
}
# Hyperparameters that matter little compared with the others of their table.
_MINOR = {
    "LogisticRegression": "l1_ratio",
    "HuberRegressor": "epsilon",
    "SGDClassifier SGDRegressor": "learning_rate eta0",
    "KNeighborsClassifier KNeighborsRegressor": "p",
    "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor": (
        "max_depth min_samples_split"
    ),
    "RandomForestClassifier RandomForestRegressor": "bootstrap max_samples",
    "ExtraTreesClassifier ExtraTreesRegressor": "min_samples_split",
    "HistGradientBoostingClassifier HistGradientBoostingRegressor": (
        "l2_regularization max_features"
    ),
    "GradientBoostingClassifier GradientBoostingRegressor": "max_features min_samples_leaf",
    "MLPClassifier MLPRegressor": "activation",
    "CountVectorizer TfidfVectorizer": "max_df norm",
    "XGBClassifier XGBRegressor XGBRanker": "reg_alpha reg_lambda min_child_weight",
    "LGBMClassifier LGBMRegressor LGBMRanker": (
        "reg_alpha reg_lambda subsample subsample_freq min_child_samples"
    ),
}
MINOR = {name: set(minor.split()) for names, minor in _MINOR.items() for name in names.split()}
TABLES = {name: table for names, table in _FAMILIES.items() for name in names.split()}
# Inside of a boosted ensemble a tree is small.
WEAK_LEARNER = {"max_depth": (1, 6)}


def class_with_table(estimator: Any) -> str:
    """Name of the estimator's class, or of the nearest base that has a table; empty without."""
    for cls in type(estimator).__mro__:
        if cls.__module__.partition(".")[0] in PACKAGES and cls.__name__ in TABLES:
            return cls.__name__
    return ""


def table_of(estimator: Any, size: str = "full") -> dict[str, Any]:
    """The table of :func:`class_with_table`; empty if there is none."""
    name = class_with_table(estimator)
    minor = MINOR.get(name, set()) if size == "small" else set()
    return {key: spec for key, spec in TABLES.get(name, {}).items() if key not in minor}
