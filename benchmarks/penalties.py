"""CPU time of grids of 60 penalties with ``reuse="tolerance"``, over that of ``reuse=None``.

    python benchmarks/penalties.py       # about 3 minutes; --fast: small data, seconds

Besides, searches with cheap fits that share nothing, with ``reuse="auto"`` over ``reuse=None``.
"""

import _environment  # isort: skip  (fixes the number of threads before numpy is imported)

import argparse
import statistics
import time
import warnings
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.datasets import load_iris, make_regression
from sklearn.linear_model import ElasticNet, Lasso, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from skhyper import BayesSearchCV, GridSearchCV

N_PENALTIES = 60
BAR_OF_OVERHEAD = 1.02


def largest_penalty(X, y, l1_ratio):
    """The smallest penalty for which all coefficients are 0."""
    return np.abs(X.T @ (y - y.mean())).max() / len(y) / l1_ratio


def tasks(scale):
    """Estimators, penalties and data."""
    ridge = np.logspace(-2, 5, N_PENALTIES)
    X, y = make_regression(2000 // scale, 200 // scale, n_informative=50, noise=50, random_state=0)
    lasso = largest_penalty(X, y, 1.0) * np.logspace(0, -3, N_PENALTIES)
    rng = np.random.default_rng(0)
    wide = sparse.random(5000 // scale, 20_000 // scale, 0.002, "csr", random_state=0)
    target = wide @ (rng.normal(size=wide.shape[1]) * (rng.random(wide.shape[1]) < 0.02))
    target += rng.normal(size=len(target)) * target.std() / 2
    mixed = largest_penalty(wide, target, 0.5) * np.logspace(0, -2, N_PENALTIES)
    size, sparse_size = ("{} x {}".format(*data.shape) for data in (X, wide))
    return {
        f"`Ridge`, {size}": (Ridge(), ridge, X, y),
        f"`RidgeClassifier`, {size}": (RidgeClassifier(), ridge, X, y > 0),
        f"`Lasso`, {size}": (Lasso(), lasso, X, y),
        f"`ElasticNet`, sparse, {sparse_size}": (ElasticNet(), mixed, wide, target),
    }


def compared(make, X, y, kind, repeats):
    """Median ratio of the CPU times of both kinds, run in turn, and the last searches."""
    seconds, searches = {kind: [], None: []}, {}
    for i in range(repeats):
        for reuse in (kind, None) if i % 2 else (None, kind):
            searches[reuse] = make(reuse)
            start = time.process_time()
            searches[reuse].fit(X, y)
            seconds[reuse].append(time.process_time() - start)
    medians = {str(reuse): statistics.median(found) for reuse, found in seconds.items()}
    ratio = medians[kind] / medians["None"]
    return {"seconds": medians, "ratio": ratio}, searches[kind], searches[None]


def penalty_row(task, repeats):
    model, penalties, X, y = task

    def make(reuse):
        return GridSearchCV(model, {"alpha": penalties}, cv=5, refit=False, reuse=reuse)

    row, shared, plain = compared(make, X, y, "tolerance", repeats)
    scores = [search.cv_results_["mean_test_score"] for search in (shared, plain)]
    row["largest_difference"] = float(np.abs(scores[0] - scores[1]).max())
    row["same_winner"] = bool(scores[0].argmax() == scores[1].argmax())
    return row | {"fits_made": shared.reuse_.fits_made, "fits_asked": shared.reuse_.fits_asked}


def cheap(kind, reuse):
    more = {"cv": 5, "refit": False, "reuse": reuse}
    if kind == "grid":
        return GridSearchCV(GaussianNB(), {"var_smoothing": np.logspace(-9, 0, 20)}, **more)
    if kind == "grid of ridge":
        return GridSearchCV(Ridge(), {"alpha": np.logspace(-9, 0, 20)}, **more)
    space = {"var_smoothing": (1e-9, 1.0, "log-uniform")}
    return BayesSearchCV(GaussianNB(), space, n_iter=10, random_state=0, **more)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    result = _environment.environment("python benchmarks/penalties.py")
    scale, repeats = (10, 1) if options.fast else (1, 3)
    rows, overheads = {}, {}
    for name, task in tasks(scale).items():
        rows[name] = penalty_row(task, repeats)
        print(name, rows[name], flush=True)
    for kind in ("grid", "grid of ridge", "Bayes"):
        n = 15 * repeats if kind != "Bayes" else 7 * repeats
        X, y = load_iris(return_X_y=True)
        found, *_ = compared(partial(cheap, kind), X, y, "auto", n)
        overheads[kind] = found
        print(kind, found, flush=True)
    summary = {
        "largest_overhead": max(row["ratio"] for row in overheads.values()),
        "bar_of_overhead": BAR_OF_OVERHEAD,
    }
    more = {"seeds": [0], "rows": rows, "overheads": overheads, "summary": summary}
    name = "penalties-fast.json" if options.fast else "penalties.json"
    print(summary, _environment.write(name, {**result, **more}))


if __name__ == "__main__":
    main()
