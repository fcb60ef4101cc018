"""Charts as SVG text: axes, dots, lines and bars.

Colors are variables of CSS with a fallback, so that a page can set them for light and dark; text
has the color of its surroundings. All texts are escaped.

Notation
--------
x, y : positions as shares of the axes, 0 at the left and at the bottom, shape (n,)
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skhyper.plotting._style import log_ticks

WIDTH, HEIGHT = 440, 260
# Space around the axes, in pixels: left, top, right, bottom.
_LEFT, _TOP, _RIGHT, _BOTTOM = 76, 10, 14, 44
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_CHARACTER = 7.0  # width of a character of the labels
_BAR_HEIGHT = 22
# Distinct for the color-blind (Okabe and Ito), and visible on white and on black.
COLORS = {"dot": "#3b8ec2", "best": "#d55e00", "failed": "#a0522d", "line": "#888888"}


@dataclass(frozen=True)
class Axis:
    """The range of an axis.

    Attributes
    ----------
    label : str
    low, high : float
    log : bool, default=False
    ticks : sequence of (float, str), default=None
        Value and text of each tick; chosen from the range by default.
    """

    label: str
    low: float
    high: float
    log: bool = False
    ticks: Sequence[tuple[float, str]] | None = None

    def position(self, values: np.ndarray) -> np.ndarray:
        """Values as shares of the axis."""
        low, high, values = self.low, self.high, np.asarray(values, dtype=float)
        if self.log:
            low, high, values = math.log(low), math.log(high), np.log(values)
        return (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)

    def marked(self) -> list[tuple[float, str]]:
        """Position and text of each tick."""
        ticks = self.ticks
        if ticks is None:
            ends = self.low, self.high
            values = log_ticks(*ends, n=6) if self.log else nice_ticks(*ends)
            texts = _tick_texts(values, self.log)
            ticks = list(zip(values, texts))
        places = self.position(np.array([value for value, _ in ticks]))
        return [(float(p), text) for p, (_, text) in zip(places, ticks) if -1e-9 <= p <= 1 + 1e-9]


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """About n round numbers between two ends.

    Examples
    --------
    >>> nice_ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def _tick_texts(values: Sequence[float], log: bool) -> list[str]:
    """Texts of ticks; those of a linear axis have enough digits to differ."""
    digits = 4
    while not log and digits < 12 and len({f"{x:.{digits}g}" for x in values}) < len(values):
        digits += 1
    return [_short_number(x, digits) for x in values]


def _short_number(x: float, digits: int) -> str:
    text = f"{x:.{digits}g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"


def color(role: str) -> str:
    """A color of CSS: the page's variable, or the fallback."""
    return f"var(--skhyper-{role},{COLORS[role]})"


def _pixels(x: np.ndarray, y: np.ndarray) -> list[tuple[str, str]]:
    left, top = _LEFT + x * _PLOT_WIDTH, _TOP + (1 - y) * _PLOT_HEIGHT
    return [(f"{a:.4g}", f"{b:.4g}") for a, b in zip(left, top)]


def dots(x: np.ndarray, y: np.ndarray, role: str = "dot", size: float = 7) -> str:
    """Dots, as one path: lines of no length with round ends take little space."""
    d = "".join(f"M{a} {b}h0" for a, b in _pixels(x, y))
    style = f"fill:none;stroke:{color(role)};stroke-width:{size};stroke-linecap:round"
    return f'<path d="{d}" style="{style};stroke-opacity:.7"/>' if d else ""


def crosses(x: np.ndarray, y: np.ndarray, role: str = "failed") -> str:
    """Diagonal crosses, for trials without a score."""
    d = "".join(f"M{a} {b}m-3-3l6 6m-6 0l6-6" for a, b in _pixels(x, y))
    return f'<path d="{d}" style="fill:none;stroke:{color(role)};stroke-width:1.6"/>' if d else ""


def triangles(x: np.ndarray, y: np.ndarray, role: str = "dot") -> str:
    """Triangles that point down, for values below the axis."""
    d = "".join(f"M{a} {b}m-4-7h8l-4 7z" for a, b in _pixels(x, y))
    return f'<path d="{d}" style="fill:{color(role)};fill-opacity:.7"/>' if d else ""


def ring(x: float, y: float, role: str = "best") -> str:
    """A ring around a dot."""
    ((a, b),) = _pixels(np.array([x]), np.array([y]))
    style = f"fill:none;stroke:{color(role)};stroke-width:2.5"
    return f'<circle cx="{a}" cy="{b}" r="6.5" style="{style}"/>'


