"""Bayesian search with and without candidates that the fits of a proposal answer for.

For each problem, seed and number of added values (0 is ``reuse=None``): the best score after each
proposal, with the seconds of all trials so far; and grids with and without shared fits: the ratio
of their CPU times, the median of three. Writes JSON to the path given; ``--fast`` has one seed. The
number of values is ``_N_VALUES`` of ``skhyper/evaluation/_paths.py``.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.neighbors import KNeighborsRegressor

from skhyper import BayesSearchCV, GridSearchCV
from skhyper.evaluation import _paths

N_ITER, N_VALUES = 24, (0, 2, 4, 8)


def problems():
    """Names, estimators, spaces, scores and data."""
    rate = (0.01, 1.0, "log-uniform")
    X, y = load_diabetes(return_X_y=True)
    space = {"n_estimators": (10, 400, "log-uniform"), "learning_rate": rate, "max_depth": (1, 6)}
    boosting = GradientBoostingRegressor(random_state=0)
    yield "boosting", boosting, {**space, "subsample": (0.4, 1.0)}, "r2", X, y
    X, y = load_digits(return_X_y=True)
    space = {"max_iter": (10, 150, "log-uniform"), "learning_rate": rate}
    space |= {
        "max_leaf_nodes": (3, 40, "log-uniform"),
        "l2_regularization": (1e-3, 1e2, "log-uniform"),
    }
    histograms = HistGradientBoostingClassifier(random_state=0)
    yield "histograms", histograms, space, "neg_log_loss", X[:500], y[:500] % 2
    X, y = load_breast_cancer(return_X_y=True)
    space = {"n_estimators": (10, 200, "log-uniform"), "max_features": (0.05, 1.0)}
    space |= {"min_samples_leaf": (1, 20, "log-uniform"), "max_depth": (2, 16)}
    forest = RandomForestClassifier(random_state=0)
    yield "forest", forest, space, "neg_log_loss", X[::2], y[::2]


def traced(estimator, space, scoring, X, y, seed, n_values):
    """Best score and spent seconds after each proposal, and CPU seconds of the whole search."""
    _paths._N_VALUES = n_values
    reuse = "auto" if n_values else None
    search = BayesSearchCV(
        estimator, space, n_iter=N_ITER, cv=3, scoring=scoring, random_state=seed, reuse=reuse
    )
    start = time.process_time()
    search.set_params(refit=False).fit(X, y)
    cpu = time.process_time() - start
    best, spent, curve = -np.inf, 0.0, []
    for trial in search.history_:
        best, spent = max(best, -trial.loss), spent + trial.seconds
        point = {"best": best, "seconds": spent}
        if trial.shared:
            curve[-1] = point
        else:
            curve.append(point)
    return {"curve": curve, "cpu": cpu, "n_trials": search.n_trials_}


def grids():
    """Names, estimators, grids and data."""
    X, y = load_digits(return_X_y=True)
    forest = RandomForestClassifier(random_state=0)
    yield "forest", forest, {"n_estimators": [10, 25, 50, 100, 200]}, X[:600], y[:600]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 6))
    y = X @ rng.normal(size=6) + rng.normal(size=4000)
    boosting = GradientBoostingRegressor(random_state=0)
    yield "boosting", boosting, {"n_estimators": [10, 20, 40, 80, 160]}, X[:1000], y[:1000]
    yield "neighbors", KNeighborsRegressor(), {"n_neighbors": [1, 3, 5, 9, 15, 25, 40]}, X, y
    yield "nothing to share", forest.set_params(n_estimators=5), {"max_depth": [2, 4, 6]}, X, y > 0


def ratio(estimator, grid, X, y):
    """CPU time with shared fits, relative to that without."""
    seconds = {"auto": [], None: []}
    for _ in range(3):
        for reuse, found in seconds.items():
            start = time.process_time()
            GridSearchCV(estimator, grid, cv=3, refit=False, reuse=reuse).fit(X, y)
            found.append(time.process_time() - start)
    return float(np.median(seconds["auto"]) / np.median(seconds[None]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--fast", action="store_true")
    args = parser.parse_args()
    rows = [{"grid": name, "ratio": ratio(*problem)} for name, *problem in grids()]
    for seed in range(1 if args.fast else 3):
        for name, *problem in problems():
            for n_values in N_VALUES:
                row = {"problem": name, "seed": seed, "n_values": n_values}
                rows.append(row | traced(*problem, seed, n_values))
                args.path.write_text(json.dumps(rows))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
