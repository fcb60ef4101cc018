"""What a journal costs: time of a search, time to resume, size of the file.

    python benchmarks/journal.py [--fast]

- overhead: a search whose folds sleep for 50 ms, with and without a journal, by turns in a process.
  Sleeping folds leave the processor to others, so that the difference is that of the journal.
- resume: a journal of 1,000 trials of 5 folds is read by the search that wrote it, which refits
  nothing; the time of ``fit`` without a journal's trials, on the same data, is given beside it.
- folds: size of a journal without trials, for 100,000 samples and for leave-one-out.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold, LeaveOneOut

import skhyper

FOLD_SECONDS = 0.05
SPACE = {
    "a": (1e-4, 1e2, "log-uniform"),
    "b": (0.0, 1.0),
    "kind": ["x", "y", "z"],
    "layers": [(50,), (100,), (50, 50)],
}


class Sleeps(BaseEstimator):
    """Learns nothing, in a given time."""

    seconds = 0.0

    def __init__(self, a=1.0, b=0.5, kind="x", layers=(50,)):
        self.a, self.b, self.kind, self.layers = a, b, kind, layers

    def fit(self, X, y=None):
        time.sleep(Sleeps.seconds)
        self.fitted_ = True
        return self

    def score(self, X, y=None):
        return -abs(np.log10(self.a)) - self.b


def search(n_iter, journal=None):
    return skhyper.SearchCV(
        Sleeps(), SPACE, n_iter=n_iter, cv=5, refit=False, random_state=0, journal=journal
    )


def timed(function):
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}


def overhead(folder, X, n_repetitions, n_trials):
    """Searches with and without a journal, by turns; the first ones warm up."""
    Sleeps.seconds = FOLD_SECONDS
    runs = []
    for i in range(n_repetitions + 1):
        path = folder / f"overhead-{i}"
        without = timed(lambda: search(n_trials).fit(X))
        with_journal = timed(lambda path=path: search(n_trials, path).fit(X))
        runs.append({"without": without, "with": with_journal})
        print(
            f"overhead {i}: {without['wall_seconds']:.3f} s, {with_journal['wall_seconds']:.3f} s"
        )
    runs = runs[1:]
    by_kind = {
        kind: {
            "without": float(np.median([run["without"][kind] for run in runs])),
            "with": float(np.median([run["with"][kind] for run in runs])),
        }
        for kind in ("cpu_seconds", "wall_seconds")
    }
    wall, cpu = by_kind["wall_seconds"], by_kind["cpu_seconds"]
    return {
        "n_trials": n_trials,
        "n_folds": 5,
        "fold_seconds": FOLD_SECONDS,
        "wall_ratio": wall["with"] / wall["without"],
        "cpu_ms_per_fold": 1e3 * (cpu["with"] - cpu["without"]) / (5 * n_trials),
        "medians": by_kind,
        "runs": runs,
    }


def fsync_milliseconds(folder, n=50):
    """Median time of one fsync: what each fold would wait for without a thread."""
    times = []
    with open(folder / "sync", "wb", buffering=0) as file:
        for _ in range(n):
            file.write(300 * b"x")
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def resume(folder, X, n_repetitions, n_trials):
    Sleeps.seconds = 0.0
    path = folder / "resume"
    written = timed(lambda: search(n_trials, path).fit(X))
    again = [timed(lambda: search(n_trials, path).fit(X)) for _ in range(n_repetitions)]
    read = [timed(lambda: skhyper.load_history(path)) for _ in range(n_repetitions)]
    found = {
        "n_trials": n_trials,
        "n_folds": 5,
        "bytes": path.stat().st_size,
        "bytes_per_trial": path.stat().st_size / n_trials,
        "first_fit": written,
        "resume": again,
        "load_history": read,
        "resume_cpu_seconds": float(np.median([run["cpu_seconds"] for run in again])),
        "load_history_cpu_seconds": float(np.median([run["cpu_seconds"] for run in read])),
    }
    print({key: found[key] for key in ("bytes", "resume_cpu_seconds", "load_history_cpu_seconds")})
    return found


def folds(folder):
    """Bytes of the journal of one trial, by the folds."""
    rows = np.zeros((100_000, 1))
    shuffled = KFold(5, shuffle=True, random_state=0)
    cases = {
        "100,000 samples, 5 folds, seeded": (rows, shuffled),
        "100,000 samples, 5 folds, without a seed": (rows, KFold(5, shuffle=True)),
        "100,000 samples, 5 folds, explicit": (rows, list(shuffled.split(rows))),
        "2,000 samples, leave-one-out": (rows[:2000], LeaveOneOut()),
        "2,000 samples, leave-one-out, explicit": (
            rows[:2000],
            list(LeaveOneOut().split(rows[:2000])),
        ),
    }
    sizes = {}
    for i, (name, (X, cv)) in enumerate(cases.items()):
        path = folder / f"folds-{i}"
        grid = {"strategy": ["prior"]}
        target = np.arange(len(X)) % 2
        model = skhyper.GridSearchCV(DummyClassifier(), grid, cv=cv, journal=path, refit=False)
        model.fit(X, target)
        header = len(path.read_bytes().partition(b"\n")[0])
        sizes[name] = {"header_bytes": header, "bytes": path.stat().st_size}
        print(name, sizes[name])
    return sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="2 repetitions, fewer trials")
    fast = parser.parse_args().fast
    result = _environment.environment("python benchmarks/journal.py" + (" --fast" if fast else ""))
    X = np.zeros((100, 2))
    with tempfile.TemporaryDirectory(dir=".") as name:  # /tmp may be in memory
        folder = Path(name)
        result["fsync_ms"] = fsync_milliseconds(folder)
        result["overhead"] = overhead(folder, X, *((2, 5) if fast else (5, 20)))
        result["resume"] = resume(folder, X, *((2, 200) if fast else (5, 1000)))
        result["folds"] = folds(folder)
    print({key: result["overhead"][key] for key in ("wall_ratio", "cpu_ms_per_fold")})
    print(_environment.write("journal-fast.json" if fast else "journal.json", result).name)


if __name__ == "__main__":
    main()
