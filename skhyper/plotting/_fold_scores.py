"""Scores of the leading candidates on each fold, and their differences from the best one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from skhyper._splits import standard_error
from skhyper.inspection._results import results_of
from skhyper.plotting._axes import short_names, text_of_params
from skhyper.plotting._style import BLUE, ORANGE, RED, legend_above, panels

# Probability of the interval of a difference.
_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Candidates that have a score on every fold, the best one first.

    Attributes
    ----------
    trials : ndarray of int of shape (k,)
        Index of each candidate.
    params : list of dict
    scores : ndarray of shape (k, n_splits)
    differences : ndarray of shape (k, n_splits)
        Scores minus those of the first candidate.
    half_width : ndarray of shape (k,)
        Half of the 95 % interval of the mean difference, corrected for the overlap of the
        training sets; nan with one fold.
    label : str
        Name of the score.
    n_trials : int
        Number of all trials.
    greater_is_better : bool
    """

    trials: np.ndarray
    params: list[dict[str, Any]]
    scores: np.ndarray
    differences: np.ndarray
    half_width: np.ndarray
    label: str
    n_trials: int
    greater_is_better: bool

    @property
    def is_worse(self) -> np.ndarray:
        """Candidates whose interval excludes zero on the worse side, shape (k,)."""
        mean = self.differences.mean(axis=1) * (1 if self.greater_is_better else -1)
        worse: np.ndarray = mean + np.nan_to_num(self.half_width, nan=np.inf) < 0
        return worse


def fold_scores(search: Any, n_candidates: int = 10) -> FoldScores:
    """Data of :meth:`FoldScoresDisplay.from_search`."""
    results = results_of(search)
    table = results.fold_scores
    means = np.where(np.isfinite(table).all(axis=1), results.scores, np.nan)
    found = np.flatnonzero(np.isfinite(means))
    if not len(found):
        raise ValueError("No candidate has a score on every fold.")
    order = found[np.argsort(results.sign * means[found], kind="stable")]
    order = np.concatenate([order[order == results.best], order[order != results.best]])
    order = order[:n_candidates]
    # Scores of folds are minus losses, also of a minimized function.
    scores = table[order] if results.greater_is_better else -table[order]
    differences = scores - scores[0]
    return FoldScores(
        order,
        [results.params[i] for i in order],
        scores,
        differences,
        _half_width(differences, results.test_share),
        results.label,
        len(means),
        results.greater_is_better,
    )


def _half_width(differences: np.ndarray, test_share: float) -> np.ndarray:
    """Half of the interval of mean differences, by the corrected resampled t-test."""
    n = differences.shape[1]
    quantile = stats.t.ppf((1 + _LEVEL) / 2, n - 1) if n > 1 else np.nan
    half_width: np.ndarray = quantile * standard_error(differences, test_share)
    return half_width


class FoldScoresDisplay:
    """Scores of the leading candidates on each fold, and their differences from the best one.

    On the left each line is a fold: where lines are parallel, candidates differ in the same way on
    all folds. On the right are the differences from the first candidate on each fold, and their
    mean with its 95 % interval.

    Parameters
    ----------
    data : FoldScores

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2,)
    figure_ : matplotlib Figure

    Notes
    -----
    The interval is that of the corrected resampled t-test: the variance of the differences is
    multiplied by ``1 / n_splits + n_test / n_train``, as training sets overlap. The first candidate
    is the best of many, so that its lead is optimistic.

    References
    ----------
    Nadeau and Bengio (2003), "Inference for the generalization error", Machine Learning 52.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV
    >>> from skhyper.plotting import FoldScoresDisplay
    >>> search = GridSearchCV(SVC(), {"C": [0.001, 1, 100]}).fit(*load_iris(return_X_y=True))
    >>> FoldScoresDisplay.from_search(search).data.trials
    array([2, 1, 0])
    """

    def __init__(self, data: FoldScores):
        self.data = data

    @classmethod
    def from_search(
        cls, search: Any, *, n_candidates: int = 10, ax: Any = None
    ) -> "FoldScoresDisplay":
        """Draw the fold scores of the leading candidates.

        Parameters
        ----------
        search : fitted search or History
        n_candidates : int, default=10
        ax : matplotlib Axes or array of two Axes, default=None

        Returns
        -------
        display : FoldScoresDisplay

        Raises
        ------
        ValueError
            If no candidate has a score on every fold.
        """
        return cls(fold_scores(search, n_candidates)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "FoldScoresDisplay":
        """Draw both panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of two Axes, default=None
            A new figure by default.

        Returns
        -------
        display : FoldScoresDisplay
        """
        data = self.data
        k = len(data.trials)
        self.axes_ = panels(ax, 1, 2, (5.2, 1.6 + 0.32 * k), width_ratios=[1, 1]).ravel()
        self.figure_ = self.axes_[0].figure
        left, right = self.axes_
        rows = np.arange(k)
        left.plot(data.scores, rows, "-", color="0.75", lw=0.8, zorder=1)
        left.plot(data.scores, rows, "o", color=BLUE, ms=3.5, alpha=0.5, zorder=2)
        left.plot(data.scores.mean(axis=1), rows, "|", color="black", ms=16, mew=2.2, zorder=3)
        names = short_names(list({name: None for params in data.params for name in params}))
        texts = [text_of_params(params, names) for params in data.params]
        labels = [f"{text}  #{number}" for text, number in zip(texts, data.trials)]
        left.set_yticks(rows, labels, fontsize=8)
        left.set_xlabel(f"{data.label}; bar: mean of the folds")
        right.axvline(0, color="0.4", lw=1, zorder=1)
        for row, (worse, width) in enumerate(zip(data.is_worse, data.half_width)):
            # Below the interval, which would hide them.
            height = np.full(data.scores.shape[1], row + 0.25)
            right.plot(data.differences[row], height, "o", color="0.55", ms=3, alpha=0.7)
            color, marker = (RED, "s") if worse else (BLUE, "o")
            mean = data.differences[row].mean()
            width = None if np.isnan(width) or row == 0 else width
            color, marker = (ORANGE, "*") if row == 0 else (color, marker)
            right.errorbar(mean, row, xerr=width, fmt=marker, color=color, ms=6, lw=1.8, capsize=3)
        right.set_xlabel("difference from the first candidate")
        right.set_yticks(rows, [])
        for axes in self.axes_:
            axes.set_ylim(k - 0.5, -0.5)
            axes.grid(axis="x", alpha=0.25)
            axes.locator_params(axis="x", nbins=6)
        self._draw_legend(right)
        return self

    def _draw_legend(self, ax: Any) -> None:
        from matplotlib.lines import Line2D

        handles = [Line2D([], [], marker="o", color=BLUE, label="mean, 95 % interval")]
        if self.data.is_worse.any():
            handles.append(Line2D([], [], marker="s", color=RED, label="the same, worse"))
        handles.append(Line2D([], [], marker="o", color="0.55", ls="none", ms=3, label="fold"))
        legend_above(ax, handles=handles)
