"""Log density of the hyperparameters of a Gaussian process, given values and derivatives.

Derivatives have a separate noise variance: they may be exact, but the function need not be as
smooth, or as stationary, as the GP. The noise is that of l_j ∂f/∂x_j, which has the units of y and
the same prior variance in every column, so that one number serves all columns.

Notation
--------
n, q, G : number of values, of derivatives, of groups (length-scales); N = q + n.
θ : (log l_1, …, log l_G, log s², log σ², log ς²), (G + 3,).
l, s², σ², ς² : length-scales, signal variance, noise variance of values, of scaled derivatives.
z : (l_c g, y), targets, derivatives first, (N,).
1 : (0, …, 0, 1, …, 1), derivative of z with respect to a constant mean, (N,).
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

from skhyper.gp._derivatives import DerivativeRows, assemble, curvature
from skhyper.gp._hyperparameters import Priors
from skhyper.gp._kernel import Array, IntArray, matern52_with_slope
from skhyper.gp._likelihood import HyperparameterDensity
from skhyper.gp._linalg import jittered_cholesky


class DerivativeDensity(HyperparameterDensity):
    """The density given values and derivatives, `rows`, of standardized y (n,) at X (n, d)."""

    def __init__(
        self, X: Array, y: Array, rows: DerivativeRows, groups: IntArray, priors: Priors
    ) -> None:
        super().__init__(X, groups, priors, rows.column)
        self._differences = rows.differences(X, X)
        self._y, self._rows = y, rows
        # Where derivatives contradict values there are two optima: small and large noise.
        self.starts = (self.center, np.append(self.center[:-1], self.center[self._n_groups]))

    def _targets(self, theta: Array) -> Array:
        slopes = self._rows.value * np.exp(theta[self._row_groups])
        ones = np.concatenate([np.zeros(len(slopes)), np.ones(len(self._y))])
        return np.array([np.concatenate([slopes, self._y]), ones]).T

    def _factorize(self, theta: Array) -> tuple[Array, tuple[Array, ...]]:
        """Cholesky factor of K, and r, S, T, each (n, n), D (n, q) and C (N, N)."""
        n, q = len(self._y), len(self._rows)
        packed = np.zeros(n * n)
        weights = np.exp(-2.0 * theta[: self._n_groups])
        packed[self._squares.lower] = self._squares.weighted_sum(weights)
        r2 = packed.reshape(n, n) + packed.reshape(n, n).T
        m, S = matern52_with_slope(r2)
        T, D = curvature(r2), self._differences * np.exp(-theta[self._row_groups])
        C = assemble(m, S, T, D, self._rows)
        signal, noise, derivative_noise = np.exp(theta[self._n_groups :])
        K = signal * C
        K.reshape(-1)[:: len(K) + 1] += np.repeat([derivative_noise, noise], [q, n])
        return jittered_cholesky(K, signal), (np.sqrt(r2), S, T, D, C)

    def _likelihood_gradient(
        self, theta: Array, alpha: Array, inverse: Array, parts: tuple[Array, ...]
    ) -> Array:
        G, q = self._n_groups, len(self._rows)
        signal, noise, derivative_noise = np.exp(theta[G:])
        W = alpha[:, None] * alpha
        lower = np.tril(inverse)
        W -= lower
        W -= np.tril(lower, -1).T
        # ½ tr(W dK/dθ), and dz/d log l_g = z where c is in g
        gradient = np.empty(G + 3)
        gradient[:G] = signal * self._by_length_scale(theta, W, *parts)
        by_row = 1.0 - alpha[:q] * self._rows.value * np.exp(theta[self._row_groups])
        gradient[:G] += np.bincount(self._row_groups, by_row, G)
        gradient[G] = 0.5 * signal * np.einsum("ij,ij->", W, parts[-1])
        diagonal = W.diagonal()
        gradient[G + 1] = 0.5 * noise * diagonal[q:].sum()
        gradient[G + 2] = 0.5 * derivative_noise * diagonal[:q].sum()
        return gradient

    def _by_length_scale(
        self, theta: Array, W: Array, r: Array, S: Array, T: Array, D: Array, C: Array
    ) -> Array:
        """½ tr(W dC/d log l_g), (G,).

        Through the distances, dm = ½·2 S Q_g, dS = T Q_g and dT = √5 T Q_g / r; through the
        differences, each factor D_s changes by −D_s where c_s is in g.
        """
        rows, q, n = self._rows, len(self._rows), len(self._y)
        p = rows.point
        W_dd, W_vd = W[:q, :q], W[q:, :q]
        outer = W_dd * T[p][:, p] * (D[p] * D[p].T)  # W T δ δ, with its sign
        # the factor of Q_g, summed over the derivatives at each pair of points
        at_pair = W[q:, q:] * S
        at_pair += 2.0 * rows.sum_by_point(W_vd * T[:, p] * D, n)
        same = np.where(rows.column[:, None] == rows.column, W_dd, 0.0)
        far = np.maximum(r, 1e-100)  # at r = 0 the outer product is zero, and so is Q
        at_pair += np.sqrt(5.0) / far * self._sum_by_pair(outer)
        at_pair += T * self._sum_by_pair(same)
        packed = (0.5 * (at_pair + at_pair.T)).reshape(-1)[self._squares.lower]
        through_distance = np.exp(-2.0 * theta[: self._n_groups]) * self._squares.contract(packed)
        by_row = (W_vd * C[q:, :q]).sum(axis=0) + outer.sum(axis=0)
        return through_distance - np.bincount(self._row_groups, by_row, self._n_groups)

    def _sum_by_pair(self, values: Array) -> Array:
        """Sum a matrix (q, q) over the rows of each pair of points, (n, n)."""
        n = len(self._y)
        by_point = self._rows.sum_by_point(values, n)
        return self._rows.sum_by_point(by_point.T, n)
