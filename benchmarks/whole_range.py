"""Does a search of one or two hyperparameters end where a grid over the whole range does?

    python benchmarks/whole_range.py [--fast] [--label before]

GradientSearchCV with its defaults against GridSearchCV with 30 values, or 10 x 10, in the same
ranges, on the same folds. What either found is fitted again by scikit-learn with a tight
tolerance; R2 is compared as 1 - R2. Where the score is not smooth, the surrogate loss is what is
compared, at the trial of its least value, and the scores are given beside it.

Grids are kept in the result, so that a second run compares another state of the code with the
same ones: ``--label`` names it, and PYTHONPATH says where it is.
"""

import argparse
import itertools
import json
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _whole_range_tasks import TASKS
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold

import skhyper
from skhyper.hypergradient import criterion_of, inner_problem

LARGEST_EXCESS = 1e-3


class Run:
    """A task with one seed: its data and folds."""

    def __init__(self, task, seed):
        self.task = task
        # Each task has data of its own; with a seed of its own, too.
        self.X, self.y = task.data(np.random.default_rng([seed, len(task.what)]))
        kind = StratifiedKFold if is_classifier(task.estimator) else KFold
        self.splits = list(kind(3, shuffle=True, random_state=seed).split(self.X, self.y))
        self.seed = seed
        scorer = check_scoring(task.estimator, task.scoring)
        methods = inner_problem(task.estimator).methods
        self.criterion = criterion_of(scorer, task.estimator, methods)

    def loss(self, params):
        """CV loss of a setting, by scikit-learn with a tight tolerance."""
        task, losses = self.task, []
        for train, test in self.splits:
            estimator = clone(task.estimator).set_params(**task.tight, **params)
            estimator.fit(self.X[train], self.y[train])
            output = getattr(estimator, self.criterion.method)(self.X[test])
            classes = getattr(estimator, "classes_", None)
            losses.append(self.criterion.on(self.y[test], classes=classes)(output)[0])
        return float(np.mean(losses)) + (task.scoring == "r2")

    def grid(self):
        """Axes of the grid, and its loss, score and CPU time."""
        ranges = self.task.ranges
        n = 30 if len(ranges) == 1 else 10
        axes = {
            name: (np.geomspace if prior == "log-uniform" else np.linspace)(low, high, n)
            for name, (low, high, prior) in ranges.items()
        }
        search = GridSearchCV(
            self.task.estimator, axes, scoring=self.task.scoring, cv=self.splits, refit=False
        )
        start = time.process_time()
        search.fit(self.X, self.y)
        seconds = time.process_time() - start
        settings = (dict(zip(axes, v)) for v in itertools.product(*axes.values()))
        loss = min(self.loss({k: float(v) for k, v in s.items()}) for s in settings)
        return {"loss": loss, "score": float(search.best_score_), "cpu_seconds": seconds}

    def ours(self):
        search = skhyper.GradientSearchCV(
            self.task.estimator,
            self.task.ranges,
            scoring=self.task.scoring,
            cv=self.splits,
            refit=False,
            random_state=self.seed,
        )
        start = time.process_time()
        search.fit(self.X, self.y)
        seconds = time.process_time() - start
        params = search.best_params_
        if not self.criterion.exact:
            trials = [trial for trial in search.history_ if np.isfinite(trial.criterion)]
            params = min(trials, key=lambda trial: trial.criterion).params
        return {
            "loss": self.loss(params),
            "score": float(search.best_score_),
            "cpu_seconds": seconds,
            "n_trials": search.n_trials_,
            "params": {name: float(value) for name, value in params.items()},
            "stop_reason": search.stop_reason_,
        }


def measure(rows, label, seeds, only):
    for name, task in TASKS.items():
        if only not in name:
            continue
        row = rows.setdefault(name, {"scoring": task.scoring, "grid": {}, "runs": {}})
        row["runs"][label] = []
        for seed in seeds:
            run = Run(task, seed)
            row["surrogate"] = not run.criterion.exact
            grid = row["grid"].setdefault(str(seed), None) or run.grid()
            ours = run.ours()
            ours["excess"] = ours["loss"] / grid["loss"] - 1
            row["grid"][str(seed)] = grid
            row["runs"][label].append({"seed": seed, **ours})
        show(name, row, label)


def share_of(row, run):
    """CPU time over that of the grid."""
    return run["cpu_seconds"] / row["grid"][str(run["seed"])]["cpu_seconds"]


def show(name, row, label):
    runs = row["runs"][label]
    excess = " ".join(f"{100 * run['excess']:9.3g}" for run in runs)
    trials = " ".join(f"{run['n_trials']:3}" for run in runs)
    bad = "*" * (max(run["excess"] for run in runs) > LARGEST_EXCESS)
    share = np.median([share_of(row, run) for run in runs])
    print(f"{name:38} {excess} %   {trials} trials {share:6.2f} {bad}", flush=True)


def summary(rows, label):
    runs = [(row, run) for row in rows.values() for run in row["runs"].get(label, [])]
    parts = {}
    for n_dims in (1, 2):
        some = [(row, run) for row, run in runs if len(run["params"]) == n_dims]
        if some:
            excess = np.array([run["excess"] for _, run in some])
            shares = [share_of(row, run) for row, run in some]
            parts[f"{n_dims}-D"] = {
                "n_runs": len(some),
                "n_worse": int((excess > LARGEST_EXCESS).sum()),
                "worst": float(excess.max()),
                "median": float(np.median(excess)),
                "trials_median": float(np.median([run["n_trials"] for _, run in some])),
                "trials_max": max(run["n_trials"] for _, run in some),
                "cpu_share_median": float(np.median(shares)),
            }
    return parts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="one seed")
    parser.add_argument("--label", default="now", help="name of the state of the code")
    parser.add_argument("--only", default="", help="tasks with this in their names")
    arguments = parser.parse_args()
    name = "whole_range-fast.json" if arguments.fast else "whole_range.json"
    path = _environment.RESULTS / name
    known = json.loads(path.read_text()) if path.exists() else {"rows": {}, "labels": {}}
    seeds = [0] if arguments.fast else [0, 1, 2, 3, 4]
    command = "python benchmarks/whole_range.py" + (" --fast" if arguments.fast else "")
    result = _environment.environment(command) | {"seeds": seeds, "largest_excess": LARGEST_EXCESS}
    rows, label = known["rows"], arguments.label
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measure(rows, label, seeds, arguments.only)
    labels = known["labels"] | {label: {"commit": result["commit"], **summary(rows, label)}}
    for text, part in labels.items():
        print(text, json.dumps(part))
    print(_environment.write(name, {**result, "labels": labels, "rows": rows}))


if __name__ == "__main__":
    main()
