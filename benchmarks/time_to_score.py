"""CPU time until a search reaches the score that 60 random candidates reach.

    python benchmarks/time_to_score.py [--fast] [--only TASK] [--solvers NAME ...]

For each pair of pipeline and real data set (``_score_tasks.py``) and each seed, the target is the
best score of 60 random candidates in scikit-learn's loop, and the unit the CPU time of that search
(a ``GridSearchCV`` of the 60, as ``RandomizedSearchCV`` knows no conditions). Every solver gets the
same folds and the same default space, and at most 60 trials; a solver that ends below the target
counts as infinite. The final fit is left out. One thread. The knowledge of other data sets that
comes with skhyper is that of the tables without the data set of the pair.
Results are written after each seed, and a run is continued with ``--resume``.
"""

import argparse
import itertools
import json
import time
import warnings
from unittest import mock

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _knowledge_training import FamilyTable
from _real_data import load
from _score_tasks import TASKS
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
)

from skhyper import BayesSearchCV, default_space
from skhyper.callbacks import Callback
from skhyper.knowledge import _shipped
from skhyper.space import Space

N_TRIALS, N_SPLITS = 60, 5


class Clock:
    """Records CPU time and best score so far; says when the target is reached."""

    def __init__(self, target):
        self.target, self.start = target, time.process_time()
        self.best, self.n_trials, self.seconds = -np.inf, 0, None

    def add(self, score):
        self.n_trials += 1
        self.best = max(self.best, score)
        if self.seconds is None and self.best >= self.target:
            self.seconds = time.process_time() - self.start
        return self.seconds is not None

    def result(self):
        return {"cpu_seconds": self.seconds, "n_trials": self.n_trials, "best": self.best}


class Stop(Callback):
    def __init__(self, clock):
        self.clock = clock

    def on_trial_end(self, search, trial):
        return trial.state == "complete" and self.clock.add(-trial.loss)


def ours(**options):
    def run(task, clock, seed):
        search = BayesSearchCV(
            task.pipeline,
            task.space,
            n_iter=N_TRIALS,
            cv=task.cv,
            scoring=task.scoring,
            refit=False,
            random_state=seed,
            **options,
        ).set_callbacks(Stop(clock))
        with mock.patch.object(_shipped, "shipped", task.shipped):
            search.fit(task.X, task.y)

    return run


