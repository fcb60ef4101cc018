"""Covariances of a Gaussian process and its derivatives, Matérn 5/2.

The GP is mean-square differentiable once, so an observed partial derivative is one more
linear observation of it: one more row of the covariance. Everything here is in *scaled*
coordinates, x / l, where the kernel is isotropic and derivatives are l_j ∂f/∂x_j.

Observations are ordered derivatives first, values last, so that further values go at the end.

Notation
--------
n, q, m, d : number of values, of derivatives, of test points, of columns.
N : q + n, number of observations.
p, c : index of the point and of the column of each derivative, (q,).
A, B : scaled test points (m, d), scaled observed points (n, d).
m(r) : correlation, (1 + a + a²/3) exp(−a), a = √5 r.
S : slope, −2 dm/d(r²) = 5/3 (1 + a) exp(−a).
T : curvature, −2 dS/d(r²) = 25/3 exp(−a).
δ : difference of two points, a − b, (d,).
D : D_is = A_i,c_s − B_p_s,c_s, (m, q).

With these, cov(f(a), f(b)) = m, cov(f(a), ∂_j f(b)) = S δ_j and
cov(∂_i f(a), ∂_j f(b)) = S 1[i = j] − T δ_i δ_j, times the signal variance.

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
section 9.4. E. Solak, R. Murray-Smith, W. E. Leithead, D. J. Leith and C. E. Rasmussen, Derivative
Observations in Gaussian Process Models of Dynamic Systems, NeurIPS 2002.
"""

from dataclasses import dataclass

import numpy as np

from skhyper.gp._kernel import (
    Array,
    IntArray,
    cross_squared_distances,
    matern52,
    matern52_with_slope,
)


@dataclass(frozen=True, eq=False)
class DerivativeRows:
    """Observed partial derivatives, sorted by point.

    `point` (q,) are the rows p of X, `column` (q,) the columns c, `value` (q,) the derivatives, in
    units of y per unit of X.
    """

    point: IntArray
    column: IntArray
    value: Array

    @classmethod
    def from_gradients(cls, gradients: Array | None) -> "DerivativeRows | None":
        """From a matrix (n, d), nan where unknown; None if all are unknown."""
        if gradients is None or np.isnan(gradients).all():
            return None
        point, column = np.nonzero(~np.isnan(gradients))
        return cls(point, column, gradients[point, column])

    def __len__(self) -> int:
        return len(self.value)

    def differences(self, A: Array, B: Array) -> Array:
        """D (m, q) of points A (m, d) and observed points B (n, d), scaled or not."""
        return A[:, self.column] - B[self.point, self.column]

    def sum_by_point(self, values: Array, n_points: int) -> Array:
        """Sum the last axis of `values` (…, q) over the rows of each point, (…, n)."""
        starts = np.flatnonzero(np.diff(self.point, prepend=-1))
        sums = np.zeros((*values.shape[:-1], n_points))
        sums[..., self.point[starts]] = np.add.reduceat(values, starts, axis=-1)
        return sums

    def sum_by_column(self, values: Array, n_columns: int) -> Array:
        """Sum the last axis of `values` (…, q) over the rows of each column, (…, d)."""
        return values @ (self.column[:, None] == np.arange(n_columns)).astype(np.float64)


def curvature(squared_distance: Array) -> Array:
    """T of r², of the same shape."""
    decay: Array = np.exp(-np.sqrt(5.0 * squared_distance))
    decay *= 25.0 / 3.0
    return decay


def select_gradients(gradients: Array, y: Array, limit: int) -> Array:
    """Gradients (n, d), nan where unknown, with at most `limit` entries, the others nan.

    The points of the best values y (n,) and the latest points are kept alternately, since both are
    near the current search. Of the last point, the entries of largest magnitude are kept.
    """
    known = ~np.isnan(gradients)
    if known.sum() <= limit:
        return gradients
    kept = np.full_like(gradients, np.nan)
    best, latest = np.argsort(y, kind="stable"), np.arange(len(y))[::-1]
    in_turn = np.column_stack([best, latest]).ravel()
    _, first = np.unique(in_turn, return_index=True)
    for i in in_turn[np.sort(first)]:
        columns = np.flatnonzero(known[i])
        if len(columns) > limit:
            columns = columns[np.argsort(-np.abs(gradients[i, columns]), kind="stable")[:limit]]
        kept[i, columns] = gradients[i, columns]
        limit -= len(columns)
    return kept


class CrossCovariance:
    """Covariance k (m, N) of the latent function at test points with all observations.

    A (m, d) and B (n, d) are scaled test points and scaled observed points.
    """

    def __init__(
        self, A: Array, B: Array, rows: DerivativeRows | None, signal_variance: float
    ) -> None:
        self._A, self._B, self._rows = A, B, rows
        squared = cross_squared_distances(A, B)
        self.k, self._slope = matern52_with_slope(squared)
        self.k *= signal_variance
        self._slope *= signal_variance
        if rows is not None:
            self._differences = rows.differences(A, B)
            self._curvature = signal_variance * curvature(squared)
            self.k = np.hstack([self._slope[:, rows.point] * self._differences, self.k])

    def gradient(self, weights: Array) -> Array:
        """Gradient (m, d) of Σ_i w_i k_i at the scaled test points, w (N,) or (m, N)."""
        rows, A, B = self._rows, self._A, self._B
        if rows is None:
            # dk_i/da_j = −slope_i (a_j − b_ij), summed over i with a weight of each observation
            C = self._slope * weights
            return C @ B - C.sum(axis=1)[:, None] * A
        q = len(rows)
        C = self._slope * weights[..., q:]
        # d(S D_s)/da_j = S 1[j = c_s] − T D_s (a_j − b_j)
        bent = self._curvature[:, rows.point] * self._differences * weights[..., :q]
        C += rows.sum_by_point(bent, len(B))
        along = rows.sum_by_column(self._slope[:, rows.point] * weights[..., :q], A.shape[1])
        return along + C @ B - C.sum(axis=1)[:, None] * A


def cross_covariance(
    A: Array, B: Array, rows: DerivativeRows | None, signal_variance: float
) -> Array:
    """Covariance k (m, N) of `CrossCovariance`, without its gradient."""
    if rows is not None:
        return CrossCovariance(A, B, rows, signal_variance).k
    k = matern52(cross_squared_distances(A, B))
    k *= signal_variance
    return k


def joint_correlation(B: Array, rows: DerivativeRows | None) -> Array:
    """Covariance C (N, N) of the observations, scaled points B, at signal variance 1."""
    squared = cross_squared_distances(B, B)
    if rows is None:
        return matern52(squared)
    np.fill_diagonal(squared, 0.0)  # T is not smooth at 0 and would amplify rounding
    correlation, slope = matern52_with_slope(squared)
    D = rows.differences(B, B)
    return assemble(correlation, slope, curvature(squared), D, rows)


def assemble(
    correlation: Array, slope: Array, curved: Array, D: Array, rows: DerivativeRows
) -> Array:
    """C (N, N) from m, S, T, each (n, n), and D (n, q)."""
    q, p = len(rows), rows.point
    C = np.empty((q + len(correlation),) * 2)
    C[q:, q:] = correlation
    C[q:, :q] = slope[:, p] * D
    C[:q, q:] = C[q:, :q].T
    # δ_c_s = D_rs and δ_c_r = −D_sr, for the points p_r and p_s
    C[:q, :q] = curved[p][:, p] * (D[p] * D[p].T)
    C[:q, :q] += np.where(rows.column[:, None] == rows.column, slope[p][:, p], 0.0)
    return C
