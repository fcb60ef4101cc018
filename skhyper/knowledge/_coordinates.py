"""Points of one space as points of another one, matched by names and values.

Notation
--------
n, d, e : number of points, of dimensions of the one space, of the other one
"""

import functools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Dimension, Space


def coordinate(dimension: Dimension, params: Mapping[str, Any], name: str) -> float:
    """Of a value, clipped to the range.

    None usually means no limit, hence the upper end; other values without a coordinate ("scale")
    count as the middle.
    """
    try:
        u = dimension.to_unit(params[name])
    except (InvalidSpaceError, KeyError, TypeError, ValueError):
        u = 1.0 if name in params and params[name] is None else 0.5
    return float(dimension.snap(np.clip(np.nan_to_num([u], nan=0.5), 0.0, 1.0))[0])


def matched(
    space: Space, points: np.ndarray, other: Space, params: Mapping[str, Any]
) -> np.ndarray:
    """Points (n, e) of `other` for canonical points (n, d) of `space`.

    If `space` has no value, that of `params` is used. Values that are not in `other` are nan;
    numbers outside of its ranges have coordinates outside of [0, 1].
    """
    found = np.empty((len(points), other.n_dims))
    for column, (name, dimension) in enumerate(zip(other.names, other.dimensions)):
        assert name is not None  # `other` has no sub-spaces
        found[:, column] = coordinate(dimension, params, name)
        _write(space, points, name, dimension.to_unit, found[:, column])
    return found


def have(
    space: Space, points: np.ndarray, wanted: Mapping[str, Any], params: Mapping[str, Any]
) -> np.ndarray:
    """Which of the canonical points (n, d) have certain values of some names, (n,) bool."""
    holds = np.ones(len(points), dtype=bool)
    for name, value in wanted.items():
        is_equal = functools.partial(_as_float, value)
        own = np.full(len(points), is_equal(params.get(name)))
        _write(space, points, name, is_equal, own)
        holds &= own == 1.0
    return holds


def _as_float(wanted: Any, value: Any) -> float:
    return float(value == wanted)


def _write(
    space: Space,
    points: np.ndarray,
    name: str,
    function: Callable[[Any], float],
    found: np.ndarray,
) -> None:
    """Write a function of one hyperparameter's values to `found` (n,), where it is active."""
    for u, own, dimension in zip(points.T, space.names, space.dimensions):
        if own == name:
            active = ~np.isnan(u)
            distinct, which = np.unique(u[active], return_inverse=True)
            results = np.full(len(distinct), np.nan)
            for i, x in enumerate(distinct.tolist()):
                with suppress(InvalidSpaceError, TypeError, ValueError):
                    results[i] = function(dimension.from_unit(x))
            found[active] = results[which]
