"""How much each hyperparameter matters, alone and together with others."""

from typing import Any

import numpy as np

from skhyper._trial import History
from skhyper.inspection import Importance, importance
from skhyper.inspection._results import results_of
from skhyper.plotting._axes import short_names
from skhyper.plotting._style import BLUE, GREEN, ORANGE, legend_above, panels

# Interactions below this share of the variance are not shown.
_SMALLEST = 0.005


class ImportanceDisplay:
    """Importance of each hyperparameter, with its uncertainty, and the largest interactions.

    Bars are the share of the variance of the loss over the search space that a hyperparameter
    explains alone, with one standard deviation over refits of the surrogate; diamonds are its
    importance around the best trial. On the right are the shares that pairs explain beyond
    that.

    Parameters
    ----------
    data : Importance
        Result of :func:`skhyper.inspection.importance`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (1,) or (2,)
    figure_ : matplotlib Figure

    See Also
    --------
    skhyper.inspection.importance : The numbers, and how they are computed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skhyper import minimize
    >>> from skhyper.plotting import ImportanceDisplay
    >>> space = {"x": (0.0, 1.0), "y": (0.0, 1.0)}
    >>> result = minimize(lambda p: 3 * p["x"] + p["y"], space, 16, sampler="sobol")
    >>> ImportanceDisplay.from_search(result).data.names
    ('x', 'y')
    """

    def __init__(self, data: Importance):
        self.data = data

    @classmethod
    def from_search(
        cls, search: Any, *, max_bars: int = 10, ax: Any = None, random_state: int = 0
    ) -> "ImportanceDisplay":
        """Draw the importance of a search's hyperparameters.

        Parameters
        ----------
        search : fitted search, History, Optimizer or OptimizeResult
            With at least five complete trials.
        max_bars : int, default=10
            Maximum number of hyperparameters, and of interactions.
        ax : matplotlib Axes or array of two Axes, default=None
        random_state : int, default=0
            Seed of the refits.

        Returns
        -------
        display : ImportanceDisplay
        """
        if isinstance(getattr(search, "history", None), History):
            results = results_of(search)
            found = importance(results.history, space=results.space, random_state=random_state)
        else:
            found = importance(search, random_state=random_state)
        return cls(found).plot(ax=ax, max_bars=max_bars)

    def plot(self, ax: Any = None, *, max_bars: int = 10) -> "ImportanceDisplay":
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes or array of two Axes, default=None
            A new figure by default.
        max_bars : int, default=10

        Returns
        -------
        display : ImportanceDisplay
        """
        names = short_names(self.data.names)
        pairs = [pair for pair in self.data.pairs() if pair[2] >= _SMALLEST][:max_bars]
        n = min(max_bars, len(names))
        n_columns = 2 if pairs else 1
        size = (4.8, 1.5 + 0.32 * max(n, len(pairs), 2))
        self.axes_ = panels(ax, 1, n_columns, size).ravel()
        self.figure_ = self.axes_[0].figure
        self._draw_main(self.axes_[0], names, n)
        if pairs:
            right = self.axes_[1]
            labels = [f"{names[a]} × {names[b]}" for a, b, _ in pairs]
            shares = np.array([share for *_, share in pairs])
            right.barh(np.arange(len(pairs)), 100 * shares, height=0.62, color=GREEN)
            right.set_xlim(*self.axes_[0].get_xlim())
            _label(right, labels, "interaction: share of the variance (%)", n)
        return self

    def _draw_main(self, ax: Any, names: dict[str, str], n: int) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        data, rows = self.data, np.arange(n)
        ax.barh(rows, 100 * data.main[:n], height=0.62, color=BLUE, zorder=2)
        low = np.minimum(data.main_std, data.main)[:n]  # a share is not negative
        error = 100 * np.array([low, data.main_std[:n]])
        ax.errorbar(
            100 * data.main[:n], rows, xerr=error, fmt="none", color="0.3", capsize=3, lw=1.2
        )
        ax.plot(100 * data.local[:n], rows, "D", color=ORANGE, mec="black", mew=0.6, ms=6, zorder=4)
        ax.set_xlim(left=-2)
        labels = [names[name] for name in data.names[:n]]
        inactive = data.active[:n] < 1
        labels = [
            f"{label}\n(active in {100 * share:.0f} %)" if some else label
            for label, share, some in zip(labels, data.active, inactive)
        ]
        _label(ax, labels, "share of the variance (%)", n)
        title = f"{n} of {len(data.names)} hyperparameters; " if n < len(data.names) else ""
        title += f"surrogate's R² {data.r2:.2f}"
        handles = [
            Patch(color=BLUE, label="alone"),
            Line2D([], [], color=ORANGE, marker="D", mec="black", ls="none", label="near the best"),
        ]
        legend_above(ax, handles=handles, title=title, title_fontsize="small")


def _label(ax: Any, labels: list[str], text: str, n_rows: int) -> None:
    ax.set_yticks(np.arange(len(labels)), labels, fontsize=8)
    ax.set_ylim(max(n_rows, len(labels), 2) - 0.5, -0.5)
    ax.set_xlabel(text)
    ax.grid(axis="x", alpha=0.25)
