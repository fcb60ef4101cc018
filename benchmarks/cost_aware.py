"""What is found in a given time where trials differ in theirs: with and without a model of it.

python benchmarks/cost_aware.py

Functions, with made-up seconds: the cost goes up with the first coordinate by a factor of 30. The
optimum is where trials are cheap, in the middle, or expensive, by mirroring and shifting
that coordinate; or all cost the same, up to noise. Budget: 20 trials of average cost.
"""

import _environment  # isort: skip  (fixes threads)

import sys
import time

import numpy as np

from skhyper import Optimizer
from skhyper.samplers import GPSampler

SEEDS = range(5)
RATIO, N_AVERAGE, PARTS = 30.0, 20, (0.25, 0.5, 1.0)
MAX_TRIALS = 80


def branin(u):
    x, y = 15 * u[0] - 5, 15 * u[1]
    bowl = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def hartmann(u):
    A = np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]])
    P = np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
    return -np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-(A * (u - 1e-4 * P) ** 2).sum(axis=1))


def ridge(u):
    """One minimum, and a valley to it: larger is better, up to a point, as with trees."""
    return (u[0] - 0.7) ** 2 + 4 * (u[1] - 0.2 - 0.3 * u[0]) ** 2 + 0.1 * (u[2] - 0.5) ** 2


# name: function, dimensions, least value
FUNCTIONS = {
    "Branin": (branin, 2, 0.397887),
    "Hartmann 3": (hartmann, 3, -3.86278),
    "valley": (ridge, 3, 0.0),
}
COSTS = {
    "grows along x0": lambda u, rng: RATIO ** u[0],
    "falls along x0": lambda u, rng: RATIO ** (1 - u[0]),
    "least in the middle of x0": lambda u, rng: RATIO ** abs(2 * u[0] - 1),
    "flat, 10 % noise": lambda u, rng: np.exp(0.1 * rng.standard_normal()),
}


def run(function, d, cost, aware, seed):
    """Best value at each part of the budget, number of trials, CPU seconds of asking."""
    rng = np.random.default_rng(seed)
    average = np.mean([cost(u, rng) for u in rng.random((2000, d))])
    budget = N_AVERAGE * average
    sampler = GPSampler(max_time=budget if aware else None)
    space = {f"x{i}": (0.0, 1.0) for i in range(d)}
    optimizer = Optimizer(space, sampler=sampler, random_state=seed)
    spent, found, cpu = 0.0, [], 0.0
    while spent < budget and len(found) < MAX_TRIALS:
        start = time.process_time()
        params = optimizer.ask()
        cpu += time.process_time() - start
        u = np.array([params[name] for name in space])
        seconds = cost(u, rng)
        spent += seconds
        optimizer.tell(params, function(u), seconds=seconds)
        found.append((spent, optimizer.best_value))
    values = [
        min([best for at, best in found if at <= part * budget], default=found[0][1])
        for part in PARTS
    ]
    return {"best": values, "trials": len(found), "cpu_seconds": cpu}


def typical(function, d):
    rng = np.random.default_rng(0)
    return float(np.median([function(u) for u in rng.random((2000, d))]))


def main(seeds):
    rows = []
    for name, (function, d, least) in FUNCTIONS.items():
        scale = typical(function, d) - least
        for cost_name, cost in COSTS.items():
            row = {"function": name, "cost": cost_name}
            for aware in (False, True):
                runs = [run(function, d, cost, aware, seed) for seed in seeds]
                regret = (np.array([r["best"] for r in runs]) - least) / scale
                row["aware" if aware else "plain"] = {
                    "regret_mean": regret.mean(axis=0).tolist(),
                    "regret_runs": regret.tolist(),
                    "trials_mean": float(np.mean([r["trials"] for r in runs])),
                    "cpu_ms_per_ask": 1e3
                    * float(np.sum([r["cpu_seconds"] for r in runs]))
                    / sum(r["trials"] for r in runs),
                }
            print(name, cost_name, row["plain"]["regret_mean"], row["aware"]["regret_mean"])
            rows.append(row)
    result = _environment.environment("python benchmarks/cost_aware.py")
    settings = {"seeds": list(seeds), "parts": PARTS, "ratio": RATIO, "n_average": N_AVERAGE}
    print(_environment.write("cost_aware.json", {**result, **settings, "rows": rows}))


if __name__ == "__main__":
    main(range(2) if "--fast" in sys.argv else SEEDS)
