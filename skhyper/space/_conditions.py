"""Hyperparameters that are active only if others have certain values."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._categorical import Categorical
from skhyper.space._dimensions import Dimension


class When:
    """Values of a hyperparameter that is active only under conditions on other ones.

    Parameters
    ----------
    values : object
        Specification of a dimension: a list, a tuple, a distribution, a dimension.
    conditions : dict, default=None
        Maps the name of another hyperparameter of the same dict to its required value: one value, a
        list of values, or a callable of the value. All conditions must hold.
    **names : object
        The same as keywords.

    Notes
    -----
    If a condition does not hold, the hyperparameter is missing in the candidate (the estimator
    keeps its own value) and its dimension is inactive. A condition on an inactive hyperparameter
    does not hold.

    Examples
    --------
    >>> from skhyper.space import Space, When
    >>> space = Space({
    ...     "kernel": ["linear", "rbf"],
    ...     "gamma": When((1e-3, 1e1, "log-uniform"), kernel="rbf"),
    ... })
    >>> space.from_unit([[0.2, 0.5], [0.8, 0.5]])
    [{'kernel': 'linear'}, {'kernel': 'rbf', 'gamma': 0.1}]
    """

    def __init__(self, values: Any, conditions: Mapping[str, Any] | None = None, **names: Any):
        if conditions is not None and not isinstance(conditions, Mapping):
            raise InvalidSpaceError(
                f"The conditions of When must be a dict or keywords, got {conditions!r}; write "
                'When((1e-3, 1e1, "log-uniform"), kernel="rbf"), for example.'
            )
        self.values = values
        self.conditions = {**(conditions or {}), **names}
        if not self.conditions:
            raise InvalidSpaceError(
                "When(...) needs at least one condition, for example "
                'When((1e-3, 1e1, "log-uniform"), kernel="rbf").'
            )

    def __repr__(self) -> str:
        names = ", ".join(f"{name!r}: {test!r}" for name, test in self.conditions.items())
        return f"When({self.values!r}, {{{names}}})"


class Condition:
    """A test of coordinates of `dimension`, the parent's: whether their values meet the condition.

    `wanted` is a value, a list of values or a callable on the value. Names are for messages; `text`
    shows the condition.
    """

    def __init__(self, child: str, parent: str, wanted: Any, dimension: Dimension):
        self.dimension = dimension
        self._holds: Callable[[Any], bool]
        if callable(wanted) and not _is_value(wanted, dimension):
            self.text = f"{getattr(wanted, '__name__', repr(wanted))}({parent})"
            self._holds = partial(_call_predicate, wanted, child, parent)
        else:
            values = list(wanted) if isinstance(wanted, list | set | frozenset) else [wanted]
            self.text = f"{parent}={' or '.join(map(repr, values))}"
            for value in values:
                _check_reachable(child, parent, value, dimension)
            self._holds = Categorical(values).contains
        self._table = None
        if isinstance(dimension, Categorical):
            self._table = np.array([bool(self._holds(choice)) for choice in dimension.choices])

    def __call__(self, u: np.ndarray) -> np.ndarray:
        """Booleans of shape (n,) for coordinates of shape (n,)."""
        if self._table is not None:
            return self._table[self.dimension.index(u)]
        return np.array([bool(self._holds(self.dimension.from_unit(ui))) for ui in u], dtype=bool)


def _is_value(wanted: Any, dimension: Dimension) -> bool:
    """Whether a callable is itself a choice, such as a kernel function or a class."""
    choices = dimension.choices if isinstance(dimension, Categorical) else []
    return isinstance(wanted, type) or any(choice is wanted for choice in choices)


def _call_predicate(predicate: Callable[[Any], Any], child: str, parent: str, value: Any) -> bool:
    try:
        return bool(predicate(value))
    except Exception as error:
        raise InvalidSpaceError(
            f"The condition of {child!r} on {parent!r} failed on the value {value!r}: "
            f"{type(error).__name__}: {error}."
        ) from error


def _check_reachable(child: str, parent: str, value: Any, dimension: Dimension) -> None:
    try:
        u = dimension.to_unit(value)
    except InvalidSpaceError:
        u = np.nan
    if not 0 <= u <= 1:
        raise InvalidSpaceError(
            f"{child!r} is conditioned on {parent!r} being {value!r}, which is not a value of "
            f"{dimension!r}."
        )
