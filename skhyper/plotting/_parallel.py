"""Parallel coordinates: each trial is a line over the axes of its hyperparameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.inspection._results import results_of
from skhyper.plotting._axes import Axis, axes_of
from skhyper.plotting._style import (
    COLORMAP,
    RED,
    from_share,
    log_ticks,
    number_text,
    one_axes,
    score_limits,
)
from skhyper.plotting._surrogate import ranked

# Height, as a share of the axes, at which trials without a value are drawn.
_LANE = -0.13
# Share of the distance between two choices over which lines through one of them are spread.
_SPREAD = 0.35


@dataclass(frozen=True, eq=False)
class ParallelCoordinates:
    """Trials as rows of positions on axes.

    Attributes
    ----------
    axes : list of Axis
        The shown axes, in order.
    n_axes : int
        Number of all axes.
    heights : ndarray of shape (n_trials, n_shown)
        Share of each axis at which a trial crosses it, nan where it has no value there.
    scores : ndarray of shape (n_trials,)
        Scores, estimates for stopped trials; nan for failed trials.
    best : int or None
        Index of the selected trial.
    label : str
        Name of the score.
    greater_is_better : bool
    """

    axes: list[Axis]
    n_axes: int
    heights: np.ndarray
    scores: np.ndarray
    best: int | None
    label: str
    greater_is_better: bool


def parallel_coordinates(
    search: Any, names: Sequence[str] | None = None, max_axes: int = 10
) -> ParallelCoordinates:
    """Data of :meth:`ParallelCoordinatesDisplay.from_search`."""
    results = results_of(search)
    axes = axes_of(results)
    n_axes = len(axes)
    axes = selected(axes, names)
    if names is None and len(axes) > max_axes:
        axes = [axes[i] for i in ranked(results, axes)[:max_axes]]
    heights = np.column_stack([axis.to_unit(axis.values) for axis in axes])
    return ParallelCoordinates(
        axes,
        n_axes,
        heights,
        results.estimated_scores,
        results.best,
        results.label,
        results.greater_is_better,
    )


def selected(axes: list[Axis], names: Sequence[str] | None) -> list[Axis]:
    """The axes with these names, in this order; all if `names` is None."""
    if names is None:
        return axes
    by_name = {axis.label: axis for axis in axes} | {axis.name: axis for axis in axes}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is not a hyperparameter of the search; it has "
            f"{[axis.name for axis in axes]}."
        )
    return [by_name[name] for name in names]


class ParallelCoordinatesDisplay:
    """Trials as lines over the axes of their hyperparameters, colored by score.

    The best trial is drawn in red, failed trials are dotted. Lines go through the lane below the
    axes where a hyperparameter is inactive or has a value that is not on its axis.

    Parameters
    ----------
    data : ParallelCoordinates

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skhyper import minimize
    >>> from skhyper.plotting import ParallelCoordinatesDisplay
    >>> result = minimize(lambda p: p["x"] ** 2 + p["y"], {"x": (-1.0, 1.0), "y": [0, 1]}, 6)
    >>> ParallelCoordinatesDisplay.from_search(result).data.heights.shape
    (6, 2)
    """

    def __init__(self, data: ParallelCoordinates):
        self.data = data

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        names: Sequence[str] | None = None,
        max_axes: int = 10,
        ax: Any = None,
    ) -> "ParallelCoordinatesDisplay":
        """Draw the trials of a search.

        Parameters
        ----------
        search : fitted search, History, Optimizer or OptimizeResult
        names : sequence of str, default=None
            Hyperparameters to show, in this order; by default all of them, or the `max_axes`
            that change the surrogate of the score most.
        max_axes : int, default=10
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : ParallelCoordinatesDisplay
        """
        return cls(parallel_coordinates(search, names, max_axes)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "ParallelCoordinatesDisplay":
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        display : ParallelCoordinatesDisplay
        """
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        data = self.data
        n = len(data.axes)
        ax = one_axes(ax, (max(5.0, 1.5 + 1.25 * n), 4.2))
        self.ax_, self.figure_ = ax, ax.figure
        low, high = score_limits(data.scores, data.greater_is_better)
        colormap = COLORMAP if data.greater_is_better else COLORMAP + "_r"
        colors = ScalarMappable(Normalize(low, high if high > low else low + 1e-12), colormap)
        heights = self._drawn_heights()
        x = np.arange(n) if n > 1 else np.array([-0.3, 0.3])
        heights = heights if n > 1 else np.repeat(heights, 2, axis=1)
        worst_first = data.scores if data.greater_is_better else -data.scores
        for i in np.argsort(np.nan_to_num(worst_first, nan=-np.inf), kind="stable"):
            if np.isnan(data.scores[i]):
                ax.plot(x, heights[i], ":", color="0.55", lw=1.0, zorder=1)
            elif i == data.best:
                ax.plot(x, heights[i], "-", color=RED, lw=2.6, zorder=4, label="best")
            else:
                ax.plot(x, heights[i], "-", color=colors.to_rgba(data.scores[i]), lw=1.2, alpha=0.8)
        _draw_axes(ax, data.axes, np.isnan(data.heights).any())
        bar = self.figure_.colorbar(colors, ax=ax, pad=0.02, aspect=30)
        bar.set_label(data.label)
        self._draw_legend(ax)
        return self

    def _drawn_heights(self) -> np.ndarray:
        """Heights with lines through the same choice spread, and the lane of those without one."""
        data = self.data
        heights = data.heights.copy()
        rank = np.argsort(np.argsort(np.nan_to_num(data.scores, nan=-np.inf), kind="stable"))
        offset = (rank + 0.5) / len(rank) - 0.5
        for column, axis in enumerate(data.axes):
            if axis.scale == "choices":
                heights[:, column] += _SPREAD * offset / len(axis.choices)
            lane = np.isnan(heights[:, column])
            heights[lane, column] = _LANE + 0.05 * offset[lane]
        return heights

    def _draw_legend(self, ax: Any) -> None:
        from matplotlib.lines import Line2D

        handles = []
        if self.data.best is not None:
            handles.append(Line2D([], [], color=RED, lw=2.6, label="best"))
        if np.isnan(self.data.scores).any():
            handles.append(Line2D([], [], color="0.55", ls=":", label="failed"))
        title = None
        if len(self.data.axes) < self.data.n_axes:
            title = f"{len(self.data.axes)} of {self.data.n_axes} hyperparameters"
        ax.legend(
            handles=handles,
            title=title,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.08),
            ncols=2,
            frameon=False,
            fontsize="small",
            title_fontsize="small",
        )


