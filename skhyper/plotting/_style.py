"""What all pictures share: colors, figures, panels, and axes of hyperparameters."""

from typing import Any

import numpy as np

from skhyper.plotting._axes import Axis

# Colors that the color-blind can tell apart: Okabe and Ito (2008), "Color universal design".
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, RED, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)
# Line styles tell curves apart where colors cannot.
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), "-")
STATE_COLORS = {"complete": BLUE, "stopped": ORANGE, "failed": RED}
COLORMAP = "viridis"
# Scores further below the median than this many distances of the best from it are cut off.
_MAX_DISTANCE = 3.0


def pyplot() -> Any:
    """matplotlib's pyplot, imported when something is drawn."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib, which is not installed: pip install 'skhyper[plot]'."
        ) from error
    return plt


def one_axes(ax: Any, size: tuple[float, float] = (6.4, 4.0)) -> Any:
    """`ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    _, ax = pyplot().subplots(figsize=size, layout="constrained")
    return ax


def panels(ax: Any, n_rows: int, n_columns: int, size: tuple[float, float], **options: Any) -> Any:
    """Axes (n_rows, n_columns): of a new figure, of the place of `ax`, or `ax` if it is an array.

    `size` is that of one panel in inches; `options` are those of matplotlib's GridSpec.
    """
    plt = pyplot()
    if ax is None:
        figure = plt.figure(figsize=(size[0] * n_columns, size[1] * n_rows), layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns, **options)
    elif isinstance(ax, np.ndarray | list):
        given = np.asarray(ax, dtype=object).ravel()
        if len(given) < n_rows * n_columns:
            raise ValueError(f"ax has {len(given)} axes, {n_rows * n_columns} are needed.")
        return given[: n_rows * n_columns].reshape(n_rows, n_columns)
    else:
        figure = ax.figure
        ax.set_axis_off()
        grid = ax.get_subplotspec().subgridspec(n_rows, n_columns, **options)
    axes = [[figure.add_subplot(grid[i, j]) for j in range(n_columns)] for i in range(n_rows)]
    return np.array(axes, dtype=object).reshape(n_rows, n_columns)


def score_limits(
    scores: np.ndarray, greater_is_better: bool, distance: float = _MAX_DISTANCE
) -> tuple[float, float]:
    """Range of scores that is shown: bad outliers, which would hide all differences, are not.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.plotting._style import score_limits
    >>> score_limits(np.array([-1e9, 0.5, 0.6, 0.7]), True)
    (0.1..., 0.7)
    """
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return 0.0, 1.0
    values = finite if greater_is_better else -finite
    best, middle = values.max(), np.median(values)
    low = max(values.min(), middle - distance * (best - middle)) if best > middle else values.min()
    low, best = float(low), float(best)
    return (low, best) if greater_is_better else (-best, -low)


def padded(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """A range with a margin at both ends; never empty."""
    margin = share * (high - low) or 0.05 * max(abs(high), 1e-3)
    return low - margin, high + margin


def label_axis(ax: Any, axis: Axis, which: str = "x", n_ticks: int = 5) -> None:
    """Scale, limits, ticks and label of one axis of `ax`, as `axis` has them."""
    from matplotlib import ticker

    set_ = {"x": (ax.set_xscale, ax.set_xlim), "y": (ax.set_yscale, ax.set_ylim)}[which]
    line = ax.xaxis if which == "x" else ax.yaxis
    line.set_label_text(axis.label)
    if axis.scale == "choices":
        labels = axis.choice_labels
        step = -(-len(labels) // 20)  # at most 20 labels
        ax.set(**{f"{which}ticks": np.arange(len(labels))[::step]})
        line.set_ticklabels(labels[::step])
        long = which == "x" and max(map(len, labels)) * min(len(labels), 20) > 36
        if long:
            ax.tick_params(axis="x", labelrotation=35, labelsize="small")
            for text in ax.get_xticklabels():
                text.set(ha="right", rotation_mode="anchor")
        set_[1](axis.low, axis.high)
        return
    set_[0](axis.scale)
    low, high = axis.to_unit(np.array([axis.low, axis.high]))
    ends = np.array(padded(low, high, 0.03))
    set_[1](*from_share(axis, ends))
    if axis.scale == "log":
        line.set_minor_formatter(ticker.NullFormatter())
        ticks = log_ticks(axis.low, axis.high, n_ticks)
        line.set_major_locator(ticker.FixedLocator(ticks))
        line.set_major_formatter(ticker.FixedFormatter([number_text(t) for t in ticks]))
    else:
        line.set_major_locator(ticker.MaxNLocator(n_ticks, integer=axis.whole))


def from_share(axis: Axis, share: np.ndarray) -> np.ndarray:
    """Positions at shares of an axis."""
    if axis.scale == "log":
        return axis.low * (axis.high / axis.low) ** share
    return axis.low + share * (axis.high - axis.low)


def legend_above(ax: Any, **options: Any) -> None:
    """A legend in one row above the axes, where it hides nothing."""
    options = {"fontsize": "small", "frameon": False, "ncols": 5} | options
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2, **options)


def log_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Round numbers on a logarithmic axis: powers of ten, or 1, 2 and 5 times them.

    Examples
    --------
    >>> from skhyper.plotting._style import log_ticks
    >>> log_ticks(1e-3, 1e3, 4), log_ticks(3, 60)
    ([0.001, 0.1, 10.0, 1000.0], [5.0, 10.0, 20.0, 50.0])
    """
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    slack = 1e-6
    powers = [10.0**k for k in range(first, last + 1)]
    powers = [p for p in powers if low * (1 - slack) <= p <= high * (1 + slack)]
    if len(powers) >= 3:
        return powers[:: -(-len(powers) // n)]
    for factors in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        ticks = [f * 10.0**k for k in range(first, last + 1) for f in factors]
        ticks = [t for t in ticks if low * (1 - slack) <= t <= high * (1 + slack)]
        if len(ticks) >= 2:
            return [float(f"{t:.6g}") for t in ticks[:: -(-len(ticks) // n)]]
    return [low, high]


def number_text(value: float) -> str:
    """A short text of a number; powers of ten as such.

    Examples
    --------
    >>> from skhyper.plotting._style import number_text
    >>> [number_text(x) for x in (1e-05, 0.01, 20.0, 1e6)]
    ['$10^{-5}$', '0.01', '20', '$10^{6}$']
    """
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        exponent = int(np.floor(np.log10(abs(value)) + 1e-9))
        factor = value / 10.0**exponent
        head = "" if abs(factor - 1) < 1e-6 else rf"{factor:.3g} \times "
        return f"${head}10^{{{exponent}}}$"
    return f"{value:.6g}"
