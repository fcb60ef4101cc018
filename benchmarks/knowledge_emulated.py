"""Variants of the rules of known starts, on losses interpolated from the tables.

    python benchmarks/knowledge_emulated.py [--every 2] [--seed 0]

For each family and metric that is shipped and every second data set: the losses of the table,
interpolated by a Gaussian process, are minimized in 20 trials by ``GPSampler`` with known starts
from the other data sets. There are no fits, so that many rules can be compared; a regret of 0 is
the best candidate of the table, 1 the median one of its design.
"""

import argparse
import functools
import json
import time
import warnings
from unittest import mock

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _knowledge_families import FAMILIES
from _knowledge_training import FamilyTable

from skhyper import minimize
from skhyper.gp import fit_gp
from skhyper.knowledge import KnowledgeStarts
from skhyper.knowledge._functions import Task
from skhyper.knowledge._shipped import FOLDER
from skhyper.samplers import GPSampler, _gp, _starts
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._starts import next_start

PATH = _environment.RESULTS / "knowledge_emulated.json"
N_TRIALS, AT = 20, (5, 10, 20)


def until_no_better(space, starts, observed):
    """The rule, but no further known start after two in a row that were not the best so far."""
    point = next_start(space, starts, observed)
    if point is None:
        return None
    keys = space.keys(space.to_unit(starts(space)))
    tried = [i for i, key in enumerate(space.keys(observed.points)) if key in keys]
    if len(tried) < 3 or space.key(point) not in keys:
        return point
    improved = [observed.losses[i] <= observed.losses[: i + 1].min() for i in tried[-2:]]
    return point if any(improved) else None


def middle_after_one(space, starts, observed):
    """The rule with the middle of the space after the first known start."""
    with mock.patch.object(_starts, "_N_BEFORE", 1):
        return next_start(space, starts, observed)


# Name: number of known starts, size of the initial design beyond the default one, rule.
ARMS = {
    "off": (0, 0, next_start),
    "eight": (8, 0, next_start),
    "four": (4, 0, next_start),
    "two": (2, 0, next_start),
    "until two in a row are no better": (8, 0, until_no_better),
    "eight, two more Sobol points": (8, 2, next_start),
    "eight, the middle after the first one": (8, 0, middle_after_one),
}


def losses_of(table, metric, name):
    """From params to relative losses, interpolated."""
    t = table.names.index(name)
    losses = table.losses(metric)[:, t]
    losses = np.where(np.isfinite(losses), losses, np.nan)
    design = losses[table.tuned_on < 0]
    median = np.median(np.where(np.isnan(design), np.inf, design))
    best = np.nanmin(losses)
    if not median > best:
        return None
    task = Task(table.points, (losses - best) / (median - best), np.ones(len(losses)))
    encoding = Encoding.from_space(table.space)
    y = np.minimum(np.nan_to_num(task.losses, nan=4.0), 4.0)
    gp = fit_gp(encoding.encode(task.points), y, groups=encoding.groups)

    def loss(params):
        return float(gp.predict(encoding.encode(table.space.to_unit([params])))[0][0])

    return loss


def compare(table, metric, name, seed, known):
    """Regrets at 5, 10 and 20 trials by arm, those that are known included."""
    if set(known) == set(ARMS):
        return known
    loss = losses_of(table, metric, name)
    if loss is None:
        return None
    knowledge = table.knowledge(metric, without=[name])
    found = dict(known)
    n_initial = min(table.space.n_dims + 1, 4)
    for arm, (n, more, rule) in ARMS.items():
        if arm in found:
            continue
        starts = KnowledgeStarts(knowledge, knowledge.requires, n) if n else None
        sampler = GPSampler(n_initial_points=n_initial + more, starts=starts)
        with mock.patch.object(_gp, "next_start", rule):
            run = minimize(loss, table.space, N_TRIALS, sampler=sampler, random_state=seed)
        losses = [trial.loss for trial in run.history]
        found[arm] = [round(max(0.0, min(losses[:n])), 4) for n in AT]
    return found


def summary(rows):
    """Mean regrets by arm; differences from `eight` with standard errors over all rows."""
    values = {arm: np.minimum([row[arm] for row in rows], 4.0) for arm in ARMS}
    found = {}
    for arm, regrets in values.items():
        difference = regrets - values["eight"]
        error = difference.std(axis=0, ddof=1) / np.sqrt(len(rows))
        numbers = regrets.mean(axis=0), difference.mean(axis=0), error
        names = "regret", "minus_eight", "standard_error"
        found[arm] = {name: v.round(4).tolist() for name, v in zip(names, numbers)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=2, help="each data set of so many")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    content = json.loads(PATH.read_text()) if PATH.exists() else {"results": {}}
    results, start = content["results"], time.process_time()
    load = functools.cache(FamilyTable)
    for path in sorted(FOLDER.glob("*.npz")):
        family, metric = path.stem.rsplit("-", 1)
        if family not in FAMILIES:
            continue
        table = load(family)
        for name in table.names[:: arguments.every]:
            key = f"{path.stem}, {name}, {arguments.seed}"
            known = results.get(key, {})
            if known is not None:
                results[key] = compare(table, metric, name, arguments.seed, known)
        rows = [row for row in results.values() if row is not None and set(row) == set(ARMS)]
        content["summary"] = {"n": len(rows), **summary(rows)}
        content |= _environment.environment("python benchmarks/knowledge_emulated.py")
        _environment.write(PATH.name, content)
        print(path.stem, f"{time.process_time() - start:.0f} CPU s", flush=True)
    print(json.dumps(content["summary"], indent=1))


if __name__ == "__main__":
    main()
