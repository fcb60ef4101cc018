"""Trials and histories as tables of text that fit on a screen.

Scores are shown where there are several folds, losses where a function is minimized.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skhyper._text import Table, as_text, shortened

# Maximum number of rows of a table; of more trials the best are shown.
_MAX_ROWS = 20
# Characters of the columns of hyperparameters, and of one value.
_MAX_WIDTH, _MAX_VALUE = 60, 20
_MAX_FOLDS = 10


def history_text(history: Any) -> str:
    """All trials as a table, or the best of many; hyperparameters as far as they fit."""
    trials = list(history)
    if not trials:
        return "History of 0 trials"
    shown = trials
    if len(trials) > _MAX_ROWS:
        finite = [t for t in trials if not math.isnan(t.loss)]
        shown = sorted(finite, key=lambda t: t.loss)[:_MAX_ROWS]
    names = list(dict.fromkeys(name for t in shown for name in t.params))
    kept = _that_fit(names, shown)
    has_folds = len(history.splits) > 0 or any(len(t.scores) > 1 for t in trials)
    word = "score" if has_folds else "loss"
    columns = ["number", "state", word, "+-", "seconds", *kept]
    rows = [
        [
            str(t.number),
            str(t.state),
            _number(_value(t, word)),
            _number(t.standard_error, 2),
            _number(t.seconds, 2),
            *(_text(t.params[name]) if name in t.params else "" for name in kept),
        ]
        for t in shown
    ]
    right = frozenset(["number", word, "+-", "seconds"])
    lines = [as_text(Table(_title(history, shown, word), columns, rows, "to_frame()", right))]
    if len(kept) < len(names):
        lines.append(f"  and {len(names) - len(kept)} more hyperparameters: to_frame()")
    return "\n".join(lines)


def _title(history: Any, shown: Sequence[Any], word: str) -> str:
    """Numbers of trials, of failed ones and of those that are shown; the best one."""
    n_failed = sum(t.state == "failed" for t in history)
    title = f"History of {len(history)} trials" + (f", {n_failed} failed" if n_failed else "")
    if history.best is not None:
        title += f"; the best is number {history.best.number}"
        title += f" with {word} {_number(_value(history.best, word))}"
    return title + (f"; the {len(shown)} best" if len(shown) < len(history) else "")


def trial_text(trial: Any) -> str:
    """A trial as a table with a row for each field and hyperparameter."""
    word = "score" if len(trial.scores) > 1 else "loss"
    value = _number(_value(trial, word))
    if not math.isnan(trial.standard_error):
        value += f" +- {trial.standard_error:.2g}"
    folds = [_number(score) or "nan" for score in trial.scores[:_MAX_FOLDS]]
    more = ", ..." if len(trial.scores) > _MAX_FOLDS else ""
    fields = {
        word: value,
        "folds": ", ".join(folds) + more if len(folds) > 1 else "",
        "seconds": _number(trial.seconds, 2),
        "message": (trial.message.strip().splitlines() or [""])[-1],
    }
    rows = [[name, text] for name, text in fields.items() if text]
    rows += [[name, _text(v, 60)] for name, v in trial.params.items()]
    title = f"Trial {trial.number}: {trial.state}"
    return as_text(Table(title, ["", "value"], rows, ".params"), max_rows=40, max_width=60)


def _that_fit(names: Sequence[str], trials: Sequence[Any]) -> list[str]:
    """The first names whose columns fit on the screen, at least one."""
    kept: list[str] = []
    width = 0
    for name in names:
        cells = [name, *(_text(t.params[name]) for t in trials if name in t.params)]
        width += max(map(len, cells)) + 2
        if kept and width > _MAX_WIDTH:
            break
        kept.append(name)
    return kept


def _value(trial: Any, word: str) -> float:
    return -trial.loss if word == "score" else trial.loss


def _number(x: float, digits: int = 5) -> str:
    return "" if math.isnan(x) else f"{x:.{digits}g}"


def _text(value: Any, width: int = _MAX_VALUE) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.5g}"
    return shortened(repr(value), width)
