"""The posterior of a Gaussian process with known hyperparameters.

A process is an immutable object. It stores the inverse of the Cholesky factor, so that the
posterior of thousands of points is two products of matrices, and one more observation is one more
block row.

Notation
--------
n, m : number of observations, of test points.
d, G : number of feature columns, of groups (length-scales).
l, s², σ² : length-scales (G,), signal variance, noise variance.
v : known additional variance of each observation, (n,).
μ : constant mean.
K : covariance of the observations, s² m(r) + diag(σ² + v) = L Lᵀ, (n, n).
R : L⁻¹, lower triangular, (n, n).
k : covariance of test points and observations, (m, n).
α : K⁻¹ (y − μ), (n,).
V : k Rᵀ, (m, n), so that k K⁻¹ kᵀ = V Vᵀ.

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
eqs. 2.25, 2.26 and Alg. 2.1.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dtrtri

from skhyper.gp._kernel import (
    Array,
    IntArray,
    check_groups,
    cross_squared_distances,
    matern52,
    matern52_with_slope,
)
from skhyper.gp._likelihood import jittered_cholesky

# A posterior variance is a difference of two numbers of size s²; below this part of s² it is noise.
_SMALLEST_VARIANCE = 1e-13

# Predictions are made in blocks of so many covariances, which stay in the cache.
_BLOCK_SIZE = 16_384


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a process, in the units of X and y.

    Parameters
    ----------
    length_scales : ndarray of shape (G,)
        One for each group of columns, in units of X.
    signal_variance : float
        Prior variance of the latent function, in units of y squared.
    noise_variance : float
        Variance of an observation about the latent function, in units of y squared.
    mean : float
        Prior mean of the latent function, in units of y.
    """

    length_scales: Array
    signal_variance: float
    noise_variance: float
    mean: float


