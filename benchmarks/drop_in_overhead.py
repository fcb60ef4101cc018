"""CPU time of GridSearchCV and RandomizedSearchCV over that of scikit-learn's searches.

    python benchmarks/drop_in_overhead.py  # 2 minutes

Both search the same candidates of a cheap estimator, by turns in one process on one thread. The
ratio is the median over pairs.
"""

import argparse
import time

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

import skhyper

N_CANDIDATES = 60
SEARCHES = {
    "GridSearchCV": {"param_grid": {"var_smoothing": np.logspace(-12, 0, N_CANDIDATES)}},
    "RandomizedSearchCV": {
        "param_distributions": {"var_smoothing": loguniform(1e-12, 1)},
        "n_iter": N_CANDIDATES,
        "random_state": 0,
    },
}


def cpu_ms_per_trial(package, name, X, y):
    """CPU milliseconds of a trial, and the scores."""
    search = getattr(package, name)(GaussianNB(), cv=5, **SEARCHES[name])
    start = time.process_time()
    search.fit(X, y)
    seconds = time.process_time() - start
    return 1e3 * seconds / N_CANDIDATES, search.cv_results_["mean_test_score"]


def compare(name, n_pairs):
    X, y = load_iris(return_X_y=True)
    ours, theirs = [], []
    for i in range(n_pairs + 1):
        packages = [(skhyper, ours), (model_selection, theirs)]
        scores = []
        for package, found in packages[:: 1 if i % 2 else -1]:
            ms, score = cpu_ms_per_trial(package, name, X, y)
            found.append(ms)
            scores.append(score)
        assert np.array_equal(*scores)
    ours, theirs = np.array(ours[1:]), np.array(theirs[1:])  # the first pair imports
    ratios = ours / theirs
    return {
        "ms_per_trial": float(np.median(ours)),
        "sklearn_ms_per_trial": float(np.median(theirs)),
        "ratio": float(np.median(ratios)),
        "quartiles": [float(q) for q in np.quantile(ratios, [0.25, 0.75])],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=21)
    n_pairs = parser.parse_args().pairs
    result = _environment.environment("python benchmarks/drop_in_overhead.py")
    result |= {"seeds": [0], "n_pairs": n_pairs, "n_candidates": N_CANDIDATES}
    result["rows"] = {name: compare(name, n_pairs) for name in SEARCHES}
    print(result["rows"], _environment.write("drop_in_overhead.json", result))


if __name__ == "__main__":
    main()
