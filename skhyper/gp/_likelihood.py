"""Log density of the hyperparameters of a Gaussian process, with its gradient.

The hyperparameters are found at the maximum of log p(y | θ) + log p(θ). Everything here is in
standardized units, y with mean 0 and variance 1, and in logarithms, so that one weak prior fits all
problems.

Notation
--------
n, G, P : number of observations, groups (length-scales), pairs n(n − 1)/2.
N : number of rows of K; n for values alone, more with derivatives.
θ : (log l_1, …, log l_G, log s², log σ²), (G + 2,); derivatives add log ς², (G + 3,).
l, s², σ² : length-scales (G,), signal variance, noise variance.
z : targets, (N,): y, and derivatives scaled by l.
1 : derivative of z with respect to a constant mean, (N,).
K : covariance of the targets, s² m(r) + σ² I without derivatives, (N, N).
μ : constant mean, with the prior N(0, τ²); always at its optimum for the given θ.
α : K⁻¹ (z − μ 1), (N,).
W : α αᵀ − K⁻¹, (N, N): the derivative of 2 log p(z | θ) with respect to K.

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
eqs. 2.30 and 5.9.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotri, dpotrs

from skhyper.gp._hyperparameters import Priors
from skhyper.gp._kernel import Array, IntArray, PairwiseSquares, matern52_with_slope
from skhyper.gp._linalg import jittered_cholesky

_MEAN_VARIANCE = 1.0  # τ²
_LOG_2PI = float(np.log(2.0 * np.pi))


class HyperparameterDensity(ABC):
    """Negative log density of the hyperparameters, up to a constant, with its gradient.

    X (n, d) are the observed points, `groups` (d,) the group of each column, `columns` (q,) the
    column of each observed derivative: the density is that of unscaled derivatives, which adds
    log l for each of them. It is maximized from each of the `starts`.
    """

    def __init__(self, X: Array, groups: IntArray, priors: Priors, columns: IntArray) -> None:
        self._squares = PairwiseSquares(X, groups)
        self._row_groups = groups[columns]
        self._n_groups = int(groups.max()) + 1
        self.center, self._width = priors.moments(self._n_groups, len(columns) > 0)
        self.starts: tuple[Array, ...] = (self.center,)

    @abstractmethod
    def _targets(self, theta: Array) -> Array:
        """The columns z and 1, (N, 2)."""

    @abstractmethod
    def _factorize(self, theta: Array) -> tuple[Array, Any]:
        """Cholesky factor of K, (N, N), and the `parts` of `_likelihood_gradient`."""

    @abstractmethod
    def _likelihood_gradient(self, theta: Array, alpha: Array, inverse: Array, parts: Any) -> Array:
        """Gradient of log p(z | θ), from α and the lower triangle of K⁻¹ (eq. 5.9)."""

    def _solve(self, L: Array, targets: Array) -> tuple[Array, float, float]:
        """Solve for the weights α (N,), the mean μ and the misfit (z − μ 1)ᵀ α + μ²/τ²."""
        solutions, _ = dpotrs(L, targets, lower=1)  # K⁻¹ z, K⁻¹ 1
        z, ones = targets.T
        mean = float(ones @ solutions[:, 0] / (ones @ solutions[:, 1] + 1.0 / _MEAN_VARIANCE))
        alpha = solutions[:, 0] - mean * solutions[:, 1]
        return alpha, mean, float((z - mean * ones) @ alpha + mean**2 / _MEAN_VARIANCE)

    def mean(self, theta: Array) -> float:
        """Best constant mean μ for given hyperparameters, in standardized units."""
        L, _ = self._factorize(theta)
        return self._solve(L, self._targets(theta))[1]

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Negative log density at θ, and its gradient, of the same shape.

        μ depends on θ, but is at its optimum, so its derivative does not enter.
        """
        L, parts = self._factorize(theta)
        alpha, _, misfit = self._solve(L, self._targets(theta))
        deviation = (theta - self.center) / self._width
        log_determinant = 2.0 * (np.log(L.diagonal()).sum() - theta[self._row_groups].sum())
        value = 0.5 * (misfit + log_determinant + len(L) * _LOG_2PI + deviation @ deviation)
        inverse, _ = dpotri(L, lower=1)
        gradient = self._likelihood_gradient(theta, alpha, inverse, parts)
        return float(value), deviation / self._width - gradient


class ValueDensity(HyperparameterDensity):
    """The density given standardized values y (n,) at points X (n, d) of the unit cube."""

    def __init__(self, X: Array, y: Array, groups: IntArray, priors: Priors) -> None:
        super().__init__(X, groups, priors, np.empty(0, dtype=np.intp))
        self._constant_targets = np.asfortranarray(np.column_stack([y, np.ones(len(y))]))

    def _targets(self, theta: Array) -> Array:
        return self._constant_targets

    def _factorize(self, theta: Array) -> tuple[Array, tuple[Array, Array]]:
        """Cholesky factor of K, and the packed correlation and slope, each (P,)."""
        n, weights = len(self._constant_targets), np.exp(-2.0 * theta[: self._n_groups])  # 1/l²
        signal, noise = np.exp(theta[self._n_groups :])
        correlation, slope = matern52_with_slope(self._squares.weighted_sum(weights))
        K = np.zeros(n * n)
        K[self._squares.lower] = signal * correlation
        K[:: n + 1] = signal + noise
        return jittered_cholesky(K.reshape(n, n, order="F"), signal), (correlation, slope)

    def _likelihood_gradient(
        self, theta: Array, alpha: Array, inverse: Array, parts: tuple[Array, Array]
    ) -> Array:
        G, (correlation, slope) = self._n_groups, parts
        weights, (signal, noise) = np.exp(-2.0 * theta[:G]), np.exp(theta[G:])
        W = (alpha[:, None] * alpha - inverse.T).reshape(-1)  # packed as in PairwiseSquares
        trace = W[:: len(alpha) + 1].sum()
        W = W[self._squares.lower]
        # ½ tr(W dK/dθ); each pair is in K twice
        gradient = np.empty(G + 2)
        gradient[:G] = signal * weights * self._squares.contract(W * slope)
        gradient[G] = signal * (W @ correlation + 0.5 * trace)
        gradient[G + 1] = 0.5 * noise * trace
        return gradient
