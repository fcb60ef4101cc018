"""What regrets are measured with: the median of random draws and the best loss that is known."""

import json
import time

import numpy as np
from problems import REFERENCE, reference

from skhyper.space import check_space

N_DRAWS = 250
# Steps of the climb: many where an evaluation costs next to nothing.
N_STEPS, N_CHEAP_STEPS, CHEAP_SECONDS = 400, 4_000, 1e-3


def write_reference(problems):
    """Draw, climb from the best draws, and keep what is better than what was known."""
    known = reference()
    for problem in problems.values():
        settings = problem.draw(N_DRAWS, seed=12345)
        start = time.process_time()
        values = [problem.value(params) for params in settings]
        seconds = (time.process_time() - start) / N_DRAWS
        exact = problem.optimum is not None
        best = problem.optimum
        if not exact:
            n_steps = N_CHEAP_STEPS if seconds < CHEAP_SECONDS else N_STEPS
            found = climb(problem, settings, values, n_steps)
            best = min(found, known.get(problem.name, {}).get("best", np.inf))
        known[problem.name] = {
            "best": float(f"{best:.12g}"),
            "median": float(f"{np.median(values):.12g}"),
            "exact": exact,
            "n_draws": N_DRAWS,
        }
        print(problem.name, known[problem.name], flush=True)
        REFERENCE.write_text(json.dumps(known, indent=1) + "\n")


def climb(problem, settings, values, n_steps):
    """Best loss after random steps, always from one of the three best settings."""
    space, rng = check_space(problem.space), np.random.default_rng(54321)
    order = np.argsort(values)[:3]
    points = space.to_unit([settings[i] for i in order])
    best = np.array(values)[order]
    for _ in range(n_steps):
        i = rng.integers(3)
        moves = rng.random(space.n_dims) < 2 / space.n_dims
        near = points[i] + rng.choice([0.2, 0.05, 0.01]) * rng.standard_normal(space.n_dims)
        anywhere = rng.random(space.n_dims)
        numeric = np.array([d.kind != "categorical" for d in space.dimensions])
        known = numeric & ~np.isnan(points[i])
        step = np.where(known, np.clip(near, 0, 1), anywhere)
        point = space.canonical(np.where(moves | np.isnan(points[i]), step, points[i]))[0]
        value = problem.value(space.from_unit(point[None])[0])
        if value <= best[i]:
            points[i], best[i] = point, value
    return float(best.min())
