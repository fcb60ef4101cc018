"""Prediction of the time of a trial, for expected improvement per time.

Notation
--------
F : (n, p) features of trials, in [0, 1]
y : (n,) logarithms of their seconds
Z : (n, 2p) F and F², centered, Z = U S Vᵀ
λ : ridge penalty
h : (n,) leverages, the diagonal of the hat matrix, including 1/n for the mean
"""

from collections.abc import Callable

import numpy as np

from skhyper._trial import History
from skhyper.samplers._base import trials_in
from skhyper.samplers._encoding import Encoding
from skhyper.space import Space

# Share of remaining time above which times are ignored, as they are not reproducible.
_UNUSED_SHARE = 0.999

# Ridge penalties λ, in units of the largest squared singular value.
_PENALTIES = np.logspace(-4, 1, 11)
# Minimum number of trials of a model; standard errors by which its error must be smaller than that
# of the mean.
_MIN_TRIALS = 5
_SIGNIFICANT = 2.0
# Random search around the best points: rounds, starts in each, steps from each start.
_ROUNDS, _STARTS, _STEPS = 3, 8, 32
# Number of points at which the logarithm of a range of numbers is tabulated.
_TABLE_SIZE = 101

Array = np.ndarray


def fit_cost(F: Array, seconds: Array) -> Callable[[Array], Array] | None:
    """Prediction of the logarithm of seconds (n,) from features, clipped to the observed range.

    None if they do not depend significantly on the features and their squares.
    The penalty minimizes the squared leave-one-out error, which for ridge regression is e /
    (1 - h). It must be smaller than that of the mean by two standard errors of the difference, so
    that noise has no influence if all candidates have the same cost.
    """
    n = len(seconds)
    if n < _MIN_TRIALS:
        return None
    y = np.log(seconds)
    mean, Z = y.mean(), _expand(F)
    center = Z.mean(axis=0)
    U, s, Vt = np.linalg.svd(Z - center, full_matrices=False)
    if s[0] < 1e-9 or np.ptp(y) < 1e-9:
        return None
    projections = U.T @ (y - mean)
    flat = ((y - mean) / (1.0 - 1.0 / n)) ** 2
    best, shrink = flat, np.zeros_like(s)
    for penalty in _PENALTIES * s[0] ** 2:
        factors = s**2 / (s**2 + penalty)
        leverage = 1.0 / n + (U**2) @ factors
        error = ((y - mean - U @ (factors * projections)) / (1.0 - leverage)) ** 2
        if error.mean() < best.mean():
            best, shrink = error, s / (s**2 + penalty)
    gain = flat - best
    if gain.mean() <= _SIGNIFICANT * gain.std(ddof=1) / np.sqrt(n):
        return None
    weights = Vt.T @ (shrink * projections)
    return lambda F: np.clip(mean + (_expand(F) - center) @ weights, y.min(), y.max())


def _expand(F: np.ndarray) -> np.ndarray:
    return np.concatenate([F, F**2], axis=1)


def time_left(history: History, max_time: float) -> float:
    """Share of `max_time` that trials have not used, from 1 to 0.

    It is the exponent of the cost: improvement per second at the start, improvement alone at the
    end (Lee, Perrone, Archambeau and Seeger 2020, "Cost-aware Bayesian optimization",
    arXiv:2003.10870, section 4).
    """
    fitted = [trial for trial in history if not trial.shared]
    seconds = [trial.seconds for trial in fitted if np.isfinite(trial.seconds)]
    return max(0.0, 1.0 - float(sum(seconds)) / max_time)


def penalty_for_time(
    space: Space, history: History, max_time: float, encode: Callable[[Array], Array]
) -> Callable[[Array], Array] | None:
    """Penalty subtracted from log EI for the predicted time; None if it is constant.

    `encode` maps points (n, d) to features (n, p), the penalty features to values.
    """
    power = time_left(history, max_time)
    if power > _UNUSED_SHARE:
        return None
    points, trials = trials_in(space, history)
    # Times of shared fits, and of fits that failed immediately, say nothing about others.
    timed = np.array(
        [t.state == "complete" and t.seconds > 0 and not t.shared for t in trials], dtype=bool
    )
    if power == 0.0 or not timed.any():
        return None
    seconds = np.array([trial.seconds for trial in trials])
    model = fit_cost(encode(points[timed]), seconds[timed])
    return None if model is None else lambda F: power * model(F)


def penalty_for_cost(
    encoding: Encoding, name: str, power: float = 1.0
) -> Callable[[Array], Array] | None:
    """Penalty subtracted from log EI for times proportional to a hyperparameter.

    It is `power` times its logarithm. None if `power` is 0 or the hyperparameter is no range of
    positive numbers that is active in all points.
    """
    space = encoding.space
    if power <= 0.0 or space.names.count(name) != 1 or name not in space.always_active:
        return None
    i = space.names.index(name)
    dimension, column = space.dimensions[i], encoding.columns[i].start
    if dimension.kind not in ("real", "integer"):
        return None
    u = np.linspace(0.0, 1.0, _TABLE_SIZE)
    values = np.array([dimension.from_unit(float(x)) for x in u])
    if values.min() <= 0:
        return None
    logs = np.log(values)
    return lambda F: power * np.interp(F[:, column], u, logs)


def maximize_by_steps(
    acquisition: Callable[[Array], Array], points: Array, steps: Callable[[Array], Array]
) -> Array:
    """The point that maximizes `acquisition`, by rounds of random steps from the best points.

    `acquisition` maps points (m, d) to values (m,), `steps` maps them to at most as many neighbors.
    """
    values = acquisition(points)
    for _ in range(_ROUNDS):
        top = np.argsort(-values, kind="stable")[:_STARTS]
        near = steps(np.repeat(points[top], _STEPS, axis=0))
        points = np.concatenate([points[top], near])
        values = np.concatenate([values[top], acquisition(near)])
    return points[np.argmax(values)]
