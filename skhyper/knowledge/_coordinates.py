"""Points of one space as points of another one, matched by names and values.

Notation
--------
n, d, e : number of points, of dimensions of the one space, of the other one
"""

import functools
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Categorical, Dimension, Distribution, Integer, Real, Space


def coordinate(dimension: Dimension, params: Mapping[str, Any], name: str) -> float:
    """Of a value, clipped to the range.

    None usually means no limit, hence the upper end; other values without a coordinate ("scale")
    count as the middle.
    """
    u = 1.0 if name in params and params[name] is None else 0.5
    # An error of a choice would contain all choices, which takes long to write.
    if not isinstance(dimension, Categorical) or dimension.contains(params.get(name)):
        with suppress(InvalidSpaceError, KeyError, TypeError, ValueError):
            u = dimension.to_unit(params[name])
    u = 0.5 if math.isnan(u) else min(max(u, 0.0), 1.0)
    return float(dimension.snap(np.array([u]))[0])


def matched(
    space: Space, points: np.ndarray, other: Space, params: Mapping[str, Any]
) -> np.ndarray:
    """Points (n, e) of `other` for canonical points (n, d) of `space`.

    If `space` has no value, that of `params` is used. Values that are not in `other` are nan;
    numbers outside of its ranges have coordinates outside of [0, 1]. Any sub-space is 0.5.
    """
    found = np.empty((len(points), other.n_dims))
    for column, (name, dimension) in enumerate(zip(other.names, other.dimensions)):
        if name is None:  # it selects the sub-space
            found[:, column] = 0.5
            continue
        found[:, column] = coordinate(dimension, params, name)
        _write(space, points, name, functools.partial(_moved, dimension), found[:, column])
    return found


def have(
    space: Space, points: np.ndarray, wanted: Mapping[str, Any], params: Mapping[str, Any]
) -> np.ndarray:
    """Which of the canonical points (n, d) have certain values of some names, (n,) bool."""
    holds = np.ones(len(points), dtype=bool)
    for name, value in wanted.items():
        own = np.full(len(points), float(params.get(name) == value))
        _write(space, points, name, functools.partial(_equal, value), own)
        holds &= own == 1.0
    return holds


def _equal(wanted: Any, dimension: Dimension, u: np.ndarray) -> np.ndarray:
    return _by_value(lambda value: float(value == wanted), dimension, u)


def _moved(to: Dimension, dimension: Dimension, u: np.ndarray) -> np.ndarray:
    """Coordinates in the dimension `to` of the values at coordinates u (n,) of another one."""
    if isinstance(dimension, Real | Integer) and isinstance(to, Real | Integer):
        steps = (dimension.step, to.step) != (None, None) or dimension.low == dimension.high
        rounds = isinstance(to, Integer) and isinstance(dimension, Real)
        if dimension.prior == to.prior and not steps and not rounds:
            ends = dimension.low, dimension.high
            (a, b), (c, d) = ([float(x.to_unit(end)) for end in ends] for x in (dimension, to))
            return c + (u - a) / (b - a) * (d - c)
    numbers = isinstance(dimension, Real | Integer)
    if numbers and isinstance(to, Distribution) and to.kind == "real":
        return to.coordinates(np.array([dimension.from_unit(x) for x in u.tolist()]))
    return _by_value(to.to_unit, dimension, u)


def _by_value(function: Callable[[Any], float], dimension: Dimension, u: np.ndarray) -> np.ndarray:
    """A function of the values at coordinates u (n,), nan where it raises."""
    distinct, which = np.unique(u, return_inverse=True)
    if isinstance(dimension, Distribution):  # its quantiles are slow one by one
        values = dimension.values(distinct)
    else:
        values = [dimension.from_unit(x) for x in distinct.tolist()]
    results = np.full(len(distinct), np.nan)
    for i, value in enumerate(values):
        with suppress(InvalidSpaceError, TypeError, ValueError):
            results[i] = function(value)
    return results[which]


def _write(
    space: Space,
    points: np.ndarray,
    name: str,
    function: Callable[[Dimension, np.ndarray], np.ndarray],
    found: np.ndarray,
) -> None:
    """Write a function of one hyperparameter's values to `found` (n,), where it is active."""
    for u, own, dimension in zip(points.T, space.names, space.dimensions):
        if own == name:
            active = ~np.isnan(u)
            found[active] = function(dimension, u[active])
