"""The HTML of a page: tables, style and script, all within one file.

Everything that is shown goes through :func:`text`, which escapes it.
"""

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from typing import Any

CSS = """
:root{color-scheme:light dark;--skhyper-dot:#0072b2;--skhyper-best:#d55e00;--skhyper-failed:#a0522d;
--skhyper-line:#777;--page:#fff;--text:#1b1f24;--soft:#57606a;--edge:#d0d7de;--card:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--skhyper-dot:#56b4e9;--skhyper-best:#e69f00;
--skhyper-failed:#d9a07a;--skhyper-line:#999;--page:#0d1117;--text:#e6edf3;--soft:#9aa4af;
--edge:#30363d;--card:#161b22}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1100px;padding:16px;background:var(--page);color:var(--text);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.3em 0}h2{font-size:1.25rem;margin:1.8em 0 .5em;
border-bottom:1px solid var(--edge);padding-bottom:.2em}h3{font-size:1rem;margin:1.2em 0 .3em}
p{margin:.5em 0}.soft,figcaption{color:var(--soft);font-size:.9rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin:14px 0}
.card{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:10px 12px}
.card b{display:block;font-size:1.35rem;line-height:1.3}
dl{display:grid;grid-template-columns:minmax(90px,max-content) 1fr;gap:4px 16px;margin:.6em 0}
dt{color:var(--soft)}dd{margin:0}
figure{margin:0}.figures{display:grid;gap:22px 28px;
grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr))}
.scroll{overflow:auto;max-height:32rem;border:1px solid var(--edge);border-radius:8px}
table{border-collapse:collapse;font-size:.88rem;width:max-content;min-width:100%;
font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;text-align:left;border-bottom:1px solid var(--edge);vertical-align:top;
overflow-wrap:normal}
td{max-width:26rem;overflow-wrap:break-word}.n{text-align:right;white-space:nowrap}
th{position:sticky;top:0;background:var(--card);white-space:nowrap}
th button{all:unset;cursor:pointer;font-weight:600}th button::after{content:" \\2195";opacity:.35}
th[aria-sort=ascending] button::after{content:" \\2191";opacity:1}
th[aria-sort=descending] button::after{content:" \\2193";opacity:1}
:focus-visible,th button:focus-visible{outline:2px solid var(--skhyper-dot);outline-offset:2px}
tr.best td{font-weight:600}
pre{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:12px;
overflow:auto;font-size:.85rem;overflow-wrap:normal}code{font-size:.9em}
details{margin:.6em 0}summary{cursor:pointer}
nav a{margin-right:14px;display:inline-block}a{color:var(--skhyper-dot)}
@media print{.scroll{max-height:none}}
"""

# Sorts the rows of a table by the column of a button: numbers by value, others as text, empty
# cells last.
SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const falls = head.getAttribute("aria-sort") === "ascending", sign = falls ? -1 : 1;
    const keyed = Array.from(body.rows, row => {
      const text = row.cells[column].textContent.trim();
      return {row, text, number: text === "" ? NaN : Number(text)};
    });
    keyed.sort((a, b) => {
      if ((a.text === "") !== (b.text === "")) return a.text === "" ? 1 : -1;
      const one = isNaN(a.number), other = isNaN(b.number);
      if (one !== other) return one ? 1 : -1;
      return sign * (one ? a.text.localeCompare(b.text) : a.number - b.number);
    });
    body.append(...keyed.map(entry => entry.row));
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falls ? "descending" : "ascending");
  }));
}
"""


def text(value: Any) -> str:
    """A value as escaped text."""
    return html.escape(str(value))


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[str] = (),
    sorted_by: str = "",
    marked: int | None = None,
    label: str = "",
) -> str:
    """A table whose rows can be sorted by each column.

    `right` are columns of numbers; `sorted_by` is the column by which the rows already are in
    descending order, `marked` the index of the best row.
    """
    heads = [
        f"<th scope=col{' class=n' * (c in right)}{' aria-sort=descending' * (c == sorted_by)}>"
        f"<button>{text(c)}</button></th>"
        for c in columns
    ]
    tags = ["<td class=n>" if c in right else "<td>" for c in columns]
    body = [
        f"<tr{' class=best' if i == marked else ''}>"
        + "".join(tag + text(cell) for tag, cell in zip(tags, row, strict=True))
        for i, row in enumerate(rows)
    ]
    return _scrollable(
        f"<table class=sortable><thead><tr>{''.join(heads)}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>",
        label or "table",
    )


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], label: str = "") -> str:
    """A table that is not sorted."""
    head = "".join(f"<th scope=col>{text(c)}" for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}" for cell in row) for row in rows)
    return _scrollable(f"<table><thead><tr>{head}</thead><tbody>{body}</tbody></table>", label)


def _scrollable(content: str, label: str) -> str:
    """Content that scrolls within the page, by keyboard too."""
    return f'<div class=scroll tabindex=0 role=region aria-label="{text(label)}">{content}</div>'


def facts(pairs: Mapping[str, str]) -> str:
    """A list of terms and descriptions; the latter are HTML."""
    return "<dl>" + "".join(f"<dt>{text(k)}<dd>{v}" for k, v in pairs.items()) + "</dl>"


def cards(pairs: Mapping[str, str]) -> str:
    """The main figures, each with its name."""
    inner = (f"<div class=card><b>{text(v)}</b>{text(k)}</div>" for k, v in pairs.items())
    return f"<div class=cards>{''.join(inner)}</div>"


def figure(svg: str, caption: str) -> str:
    """A picture and its caption."""
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return f"<figure>{svg}{below}</figure>"


def page(title: str, sections: Mapping[str, str], head: str) -> str:
    """The whole page: `head` above the sections, which are shown under their names.

    The content policy allows no request at all, and no script but this one.
    """
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'"
    )
    ids = {name: f"s{i}" for i, name in enumerate(sections)}
    links = "".join(f'<a href="#{ids[name]}">{text(name)}</a>' for name in sections)
    body = "".join(
        f"<section><h2 id={ids[name]}>{text(name)}</h2>{content}</section>"
        for name, content in sections.items()
    )
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f'<link rel=icon href="data:,"><title>{text(title)}</title><style>{CSS}</style></head>'
        f"<body><h1>{text(title)}</h1>{head}<nav>{links}</nav>{body}"
        f"<script>{SCRIPT}</script></body></html>\n"
    )
