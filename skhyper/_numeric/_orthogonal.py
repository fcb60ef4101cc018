"""Ridge regression by orthogonal factors of the data, if a Gram matrix is too inaccurate.

A Gram matrix loses the digits of directions in which the data are 1e8 times shorter than in
others. A pivoted QR, ``Z = Q A Bᵀ``, keeps them; a second QR of A above ``√α I`` gives the
solution for each penalty α.

Notation
--------
n, p, K : number of samples, features, outputs
Z : data, (n, p);  r : rank of Z with columns scaled to the same length
Q, A, B : orthonormal (n, r), regular (r, r), orthonormal (p, r)
Y, V : targets (n, K), right sides (p, K)

References
----------
Björck (1996), Numerical Methods for Least Squares Problems, sections 2.7 and 5.3.
Higham (2002), Accuracy and Stability of Numerical Algorithms, section 20.2: the rounding error of
QR does not depend on the scale of columns.
"""

import numpy as np
from scipy import linalg

# Relative size of a pivot, per row or column, below which a column counts as dependent.
_DEPENDENT = 10 * np.finfo(float).eps
# Reciprocal condition number of RᵀR above which all columns are certainly independent.
_REGULAR = 1e-20


class Orthogonal:
    """Solver of ``min |Z W - Y|² + α |W|²`` for many α; W of minimum norm for α = 0.

    `range` is an orthonormal basis of the columns of Z, (n, r): Q.
    """

    def __init__(self, Z: np.ndarray):
        n, p = Z.shape
        self.range, self._A = np.empty((n, 0)), np.empty((0, 0))
        self._basis: np.ndarray | None = np.empty((p, 0))  # None for the identity
        if Z.any():  # LAPACK refuses empty matrices
            self._decompose(Z)
        self._alpha = np.nan
        self._R, self._top, self._lengths = self._A, self._A, np.empty((0, 1))

    def _decompose(self, Z: np.ndarray) -> None:
        lengths = np.linalg.norm(Z, axis=0)
        lengths[lengths == 0] = 1.0
        if Z.shape[0] >= Z.shape[1]:  # without pivoting first: several times faster
            Q, R = linalg.qr(Z / lengths, mode="economic", check_finite=False)
            # Of RᵀR, the norm of which is at most p.
            if linalg.lapack.dpocon(R, float(len(R)))[0] > _REGULAR:
                self.range, self._A, self._basis = Q, R * lengths, None
                return
        Q, R, order = linalg.qr(Z / lengths, mode="economic", pivoting=True, check_finite=False)
        diagonal = np.abs(np.diag(R))
        rank = int((diagonal > _DEPENDENT * max(Z.shape) * diagonal.max()).sum())
        A = np.empty((rank, Z.shape[1]))
        A[:, order] = R[:rank]
        A *= lengths
        self._basis = None
        if rank < Z.shape[1]:
            self._basis, T = linalg.qr(A.T, mode="economic", check_finite=False)
            A = T.T
        self.range, self._A = Q[:, :rank], A

    def fit(self, Y: np.ndarray, alpha: float) -> np.ndarray:
        """W, (p, K)."""
        self._prepare(alpha)
        return self._from_basis(self._back(self._top.T @ (self.range.T @ Y)))

    def solve(self, V: np.ndarray, alpha: float) -> np.ndarray:
        """``(Zᵀ Z + α)⁻¹ V``, (p, K); for α = 0 of V projected on the row space of Z."""
        self._prepare(alpha)
        inside = self._to_basis(V)
        U = self._from_basis(self._back(self._half(inside)))
        if self._basis is not None and alpha > 0:
            U += (V - self._from_basis(inside)) / alpha
        return U

    def product(self, V: np.ndarray, W: np.ndarray, alpha: float) -> np.ndarray:
        """``Σ W∘(Zᵀ Z + α)⁻¹ V`` of each column, (K,), for W in the row space of Z."""
        self._prepare(alpha)
        halves = self._half(self._to_basis(V)), self._half(self._to_basis(W))
        return (halves[0] * halves[1]).sum(axis=0)

    def _prepare(self, alpha: float) -> None:
        """Factorize ``[A; √α I] D⁻¹ = [T; ·] R``; D scales columns to length 1."""
        r = len(self._A)
        if alpha == self._alpha or r == 0:
            return
        stacked = np.vstack([self._A, np.sqrt(alpha) * np.eye(r)])
        self._lengths = np.linalg.norm(stacked, axis=0)[:, None]
        Q, self._R = linalg.qr(
            stacked / self._lengths.T, mode="economic", overwrite_a=True, check_finite=False
        )
        self._top, self._alpha = Q[:r], alpha

    def _half(self, V: np.ndarray) -> np.ndarray:
        """``R⁻ᵀ D⁻¹ V``."""
        if not len(V):
            return V
        return linalg.solve_triangular(self._R, V / self._lengths, trans=1, check_finite=False)

    def _back(self, V: np.ndarray) -> np.ndarray:
        """``D⁻¹ R⁻¹ V``."""
        if not len(V):
            return V
        return linalg.solve_triangular(self._R, V, check_finite=False) / self._lengths

    def _to_basis(self, V: np.ndarray) -> np.ndarray:
        return V if self._basis is None else self._basis.T @ V

    def _from_basis(self, V: np.ndarray) -> np.ndarray:
        return V if self._basis is None else self._basis @ V
