"""Regression in one variable by integrated Brownian motion, from values and slopes.

The posterior mean is the cubic Hermite interpolant; between two observations the posterior depends
on these two only (Wahba 1978; Mahsereci and Hennig 2015). No iteration fits hyperparameters, and
local features are not smoothed away, as by a GP with one length-scale.

Notation
--------
u : observed points, ascending, (n,)
h, g : values and slopes there, (n,)
w : lengths of the intervals between them, (n - 1,)
"""

from typing import NamedTuple

import numpy as np

# Maximum absolute slope, in ranges of the values per unit of the variable.
_STEEPEST = 1e5
# Minimum roughness, and minimum distance of two observations.
_TINY = 1e-12


class IntegratedBrownianMotion(NamedTuple):
    """Integrated Brownian motion conditioned on values and slopes.

    `roughness` (n + 1,) is the variance of the slope's increments per unit length: left of all
    observations, in each interval, right of all.
    """

    u: np.ndarray
    h: np.ndarray
    g: np.ndarray
    roughness: np.ndarray

    @classmethod
    def from_data(cls, u: np.ndarray, h: np.ndarray, g: np.ndarray) -> "IntegratedBrownianMotion":
        """From data in any order; slopes that are nan or too steep become finite differences."""
        order = np.argsort(u, kind="stable")
        order = order[np.append(True, np.diff(u[order]) > _TINY)]
        u, h, g = u[order], h[order], g[order]
        if len(u) == 1:
            return cls(u, h, np.nan_to_num(g), np.ones(2))
        steepest = _STEEPEST * (np.ptp(h) or 1.0)
        g = np.where(np.abs(g) <= steepest, g, np.gradient(h, u))
        w = np.diff(u)
        # (r, s): deviations of values and slopes from a straight line; their covariance is
        # roughness * [[w^3 / 3, w^2 / 2], [w^2 / 2, w]].
        r, s = np.diff(h) - w * g[:-1], np.diff(g)
        own = 6 * (r**2 - w * r * s + (w * s) ** 2 / 3) / w**3  # maximum likelihood
        mass, length = np.pad(own * w, 1), np.pad(w, 1)
        # Of an interval and its neighbors; beyond the ends at least that of the whole range.
        roughness = (mass[:-2] + mass[1:-1] + mass[2:]) / (length[:-2] + w + length[2:])
        ends = np.maximum(roughness[[0, -1]], np.average(own, weights=w))
        roughness = np.concatenate([ends[:1], roughness, ends[1:]])
        return cls(u, h, g, np.maximum(roughness, _TINY))

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and standard deviation, each (m,), at points (m,) or (m, 1)."""
        x = x.reshape(-1)
        i = np.searchsorted(self.u, x)
        left, right = np.maximum(i - 1, 0), np.minimum(i, len(self.u) - 1)
        inside = left < right
        w = np.where(inside, self.u[right] - self.u[left], 1.0)
        t = (x - self.u[left]) / w
        mean = self.h[left] + self.g[left] * (x - self.u[left])  # linear beyond the ends
        rise = self.h[right] - self.h[left] - w * self.g[left]
        turn = w * (self.g[right] - self.g[left])
        mean = mean + np.where(inside, t**2 * (3 * rise - turn + t * (turn - 2 * rise)), 0.0)
        span = np.where(inside, w * np.abs(t * (1 - t)), np.abs(x - self.u[left]))
        return mean, np.sqrt(self.roughness[i] * span**3 / 3)
