"""Losses on several data sets as functions of the hyperparameters, of low rank.

Notation
--------
n, d, p : number of points, of dimensions, of features
m, r, T : number of inducing points, rank, number of data sets (tasks)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from skhyper.gp import fit_gp
from skhyper.gp._kernel import cross_squared_distances, matern52
from skhyper.samplers._encoding import Encoding
from skhyper.space import Space

# A relative loss of 0 is the best known loss, 1 that of the median candidate.
_WORST = 2.0
_JITTER = 1e-6
# Number of data sets from which the length-scales are estimated: their median converges early.
_N_FITTED = 20


@dataclass(frozen=True)
class Task:
    """Candidates tried on one data set.

    Attributes
    ----------
    points : ndarray of shape (n, d)
        In the unit cube, nan where inactive.
    losses : ndarray of shape (n,)
        nan where the candidate failed.
    seconds : ndarray of shape (n,)
    """

    points: np.ndarray
    losses: np.ndarray
    seconds: np.ndarray

    @property
    def relative_losses(self) -> np.ndarray:
        """Losses in units of the distance of the median candidate from the best one, clipped."""
        known = self.losses[np.isfinite(self.losses)]
        if not len(known):
            return np.full(len(self.losses), 1.0)
        best, median = known.min(), np.median(known)
        if median == best:
            return np.where(self.losses > best, 1.0, np.where(np.isnan(self.losses), _WORST, 0.0))
        relative = (self.losses - best) / (median - best)
        return np.minimum(np.nan_to_num(relative, nan=_WORST), _WORST)

    @property
    def relative_log_seconds(self) -> np.ndarray:
        """Logarithms of the seconds, minus that of the median; 0 if unknown."""
        logs = np.log(np.maximum(self.seconds, 1e-6))
        known = logs[np.isfinite(logs)]
        return np.nan_to_num(logs - np.median(known)) if len(known) else np.zeros(len(logs))


@dataclass(frozen=True, eq=False)
class TaskFunctions:
    """Relative losses and times of T data sets, as functions on the unit cube of a space.

    Attributes
    ----------
    points : ndarray of shape (m, d)
        Inducing points.
    scales : ndarray of shape (p,)
        Length-scales of the features, shared by all data sets.
    factors : ndarray of shape (m, r)
    weights : ndarray of shape (r, T)
        The functions are ``means + k(x, points) factors weights``.
    means : ndarray of shape (T,)
    times : ndarray of shape (m,)
        The mean of the relative log-seconds is ``k(x, points) times``.
    """

    points: np.ndarray
    scales: np.ndarray
    factors: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    times: np.ndarray

    def predict(self, space: Space, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Relative losses (n, T) and log-seconds (n,) at points (n, d) of `space`."""
        encode = Encoding.from_space(space).encode
        K = _kernel(encode(points), encode(self.points.astype(float)), self.scales)
        return K @ self.factors @ self.weights + self.means, K @ self.times


def fit_functions(
    space: Space, tasks: Sequence[Task], rank: int = 8, n_inducing: int = 150
) -> TaskFunctions:
    """Functions of low rank, from trials on several data sets.

    The trials of each data set are interpolated by a Gaussian process, with length-scales and noise
    common to all, its values at common inducing points are approximated by `rank` functions.
    """
    encoding = Encoding.from_space(space)
    features = [encoding.encode(task.points) for task in tasks]
    step = -(-len(tasks) // _N_FITTED)
    fitted = [
        fit_gp(F, task.relative_losses, groups=encoding.groups)
        for F, task in list(zip(features, tasks))[::step]
    ]
    scales = np.exp(np.median([np.log(gp.column_length_scales) for gp in fitted], axis=0))
    noise = float(np.median([gp.noise_variance / gp.signal_variance for gp in fitted]))
    inducing = _inducing_points(space, tasks, n_inducing)
    Z = encoding.encode(inducing)

    def at_inducing(values: Iterable[np.ndarray], noise: float) -> np.ndarray:
        pairs = zip(features, values)
        return np.column_stack([_interpolated(F, y, Z, scales, noise) for F, y in pairs])

    losses = at_inducing((task.relative_losses for task in tasks), noise)
    log_seconds = (task.relative_log_seconds for task in tasks)
    seconds = at_inducing(log_seconds, max(noise, 0.1)).mean(axis=1)
    L = cholesky(_kernel(Z, Z, scales) + _JITTER * np.eye(len(Z)), lower=True)
    means = losses.mean(axis=0)
    U, s, Vt = np.linalg.svd(solve_triangular(L, losses - means, lower=True), full_matrices=False)
    r = min(rank, len(s))
    whole = solve_triangular(L, np.column_stack([U[:, :r] * s[:r]]), lower=True, trans="T")
    half = solve_triangular(L, seconds, lower=True)
    times = solve_triangular(L, half, lower=True, trans="T")
    parts = (inducing, scales, whole, Vt[:r], means, times)
    return TaskFunctions(*(part.astype(np.float32) for part in parts))


def _kernel(A: np.ndarray, B: np.ndarray, scales: np.ndarray) -> np.ndarray:
    scales = np.asarray(scales, dtype=float)
    return matern52(cross_squared_distances(A / scales, B / scales))


def _interpolated(
    F: np.ndarray, y: np.ndarray, Z: np.ndarray, scales: np.ndarray, noise: float
) -> np.ndarray:
    """Posterior mean at features Z (m, p) of values y (n,) at features F (n, p)."""
    K = _kernel(F, F, scales) + max(noise, _JITTER) * np.eye(len(F))
    return y.mean() + _kernel(Z, F, scales) @ np.linalg.solve(K, y - y.mean())


def _inducing_points(space: Space, tasks: Sequence[Task], m: int) -> np.ndarray:
    """The best points of each data set in turn, then others, without repeats, at most (m, d)."""
    by_loss = [task.points[np.argsort(task.relative_losses, kind="stable")] for task in tasks]
    found: dict[bytes, np.ndarray] = {}
    best = [points[i] for i in range(2) for points in by_loss if i < len(points)]
    rest = np.concatenate(by_loss)
    spread = rest[np.random.default_rng(0).permutation(len(rest))]
    for point in [*best, *spread]:
        if len(found) == m:
            break
        found.setdefault(space.key(point), point)
    return np.array(list(found.values()))