def optuna_tpe(task, clock, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(N_TRIALS):
        trial = study.ask()
        params = task.params([suggest(trial, i, d) for i, d in enumerate(task.space.dimensions)])
        score = task.score(params)
        study.tell(trial, score)
        if clock.add(score):
            return


def suggest(trial, i, dimension):
    """A coordinate in the unit cube, on the scale of the dimension."""
    if dimension.kind == "categorical":
        return dimension.grid(0)[trial.suggest_categorical(f"{i}", range(dimension.n_values))]
    return trial.suggest_float(f"{i}", 0.0, 1.0)


def skopt_gp(task, clock, seed):
    from skopt import Optimizer

    dimensions = [
        list(range(d.n_values)) if d.kind == "categorical" else (0.0, 1.0)
        for d in task.space.dimensions
    ]
    optimizer = Optimizer(dimensions, random_state=seed)
    for _ in range(N_TRIALS):
        x = optimizer.ask()
        pairs = zip(task.space.dimensions, x)
        params = task.params([d.grid(0)[v] if d.kind == "categorical" else v for d, v in pairs])
        score = task.score(params)
        optimizer.tell(x, -score)
        if clock.add(score):
            return


def flaml_cfo(task, clock, seed):
    """FLAML's search on the coordinates of the unit cube; it prefers candidates that are quick."""
    from flaml import tune
    from flaml.tune.searcher.blendsearch import CFO

    dimensions = task.space.dimensions
    config = {
        f"{i}": tune.choice(range(d.n_values)) if d.kind == "categorical" else tune.uniform(0, 1)
        for i, d in enumerate(dimensions)
    }

    def evaluate(config):
        score = clock.best
        if clock.seconds is None:  # it cannot be stopped from here
            values = [config[f"{i}"] for i in range(len(dimensions))]
            pairs = zip(dimensions, values)
            point = [d.grid(0)[v] if d.kind == "categorical" else v for d, v in pairs]
            score = task.score(task.params(point))
            clock.add(score)
        return {"score": score}

    tune.run(
        evaluate,
        config,
        metric="score",
        mode="max",
        num_samples=N_TRIALS,
        verbose=0,
        search_alg=CFO(metric="score", mode="max", space=config, seed=seed),
    )


def halving(task, clock, seed):
    """Its result counts only at its end; candidates are scored on parts of the samples before."""
    search = HalvingRandomSearchCV(
        task.pipeline,
        [{name: [v] for name, v in params.items()} for params in task.draws(seed, N_TRIALS)],
        cv=task.cv,
        scoring=task.scoring,
        refit=False,
        random_state=seed,
    ).fit(task.X, task.y)
    last = search.cv_results_["iter"] == search.cv_results_["iter"].max()
    best = np.flatnonzero(last)[np.nanargmax(search.cv_results_["mean_test_score"][last])]
    clock.add(task.score(search.cv_results_["params"][best]))


SOLVERS = {
    "ours": ours(),
    "ours, reuse=None": ours(reuse=None),
    "ours, racing": ours(racing=True),
    "ours, knowledge=None": ours(knowledge=None),
    "Optuna, TPE": optuna_tpe,
    "skopt, GP": skopt_gp,
    "FLAML, CFO": flaml_cfo,
    "HalvingRandomSearchCV": halving,
}


def knowledge_without(data):
    """What comes with skhyper, by family and metric, learned without a data set."""

    known = {}
    for path in _shipped.FOLDER.glob("*.npz"):
        family, metric = path.stem.rsplit("-", 1)
        found = _shipped.shipped(family, metric)
        if data in found.data_sets:
            found = FamilyTable(family).knowledge(metric, without=[data])
        known[family, metric] = found
    return lambda family, metric: known.get((family, metric))


class Task:
    def __init__(self, name, fast):
        data, n_max, self.pipeline, self.scoring = TASKS[name]
        found = load(data, 200 if fast else n_max)
        self.is_there = found is not None
        self.shipped = knowledge_without(data)
        if self.is_there:
            self.X, self.y = found
            self.space = Space(default_space(self.pipeline, self.X, self.y))
            folds = KFold if self.scoring == "r2" else StratifiedKFold
            self.cv = folds(N_SPLITS, shuffle=True, random_state=0)

    def params(self, point):
        return self.space.from_unit([point])[0]

    def draws(self, seed, n):
        rng = np.random.default_rng(seed)
        return self.space.from_unit(self.space.sample(n, rng))

    def score(self, params):

        estimator = clone(self.pipeline).set_params(**params)
        return float(
            cross_val_score(estimator, self.X, self.y, cv=self.cv, scoring=self.scoring).mean()
        )

    def random(self, seed):
        """Best score and CPU time of 60 random candidates, by scikit-learn."""
        start = time.process_time()
        grid = [{name: [v] for name, v in params.items()} for params in self.draws(seed, N_TRIALS)]
        search = GridSearchCV(
            self.pipeline, grid, cv=self.cv, scoring=self.scoring, refit=False
        ).fit(self.X, self.y)
        return float(search.best_score_), time.process_time() - start


def run_seed(row, task, solvers, seed):
    """Add the solvers that the row of a seed lacks, with the unit of the same process and run."""
    target, unit = task.random(seed)
    row |= {"seed": seed, "target": target} | {"solvers": row.get("solvers", {})}
    for solver in solvers:
        clock = Clock(target)
        SOLVERS[solver](task, clock, seed)
        row["solvers"][solver] = clock.result() | {"random_seconds": unit}


def shares(rows, solver):
    """CPU time to the target over that of the 60 random candidates; inf if it was missed."""
    found = []
    for row in rows:
        if solver in row["solvers"]:
            result = row["solvers"][solver]
            seconds, unit = result["cpu_seconds"], result["random_seconds"]
            found.append(np.inf if seconds is None else seconds / unit)
    return found


def summary(results):
    """Medians over seeds for each task, and the median of these over the tasks."""
    solvers = list(
        dict.fromkeys(s for rows in results.values() for r in rows for s in r["solvers"])
    )
    results = {name: rows for name, rows in results.items() if rows}
    table = {
        name: {
            solver: float(np.median(shares(rows, solver)))
            for solver in solvers
            if shares(rows, solver)
        }
        for name, rows in results.items()
    }
    overall = {
        solver: float(np.median([row[solver] for row in table.values() if solver in row]))
        for solver in solvers
    }
    return {"tasks": table, "median": overall}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="one seed, 200 rows")
    parser.add_argument("--only", default="", help="tasks whose names contain this")
    parser.add_argument("--solvers", nargs="*", default=list(SOLVERS), choices=list(SOLVERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--resume", action="store_true", help="keep the results that are there")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    name = "time_to_score-fast.json" if arguments.fast else "time_to_score.json"
    path = _environment.RESULTS / name
    results = {}
    if arguments.resume and path.exists():
        results = json.loads(path.read_text())["results"]
    seeds = range(1 if arguments.fast else arguments.seeds)
    content = _environment.environment("python benchmarks/time_to_score.py")
    tasks = {name: Task(name, arguments.fast) for name in TASKS if arguments.only in name}
    for missing in [name for name, task in tasks.items() if not task.is_there]:
        print(f"{missing}: the data are not there")
        del tasks[missing]
    for seed, task_name in itertools.product(seeds, tasks):
        rows = results.setdefault(task_name, [])
        if seed not in [row["seed"] for row in rows]:
            rows.append({"seed": seed, "solvers": {}})
        row = next(row for row in rows if row["seed"] == seed)
        solvers = [name for name in arguments.solvers if name not in row["solvers"]]
        if not solvers:
            continue
        run_seed(row, tasks[task_name], solvers, seed)
        content |= {"results": results, "summary": summary(results)}
        _environment.write(name, content)
        found = content["summary"]["tasks"][task_name]
        print(seed, task_name, {k: round(v, 3) for k, v in found.items()}, flush=True)
    print("median", summary(results)["median"])


if __name__ == "__main__":
    main()
