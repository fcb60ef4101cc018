"""A prior that shrinks the components of a vector of hyperparameters towards a common value.

Many penalties can overfit the validation folds. The prior adds to the criterion, for each vector,
half its *strength* times the squared distances of the components from their mean, on a logarithmic
scale. At strength 0 there is no prior; at infinity the components are *tied*: all equal.

Notation
--------
u : point of the unit cube, (d,), nan where inactive
s : length of each range in natural logarithms, (d,); 1 for ranges that are not logarithmic
t : s u, (d,)
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skhyper.space import Dimension, Space

# Maximum distance of tied components from their mean, in the unit cube.
_TIED_ATOL = 1e-9


@dataclass(frozen=True)
class Shrinkage:
    """The vectors of a space that the prior shrinks, and the scales of their coordinates.

    Attributes
    ----------
    vectors : tuple of ndarray of int
        Columns of each vector.
    scales : ndarray of shape (d,)
        s.
    """

    vectors: tuple[np.ndarray, ...]
    scales: np.ndarray

    @classmethod
    def from_space(cls, space: Space, names: Collection[str]) -> Shrinkage:
        """The prior on the vectors among the hyperparameters `names`, which have derivatives."""
        scales = np.array([_scale(dimension) for dimension in space.dimensions])
        vectors = [np.array(v) for v in space.vectors if space.names[v[0]] in names]
        return cls(tuple(vectors), scales)

    @property
    def n_free(self) -> int:
        """Number of coordinates that tying removes."""
        return sum(len(vector) - 1 for vector in self.vectors)

    def tied(self, u: np.ndarray) -> np.ndarray:
        """The point with the components of each vector replaced by their mean, (d,)."""
        u = u.copy()
        for vector in self.vectors:
            u[vector] = u[vector].mean()
        return u

    def is_tied(self, u: np.ndarray) -> bool:
        away = np.abs(u - self.tied(u))
        return not np.any(away > _TIED_ATOL)  # nan where inactive

    @property
    def index(self) -> np.ndarray:
        """Index of the tied coordinate of each column, (d,)."""
        labels = np.arange(len(self.scales))
        for vector in self.vectors:
            labels[vector] = vector[0]
        return np.unique(labels, return_inverse=True)[1]

    def deviation_gradient(self, g: np.ndarray) -> np.ndarray:
        """Gradient with respect to deviations of t from the mean, (d,); 0 outside of vectors."""
        slopes = np.zeros(len(g))
        for vector in self.vectors:
            by_log = g[vector] / self.scales[vector]
            slopes[vector] = by_log - by_log.mean()
        return np.nan_to_num(slopes)

    def penalty(self, u: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
        """``strength Σ (t_j - mean)² / 2`` and its gradient with respect to u, (d,)."""
        value, slope = 0.0, np.zeros(len(u))
        if strength == 0 or self.is_tied(u):
            return value, slope
        for vector in self.vectors:
            t = (u * self.scales)[vector]
            if not np.isnan(t).any():
                value += float(np.sum((t - t.mean()) ** 2)) / 2
                slope[vector] = self.scales[vector] * (t - t.mean())
        if math.isinf(strength):
            return math.inf, slope
        return strength * value, strength * slope


def _scale(dimension: Dimension) -> float:
    """Length of a range in natural logarithms; 1 if it is not logarithmic."""
    if math.isfinite(dimension.n_values):
        return 1.0
    rates = [_rate(dimension, u) for u in (0.25, 0.5, 0.75)]
    same = np.allclose(rates, rates[0], rtol=1e-6, atol=0) and rates[0] > 0
    return float(rates[0]) if same else 1.0


def _rate(dimension: Dimension, u: float) -> float:
    """Derivative of the logarithm of the value with respect to the coordinate."""
    value = dimension.from_unit(u)
    return dimension.derivative(u) / value if value > 0 else math.nan
