"""The three examples of the documentation, with their figures as JSON.

    python benchmarks/examples.py                   # about two minutes
    python benchmarks/examples.py complete_digits   # only this one; the others are kept

`figures.py` writes them into the pages that quote them.
"""

import _environment  # isort: skip  (fixes the number of threads before numpy is imported)

import argparse
import importlib.util
import json
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
RESULTS = Path(__file__).parent / "results"
DIGITS_SEEDS = list(range(10))


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


def complete_digits():
    """Means over splits of the data, with their standard errors."""
    example, runs = load("complete_digits"), []
    for seed in DIGITS_SEEDS:
        runs.append(example.run_all(example.load(seed), seed)[0])
        print(seed, {name: round(row["held_out"], 4) for name, row in runs[-1].items()})
    return {name: summary([run[name] for run in runs]) for name in runs[0]}


def summary(rows):
    held_out = np.array([row["held_out"] for row in rows])
    trials = [row["trials"] for row in rows]
    return {
        "trials": [min(trials), max(trials)],
        "cpu_seconds": float(np.mean([row["seconds"] for row in rows])),
        "held_out_error": float(held_out.mean()),
        "standard_error": float(held_out.std(ddof=1) / np.sqrt(len(held_out))),
        "held_out_errors": held_out.tolist(),
    }


EXAMPLE_RUNS = {"tune_svc": tune_svc, "tune_many": tune_many, "complete_digits": complete_digits}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(EXAMPLE_RUNS)}")
    names = parser.parse_args().names
    result = _environment.environment("python benchmarks/examples.py")
    result |= {"seeds": [0], "digits_seeds": DIGITS_SEEDS}
    kept = json.loads((RESULTS / "examples.json").read_text()) if names else {}
    for name, run in EXAMPLE_RUNS.items():
        result[name] = run() if not names or name in names else kept[name]
    print(_environment.write("examples.json", result).name)


if __name__ == "__main__":
    main()
