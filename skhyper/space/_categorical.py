"""A dimension of choices, and comparisons of dimensions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._choices import alike, by_value, check_no_cycle, equal, merged
from skhyper.space._dimensions import Dimension


class Categorical(Dimension):
    """A list of choices: any objects, hashable or not.

    Parameters
    ----------
    choices : sequence
        The choices, which are neither copied nor changed. Repeated ones are one choice with
        their total probability.
    ordered : bool, default=None
        Whether neighbors in the list are similar, as in ``["small", "medium", "large"]``. By
        default surrogates use the values of three or more numbers, on a log scale if they are
        closer to a geometric sequence than to an arithmetic one, and treat other choices as
        categories. False for numbers that are labels.
    weights : sequence of float, default=None
        Probability of each choice when sampling; equal by default.

    Examples
    --------
    >>> from skhyper.space import Categorical
    >>> sizes = Categorical([(50,), (100,), (50, 50)])
    >>> sizes.from_unit(0.9)
    (50, 50)
    """

    kind = "categorical"

    def __init__(self, choices: Any, ordered: bool | None = None, weights: Any = None):
        choices = _check_choices(choices)
        if not choices:
            raise InvalidSpaceError("A list of choices must not be empty.")
        if weights is not None:
            _cumulated(weights, len(choices))  # raises if they do not belong to the choices
        self.choices, self.weights = merged(choices, weights)
        self.ordered = ordered
        self.n_values = len(self.choices)
        self._edges = _cumulated(self.weights, self.n_values)
        if ordered:
            self.kind = "ordinal"  # type: ignore[misc]
        elif ordered is None:
            self.places = by_value(self.choices)

    def __repr__(self) -> str:
        extra = "" if self.ordered is None else f", ordered={self.ordered!r}"
        extra += f", weights={self.weights!r}" if self.weights is not None else ""
        return f"Categorical({self.choices!r}{extra})"

    def position(self, value: Any) -> int | None:
        """Index of `value` among the choices, None if it is not one of them."""
        for i, choice in enumerate(self.choices):
            if choice is value:
                return i
        for i, choice in enumerate(self.choices):
            if type(choice) is type(value) and equal(choice, value):
                return i
        for i, choice in enumerate(self.choices):
            if equal(choice, value) and _is_bool(choice) == _is_bool(value):
                return i
        for i, choice in enumerate(self.choices):
            if alike(choice, value):
                return i
        return None

    def contains(self, value: Any) -> bool:
        """Whether `value` is one of the choices."""
        return self.position(value) is not None

    def to_unit(self, value: Any) -> float:
        i = self.position(value)
        if i is None:
            raise InvalidSpaceError(f"{value!r} is not one of the choices {self.choices!r}.")
        return float((self._edges[i] + self._edges[i + 1]) / 2)

    def from_unit(self, u: float) -> Any:
        return self.choices[int(self.index(np.asarray(u)))]

    def index(self, u: np.ndarray) -> np.ndarray:
        found = self._edges.searchsorted(u, side="right") - 1
        return np.minimum(np.maximum(found, 0), self.n_values - 1)

    def snap(self, u: np.ndarray) -> np.ndarray:
        i = self.index(u)
        return (self._edges[i] + self._edges[i + 1]) / 2

    def grid(self, n_values: int) -> np.ndarray:
        return (self._edges[:-1] + self._edges[1:]) / 2


def same_dimension(a: Dimension, b: Dimension) -> bool:
    """Whether two dimensions give the same values the same coordinates."""
    if a is b:
        return True
    if isinstance(a, Categorical) and isinstance(b, Categorical):
        same = len(a.choices) == len(b.choices) and np.array_equal(a._edges, b._edges)
        same = same and a.kind == b.kind and (a.places is None) == (b.places is None)
        # 1 and 1.0 may mean different things to an estimator.
        return same and all(
            x is y or (type(x) is type(y) and (equal(x, y) or alike(x, y)))
            for x, y in zip(a.choices, b.choices)
        )
    return type(a) is type(b) and repr(a) == repr(b)


def _check_choices(choices: Any) -> list:
    """Choices as a list; sets have no order, and an iterator would be exhausted."""
    if not isinstance(choices, str | bytes | Mapping | set | frozenset | Iterator):
        try:
            listed = list(choices)
        except (TypeError, AttributeError):  # an ensemble has __iter__ but no elements
            pass
        else:
            check_no_cycle(choices)
            return listed
    raise InvalidSpaceError(f"Choices must be a list, got {choices!r}.")


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _cumulated(weights: Any, n: int) -> np.ndarray:
    """Edges (n + 1,) of the intervals of [0, 1] that belong to the choices."""
    if weights is None:
        return np.arange(n + 1) / n
    w = np.asarray(weights, dtype=float)
    if w.shape != (n,) or not np.all(np.isfinite(w)) or np.any(w <= 0):
        raise InvalidSpaceError(f"{n} choices need {n} positive weights, got {weights!r}.")
    return np.concatenate([[0.0], np.cumsum(w) / w.sum()])
