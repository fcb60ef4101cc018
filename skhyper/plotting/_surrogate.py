"""Averages of the surrogate of a search: partial dependence, and how much each axis matters.

Notation
--------
d : number of columns of the space
m : number of sample points of the other hyperparameters
g : number of positions
F : features of points, see `GPSurrogate.encoding`
C : prior covariance of the Gaussian process; K that of its observations, with their noise
"""

import itertools
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import qmc

from skhyper.plotting._axes import Axis, position_in
from skhyper.plotting._results import Results
from skhyper.samplers import GPSampler, Rules
from skhyper.space import Space

# Points of a Sobol sequence for the other hyperparameters, for one and for two axes.
_N_SAMPLES = {1: 256, 2: 64}
# Positions and sample points where axes are ranked.
_N_RANKED, _N_RANKED_SAMPLES = 8, 64


class Average:
    """The surrogate of the score of a search, averaged over all but some hyperparameters.

    Parameters
    ----------
    results : Results
        At least two trials must be complete.
    use_gradients : bool, default=False
        Whether the surrogate observes derivatives of the losses, where trials have them, and bad
        outliers are not clipped.

    Raises
    ------
    ValueError
        If fewer are.
    """

    def __init__(self, results: Results, use_gradients: bool = False):
        rules = Rules(transform_losses=_worst_if_failed) if use_gradients else Rules()
        sampler = GPSampler(n_initial_points=1, use_gradients=use_gradients, rules=rules)
        model = sampler.model(results.space, results.history)
        if model is None:
            raise ValueError("A surrogate needs at least two complete trials.")
        self.sign = results.sign
        self.space: Space = results.space
        self._model, self._gp = model, model.gp

    @cached_property
    def _factor(self) -> tuple[np.ndarray, bool]:
        """Cholesky factor of K, of observations without derivatives."""
        K = self._gp.signal_variance * self._gp.correlation(self._gp.X, self._gp.X)
        K[np.diag_indices_from(K)] += self._gp.noise_variance
        return cho_factor(K, lower=True)

    def at(
        self, axes: Sequence[Axis], positions: np.ndarray, around: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the score at positions around a point.

        Parameters
        ----------
        axes : sequence of Axis
        positions : ndarray of shape (g, len(axes))
        around : ndarray of shape (d,)
            Point that gives the other hyperparameters, nan where inactive.

        Returns
        -------
        mean, std : ndarrays of shape (g,)
            nan where a hyperparameter cannot have the value there.
        """
        center = np.where(np.isnan(around), 0.5, around)[None]
        rows = [self._points(axes, place, center) for place in positions]
        mean, std = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        valid = np.array([len(points) > 0 for points in rows])
        if valid.any():
            mean[valid], std[valid] = self._model.predict_points(np.concatenate(rows))
        return self.sign * mean, std

    def __call__(
        self, axes: Sequence[Axis], positions: np.ndarray, n_samples: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the score at positions, averaged over all the others.

        Parameters
        ----------
        axes : sequence of Axis
        positions : ndarray of shape (g, len(axes))
        n_samples : int, default=None
            Number of points, evenly spread over the space, that the average is over.

        Returns
        -------
        mean, std : ndarrays of shape (g,)
            nan where the hyperparameters cannot have these values at once.
        """
        sample = self._sample(axes, n_samples)
        mean, std = np.full(len(positions), np.nan), np.full(len(positions), np.nan)
        for row, place in enumerate(positions):
            points = self._points(axes, place, sample)
            if len(points):
                mean[row], std[row] = self._average(points)
        return self.sign * mean, std

    def _sample(self, axes: Sequence[Axis], n_samples: int | None = None) -> np.ndarray:
        moved = {column for axis in axes for column in axis.columns}
        n = n_samples or _N_SAMPLES[len(axes)]
        if len(moved) == self.space.n_dims:
            n = 1
        points: np.ndarray = qmc.Sobol(self.space.n_dims, scramble=True, seed=0).random(n)
        return points

    def _points(self, axes: Sequence[Axis], place: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """The sample points where all axes are active, moved to a position, and valid."""
        points, known = sample.copy(), np.zeros(sample.shape[1], dtype=bool)
        for axis, position in zip(axes, place):
            value = axis.value_at(position)
            for column in axis.columns:
                u = position_in(self.space, column, value)
                if np.isfinite(u):
                    points[:, column], known[column] = u, True
        points = self.space.canonical(points)
        kept = np.ones(len(points), dtype=bool)
        for axis in axes:
            columns = [column for column in axis.columns if known[column]]
            kept &= np.isfinite(points[:, columns]).any(axis=1)
        return self.space.filter(points[kept])

    def _average(self, points: np.ndarray) -> tuple[float, float]:
        """Posterior mean and standard deviation of the mean loss at points (m, d).

        The variance of a mean is the mean of the posterior covariance, C - k K⁻¹ kᵀ.
        """
        gp = self._gp
        F = self._model.encoding.encode(points)
        mean = float(gp.predict_mean(F).mean())
        k = gp.signal_variance * gp.correlation(F, gp.X).mean(axis=0)
        prior = gp.signal_variance * gp.correlation(F, F).mean()
        variance = prior - k @ cho_solve(self._factor, k)
        return mean, float(np.sqrt(max(variance, 0.0)))


def _worst_if_failed(losses: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(losses), losses, np.nanmax(losses))


def ranked(results: Results, axes: Sequence[Axis]) -> list[int]:
    """Indices of the axes, the one that changes the surrogate's average score most first.

    Axes are in their order if there are too few trials for a surrogate.
    """
    if int(np.isfinite(results.scores).sum()) < 2 or len(axes) < 2:
        return list(range(len(axes)))
    average = Average(results)
    spreads = []
    for axis in axes:
        positions = axis.grid(_N_RANKED)
        positions = positions[:: -(-len(positions) // (2 * _N_RANKED))]
        mean, _ = average([axis], positions[:, None], n_samples=_N_RANKED_SAMPLES)
        spreads.append(float(np.nanvar(mean)) if np.isfinite(mean).any() else 0.0)
    return [int(i) for i in np.argsort(-np.array(spreads), kind="stable")]


def pairs_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All pairs of positions, the second one varying fastest, (len(a) * len(b), 2)."""
    return np.array(list(itertools.product(a, b)))
