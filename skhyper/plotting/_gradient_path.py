"""Paths of a search by gradients over the surface of its criterion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skhyper.inspection._results import Results, results_of
from skhyper.plotting._axes import Axis, axes_of
from skhyper.plotting._parallel import selected
from skhyper.plotting._style import (
    BLUE,
    CYCLE,
    DASHES,
    ORANGE,
    from_share,
    label_axis,
    legend_above,
    one_axes,
    padded,
    score_limits,
)
from skhyper.plotting._surrogate import Average, with_losses
from skhyper.samplers import GradientSampler

# Positions of the surface on each axis, for one and for two axes.
_N_GRID = {1: 80, 2: 40}
# Levels of the surface, at its quantiles: most of it may be flat.
_N_LEVELS = 16


@dataclass(frozen=True, eq=False)
class GradientPath:
    """Descents of a search by gradients, and the surface of its criterion.

    Attributes
    ----------
    axes : tuple of Axis
        One or two hyperparameters; all others have the values of the best trial in the surface.
    descents : list of ndarray of int
        Trials of each descent, in order.
    criterion : ndarray of shape (n_trials,)
        What the search minimizes; nan where unknown.
    slopes : ndarray of shape (n_trials, len(axes))
        Derivatives of the criterion with respect to the shares of the axes; nan where unknown.
    grid : tuple of ndarray
        Positions on each axis.
    surface, std : ndarrays of shape (g_1,) or (g_1, g_2)
        Criterion predicted from values and derivatives, and its standard deviation.
    best : int
        Index of the trial of least criterion.
    n_axes : int
        Number of hyperparameters with derivatives.
    """

    axes: tuple[Axis, ...]
    descents: list[np.ndarray]
    criterion: np.ndarray
    slopes: np.ndarray
    grid: tuple[np.ndarray, ...]
    surface: np.ndarray
    std: np.ndarray
    best: int
    n_axes: int

    @property
    def design(self) -> np.ndarray:
        """Trials with a gradient that are in no descent."""
        known = np.flatnonzero(np.isfinite(self.slopes).all(axis=1))
        return np.setdiff1d(known, np.concatenate([*self.descents, np.empty(0, dtype=int)]))


def gradient_path(search: Any, names: Sequence[str] | None = None) -> GradientPath:
    """Data of :meth:`GradientPathDisplay.from_search`."""
    results = results_of(search)
    criterion = np.array([trial.criterion for trial in results.history], dtype=float)
    has_gradient = [bool(trial.gradient) for trial in results.history]
    known = np.isfinite(criterion) & has_gradient
    if not known.any():
        raise ValueError("No trial has a gradient: only GradientSearchCV computes them.")
    points = _located(results)
    gradients = _gradients(results, points)
    best = int(np.nanargmin(np.where(known, criterion, np.nan)))
    axes = axes_of(results)
    slopes = np.column_stack([np.nanmax(gradients[:, axis.columns], axis=1) for axis in axes])
    movable = [i for i in range(len(axes)) if np.isfinite(slopes[:, i]).any()]
    if names is None:
        spread = [np.nanmax(share) - np.nanmin(share) for share in _shares(axes, known)]
        chosen = sorted(movable, key=lambda i: -spread[i])[:2]
        shown = [axes[i] for i in sorted(chosen)]
    else:
        shown = selected(axes, names)
    if not 1 <= len(shown) <= 2:
        raise ValueError(f"One or two names are needed, got {len(shown)}.")
    of_criterion = with_losses(results, np.where(known, criterion, np.nan))
    average = Average(replace(of_criterion, sign=1), use_gradients=True)
    grid = tuple(axis.grid(_N_GRID[len(shown)]) for axis in shown)
    surface, std = average.at(shown, grid, points[best])
    own = [axes.index(axis) for axis in shown]
    return GradientPath(
        tuple(shown),
        _descents(search, results),
        criterion,
        slopes[:, own],
        grid,
        surface,
        std,
        best,
        len(movable),
    )


def _located(results: Results) -> np.ndarray:
    located = [results.space.locate(trial.params) for trial in results.history]
    nowhere = np.full(results.space.n_dims, np.nan)
    return np.array([nowhere if point is None else point for point in located])


def _gradients(results: Results, points: np.ndarray) -> np.ndarray:
    """Derivatives with respect to the coordinates of the space, (n_trials, d)."""
    gradients = np.full(points.shape, np.nan)
    for row, (point, trial) in enumerate(zip(points, results.history)):
        if trial.gradient and not np.isnan(point).all():
            gradients[row] = results.space.gradient_to_unit(point, trial.gradient)
    return gradients


def _shares(axes: Sequence[Axis], known: np.ndarray) -> list[np.ndarray]:
    return [np.append(axis.to_unit(axis.values[known]), 0.5) for axis in axes]


def _descents(search: Any, results: Results) -> list[np.ndarray]:
    """Trials of each descent; all trials, if the search cannot tell."""
    sampler = getattr(search, "sampler_", None)
    if isinstance(sampler, GradientSampler):
        found = sampler.descents(search.space_, search.history_)
        return [np.array(own) for own in found if own]
    return [np.arange(len(results.history))]


class GradientPathDisplay:
    """Descents of a search by gradients over the surface of its criterion.

    The surface is that of a Gaussian process conditioned on the values and derivatives of the
    criterion at all trials. Two hyperparameters: brighter is lower; short lines point along the
    negative gradient. One: the curve with its 95 % interval, and the tangent at each trial.

    Parameters
    ----------
    data : GradientPath

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper import GradientSearchCV
    >>> from skhyper.plotting import GradientPathDisplay
    >>> search = GradientSearchCV(Ridge(), {"alpha": (1e-4, 1e2, "log-uniform")}, random_state=0)
    >>> search = search.fit(*load_diabetes(return_X_y=True))
    >>> GradientPathDisplay.from_search(search).data.axes[0].name
    'alpha'
    """

    def __init__(self, data: GradientPath):
        self.data = data

    @classmethod
    def from_search(
        cls, search: Any, names: Sequence[str] | None = None, *, ax: Any = None
    ) -> "GradientPathDisplay":
        """Draw the paths of a search by gradients.

        Parameters
        ----------
        search : fitted GradientSearchCV
        names : sequence of str, default=None
            One or two hyperparameters; by default the two that the descents have changed most.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : GradientPathDisplay

        Raises
        ------
        ValueError
            If no trial has a gradient.
        """
        return cls(gradient_path(search, names)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "GradientPathDisplay":
        """Draw the surface and the paths.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        display : GradientPathDisplay
        """
        ax = one_axes(ax, (6.8, 5.2) if len(self.data.axes) == 2 else (6.4, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        if len(self.data.axes) == 2:
            self._draw_surface(ax)
        else:
            self._draw_curve(ax)
        label_axis(ax, self.data.axes[0])
        legend_above(ax, ncols=4, title=self._title())
        return self

    def _title(self) -> str | None:
        n = self.data.n_axes - len(self.data.axes)
        return f"{n} further hyperparameters as in the best trial" if n > 0 else None

    def _draw_surface(self, ax: Any) -> None:
        from matplotlib.colors import BoundaryNorm

        data = self.data
        a, b = data.axes
        levels = np.unique(np.quantile(data.surface, np.linspace(0, 1, _N_LEVELS + 1)))
        if len(levels) < 2:
            levels = np.array(padded(levels[0], levels[0]))
        shades = BoundaryNorm(levels, 220)  # evenly spaced, up to dark gray
        mesh = ax.contourf(*data.grid, data.surface.T, levels, cmap="Greys", norm=shades, alpha=0.8)
        ax.figure.colorbar(mesh, ax=ax, pad=0.02, format="%.4g").set_label("criterion")
        single = np.isfinite(data.slopes).all(axis=1)
        rest = data.design
        if len(rest):
            style = {"color": "white", "mec": "black", "ms": 5, "ls": "none"}
            ax.plot(a.values[rest], b.values[rest], marker="s", label="design", **style)
        for i, own in enumerate(data.descents):
            color, dash = CYCLE[i % len(CYCLE)], DASHES[i % len(DASHES)]
            x, y = a.values[own], b.values[own]
            text = f"descent {i + 1}" if i < 7 else None
            ax.plot(x, y, color=color, ls=dash, lw=1.6, marker="o", ms=4, label=text, zorder=3)
            ax.plot(x[0], y[0], "o", color="white", mec=color, mew=1.6, ms=7, zorder=4)
        self._draw_slopes(ax, np.flatnonzero(single))
        best = a.values[data.best], b.values[data.best]
        ax.plot(*best, "*", color=ORANGE, ms=16, mec="black", ls="none", label="best", zorder=6)
        label_axis(ax, b, "y")

    def _draw_slopes(self, ax: Any, shown: np.ndarray) -> None:
        """Lines of equal length along the negative gradient, as it is seen on the axes."""
        from matplotlib.collections import LineCollection

        data = self.data
        starts = np.column_stack([axis.to_unit(axis.values[shown]) for axis in data.axes])
        size = np.linalg.norm(data.slopes[shown], axis=1, keepdims=True)
        steps = -0.045 * data.slopes[shown] / np.where(size > 0, size, 1.0)
        ends = starts + steps
        corners = [
            np.column_stack([from_share(axis, share) for axis, share in zip(data.axes, part.T)])
            for part in (starts, ends)
        ]
        segments = list(np.stack(corners, axis=1))
        ax.add_collection(LineCollection(segments, colors="black", linewidths=0.9, zorder=5))

    def _draw_curve(self, ax: Any) -> None:
        data = self.data
        (axis,), (grid,) = data.axes, data.grid
        half = 1.96 * data.std
        ax.plot(grid, data.surface, color=BLUE, lw=1.8, label="surrogate")
        ax.fill_between(grid, data.surface - half, data.surface + half, color=BLUE, alpha=0.2, lw=0)
        for i, own in enumerate(data.descents):
            color = CYCLE[(i + 1) % len(CYCLE)]
            style = {"color": color, "marker": "o", "ms": 5, "lw": 1.0, "ls": ":", "zorder": 3}
            text = f"descent {i + 1}" if i < 6 else None
            ax.plot(axis.values[own], data.criterion[own], label=text, **style)
        rest = data.design
        if len(rest):
            style = {"color": "white", "mec": "black", "ms": 5, "ls": "none", "zorder": 5}
            ax.plot(axis.values[rest], data.criterion[rest], marker="s", label="design", **style)
        share = axis.to_unit(axis.values)
        for u, value, slope in zip(share, data.criterion, data.slopes[:, 0]):
            if np.isfinite(u) and np.isfinite(slope):
                ends = u + np.array([-0.03, 0.03])
                line = value + slope * (ends - u)
                ax.plot(from_share(axis, ends), line, color="black", lw=1.4, zorder=4)
        best = axis.values[data.best], data.criterion[data.best]
        ax.plot(*best, "*", color=ORANGE, ms=15, mec="black", ls="none", label="best", zorder=6)
        low, high = score_limits(data.criterion, False, distance=20.0)
        ax.set_ylim(*padded(low, high, 0.1))
        ax.set_ylabel("criterion")
        ax.grid(alpha=0.25)
