"""Validation and training score over one hyperparameter, from the trials of a search."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.inspection import ValidationCurve
from skhyper.inspection._curves import curve_of
from skhyper.inspection._results import Results, results_of
from skhyper.plotting._axes import Axis, axes_of
from skhyper.plotting._parallel import selected
from skhyper.plotting._style import (
    BLUE,
    ORANGE,
    RED,
    label_axis,
    legend_above,
    one_axes,
    padded,
    score_limits,
)
from skhyper.plotting._surrogate import Average, ranked, with_losses

_N_GRID = 50
# Values from which the scores of trials are drawn instead of a surrogate, if there is no wider gap
# between them, as a share of the axis.
_MIN_VALUES, _MAX_GAP = 3, 0.5


@dataclass(frozen=True, eq=False)
class CurveOverAxis:
    """Scores over one hyperparameter, where all others have the values of the best trial.

    Attributes
    ----------
    axis : Axis
    positions : ndarray of shape (g,)
        Positions on the axis, ascending.
    test, test_std : ndarrays of shape (g,)
        Validation score, and its standard deviation: over the folds, or of the surrogate.
    train, train_std : ndarrays of shape (g,)
        The same of the training score; nan if it was not computed.
    is_surrogate : bool
        Whether the curves are those of surrogates; otherwise those of trials.
    trial_test, trial_train : ndarrays of shape (n_trials,)
        Mean scores of the complete trials, nan for others.
    failed : ndarray of bool of shape (n_trials,)
    best : int
        Index of the selected trial.
    label : str
        Name of the score.
    greater_is_better : bool
    """

    axis: Axis
    positions: np.ndarray
    test: np.ndarray
    test_std: np.ndarray
    train: np.ndarray
    train_std: np.ndarray
    is_surrogate: bool
    trial_test: np.ndarray
    trial_train: np.ndarray
    failed: np.ndarray
    best: int
    label: str
    greater_is_better: bool


def curve_over_axis(search: Any, name: str | None = None) -> CurveOverAxis:
    """Data of :meth:`ValidationCurveDisplay.from_search`."""
    results = results_of(search)
    if results.best is None:
        raise ValueError("No trial is complete.")
    axes = axes_of(results)
    axis = axes[ranked(results, axes)[0]] if name is None else selected(axes, [name])[0]
    complete = results.states == "complete"
    train = np.where(complete[:, None], results.train_scores, np.nan)
    of_trials = _of_trials(results, axis, train)
    curves: list[np.ndarray]
    if of_trials is not None:
        order = np.argsort(axis.values[of_trials.rows], kind="stable")
        positions = axis.values[of_trials.rows][order]
        parts = (of_trials.test, of_trials.test_std, of_trials.train, of_trials.train_std)
        curves = [part[order] for part in parts]
    else:
        positions = axis.grid(_N_GRID)
        of_train = with_losses(results, -train.mean(axis=1))
        curves = [*_predicted(results, axis, positions), *_predicted(of_train, axis, positions)]
    return CurveOverAxis(
        axis,
        positions,
        *(curves[0], curves[1], curves[2], curves[3]),
        of_trials is None,
        results.scores,
        train.mean(axis=1),
        results.states == "failed",
        results.best,
        results.label,
        results.greater_is_better,
    )


def _of_trials(results: Results, axis: Axis, train: np.ndarray) -> ValidationCurve | None:
    """Scores of the trials on the slice through the best one, if they cover the axis."""
    scores = results.fold_scores
    table = {
        "params": [trial.params for trial in results.history],
        "mean_test_score": np.where(results.states == "complete", scores.mean(axis=1), np.nan),
        "std_test_score": scores.std(axis=1),
        "mean_train_score": train.mean(axis=1),
        "std_train_score": train.std(axis=1),
    }
    if axis.name not in results.history[results.best].params:  # a component of a vector
        return None
    curve = curve_of(table, axis.name, "score", results.best)
    is_shown = np.isfinite(axis.values[curve.rows]).all()
    covers = is_shown and _cover(axis, axis.values[curve.rows])
    return curve if curve.kind == "slice" and covers else None


def _cover(axis: Axis, values: np.ndarray) -> bool:
    """Whether values show how the score depends on an axis."""
    n = len(np.unique(values))
    if axis.scale == "choices":
        return n == len(axis.choices)
    gaps = np.diff(np.concatenate([[0.0], np.sort(axis.to_unit(values)), [1.0]]))
    return n >= _MIN_VALUES and bool(gaps.max() <= _MAX_GAP)


def _predicted(
    results: Results, axis: Axis, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Surrogate's mean and standard deviation around the best trial; nan without scores."""
    unknown = np.full(len(positions), np.nan)
    if int(np.isfinite(results.scores).sum()) < 2:
        return unknown, unknown
    around = results.space.locate(results.history[results.best].params)  # type: ignore[index]
    if around is None or np.isnan(around[list(axis.columns)]).all():
        return Average(results)([axis], [positions])
    return Average(results).at([axis], [positions], around)


