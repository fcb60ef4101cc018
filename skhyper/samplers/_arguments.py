"""Checks of the arguments of samplers, functions and callbacks."""

import numbers
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from skhyper._sklearn import InvalidParameterError


def check_number(
    name: str, value: Any, *, whole: bool, low: float, above: bool = False, optional: bool = False
) -> None:
    """Raise unless an argument is a number of the given kind; booleans and nan are refused.

    The bound is included unless `above`. The error is scikit-learn's, both a ValueError and a
    TypeError.
    """
    if value is None and optional:
        return
    kind = numbers.Integral if whole else numbers.Real
    number: Any = value
    right = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    right = right and (number > low if above else number >= low)
    # Larger integers overflow array sizes.
    if not right or (isinstance(value, numbers.Integral) and number > sys.maxsize):
        raise InvalidParameterError(
            f"{name} must be {'an integer' if whole else 'a number'} "
            f"{'>' if above else '>='} {low}{' or None' if optional else ''}, "
            f"got {value!r}."
        )


def check_flag(name: str, value: Any) -> None:
    """Raise TypeError if an argument is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")


def check_callables(name: str, value: Any) -> list[Callable]:
    """A callable, or a list of callables, as a list; None as an empty one."""
    if value is None:
        return []
    found = [value] if callable(value) else value
    if not isinstance(found, list | tuple) or not all(map(callable, found)):
        raise TypeError(f"{name} must be a callable or a list of them, got {value!r}.")
    return list(found)
