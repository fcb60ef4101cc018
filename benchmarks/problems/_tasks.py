"""Tuning tasks of scikit-learn, fitted for real on small data.

In the way of bayesmark (Turner et al. 2021, "Bayesian optimization is superior to random search",
NeurIPS competition track): shipped or generated data, three folds, everything seeded.
"""

import functools
import warnings

import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from problems._problem import Problem
from skhyper.space import When

__all__ = ["TASKS"]

LOG = "log-uniform"
_WORST = 10.0


@functools.cache
def _data(name, n_samples):
    """Scaled X, y and three folds."""
    if name == "circles":
        X, y = datasets.make_gaussian_quantiles(
            n_samples=n_samples, n_features=8, n_classes=3, random_state=0
        )
    elif name == "clusters":
        X, y = datasets.make_classification(
            n_samples, 20, n_informative=6, n_clusters_per_class=3, flip_y=0.05, random_state=1
        )
    elif name == "friedman":
        X, y = datasets.make_friedman1(n_samples, n_features=10, noise=1.0, random_state=0)
    else:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    keep = np.random.default_rng(0).permutation(len(X))[:n_samples]
    X, y = StandardScaler().fit_transform(X[keep]), y[keep]
    if _is_regression(name):
        y = (y - y.mean()) / y.std()
        return X, y, list(KFold(3).split(X))
    return X, y, list(StratifiedKFold(3).split(X, y))


def _is_regression(name):
    return name in ("diabetes", "friedman")


def _error(model, X, y):
    """1 - accuracy, or 1 - R²."""
    return 1.0 - model.score(X, y)


def _log_loss(model, X, y):
    return log_loss(y, np.clip(model.predict_proba(X), 1e-6, 1.0), labels=model.classes_)


def _cv_loss(build, data, n_samples, loss, params):
    """Mean over the folds."""
    X, y, folds = _data(data, n_samples)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search meets settings that do not converge
        for train, test in folds:
            try:
                model = build(params).fit(X[train], y[train])
                losses.append(loss(model, X[test], y[test]))
            except ValueError as error:
                if "non-finite" not in str(error):
                    raise
                losses.append(_WORST)  # a network that diverged
    # R² has no lower bound: what diverged is bad, and no worse than bad.
    worst = {"nan": _WORST, "posinf": _WORST}
    return float(np.mean(np.clip(np.nan_to_num(losses, **worst), None, _WORST)))


def _task(name, part, build, space, data, n_samples, loss=_error):
    return Problem(name, part, space, functools.partial(_cv_loss, build, data, n_samples, loss))


def _with(estimator, **fixed):
    """Builds `estimator` of a setting."""
    return lambda params: estimator(**fixed, **params)


def _mlp(estimator):
    def build(params):
        params = dict(params)
        widths = [params.pop("width_1"), params.pop("width_2", None)]
        hidden = tuple(width for width in widths if width)
        params.pop("n_layers", None)
        return estimator(hidden_layer_sizes=hidden, max_iter=15, random_state=0, **params)

    return build


def _logistic(params):
    l1_ratio = {"l1": 1.0, "l2": 0.0}.get(params["penalty"], params.get("l1_ratio"))
    return LogisticRegression(
        C=params["C"],
        l1_ratio=l1_ratio,
        class_weight=params["class_weight"],
        fit_intercept=params["fit_intercept"],
        solver="saga",
        max_iter=60,
        random_state=0,
    )


def _pipeline(models):
    """A scaling, perhaps a projection, and one of several models with its own settings.

    A setting ``knn__p`` is the argument ``p`` of the model ``"knn"``.
    """
    scalings = {"none": None, "standard": StandardScaler, "minmax": MinMaxScaler}

    def build(params):
        own = {n.split("__")[1]: v for n, v in params.items() if "__" in n}
        scaling = scalings[params["scaling"]]
        steps = [] if scaling is None else [scaling()]
        if params["project"]:
            steps.append(PCA(params["n_components"], random_state=0))
        return make_pipeline(*steps, models[params["model"]](**own))

    return build


