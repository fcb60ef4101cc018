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
from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import qmc

from skhyper._threads import threads_bounded
from skhyper._trial import History
from skhyper.inspection._results import Results
from skhyper.plotting._axes import Axis, position_in
from skhyper.samplers import GPSampler, Rules
from skhyper.space import Space

# Points of a Sobol sequence for the other hyperparameters, for one and for two axes.
_N_SAMPLES = {1: 256, 2: 64}
# Maximum number of points that are made at once.
_N_ROWS = 4096
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
        # For matrices this small, synchronizing BLAS threads costs more than they gain.
        with threads_bounded(1, openmp=False):
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
        self, axes: Sequence[Axis], grid: Sequence[np.ndarray], around: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the score on a grid of positions around a point.

        Parameters
        ----------
        axes : sequence of Axis
        grid : sequence of ndarray
            Positions on each axis, shapes (g_1,), (g_2,).
        around : ndarray of shape (d,)
            Point that gives the other hyperparameters, nan where inactive.

        Returns
        -------
        mean, std : ndarrays of shape (g_1,) or (g_1, g_2)
            nan where a hyperparameter cannot have the value there.
        """
        positions = _combined(grid)
        center = np.where(np.isnan(around), 0.5, around)[None]
        points, valid = self._points(axes, positions, center)
        mean, std = np.full(len(positions), np.nan), np.full(len(positions), np.nan)
        if (valid := valid[:, 0]).any():
            mean[valid], std[valid] = self._model.predict_points(points[valid, 0])
        return _on_grid(self.sign * mean, grid), _on_grid(std, grid)

    def __call__(
        self, axes: Sequence[Axis], grid: Sequence[np.ndarray], n_samples: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the score on a grid, averaged over all the others.

        Parameters
        ----------
        axes, grid
            As for :meth:`at`.
        n_samples : int, default=None
            Number of points, evenly spread over the space, that the average is over.

        Returns
        -------
        mean, std : ndarrays of shape (g_1,) or (g_1, g_2)
            nan where the hyperparameters cannot have these values simultaneously.
        """
        positions = _combined(grid)
        sample = self._sample(axes, n_samples)
        mean, std = np.full(len(positions), np.nan), np.full(len(positions), np.nan)
        step = max(1, _N_ROWS // len(sample))
        for first in range(0, len(positions), step):
            points, valid = self._points(axes, positions[first : first + step], sample)
            for row in np.flatnonzero(valid.any(axis=1)):
                own = first + row
                mean[own], std[own] = self._average(points[row, valid[row]])
        return _on_grid(self.sign * mean, grid), _on_grid(std, grid)

    def _sample(self, axes: Sequence[Axis], n_samples: int | None = None) -> np.ndarray:
        moved = {column for axis in axes for column in axis.columns}
        n = n_samples or _N_SAMPLES[len(axes)]
        if len(moved) == self.space.n_dims:
            n = 1
        points: np.ndarray = qmc.Sobol(self.space.n_dims, scramble=True, seed=0).random(n)
        return points

    def _points(
        self, axes: Sequence[Axis], positions: np.ndarray, sample: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sample points (m, d) moved to positions (g, n_axes): (g, m, d), and which are valid.

        Valid are those where all axes are active and have the value, and that the constraint
        accepts.
        """
        points = np.repeat(sample[None], len(positions), axis=0)
        known = np.zeros((len(positions), 1, self.space.n_dims), dtype=bool)
        for axis, places in zip(axes, positions.T):
            for column in axis.columns:
                values = (axis.value_at(place) for place in places)
                u = np.array([position_in(self.space, column, value) for value in values])
                known[:, 0, column] = found = np.isfinite(u)
                points[found, :, column] = u[found, None]
        rows = self.space.canonical(points.reshape(-1, self.space.n_dims))
        points = rows.reshape(points.shape)
        valid = np.ones(points.shape[:2], dtype=bool)
        for axis in axes:
            columns = list(axis.columns)
            valid &= (known & ~np.isnan(points))[..., columns].any(axis=2)
        if self.space.constraint is not None:
            valid[valid] = self.space.meets(points[valid])
        return points, valid

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
        mean, _ = average([axis], [positions], n_samples=_N_RANKED_SAMPLES)
        spreads.append(float(np.nanvar(mean)) if np.isfinite(mean).any() else 0.0)
    return [int(i) for i in np.argsort(-np.array(spreads), kind="stable")]


def _combined(grid: Sequence[np.ndarray]) -> np.ndarray:
    """All combinations of positions, those of the last axis varying fastest, (g, n_axes)."""
    return np.array(list(itertools.product(*grid)))


def _on_grid(values: np.ndarray, grid: Sequence[np.ndarray]) -> np.ndarray:
    return values.reshape([len(positions) for positions in grid])


def with_losses(results: Results, losses: np.ndarray) -> Results:
    """The same trials with other losses; those without one have failed."""
    states = np.where(np.isfinite(losses), "complete", "failed")
    trials = tuple(
        replace(trial, loss=float(loss), state=str(state))
        for trial, loss, state in zip(results.history, losses, states)
    )
    return replace(results, history=History(trials))
