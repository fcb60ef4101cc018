"""How probable the hyperparameters of a Gaussian process are, given values and derivatives.

The counterpart of `_likelihood` where partial derivatives were observed too. Derivatives carry a
noise of their own: they may be exact, but the function need not be as smooth, or as stationary, as
the process. That noise stands on l_j ∂f/∂x_j, which has the units of y and the same prior variance
in every column, so that one number serves all columns.

Notation
--------
n, q, G : number of values, of derivatives, of groups (length-scales); N = q + n.
θ : (log l_1, …, log l_G, log s², log σ², log ς²), (G + 3,).
l, s², σ², ς² : length-scales, signal variance, noise variance of values, of scaled derivatives.
v : known additional variance of each value, (n,).
z : (l_c g, y), targets, derivatives first, (N,).
1 : (0, …, 0, 1, …, 1), what a constant mean adds to z, (N,).
K : covariance of z, s² C + noise, (N, N); blocks `d` and `v`.
C, m, S, T, D, p, c : as in `_derivatives`.
Q_g : Σ_{j in g} δ_j² of each pair of points, (n, n).
W : α αᵀ − K⁻¹, (N, N), with α = K⁻¹ (z − μ 1).

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
eq. 5.9 and section 9.4.
"""

import numpy as np
from scipy.linalg.lapack import dpotri, dpotrs

from skhyper.gp._derivatives import DerivativeRows, assemble, curvature
from skhyper.gp._hyperparameters import Priors
from skhyper.gp._kernel import Array, IntArray, PairwiseSquares, matern52_with_slope
from skhyper.gp._likelihood import LOG_2PI, MEAN_VARIANCE
from skhyper.gp._linalg import jittered_cholesky