def _shared(n_features):
    return {
        "scaling": ["none", "standard", "minmax"],
        "project": [True, False],
        "n_components": When((1, n_features), project=True),
    }


TREE = {
    "max_depth": (1, 15),
    "min_samples_split": (0.01, 0.99, LOG),
    "min_samples_leaf": (0.01, 0.49, LOG),
    "max_features": (0.01, 0.99),
    "min_impurity_decrease": (1e-5, 0.5, LOG),
}
FOREST = {
    "max_depth": (1, 15),
    "max_features": (0.01, 0.99),
    "min_samples_split": (0.01, 0.99, LOG),
    "min_samples_leaf": (0.01, 0.49, LOG),
}
BOOSTING = {
    "learning_rate": (1e-3, 1.0, LOG),
    "max_leaf_nodes": (2, 32, LOG),
    "min_samples_leaf": (1, 60, LOG),
    "l2_regularization": (1e-6, 1e2, LOG),
    "max_features": (0.1, 1.0),
}
NEIGHBOURS = {
    "n_neighbors": (1, 50, LOG),
    "weights": ["uniform", "distance"],
    "p": (1.0, 4.0),
}
RBF = {"C": (1e-3, 1e3, LOG), "gamma": (1e-4, 1e1, LOG)}
KERNELS = {
    "C": (1e-3, 1e3, LOG),
    "kernel": ["linear", "poly", "rbf", "sigmoid"],
    "gamma": When((1e-4, 1e1, LOG), kernel=["poly", "rbf", "sigmoid"]),
    "degree": When((2, 5), kernel="poly"),
    "coef0": When((-2.0, 2.0), kernel=["poly", "sigmoid"]),
    "shrinking": [True, False],
}
NETWORK = {
    "solver": ["adam", "sgd"],
    "learning_rate_init": (1e-4, 0.3, LOG),
    "momentum": When((0.0, 0.99), solver="sgd"),
    "nesterovs_momentum": When([True, False], solver="sgd"),
    "beta_1": When((0.5, 0.99), solver="adam"),
    "alpha": (1e-6, 1e1, LOG),
    "activation": ["relu", "tanh", "logistic"],
    "batch_size": (20, 120, LOG),
    "n_layers": ["1", "2"],
    "width_1": (4, 64, LOG),
    "width_2": When((4, 64, LOG), n_layers="2"),
}
CLASSIFIERS = {
    "model": ["svm", "knn", "tree", "logistic"],
    **_shared(20),
    "svm__C": When((1e-3, 1e3, LOG), model="svm"),
    "svm__gamma": When((1e-4, 1e1, LOG), model="svm"),
    "knn__n_neighbors": When((1, 50, LOG), model="knn"),
    "knn__weights": When(["uniform", "distance"], model="knn"),
    "knn__p": When((1.0, 4.0), model="knn"),
    "tree__max_depth": When((1, 15), model="tree"),
    "tree__min_samples_leaf": When((1, 50, LOG), model="tree"),
    "tree__criterion": When(["gini", "entropy"], model="tree"),
    "logistic__C": When((1e-4, 1e3, LOG), model="logistic"),
}
REGRESSORS = {
    "model": ["svm", "knn", "tree", "ridge"],
    **_shared(10),
    "svm__C": When((1e-3, 1e3, LOG), model="svm"),
    "svm__gamma": When((1e-4, 1e1, LOG), model="svm"),
    "svm__epsilon": When((1e-3, 1.0, LOG), model="svm"),
    "knn__n_neighbors": When((1, 50, LOG), model="knn"),
    "knn__weights": When(["uniform", "distance"], model="knn"),
    "tree__max_depth": When((1, 15), model="tree"),
    "tree__min_samples_leaf": When((1, 50, LOG), model="tree"),
    "ridge__alpha": When((1e-4, 1e4, LOG), model="ridge"),
}
_CLASSIFY = _pipeline(
    {
        "svm": SVC,
        "knn": KNeighborsClassifier,
        "tree": functools.partial(DecisionTreeClassifier, random_state=0),
        "logistic": functools.partial(LogisticRegression, max_iter=60),
    }
)
_REGRESS = _pipeline(
    {
        "svm": functools.partial(SVR, max_iter=20_000),
        "knn": KNeighborsRegressor,
        "tree": functools.partial(DecisionTreeRegressor, random_state=0),
        "ridge": Ridge,
    }
)

