"""What a trial of each search costs besides the fits, and how good the best one is.

    python benchmarks/overhead.py [--fast]

Everything runs in one process on one thread. The estimators add up the CPU seconds spent
in their own methods; what a search takes beyond that is its overhead. Searches take turns
within each repetition, so that a busy machine slows all of them. All with ``refit=False``
and each class's own defaults otherwise.
"""

import argparse
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skhyper

spent = {"estimator": 0.0}  # CPU seconds within the estimators' own methods


def timed(method):
    """`method`, its CPU seconds added to what estimators have spent."""

    def wrapper(*args, **kwargs):
        start = time.process_time()
        try:
            return method(*args, **kwargs)
        finally:
            spent["estimator"] += time.process_time() - start

    return wrapper


class TimedSVC(SVC):
    fit = timed(SVC.fit)
    predict = timed(SVC.predict)


class Cheap(BaseEstimator):
    """Learns nothing; its score is a smooth function of five mixed hyperparameters."""

    def __init__(self, a=1.0, b=0.5, n=5, m=10, kind="x"):
        self.a, self.b, self.n, self.m, self.kind = a, b, n, m, kind

    @timed
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    @timed
    def score(self, X, y=None):
        """At most 1, at a=1e-1, b=0.3, n=12, m=100, kind="y"."""
        miss = (np.log10(self.a) + 1) ** 2 / 4 + 4 * (self.b - 0.3) ** 2
        miss += ((self.n - 12) / 10) ** 2 + (np.log10(self.m) - 2) ** 2 / 2
        return float(1 - miss - {"x": 0.3, "y": 0.0, "z": 0.6}[self.kind])


RANGES = {
    "svc": {"C": (1e-3, 1e4, "log-uniform"), "gamma": (1e-6, 1e1, "log-uniform")},
    "cheap": {
        "a": (1e-4, 1e2, "log-uniform"),
        "b": (0.0, 1.0, "uniform"),
        "n": (1, 30, "uniform"),
        "m": (1, 1000, "log-uniform"),
        "kind": ["x", "y", "z"],
    },
}
DISTRIBUTIONS = {
    "svc": {"C": loguniform(1e-3, 1e4), "gamma": loguniform(1e-6, 1e1)},
    "cheap": {
        "a": loguniform(1e-4, 1e2),
        "b": uniform(0, 1),
        "n": randint(1, 31),
        # Not in scipy.stats; scikit-learn takes whatever has ``rvs``.
        "m": skhyper.space.Integer(1, 1000, "log-uniform"),
        "kind": ["x", "y", "z"],
    },
}


def make_searches(task, estimator, n_iter, seed):
    """The searches to compare, by name, unfitted."""
    import skopt

    common = {"n_iter": n_iter, "cv": 3, "refit": False, "random_state": seed}
    # scikit-optimize renames what it is given, so each gets a dict of its own.
    return {
        "skhyper BayesSearchCV": skhyper.BayesSearchCV(estimator, dict(RANGES[task]), **common),
        "skopt BayesSearchCV": skopt.BayesSearchCV(estimator, dict(RANGES[task]), **common),
        "skhyper SearchCV random": skhyper.SearchCV(estimator, dict(RANGES[task]), **common),
        "sklearn RandomizedSearchCV": RandomizedSearchCV(
            estimator, dict(DISTRIBUTIONS[task]), **common
        ),
    }


def measure(search, X, y):
    """One fit: CPU and wall seconds, of which the estimator's, trials and best score."""
    spent["estimator"] = 0.0
    cpu, wall = time.process_time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    n_trials = len(search.cv_results_["params"])
    return {
        "n_trials": n_trials,
        "cpu_seconds": cpu,
        "wall_seconds": wall,
        "estimator_cpu_seconds": spent["estimator"],
        "overhead_cpu_ms_per_trial": 1e3 * (cpu - spent["estimator"]) / n_trials,
        "best_score": float(np.max(search.cv_results_["mean_test_score"])),
    }


def run_task(task, estimator, X, y, n_iter, seeds):
    """All searches at all seeds; returns raw runs and their medians, by search."""
    for search in make_searches(task, estimator, 14, 0).values():  # imports, caches
        measure(search, X, y)
    runs = {}
    for seed in seeds:
        for name, search in make_searches(task, estimator, n_iter, seed).items():
            runs.setdefault(name, []).append({"seed": seed, **measure(search, X, y)})
            print(f"{task:6} seed {seed} {name:27} {runs[name][-1]['cpu_seconds']:8.2f} CPU s")
    return {"n_iter": n_iter, "runs": runs, "summary": summarise(runs)}


def summarise(runs):
    """Medians over repetitions, and the ratio of overheads to ours, repetition by repetition."""
    ours = [run["overhead_cpu_ms_per_trial"] for run in runs["skhyper BayesSearchCV"]]
    summary = {}
    for name, repetitions in runs.items():
        fields = [field for field in repetitions[0] if field != "seed"]
        row = {field: float(np.median([run[field] for run in repetitions])) for field in fields}
        overheads = [run["overhead_cpu_ms_per_trial"] for run in repetitions]
        ratios = np.divide(overheads, ours)
        row["overhead_over_ours"] = float(np.median(ratios))
        row["overhead_over_ours_range"] = [float(ratios.min()), float(ratios.max())]
        row["worst_best_score"] = min(run["best_score"] for run in repetitions)
        summary[name] = row
    return summary


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="2 repetitions of 25 trials")
    fast = parser.parse_args().fast
    n_iter, seeds = (25, range(2)) if fast else (50, range(5))
    result = _environment.environment("python benchmarks/overhead.py" + (" --fast" if fast else ""))
    result["seeds"] = list(seeds)
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    few = np.zeros((6, 1))
    result["tasks"] = {
        "svc": {
            "what": "SVC(C, gamma) on breast cancer (569 samples, scaled beforehand), cv=3",
            **run_task("svc", TimedSVC(), X, y, n_iter, seeds),
        },
        "cheap": {
            "what": "5 mixed hyperparameters of an estimator that does nothing, cv=3; maximum 1",
            **run_task("cheap", Cheap(), few, None, n_iter, seeds),
        },
    }
    print(_environment.write("overhead-fast.json" if fast else "overhead.json", result).name)


if __name__ == "__main__":
    main()