class ValidationCurveDisplay:
    """Validation and training score over one hyperparameter: under- and overfitting.

    If trials that differ from the best one in this hyperparameter only cover its range, as in a
    grid, the curves are their scores, with the standard deviation over the folds. Otherwise they
    are those of surrogates, with their 95 % intervals. The other hyperparameters are as in the best
    trial, or averaged over if that has no value on the axis.

    Parameters
    ----------
    data : CurveOverAxis

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV
    >>> from skhyper.plotting import ValidationCurveDisplay
    >>> grid = {"gamma": [0.001, 0.1, 10, 1000], "C": [1, 10]}
    >>> search = GridSearchCV(SVC(), grid, return_train_score=True)
    >>> search = search.fit(*load_iris(return_X_y=True))
    >>> display = ValidationCurveDisplay.from_search(search, "gamma")
    >>> display.data.train.round(2)
    array([0.92, 0.97, 1.  , 1.  ])
    """

    def __init__(self, data: CurveOverAxis):
        self.data = data

    @classmethod
    def from_search(
        cls, search: Any, name: str | None = None, *, ax: Any = None
    ) -> "ValidationCurveDisplay":
        """Draw the curves of a search.

        Parameters
        ----------
        search : fitted search or History
            Training scores need ``return_train_score=True``.
        name : str, default=None
            The hyperparameter; by default the one that changes the surrogate of the score most.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : ValidationCurveDisplay

        Raises
        ------
        ValueError
            If no trial is complete, or the search has no such hyperparameter.
        """
        return cls(curve_over_axis(search, name)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "ValidationCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        display : ValidationCurveDisplay
        """
        data = self.data
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        parts = (
            ("training", ORANGE, "--", data.train, data.train_std, data.trial_train),
            ("validation", BLUE, "-", data.test, data.test_std, data.trial_test),
        )
        shown = []
        for name, color, dash, mean, std, trials in parts:
            if np.isfinite(mean).any():
                half = 1.96 * std if data.is_surrogate else std
                self._draw_curve(ax, name, color, dash, mean, half)
                shown += [mean - half, mean + half]
            if data.is_surrogate:
                ax.plot(data.axis.values, trials, "o", color=color, ms=3, alpha=0.35, zorder=1)
        best = data.axis.values[data.best], data.trial_test[data.best]
        ax.plot(*best, "*", color="white", mec="black", ms=13, ls="none", label="best", zorder=5)
        low, high = self._limits(np.concatenate(shown))
        at = data.axis.values[data.failed & np.isfinite(data.axis.values)]
        if len(at):
            bottom = np.full(len(at), low if data.greater_is_better else high)
            ax.plot(at, bottom, "x", color=RED, ms=6, clip_on=False, label="failed", zorder=4)
        ax.set_ylim(low, high)
        label_axis(ax, data.axis)
        ax.set_ylabel(data.label)
        ax.grid(alpha=0.25)
        legend_above(ax)
        return self

    def _limits(self, curves: np.ndarray) -> tuple[float, float]:
        """Range of scores: of trials that are no bad outliers, and of the better part of curves."""
        data = self.data
        every = np.concatenate([data.trial_test, data.trial_train])
        low, high = score_limits(every, data.greater_is_better, distance=4.0)
        worst, best = score_limits(curves, data.greater_is_better, distance=4.0)
        return padded(min(low, worst), max(high, best, float(np.nanmax(curves))))

    def _draw_curve(
        self, ax: Any, name: str, color: str, dash: str, mean: np.ndarray, half: np.ndarray
    ) -> None:
        x, axis = self.data.positions, self.data.axis
        if axis.scale == "choices":
            style = {"fmt": "o", "capsize": 4, "lw": 1.8, "ms": 6}
            shift = 0.06 if name == "training" else -0.06
            ax.errorbar(x + shift, mean, half, color=color, label=name, **style)
            return
        marker = None if self.data.is_surrogate else "o"
        ax.plot(x, mean, dash, color=color, lw=2, marker=marker, ms=5, label=name, zorder=3)
        ax.fill_between(x, mean - half, mean + half, color=color, alpha=0.18, lw=0, zorder=2)
