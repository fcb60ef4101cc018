"""Tables as plain text and as HTML.

A table has a title, names of columns and rows of strings. Cells that are too long end in an
ellipsis; hidden rows are counted.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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


def _shown(table: Table, max_rows: int) -> tuple[Sequence[Sequence[str]], str]:
    """Rows to show, and a text about the others."""
    hidden = len(table.rows) - max_rows
    if hidden <= 0:
        return table.rows, ""
    return table.rows[:max_rows], f"{ELLIPSIS} and {hidden} more rows: {table.hint}"


def _used(table: Table, rows: Sequence[Sequence[str]]) -> list[int]:
    """Columns that are not empty."""
    return [i for i in range(len(table.columns)) if any(row[i] for row in rows)]


def _cut(table: Table, cells: Sequence[Sequence[str]]) -> str:
    """A text about cells that are cut."""
    cut = any(cell.endswith(ELLIPSIS) for row in cells for cell in row)
    return f"{ELLIPSIS} is cut: {table.hint}" if cut else ""


def as_text(table: Table, max_rows: int = 60, max_width: int = 44) -> str:
    """A table in fixed width; columns without any entry are left out.

    The last column may be half as wide again.
    """
    rows, rest = _shown(table, max_rows)
    columns = _used(table, rows)
    last = columns[-1] if columns else 0
    usual = {i: max_width * 3 // 2 if i == last else max_width for i in columns}
    limits = {i: table.widths.get(table.columns[i], usual[i]) for i in columns}
    cells = [[shortened(row[i], limits[i]) for i in columns] for row in rows]
    rest = rest or _cut(table, cells)
    names = [table.columns[i] for i in columns]
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
    rows, rest = _shown(table, max_rows)
    columns = _used(table, rows)
    parts = [f"<p><b>{html.escape(table.title)}</b></p>"]
    if rows:
        parts.append("<table><thead><tr>")
        parts += [f"<th>{html.escape(table.columns[i])}</th>" for i in columns]
        parts.append("</tr></thead><tbody>")
        limits = {i: max(max_width, table.widths.get(table.columns[i], 0)) for i in columns}
        cells = [[shortened(row[i], limits[i]) for i in columns] for row in rows]
        rest = rest or _cut(table, cells)
        for row in cells:
            parts.append("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>")
        parts.append("</tbody></table>")
    if rest:
        parts.append(f"<p>{html.escape(rest)}</p>")
    return "".join(parts)
