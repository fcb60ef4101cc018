"""Races: which trials were dropped before all folds, or all samples, were used, and when."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.inspection._results import Results, results_of
from skhyper.plotting._style import RED, STATE_COLORS, legend_above, padded, panels, score_limits


@dataclass(frozen=True, eq=False)
class Race:
    """Scores of trials after each step: a fold, or an iteration of successive halving.

    Attributes
    ----------
    steps : list of ndarray
        Folds, or units of the resource, after each step of each trial.
    scores : list of ndarray
        Mean score so far after each of these steps.
    states : ndarray of shape (n_trials,)
        "complete", "stopped" or "failed".
    best : int or None
        Index of the selected trial.
    unit : str
        What the steps are: "folds", "n_samples", ...
    most : float
        Steps of a complete trial.
    label : str
        Name of the score.
    greater_is_better : bool
    """

    steps: list[np.ndarray]
    scores: list[np.ndarray]
    states: np.ndarray
    best: int | None
    unit: str
    most: float
    label: str
    greater_is_better: bool

    @property
    def reached(self) -> np.ndarray:
        """Last step of each trial, 0 without any, shape (n_trials,)."""
        return np.array([steps[-1] if len(steps) else 0.0 for steps in self.steps])

    @property
    def saved(self) -> float:
        """Share of the steps that were not run as trials were dropped, without failed trials."""
        reached = self.reached[self.states != "failed"]
        return 1.0 - float(reached.sum()) / (self.most * max(1, len(reached)))


def race(search: Any) -> Race:
    """Data of :meth:`RaceDisplay.from_search`."""
    results = results_of(search)
    if hasattr(search, "n_resources_"):
        return _halving(search, results)
    table = results.fold_scores[:, _fold_order(results)]
    steps, scores = [], []
    for values in table if results.greater_is_better else -table:
        run = values[np.isfinite(values)]
        steps.append(np.arange(1.0, len(run) + 1))
        scores.append(np.cumsum(run) / steps[-1])
    return Race(
        steps,
        scores,
        results.states,
        results.best,
        "folds",
        float(results.fold_scores.shape[1]),
        results.label,
        results.greater_is_better,
    )


def _fold_order(results: Results) -> np.ndarray:
    """The folds in the order in which trials have run them, (n_splits,).

    It is the same for all trials of a race, so that a fold comes before those that fewer trials
    have run; if as many have, before those that were started later.
    """
    n_splits = results.fold_scores.shape[1]
    n_run, delays = np.zeros(n_splits), np.zeros(n_splits)
    for trial in results.history:
        for number, fold in zip(trial.fold_numbers, trial.folds):
            n_run[number] += 1
            delays[number] += np.nan_to_num(fold.get("started", np.nan) - trial.started)
    if not n_run.any():
        n_run = np.isfinite(results.fold_scores).sum(axis=0)
    return np.lexsort((delays / np.maximum(n_run, 1), -n_run))


def _halving(search: Any, results: Results) -> Race:
    """The iterations of a successive halving of scikit-learn."""
    table = search.cv_results_
    rows: dict[str, list[int]] = {}
    for row, params in enumerate(table["params"]):
        rows.setdefault(repr(sorted(params.items(), key=lambda item: item[0])), []).append(row)
    resources = np.asarray(table["n_resources"], dtype=float)
    means = np.asarray(table[f"mean_test_{results.metric}"], dtype=float)
    best = [i for i, own in enumerate(rows.values()) if search.best_index_ in own]
    failed = [bool(np.isnan(means[own]).any()) for own in rows.values()]
    ended = [resources[own[-1]] == resources.max() for own in rows.values()]
    names = ["failed" if f else "complete" if e else "stopped" for f, e in zip(failed, ended)]
    return Race(
        [resources[own] for own in rows.values()],
        [means[own] for own in rows.values()],
        np.array(names),
        best[0] if best else None,
        search.resource,
        float(resources.max()),
        results.label,
        True,
    )


class RaceDisplay:
    """Which trials of a race were dropped, when, and at which score.

    Above, the mean score of each trial so far after each fold: the lines of dropped trials end in a
    dot. Below, how many folds each trial has run. For a successive halving of scikit-learn, the
    units of its resource take the place of folds.

    Parameters
    ----------
    data : Race

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2,)
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from skhyper import History, Trial
    >>> from skhyper.plotting import RaceDisplay
    >>> whole = Trial(0, {"C": 1.0}, "complete", np.array([0.8, 0.9]), -0.85)
    >>> dropped = Trial(1, {"C": 9.0}, "stopped", np.array([0.5, np.nan]), -0.5)
    >>> RaceDisplay.from_search(History((whole, dropped))).data.saved
    0.25
    """

    def __init__(self, data: Race):
        self.data = data

    @classmethod
    def from_search(cls, search: Any, *, ax: Any = None) -> "RaceDisplay":
        """Draw the race of a search's trials.

        Parameters
        ----------
        search : fitted search or History
            Of this package, or a successive halving of scikit-learn.
        ax : matplotlib Axes or array of two Axes, default=None

        Returns
        -------
        display : RaceDisplay
        """
        return cls(race(search)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "RaceDisplay":
        """Draw both panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of two Axes, default=None
            A new figure by default.

        Returns
        -------
        display : RaceDisplay
        """
        self.axes_ = panels(ax, 2, 1, (6.8, 2.6), height_ratios=[2, 1]).ravel()
        self.figure_ = self.axes_[0].figure
        self._draw_scores(self.axes_[0])
        self._draw_steps(self.axes_[1])
        return self

    def _draw_scores(self, ax: Any) -> None:
        from matplotlib.lines import Line2D

        data = self.data
        ends = np.array([scores[-1] if len(scores) else np.nan for scores in data.scores])
        low, high = score_limits(ends, data.greater_is_better, distance=4.0)
        every = np.concatenate([scores for i, scores in enumerate(data.scores) if ends[i] >= low]
                               or [ends])  # fmt: skip
        halving = data.unit != "folds"
        for i, (steps, scores) in enumerate(zip(data.steps, data.scores)):
            color = STATE_COLORS[str(data.states[i])]
            stopped = data.states[i] == "stopped"
            look = {"color": color, "lw": 1.0, "alpha": 0.75 if stopped else 0.45, "zorder": 2}
            if i == data.best:
                look = {"color": "black", "lw": 2.2, "zorder": 4}
            ax.plot(steps, scores, "-", **look)
            if stopped and len(steps):
                ax.plot(steps[-1], scores[-1], "o", color=color, ms=4.5, mec="white", mew=0.5,
                        zorder=3)  # fmt: skip
        worst = float(np.nanmin(every)) if np.isfinite(every).any() else low
        best = float(np.nanmax(every)) if np.isfinite(every).any() else high
        ax.set_ylim(*padded(min(low, worst), max(high, best)))
        if halving:
            ax.set_xscale("log")
            ticks = sorted({float(step) for steps in data.steps for step in steps})
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.minorticks_off()
        else:
            ax.set_xticks(np.arange(1, data.most + 1, max(1, data.most // 10)))
        ax.set_xlabel(data.unit if halving else "folds run")
        ax.set_ylabel(f"{data.label} so far")
        ax.grid(alpha=0.25)
        handles = [Line2D([], [], color="black", lw=2.2, label="selected")]
        for state in ("complete", "stopped"):
            n = int((data.states == state).sum())
            if n:
                marker = "o" if state == "stopped" else None
                text = "dropped" if state == "stopped" else "to the end"
                style: dict[str, Any] = {"color": STATE_COLORS[state], "marker": marker, "ms": 4.5}
                handles.append(Line2D([], [], label=f"{text}: {n}", **style))
        title = f"{100 * data.saved:.0f} % of the {data.unit} saved"
        legend_above(ax, handles=handles, title=title, ncols=3)

    def _draw_steps(self, ax: Any) -> None:
        data = self.data
        colors = [STATE_COLORS[str(state)] for state in data.states]
        at = np.arange(len(data.states))
        ax.bar(at, data.reached, width=0.85, color=colors)
        if data.best is not None:
            ax.bar(data.best, data.reached[data.best], width=0.85, color="black")
        failed = np.flatnonzero(data.states == "failed")
        if len(failed):
            ax.plot(failed, np.zeros(len(failed)), "x", color=RED, ms=5, clip_on=False)
        ax.set_ylim(0, 1.05 * data.most)
        ax.set_xlim(-0.8, len(at) - 0.2)
        ax.locator_params(axis="y", nbins=4, integer=True)
        ax.locator_params(axis="x", integer=True)
        ax.set_xlabel("trial")
        ax.set_ylabel(data.unit if data.unit != "folds" else "folds run")
