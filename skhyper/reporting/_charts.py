"""Pictures of the trials of a search: convergence, and scores over each hyperparameter.

Each picture has a function that computes its data and one that draws them.
"""

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import shortened
from skhyper._trial import Trial
from skhyper.reporting import _svg
from skhyper.reporting._svg import Axis
from skhyper.space import Categorical, Space

# The axis of scores ends where bad scores would compress the good ones: at this many times the
# distance from the best to the median.
_MEDIANS_SHOWN = 4.0
_MAX_CHOICES = 24
# Ratio of the ends of positive numbers from which their axis is logarithmic, without a space.
_LOG_RATIO = 100.0
_MARGIN = 0.05


def score_axis(scores: np.ndarray, label: str) -> Axis:
    """The axis of scores; the worst may lie below it."""
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return Axis(label, 0.0, 1.0, ticks=())
    best = float(scores.max())
    spread = _MEDIANS_SHOWN * (best - float(np.median(scores)))
    low = max(float(scores.min()), best - spread) if spread > 0 else float(scores.min())
    pad = _MARGIN * (best - low) or max(abs(best), 1.0) * 1e-3
    return Axis(label, low - pad, best + pad)


@dataclass(frozen=True, eq=False)
class Convergence:
    """Score of each trial and best score so far, shape (n_trials,).

    `best_so_far` is nan before the first complete trial, `scores` where a trial failed.
    """

    numbers: np.ndarray
    scores: np.ndarray
    best_so_far: np.ndarray


def convergence_data(trials: Sequence[Trial]) -> Convergence:
    """The data of the picture of convergence; stopped trials cannot be the best."""
    scores = np.array([-t.loss for t in trials], dtype=float)
    complete = np.array([t.state == "complete" for t in trials])
    best = np.fmax.accumulate(np.where(complete, scores, np.nan))
    return Convergence(np.array([t.number for t in trials]), scores, best)


def convergence(trials: Sequence[Trial], metric: str) -> str:
    """SVG of the score of each trial, and of the best so far."""
    data = convergence_data(trials)
    last = int(data.numbers.max())
    x = Axis("trial", -0.02 * last - 0.5, 1.02 * last + 0.5, ticks=_whole_ticks(last))
    y = score_axis(data.scores, metric)
    place = x.position(data.numbers)
    known = np.isfinite(data.best_so_far)
    line = _svg.steps(place[known], np.clip(y.position(data.best_so_far[known]), 0, 1))
    marks = [line, _scores(place, data.scores, y, _stopped(trials))]
    text = f"Score of each of {len(trials)} trials, and the best so far"
    return _svg.chart(x, y, marks, text)


def _whole_ticks(n: int) -> list[tuple[float, str]]:
    return [(v, f"{v:.0f}") for v in _svg.nice_ticks(0, n) if float(v).is_integer()]


def _stopped(trials: Sequence[Trial]) -> np.ndarray:
    """Whether each trial was ended before all folds were run."""
    return np.array([t.state == "stopped" for t in trials], dtype=bool)


def _scores(place: np.ndarray, scores: np.ndarray, y: Axis, stopped: np.ndarray) -> str:
    """Dots, small for stopped trials; triangles below the axis, crosses without a score."""
    height = y.position(scores)
    failed, below = ~np.isfinite(scores), height < 0
    inside = ~failed & ~below
    small, large = inside & stopped, inside & ~stopped
    zeros = np.zeros(len(scores))
    return (
        _svg.dots(place[small], np.minimum(height[small], 1.0), size=4)
        + _svg.dots(place[large], height[large])
        + _svg.triangles(place[below], zeros[below])
        + _svg.crosses(place[failed], zeros[failed] + 0.03)
    )


@dataclass(frozen=True, eq=False)
class Scatter:
    """Scores over one hyperparameter.

    Attributes
    ----------
    axis : Axis
    x, scores : ndarray of shape (n,)
        Of the trials in which it is active and, with a range, a number; the index of the choice if
        `is_choice`.
    numbers : ndarray of shape (n,)
        Indices of these trials.
    is_choice : bool
    """

    axis: Axis
    x: np.ndarray
    scores: np.ndarray
    numbers: np.ndarray
    is_choice: bool


