"""Portfolios learned from some data sets, tried on others, on tables of real fits.

    python benchmarks/portfolios.py

The tables (losses of 100 random candidates of a default space on 39 data sets) are in
``../shared/data/meta``; without them nothing is done. A fifth of the data sets is tested, with
knowledge from the others. A loss of 0 is the best of the candidates, 1 the median one.
"""

import sys
from pathlib import Path

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper.knowledge import portfolio
from skhyper.knowledge._functions import Task, fit_functions
from skhyper.space import Space, default_space

META = Path(__file__).parents[2] / "shared" / "data" / "meta"
TABLES = {
    "SVC, error": ("sk_SVC", SVC()),
    "decision tree, error": ("sk_DT", DecisionTreeClassifier()),
    "decision tree, log-loss": ("sk_DT-ll", DecisionTreeClassifier()),
}
SIZES, PARTS, DRAWS = (1, 2, 4, 8), 5, 50


def compare(file, estimator):
    """Mean least losses of portfolios and of random candidates, by their number."""
    with np.load(META / f"{file}.npz", allow_pickle=False) as table:
        points, losses = table["points"].astype(float), table["loss"].astype(float)
    n, n_tasks = losses.shape
    rng = np.random.default_rng(0)
    space = Space(default_space(estimator, rng.standard_normal((400, 5)), np.arange(400) % 2))
    tasks = [Task(points, loss, np.ones(n)) for loss in losses.T]
    known, drawn = [], []
    for part in range(PARTS):
        tested = np.arange(n_tasks) % PARTS == part
        functions = fit_functions(space, [t for t, out in zip(tasks, tested) if not out])
        chosen = portfolio(*functions.predict(space, points), max(SIZES))
        true = np.column_stack([t.relative_losses for t, out in zip(tasks, tested) if out])
        known.append([true[chosen[:k]].min(axis=0).mean() for k in SIZES])
        sets = [[rng.choice(n, k, replace=False) for k in SIZES] for _ in range(DRAWS)]
        drawn.append(np.mean([[true[i].min(axis=0).mean() for i in row] for row in sets], axis=0))
    return {
        "n_data_sets": n_tasks,
        "portfolio": np.mean(known, axis=0).round(3).tolist(),
        "random": np.mean(drawn, axis=0).round(3).tolist(),
    }


def main():
    if not META.exists():
        sys.exit("There are no tables: nothing is done.")
    result = _environment.environment("python benchmarks/portfolios.py") | {"sizes": SIZES}
    result["tables"] = {name: compare(*table) for name, table in TABLES.items()}
    for name, row in result["tables"].items():
        print(f"{name:24} portfolio {row['portfolio']}  random {row['random']}")
    _environment.write("portfolios.json", result)


if __name__ == "__main__":
    main()
