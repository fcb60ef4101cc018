"""The posterior of a Gaussian process with known hyperparameters.

A :class:`GaussianProcess` is immutable. It stores the inverse of the Cholesky factor, so that the
posterior at thousands of points takes two matrix products, and further observations add one block
row.

Notation
--------
n, q, m : number of values, of derivatives, of test points.
N : q + n, number of observations, derivatives first.
d, G : number of feature columns, of groups (length-scales).
l, s², σ² : length-scales (G,), signal variance, noise variance.
μ : constant mean.
K : covariance of the observations, s² m(r) + σ² I = L Lᵀ, (N, N); with derivatives, see
    `_derivatives`.
R : L⁻¹, lower triangular, (N, N).
k : covariance of test points and observations, (m, N).
z : observations minus their prior mean, l_c g and y − μ, (N,).
α : K⁻¹ z, (N,).
V : k Rᵀ, (m, N), so that k K⁻¹ kᵀ = V Vᵀ.

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
eqs. 2.25, 2.26 and Alg. 2.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhyper.gp._derivatives import CrossCovariance, DerivativeRows, cross_covariance
from skhyper.gp._hyperparameters import Hyperparameters
from skhyper.gp._kernel import Array, IntArray, cross_squared_distances, matern52
from skhyper.gp._linalg import inverse_root
from skhyper.gp._validation import check_observations

# Minimum posterior variance, relative to s²: below it, s² − V Vᵀ is rounding error.
_SMALLEST_VARIANCE = 1e-13

# Number of covariances in one block of predictions, so that it fits into the CPU cache.
_BLOCK_SIZE = 16_384


@dataclass(frozen=True, eq=False, repr=False)
class GaussianProcess:
    """Posterior of a Gaussian process, as returned by :func:`fit_gp` or :func:`gp_posterior`.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Observed points.
    y : ndarray of shape (n,)
        Observed values.
    groups : ndarray of int of shape (d,)
        Group of each column.
    hyperparameters : Hyperparameters
        In the units of X and y.
    derivatives : DerivativeRows or None
        Observed derivatives that the posterior is conditioned on.
    """

    X: Array
    y: Array
    groups: IntArray
    hyperparameters: Hyperparameters
    _root: Array  # R, (N, N)
    derivatives: DerivativeRows | None = None

    def __repr__(self) -> str:
        h = self.hyperparameters
        return (
            f"<GaussianProcess of {len(self.y)} observations, mean={h.mean:.3g}, "
            f"length_scales={np.array2string(h.length_scales, precision=3)}, "
            f"signal_variance={h.signal_variance:.3g}, noise_variance={h.noise_variance:.3g}>"
        )

    @property
    def length_scales(self) -> Array:
        """Length-scales (G,), in units of X."""
        return self.hyperparameters.length_scales

    @property
    def column_length_scales(self) -> Array:
        """Length-scale of each column (d,), in units of X."""
        return self.length_scales[self.groups]

    @property
    def signal_variance(self) -> float:
        """Prior variance of the latent function, in units of y squared."""
        return self.hyperparameters.signal_variance

    @property
    def noise_variance(self) -> float:
        """Variance of an observation around the latent function, in units of y squared."""
        return self.hyperparameters.noise_variance

    @property
    def mean(self) -> float:
        """Prior mean of the latent function, in units of y."""
        return self.hyperparameters.mean

    @cached_property
    def _scaled(self) -> Array:
        """X / l, (n, d)."""
        return self.X / self.column_length_scales

    @cached_property
    def _alpha(self) -> Array:
        """α, (N,)."""
        z = self.y - self.mean
        if self.derivatives is not None:
            l_c = self.column_length_scales[self.derivatives.column]
            z = np.concatenate([self.derivatives.value * l_c, z])
        return self._root.T @ (self._root @ z)

    def correlation(self, A: Array, B: Array) -> Array:
        """Prior correlation of the latent function at every row of A with every row of B.

        Parameters
        ----------
        A : ndarray of shape (m, d)
        B : ndarray of shape (n, d)

        Returns
        -------
        correlation : ndarray of shape (m, n)
        """
        l = self.column_length_scales  # noqa: E741
        return matern52(cross_squared_distances(A / l, B / l))

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Posterior mean and standard deviation of the latent function.

        Parameters
        ----------
        X : ndarray of shape (m, d)
            Test points.

        Returns
        -------
        mean, std : ndarrays of shape (m,)
            In units of y. `std` excludes the noise of an observation, and is never zero.
        """
        mean, std = np.empty(len(X)), np.empty(len(X))
        for rows, k in self._blocks(X):
            mean[rows] = self.mean + k @ self._alpha
            std[rows], _ = self._std(k @ self._root.T)
        return mean, std

    def predict_mean(self, X: Array) -> Array:
        """Posterior mean (m,) of the latent function at points (m, d): that of :meth:`predict`."""
        mean = np.empty(len(X))
        for rows, k in self._blocks(X):
            mean[rows] = self.mean + k @ self._alpha
        return mean

    def _blocks(self, X: Array) -> Iterator[tuple[slice, Array]]:
        """Covariances of blocks of rows of X with the observations."""
        scaled = X / self.column_length_scales
        block = max(128, _BLOCK_SIZE // len(self._alpha))
        for first in range(0, len(X), block):
            rows = slice(first, first + block)
            yield (
                rows,
                cross_covariance(
                    scaled[rows], self._scaled, self.derivatives, self.signal_variance
                ),
            )

    def predict_with_gradient(self, X: Array) -> tuple[Array, Array, Array, Array]:
        """Posterior mean and standard deviation, with their gradients with respect to the point.

        Parameters
        ----------
        X : ndarray of shape (m, d)
            Test points.

        Returns
        -------
        mean, std : ndarrays of shape (m,)
            In units of y.
        mean_gradient, std_gradient : ndarrays of shape (m, d)
            In units of y per unit of X.
        """
        l = self.column_length_scales  # noqa: E741
        cross = CrossCovariance(X / l, self._scaled, self.derivatives, self.signal_variance)
        V = cross.k @ self._root.T
        std, at_floor = self._std(V)
        mean_gradient = cross.gradient(self._alpha) / l
        std_gradient = cross.gradient(-(V @ self._root)) / (l * std[:, None])  # V R = k K⁻¹
        std_gradient[at_floor] = 0.0
        return self.mean + cross.k @ self._alpha, std, mean_gradient, std_gradient

    def _std(self, V: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Standard deviation (m,) from V (m, n) (eq. 2.26), and where it is at its floor."""
        smallest = _SMALLEST_VARIANCE * self.signal_variance
        variance = self.signal_variance - np.einsum("ij,ij->i", V, V)
        return np.sqrt(np.maximum(variance, smallest)), variance < smallest

    def condition_on(self, X: ArrayLike, y: ArrayLike) -> "GaussianProcess":
        """Posterior given further observations, with the same hyperparameters.

        It costs O(n² q) for q observations, without a refit.

        Parameters
        ----------
        X : array-like of shape (q, d)
            Further points.
        y : array-like of shape (q,)
            Their values, with the noise variance of all observations.

        Returns
        -------
        gp : GaussianProcess
        """
        X, y = check_observations(X, y)
        if X.shape[1] != self.X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} columns, expected {self.X.shape[1]}.")
        n, s2 = len(self._alpha), self.signal_variance
        scaled = X / self.column_length_scales
        V = cross_covariance(scaled, self._scaled, self.derivatives, s2) @ self._root.T
        schur = s2 * self.correlation(X, X) - V @ V.T
        schur[np.diag_indices_from(schur)] += self.noise_variance
        # L = [[L₁, 0], [V, L₂]], so R = [[R₁, 0], [−R₂ V R₁, R₂]]
        root = np.zeros((n + len(y), n + len(y)))
        root[:n, :n] = self._root
        root[n:, n:] = inverse_root(schur, s2)
        root[n:, :n] = -root[n:, n:] @ V @ self._root
        X, y = np.concatenate([self.X, X]), np.concatenate([self.y, y])
        return replace(self, X=X, y=y, _root=root)
