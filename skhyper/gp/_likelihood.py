"""How probable the hyperparameters of a Gaussian process are, with the gradient of it.

The hyperparameters are found at the maximum of log p(y | θ) + log p(θ). Everything here lives in
standardised units, y with mean 0 and variance 1, and in logarithms, so that one weak prior fits all
problems.

Notation
--------
n, G, P : number of observations, groups (length-scales), pairs n(n − 1)/2.
θ : (log l_1, …, log l_G, log s², log σ²), (G + 2,).
l, s², σ² : length-scales (G,), signal variance, noise variance.
v : known additional variance of each observation, (n,).
K : covariance of the observations, s² m(r) + diag(σ² + v), (n, n).
μ : constant mean, with the prior N(0, τ²); always at its optimum for the given θ.
α : K⁻¹ (y − μ), (n,).
W : α αᵀ − K⁻¹, (n, n): the derivative of 2 log p(y | θ) with respect to K.

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
eqs. 2.30 and 5.9.
"""

import numpy as np
from scipy.linalg.lapack import dpotri, dpotrs

from skhyper.gp._hyperparameters import Priors
from skhyper.gp._kernel import Array, IntArray, PairwiseSquares, matern52_with_slope
from skhyper.gp._linalg import jittered_cholesky

MEAN_VARIANCE = 1.0  # τ²
LOG_2PI = float(np.log(2.0 * np.pi))


class HyperparameterPosterior:
    """Negative log density of the hyperparameters, up to a constant, with its gradient.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Observed points, in the unit cube.
    y : ndarray of shape (n,)
        Observed values, standardised.
    groups : ndarray of int of shape (d,)
        Group of each column.
    extra_noise : ndarray of shape (n,)
        v, in standardised units squared.
    priors : Priors
    """

    def __init__(
        self, X: Array, y: Array, groups: IntArray, extra_noise: Array, priors: Priors
    ) -> None:
        self._squares = PairwiseSquares(X, groups)
        self._targets = np.asfortranarray(np.column_stack([y, np.ones(len(y))]))
        self._extra_noise = extra_noise
        self._n_groups = int(groups.max()) + 1
        self.center, self._width = priors.moments(self._n_groups)
        self.starts = (self.center,)

    def _factorize(self, correlation: Array, signal: float, noise: float) -> Array:
        """Cholesky factor of K (n, n) from the packed correlation (P,)."""
        n = len(self._extra_noise)
        K = np.zeros(n * n)
        K[self._squares.lower] = signal * correlation
        K[:: n + 1] = signal + noise + self._extra_noise
        return jittered_cholesky(K.reshape(n, n, order="F"), signal)

    def _solve(self, L: Array) -> tuple[Array, float, float]:
        """Solve for the weights α (n,), the mean μ and the misfit (y − μ)ᵀ α + μ²/τ²."""
        solutions, _ = dpotrs(L, self._targets, lower=1)  # K⁻¹ y, K⁻¹ 1
        y, ones = self._targets.T
        mean = float(ones @ solutions[:, 0] / (ones @ solutions[:, 1] + 1.0 / MEAN_VARIANCE))
        alpha = solutions[:, 0] - mean * solutions[:, 1]
        return alpha, mean, float((y - mean) @ alpha + mean**2 / MEAN_VARIANCE)

    def mean(self, theta: Array) -> float:
        """Best constant mean μ for given hyperparameters, in standardised units."""
        weights = np.exp(-2.0 * theta[: self._n_groups])
        signal, noise = np.exp(theta[self._n_groups :])
        correlation, _ = matern52_with_slope(self._squares.weighted_sum(weights))
        return self._solve(self._factorize(correlation, signal, noise))[1]

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Negative log density and its gradient.

        Parameters
        ----------
        theta : ndarray of shape (G + 2,)
            θ, logarithms of the hyperparameters.

        Returns
        -------
        value : float
        gradient : ndarray of shape (G + 2,)

        Notes
        -----
        μ depends on θ, but stands at its optimum, so its derivative does not enter.
        """
        G, n = self._n_groups, len(self._extra_noise)
        weights = np.exp(-2.0 * theta[:G])  # 1/l²
        signal, noise = np.exp(theta[G:])
        correlation, slope = matern52_with_slope(self._squares.weighted_sum(weights))
        L = self._factorize(correlation, signal, noise)
        alpha, _, misfit = self._solve(L)
        deviation = (theta - self.center) / self._width
        log_determinant = 2.0 * np.log(L.diagonal()).sum()
        value = 0.5 * (misfit + log_determinant + n * LOG_2PI + deviation @ deviation)

        inverse, _ = dpotri(L, lower=1)
        W = (alpha[:, None] * alpha - inverse.T).reshape(-1)  # packed as in PairwiseSquares
        trace = W[:: n + 1].sum()
        W = W[self._squares.lower]
        # (eq. 5.9) d log p(y | θ) / dθ = ½ tr(W dK/dθ); each pair stands in K twice
        gradient = np.empty(G + 2)
        gradient[:G] = signal * weights * self._squares.contract(W * slope)
        gradient[G] = signal * (W @ correlation + 0.5 * trace)
        gradient[G + 1] = 0.5 * noise * trace
        return float(value), deviation / self._width - gradient
