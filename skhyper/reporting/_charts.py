"""Pictures of the trials of a search: convergence, and scores over each hyperparameter.

Each picture has a function that computes its data and one that draws them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import shortened
from skhyper.inspection._results import Results
from skhyper.plotting._axes import Axis as HyperparameterAxis
from skhyper.plotting._axes import axes_of
from skhyper.plotting._convergence import convergence as convergence_data
from skhyper.plotting._style import score_limits
from skhyper.reporting import _svg
from skhyper.reporting._svg import Axis

_MAX_CHOICES = 24
_MARGIN = 0.05


def score_axis(scores: np.ndarray, label: str) -> Axis:
    """Axis of scores; its lower end may cut off the worst ones."""
    if not np.isfinite(scores).any():
        return Axis(label, 0.0, 1.0, ticks=())
    low, best = score_limits(scores, greater_is_better=True)
    pad = _MARGIN * (best - low) or max(abs(best), 1.0) * 1e-3
    return Axis(label, low - pad, best + pad)


def convergence(results: Results, metric: str) -> str:
    """SVG of the score of each trial, and of the best so far."""
    data = convergence_data(results)
    numbers = np.array([trial.number for trial in results.history])
    last = int(numbers.max())
    x = Axis("trial", -0.02 * last - 0.5, 1.02 * last + 0.5, ticks=_whole_ticks(last))
    y = score_axis(data.scores, metric)
    place = x.position(numbers)
    known = np.isfinite(data.best)
    line = _svg.steps(place[known], np.clip(y.position(data.best[known]), 0, 1))
    marks = [line, _scores(place, data.scores, y, data.states == "stopped")]
    text = f"Score of each of {len(numbers)} trials, and the best so far"
    return _svg.chart(x, y, marks, text)


def _whole_ticks(n: int) -> list[tuple[float, str]]:
    return [(v, f"{v:.0f}") for v in _svg.nice_ticks(0, n) if float(v).is_integer()]


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
    found = []
    for axis in axes_of(results):
        if axis.scale == "choices" and not 0 < len(axis.choices) <= _MAX_CHOICES:
            continue
        numbers = np.flatnonzero(np.isfinite(axis.values))
        missing = Counter(text for text in axis.others if text)
        is_choice = axis.scale == "choices"
        x, scores = axis.values[numbers], results.estimated_scores[numbers]
        found.append(Scatter(_padded(axis), x, scores, numbers, is_choice, missing))
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


def scatter(data: Scatter, results: Results, metric: str) -> str:
    """SVG of the scores over one hyperparameter; a ring marks the best trial."""
    y = score_axis(results.estimated_scores, metric)
    place = data.axis.position(data.x + (_jitter(data.numbers) if data.is_choice else 0.0))
    marks = [_scores(place, data.scores, y, results.states[data.numbers] == "stopped")]
    for i in np.flatnonzero(data.numbers == results.best):
        marks.append(_svg.ring(place[i], float(np.clip(y.position(data.scores[[i]])[0], 0, 1))))
    text = f"Score over {data.axis.label}, of {len(data.x)} trials"
    return _svg.chart(data.axis, y, marks, text)


def _jitter(n: np.ndarray) -> np.ndarray:
    """Displacement of trials with the same choice: a sequence that fills the interval evenly."""
    return 0.5 * ((n * 0.6180339887498949) % 1.0 - 0.5)
