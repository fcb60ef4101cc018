"""Four workers on fits of uneven length: busy share, and throughput compared with a batch search.

python benchmarks/workers.py

A fit sleeps; its length is log-normal with sigma 1 and a median of `MEDIAN` seconds, and that of
the i-th fit the same in all searches with one seed. The score is minus Branin's function. The
*ideal* gives the next fit to the first worker that is free, with no time between fits.
"""

import _environment  # isort: skip  (fixes threads)

import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import ShuffleSplit

from skhyper import BayesSearchCV

SEEDS, N_TRIALS, N_WORKERS, MEDIAN = range(5), 40, 4, 1.0
X, y = np.zeros((20, 1)), np.arange(20) % 2
CV = ShuffleSplit(1, random_state=0)


class Sleeps(ClassifierMixin, BaseEstimator):
    """The i-th fit that finds no file i in `folder` sleeps for the i-th of `lengths`."""

    def __init__(self, u=0.5, v=0.5, folder="", lengths=()):
        self.u, self.v, self.folder, self.lengths = u, v, folder, lengths

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        for i, seconds in enumerate(self.lengths):
            try:
                os.close(os.open(os.path.join(self.folder, str(i)), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            time.sleep(seconds)
            break
        return self

    def score(self, X, y):
        a, b = 15 * self.u - 5, 15 * self.v
        bowl = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
        return -(bowl**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


def ideal_seconds(lengths):
    """Length of the search with no time between fits."""
    free = np.zeros(N_WORKERS)
    for seconds in lengths:
        free[free.argmin()] += seconds
    return float(free.max())


def batch_ideal_seconds(lengths):
    """The same if each fit waits for all those of its batch."""
    batches = np.asarray(lengths).reshape(-1, N_WORKERS)
    return float(batches.max(axis=1).sum())


def run(kind, lengths, seed):
    """Seconds and best score of one search, with workers that have started before."""
    space = {"u": (0.0, 1.0), "v": (0.0, 1.0)}
    common = {"cv": CV, "n_jobs": N_WORKERS, "refit": False}
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as folder:
        estimator = Sleeps(folder=folder, lengths=tuple(lengths))
        if kind == "skhyper":
            warm = Sleeps(folder=first, lengths=(1.0,) * 3 * N_WORKERS)
            BayesSearchCV(warm, space, n_iter=3 * N_WORKERS, **common).fit(X, y)
            search = BayesSearchCV(estimator, space, n_iter=len(lengths), **common)
        else:
            from skopt import BayesSearchCV as SkoptBayesSearchCV

            joblib.Parallel(N_WORKERS)(joblib.delayed(time.sleep)(0.5) for _ in range(N_WORKERS))
            search = SkoptBayesSearchCV(
                estimator,
                space,
                n_iter=len(lengths),
                n_points=N_WORKERS,
                random_state=seed,
                **common,
            )
        start = time.perf_counter()
        search.fit(X, y)
        seconds = time.perf_counter() - start
        n_fits = len(list(Path(folder).iterdir()))
    assert n_fits == len(lengths), "each length was used once"
    return {"seconds": seconds, "best": float(search.best_score_)}


def summary(rows):
    share = [row["ideal"] / row["skhyper"]["seconds"] for row in rows]
    faster = [row["skopt"]["seconds"] / row["skhyper"]["seconds"] for row in rows]
    waiting = [row["batch_ideal"] / row["ideal"] for row in rows]
    best = {kind: [row[kind]["best"] for row in rows] for kind in ("skhyper", "skopt")}
    return {
        "busy_share_of_ideal": float(np.median(share)),
        "throughput_to_skopt": float(np.median(faster)),
        "throughput_to_ideal_batches": float(np.median(np.array(share) * waiting)),
        "best_mean": {kind: float(np.mean(values)) for kind, values in best.items()},
        "best_standard_error": {
            kind: float(np.std(values, ddof=1) / np.sqrt(len(values)))
            for kind, values in best.items()
        },
    }


def main(seeds, n_trials):
    result = _environment.environment("python benchmarks/workers.py")
    rows = []
    for seed in seeds:
        lengths = MEDIAN * np.random.default_rng(seed).lognormal(0.0, 1.0, n_trials)
        row = {"seed": seed, "fit_seconds": float(lengths.sum())}
        row["ideal"] = ideal_seconds(lengths)
        row["batch_ideal"] = batch_ideal_seconds(lengths)
        for kind in ("skhyper", "skopt"):
            row[kind] = run(kind, lengths, seed)
        rows.append(row)
        print(row, flush=True)
    found = summary(rows)
    print(found)
    settings = {"n_trials": n_trials, "n_workers": N_WORKERS, "median_seconds": MEDIAN}
    name = "workers.json" if n_trials == N_TRIALS else "workers-fast.json"
    print(_environment.write(name, {**result, **settings, "rows": rows, "summary": found}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    fast = "--fast" in sys.argv
    main(SEEDS[:2] if fast else SEEDS, 12 if fast else N_TRIALS)
