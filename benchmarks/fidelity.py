"""Searches that see candidates on a part of the training samples first, in replays of real fits.

    python benchmarks/fidelity.py [--fast]      # about 5 minutes of CPU

``_fidelity_tables.py`` recorded the scores and CPU times of a pool of candidates on 1/9, 1/3 and
all of the training samples of six tasks with 20,000 to 50,000 samples. A search proposes candidates
of this pool, and its cost is their recorded time; no model is fitted. The target is the best score
of 60 random candidates, and the unit their time on all samples. A candidate reaches the target by
its score on all samples only.

- plain: the Gaussian process (GP) and the acquisition of ``GPSampler``, on all samples.
- ladder: each proposal, of largest expected improvement on all samples, is first seen on the
  smallest part, and then on the next one, as long as no other has a larger expected improvement.
- design: an initial design of 18 candidates on the smallest part; all proposals on all samples.
- per cost: candidate and part of largest expected improvement on all samples, times the correlation
  of the part with all samples, over the predicted time (Huang, Allen, Notz and Miller 2006).
- halving: successive halving of the 60 random candidates themselves, of which a third go on.

The GP of the searches with parts has the part as one more input (``_fidelity_process.py``).
"""

import argparse
import time

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _fidelity_process import PartProcess
from _fidelity_tables import N_SOBOL, PARTS, load
from scipy.stats import spearmanr

from skhyper.gp import log_expected_improvement
from skhyper.samplers import Rules

N_RANDOM, N_INITIAL, N_SEEDS = 60, 4, 40
_NOISE_WEIGHT = Rules().noise_weight
N_BEST = 40  # candidates whose ranks on parts are compared
_BAR, _N_TASKS = 2 / 3, 4


class Replay:
    """One search of a pool: what was seen of each candidate, and the time it took."""

    def __init__(self, table, parts, target):
        self.losses = -table["scores"].mean(axis=2)
        self.seconds, self.parts, self.target = table["seconds"], parts, target
        self.seen = np.zeros(self.losses.shape, dtype=bool)
        self.candidate, self.level = [], []
        self.spent, self.reached = 0.0, None

    def see(self, candidate, level):
        self.seen[candidate, level] = True
        self.candidate.append(candidate)
        self.level.append(level)
        self.spent += self.seconds[candidate, level]
        full = level == self.losses.shape[1] - 1
        if full and -self.losses[candidate, level] >= self.target and self.reached is None:
            self.reached = self.spent

    @property
    def observed(self):
        candidate, level = np.array(self.candidate), np.array(self.level)
        return candidate, level, self.losses[candidate, level]


def log_ei(process, replay):
    """Log expected improvement (m,) of all candidates on all samples; −inf where known.

    It is that over the best predicted loss of the candidates seen on all samples; without any, over
    the best prediction.
    """
    mean, std = process.predict()
    full = replay.seen[:, -1]
    best = mean[full].min() if full.any() else mean.min()
    noise = _NOISE_WEIGHT * np.sqrt(process.gp.noise_variance)
    value = log_expected_improvement(mean, std, float(best), float(noise))[0]
    return np.where(full, -np.inf, value)


def ladder(process, replay):
    """The candidate of largest expected improvement, on the next part."""
    candidate = int(log_ei(process, replay).argmax())
    return candidate, int(np.flatnonzero(~replay.seen[candidate])[0])


def on_all(process, replay):
    """The candidate of largest expected improvement, on all samples."""
    return int(log_ei(process, replay).argmax()), replay.seen.shape[1] - 1


def per_cost(process, replay):
    """Candidate and part of largest expected improvement times correlation per time."""
    value = log_ei(process, replay)
    n_levels, worth = replay.seen.shape[1], []
    for k, log_time in enumerate(log_times(replay)):
        full = k == n_levels - 1
        correlation = 1.0 if full else process.correlation_with_full(k)
        possible = ~replay.seen[:, k:].any(axis=1)
        worth.append(np.where(possible, value + np.log(correlation) - log_time, -np.inf))
    level, candidate = np.unravel_index(np.argmax(worth), (n_levels, len(value)))
    return int(candidate), int(level)


def log_times(replay):
    """Logarithm of the time on each part: the mean of what was seen, proportional elsewhere."""
    candidate, level, _ = replay.observed
    seconds = replay.seconds[candidate, level]
    seen = np.unique(level)
    logs = [np.log(seconds[level == k].mean() / replay.parts[k]) for k in seen]
    return np.log(replay.parts) + np.interp(np.arange(len(replay.parts)), seen, logs)


STRATEGIES = {  # the parts, the rule, and the number of initial candidates, on the first part
    "plain": ((2,), on_all, N_INITIAL),
    "ladder": ((0, 1, 2), ladder, N_INITIAL),
    "ladder, 1/9 and all": ((0, 2), ladder, N_INITIAL),
    "ladder, 1/3 and all": ((1, 2), ladder, N_INITIAL),
    "design on 1/9": ((0, 2), on_all, 18),
    "per cost": ((0, 1, 2), per_cost, N_INITIAL),
}


