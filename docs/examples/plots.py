"""
All pictures of a search
========================

Draw all pictures of ``skhyper.plotting``: those of ``docs/user_guide/plots.md``.

Run it from a clone::

    python docs/examples/plots.py [--output plots]

Takes about half a minute on one core.
"""

import argparse
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, When
from skhyper.plotting import (
    ConvergenceDisplay,
    FoldScoresDisplay,
    GradientPathDisplay,
    ImportanceDisplay,
    IterationCurveDisplay,
    ParallelCoordinatesDisplay,
    PartialDependenceDisplay,
    RaceDisplay,
    ValidationCurveDisplay,
    WorkersDisplay,
)

SEED = 0
RANGES = {"svc__C": (1e-2, 1e3, "log-uniform"), "svc__gamma": (1e-5, 1e0, "log-uniform")}


def make_svc():
    return make_pipeline(StandardScaler(), SVC())


def svc_searches(X, y):
    """Grid, random, Bayesian and gradient search of the same SVC."""
    grid = {"svc__C": [0.01, 0.1, 1, 10, 100], "svc__gamma": [1e-4, 1e-3, 1e-2, 1e-1]}
    random = {"svc__C": loguniform(1e-2, 1e3), "svc__gamma": loguniform(1e-5, 1e0)}
    options = {"random_state": SEED}
    searches = {
        "grid": GridSearchCV(make_svc(), grid, return_train_score=True),
        "random": RandomizedSearchCV(make_svc(), random, n_iter=30, **options),
        "Bayesian": BayesSearchCV(make_svc(), RANGES, n_iter=30, **options),
        "gradient": GradientSearchCV(make_svc(), RANGES, **options),
    }
    return {name: search.fit(X, y) for name, search in searches.items()}


def conditional_search(X, y):
    """A search over three models, each with hyperparameters of its own."""
    models = [
        SVC(),
        LogisticRegression(max_iter=500),
        RandomForestClassifier(n_estimators=20, random_state=SEED),
    ]
    svc, logistic, forest = models
    space = {
        "model": models,
        "model__C": When((1e-3, 1e3, "log-uniform"), model=[svc, logistic]),
        "model__gamma": When((1e-5, 1e0, "log-uniform"), model=svc),
        "model__max_depth": When((1, 12), model=forest),
    }
    pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC())])
    return BayesSearchCV(pipeline, space, n_iter=40, random_state=SEED).fit(X, y)


def search_with_failures(X, y):
    """Not every solver supports every penalty."""
    space = {
        "C": loguniform(1e-3, 1e3),
        "solver": ["lbfgs", "liblinear", "saga"],
        "l1_ratio": uniform(0, 1),
        "penalty": ["l1", "l2", "elasticnet"],
    }
    search = RandomizedSearchCV(LogisticRegression(max_iter=200), space, n_iter=40, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of failed fits and of few iterations
        return search.fit(StandardScaler().fit_transform(X), y)


def race(X, y):
    """A random search that stops candidates which are very unlikely to become the best."""
    space = {"svc__C": loguniform(1e-2, 1e3), "svc__gamma": loguniform(1e-5, 1e0)}
    options = {"n_iter": 40, "random_state": SEED, "racing": True, "cv": 10}
    return RandomizedSearchCV(make_svc(), space, **options).fit(X, y)


def boosting_search():
    X, y = load_diabetes(return_X_y=True)
    space = {
        "learning_rate": (1e-2, 1e0, "log-uniform"),
        "max_leaf_nodes": (2, 40),
        "min_samples_leaf": (2, 60, "log-uniform"),
        "loss": ["squared_error", "absolute_error"],
    }
    booster = HistGradientBoostingRegressor(max_iter=40, random_state=SEED)
    options = {"n_iter": 30, "random_state": SEED, "n_jobs": 2, "return_train_score": True}
    return BayesSearchCV(booster, space, **options).fit(X, y)


def iterations(X, y):
    """Scores of a boosting over its rounds."""
    booster = GradientBoostingClassifier(n_estimators=120, max_depth=2, random_state=SEED)
    grid = {"learning_rate": [0.1, 0.5]}
    search = GridSearchCV(booster, grid, scoring="neg_log_loss", keep="models").fit(X, y)
    return IterationCurveDisplay.from_search(search, X, y)


def make_displays():
    """The pictures by name."""
    X, y = load_breast_cancer(return_X_y=True)
    X, y = X[:300], y[:300]
    searches = svc_searches(X, y)
    conditional, boosting = conditional_search(X, y), boosting_search()
    return {
        "convergence": ConvergenceDisplay.from_search(searches),
        "trials": ConvergenceDisplay.from_search(search_with_failures(X, y)),
        "parallel": ParallelCoordinatesDisplay.from_search(conditional),
        "dependence": PartialDependenceDisplay.from_search(boosting),
        "importance": ImportanceDisplay.from_search(boosting),
        "folds": FoldScoresDisplay.from_search(boosting, n_candidates=8),
        "race": RaceDisplay.from_search(race(X, y)),
        "paths": GradientPathDisplay.from_search(searches["gradient"]),
        "validation": ValidationCurveDisplay.from_search(searches["grid"], "svc__C"),
        "iterations": iterations(X, y),
        "workers": WorkersDisplay.from_search(boosting),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("plots"), help="the folder")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, display in make_displays().items():
        display.figure_.savefig(output / f"{name}.png", dpi=60)
    print(f"The pictures are in {output}.")


if __name__ == "__main__":
    main()
