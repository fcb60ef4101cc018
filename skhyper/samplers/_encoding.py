"""Points of a space as features of a Gaussian process, and back.

Inactive dimensions are in the middle of their range, at the same distance from both ends and from
all choices.

Notation
--------
n, d, p : number of points, of dimensions, of features
points : (n, d) points of the unit cube, nan where inactive
F : (n, p) features: one column per choice, one for all numeric choices
"""

from dataclasses import dataclass

import numpy as np

from skhyper.space import Dimension, Space

# Entry of a one-hot column: the distance of two choices is 1, as that of the ends of a range.
_CATEGORY_HEIGHT = np.sqrt(0.5)
# Minimum size of an integer range that is treated as real in maximization, and then rounded.
_FINE = 20


@dataclass(frozen=True)
class Encoding:
    """The features of points for a GP: coordinates of numbers, one-hot columns of choices.

    `columns` are the features of each dimension, `groups` (p,) the dimension of each feature.
    """

    space: Space
    columns: list[slice]
    groups: np.ndarray

    @classmethod
    def from_space(cls, space: Space) -> "Encoding":
        widths = [_width(dimension) for dimension in space.dimensions]
        ends = np.cumsum(widths)
        columns = [slice(int(end - width), int(end)) for end, width in zip(ends, widths)]
        return cls(space, columns, np.repeat(np.arange(len(widths)), widths))

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Features (n, p) of points (n, d)."""
        F = np.empty((len(points), len(self.groups)))
        for dimension, u, columns in zip(self.space.dimensions, points.T, self.columns):
            active = ~np.isnan(u)
            if _is_one_hot(dimension):
                F[:, columns] = _CATEGORY_HEIGHT / dimension.n_values
                F[active, columns] = 0.0
                rows = np.flatnonzero(active)
                F[rows, columns.start + dimension.index(u[active])] = _CATEGORY_HEIGHT
            elif dimension.places is not None:
                table = _by_value(dimension.places)
                F[:, columns] = _CATEGORY_HEIGHT / max(1, table.shape[1] - 1)
                F[:, columns.start] = 0.5
                F[active, columns] = table[dimension.index(u[active])]
            else:
                F[:, columns.start] = np.where(active, u, 0.5)
        return F

    def encode_gradients(self, gradients: np.ndarray) -> np.ndarray:
        """Derivatives with respect to the features (n, p), from those of the coordinates (n, d)."""
        by_feature = np.full((len(gradients), len(self.groups)), np.nan)
        for dimension, slopes, columns in zip(self.space.dimensions, gradients.T, self.columns):
            if dimension.kind != "categorical":
                by_feature[:, columns.start] = slopes
        return by_feature

    def decode(self, F: np.ndarray) -> np.ndarray:
        """Points (n, d) of features (n, p), with all dimensions active."""
        points = np.empty((len(F), self.space.n_dims))
        for i, (dimension, columns) in enumerate(zip(self.space.dimensions, self.columns)):
            if _is_one_hot(dimension):
                points[:, i] = dimension.grid(0)[F[:, columns].argmax(axis=1)]
            elif dimension.places is not None:
                apart = F[:, None, columns] - _by_value(dimension.places)
                points[:, i] = dimension.grid(0)[(apart**2).sum(axis=2).argmin(axis=1)]
            else:
                points[:, i] = F[:, columns.start]
        return points

    def free(self, points: np.ndarray) -> np.ndarray:
        """Mask (n, p) of the features that are maximized locally: active, fine ranges."""
        free = np.zeros((len(points), len(self.groups)), dtype=bool)
        for dimension, u, columns in zip(self.space.dimensions, points.T, self.columns):
            if dimension.kind in ("real", "integer") and dimension.n_values >= _FINE:
                free[:, columns.start] = ~np.isnan(u)
        return free


def _is_one_hot(dimension: Dimension) -> bool:
    return dimension.kind == "categorical" and dimension.places is None


def _width(dimension: Dimension) -> int:
    """Number of features of a dimension."""
    if _is_one_hot(dimension):
        return int(dimension.n_values)
    return 1 if dimension.places is None else _by_value(dimension.places).shape[1]


def _by_value(places: np.ndarray) -> np.ndarray:
    """Features (n_values, p) of choices that include numbers.

    One column contains the coordinates of the numbers. If there are other choices, they have 0.5 in
    it, and further columns indicate numbers and each other choice.
    """
    others = np.flatnonzero(np.isnan(places))
    column = np.where(np.isnan(places), 0.5, places)[:, None]
    if len(others) == 0:
        return column
    which = np.zeros((len(places), 1 + len(others)))
    which[:, 0] = ~np.isnan(places)
    which[others, 1 + np.arange(len(others))] = 1.0
    return np.hstack([column, _CATEGORY_HEIGHT * which])
