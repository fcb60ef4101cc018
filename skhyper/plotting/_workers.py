"""Timeline of a search: which fold ran when, and how many at the same time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.inspection._results import results_of
from skhyper.plotting._convergence import fold_spans
from skhyper.plotting._style import STATE_COLORS, legend_above, one_axes


@dataclass(frozen=True, eq=False)
class Workers:
    """Folds in the order of their starts; trials whose folds' times are unknown count as one.

    Folds of several candidates with a shared fit count as one, of the candidate that took longest.

    Attributes
    ----------
    trials : ndarray of int of shape (n_folds,)
        Index of the trial of each fold.
    starts, ends : ndarrays of shape (n_folds,)
        Seconds since the first start.
    lanes : ndarray of int of shape (n_folds,)
        Row of each fold: the lowest that was free when it started. Workers of the same number do
        not always have the same row.
    states : ndarray of shape (n_folds,)
        State of the trial of each fold.
    """

    trials: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    lanes: np.ndarray
    states: np.ndarray

    @property
    def n_lanes(self) -> int:
        """Maximum number of folds that ran at the same time."""
        return int(self.lanes.max()) + 1

    @property
    def busy(self) -> float:
        """Share of the time of all lanes in which a fold ran."""
        return float((self.ends - self.starts).sum() / (self.n_lanes * self.ends.max()))


def workers(search: Any) -> Workers:
    """Data of :meth:`WorkersDisplay.from_search`."""
    results = results_of(search)
    # Folds of candidates that share a fit start at the same time, and end with the longest.
    spans: dict[float, tuple[float, int]] = {}
    for i, trial in enumerate(results.history):
        for start, end in fold_spans(trial).tolist():
            if np.isfinite([start, end]).all() and (start not in spans or end > spans[start][0]):
                spans[start] = end, i
    if not spans:
        raise ValueError(
            "No trial of this search has a time of its start; the searches of skhyper store it, "
            "those of scikit-learn do not."
        )
    rows = sorted((start, end, i) for start, (end, i) in spans.items())
    starts, ends, numbers = (np.array(column) for column in zip(*rows))
    trials = numbers.astype(int)
    first = starts[0]
    return Workers(
        trials, starts - first, ends - first, _lanes(starts, ends), results.states[trials]
    )


def _lanes(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The lowest free row of each interval; starts are in order."""
    free_at: list[float] = []
    lanes = np.empty(len(starts), dtype=int)
    for i, (start, end) in enumerate(zip(starts, ends)):
        # Clocks of processes differ, and a fold's end is its start plus its duration.
        slack = 1e-3
        free = [lane for lane, at in enumerate(free_at) if at <= start + slack]
        lanes[i] = free[0] if free else len(free_at)
        if not free:
            free_at.append(end)
        free_at[lanes[i]] = end
    return lanes


class WorkersDisplay:
    """Timeline of a search: a bar for each fold, in as many rows as folds ran at the same time.

    Consecutive trials have different shades; trials that failed or were stopped have other colors.

    Parameters
    ----------
    data : Workers

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
    >>> from skhyper.plotting import WorkersDisplay
    >>> search = GridSearchCV(SVC(), {"C": [1, 10]}, cv=3).fit(*load_iris(return_X_y=True))
    >>> display = WorkersDisplay.from_search(search)
    >>> display.data.trials
    array([0, 0, 0, 1, 1, 1])
    """

    def __init__(self, data: Workers):
        self.data = data

    @classmethod
    def from_search(cls, search: Any, *, ax: Any = None) -> "WorkersDisplay":
        """Draw the timeline of a search.

        Parameters
        ----------
        search : fitted search or History
            Of this package; scikit-learn does not store when fits started.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : WorkersDisplay

        Raises
        ------
        ValueError
            If no trial has a time of its start.
        """
        return cls(workers(search)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "WorkersDisplay":
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        display : WorkersDisplay
        """
        from matplotlib.colors import to_rgb

        data = self.data
        ax = one_axes(ax, (8.0, 1.4 + 0.45 * min(data.n_lanes, 12)))
        self.ax_, self.figure_ = ax, ax.figure
        for state, color in STATE_COLORS.items():
            for shade in (0, 1):
                own = (data.states == state) & (data.trials % 2 == shade)
                if not own.any():
                    continue
                rgb = np.array(to_rgb(color))
                face = rgb if shade == 0 else 1 - 0.55 * (1 - rgb)
                ax.barh(data.lanes[own], (data.ends - data.starts)[own], left=data.starts[own],
                        height=0.8, color=face, ec="white", lw=0.3)  # fmt: skip
            if (data.states == state).any():
                ax.plot([], [], "s", color=color, label=f"trial {state}")
        ax.set_ylim(data.n_lanes - 0.5, -0.5)
        ax.set_xlim(0, 1.01 * data.ends.max())
        ax.locator_params(axis="y", integer=True, nbins=min(data.n_lanes, 10))
        step = -(-data.n_lanes // 10)
        ax.set_yticks(np.arange(0, data.n_lanes, step), np.arange(1, data.n_lanes + 1, step))
        ax.set_xlabel(f"seconds (folds ran in {100 * data.busy:.0f} % of the rows' time)")
        ax.set_ylabel("folds at once")
        legend_above(ax)
        return self
