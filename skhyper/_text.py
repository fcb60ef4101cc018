"""Tables as plain text and as HTML, and durations.

A table has a title, names of columns and rows of strings. Cells that are too long end in an
ellipsis; hidden rows are counted.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ELLIPSIS = "…"


@dataclass(frozen=True)
class Table:
    """A table to be shown.

    `hint` says how to get the full table, if rows are hidden or cells are cut; `right` are columns
    of numbers, `widths` maximum widths of columns that differ from that of the others.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    hint: str = ""
    right: frozenset[str] = frozenset()
    widths: Mapping[str, int] = field(default_factory=dict)


def shortened(text: str, width: int) -> str:
    """One line of at most `width` characters, with an ellipsis for what is cut."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + ELLIPSIS


def value_text(value: object) -> str:
    """A value of a hyperparameter; floats with four digits."""
    if isinstance(value, np.generic):
        value = value.item()
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _cells(
    table: Table, max_rows: int, width: Callable[[str, bool], int]
) -> tuple[list[str], list[list[str]], str]:
    """Names and cells of the columns that are not empty, and a text about what is not shown.

    `width` is the maximum width of a column, from its name and whether it is the last one.
    """
    rows = table.rows[:max_rows]
    used = [i for i in range(len(table.columns)) if any(row[i] for row in rows)]
    names = [table.columns[i] for i in used]
    limits = [width(name, i == used[-1]) for i, name in zip(used, names)]
    cells = [[shortened(row[i], limit) for i, limit in zip(used, limits)] for row in rows]
    if hidden := len(table.rows) - len(rows):
        return names, cells, f"{ELLIPSIS} and {hidden} more rows: {table.hint}"
    cut = any(cell.endswith(ELLIPSIS) for row in cells for cell in row)
    return names, cells, f"{ELLIPSIS} is cut: {table.hint}" if cut else ""


def as_text(table: Table, max_rows: int = 60, max_width: int = 44) -> str:
    """A table in fixed width; columns without any entry are left out.

    The last column may be half as wide again.
    """

    def width(name: str, is_last: bool) -> int:
        return table.widths.get(name, max_width * 3 // 2 if is_last else max_width)

    names, cells, rest = _cells(table, max_rows, width)
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = [table.title]
    for line in [names, ["-" * width for width in widths], *cells] if cells else []:
        padded = [
            cell.rjust(width) if name in table.right else cell.ljust(width)
            for name, cell, width in zip(names, line, widths, strict=True)
        ]
        lines.append(("  " + "  ".join(padded)).rstrip())
    return "\n".join([*lines, f"  {rest}"] if rest else lines)


def as_html(table: Table, max_rows: int = 200, max_width: int = 120) -> str:
    """A table for notebooks; all its contents are escaped."""

    def width(name: str, is_last: bool) -> int:
        return max(max_width, table.widths.get(name, 0))

    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    names, cells, rest = _cells(table, max_rows, width)
    parts = [f"<p><b>{html.escape(table.title)}</b></p>"]
    if cells:
        body = "".join(line("td", row) for row in cells)
        parts.append(f"<table><thead>{line('th', names)}</thead><tbody>{body}</tbody></table>")
    if rest:
        parts.append(f"<p>{html.escape(rest)}</p>")
    return "".join(parts)


def duration(seconds: float) -> str:
    """Seconds in a readable unit.

    Examples
    --------
    >>> duration(0.25), duration(75.0), duration(7320.0)
    ('0.25 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Printed:
    """Mixin of objects that are printed as tables: IPython shows the table, too.

    ``repr`` stays on one line, as it is part of messages and of other objects' texts.
    """

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        is_alone = len(printer.stack) <= 1
        printer.text(str(self) if is_alone and not cycle else repr(self))
