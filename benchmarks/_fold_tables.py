"""Recorded scores of all candidates of a grid in all folds, for replays that fit no model.

A table has the shape of the grid, and one more axis of folds.
"""

import itertools
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

TABLES = Path(__file__).parent / "results" / "fold_tables.npz"
FOLDS = {"3": (3, 1), "5": (5, 1), "10": (10, 1), "5x5": (5, 5)}
_SCORES = {}  # of the tables that are replayed


def _sample(data, n):
    X, y = data(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:n]
    return X[rows], y[rows]


def _logs(low, high, n=10):
    return np.logspace(low, high, n).tolist()


def pairs():
    """Pipeline, grid and data of each pair; a grid has about 100 candidates."""
    rng = np.random.default_rng(0)
    cancer, digits = _sample(load_breast_cancer, 400), _sample(load_digits, 500)
    diabetes = _sample(load_diabetes, 442)
    friedman = make_friedman1(300, noise=1, random_state=0)
    mixed = make_classification(400, 20, n_informative=6, flip_y=0.1, random_state=0)
    svc = make_pipeline(StandardScaler(), SVC())
    rbf = {"svc__C": _logs(-3, 3), "svc__gamma": _logs(-5, 1)}
    forest = {
        "max_depth": [1, 2, 4, 7, 15],
        "min_samples_leaf": [1, 2, 5, 10, 25],
        "max_features": [0.05, 0.2, 0.5, 0.95],
    }
    return {
        "SVC, breast cancer": (svc, rbf, cancer),
        "SVC, digits": (svc, rbf, digits),
        "SVC, random labels": (svc, rbf, (rng.normal(size=(150, 10)), rng.integers(0, 2, 150))),
        "logistic regression, breast cancer": (
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
            {
                "logisticregression__C": _logs(-4, 3, 50),
                "logisticregression__class_weight": [None, "balanced"],
            },
            cancer,
        ),
        "k-NN after PCA, digits": (
            make_pipeline(PCA(random_state=0), KNeighborsClassifier()),
            {
                "pca__n_components": [2, 4, 7, 10, 15, 22, 30],
                "kneighborsclassifier__n_neighbors": [1, 2, 3, 5, 8, 13, 25],
                "kneighborsclassifier__weights": ["uniform", "distance"],
            },
            digits,
        ),
        "tree, breast cancer": (
            DecisionTreeClassifier(random_state=0),
            {
                "max_depth": [1, 2, 3, 4, 6, 8, 12],
                "min_samples_leaf": [1, 2, 4, 7, 12, 20, 40],
                "criterion": ["gini", "entropy"],
            },
            cancer,
        ),
        "random forest, classification": (
            RandomForestClassifier(10, random_state=0),
            forest,
            mixed,
        ),
        "extra trees, wine": (
            ExtraTreesClassifier(10, random_state=0),
            forest,
            load_wine(return_X_y=True),
        ),
        "gradient boosting, Friedman": (
            GradientBoostingRegressor(n_estimators=30, random_state=0),
            {
                "learning_rate": _logs(-2, 0, 8),
                "max_depth": [1, 2, 3, 5],
                "subsample": [0.4, 0.7, 1.0],
            },
            friedman,
        ),
        "SVR, diabetes": (
            make_pipeline(StandardScaler(), SVR()),
            {"svr__C": _logs(-1, 4), "svr__gamma": _logs(-5, 0)},
            diabetes,
        ),
        "kernel ridge, diabetes": (
            make_pipeline(StandardScaler(), KernelRidge(kernel="rbf")),
            {"kernelridge__alpha": _logs(-4, 1), "kernelridge__gamma": _logs(-4, 0)},
            (diabetes[0], diabetes[1] / 100 - 1.5),
        ),
        "elastic net, Friedman": (
            make_pipeline(
                StandardScaler(), PolynomialFeatures(2, include_bias=False), ElasticNet()
            ),
            {
                "elasticnet__alpha": _logs(-3, 1, 14),
                "elasticnet__l1_ratio": [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95],
            },
            friedman,
        ),
    }


def _splitter(folds, is_classifier):
    n_splits, n_repeats = FOLDS[folds]
    if n_repeats == 1:
        kind = StratifiedKFold if is_classifier else KFold
        return kind(n_splits, shuffle=True, random_state=0)
    kind = RepeatedStratifiedKFold if is_classifier else RepeatedKFold
    return kind(n_splits=n_splits, n_repeats=n_repeats, random_state=0)


def _scores(estimator, names, values, data, is_classifier):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        candidate = clone(estimator).set_params(**dict(zip(names, values)))
        cvs = (_splitter(folds, is_classifier) for folds in FOLDS)
        return np.concatenate([cross_val_score(candidate, *data, cv=cv) for cv in cvs])


def record(n_jobs=1):
    """Record all tables; takes about 10 minutes of CPU time."""
    tables = {}
    for name, (estimator, grid, data) in pairs().items():
        is_classifier = len(np.unique(data[1])) < 20
        run = delayed(_scores)
        rows = Parallel(n_jobs=n_jobs)(
            run(estimator, list(grid), values, data, is_classifier)
            for values in itertools.product(*grid.values())
        )
        shape = [len(values) for values in grid.values()]
        scores = np.array(rows).reshape(*shape, -1)
        ends = np.cumsum([n * m for n, m in FOLDS.values()])[:-1]
        for folds, part in zip(FOLDS, np.split(scores, ends, axis=-1)):
            tables[f"{name}|{folds}"] = part.astype(np.float32)
        print(name, scores.shape, flush=True)
        np.savez_compressed(TABLES, **tables)


def load():
    """Tables by pair and folds."""
    if not TABLES.exists():
        record()
    with np.load(TABLES) as stored:
        return {tuple(key.split("|")): stored[key].astype(float) for key in stored}


class LookUp(BaseEstimator):
    """An estimator whose score in a fold is read from a table; `a`, `b`, `c` are indices."""

    def __init__(self, a=0, b=0, c=0, table=""):
        self.a, self.b, self.c, self.table = a, b, c, table

    def fit(self, X, y=None):
        return self

    def score(self, X, y=None):
        scores = _SCORES[self.table]
        index = (self.a, self.b, self.c)[: scores.ndim - 1]
        return float(scores[(*index, int(X[0, 0]))])


def replayed(table):
    """Estimator, grid of indices, data and folds of a search that reads `table`."""
    key = f"{id(table)}"
    _SCORES[key] = table
    n_folds = table.shape[-1]
    grid = {name: list(range(n)) for name, n in zip("abc", table.shape[:-1])}
    cv = [(np.array([0]), np.array([fold])) for fold in range(n_folds)]
    return LookUp(table=key), grid, np.arange(n_folds)[:, None], cv


if __name__ == "__main__":
    record()
