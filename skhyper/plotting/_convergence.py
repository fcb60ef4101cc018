"""The best score of a search so far, over trials, fits or seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.inspection._results import Results, results_of
from skhyper.plotting._style import (
    CYCLE,
    DASHES,
    RED,
    STATE_COLORS,
    legend_above,
    one_axes,
    padded,
    score_limits,
)

_UNITS = ("trials", "fits", "seconds")
# Seconds without any running fold that count as a pause of the search, such as that between
# two calls of fit; proposals take less.
_PAUSE = 30.0


@dataclass(frozen=True, eq=False)
class Convergence:
    """Trials in the order in which they ended, and the best score so far.

    Attributes
    ----------
    name : str
        Name of the search.
    label : str
        Name of the score.
    x : ndarray of shape (n_trials,)
        Trials, fits or seconds until the end of each trial.
    scores : ndarray of shape (n_trials,)
        Score of each trial, an estimate if it was stopped; nan if it failed.
    best : ndarray of shape (n_trials,)
        Best score of the complete trials so far; nan before the first one.
    states : ndarray of shape (n_trials,)
    greater_is_better : bool
    """

    name: str
    label: str
    x: np.ndarray
    scores: np.ndarray
    best: np.ndarray
    states: np.ndarray
    greater_is_better: bool

    @property
    def found(self) -> int | None:
        """Index of the trial that reached the best score; None if none is complete."""
        if np.isnan(self.best).all():
            return None
        return int(np.flatnonzero(self.best == self.best[-1])[0])


def convergence(search: Any, x: str = "trials", name: str = "") -> Convergence:
    """The convergence of one search; `x` is that of :meth:`ConvergenceDisplay.from_search`."""
    if x not in _UNITS:
        raise ValueError(f"x must be one of {_UNITS}, got {x!r}.")
    results = results_of(search)
    order, at = _order(results, x)
    complete = results.scores[order]
    accumulate = np.fmax.accumulate if results.greater_is_better else np.fmin.accumulate
    return Convergence(
        name,
        results.label,
        at,
        results.estimated_scores[order],
        accumulate(complete),
        results.states[order],
        results.greater_is_better,
    )


def _order(results: Results, x: str) -> tuple[np.ndarray, np.ndarray]:
    """Trials in order, and where each one ended."""
    n = len(results.history)
    if x == "trials":
        return np.arange(n), np.arange(1.0, n + 1)
    if x == "fits":
        return np.arange(n), np.cumsum([float(n_fits(trial)) for trial in results.history])
    spans = [fold_spans(trial) for trial in results.history]
    if any(not len(span) or np.isnan(span).any() for span in spans):
        seconds = [trial.seconds for trial in results.history]
        return np.arange(n), np.cumsum(np.nan_to_num(seconds))
    ends = np.array([span[:, 1].max() for span in spans])
    order = np.argsort(ends, kind="stable")
    return order, _without_pauses(np.concatenate(spans), ends[order])


def n_fits(trial: Any) -> int:
    """Number of folds of a trial that were run."""
    return len(trial.folds) or int((~np.isnan(trial.scores)).sum())


def fold_spans(trial: Any) -> np.ndarray:
    """Start and end of each fold that was run, in seconds since the epoch, (n_folds, 2).

    One span if only those of the trial are known; nan if its start is not.
    """
    known = [f for f in trial.folds if "started" in f and "seconds" in f]
    if known and len(known) == len(trial.folds):
        return np.array([[f["started"], f["started"] + f["seconds"]] for f in known])
    return np.array([[trial.started, trial.started + trial.seconds]])


def _without_pauses(spans: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Seconds from the first start until `times`, without pauses."""
    spans = spans[np.argsort(spans[:, 0])]
    busy_until = np.maximum.accumulate(spans[:, 1])[:-1]
    gaps = spans[1:, 0] - busy_until
    pauses = np.where(gaps > _PAUSE, gaps, 0.0)
    before = np.concatenate([[0.0], np.cumsum(pauses)])
    return times - spans[0, 0] - before[np.searchsorted(spans[1:, 0], times, side="right")]


