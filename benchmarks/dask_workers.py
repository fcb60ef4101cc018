"""Busy share of four Dask workers on fits of uneven length.

python benchmarks/dask_workers.py

A fit sleeps; its length is log-normal with sigma 1 and a median of `MEDIAN` seconds. The *ideal*
gives the next fit to the first worker that is free, with no time between fits.
"""

import _environment  # isort: skip  (fixes threads)

import sys
import time

import joblib
import numpy as np
from dask.distributed import Client, LocalCluster
from sklearn.base import BaseEstimator
from sklearn.model_selection import ShuffleSplit

from skhyper import BayesSearchCV

SEEDS, N_TRIALS, N_WORKERS, MEDIAN = range(3), 40, 4, 1.0
X, y = np.zeros((20, 1)), np.arange(20) % 2
CV = ShuffleSplit(1, random_state=0)


class Sleeps(BaseEstimator):
    """Sleeps for a random time that `u`, `v` and `seed` determine."""

    def __init__(self, u=0.5, v=0.5, seed=0, median=MEDIAN):
        self.u, self.v, self.seed, self.median = u, v, seed, median

    def fit(self, X, y):
        rng = np.random.default_rng([self.seed, int(self.u * 2**52), int(self.v * 2**52)])
        time.sleep(self.median * rng.lognormal())
        return self

    def score(self, X, y):
        return -((self.u - 0.3) ** 2) - (self.v - 0.6) ** 2


def ideal_seconds(lengths):
    free = np.zeros(N_WORKERS)
    for seconds in lengths:
        free[free.argmin()] += seconds
    return float(free.max())


def run(seed, n_trials):
    space = {"u": (0.0, 1.0), "v": (0.0, 1.0)}
    common = {"cv": CV, "refit": False}
    BayesSearchCV(Sleeps(median=0.1), space, n_iter=3 * N_WORKERS, **common).fit(X, y)  # warm up
    start = time.perf_counter()
    search = BayesSearchCV(Sleeps(seed=seed), space, n_iter=n_trials, **common).fit(X, y)
    seconds = time.perf_counter() - start
    trials = sorted(search.history_, key=lambda trial: trial.started)
    ideal = ideal_seconds([trial.seconds for trial in trials])
    return {"seed": seed, "seconds": seconds, "ideal": ideal, "share": ideal / seconds}


def main(seeds, n_trials, name):
    result = _environment.environment("python benchmarks/dask_workers.py")
    options = {"n_workers": N_WORKERS, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster), joblib.parallel_config("dask"):
        rows = [run(seed, n_trials) for seed in seeds]
    share = float(np.median([row["share"] for row in rows]))
    print(rows, share)
    settings = {"n_trials": n_trials, "n_workers": N_WORKERS, "median_seconds": MEDIAN}
    summary = {"busy_share_of_ideal": share}
    print(_environment.write(name, {**result, **settings, "rows": rows, "summary": summary}))


if __name__ == "__main__":
    fast = "--fast" in sys.argv
    main(SEEDS, 12 if fast else N_TRIALS, f"dask_workers{'-fast' * fast}.json")
