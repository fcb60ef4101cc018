"""Out-of-fold predictions of the best candidate in a report, if the search has kept them."""

import numpy as np
from sklearn.metrics import confusion_matrix

from skhyper.reporting import _svg
from skhyper.reporting._page import figure, plain_table
from skhyper.reporting._record import Record
from skhyper.reporting._svg import Axis

_MAX_CLASSES = 12
_MAX_DOTS = 1000
_MARGIN = 0.03


def predictions(record: Record) -> str:
    """A confusion matrix, or predictions over the target; empty if there are none."""
    oof = vars(record.search).get("oof_predictions_")
    if oof is None or oof._y is None or np.ndim(oof._y) != 1:
        return ""
    try:
        tested = oof.n_tested > 0
        predicted = np.array(oof.predict[tested].tolist())
    except (AttributeError, ValueError):  # they failed, or are not those of this search
        return ""
    y = np.asarray(oof._y)[tested]
    if predicted.ndim != 1:
        return ""
    if oof.classes is not None:
        return _confusion(y, predicted, oof.classes)
    is_numbers = y.dtype.kind in "iuf" and predicted.dtype.kind in "iuf"
    return _residuals(y.astype(float), predicted.astype(float)) if is_numbers else ""


def _confusion(y: np.ndarray, predicted: np.ndarray, classes: np.ndarray) -> str:
    right = float(np.mean(y == predicted))
    line = f"<p>{100 * right:.1f} % of {len(y)} rows are predicted right out of fold.</p>"
    if len(classes) > _MAX_CLASSES:
        return line
    counts = confusion_matrix(y, predicted, labels=classes)
    rows = [[str(c), *map(str, row)] for c, row in zip(classes, counts.tolist(), strict=True)]
    columns = ["true class", *(f"predicted {c}" for c in classes)]
    return line + plain_table(columns, rows, "confusion matrix")


def _residuals(y: np.ndarray, predicted: np.ndarray) -> str:
    """Predictions over the target, of at most 1000 rows, with the line where both are equal."""
    shown = np.unique(np.linspace(0, len(y) - 1, _MAX_DOTS).astype(int))
    low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
    pad = _MARGIN * (high - low) or 1.0
    x, height = (Axis(name, low - pad, high + pad) for name in ("target", "prediction"))
    marks = [
        _svg.line(np.array([0.0, 1.0]), np.array([0.0, 1.0])),
        _svg.dots(x.position(y[shown]), height.position(predicted[shown]), size=4),
    ]
    label = f"Out-of-fold predictions of {len(shown)} of {len(y)} rows over their targets"
    error = float(np.sqrt(np.mean((y - predicted) ** 2)))
    caption = f"{label}; root of the mean squared error {error:.4g}."
    return figure(_svg.chart(x, height, marks, label), caption)
