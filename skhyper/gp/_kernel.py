"""The Matérn 5/2 kernel with one length-scale for each group of columns.

Most of the time is spent on correlations between observations (repeatedly, while the
hyperparameters are fitted), on correlations between test points and observations, and on the
derivatives of both. Quantities of the observations alone are computed once
(:class:`PairwiseSquares`). Of symmetric matrices only the strict lower triangle is computed,
*packed* into a vector.

Notation
--------
n, m : number of observations, of test points.
d, G : number of feature columns, of groups.
P : number of pairs, n(n − 1)/2.
l : length-scales, (G,); `l_j` is that of the group of column j.
r² : squared scaled distance, r² = Σ_g Σ_{j in g} (x_j − x'_j)² / l_g².
a : √5 r.
m(r) : correlation, (1 + a + a²/3) exp(−a).
slope : −2 dm/d(r²) = 5/3 (1 + a) exp(−a), finite and smooth at r = 0.

With these, dm/d log l_g = slope · Σ_{j in g} (x_j − x'_j)² / l_g² and
dm/dx_j = −slope · (x_j − x'_j) / l_j².

References
----------
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
eq. 4.17 (the kernel) and section 5.1 (automatic relevance determination).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Maximum number of entries, G · P, of the tensor of all squared differences. Above it, a matrix
# product is faster and needs far less memory.
_LARGEST_TENSOR = 500_000


def matern52(squared_distance: Array) -> Array:
    """Correlation m(r) of squared distances r², not negative, of any shape."""
    a = np.sqrt(5.0 * squared_distance)
    correlation = a * (1.0 / 3.0)
    correlation += 1.0
    correlation *= a
    correlation += 1.0
    np.negative(a, out=a)
    correlation *= np.exp(a, out=a)
    return correlation


def matern52_with_slope(squared_distance: Array) -> tuple[Array, Array]:
    """Correlation m(r) and its slope, −2 dm/d(r²), both of the shape of r²."""
    a = np.sqrt(5.0 * squared_distance)
    decay = np.exp(-a)
    slope = (1.0 + a) * decay
    a *= a
    a *= decay
    a *= 1.0 / 3.0
    a += slope
    slope *= 5.0 / 3.0
    return a, slope


def cross_squared_distances(A: Array, B: Array) -> Array:
    """Squared distances (m, n) of rows of A (m, d) to rows of B (n, d), both already divided by l.

    Expanding the square makes this one matrix product. Its rounding error, about 1e-16 (|a|² +
    |b|²), is harmless, as m(r) is linear in r² near zero.
    """
    squared_distance = A @ (-2.0 * B.T)
    squared_distance += np.einsum("ij,ij->i", A, A)[:, None]
    squared_distance += np.einsum("ij,ij->i", B, B)
    return np.maximum(squared_distance, 0.0, out=squared_distance)


class PairwiseSquares:
    """Squared differences of all pairs of points X (n, d), summed within each of the `groups` (d,).

    Small problems keep the packed tensor (G, P), and a sum over groups or pairs is one
    matrix-vector product. Large ones keep the points only and expand the squares. `lower` (P,) are
    the positions of the pairs in an (n, n) matrix flattened in Fortran order: its strict lower
    triangle.
    """

    def __init__(self, X: Array, groups: IntArray, largest_tensor: int = _LARGEST_TENSOR) -> None:
        n = X.shape[0]
        column, row = np.triu_indices(n, 1)
        self.lower: IntArray = column * n + row
        self._groups = groups
        self._n_groups = int(groups.max()) + 1
        self._X = X - X.mean(axis=0)  # centered: the expanded squares then lose fewer digits
        self._tensor: Array | None = None
        if self._n_groups * len(self.lower) <= largest_tensor:
            self._tensor = np.zeros((self._n_groups, len(self.lower)))
            for group, x in zip(groups, X.T):
                self._tensor[group] += (x[row] - x[column]) ** 2

    def weighted_sum(self, weights: Array) -> Array:
        """Sum over groups with `weights` (G,), (P,): r² of each pair if they are 1/l²."""
        if self._tensor is not None:
            return weights @ self._tensor
        scaled = self._X * np.sqrt(weights)[self._groups]
        return cross_squared_distances(scaled, scaled).ravel()[self.lower]

    def contract(self, values: Array) -> Array:
        """Sum over pairs, each with its value of `values` (P,), (G,)."""
        if self._tensor is not None:
            return self._tensor @ values
        n = self._X.shape[0]
        S = np.zeros(n * n)
        S[self.lower] = values
        S = S.reshape(n, n)
        S += S.T
        # Σ_{i<k} S_ik (x_i − x_k)² = Σ_i x_i² Σ_k S_ik − xᵀ S x, column by column
        per_column = S.sum(axis=1) @ self._X**2 - np.einsum("ij,ij->j", self._X, S @ self._X)
        totals = np.zeros(self._n_groups)
        np.add.at(totals, self._groups, per_column)
        return totals
