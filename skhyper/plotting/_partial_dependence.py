"""Partial dependence of the surrogate: the average score over one or two hyperparameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.inspection._results import Results, results_of
from skhyper.plotting._axes import Axis, axes_of
from skhyper.plotting._parallel import selected
from skhyper.plotting._style import (
    BLUE,
    COLORMAP,
    ORANGE,
    RED,
    label_axis,
    padded,
    panels,
    score_limits,
)
from skhyper.plotting._surrogate import Average, ranked

# Standard deviations of the shown interval: 95 % of a normal distribution.
_N_STDS = 1.96
_OTHERS = ("average", "best")


@dataclass(frozen=True, eq=False)
class PartialDependence:
    """Average score of the surrogate over one or two hyperparameters.

    Attributes
    ----------
    axes : tuple of Axis
        One or two.
    grid : tuple of ndarray
        Positions on each axis, shapes (g_1,) and (g_2,).
    mean, std : ndarrays of shape (g_1,) or (g_1, g_2)
        Average score, and its posterior standard deviation; nan where the values cannot be
        combined.
    scores : ndarray of shape (n_trials,)
        Scores of the complete trials, nan for others.
    failed : ndarray of bool of shape (n_trials,)
    best : int or None
        Index of the selected trial.
    label : str
        Name of the score.
    greater_is_better : bool
    """

    axes: tuple[Axis, ...]
    grid: tuple[np.ndarray, ...]
    mean: np.ndarray
    std: np.ndarray
    scores: np.ndarray
    failed: np.ndarray
    best: int | None
    label: str
    greater_is_better: bool


def partial_dependence(
    search: Any,
    features: Sequence[Any] | None = None,
    others: str = "average",
    max_panels: int = 6,
    grid_resolution: int | None = None,
) -> list[PartialDependence]:
    """Data of the panels of :meth:`PartialDependenceDisplay.from_search`."""
    if others not in _OTHERS:
        raise ValueError(f"others must be one of {_OTHERS}, got {others!r}.")
    results = results_of(search)
    axes = axes_of(results)
    average = Average(results)
    around = None
    if others == "best":
        around = results.space.locate(results.history[results.best].params)  # type: ignore[index]
        if around is None:
            raise ValueError(
                'The best trial is not in the search space; use others="average" instead.'
            )
    groups: list[list[Axis]]
    if features is None:
        order = [axes[i] for i in ranked(results, axes)]
        groups = [[axis] for axis in order[: max_panels - (len(axes) > 1)]]
        groups += [order[:2]] if len(axes) > 1 else []
    else:
        groups = [selected(axes, [f] if isinstance(f, str) else f) for f in features]
    return [_dependence(results, average, group, around, grid_resolution) for group in groups]


def _dependence(
    results: Results,
    average: Average,
    axes: Sequence[Axis],
    around: np.ndarray | None,
    n: int | None,
) -> PartialDependence:
    if len(axes) not in (1, 2):
        raise ValueError(f"Features must be names or pairs of names, got {len(axes)} names.")
    n = n or (50 if len(axes) == 1 else 20)
    grid = tuple(axis.grid(n) for axis in axes)
    mean, std = average(axes, grid) if around is None else average.at(axes, grid, around)
    return PartialDependence(
        tuple(axes),
        grid,
        mean,
        std,
        results.scores,
        results.states == "failed",
        results.best,
        results.label,
        results.greater_is_better,
    )


class PartialDependenceDisplay:
    """Partial dependence of the surrogate of a search, with its uncertainty and the trials.

    One hyperparameter: the average score, its 95 % interval (without the noise of the folds), and
    the complete trials. Two: the average score in colors, its standard deviation as dashed
    contours, and the trials. Failed trials are crosses, the selected trial is a star.

    Parameters
    ----------
    data : list of PartialDependence
        One for each panel.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
    figure_ : matplotlib Figure

    Notes
    -----
    The surrogate is the Gaussian process of :class:`skhyper.samplers.GPSampler`, fitted to the
    trials of any search. Averages are taken over points spread evenly over the space in which the
    hyperparameter is active and that meet the constraint.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skhyper import minimize
    >>> from skhyper.plotting import PartialDependenceDisplay
    >>> space = {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}
    >>> result = minimize(lambda p: p["x"] ** 2 + 0.1 * p["y"], space, 12, random_state=0)
    >>> display = PartialDependenceDisplay.from_search(result, features=["x"])
    >>> bool(abs(display.data[0].grid[0][display.data[0].mean.argmin()]) < 0.2)
    True
    """

    def __init__(self, data: list[PartialDependence]):
        self.data = data

    @classmethod
    def from_search(
        cls,
        search: Any,
        features: Sequence[Any] | None = None,
        *,
        others: str = "average",
        max_panels: int = 6,
        grid_resolution: int | None = None,
        ax: Any = None,
    ) -> "PartialDependenceDisplay":
        """Draw the partial dependence of a search's surrogate.

        Parameters
        ----------
        search : fitted search, History, Optimizer or OptimizeResult
            With at least two complete trials.
        features : sequence of str or of pairs of str, default=None
            By default the hyperparameters that change the average most, and the pair of the
            first two, `max_panels` in all.
        others : {"average", "best"}, default="average"
            Whether the surrogate is averaged over the other hyperparameters, or these have the
            values of the best trial.
        max_panels : int, default=6
        grid_resolution : int, default=None
            Number of positions on a range; by default 50, or 20 for pairs.
        ax : matplotlib Axes or array of Axes, default=None
            The place of all panels, or one for each.

        Returns
        -------
        display : PartialDependenceDisplay
        """
        return cls(partial_dependence(search, features, others, max_panels, grid_resolution)).plot(
            ax=ax
        )

    def plot(self, ax: Any = None, *, n_columns: int = 3) -> "PartialDependenceDisplay":
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            The place of all panels, or one for each; a new figure by default.
        n_columns : int, default=3

        Returns
        -------
        display : PartialDependenceDisplay
        """
        n = len(self.data)
        n_columns = min(n_columns, n)
        if isinstance(ax, np.ndarray | list):
            self.axes_ = panels(ax, 1, n, (0, 0)).ravel()
        else:
            every = panels(ax, -(-n // n_columns), n_columns, (3.9, 3.2)).ravel()
            for unused in every[n:]:
                unused.set_axis_off()
            self.axes_ = every[:n]
        self.figure_ = self.axes_[0].figure
        if ax is None:
            self._draw_legend()
        limits = self._limits()
        for axes, data in zip(self.axes_, self.data):
            if len(data.axes) == 1:
                _draw_one(axes, data, limits)
            else:
                _draw_two(axes, data)
        return self

    def _draw_legend(self) -> None:
        """A legend above the panels."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        trial: dict[str, Any] = {"ls": "none", "color": "0.45", "ms": 4}
        best: dict[str, Any] = {"ls": "none", "color": ORANGE, "mec": "black", "ms": 11}
        handles: list[Any] = [Line2D([], [], marker="o", label="trial", **trial)]
        if self.data[0].failed.any():
            handles += [Line2D([], [], marker="x", ls="none", color=RED, label="failed")]
        handles += [Line2D([], [], marker="*", label="best trial", **best)]
        if any(len(data.axes) == 1 for data in self.data):
            handles += [
                Line2D([], [], color=BLUE, lw=2, label="average of the surrogate"),
                Patch(color=BLUE, alpha=0.2, label="95 % interval"),
            ]
        style = {"frameon": False, "fontsize": "small", "ncols": 5 if len(self.data) > 1 else 2}
        self.figure_.legend(handles=handles, loc="outside upper center", **style)

    def _limits(self) -> tuple[float, float]:
        """Range of scores in all panels of one hyperparameter."""
        shown = [self.data[0].scores]
        for data in self.data:
            if len(data.axes) == 1:
                shown += [data.mean - _N_STDS * data.std, data.mean + _N_STDS * data.std]
        up = self.data[0].greater_is_better
        low, high = score_limits(shown[0], up, distance=2.0)
        curves = np.concatenate([*shown[1:], [low, high]])
        return padded(float(np.nanmin(curves)), float(np.nanmax(curves)))


def _draw_one(ax: Any, data: PartialDependence, limits: tuple[float, float]) -> None:
    (axis,), (grid,) = data.axes, data.grid
    low, high = data.mean - _N_STDS * data.std, data.mean + _N_STDS * data.std
    ax.plot(axis.values, data.scores, "o", color="0.45", ms=3, alpha=0.6, zorder=2, clip_on=True)
    few = axis.scale == "choices" or (axis.ticks is not None and len(grid) < 10)
    if few:
        error = np.array([data.mean - low, high - data.mean])
        ax.errorbar(grid, data.mean, error, fmt="o", color=BLUE, capsize=4, lw=1.8, ms=6, zorder=3)
    if axis.scale != "choices":
        ax.plot(grid, data.mean, color=BLUE, lw=2.0, zorder=3)
        ax.fill_between(grid, low, high, color=BLUE, alpha=0.2, lw=0, zorder=1)
    bottom = limits[0] if data.greater_is_better else limits[1]
    at = axis.values[data.failed]
    at = at[np.isfinite(at)]
    if len(at):
        ax.plot(at, np.full(len(at), bottom), "x", color=RED, ms=5, clip_on=False, zorder=4)
    if data.best is not None:
        place = axis.values[data.best], data.scores[data.best]
        ax.plot(*place, "*", color=ORANGE, ms=13, mec="black", mew=0.7, zorder=5)
    label_axis(ax, axis)
    ax.set_ylim(*limits)
    ax.set_ylabel(data.label)
    ax.grid(alpha=0.25)
    _note_others(ax, axis)


def _note_others(ax: Any, axis: Axis) -> None:
    """Note above the axes how many trials have no value on the axis."""
    n_inactive = axis.others.count("inactive")
    texts = [f"inactive in {n_inactive} of {len(axis.others)} trials"] if n_inactive else []
    rest = sorted({text for text in axis.others if text not in ("", "inactive")})
    texts += [f"not shown: {', '.join(rest[:2])}"] if rest else []
    if texts:
        ax.set_title("; ".join(texts), fontsize="small", color="0.35")


def _draw_two(ax: Any, data: PartialDependence) -> None:
    from matplotlib.patheffects import withStroke

    a, b = data.axes
    shown = data.mean.T
    colormap = COLORMAP if data.greater_is_better else COLORMAP + "_r"
    choices = "choices" in (a.scale, b.scale)
    if choices or np.isnan(shown).any() or min(shown.shape) < 3:
        edges = [_edges(axis, grid) for axis, grid in zip(data.axes, data.grid)]
        mesh = ax.pcolormesh(*edges, np.ma.masked_invalid(shown), cmap=colormap, rasterized=True)
        if np.isnan(shown).any():
            ax.set_facecolor("0.92")
            ax.set_title("gray: not active together", fontsize="small", color="0.35")
    else:
        mesh = ax.contourf(*data.grid, shown, 20, cmap=colormap)
        dashed = {"colors": "white", "linewidths": 0.8, "linestyles": "dashed"}
        lines = ax.contour(*data.grid, data.std.T, 3, **dashed)
        for text in ax.clabel(lines, fontsize=7, fmt="±%.2g"):
            text.set_path_effects([withStroke(linewidth=1.5, foreground="black")])
    x, y = a.values.copy(), b.values.copy()
    order = np.arange(len(x)) * 0.618 % 1 - 0.5  # spreads trials that have the same choice
    for axis, values in ((a, x), (b, y)):
        if axis.scale == "choices":
            values += 0.5 * order
    known = np.isfinite(x) & np.isfinite(y)
    done, failed = known & ~np.isnan(data.scores), known & data.failed
    style = {"ls": "none", "clip_on": False, "zorder": 3}
    # An empty line that is not clipped would upset the layout.
    if done.any():
        ax.plot(x[done], y[done], "o", color="white", mec="black", mew=0.6, ms=3.5, **style)
    if failed.any():
        ax.plot(x[failed], y[failed], "x", color=RED, ms=6, mew=1.8, **style)
    if data.best is not None and known[data.best]:
        best = x[data.best], y[data.best]
        ax.plot(*best, "*", color=ORANGE, ms=14, mec="black", mew=0.7, **style | {"zorder": 5})
    label_axis(ax, a, "x")
    label_axis(ax, b, "y")
    if not choices:
        ax.set(xlim=(a.low, a.high), ylim=(b.low, b.high))
    ax.figure.colorbar(mesh, ax=ax, pad=0.02).set_label(data.label)


def _edges(axis: Axis, grid: np.ndarray) -> np.ndarray:
    """Edges of the cells around positions, (g + 1,)."""
    if axis.scale == "choices":
        return np.append(grid - 0.5, grid[-1] + 0.5)
    if len(grid) < 2:
        return np.array([axis.low, axis.high])
    values = np.log(grid) if axis.scale == "log" else grid
    middles = (values[1:] + values[:-1]) / 2
    first, last = 2 * values[0] - middles[0], 2 * values[-1] - middles[-1]
    edges = np.concatenate([[first], middles, [last]])
    return np.exp(edges) if axis.scale == "log" else edges