def check_observations(
    X: ArrayLike, y: ArrayLike, extra_noise: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Validate observations.

    Parameters
    ----------
    X : array-like of shape (n, d)
    y : array-like of shape (n,)
    extra_noise : array-like of shape (n,) or None

    Returns
    -------
    X, y, extra_noise : ndarrays of the same shapes

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or an extra noise is negative.
    """
    X = np.array(X, dtype=np.float64)
    y = np.array(y, dtype=np.float64)
    v = np.zeros(y.shape) if extra_noise is None else np.array(extra_noise, dtype=np.float64)
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"X must have shape (n, d) with n and d at least 1, got {X.shape}.")
    if y.shape != X.shape[:1] or v.shape != y.shape:
        raise ValueError(
            f"y and extra_noise must have one value for each of the {len(X)} rows of X, got shapes "
            f"{y.shape} and {v.shape}."
        )
    if not (np.isfinite(X).all() and np.isfinite(y).all() and np.isfinite(v).all()):
        raise ValueError(
            "X, y and extra_noise must be finite. Leave failed observations out, or give them a "
            "finite value."
        )
    if v.min() < 0.0:
        raise ValueError(f"extra_noise is a variance and must not be negative, got {v.min():g}.")
    return X, y, v


def _inverse_root(K: Array, scale: float) -> Array:
    """Inverse of the lower Cholesky factor of K (n, n); `scale` as in `jittered_cholesky`."""
    root: Array
    root, _ = dtrtri(jittered_cholesky(K, scale), lower=1)
    return root


@dataclass(frozen=True, eq=False, repr=False)
class GaussianProcess:
    """Posterior of a Gaussian process, frozen; made by :func:`fit_gp` or :func:`gp_posterior`.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Observed points.
    y : ndarray of shape (n,)
        Observed values.
    groups : ndarray of int of shape (d,)
        Group of each column.
    hyperparameters : Hyperparameters
        In the units of X and y. Pass them as `start` to the next :func:`fit_gp`.
    extra_noise : ndarray of shape (n,)
        Known additional variance of each observation, in units of y squared.
    """

    X: Array
    y: Array
    groups: IntArray
    hyperparameters: Hyperparameters
    extra_noise: Array
    _scaled: Array  # X / l, (n, d)
    _root: Array  # R, (n, n)
    _alpha: Array  # α, (n,)

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
        """Variance of an observation about the latent function, in units of y squared."""
        return self.hyperparameters.noise_variance

    @property
    def mean(self) -> float:
        """Prior mean of the latent function, in units of y."""
        return self.hyperparameters.mean

    @property
    def log_marginal_likelihood(self) -> float:
        """log p(y | hyperparameters), of y in its own units (eq. 2.30)."""
        misfit = (self.y - self.mean) @ self._alpha
        log_determinant = -2.0 * np.log(self._root.diagonal()).sum()
        return float(-0.5 * (misfit + log_determinant + len(self.y) * np.log(2.0 * np.pi)))

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
            In units of y. The noise of an observation is not part of `std`, which is never zero.
        """
        l = self.column_length_scales  # noqa: E741
        mean, std = np.empty(len(X)), np.empty(len(X))
        block = max(128, _BLOCK_SIZE // len(self.y))
        for first in range(0, len(X), block):
            rows = slice(first, first + block)
            k = matern52(cross_squared_distances(X[rows] / l, self._scaled))
            k *= self.signal_variance
            mean[rows] = self.mean + k @ self._alpha
            std[rows], _ = self._std(k @ self._root.T)
        return mean, std

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
        A, B = X / l, self._scaled
        k, slope = matern52_with_slope(cross_squared_distances(A, B))
        k *= self.signal_variance
        slope *= self.signal_variance
        V = k @ self._root.T
        std, at_floor = self._std(V)
        # dk_i/dx_j = −slope_i (x_j − X_ij) / l_j², summed over i with a weight of each observation
        C = slope * self._alpha
        mean_gradient = (C @ B - C.sum(axis=1)[:, None] * A) / l
        C = slope * (V @ self._root)  # V R = k K⁻¹
        std_gradient = (C.sum(axis=1)[:, None] * A - C @ B) / (l * std[:, None])
        std_gradient[at_floor] = 0.0
        return self.mean + k @ self._alpha, std, mean_gradient, std_gradient

    def _std(self, V: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Standard deviation (m,) from V (m, n) (eq. 2.26), and where it was held above zero."""
        smallest = _SMALLEST_VARIANCE * self.signal_variance
        variance = self.signal_variance - np.einsum("ij,ij->i", V, V)
        return np.sqrt(np.maximum(variance, smallest)), variance < smallest

    def condition_on(
        self, X: ArrayLike, y: ArrayLike, *, extra_noise: ArrayLike | None = None
    ) -> "GaussianProcess":
        """Posterior given further observations, with the same hyperparameters.

        This is what fantasies of pending points need: O(n² q) for q observations, no refit.

        Parameters
        ----------
        X : array-like of shape (q, d)
            Further points.
        y : array-like of shape (q,)
            Their values. They carry the noise variance, as all observations do.
        extra_noise : array-like of shape (q,), default=None
            Their known additional variance, in units of y squared; None is zero.

        Returns
        -------
        gp : GaussianProcess
        """
        X, y, extra_noise = check_observations(X, y, extra_noise)
        if X.shape[1] != self.X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} columns, expected {self.X.shape[1]}.")
        n, s2 = len(self.y), self.signal_variance
        V = s2 * self.correlation(X, self.X) @ self._root.T
        schur = s2 * self.correlation(X, X) - V @ V.T
        schur[np.diag_indices_from(schur)] += self.noise_variance + extra_noise
        # L = [[L₁, 0], [V, L₂]], so R = [[R₁, 0], [−R₂ V R₁, R₂]]
        root = np.zeros((n + len(y), n + len(y)))
        root[:n, :n] = self._root
        root[n:, n:] = _inverse_root(schur, s2)
        root[n:, :n] = -root[n:, n:] @ V @ self._root
        y = np.concatenate([self.y, y])
        return replace(
            self,
            X=np.concatenate([self.X, X]),
            _scaled=np.concatenate([self._scaled, X / self.column_length_scales]),
            y=y,
            extra_noise=np.concatenate([self.extra_noise, extra_noise]),
            _root=root,
            _alpha=root.T @ (root @ (y - self.mean)),
        )


def gp_posterior(
    X: ArrayLike,
    y: ArrayLike,
    hyperparameters: Hyperparameters,
    *,
    groups: ArrayLike | None = None,
    extra_noise: ArrayLike | None = None,
) -> GaussianProcess:
    """Posterior of a Gaussian process with given hyperparameters.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Observed points.
    y : array-like of shape (n,)
        Observed values.
    hyperparameters : Hyperparameters
        In the units of X and y.
    groups : array-like of int of shape (d,), default=None
        Group of each column, 0 … G − 1; None gives each column its own length-scale.
    extra_noise : array-like of shape (n,), default=None
        Known additional variance of each observation, in units of y squared; None is zero.

    Returns
    -------
    gp : GaussianProcess

    Raises
    ------
    ValueError
        If the shapes do not fit or a number is not finite.
    numpy.linalg.LinAlgError
        If the covariance is not positive definite even with jitter.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.gp import Hyperparameters, gp_posterior
    >>> h = Hyperparameters(np.array([0.5]), signal_variance=1.0, noise_variance=0.0, mean=0.0)
    >>> gp = gp_posterior([[0.2], [0.8]], [1.0, -1.0], h)
    >>> mean, std = gp.predict(np.array([[0.2], [0.5]]))
    >>> mean.round(6) + 0.0
    array([1., 0.])
    >>> std.round(3)
    array([0.   , 0.406])
    """
    X, y, v = check_observations(X, y, extra_noise)
    groups = check_groups(groups, X.shape[1])
    length_scales = np.asarray(hyperparameters.length_scales, dtype=np.float64)
    if length_scales.shape != (groups.max() + 1,):
        raise ValueError(
            f"hyperparameters have length-scales of shape {length_scales.shape}, expected one for "
            f"each of the {groups.max() + 1} groups."
        )
    scaled = X / length_scales[groups]
    K = hyperparameters.signal_variance * matern52(cross_squared_distances(scaled, scaled))
    K[np.diag_indices_from(K)] = (
        hyperparameters.signal_variance + hyperparameters.noise_variance + v
    )
    root = _inverse_root(K, hyperparameters.signal_variance)
    alpha = root.T @ (root @ (y - hyperparameters.mean))
    return GaussianProcess(X, y, groups, hyperparameters, v, scaled, root, alpha)
