"""CPU time of searches whose shared outputs exceed the memory, with and without a directory.

    python benchmarks/reuse_on_disk.py       # about a minute; --fast: one repetition

Relative to ``reuse=None``: with all outputs in memory, with 20 MB of memory, and with 20 MB and a
directory. Outputs of the second pipeline are computed as fast as they are read.
"""

import _environment  # isort: skip  (fixes the number of threads before numpy is imported)

import argparse
import statistics
import tempfile
import time
import warnings

import numpy as np
from sklearn.datasets import make_classification
from sklearn.kernel_approximation import Nystroem
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from skhyper import GridSearchCV
from skhyper.reuse import ReuseOptions

MEMORY = 20_000_000
GRID = {"gaussiannb__var_smoothing": np.logspace(-9, -1, 6)}


def ratios(first, X, y, directory, repeats):
    """Medians of CPU times, relative to those without sharing."""
    kinds = {
        "None": None,
        "auto": "auto",
        "20 MB": MEMORY,
        "20 MB and a directory": ReuseOptions(MEMORY, directory),
    }
    seconds = {name: [] for name in kinds}
    for _ in range(repeats):
        for name, reuse in kinds.items():
            pipeline = make_pipeline(first, GaussianNB())
            search = GridSearchCV(pipeline, GRID, cv=5, refit=False, reuse=reuse)
            start = time.process_time()
            scores = search.fit(X, y).cv_results_["mean_test_score"]
            seconds[name].append(time.process_time() - start)
            if reuse is None:
                expected = scores
            assert np.array_equal(scores, expected)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {"seconds": medians, "ratios": {k: v / medians["None"] for k, v in medians.items()}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true")
    fast = parser.parse_args().fast
    warnings.simplefilter("ignore")
    result = _environment.environment("python benchmarks/reuse_on_disk.py")
    X, y = make_classification(6000, 40, n_informative=10, random_state=0)
    steps = {
        "Nystroem": Nystroem(n_components=500, random_state=0),
        "polynomials": PolynomialFeatures(2),
    }
    with tempfile.TemporaryDirectory() as directory:
        rows = {
            name: ratios(step, X, y, directory, 1 if fast else 3) for name, step in steps.items()
        }
    name = "reuse_on_disk-fast.json" if fast else "reuse_on_disk.json"
    print(rows, _environment.write(name, {**result, "seeds": [0], "rows": rows}))


if __name__ == "__main__":
    main()
