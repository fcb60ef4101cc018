"""The two examples of the documentation, with their figures as JSON.

    python benchmarks/examples.py      # about a minute

`figures.py` writes them into the pages that quote them.
"""

import _environment  # isort: skip  (fixes the number of threads before numpy is imported)

import importlib.util
import time
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(search, seconds, X, y):
    return {
        "trials": search.n_trials_,
        "fits": search.n_trials_ * search.n_splits_,
        "cpu_seconds": seconds,
        "cv_score": float(search.best_score_),
        "held_out_score": float(search.score(X, y)),
    }


def tune_svc():
    example = load("tune_svc")
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=example.SEED
    )
    runs = example.run_all(X, y)
    return {name: row(search, seconds, X_test, y_test) for name, (search, seconds) in runs.items()}


def tune_many():
    example = load("tune_many")
    tasks = {}
    for title, make in example.TASKS.items():
        X, y = make()
        n = example.N_TRAIN
        tasks[title] = {}
        for name, search in example.searches().items():
            start = time.process_time()
            search.fit(X[:n], y[:n])
            tasks[title][name] = row(search, time.process_time() - start, X[n:], y[n:])
    return tasks


def main():
    result = _environment.environment("python benchmarks/examples.py")
    result |= {"seeds": [0], "tune_svc": tune_svc(), "tune_many": tune_many()}
    print(_environment.write("examples.json", result).name)


if __name__ == "__main__":
    main()
