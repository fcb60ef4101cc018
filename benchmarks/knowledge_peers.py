"""Searches with knowledge of other data sets against peers, at few trials.

    python benchmarks/knowledge_peers.py [--only FAMILY] [--seed 2] [--every 2] [--hebo]

For the quick families whose knowledge is shipped, and every second data set: ``BayesSearchCV`` with
knowledge learned from the other data sets, without, and peers, in the same default space and with
the same folds. By default the peers draw ten random candidates first, so that at ten trials all of
them would be random search: the Gaussian processes here begin after four. Regrets are those of
``knowledge.py``; the seed is one that the files were not chosen by. Interrupted runs are resumed;
peers that are not installed are left out. ``--hebo`` compares with HEBO only, which takes 3 CPU
seconds for a proposal: see ``knowledge_hebo.json``. On Python 3.11 its dependencies are resolved
by ``pip install --no-deps`` for each of them only, as a pin leads pip to old sources of matplotlib.
"""

import argparse
import importlib.util
import json
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _knowledge_training import FamilyTable
from knowledge import AT, SCORING, losses_of
from knowledge_tables import Problem
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from time_to_score import suggest

from skhyper import default_space
from skhyper.space import Space

PATH = _environment.RESULTS / "knowledge_peers.json"
PATH_OF_HEBO = _environment.RESULTS / "knowledge_hebo.json"
PAIRS = {
    "KNeighborsClassifier": "error",
    "DecisionTreeClassifier": "log_loss",
    "SVC": "error",
    "SVR": "squared_error",
}
N_PEER_TRIALS, N_RANDOM = 10, 4
PEERS = ("Optuna, TPE", "Optuna, GP", "skopt, GP")
HEBO = "HEBO"


class PeerTask:
    """Losses at coordinates of the unit cube."""

    def __init__(self, problem, metric):
        self.problem, self.scoring = problem, SCORING[metric]
        self.space = Space(default_space(problem.family.estimator, problem.X, problem.y))

    def loss(self, point):
        params = self.space.from_unit([point])[0]
        model = clone(self.problem.family.estimator).set_params(**params)
        data = self.problem.X, self.problem.y
        return -cross_val_score(model, *data, cv=self.problem.splits, scoring=self.scoring).mean()

    def optuna(self, sampler):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=sampler)
        losses = []
        for _ in range(N_PEER_TRIALS):
            trial = study.ask()
            point = [suggest(trial, i, d) for i, d in enumerate(self.space.dimensions)]
            losses.append(self.loss(point))
            study.tell(trial, losses[-1])
        return losses

    def skopt(self, seed):
        from skopt import Optimizer

        dimensions = self.space.dimensions
        is_choice = [d.kind == "categorical" for d in dimensions]
        ranges = [
            list(range(d.n_values)) if c else (0.0, 1.0) for d, c in zip(dimensions, is_choice)
        ]
        optimizer = Optimizer(ranges, n_initial_points=N_RANDOM, random_state=seed)
        losses = []
        for _ in range(N_PEER_TRIALS):
            x = optimizer.ask()
            point = [d.grid(0)[v] if c else v for d, v, c in zip(dimensions, x, is_choice)]
            losses.append(self.loss(point))
            optimizer.tell(x, losses[-1])
        return losses

    def hebo(self, seed):
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        names = [f"x{i}" for i in range(self.space.n_dims)]
        grids = [d.grid(0) if d.kind == "categorical" else None for d in self.space.dimensions]
        ranges = [
            {"name": name, "type": "num", "lb": 0, "ub": 1}
            if grid is None
            else {"name": name, "type": "cat", "categories": [str(i) for i in range(len(grid))]}
            for name, grid in zip(names, grids)
        ]
        optimizer = HEBO(DesignSpace().parse(ranges), rand_sample=N_RANDOM, scramble_seed=seed)
        losses = []
        for _ in range(N_PEER_TRIALS):
            row = optimizer.suggest()
            values = [row[name].iloc[0] for name in names]
            point = [v if grid is None else grid[int(v)] for v, grid in zip(values, grids)]
            losses.append(self.loss(np.array(point, dtype=float)))
            optimizer.observe(row, np.array([[losses[-1]]]))
        return losses

    def run(self, peer, seed):
        if peer == HEBO:
            np.random.seed(seed)  # its acquisition is optimized with the global generator
            return self.hebo(seed)
        if peer == "skopt, GP":
            return self.skopt(seed)
        from optuna.samplers import GPSampler, TPESampler

        if peer == "Optuna, GP":
            return self.optuna(GPSampler(seed=seed, n_startup_trials=N_RANDOM))
        return self.optuna(TPESampler(seed=seed))


