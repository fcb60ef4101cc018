"""Families of estimators from which knowledge is learned, and what is searched."""

import importlib.util
from dataclasses import dataclass, field

from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


def real(low, high, log=True, unit=None):
    spec = {"kind": "real", "low": low, "high": high, "log": log}
    return spec if unit is None else spec | {"unit": unit}


def integer(low, high, log=True):
    return {"kind": "integer", "low": low, "high": high, "log": log}


def choices(*values):
    return {"kind": "choices", "choices": list(values)}


@dataclass(frozen=True)
class Family:
    """One class of estimators.

    `rows` are the most rows of a data set, in turn, so that sizes differ; `n_design` candidates are
    tried on all data sets, and `n_searched` more by a search on each, for each of `tuned`, which
    are metrics; data sets with more than `n_classes` classes are left out.
    """

    estimator: object
    ranges: dict
    rows: tuple
    scaled: bool = False
    requires: dict = field(default_factory=dict)
    tuned: tuple = ("error", "log_loss")
    n_design: int = 96
    n_searched: int = 16
    n_classes: int = 26
    n_sets: int = 40

    @property
    def metrics(self):
        """Metrics of which knowledge is learned; those for ranking come from the same fits."""
        return self.tuned if self.regression else tuple({**dict.fromkeys(self.tuned), "ranking": 0})

    @property
    def regression(self):
        return type(self.estimator).__name__ in _REGRESSORS


_REGRESSORS = {
    "KNeighborsRegressor",
    "DecisionTreeRegressor",
    "ElasticNet",
    "SVR",
    "RandomForestRegressor",
    "ExtraTreesRegressor",
    "HistGradientBoostingRegressor",
    "GradientBoostingRegressor",
    "MLPRegressor",
    "XGBRegressor",
    "LGBMRegressor",
}
_NEIGHBORS = {
    "n_neighbors": integer(1, 100),
    "weights": choices("uniform", "distance"),
    "p": choices(1, 2),
}
_TREE = {
    "max_depth": integer(1, 30),
    "min_samples_split": integer(2, 128),
    "min_samples_leaf": integer(1, 64),
}
_SVM = {"C": real(1e-2, 1e4), "gamma": real(1e-3, 1e2, unit="1/(p var)")}
_FOREST = {
    "max_features": real(0.05, 1.0),
    "min_samples_leaf": integer(1, 50),
    "bootstrap": choices(True, False),
    "max_samples": real(0.2, 1.0, log=False),
}
_EXTRA = {"max_features": real(0.05, 1.0), "min_samples_split": integer(2, 32)}
_HISTOGRAMS = {
    "learning_rate": real(5e-3, 0.5),
    "max_iter": integer(50, 500),
    "max_leaf_nodes": integer(4, 512),
    "min_samples_leaf": integer(1, 200),
    "l2_regularization": real(1e-8, 10.0),
    "max_features": real(0.3, 1.0, log=False),
}
_BOOSTING = {
    "learning_rate": real(1e-2, 0.5),
    "n_estimators": integer(50, 500),
    "subsample": real(0.4, 1.0, log=False),
    "max_depth": integer(1, 10, log=False),
    "max_features": real(0.1, 1.0, log=False),
    "min_samples_leaf": integer(1, 100),
}
_XGBOOST = {
    "learning_rate": real(5e-3, 0.3),
    "n_estimators": integer(50, 500),
    "max_depth": integer(3, 10, log=False),
    "min_child_weight": real(1e-3, 64.0),
    "subsample": real(0.5, 1.0, log=False),
    "colsample_bytree": real(0.5, 1.0, log=False),
    "reg_alpha": real(1e-4, 10.0),
    "reg_lambda": real(1e-4, 10.0),
}
_LIGHTGBM = {
    "learning_rate": real(5e-3, 0.3),
    "n_estimators": integer(50, 500),
    "num_leaves": integer(4, 256),
    "min_child_samples": integer(1, 100),
    "colsample_bytree": real(0.4, 1.0, log=False),
    "subsample": real(0.6, 1.0, log=False),
    "reg_alpha": real(1e-6, 10.0),
    "reg_lambda": real(1e-6, 10.0),
}
_LAYERS = [(16,), (32,), (64,), (128,), (256,), (32, 32), (64, 64), (128, 128), (256, 256)]
_NETWORK = {
    "hidden_layer_sizes": choices(*_LAYERS),
    "activation": choices("relu", "tanh"),
    "alpha": real(1e-7, 1e-1),
    "learning_rate_init": real(1e-4, 1e-1),
}
_SQUARED = ("squared_error",)
_SEED = {"random_state": 0}
_DEAR = {
    "n_design": 40,
    "n_searched": 6,
    "n_classes": 3,
    "n_sets": 20,
    "rows": (250, 400, 600),
}
_QUICK = {
    "n_design": 64,
    "n_searched": 12,
    "n_classes": 5,
    "n_sets": 30,
    "rows": (300, 800, 2000),
}

