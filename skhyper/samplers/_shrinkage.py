"""A prior that holds the components of a vector of hyperparameters together.

Many penalties fit the noise of the validation folds. The prior says that they differ little: what
is minimised is the criterion and, for each vector, half its *strength* times the squared
distances of the components from their mean, on a logarithmic scale. At strength 0 it is not
there; at infinity there is one value for all.

Notation
--------
u : point of the unit cube, (d,), nan where inactive
s : length of each coordinate in natural logarithms, (d,); 1 for ranges that have none
t : s u, (d,)
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skhyper.space import Dimension, Space

__all__ = ["Shrinkage"]

# Distance from the mean that is rounding, in coordinates.
_TOGETHER = 1e-9


@dataclass(frozen=True)
class Shrinkage:
    """Which coordinates are held together, and on which scale.

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
    def of(cls, space: Space, names: Collection[str]) -> Shrinkage:
        """That of the vectors among the hyperparameters that have derivatives."""
        scales = np.array([_scale(dimension) for dimension in space.dimensions])
        vectors = [np.array(v) for v in space.vectors if space.names[v[0]] in names]
        return cls(tuple(vectors), scales)

    @property
    def n_apart(self) -> int:
        """How many numbers more there are than with one value for each vector."""
        return sum(len(vector) - 1 for vector in self.vectors)

    def together(self, u: np.ndarray) -> np.ndarray:
        """The point with all components of a vector at their mean, shape (d,)."""
        u = u.copy()
        for vector in self.vectors:
            u[vector] = u[vector].mean()
        return u

    def is_together(self, u: np.ndarray) -> bool:
        away = np.abs(u - self.together(u))
        return not np.any(away > _TOGETHER)  # nan where inactive

    @property
    def index(self) -> np.ndarray:
        """Number of the variable that moves each column where vectors move as one, (d,)."""
        labels = np.arange(len(self.scales))
        for vector in self.vectors:
            labels[vector] = vector[0]
        return np.unique(labels, return_inverse=True)[1]

    def away(self, g: np.ndarray) -> np.ndarray:
        """Slopes by t, of what moves components from their mean, (d,); 0 elsewhere."""
        slopes = np.zeros(len(g))
        for vector in self.vectors:
            by_log = g[vector] / self.scales[vector]
            slopes[vector] = by_log - by_log.mean()
        return np.nan_to_num(slopes)

    def penalty(self, u: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
        """``strength Σ (t_j - mean)² / 2`` and its slope by u, (d,), 0 where inactive."""
        value, slope = 0.0, np.zeros(len(u))
        if strength == 0 or self.is_together(u):
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
    """Natural logarithm of a range's high end over its low one; 1 where it is no log-scale."""
    if math.isfinite(dimension.n_values):
        return 1.0
    rates = [_rate(dimension, u) for u in (0.25, 0.5, 0.75)]
    same = np.allclose(rates, rates[0], rtol=1e-6, atol=0) and rates[0] > 0
    return float(rates[0]) if same else 1.0


def _rate(dimension: Dimension, u: float) -> float:
    """Slope of the logarithm of the value."""
    value = dimension.from_unit(u)
    return dimension.derivative(u) / value if value > 0 else math.nan