class ConvergenceDisplay:
    """Best score so far of one search or several, over trials, fits or seconds.

    Parameters
    ----------
    curves : list of Convergence
        One for each search.
    x : {"trials", "fits", "seconds"}
        What the horizontal axis counts.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The curve of each search.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV
    >>> from skhyper.plotting import ConvergenceDisplay
    >>> search = GridSearchCV(SVC(), {"C": [0.01, 1, 100]}).fit(*load_iris(return_X_y=True))
    >>> ConvergenceDisplay.from_search(search).curves[0].best.round(2)
    array([0.93, 0.97, 0.97])
    """

    def __init__(self, curves: list[Convergence], x: str = "trials"):
        self.curves = curves
        self.x = x

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        x: str = "trials",
        ax: Any = None,
        show_trials: bool | None = None,
    ) -> "ConvergenceDisplay":
        """Draw the convergence of one search or several.

        Parameters
        ----------
        search : fitted search, History, Optimizer or OptimizeResult, or list or dict of them
            The keys of a dict are the names in the legend.
        x : {"trials", "fits", "seconds"}, default="trials"
            What is counted. Seconds are those since the first fold was started, without pauses of
            more than 30 seconds in which nothing ran; for a search of scikit-learn, which does not
            store when trials started, the seconds of all fits.
        ax : matplotlib Axes, default=None
        show_trials : bool, default=None
            Whether each trial is a point; by default for a single search.

        Returns
        -------
        display : ConvergenceDisplay
        """
        searches = search
        if not isinstance(search, Mapping):
            listed = search if isinstance(search, list | tuple) else [search]
            names = [type(each).__name__ for each in listed]
            searches = {}
            for i, (name, each) in enumerate(zip(names, listed)):
                key = name if names.count(name) == 1 else f"{name} {names[:i].count(name) + 1}"
                searches[key] = each
        curves = [convergence(each, x, name) for name, each in searches.items()]
        return cls(curves, x).plot(ax=ax, show_trials=show_trials)

    def plot(self, ax: Any = None, *, show_trials: bool | None = None) -> "ConvergenceDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.
        show_trials : bool, default=None
            Whether each trial is a point; by default for a single search.

        Returns
        -------
        display : ConvergenceDisplay
        """
        ax = one_axes(ax)
        several = len(self.curves) > 1
        if show_trials is None:
            show_trials = not several
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        low, high = self._limits(show_trials)
        for i, curve in enumerate(self.curves):
            color = CYCLE[i % len(CYCLE)] if several else "black"
            if show_trials:
                _draw_trials(ax, curve, low, high, None if not several else color)
            text = curve.name if several else "best so far"
            if several and curve.found is not None:
                text += f": {curve.best[-1]:.4g}"
            style = DASHES[(i + i // len(CYCLE)) % len(DASHES)] if several else "-"
            self.lines_ += ax.step(
                curve.x, curve.best, where="post", color=color, ls=style, lw=1.8, label=text
            )
            if curve.found is not None:
                place = curve.x[curve.found], curve.best[-1]
                ax.plot(*place, "o", color=color, ms=7, mec="white", zorder=4)
        ax.set_ylim(*padded(low, high))
        ax.set_xlim(0, 1.02 * max(curve.x[-1] for curve in self.curves))
        ax.set_xlabel(self.x)
        ax.set_ylabel(_score_label([curve.label for curve in self.curves]))
        if show_trials:
            legend_above(ax)
        else:
            up = self.curves[0].greater_is_better
            ax.legend(loc="lower right" if up else "upper right", fontsize="small")
        ax.grid(alpha=0.25)
        return self

    def _limits(self, show_trials: bool) -> tuple[float, float]:
        up = self.curves[0].greater_is_better
        shown = [curve.scores if show_trials else curve.best for curve in self.curves]
        return score_limits(np.concatenate(shown), up)


def _score_label(labels: list[str]) -> str:
    label = labels[0] if len(set(labels)) == 1 else "score"
    return label if label == "value" else f"{label}, cross-validated"


def _draw_trials(ax: Any, curve: Convergence, low: float, high: float, color: Any) -> None:
    """Points of the trials; triangles for those out of range, crosses for failed ones."""
    bad_end = low if curve.greater_is_better else high
    worse = curve.scores < low if curve.greater_is_better else curve.scores > high
    for state, shown in STATE_COLORS.items():
        own = curve.states == state
        if state == "failed" and own.any():
            at = np.full(int(own.sum()), bad_end)
            ax.plot(curve.x[own], at, "x", color=RED, ms=6, label="failed", clip_on=False)
        elif own.any():
            style = {"color": color or shown, "ms": 4, "alpha": 0.55, "ls": "none"}
            inside = own & ~worse
            ax.plot(curve.x[inside], curve.scores[inside], marker="o", label=state, **style)
            marker = "v" if curve.greater_is_better else "^"
            at = np.full(int((own & worse).sum()), bad_end)
            if len(at):
                text = "out of range" if state == "complete" else None
                ax.plot(curve.x[own & worse], at, marker=marker, label=text, **style)
