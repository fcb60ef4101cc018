"""The folds of a search, generated once."""

import numbers
from collections.abc import Mapping
from typing import Any

from skhyper._sklearn import sklearn_version

__all__ = ["drawn_folds"]


def drawn_folds(
    given: Any, cv: Any, X: Any, y: Any, params: Mapping[str, Any]
) -> list[tuple[Any, Any]]:
    """Pairs of training and test indices; `given` is the user's `cv`, for messages.

    Raises ValueError if there are none, or not the number that the splitter announces.
    """
    try:
        n_splits = cv.get_n_splits(X, y, **params)
        splits = [(train, test) for train, test in cv.split(X, y, **params)]
    except (AttributeError, TypeError, ValueError) as error:
        if hasattr(given, "get_n_splits") or isinstance(given, numbers.Integral | type(None)):
            raise
        raise ValueError(
            "cv must be a number of folds, a splitter, or an iterable of pairs of index arrays, "
            f"got {given!r}: {error}"
        ) from error
    if not splits:
        raise ValueError(
            "No fits were performed. Was the CV iterator empty? Were there no candidates?"
        )
    if len(splits) != n_splits:
        verb = "return" if sklearn_version >= (1, 9) else "returned"
        raise ValueError(
            f"cv.split and cv.get_n_splits {verb} inconsistent results. "
            f"Expected {n_splits} splits, got {len(splits)}"
        )
    return splits
