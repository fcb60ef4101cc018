"""The folds of a search, generated once."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from skhyper._sklearn import n_samples, sklearn_version
from skhyper._splits import Splits


def drawn_folds(given: Any, cv: Any, X: Any, y: Any, params: Mapping[str, Any]) -> Splits:
    """Pairs of training and test indices; `given` is the user's `cv`, for messages.

    Raises ValueError if there are none, or not the number that the splitter announces.
    """
    before = _rng_state(cv)
    try:
        n_splits = cv.get_n_splits(X, y, **params)
        pairs = [(train, test) for train, test in cv.split(X, y, **params)]
    except (AttributeError, TypeError, ValueError) as error:
        if hasattr(given, "get_n_splits") or isinstance(given, numbers.Integral | type(None)):
            raise
        raise ValueError(
            "cv must be a number of folds, a splitter, or an iterable of pairs of index arrays, "
            f"got {given!r}: {error}"
        ) from error
    if not pairs:
        raise ValueError(
            "No fits were performed. Was the CV iterator empty? Were there no candidates?"
        )
    if len(pairs) != n_splits:
        verb = "return" if sklearn_version >= (1, 9) else "returned"
        raise ValueError(
            f"cv.split and cv.get_n_splits {verb} inconsistent results. "
            f"Expected {n_splits} splits, got {len(pairs)}"
        )
    if not _is_repeatable(cv):
        return Splits(pairs, n_samples(X))
    used = before is not None and not _same_state(before, _rng_state(cv))
    return Splits(pairs, n_samples(X), cv, before if used else None)


def _is_repeatable(cv: Any) -> bool:
    """Whether a splitter draws equal folds from equal data and an equal state of its generator.

    Splitters of scikit-learn do; for others it is unknown. An iterable of pairs is not a splitter.
    """
    kind = type(cv)
    return kind.__module__.startswith("sklearn.") and kind.__name__ != "_CVIterableWrapper"


def _rng_state(cv: Any) -> tuple | None:
    """State of the random generator of a splitter; None if it has none."""
    seed = getattr(cv, "random_state", 0)
    if seed is None:
        return np.random.get_state(legacy=True)  # type: ignore[return-value]
    return seed.get_state() if isinstance(seed, np.random.RandomState) else None


def _same_state(one: tuple, other: tuple | None) -> bool:
    return other is not None and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