def _draw_axes(ax: Any, axes: list[Axis], has_lane: bool) -> None:
    """Vertical axes with ticks and labels, in place of those of `ax`."""
    halo = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6}
    for x, axis in enumerate(axes):
        ax.plot([x, x], [0, 1], color="black", lw=1.0, zorder=3)
        for height, text in _ticks(axis):
            ax.plot([x - 0.02, x + 0.02], [height, height], color="black", lw=1.0, zorder=3)
            style = {"fontsize": 8, "va": "center", "ha": "left", "zorder": 5, "bbox": halo}
            ax.text(x + 0.035, height, text, **style)
        name = axis.label if len(axis.label) <= 18 else "…" + axis.label[-17:]
        stagger = 0.055 * (x % 2) if max(len(a.label) for a in axes) > 11 else 0.0
        ax.text(x, 1.04 + stagger, name, ha="center", va="bottom", fontsize=9)
        reasons = list(dict.fromkeys(text for text in axis.others if text))
        if reasons:
            text = ", ".join(reasons[:2]) + (", …" if len(reasons) > 2 else "")
            style = {"fontsize": 8, "va": "center", "ha": "center", "zorder": 5, "bbox": halo}
            ax.text(x, _LANE, text, color="0.25", **style)
    if has_lane:
        ax.axhspan(_LANE - 0.04, _LANE + 0.04, color="0.93", zorder=0)
    ax.set_ylim(_LANE - 0.06 if has_lane else -0.04, 1.04)
    ax.set_xlim(-0.5, len(axes) - 0.3)
    ax.set_axis_off()


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Heights and texts of the ticks of an axis."""
    from matplotlib.ticker import MaxNLocator

    if axis.scale == "choices":
        texts = axis.choice_labels
        step = -(-len(texts) // 12)
        pairs = list(zip(axis.to_unit(np.arange(len(texts))), texts))[::step]
        return [(float(height), text) for height, text in pairs]
    if axis.scale == "log":
        ticks = np.array(log_ticks(axis.low, axis.high))
    else:
        ticks = np.array(MaxNLocator(5, integer=axis.whole).tick_values(axis.low, axis.high))
        low, high = from_share(axis, np.array([-1e-6, 1 + 1e-6]))
        ticks = ticks[(ticks >= low) & (ticks <= high)]
    return [(float(h), number_text(t)) for h, t in zip(axis.to_unit(ticks), ticks)]
