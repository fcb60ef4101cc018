"""Global search over one or two hyperparameters: a coarse design, and restarts by a surrogate.

A descent finds one local minimum. A coarse design shows whether there are others. A surrogate of
all values and derivatives proposes restarts: integrated Brownian motion for one hyperparameter, a
Gaussian process (GP) for two.

Notation
--------
n, d : number of trials, of differentiable coordinates
U : coordinates of the trials, (n, d), in the unit cube
f, G : criterion, (n,), not finite where it failed; its derivatives with respect to U, (n, d), nan
    where unknown
h : compressed criterion, see `compressed`
"""

import numpy as np

from skhyper.gp import GaussianProcess, fit_gp, log_expected_improvement
from skhyper.samplers._brownian import IntegratedBrownianMotion

# Maximum number of dimensions of a coarse design.
LARGEST_DIMENSION = 2
# Number of points of the design, by dimension: about five per dimension; odd numbers include the
# middle.
_DESIGN_SIZES = (1, 5, 11)
# Thresholds for leaving out the last point, in the compressed criterion: depth of the best trial
# below the worst, increase from the nearest trial, distance above the best in standard deviations.
_DEPTH, _RISE, _N_STDS = 1.5, 0.1, 3.0
# Minimum distance of the two trials from which the roughness near that end is estimated.
_MIN_DISTANCE = 0.1
# Generator of the two-dimensional lattice: the minimum distance of its 11 points is 0.28.
_GENERATOR = 3
# Points per axis of the grid of possible restarts, by dimension.
_GRID_SIZES = (1, 101, 31)
# Increase of the criterion, relative to its minimum, that bounds the restarts with `quasiconvex`.
_BRACKET_RISE = 0.1
# Minimum scale of the compression, relative to the median distance from the minimum.
_SMALLEST_SCALE = 1e-3


