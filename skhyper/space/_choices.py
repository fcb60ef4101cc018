"""Lists of choices: equality, repetitions, and coordinates of numbers among them."""

import math
import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import joblib
import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._ranges import is_finite, is_number

# Minimum number of numbers whose order is used.
_FEWEST_ORDERED = 3
# Minimum ratio of the largest to the smallest positive number for a log scale, ignoring a 0.
_DECADE = 10.0


def merged(choices: Sequence[Any], weights: Any = None) -> tuple[list, Any]:
    """The choices without repetitions, and weights that preserve the probability of each.

    Weights may be None, for equal ones; None is returned unless a choice is repeated.
    """
    first: dict[Hashable, int] = {}
    places = [first.setdefault(_identity(choice), i) for i, choice in enumerate(choices)]
    kept = list(first.values())
    if len(kept) == len(choices):
        return list(choices), weights
    each = np.ones(len(choices)) if weights is None else np.asarray(weights, dtype=float)
    summed = np.bincount(places, weights=each, minlength=len(choices))[kept]
    return [choices[i] for i in kept], summed.tolist()


def _identity(choice: Any) -> Hashable:
    """A key that is equal for equal values of the same type and for objects of equal contents."""
    if isinstance(choice, np.generic):
        choice = choice.item()
    if choice is None or isinstance(choice, bool | str | bytes):
        return type(choice), choice
    if isinstance(choice, numbers.Real):
        return type(choice), repr(choice)  # nan is one choice, and -0.0 is not 0.0
    if isinstance(choice, type) or callable(choice):
        return id(choice)
    try:
        return joblib.hash(choice)
    except Exception:  # noqa: BLE001  (what cannot be pickled is only itself)
        return id(choice)


def by_value(choices: Sequence[Any]) -> np.ndarray | None:
    """Coordinates of the choices that are numbers, from 0 for the least to 1 for the largest.

    The scale is logarithmic if their ratios are more even than their differences; a 0 in addition
    to such numbers, as in ``[0, 0.01, 0.1, 1]``, is one more step below them. Other choices, such
    as None and "auto", have nan. The result is None if there are fewer than three numbers.
    """
    are_numbers = np.array([is_number(c) and is_finite(c) for c in choices], dtype=bool)
    if are_numbers.sum() < _FEWEST_ORDERED:
        return None
    x = np.array([float(c) for c, is_one in zip(choices, are_numbers) if is_one])
    order = np.argsort(x, kind="stable")
    ascending = x[order]
    best = min(_scales(ascending), key=_unevenness) / 2
    if best[0] == best[-1]:
        return None
    places = np.full(len(choices), np.nan)
    places[np.flatnonzero(are_numbers)[order]] = (best - best[0]) / (best[-1] - best[0])
    return places


def _scales(x: np.ndarray) -> list[np.ndarray]:
    """Ascending numbers, and their logarithms if there are any."""
    positive = x[x > 0]
    if len(positive) == len(x):
        return [x, np.log(x)]
    if x[0] == 0 and len(positive) == len(x) - 1 and positive[-1] / _DECADE >= positive[0]:
        logs = np.log(positive)
        below = logs[0] - (logs[-1] - logs[0]) / (len(logs) - 1)
        return [x, np.concatenate([[below], logs])]
    return [x]


def _unevenness(x: np.ndarray) -> float:
    if not 0 < x[-1] / 2 - x[0] / 2 < math.inf:
        return math.inf
    gaps = np.diff(x / 2)  # halved, since the whole may overflow
    return float(np.std(gaps / gaps.mean()))


def looks_like_steps(spec: Sequence[Any]) -> bool:
    """Whether three numbers are ``low, high, step`` rather than three choices."""
    if len(spec) != 3 or not all(is_number(part) and is_finite(part) for part in spec):
        return False
    low, high, step = spec
    return low < high and 0 < step <= high - low


def check_no_cycle(choices: Any, within: tuple[int, ...] = ()) -> None:
    """Raise if a list, a tuple or a dict contains itself."""
    if not isinstance(choices, list | tuple | Mapping):
        return
    if id(choices) in within:
        raise InvalidSpaceError("A list of choices must not contain itself.")
    inner = choices.values() if isinstance(choices, Mapping) else choices
    for choice in inner:
        check_no_cycle(choice, (*within, id(choices)))


def alike(a: Any, b: Any) -> bool:
    """Whether two objects without a comparison, such as estimators, have equal contents.

    ``sklearn.clone`` of a search and pickling copy the choices, and what refers to them.
    """
    if type(a) is not type(b) or a is None or isinstance(a, str | bytes | numbers.Number):
        return False
    try:
        return joblib.hash(a) == joblib.hash(b)
    except Exception:  # noqa: BLE001  (what cannot be pickled is only itself)
        return False


def equal(a: Any, b: Any) -> bool:
    """Whether two arbitrary objects are equal; arrays compare as a whole."""
    try:
        if isinstance(a, float) and isinstance(b, float) and a != a and b != b:
            return True  # nan, a common choice of missing_values
        return bool(np.all(a == b)) and np.shape(a) == np.shape(b)
    except Exception:  # noqa: BLE001  (an custom __eq__ may raise anything: then they differ)
        return False
