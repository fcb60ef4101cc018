"""A thousand workers, simulated: is the coordinator fast enough, and what do pending trials cost?

python benchmarks/cluster_simulation.py

Real: the evaluator, `GPSampler`, the journal, and their CPU seconds. Simulated: the workers and the
clock. A fit takes 30 to 90 s of the virtual clock, which also advances by the CPU seconds of the
coordinator. The loss is Hartmann's function of six coordinates, with noise.
"""

import _environment  # isort: skip  (fixes threads)

import argparse
import functools
import heapq
import json
import math
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from skhyper._trial import History
from skhyper.evaluation import Budget, Evaluator, Observer, SampledCandidates, opened_journal
from skhyper.evaluation._values import KnownValues
from skhyper.samplers import GPSampler, RandomSampler
from skhyper.samplers._rules import Rules
from skhyper.space import Space

NAMES = [f"x{i}" for i in range(6)]
SECONDS = 30.0, 90.0  # of a fit
NOISE = 0.02  # standard deviation of a loss
LEAST = -3.32237  # of the function
A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(params):
    u = np.array([params[name] for name in NAMES])
    return -np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-(A * (u - P) ** 2).sum(axis=1))


class VirtualPool:
    """Workers of a virtual clock, which advances with the CPU time of this process."""

    gives_up = False

    def __init__(self, n_workers, seed):
        self.n_workers, self.now, self.busy, self.began = n_workers, 0.0, 0.0, 0.0
        self.idle = 0.0  # seconds of all workers between two fits
        self._rng = np.random.default_rng(seed)
        self._running, self._free, self._n = [], [0.0] * n_workers, 0
        self._mark = time.process_time()

    @property
    def has_room(self):
        return len(self._running) < self.n_workers

    def submit(self, job):
        self._tick()
        self.idle += self.now - self._free.pop()
        loss = hartmann(job.params) + NOISE * self._rng.standard_normal()
        seconds = self._rng.uniform(*SECONDS)
        result = {"test_scores": -loss, "fit_error": None, "fit_time": seconds, "score_time": 0.0}
        result["started"] = self.now
        heapq.heappush(self._running, (self.now + seconds, self._n, job, result))
        self._n += 1

    def wait(self, timeout=None):
        self._tick()
        self.now = max(self.now, self._running[0][0])
        while self._running and self._running[0][0] <= self.now:
            end, _, job, result = heapq.heappop(self._running)
            self._free.append(end)
            yield job, result

    def cancel(self, trial):
        pass

    def close(self, kill=False):
        pass

    def _tick(self):
        seconds, self._mark = time.process_time() - self._mark, time.process_time()
        self.now += seconds
        self.busy += seconds


class Watch(Observer):
    """Notes, at some numbers of finished trials, what has been used and found so far."""

    def __init__(self, pool, journal, every, save):
        self.pool, self.journal, self.every, self.save, self.rows = pool, journal, every, save, []
        self._n, self._best, self._last = 0, (math.inf, math.inf), (0.0, 0.0)

    def on_trial_end(self, trial, history):
        self._n += 1
        self._best = min(self._best, (trial.loss, hartmann(trial.params)))
        if self._n % self.every:
            return
        pool, (busy, now) = self.pool, self._last
        self._last = pool.busy, pool.now
        self.rows.append(
            {
                "trials": self._n,
                "regret": round(float(self._best[1]) - LEAST, 4),
                "virtual_seconds": round(pool.now, 1),
                "busy_share": round((pool.busy - busy) / (pool.now - now), 3),
                "cpu_ms_per_trial": round(1000 * (pool.busy - busy) / self.every, 2),
                "idle_share": round(pool.idle / (pool.now * pool.n_workers), 3),
                "journal_mb": round(self.journal.stat().st_size / 1e6, 2),
                "max_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
            }
        )
        print(pool.n_workers, self.rows[-1], flush=True)
        self.save(self.rows)


def simulate(n_workers, n_trials, seed, sampler, save):
    space = Space({name: (0.0, 1.0) for name in NAMES})
    candidates = SampledCandidates(sampler, [(space, n_trials)])
    base = History(seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        with opened_journal(path) as journal:
            journal.replay(KnownValues())
            journal.begin({"seed": seed}, {}, (), 0)
            pool = VirtualPool(n_workers, seed)
            watch = Watch(pool, path, n_trials // 20, save)
            budget = Budget(n_parallel=n_workers)
            Evaluator(candidates, pool, base, budget, None, [journal, watch]).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1000, 50])
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-pending", type=int, default=Rules().max_pending)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--name", default="cluster_simulation")
    options = parser.parse_args()
    for n_workers in options.workers:
        gp = GPSampler(rules=Rules(max_pending=options.max_pending))
        sampler, label = (RandomSampler(), "random") if options.random else (gp, "GP")
        if options.max_pending != Rules().max_pending:
            label += f", {options.max_pending} pending"
        key = f"{n_workers} workers, {label}, seed {options.seed}"
        save = functools.partial(save_rows, f"{options.name}.json", key)
        simulate(n_workers, options.trials, options.seed, sampler, save)


def save_rows(name, key, rows):
    """Replace the rows of one run in the file of results."""
    path = _environment.RESULTS / name
    content = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    content["environment"] = _environment.environment("cluster_simulation.py")
    content["runs"][key] = rows
    _environment.write(name, content)


if __name__ == "__main__":
    main()