def scatter_data(trials: Sequence[Trial], name: str, space: Space | None = None) -> Scatter | None:
    """Data of the picture of one hyperparameter; None if its values are arrays, or too many."""
    active = [i for i, t in enumerate(trials) if name in t.params]
    values = [trials[i].params[name] for i in active]
    scores = np.array([-trials[i].loss for i in active], dtype=float)
    if any(np.ndim(v) > 0 and not isinstance(v, list | tuple | str) for v in values):
        return None
    numeric = np.array([_is_number(v) for v in values], dtype=bool)
    priors = _priors(name, space)
    if numeric.any() and (numeric.all() or priors):
        x = np.array([v for v in values if _is_number(v)], dtype=float)
        axis = _number_axis(name, x, priors)
        return Scatter(axis, x, scores[numeric], np.array(active)[numeric], False)
    choices = _choices(name, values, space)
    if not 0 < len(choices) <= _MAX_CHOICES:
        return None
    x = np.array([choices.index(_key(v)) for v in values], dtype=float)
    texts = _svg.fitting_texts([text for _, text in choices])
    ticks = [(float(i), text) for i, text in enumerate(texts)]
    axis = Axis(name, -0.5, len(choices) - 0.5, ticks=ticks)
    return Scatter(axis, x, scores, np.array(active), True)


def _is_number(value: Any) -> bool:
    is_bool = isinstance(value, bool | np.bool_)
    return isinstance(value, numbers.Real) and not is_bool and math.isfinite(value)


def _key(value: Any) -> tuple[str, str]:
    """What tells choices apart, and the label of one."""
    named = getattr(value, "__name__", None)
    text = value if isinstance(value, str) else named if isinstance(named, str) else repr(value)
    return type(value).__name__, shortened(text, 60)


def _choices(name: str, values: Sequence[Any], space: Space | None) -> list[tuple[str, str]]:
    """The distinct choices, in the order of the space, then of the trials."""
    dimensions = [d for n, d in zip(space.names, space.dimensions) if n == name] if space else []
    listed = [c for d in dimensions if isinstance(d, Categorical) for c in d.choices]
    return list(dict.fromkeys([_key(v) for v in [*listed, *values]]))


def _priors(name: str, space: Space | None) -> set[str]:
    """Scales of the ranges of a hyperparameter; empty if it has none."""
    if space is None:
        return set()
    named = (d for n, d in zip(space.names, space.dimensions) if n == name)
    return {d.prior for d in named if hasattr(d, "prior")}


def _number_axis(name: str, x: np.ndarray, priors: set[str]) -> Axis:
    low, high = float(x.min()), float(x.max())
    log = low > 0 and ("log-uniform" in priors if priors else high / low >= _LOG_RATIO)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    if log:
        pad = (high / low) ** _MARGIN
        return Axis(name, low / pad, high * pad, log=True)
    pad = _MARGIN * (high - low)
    return Axis(name, low - pad, high + pad)


def scatter(data: Scatter, trials: Sequence[Trial], best: Trial | None, metric: str) -> str:
    """SVG of the scores over one hyperparameter; a ring marks the best trial."""
    y = score_axis(np.array([-t.loss for t in trials], dtype=float), metric)
    place = data.axis.position(data.x + (_jitter(data.numbers) if data.is_choice else 0.0))
    marks = [_scores(place, data.scores, y, _stopped([trials[n] for n in data.numbers]))]
    for i in np.flatnonzero([trials[n] is best for n in data.numbers]):
        marks.append(_svg.ring(place[i], float(np.clip(y.position(data.scores[[i]])[0], 0, 1))))
    text = f"Score over {data.axis.label}, of {len(data.x)} trials"
    return _svg.chart(data.axis, y, marks, text)


def _jitter(n: np.ndarray) -> np.ndarray:
    """Displacement of trials with the same choice: a sequence that fills the interval evenly."""
    return 0.5 * ((n * 0.6180339887498949) % 1.0 - 0.5)