def search(name, table, initial, target, budget):
    """A search until the target or the budget; its time, and CPU time of its own."""
    levels, rule, n_initial = STRATEGIES[name]
    part = {"scores": table["scores"][:, levels], "seconds": table["seconds"][:, levels]}
    parts = np.array(PARTS)[list(levels)]
    replay = Replay(part, parts, target)
    process = PartProcess(table["features"], table["groups"], parts)
    for candidate in initial[:n_initial]:
        if replay.reached is None:
            replay.see(int(candidate), 0)
    start = time.process_time()
    while replay.reached is None and replay.spent < budget and not replay.seen[:, -1].all():
        process.fit(*replay.observed)
        replay.see(*rule(process, replay))
    return {
        "seconds": replay.reached,
        "evaluations": [int((np.array(replay.level) == k).sum()) for k in range(len(parts))],
        "own_seconds": time.process_time() - start,
    }


def halving(table, draws, target):
    """The time of successive halving, None if its winner is below the target."""
    scores, left, spent = table["scores"].mean(axis=2), draws, 0.0
    for k in range(len(PARTS)):
        spent += table["seconds"][left, k].sum()
        left = left[np.argsort(-scores[left, k], kind="stable")]
        winner = left[0]
        left = left[: -(-len(left) // 3)]
    return {"seconds": float(spent) if scores[winner, -1] >= target else None}


def run(table, strategies, seeds):
    """Rows of all seeds: time to the target of each search, and that of the random candidates."""
    rows, n_sobol = [], min(N_SOBOL, len(table["points"]))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        draws = rng.choice(n_sobol, min(N_RANDOM, n_sobol), replace=False)
        initial = rng.permutation(n_sobol)
        target = float(table["scores"][draws, -1].mean(axis=1).max())
        unit = float(table["seconds"][draws, -1].sum())
        row = {"seed": seed, "target": target, "random_seconds": unit, "searches": {}}
        for name in strategies:
            row["searches"][name] = search(name, table, initial, target, 2 * unit)
        row["searches"]["halving"] = halving(table, draws, target)
        rows.append(row)
    return rows


def shares(rows, name):
    """Time to the target over that of the random candidates, of each seed; inf if missed."""
    seconds = [row["searches"][name]["seconds"] for row in rows]
    return [np.inf if s is None else s / row["random_seconds"] for s, row in zip(seconds, rows)]


def summary(results):
    """Medians over seeds by task and search, and tasks on which a search saves a third or more."""
    searches = [*STRATEGIES, "halving"]
    tasks = {
        task: {name: float(np.median(shares(rows, name))) for name in searches}
        for task, rows in results.items()
    }
    saves = {
        name: sum(row[name] <= _BAR * row["plain"] for row in tasks.values()) for name in searches
    }
    passes = max(saves[name] for name in STRATEGIES) >= _N_TASKS
    return {"tasks": tasks, "saves": saves, "passes": passes}


def describe(table):
    """Number of candidates, and time of each part; and what the parts tell of the best candidates.

    That is the rank correlation of their scores on each part with those on all samples.
    """
    seconds, scores = table["seconds"].mean(axis=0), table["scores"].mean(axis=2)
    best = scores[np.argsort(-scores[:, -1], kind="stable")[:N_BEST]]
    return {
        "candidates": len(scores),
        "cost": (seconds / seconds[-1]).tolist(),
        "correlation": [float(spearmanr(part, best[:, -1]).statistic) for part in best.T],
    }


def in_proportion(table):
    """The table as if the time were proportional to the part, without fixed costs."""
    return table | {"seconds": table["seconds"][:, -1:] * np.array(PARTS)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="three seeds")
    fast = parser.parse_args().fast
    seeds, results, ideal, about = range(3 if fast else N_SEEDS), {}, {}, {}
    for task, table in load().items():
        results[task] = run(table, STRATEGIES, seeds)
        ideal[task] = run(in_proportion(table), STRATEGIES, seeds)
        about[task] = describe(table)
        for rows in (results[task], ideal[task]):
            medians = {name: round(float(np.median(shares(rows, name))), 3) for name in STRATEGIES}
            print(task, medians, flush=True)
    content = _environment.environment("python benchmarks/fidelity.py")
    content |= {"seeds": list(seeds), "tasks": about, "summary": summary(results)}
    content["summary_in_proportion"] = summary(ideal)
    print(content["summary"]["saves"], content["summary_in_proportion"]["saves"])
    print(_environment.write(f"fidelity{'-fast' * fast}.json", content | {"results": results}))


if __name__ == "__main__":
    main()