def coarse_design(d: int, most: int, ascending: np.ndarray | None = None) -> np.ndarray:
    """Lattice of points in the unit cube, (n, d), from simple models to flexible ones.

    n is at most `most`, and odd, so that the middle is included. `ascending` (d,) is whether models
    become more flexible with the coordinate; by default they become less so. In this order warm
    starts from the previous solution are fastest, and the most expensive point comes last.
    """
    n = max(1, min(most, _DESIGN_SIZES[d]))
    n -= n % 2 == 0
    steps = np.arange(n) - n // 2
    lattice = np.stack([steps, _GENERATOR * steps], axis=1)[:, :d]
    points = (np.mod(lattice + n // 2, n) + 0.5) / n
    ascending = np.zeros(d, dtype=bool) if ascending is None else ascending
    return points[np.argsort((points * np.where(ascending, 1, -1)).sum(axis=1), kind="stable")]


def is_unpromising(U: np.ndarray, f: np.ndarray, G: np.ndarray, u: np.ndarray) -> bool:
    """Whether an end of a range, `u` (1,), is very probably no improvement on the trials.

    The trials must show a deep minimum, and the criterion must increase towards the end. If it is
    constant, or only varies around its value at the simplest model, it may still decrease.
    """
    complete = np.isfinite(f) & np.isfinite(G).all(axis=1)
    if U.shape[1] != 1 or len(f) < _DESIGN_SIZES[1] - 1 or not complete.all():
        return False
    x = U[:, 0]
    last = int(np.abs(x - u[0]).argmin())
    apart = np.flatnonzero(np.abs(x - x[last]) >= _MIN_DISTANCE)
    if np.ptp(x) >= np.ptp(np.append(x, u[0])) or not len(apart):  # not beyond all trials
        return False
    h, slopes = compressed(f, G)
    pair = np.array([last, apart[np.abs(x[apart] - u[0]).argmin()]])
    curve = IntegratedBrownianMotion.from_data(x[pair], h[pair], slopes[pair, 0])
    (mean,), (std,) = curve.predict(u)
    return bool(h.max() > _DEPTH and mean - h[last] > _RISE and mean > _N_STDS * std)


def cuts_off(u: np.ndarray, f: np.ndarray, g: np.ndarray, trial: float, best: float) -> bool:
    """Whether, in 1-D, a trial between two others shows a minimum between them.

    The neighbor of `trial` towards `best` is higher than `trial`, or descends to it.
    """
    direction = best - trial
    share = (u - trial) / direction
    between = np.flatnonzero((share > 0) & (share < 1))
    if not len(between):
        return False
    near = between[share[between].argmin()]
    value = f[np.abs(u - trial).argmin()]
    return bool(f[near] > value or g[near] * direction > 0)


def bracket(
    u: np.ndarray, f: np.ndarray, g: np.ndarray, best: float, height: float
) -> tuple[float, float]:
    """Nearest trials on both sides of `best`, in 1-D, that exceed `height` and descend to it.

    Trials without value or gradient count too. Infinite without one.
    """
    bounds = ~(f <= height) & ~(g * (u - best) <= 0)
    low = max(u[bounds & (u < best)], default=-np.inf)
    return float(low), float(min(u[bounds & (u > best)], default=np.inf))


def compressed(f: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``h = log(1 + (f - min f) / s)`` and its derivatives, with s = |min f|.

    For a positive criterion this is its logarithm, up to a constant, since losses range over orders
    of magnitude. Failures have the worst value seen.
    """
    known = np.isfinite(f)
    least = f[known].min()
    above = f - least
    scale = max(abs(least), _SMALLEST_SCALE * np.median(above[known]), np.finfo(float).tiny)
    above = np.where(known, above, above[known].max())
    slopes = np.where(known[:, None], G, np.nan) / (above + scale)[:, None]
    return np.log1p(above / scale), slopes


def _surrogate(
    U: np.ndarray, f: np.ndarray, G: np.ndarray
) -> GaussianProcess | IntegratedBrownianMotion:
    """The posterior of the compressed criterion given values and derivatives."""
    h, slopes = compressed(f, G)
    if U.shape[1] == 1:
        return IntegratedBrownianMotion.from_data(U[:, 0], h, slopes[:, 0])
    return fit_gp(U, h, gradients=slopes)


def regular_grid(d: int) -> np.ndarray:
    """Grid of possible restarts, both ends included, (m, d)."""
    axis = np.linspace(0, 1, _GRID_SIZES[d])
    return np.stack(np.meshgrid(*[axis] * d), axis=-1).reshape(-1, d)


def restart_point(
    U: np.ndarray, f: np.ndarray, G: np.ndarray, points: np.ndarray, share: float, quasiconvex: bool
) -> np.ndarray:
    """The point of largest expected improvement, (d,), at some distance from all trials.

    It is one of `points` (m, d), at least `share` times as far from all trials as the farthest one.
    With `quasiconvex`, in one dimension, it lies between the trials that are a tenth above the best
    one and descend to it.
    """
    if not np.isfinite(f).any():
        share = 1.0
    elif quasiconvex and U.shape[1] == 1:
        best = int(np.where(np.isfinite(f), f, np.inf).argmin())
        # A criterion that may be negative has no natural zero, so differences are relative to its
        # range.
        scale = f[best] if f[best] > 0 else max(abs(f[best]), np.ptp(f[np.isfinite(f)]))
        height = f[best] + _BRACKET_RISE * scale
        low, high = bracket(U[:, 0], f, G[:, 0], U[best, 0], height)
        inside = (points[:, 0] > low) & (points[:, 0] < high)
        points = points[inside] if inside.any() else points
    distances = np.linalg.norm(points[:, None] - U, axis=2).min(axis=1)
    points = points[distances >= share * distances.max()]
    if len(points) == 1 or not np.isfinite(f).any():
        return points[0]
    surrogate = _surrogate(U, f, G)
    lowest = float(surrogate.predict(U)[0].min())
    mean, std = surrogate.predict(points)
    return points[log_expected_improvement(mean, std, lowest)[0].argmax()]


def first_step(
    U: np.ndarray, f: np.ndarray, G: np.ndarray, start: int, shortest: float, longest: float
) -> float:
    """Length of a descent's first step from a trial, along the coordinate of steepest slope.

    It minimizes the mean of the surrogate along the negative gradient.
    """
    direction = -np.nan_to_num(G[start]) / np.nanmax(np.abs(G[start]))
    steps = np.linspace(shortest, longest, 50)
    ray = np.clip(U[start] + steps[:, None] * direction, 0, 1)
    return float(steps[_surrogate(U, f, G).predict(ray)[0].argmin()])
