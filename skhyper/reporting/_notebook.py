"""The results of a search in a notebook, below scikit-learn's diagram."""

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from skhyper._text import shortened
from skhyper.inspection import corrected_score
from skhyper.reporting import _charts
from skhyper.reporting._failures import failures_of
from skhyper.reporting._importance import QUICK, importance_bars, importance_of
from skhyper.reporting._page import text
from skhyper.reporting._record import Record, if_possible, record_of
from skhyper.reporting._sections import value_text

_MAX_PARAMS = 12
_MAX_MESSAGES = 3
_MAX_BARS = 6
_BOX = "font:14px/1.5 system-ui,sans-serif;margin:8px 0;max-width:920px;overflow-wrap:anywhere"


def results_html(search: Any) -> str:
    """Best candidate, score, pictures, stop reason and failures; empty without any trial.

    Colors are those of the notebook, light or dark.
    """
    try:
        record = record_of(search)
    except NotFittedError:
        return ""
    parts = [f"<p>{_headline(record)}</p>", _best(record), _pictures(record), _failures(record)]
    return f'<div class="skhyper-results" style="{_BOX}">{"".join(parts)}</div>'


def _headline(record: Record) -> str:
    best = record.best
    score = "no score yet"
    if best is not None:
        error = best.standard_error
        spread = f" ± {error:.2g}" if np.isfinite(error) else ""
        score = f"<b>best {text(record.metric)} {-best.loss:.4g}</b>{spread}"
        if (corrected := if_possible(corrected_score, record)) is not None:
            low, high = corrected.interval
            score += f", corrected for the selection {corrected.estimate:.4g}"
            score += f" ({100 * corrected.level:.0f} % interval {low:.4g} to {high:.4g})"
    n, n_failed = len(record.trials), len(record.failed)
    trials = f"{n} trial" + "s" * (n != 1)
    failed = f", {n_failed} without a score" if n_failed else ""
    reason = getattr(record.search, "stop_reason_", "")
    ended = f": {text(reason)}" if reason else ""
    return f"{score} · {trials}{failed}{ended}"


def _best(record: Record) -> str:
    if record.best is None:
        return ""
    items = list(record.best.params.items())
    shown = [f"{text(name)} = <b>{text(value_text(v))}</b>" for name, v in items[:_MAX_PARAMS]]
    more = [f"and {len(items) - _MAX_PARAMS} more"] if len(items) > _MAX_PARAMS else []
    return f"<p>{', '.join([*shown, *more])}</p>"


def _pictures(record: Record) -> str:
    shown = [_charts.convergence(record.results, record.metric)]
    found = importance_of(record, QUICK)
    if found is not None:
        shown.append(f"importance{importance_bars(found, _MAX_BARS)}")
    cells = "".join(f'<div style="flex:0 1 380px">{svg}</div>' for svg in shown)
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px">{cells}</div>'


def _failures(record: Record) -> str:
    groups = failures_of(record.trials)
    lines = [
        f"<li>{len(group.trials)} × {text(shortened(group.message, 160))}</li>"
        for group in groups[:_MAX_MESSAGES]
    ]
    if len(groups) > _MAX_MESSAGES:
        lines.append(f"<li>and {len(groups) - _MAX_MESSAGES} other messages</li>")
    return f"<p>Failed fits:</p><ul>{''.join(lines)}</ul>" if lines else ""
