"""Identity of points, and points of params: coordinates are compared up to rounding."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._columns import Columns

# Points are equal if their coordinates agree to this number of decimals. Params that were made
# from a point are located within a few ulps of their value, at most some 1e-11 of a range.
_DECIMALS = 10
# Coordinates beyond [0, 1] by no more than this are inside: ends of ranges are rounded, too.
_END_TOLERANCE = 1e-9


def point_keys(points: np.ndarray) -> list[bytes]:
    """A key for each of the points (n, d), the same for points that are equal up to rounding."""
    rounded = np.round(points, _DECIMALS) + 0.0  # -0.0 is 0.0
    rounded[np.isnan(rounded)] = np.nan
    return [row.tobytes() for row in rounded]


def is_inside(point: np.ndarray) -> bool:
    """Whether all active coordinates of a point (d,) lie in [0, 1]."""
    return not any(u < -_END_TOLERANCE or u > 1 + _END_TOLERANCE for u in point.tolist())


def place(
    columns: Columns, index: int, params: Mapping[str, Any]
) -> tuple[np.ndarray, dict[str, str]]:
    """The point (d,) of params in one sub-space, and errors by name.

    Coordinates are nan where inactive or wrong, and out of [0, 1] for numbers out of their range.
    Active hyperparameters without coordinates are wrong, each with the reason: an empty one if it
    is missing. Values of inactive hyperparameters are ignored.
    """
    subspace = columns.subspaces[index]
    point = np.full(len(columns.dimensions), np.nan)
    if len(columns.subspaces) > 1:
        point[0] = columns.dimensions[0].to_unit(index)
    reasons = {}
    for name, own in subspace.columns.items():
        if name not in params:
            continue
        try:
            for column, part in zip(own, subspace.split(name, params[name]), strict=True):
                point[column] = columns.dimensions[column].to_unit(part)
        except InvalidSpaceError as error:
            point[own] = np.nan
            reasons[name] = str(error)
    if not subspace.conditional and not reasons and subspace.columns.keys() <= params.keys():
        return point, {}
    active, u = subspace.active(point[None])[0].tolist(), point.tolist()
    wrong = {}
    for name, own in subspace.columns.items():
        if not active[own[0]]:
            point[own] = np.nan
        elif math.isnan(u[own[0]]):
            wrong[name] = reasons.get(name, "")
    return point, wrong
