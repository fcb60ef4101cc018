"""Memory and files of a search with two workers, compared with scikit-learn's on the same data.

    python benchmarks/shared_data.py [--fast]

Each search runs in processes of its own. Meanwhile the proportional set sizes (PSS) of all of them
are summed every 20 ms; pages that processes share count once. Files are those in the temporary
folder, also if they have no name. Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn.base import BaseEstimator

KINDS = ("array", "memmap", "frame", "frame of columns", "mixed frame", "polars")
SEARCHES = ("sklearn grid", "grid", "sampled")
N_FEATURES = 50
SECONDS_BETWEEN_SAMPLES = 0.02


class Light(BaseEstimator):
    """Reads the data and copies nothing, so that only the search needs memory."""

    def __init__(self, a=1):
        self.a = a

    def fit(self, X, y):
        self.n_rows_ = len(X)
        time.sleep(0.2)  # both workers take part
        return self

    def score(self, X, y):
        return float(self.a + self.n_rows_ / 1e9)


def data(kind, n_samples, folder):
    """X and y of a kind; 8 bytes for each value."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_samples, N_FEATURES)), rng.integers(2, size=n_samples)
    if kind == "memmap":
        path = Path(folder) / "X.npy"
        np.save(path, X)
        del X
        return np.load(path, mmap_mode="r"), y
    if kind == "polars":
        import polars

        return polars.DataFrame(X, schema=[f"x{i}" for i in range(N_FEATURES)]), y
    if "frame" in kind:
        import pandas as pd

        X = pd.DataFrame(X, columns=[f"x{i}" for i in range(N_FEATURES)])
    if kind == "frame of columns":  # each is a block of its own
        columns, X = X, pd.DataFrame(index=X.index)
        for name in list(columns):
            X[name] = columns.pop(name)
    if kind == "mixed frame":
        for i in range(0, N_FEATURES, 5):
            X[f"x{i}"] = X[f"x{i}"].astype("float32")
            X[f"x{i + 1}"] = (X[f"x{i + 1}"] * 100).astype(int)
        X["kind"] = pd.Categorical(np.where(y, "yes", "no"))
        X["name"] = [f"name {i % 1000}" for i in range(n_samples)]
    return X, y


def run(search, kind, n_samples, folder):
    """One search, in this process and its workers."""
    from sklearn import model_selection

    import skhyper

    X, y = data(kind, n_samples, folder)
    options = {"cv": 3, "n_jobs": 2}
    grid = {"a": [1, 2, 3, 4]}
    if search == "sklearn grid":
        fitted = model_selection.GridSearchCV(Light(), grid, **options)
    elif search == "grid":
        fitted = skhyper.GridSearchCV(Light(), grid, **options)
    else:
        fitted = skhyper.SearchCV(Light(), {"a": (1, 1000)}, n_iter=4, random_state=0, **options)
    fitted.fit(X, y)
    assert fitted.best_estimator_.n_rows_ == n_samples


def pss(session):
    """Sum of the proportional set sizes of the processes of a session, in bytes."""
    total = 0
    for process in os.listdir("/proc"):
        try:
            if not process.isdigit() or os.getsid(int(process)) != session:
                continue
            rollup = Path("/proc", process, "smaps_rollup").read_text()
            total += 1024 * int(rollup.partition("\nPss:")[2].split()[0])
        except (OSError, IndexError):  # the process has ended
            continue
    return total


def size_of(folder, session):
    """Bytes on the disk of the files in a folder, with those that only have a descriptor."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
    for process in os.listdir("/proc"):
        try:
            if process.isdigit() and os.getsid(int(process)) == session:
                links = Path("/proc", process, "fd").iterdir()
                paths += [link for link in links if os.readlink(link).startswith(folder)]
        except OSError:
            continue
    sizes = {}
    for path in paths:
        try:
            entry = os.stat(path)
        except OSError:
            continue
        sizes[entry.st_ino] = entry.st_blocks * 512
    return sum(sizes.values())


def measured(search, kind, n_samples):
    """Peaks of memory and of temporary files, in MB."""
    what = search, kind, n_samples
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as temporary:
        process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--run", *map(str, what), folder],
            env={**os.environ, "JOBLIB_TEMP_FOLDER": temporary},
            start_new_session=True,
        )
        memory = files = 0
        while process.poll() is None:
            memory = max(memory, pss(process.pid))
            files = max(files, size_of(temporary, process.pid))
            time.sleep(SECONDS_BETWEEN_SAMPLES)
        if process.returncode:
            raise RuntimeError(f"{search} on {kind} failed")
    return {"memory_mb": round(memory / 1e6), "files_mb": round(files / 1e6)}


def main(fast):
    n_samples = 50_000 if fast else 400_000
    repeats = 1 if fast else 2  # the larger one, as a short peak may be missed
    rows = {"few samples": {s: measured(s, "array", 1000) for s in SEARCHES}}
    for kind in KINDS:
        rows[kind] = {}
        for search in SEARCHES:
            runs = [measured(search, kind, n_samples) for _ in range(repeats)]
            rows[kind][search] = {name: max(run[name] for run in runs) for name in runs[0]}
            print(kind, search, rows[kind][search], flush=True)
    return {"data_mb": n_samples * N_FEATURES * 8 / 1e6, "rows": rows}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        search, kind, n_samples, folder = sys.argv[2:]
        run(search, kind, int(n_samples), folder)
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="an eighth of the data, once")
    fast = parser.parse_args().fast
    result = _environment.environment("python benchmarks/shared_data.py" + " --fast" * fast)
    result |= main(fast)
    name = "shared_data-fast.json" if fast else "shared_data.json"
    print(_environment.write(name, result).name)
