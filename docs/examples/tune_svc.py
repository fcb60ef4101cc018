"""
Five searches of one SVC
========================

Tune an SVC by hand, by grid, at random, by Bayesian search and by gradients, on the same folds.

Run it from a clone::

    python docs/examples/tune_svc.py [--output convergence.png]

The data are scikit-learn's breast cancer data: 398 samples for the search, where each candidate is
scored by 5-fold cross-validation repeated three times (15 fits), and 171 held-out samples. Takes
about 20 seconds on one core.
"""

import argparse
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    RandomizedSearchCV,
    SearchCV,
    report,
)
from skhyper.callbacks import ProgressBar
from skhyper.plotting import ConvergenceDisplay

SEED = 0
CV = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=SEED)
RANGES = {"svc__C": (1e-2, 1e3, "log-uniform"), "svc__gamma": (1e-5, 1e0, "log-uniform")}


def make_pipeline():
    return Pipeline([("scale", StandardScaler()), ("svc", SVC())])


def fit_with_bar(title, search, X, y):
    """Fit, showing progress on standard error; returns the seconds it took."""
    print(title, file=sys.stderr)
    start = time.perf_counter()
    search.set_callbacks(ProgressBar()).fit(X, y)
    return time.perf_counter() - start


def run_manual(X, y):
    """A manual search: first around the default, then from the best value on."""
    around_default = [
        {"svc__C": 0.1, "svc__gamma": 0.03},
        {"svc__C": 1.0, "svc__gamma": 0.03},
        {"svc__C": 10.0, "svc__gamma": 0.03},
    ]
    smoother = [
        {"svc__C": 1.0, "svc__gamma": 0.01},
        {"svc__C": 10.0, "svc__gamma": 0.01},
        {"svc__C": 10.0, "svc__gamma": 0.003},
    ]
    search = SearchCV(make_pipeline(), sampler=around_default, cv=CV, warm_start=True)
    seconds = fit_with_bar("manual search, first look", search, X, y)
    search.set_params(sampler=smoother)  # warm_start keeps the three that were tried
    seconds += fit_with_bar("manual search, second look", search, X, y)
    return search, seconds


def run_grid(X, y):
    grid = {"svc__C": np.logspace(-2, 3, 6), "svc__gamma": np.logspace(-5, 0, 6)}
    search = GridSearchCV(make_pipeline(), grid, cv=CV)
    return search, fit_with_bar("grid search", search, X, y)


def run_random(X, y):
    space = {"svc__C": loguniform(1e-2, 1e3), "svc__gamma": loguniform(1e-5, 1e0)}
    search = RandomizedSearchCV(make_pipeline(), space, n_iter=36, cv=CV, random_state=SEED)
    return search, fit_with_bar("random search", search, X, y)


def run_bayesian(X, y, history):
    search = BayesSearchCV(
        make_pipeline(), RANGES, n_iter=30, history=history, cv=CV, random_state=SEED
    )
    return search, fit_with_bar("Bayesian search, from the manual one on", search, X, y)


def run_gradient(X, y):
    """A gradient search, which needs no number of trials."""
    search = GradientSearchCV(make_pipeline(), RANGES, cv=CV, random_state=SEED)
    return search, fit_with_bar("gradient search", search, X, y)


def run_all(X, y):
    """The searches by name, each fitted, with its seconds."""
    runs = {"manual": run_manual(X, y), "grid": run_grid(X, y), "random": run_random(X, y)}
    manual, manual_seconds = runs["manual"]
    bayesian, seconds = run_bayesian(X, y, manual.history_)
    # It starts from the manual trials, which count as its own.
    runs["Bayesian"] = bayesian, manual_seconds + seconds
    runs["gradient"] = run_gradient(X, y)
    return runs


def print_table(runs, X_test, y_test):
    print("\nsearch    trials  fits used  seconds  CV score  held-out score")
    for name, (search, seconds) in runs.items():
        fits = search.n_trials_ * search.n_splits_
        held_out = search.score(X_test, y_test)
        print(
            f"{name:<8}  {search.n_trials_:>6}  {fits:>9}  {seconds:>7.1f}  "
            f"{search.best_score_:>8.4f}  {held_out:>14.4f}"
        )
    error = np.sqrt(held_out * (1 - held_out) / len(y_test))
    print(
        "\nScores are accuracies. The Bayesian search starts from the trials of the manual one;\n"
        "they are included in its trials and seconds. The gradient search stopped by itself.\n"
        "Accuracy has no derivative, so it minimized the log-loss of calibrated decision values,\n"
        "and kept the most accurate candidate. The standard error of the held-out score is about\n"
        f"{error:.3f}: ignore smaller differences."
    )


def plot_convergence(runs, path):
    """Best CV score so far against the number of fits, one curve per search."""
    searches = {name: search for name, (search, _) in runs.items()}
    display = ConvergenceDisplay.from_search(searches, x="fits")
    ax = display.ax_
    # The error, 1 - accuracy, on a log scale shows differences of thousandths.
    to_log_error = (lambda s: -np.log(np.maximum(1 - s, 1e-6)), lambda u: 1 - np.exp(-u))
    ax.set_yscale("function", functions=to_log_error)
    ax.set_ylim(0.6, 0.9905)
    ax.set_yticks([0.6, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99])
    ax.set_ylabel("best CV accuracy so far (log scale of the error)")
    ax.set_title("SVC on breast cancer; a dot marks where each search found its best")
    display.figure_.set_size_inches(8, 4.8)
    display.figure_.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("convergence.png"), help="the plot")
    output = parser.parse_args().output
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=SEED)
    runs = run_all(X, y)
    print_table(runs, X_test, y_test)
    plot_convergence(runs, output)
    page = report(runs["Bayesian"][0], output.with_name("report.html"))
    print(f"\nThe convergence plot is in {output}, the report of the Bayesian search in {page}.")


if __name__ == "__main__":
    main()