def compare(table, metric, name, seed, peers):
    """Regrets by arm after 5, 10 and 20 trials (peers: 5 and 10), and CPU seconds."""
    at = table.names.index(name)
    best, median = (values[at] for values in table.best_and_median(metric))
    problem = Problem(table.spec, name, table.rows[at])
    learned = table.knowledge(metric, without=[name]).adapted("", problem.all_units)
    task, losses, seconds = PeerTask(problem, metric), {}, {}
    for arm in ("on", "off", *peers):
        start = time.process_time()
        if arm in peers:
            losses[arm] = np.array(task.run(arm, seed)) + (metric == "error")  # 1 - accuracy
        else:
            given = learned if arm == "on" else None
            losses[arm] = losses_of(problem, metric, given, seed)
        seconds[arm] = round(time.process_time() - start, 2)
    best = min(best, *(np.nanmin(values) for values in losses.values()))
    if not median > best:
        return None
    regrets = {
        arm: [
            round(float((np.nanmin(v[:n]) - best) / (median - best)), 4) for n in AT if n <= len(v)
        ]
        for arm, v in losses.items()
    }
    return {"regrets": regrets, "seconds": seconds}


def summary(rows):
    """Mean regrets at 10 trials by arm, and paired differences of `on` from the other arms."""
    arms = set.intersection(*(set(row["regrets"]) for row in rows))
    at_10 = {arm: np.minimum([row["regrets"][arm][1] for row in rows], 4.0) for arm in arms}
    found = {"n_data_sets": len(rows)}
    for arm in ("on", "off", *PEERS, HEBO):
        if arm in arms:
            difference = at_10["on"] - at_10[arm]
            error = difference.std(ddof=1) / np.sqrt(len(rows))
            numbers = at_10[arm].mean(), difference.mean(), error
            keys = "regret_at_10", "on_minus_this", "standard_error"
            found[arm] = {k: round(float(v), 3) for k, v in zip(keys, numbers)}
            every = [np.minimum(row["regrets"][arm], 4.0) for row in rows]
            found[arm]["regrets"] = np.mean(every, axis=0).round(3).tolist()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="families whose names contain this")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--every", type=int, default=2, help="each data set of so many")
    parser.add_argument("--hebo", action="store_true", help="compare with HEBO only")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    has_torch = importlib.util.find_spec("torch") is not None
    peers = [peer for peer in PEERS if has_torch or peer != "Optuna, GP"]
    path, peers = (PATH_OF_HEBO, [HEBO]) if arguments.hebo else (PATH, peers)
    for family, metric in PAIRS.items():
        if arguments.only in family:
            table = FamilyTable(family)
            for name in table.names[:: arguments.every]:
                run(path, table, metric, name, arguments.seed, peers)


def run(path, table, metric, name, seed, peers):
    content = json.loads(path.read_text()) if path.exists() else {"results": {}, "summary": {}}
    key = f"{table.family}, {metric}"
    rows = content["results"].setdefault(key, {})
    if name in rows:
        return
    row = compare(table, metric, name, seed, peers)
    if row is None:
        return
    rows[name] = row
    if len(rows) > 1:
        content["summary"][key] = summary(list(rows.values()))
    every = [row for rows in content["results"].values() for row in rows.values()]
    if len(every) > 1:
        content["summary"]["all"] = summary(every)
    command = "python benchmarks/knowledge_peers.py" + (" --hebo" if HEBO in peers else "")
    content |= _environment.environment(command)
    _environment.write(path.name, content)
    print(key, name, row["regrets"], row["seconds"], flush=True)


if __name__ == "__main__":
    main()
