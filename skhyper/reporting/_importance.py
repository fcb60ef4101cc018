"""Importance of hyperparameters in reports and notebooks."""

import weakref

import numpy as np

from skhyper.inspection import Importance, importance
from skhyper.reporting import _svg
from skhyper.reporting._record import Record

# Trials times hyperparameters up to which importance is computed for a notebook and for a report,
# and up to which by a GP: a forest is faster with many. It takes 0.2 to 0.3 s of CPU time at QUICK,
# and about 5 s at SLOW.
QUICK, SLOW, _GP = 150, 5_000, 1_000
_MAX_BARS = 12
# R2 of unseen trials below which the surrogate has learned little.
_LOW_R2 = 0.3
# Importance by history, so that a notebook does not compute it at each display.
_KNOWN: "weakref.WeakKeyDictionary[object, Importance]" = weakref.WeakKeyDictionary()


def importance_of(record: Record, limit: int) -> Importance | None:
    """Importance of the hyperparameters; None with one of them, or with few or too many trials.

    The result is cached: a notebook reuses that of a report.
    """
    history = getattr(record.search, "history_", None)
    if history is not None and history in _KNOWN:
        return _KNOWN[history]
    size = len(record.trials) * len(record.names)
    if len(record.names) < 2 or size > limit:
        return None
    try:
        # A bootstrap sample of few trials may have equal losses, and shares of no variance.
        with np.errstate(divide="ignore", invalid="ignore"):
            surrogate = "auto" if size <= _GP else "forest"
            found = importance(record.search, surrogate=surrogate)
    except ValueError:  # fewer than five complete trials, or no metric was selected
        return None
    if not np.all(np.isfinite(found.main)):  # all losses are equal
        return None
    if history is not None:
        _KNOWN[history] = found
    return found


def importance_bars(found: Importance, max_bars: int = _MAX_BARS) -> str:
    """SVG of the shares of the most important hyperparameters."""
    n = min(max_bars, len(found.names))
    label = f"Importance of {', '.join(found.names[:n])}"
    return _svg.bars(found.names[:n], found.main[:n].tolist(), found.main_std[:n].tolist(), label)


def importance_caption(found: Importance) -> str:
    """What the bars mean, and how far they can be trusted."""
    pairs = [f"{a} × {b} {100 * share:.0f} %" for a, b, share in found.pairs() if share >= 0.01]
    together = f" Interactions: {', '.join(pairs[:3])}." if pairs else ""
    caption = (
        "Importance: share of the variance of the score over the search space, with its standard "
        f"deviation.{together}"
    )
    if not found.r2 >= _LOW_R2:
        caption += (
            f" The model behind it predicts unseen trials badly (R² {found.r2:.2f}): do not rely "
            "on it."
        )
    return caption
