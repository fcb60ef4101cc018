"""
Five searches on one task
=========================

Complete handwritten digits: predict the lower half of an image from the upper half, and compare
manual, grid, random, Bayesian and gradient search with at most 32 trials each.

Run it from a clone::

    python docs/examples/complete_digits.py [--output convergence.png]

The data are scikit-learn's digits: 200 of them for the search, by 5-fold cross-validation, and 1597
held out. The model is kernel ridge regression with five hyperparameters: its penalty, and a weight
for each of the four rows of pixels in the upper half. Takes about 10 seconds on one core.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, SearchCV, report
from skhyper.callbacks import ProgressBar
from skhyper.plotting import ConvergenceDisplay

ROWS = [f"row {i}" for i in range(4)]
SPACE = {
    "rows__transformer_weights": (0.1, 10.0, "log-uniform"),
    "model__alpha": (1e-3, 1e2, "log-uniform"),
}
N_ITER = 32


def load(seed=0):
    """Upper and lower halves of the digits, for the search and held out."""
    images = load_digits().data / 16
    return train_test_split(images[:, :32], images[:, 32:], train_size=200, random_state=seed)


def make_pipeline():
    rows = [(name, "passthrough", slice(8 * i, 8 * i + 8)) for i, name in enumerate(ROWS)]
    weighted = ColumnTransformer(rows, transformer_weights=dict.fromkeys(ROWS, 1.0))
    return Pipeline([("rows", weighted), ("model", KernelRidge(kernel="rbf"))])


def candidate(alpha, *weights):
    return {"model__alpha": alpha, "rows__transformer_weights": dict(zip(ROWS, weights))}


def make_searches(seed=0):
    """The searches by name. Each of the last four may try the same number of candidates."""
    pipeline, common = make_pipeline(), {"scoring": "neg_mean_squared_error"}
    seeded = {**common, "random_state": seed}
    # One change at a time: a penalty, then more weight for the row next to what is predicted.
    by_hand = [candidate(alpha, 1.0, 1.0, 1.0, 1.0) for alpha in (0.01, 0.1, 1.0, 10.0)]
    by_hand += [candidate(0.1, 1.0, 1.0, 1.0, weight) for weight in (2.0, 4.0)]
    # Two values of each of five hyperparameters, evenly spaced in the ranges, are 32 candidates.
    alphas, weights = [10**-1.75, 10**0.75], [10**-0.5, 10**0.5]
    grid = {
        "model__alpha": alphas,
        "rows__transformer_weights": [
            dict(zip(ROWS, values)) for values in itertools.product(weights, repeat=4)
        ],
    }
    return {
        "manual": SearchCV(pipeline, sampler=by_hand, **common),
        "grid": GridSearchCV(pipeline, grid, **common),
        "random": SearchCV(pipeline, SPACE, sampler="random", n_iter=N_ITER, **seeded),
        "Bayesian": BayesSearchCV(pipeline, SPACE, n_iter=N_ITER, **seeded),
        "gradient": GradientSearchCV(pipeline, SPACE, n_iter=N_ITER, **seeded),
    }


def run_all(data, seed=0, callbacks=()):
    """Rows of the table, and the fitted searches by name; the default comes first."""
    X, X_test, y, y_test = data
    default = mean_squared_error(y_test, make_pipeline().fit(X, y).predict(X_test))
    rows = {"default": {"trials": 1, "seconds": 0.0, "held_out": default}}
    searches = make_searches(seed)
    for name, search in searches.items():
        print(f"{name} search", file=sys.stderr)
        start = time.process_time()
        search.set_callbacks(*callbacks).fit(X, y)
        rows[name] = {
            "trials": search.n_trials_,
            "seconds": time.process_time() - start,
            "cv": -search.best_score_,
            "held_out": -search.score(X_test, y_test),
        }
    return rows, searches


def print_table(rows):
    default = rows["default"]["held_out"]
    print("\nsearch    trials  CPU seconds  CV error  held-out error")
    for name, row in rows.items():
        cv = f"{row['cv']:.4f}" if "cv" in row else ""
        print(
            f"{name:<8}  {row['trials']:>6}  {row['seconds']:>11.1f}  {cv:>8}  "
            f"{row['held_out']:>14.4f}  {row['held_out'] / default - 1:+.0%}"
        )
    print(
        "\nErrors are mean squared errors of the brightness, from 0 to 1. The gradient search\n"
        "stops by itself. This is one split of the data; the README has means over ten."
    )


def plot(searches, data, path):
    """On the left, the best error so far; on the right, digits as they are and as predicted."""
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    ax = left.subplots()
    ConvergenceDisplay.from_search(searches, ax=ax)
    ax.set_ylabel("best CV score so far (minus squared error)")
    ax.set_title("a dot marks where each search found its best score", fontsize="medium")
    X, X_test, y, y_test = data
    shown = [("digit", y_test), ("default", make_pipeline().fit(X, y).predict(X_test))]
    shown += [(name, searches[name].predict(X_test)) for name in ("grid", "gradient")]
    axes = right.subplots(len(shown), 5)
    for (name, lower), row in zip(shown, axes):
        for i, cell in enumerate(row):
            image = np.concatenate([X_test[i], lower[i]]).reshape(8, 8)
            cell.imshow(image, cmap="Greys", vmin=0, vmax=1)
            cell.axhline(3.5, color="#D55E00", lw=0.8)
            cell.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    right.suptitle("the lower half is predicted", fontsize="medium")
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("convergence.png"), help="the plot")
    output = parser.parse_args().output
    data = load()
    rows, searches = run_all(data, callbacks=[ProgressBar()])
    print_table(rows)
    plot(searches, data, output)
    page = report(searches["Bayesian"], output.with_name("report.html"))
    print(f"\nThe plot is in {output}, the report of the Bayesian search in {page}.")


if __name__ == "__main__":
    main()
