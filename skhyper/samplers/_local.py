"""Local descent by gradients, as a generator that yields points and receives their results.

Notation
--------
u : point of the unit cube, (d,), nan where inactive
f, g : criterion at a point and its gradient with respect to u, (d,), nan where unknown
v : coordinates that move, in units of the first step
"""

import math
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from skhyper.samplers._descent_rules import RULES, DescentRules
from skhyper.samplers._shrinkage import Shrinkage


class Answer(NamedTuple):
    """Result at a point: f (nan if it failed), g, and the trial's `gradient`."""

    value: float
    slope: np.ndarray
    gradient: dict[str, Any]

    def plus(self, value: float, slope: np.ndarray) -> "Answer":
        """The result for the sum of the criterion and a penalty."""
        return self._replace(value=self.value + value, slope=self.slope + slope)


Plan = Generator[np.ndarray, Answer, Any]


def tied_descent(
    shrinkage: Shrinkage,
    start: np.ndarray,
    moves: np.ndarray,
    tol: float,
    rules: DescentRules = RULES,
) -> Plan:
    """A descent with tied components of each vector; those of the start must be equal."""
    index = shrinkage.index
    first = np.unique(index, return_index=True)[1]
    steps = descent(start[first], moves[first], tol, rules=rules)
    point = next(steps)
    while True:
        answer = yield point[index]
        slope = np.bincount(index, answer.slope)
        try:
            point = steps.send(answer._replace(slope=slope))
        except StopIteration as end:
            return end.value


def descent(
    start: np.ndarray,
    moves: np.ndarray,
    tol: float,
    first: float | None = None,
    rules: DescentRules = RULES,
) -> Plan:
    """A descent from a point; returns "flat" if its gradient is zero, "failed" without a value.

    Parameters
    ----------
    start : ndarray of shape (d,)
    moves : ndarray of bool of shape (d,)
        Coordinates that move.
    tol : float
    first : float, default=None
        Length of the first step; by default ``rules.steps[0]``.
    rules : DescentRules
    """
    first = rules.steps[0] if first is None else first
    answer = yield start
    moves = moves & np.isfinite(answer.slope)
    if not math.isfinite(answer.value) or not np.any(answer.slope[moves]):
        return "failed" if not math.isfinite(answer.value) else "flat"
    steepest = _steepest(start, answer, moves)
    for step, most in zip((first, *rules.steps[1:]), rules.max_trials):
        before = answer.value
        level_at = rules.level * steepest
        start, answer, settled = yield from _lbfgs(start, answer, moves, step, tol, level_at, most)
        if settled or not np.any(answer.slope[moves]):
            break
        level = _steepest(start, answer, moves) <= level_at
        if level or before - answer.value <= rules.min_gain_at_kink * tol * abs(before):
            break
    return ""


def _steepest(point: np.ndarray, answer: Answer, moves: np.ndarray) -> float:
    """Largest absolute derivative among coordinates that the bounds do not block."""
    u, g = point[moves], answer.slope[moves]
    blocked = ((u <= 0) & (g > 0)) | ((u >= 1) & (g < 0))
    return float(np.abs(np.where(blocked, 0.0, g)).max())


class _Unknown(Exception):
    """L-BFGS-B evaluates a point that has not been tried."""

    def __init__(self, v: np.ndarray):
        self.v = v.copy()


def _look_up(v: np.ndarray, known: dict) -> tuple[float, np.ndarray]:
    """Value and gradient at a tried point; raises `_Unknown` at others."""
    if v.tobytes() not in known:
        raise _Unknown(v)
    return known[v.tobytes()]


def _lbfgs(
    start: np.ndarray,
    first: Answer,
    moves: np.ndarray,
    step: float,
    tol: float,
    level: float,
    max_trials: int,
) -> Generator[np.ndarray, Answer, tuple[np.ndarray, Answer, bool]]:
    """L-BFGS-B from a point; returns the best point, its answer, and whether it converged.

    SciPy calls the function, while this generator waits for results. At each unknown point SciPy's
    run is therefore stopped, and repeated from the start with the result. The criterion is scaled
    so that the first step has length `step` along the coordinate of steepest slope.

    A step from the best point to the minimum of a quadratic model is predicted to gain half its
    product with the gradient. Below `tol` the step is not made. In several coordinates the largest
    slope must also be at most `level`: at a kink the model describes the other side.
    """
    v_start = start[moves] / step
    scale = np.abs(first.slope[moves]).max() * step
    known = {v_start.tobytes(): (first.value / scale, first.slope[moves] * step / scale)}
    best = start, first
    lowest = last = first.value, v_start  # of the points with a nonzero gradient

    while True:
        try:
            minimize(
                lambda v: _look_up(v, known),
                v_start,
                jac=True,
                method="L-BFGS-B",
                bounds=[(0.0, 1.0 / step)] * len(v_start),
                options={"ftol": tol, "gtol": 1e-4, "maxls": 10, "maxfun": max_trials},
            )
            return *best, False
        except _Unknown as unknown:
            v = unknown.v
        is_level = len(v) == 1 or _steepest(*best, moves) <= level
        if (
            last is lowest
            and len(known) > 1
            and is_level
            and _predicted_gain_is_small(v, last[1], known, tol)
        ):
            return *best, True
        point = start.copy()
        point[moves] = np.clip(v * step, 0.0, 1.0)
        answer = yield point
        slope = answer.slope[moves] * step / scale
        if math.isfinite(answer.value) and np.all(np.isfinite(slope)) and np.any(slope):
            known[v.tobytes()] = answer.value / scale, slope
            last = answer.value, v
            if answer.value < lowest[0]:
                lowest = last
        else:  # failed, or with zero gradient
            known[v.tobytes()], last = _penalty_for_failure(v, lowest[1], known), (answer.value, v)
        if answer.value < best[1].value:
            best = point, answer


def _predicted_gain_is_small(v: np.ndarray, v_last: np.ndarray, known: dict, tol: float) -> bool:
    """Whether the predicted gain of a step is below L-BFGS-B's tolerance."""
    value, slope = known[v_last.tobytes()]
    return bool(0 <= -0.5 * slope @ (v - v_last) <= tol * max(abs(value), 1.0))


def _penalty_for_failure(
    v: np.ndarray, lowest: np.ndarray, known: dict
) -> tuple[float, np.ndarray]:
    """Value and gradient of a penalty for failures and zero gradients, increasing from `lowest`."""
    values = [value for value, _ in known.values()]
    height = max(values) - min(values) + 1.0
    offset = v - lowest
    squared = max(float(offset @ offset), 1e-12)
    return min(values) + height, 2 * height * offset / squared