class DerivativePosterior:
    """Negative log density of the hyperparameters, up to a constant, with its gradient.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Observed points, in the unit cube.
    y : ndarray of shape (n,)
        Observed values, standardised.
    rows : DerivativeRows
        Observed derivatives, of standardised y.
    groups : ndarray of int of shape (d,)
        Group of each column.
    extra_noise : ndarray of shape (n,)
        v, in standardised units squared.
    priors : Priors
    """

    def __init__(
        self,
        X: Array,
        y: Array,
        rows: DerivativeRows,
        groups: IntArray,
        extra_noise: Array,
        priors: Priors,
    ) -> None:
        self._squares = PairwiseSquares(X, groups)
        self._differences = rows.differences(X, X)
        self._y, self._rows, self._extra_noise = y, rows, extra_noise
        self._n_groups = int(groups.max()) + 1
        self._group = groups[rows.column]
        self.center, self._width = priors.moments(self._n_groups, derivatives=True)
        # Where derivatives contradict values, believing them and doubting them are two optima.
        self.starts = (self.center, np.append(self.center[:-1], self.center[self._n_groups]))

    def _kernel(self, theta: Array) -> tuple[Array, ...]:
        """r, m, S and T, each (n, n), and the scaled D (n, q)."""
        n = len(self._y)
        weights = np.exp(-2.0 * theta[: self._n_groups])
        packed = np.zeros(n * n)
        packed[self._squares.lower] = self._squares.weighted_sum(weights)
        r2 = packed.reshape(n, n) + packed.reshape(n, n).T
        D = self._differences * np.exp(-theta[self._group])
        return np.sqrt(r2), *matern52_with_slope(r2), curvature(r2), D

    def _factorize(self, C: Array, theta: Array) -> Array:
        """Cholesky factor of K (N, N)."""
        signal, noise, derivative_noise = np.exp(theta[self._n_groups :])
        K = signal * C
        q = len(self._rows)
        K.reshape(-1)[:: len(K) + 1] += np.concatenate(
            [np.full(q, derivative_noise), noise + self._extra_noise]
        )
        return jittered_cholesky(K, signal)

    def _solve(self, L: Array, theta: Array) -> tuple[Array, float, float]:
        """Solve for the weights α (N,), the mean μ and the misfit (z − μ 1)ᵀ α + μ²/τ²."""
        slopes = self._rows.value * np.exp(theta[self._group])
        z = np.concatenate([slopes, self._y])
        ones = np.concatenate([np.zeros(len(slopes)), np.ones(len(self._y))])
        solutions, _ = dpotrs(L, np.column_stack([z, ones]), lower=1)
        mean = float(ones @ solutions[:, 0] / (ones @ solutions[:, 1] + 1.0 / MEAN_VARIANCE))
        alpha = solutions[:, 0] - mean * solutions[:, 1]
        return alpha, mean, float((z - mean * ones) @ alpha + mean**2 / MEAN_VARIANCE)

    def mean(self, theta: Array) -> float:
        """Best constant mean μ for given hyperparameters, in standardised units."""
        _, m, S, T, D = self._kernel(theta)
        return self._solve(self._factorize(assemble(m, S, T, D, self._rows), theta), theta)[1]

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Negative log density and its gradient.

        Parameters
        ----------
        theta : ndarray of shape (G + 3,)
            θ, logarithms of the hyperparameters.

        Returns
        -------
        value : float
        gradient : ndarray of shape (G + 3,)

        Notes
        -----
        The density is that of the derivatives in their own units, hence log l for each of them.
        """
        G, q, N = self._n_groups, len(self._rows), len(self._rows) + len(self._y)
        signal, noise, derivative_noise = np.exp(theta[G:])
        r, m, S, T, D = self._kernel(theta)
        C = assemble(m, S, T, D, self._rows)
        L = self._factorize(C, theta)
        alpha, _, misfit = self._solve(L, theta)
        deviation = (theta - self.center) / self._width
        log_determinant = 2.0 * (np.log(L.diagonal()).sum() - theta[self._group].sum())
        value = 0.5 * (misfit + log_determinant + N * LOG_2PI + deviation @ deviation)

        inverse, _ = dpotri(L, lower=1)
        W = alpha[:, None] * alpha
        lower = np.tril(inverse)
        W -= lower
        W -= np.tril(lower, -1).T
        # (eq. 5.9) d log p / dθ = ½ tr(W dK/dθ), and dz/d log l_g = z where c is in g
        gradient = np.empty(G + 3)
        gradient[:G] = signal * self._by_length_scale(theta, W, r, S, T, D, C)
        by_row = 1.0 - alpha[:q] * self._rows.value * np.exp(theta[self._group])
        gradient[:G] += np.bincount(self._group, by_row, G)
        gradient[G] = 0.5 * signal * np.einsum("ij,ij->", W, C)
        diagonal = W.diagonal()
        gradient[G + 1] = 0.5 * noise * diagonal[q:].sum()
        gradient[G + 2] = 0.5 * derivative_noise * diagonal[:q].sum()
        return float(value), deviation / self._width - gradient

    def _by_length_scale(
        self, theta: Array, W: Array, r: Array, S: Array, T: Array, D: Array, C: Array
    ) -> Array:
        """½ tr(W dC/d log l_g), (G,).

        Through the distances, dm = ½·2 S Q_g, dS = T Q_g and dT = √5 T Q_g / r; through the
        differences, each factor D_s loses itself where c_s is in g.
        """
        rows, q, n = self._rows, len(self._rows), len(self._y)
        p = rows.point
        W_dd, W_vd = W[:q, :q], W[q:, :q]
        outer = W_dd * T[p][:, p] * (D[p] * D[p].T)  # W T δ δ, with its sign
        # what stands at Q_g, summed over the derivatives at each pair of points
        at_pair = W[q:, q:] * S
        at_pair += 2.0 * rows.sum_by_point(W_vd * T[:, p] * D, n)
        same = np.where(rows.column[:, None] == rows.column, W_dd, 0.0)
        far = np.maximum(r, 1e-100)  # at r = 0 the outer product is zero, and so is Q
        at_pair += np.sqrt(5.0) / far * self._sum_by_pair(outer)
        at_pair += T * self._sum_by_pair(same)
        packed = (0.5 * (at_pair + at_pair.T)).reshape(-1)[self._squares.lower]
        through_distance = np.exp(-2.0 * theta[: self._n_groups]) * self._squares.contract(packed)
        by_row = (W_vd * C[q:, :q]).sum(axis=0) + outer.sum(axis=0)
        return through_distance - np.bincount(self._group, by_row, self._n_groups)

    def _sum_by_pair(self, values: Array) -> Array:
        """Sum a matrix (q, q) over the rows of each pair of points, (n, n)."""
        n = len(self._y)
        by_point = self._rows.sum_by_point(values, n)
        return self._rows.sum_by_point(by_point.T, n)
