"""Pictures of the trials of a search: convergence, and scores over each hyperparameter.

Each picture has a function that computes its data and one that draws them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import shortened
from skhyper._trial import Trial
from skhyper.inspection._results import Results
from skhyper.plotting._axes import Axis as HyperparameterAxis
from skhyper.plotting._axes import axes_of
from skhyper.reporting import _svg
from skhyper.reporting._svg import Axis

# The axis of scores ends where bad scores would compress the good ones: at this many times the
# distance from the best to the median.
_MEDIANS_SHOWN = 4.0
_MAX_CHOICES = 24
_MARGIN = 0.05


def score_axis(scores: np.ndarray, label: str) -> Axis:
    """Axis of scores; its lower end may cut off the worst ones."""
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
    """Data of the convergence plot; stopped trials cannot be the best."""
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
    """Scores over one hyperparameter, or one component of a vector.

    Attributes
    ----------
    axis : Axis
    x, scores : ndarray of shape (n,)
        Of the trials that have a position on the axis; the index of the choice if `is_choice`.
    numbers : ndarray of shape (n,)
        Indices of these trials.
    is_choice : bool
    missing : dict
        Number of the other trials by their value, or "inactive".
    """

    axis: Axis
    x: np.ndarray
    scores: np.ndarray
    numbers: np.ndarray
    is_choice: bool
    missing: Mapping[str, int]


def scatter_data(results: Results) -> list[Scatter]:
    """Data of the plot of each hyperparameter, except those with too many choices."""
    scores = np.array([-t.loss for t in results.history], dtype=float)
    found = []
    for axis in axes_of(results):
        if axis.scale == "choices" and not 0 < len(axis.choices) <= _MAX_CHOICES:
            continue
        numbers = np.flatnonzero(np.isfinite(axis.values))
        missing = Counter(text for text in axis.others if text)
        is_choice = axis.scale == "choices"
        x = axis.values[numbers]
        found.append(Scatter(_padded(axis), x, scores[numbers], numbers, is_choice, missing))
    return found


def _padded(axis: HyperparameterAxis) -> Axis:
    """The axis with a margin at its ends."""
    if axis.scale == "choices":
        texts = _svg.fitting_texts([shortened(_name(choice), 60) for choice in axis.choices])
        ticks = [(float(i), text) for i, text in enumerate(texts)]
        return Axis(axis.name, axis.low, axis.high, ticks=ticks)
    if axis.scale == "log":
        pad = (axis.high / axis.low) ** _MARGIN
        return Axis(axis.name, axis.low / pad, axis.high * pad, log=True)
    pad = _MARGIN * (axis.high - axis.low)
    return Axis(axis.name, axis.low - pad, axis.high + pad)


def _name(value: Any) -> str:
    named = getattr(value, "__name__", None)
    return named if isinstance(named, str) else str(value)


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