FAMILIES = {
    "KNeighborsClassifier": Family(
        KNeighborsClassifier(), _NEIGHBORS, (300, 800, 2000), scaled=True
    ),
    "DecisionTreeClassifier": Family(
        DecisionTreeClassifier(**_SEED),
        _TREE | {"ccp_alpha": real(1e-5, 1e-1)},
        (300, 1000, 4000),
    ),
    "LogisticRegression": Family(
        LogisticRegression(max_iter=300),
        {"C": real(1e-4, 1e4)},
        (250, 600, 1500),
        scaled=True,
        n_design=32,
        n_searched=8,
    ),
    "ElasticNet": Family(
        ElasticNet(),
        {
            "alpha": real(2e-4, 2.0, unit="alpha_max"),
            "l1_ratio": real(0.05, 1.0, log=False),
        },
        (300, 1000, 4000),
        scaled=True,
        tuned=_SQUARED,
    ),
    "SVC": Family(
        SVC(cache_size=500),
        _SVM,
        (250, 450, 800),
        scaled=True,
        requires={"kernel": "rbf"},
        tuned=("error", "ranking"),
    ),
    "SVR": Family(
        SVR(cache_size=500, max_iter=200_000),
        {
            "C": real(1e-2, 1e4, unit="std(y)"),
            "gamma": _SVM["gamma"],
            "epsilon": real(1e-3, 1.0, unit="std(y)"),
        },
        (250, 350, 500),
        scaled=True,
        requires={"kernel": "rbf"},
        tuned=_SQUARED,
        n_design=64,
        n_searched=12,
        n_sets=30,
    ),
    "DecisionTreeRegressor": Family(
        DecisionTreeRegressor(**_SEED),
        _TREE | {"ccp_alpha": real(1e-5, 1e-1, unit="var(y)")},
        (300, 1000, 4000),
        tuned=_SQUARED,
    ),
    "KNeighborsRegressor": Family(
        KNeighborsRegressor(), _NEIGHBORS, (300, 800, 2000), scaled=True, tuned=_SQUARED
    ),
    "ExtraTreesClassifier": Family(
        ExtraTreesClassifier(20, **_SEED),
        _EXTRA,
        (300, 800, 2000),
        n_design=40,
        n_searched=6,
        n_sets=24,
    ),
    "RandomForestClassifier": Family(
        RandomForestClassifier(20, **_SEED),
        _FOREST,
        (250, 400, 800),
        n_design=40,
        n_searched=6,
        n_sets=24,
    ),
    "RandomForestRegressor": Family(
        RandomForestRegressor(20, **_SEED),
        _FOREST,
        (250, 400, 800),
        tuned=_SQUARED,
        n_design=40,
        n_searched=6,
        n_sets=24,
    ),
    "ExtraTreesRegressor": Family(
        ExtraTreesRegressor(20, **_SEED),
        _EXTRA,
        (300, 800, 2000),
        tuned=_SQUARED,
        n_design=40,
        n_searched=6,
        n_sets=24,
    ),
    "HistGradientBoostingClassifier": Family(
        HistGradientBoostingClassifier(early_stopping=False, **_SEED), _HISTOGRAMS, **_DEAR
    ),
    "HistGradientBoostingRegressor": Family(
        HistGradientBoostingRegressor(early_stopping=False, **_SEED),
        _HISTOGRAMS,
        tuned=_SQUARED,
        **_DEAR,
    ),
    "MLPClassifier": Family(MLPClassifier(max_iter=100, **_SEED), _NETWORK, scaled=True, **_DEAR),
    "MLPRegressor": Family(
        MLPRegressor(max_iter=100, **_SEED), _NETWORK, scaled=True, tuned=_SQUARED, **_DEAR
    ),
    "GradientBoostingClassifier": Family(GradientBoostingClassifier(**_SEED), _BOOSTING, **_DEAR),
    "GradientBoostingRegressor": Family(
        GradientBoostingRegressor(**_SEED), _BOOSTING, tuned=_SQUARED, **_DEAR
    ),
}


def _add_boosters():
    """Of packages that may be missing; their tables are then not made."""
    if importlib.util.find_spec("xgboost") is not None:
        from xgboost import XGBClassifier, XGBRegressor

        options = {"n_jobs": 1, **_SEED}
        FAMILIES["XGBClassifier"] = Family(
            XGBClassifier(**options), _XGBOOST, requires={"booster": "gbtree"}, **_QUICK
        )
        FAMILIES["XGBRegressor"] = Family(
            XGBRegressor(**options),
            _XGBOOST,
            requires={"booster": "gbtree"},
            tuned=_SQUARED,
            **_QUICK,
        )
    if importlib.util.find_spec("lightgbm") is not None:
        from lightgbm import LGBMClassifier, LGBMRegressor

        options = {"subsample_freq": 1, "n_jobs": 1, "verbose": -1, **_SEED}
        FAMILIES["LGBMClassifier"] = Family(
            LGBMClassifier(**options), _LIGHTGBM, requires={"boosting_type": "gbdt"}, **_DEAR
        )
        FAMILIES["LGBMRegressor"] = Family(
            LGBMRegressor(**options),
            _LIGHTGBM,
            requires={"boosting_type": "gbdt"},
            tuned=_SQUARED,
            **_QUICK,
        )


_add_boosters()
