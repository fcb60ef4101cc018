"""Peak memory of GradientSearchCV over that of scikit-learn's GridSearchCV and of one fit.

    python benchmarks/memory.py           # about 3 minutes; --fast: small data, seconds
    python benchmarks/memory.py --only ridge

Each measurement is a process of its own, which reads the data and fits. Compared with GridSearchCV
are peaks of whole processes; compared with one fit, peaks beyond that of the imports.
"""

import _environment  # isort: skip  (fixes the number of threads before numpy is imported)

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _gradient_tasks import alpha_max, text_like
from scipy import sparse
from sklearn.linear_model import Lasso, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GradientSearchCV

MSE = "neg_mean_squared_error"
BAR = 3.0
# Estimator, shape, hyperparameter, its range, and what the search is compared with.
TASKS = {
    "ridge": (
        make_pipeline(StandardScaler(), Ridge()),
        (200_000, 200),
        "ridge__alpha",
        (1e-3, 1e3),
        "GridSearchCV",
    ),
    "lasso": (Lasso(), (20_000, 500), "alpha", (1e-4, 1.0), "GridSearchCV"),
    "sparse lasso": (Lasso(), (5000, 20_000), "alpha", None, "one fit"),
}


def write_data(folder, shape, is_sparse):
    if is_sparse:
        X, y = text_like(*shape)
        sparse.save_npz(folder / "X.npz", X)
    else:
        rng = np.random.default_rng(0)
        X, w = rng.standard_normal(shape), np.zeros(shape[1])
        w[:30] = rng.standard_normal(len(w[:30]))
        y = X @ w + 3 * rng.standard_normal(shape[0])
        np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)


def child(name, what, folder):
    """In a process of its own: print the peak memory and the CPU time of one fit or search."""
    estimator, _, parameter, limits, rival = TASKS[name]
    warm_up(estimator, parameter)
    before = peak() if rival == "one fit" else 0
    X = np.load(folder / "X.npy") if limits else sparse.load_npz(folder / "X.npz")
    y = np.load(folder / "y.npy")
    if limits is None:
        top = alpha_max(X, y)
        limits = 1e-3 * top, top
        estimator.set_params(alpha=10**-1.5 * top)
    start = time.process_time()
    if what == "one fit":
        estimator.fit(X, y)
    elif what == "GridSearchCV":
        GridSearchCV(estimator, {parameter: np.geomspace(*limits, 3)}, scoring=MSE, cv=5).fit(X, y)
    else:
        space = {parameter: (*limits, "log-uniform")}
        GradientSearchCV(estimator, space, scoring=MSE, cv=5, random_state=0).fit(X, y)
    print(json.dumps({"mb": (peak() - before) / 1024, "cpu_seconds": time.process_time() - start}))


def warm_up(estimator, parameter):
    """Import what a search imports."""
    X = np.random.default_rng(0).normal(size=(30, 3))
    space = {parameter: (0.01, 1.0, "log-uniform")}
    GradientSearchCV(estimator, space, n_iter=2, scoring=MSE).fit(X, X[:, 0] + X[:, 1] ** 2)


def peak():
    """Peak resident memory of this process so far, in KB."""
    try:  # that of getrusage begins, after a fork, with that of the parent
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measured(name, what, folder):
    command = [sys.executable, "-W", "ignore", __file__, "--child", name, what, folder]
    return json.loads(subprocess.check_output(command, text=True))


def row(name, scale):
    _, shape, _, limits, rival = TASKS[name]
    shape = [size // scale for size in shape]
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), shape, limits is None)
        runs = {what: measured(name, what, folder) for what in (rival, "GradientSearchCV")}
    ratio = runs["GradientSearchCV"]["mb"] / runs[rival]["mb"]
    return {"shape": shape, "rival": rival, "runs": runs, "ratio": ratio, "met": ratio <= BAR}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--only", choices=list(TASKS))
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        name, what, folder = options.child
        return child(name, what, Path(folder))
    result = _environment.environment("python benchmarks/memory.py")
    rows = {}
    for name in [options.only] if options.only else TASKS:
        rows[name] = row(name, 10 if options.fast else 1)
        print(name, rows[name], flush=True)
    if not options.only:
        name = "memory-fast.json" if options.fast else "memory.json"
        print(_environment.write(name, {**result, "seeds": None, "bar": BAR, "rows": rows}))


if __name__ == "__main__":
    main()