TASKS = [
    _task("svc_breast_cancer", "report", _with(SVC), RBF, "breast_cancer", 300),
    _task(
        "knn_digits",
        "report",
        _with(KNeighborsClassifier),
        NEIGHBOURS,
        "digits",
        240,
    ),
    _task(
        "tree_diabetes",
        "report",
        _with(DecisionTreeRegressor, random_state=0),
        TREE,
        "diabetes",
        442,
    ),
    _task(
        "forest_digits",
        "report",
        _with(RandomForestClassifier, n_estimators=10, random_state=0),
        FOREST,
        "digits",
        300,
        _log_loss,
    ),
    _task(
        "boosting_clusters",
        "report",
        _with(HistGradientBoostingClassifier, max_iter=15, random_state=0),
        BOOSTING,
        "clusters",
        300,
        _log_loss,
    ),
    _task("mlp_diabetes", "report", _mlp(MLPRegressor), NETWORK, "diabetes", 240),
    _task(
        "logistic_breast_cancer",
        "report",
        _logistic,
        {
            "C": (1e-4, 1e3, LOG),
            "penalty": ["l1", "l2", "elasticnet"],
            "l1_ratio": When((0.0, 1.0), penalty="elasticnet"),
            "class_weight": [None, "balanced"],
            "fit_intercept": [True, False],
        },
        "breast_cancer",
        300,
        _log_loss,
    ),
    _task("kernels_circles", "report", _with(SVC, max_iter=20_000), KERNELS, "circles", 300),
    _task("pipeline_clusters", "report", _CLASSIFY, CLASSIFIERS, "clusters", 300),
    _task("svc_wine", "tune", _with(SVC), RBF, "wine", 178),
    _task(
        "tree_breast_cancer",
        "tune",
        _with(DecisionTreeClassifier, random_state=0),
        TREE,
        "breast_cancer",
        569,
    ),
    _task(
        "forest_friedman",
        "tune",
        _with(RandomForestRegressor, n_estimators=10, random_state=0),
        FOREST,
        "friedman",
        300,
    ),
    _task(
        "boosting_friedman",
        "tune",
        _with(HistGradientBoostingRegressor, max_iter=15, random_state=0),
        BOOSTING,
        "friedman",
        300,
    ),
    _task("mlp_iris", "tune", _mlp(MLPClassifier), NETWORK, "iris", 150, _log_loss),
    _task("kernels_digits", "tune", _with(SVC, max_iter=20_000), KERNELS, "digits", 240),
    _task("pipeline_friedman", "tune", _REGRESS, REGRESSORS, "friedman", 200),
    _task(
        "tree_friedman",
        "tune",
        _with(DecisionTreeRegressor, random_state=0),
        TREE,
        "friedman",
        300,
    ),
    _task(
        "tree_iris",
        "tune",
        _with(DecisionTreeClassifier, random_state=0),
        TREE,
        "iris",
        150,
        _log_loss,
    ),
    _task("knn_wine", "tune", _with(KNeighborsClassifier), NEIGHBOURS, "wine", 178, _log_loss),
    _task(
        "pipeline_wine",
        "tune",
        _CLASSIFY,
        CLASSIFIERS | {"n_components": When((1, 13), project=True)},
        "wine",
        178,
    ),
]