def steps(x: np.ndarray, y: np.ndarray, role: str = "best") -> str:
    """A line that is constant up to the next point."""
    points = _pixels(x, y)
    if not points:
        return ""
    d = f"M{points[0][0]} {points[0][1]}" + "".join(f"H{a}V{b}" for a, b in points[1:])
    style = f"fill:none;stroke:{color(role)};stroke-width:2.2"
    return f'<path d="{d}" style="{style}"/>'


def line(x: np.ndarray, y: np.ndarray, role: str = "line") -> str:
    """A straight line through points."""
    d = "M" + "L".join(f"{a} {b}" for a, b in _pixels(x, y))
    return f'<path d="{d}" style="fill:none;stroke:{color(role)};stroke-width:1.5"/>'


def _text(x: float, y: float, text: str, anchor: str = "middle", turn: bool = False) -> str:
    turned = f' transform="rotate(-90 {x:.4g} {y:.4g})"' if turn else ""
    place = f'x="{x:.4g}" y="{y:.4g}" text-anchor="{anchor}"'
    return f"<text {place}{turned}>{html.escape(text)}</text>"


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    label = html.escape(label)
    style = "font:13px system-ui,sans-serif;fill:currentColor;max-width:100%;height:auto"
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" role="img" aria-label="{label}" '
        f'style="{style}">{"".join(parts)}</svg>'
    )


def chart(x: Axis, y: Axis, marks: Sequence[str], label: str) -> str:
    """A chart with marks within two axes; `label` describes it to screen readers."""
    grid, texts = [], []
    bottom = _TOP + _PLOT_HEIGHT
    for place, text in y.marked():
        height = bottom - place * _PLOT_HEIGHT
        grid.append(f"M{_LEFT} {height:.4g}h{_PLOT_WIDTH}")
        texts.append(_text(_LEFT - 6, height + 4.5, text, "end"))
    marked = x.marked()
    # A text at the right end stays within the picture.
    for place, text in marked:
        left = min(_LEFT + place * _PLOT_WIDTH, WIDTH - _CHARACTER * len(text) / 2)
        texts.append(_text(left, bottom + 17, text))
        grid.append(f"M{_LEFT + place * _PLOT_WIDTH:.4g} {bottom}v4")
    texts.append(_text(_LEFT + _PLOT_WIDTH / 2, HEIGHT - 6, shortened_to(x.label, 48)))
    texts.append(_text(13, _TOP + _PLOT_HEIGHT / 2, shortened_to(y.label, 28), turn=True))
    style = f"fill:none;stroke:{color('line')};stroke-opacity:.35"
    frame = f'<path d="{"".join(grid)}" style="{style}"/>'
    return _svg(HEIGHT, label, [frame, *texts, *marks])


def shortened_to(text: str, n: int) -> str:
    """A text of at most n characters: the end is kept, as in ``…classifier__C``."""
    return text if len(text) <= n else "…" + text[1 - n :]


def fitting_texts(texts: Sequence[str]) -> list[str]:
    """Labels of choices side by side, cut to their space."""
    n = max(1, int(_PLOT_WIDTH / len(texts) / _CHARACTER) - 1)
    return [t if len(t) <= n else t[: max(1, n - 1)] + "…" for t in texts]


def bars(names: Sequence[str], values: Sequence[float], errors: Sequence[float], label: str) -> str:
    """Horizontal bars of shares in [0, 1], each with its name above and its error."""
    row = 2 * _BAR_HEIGHT
    parts = []
    for i, (name, value, error) in enumerate(zip(names, values, errors, strict=True)):
        top = i * row
        full = WIDTH - 64
        parts.append(_text(2, top + 16, shortened_to(name, 54), "start"))
        width = full * min(max(value, 0.0), 1.0)
        style = f"fill:{color('dot')};fill-opacity:.8"
        parts.append(
            f'<rect x="2" y="{top + 22}" height="14" width="{max(width, 1):.4g}" style="{style}"/>'
        )
        end = width
        if np.isfinite(error) and error > 0:
            low, end = full * max(value - error, 0.0), full * min(value + error, 1.0)
            line = "fill:none;stroke:currentColor;stroke-width:1.5"
            parts.append(f'<path d="M{2 + low:.4g} {top + 29}H{2 + end:.4g}" style="{line}"/>')
        parts.append(_text(max(width, end) + 10, top + 34, f"{100 * value:.0f} %", "start"))
    return _svg(row * len(names) + 4, label, parts)
