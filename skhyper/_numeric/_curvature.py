"""Linear systems with the Hessian of a linear model, solved by a method chosen by size.

The Hessian is ``H = Qᵀ D Q + diag(λ)``; for several classes see ``_softmax``.

Notation
--------
n, p, e : number of samples, features, extra columns
X : (n, p), dense or sparse;  E : (n, e), extra dense columns, such as ones for the intercept
Q : [X E], (n, q) with q = p + e, never formed where X is sparse
d : curvature of the loss at each sample, (n,);  λ : l2 penalties, (q,)
v, u : right side and solution, (q,) or (q, K)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import linalg, sparse

from skhyper._numeric._iterations import (
    ADJOINT_RTOL,
    LARGEST_DUAL,
    Solver,
    conjugate_gradients,
    dual_iterations,
)

# Maximum number of unknowns for a factorization; above, conjugate gradients are faster.
_LARGEST_DIRECT, LARGEST_SOFTMAX = 3000, 1500
# Maximum number of entries of sparse columns that are copied to a dense array.
_LARGEST_DENSE_COPY = 4_000_000
# Typical Newton steps per fit; cost per flop of matrix-vector relative to matrix-matrix products.
_NEWTON_STEPS_PER_FIT, _MATVEC_COST = 6, 4
# Below 40 unknowns a factorization costs less than the overhead.
_ALWAYS_DIRECT = 40
# Maximum number of columns that are multiplied one by one.
_MAX_SINGLE_COLUMNS = 4
# Minimum pivot of a Cholesky factor of a matrix with unit diagonal.
_SMALLEST_PIVOT = 1e-7


def _product(A: np.ndarray, V: np.ndarray) -> np.ndarray:
    """``A V``; for a few columns, products with single vectors are twice as fast."""
    if V.ndim == 1 or V.shape[1] == 1 or V.shape[1] > _MAX_SINGLE_COLUMNS:
        return A @ V
    return np.stack([A @ v for v in np.ascontiguousarray(V.T)], axis=1)


@dataclass(frozen=True)
class Design:
    """``Q = [X E]`` as an operator; ``dense`` is Q itself where X is dense.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n, p)
    E : ndarray of shape (n, e)
    dense : ndarray of shape (n, q) or None
    """

    X: Any
    E: np.ndarray
    dense: np.ndarray | None
    _cache: dict = field(default_factory=dict)

    @classmethod
    def from_blocks(cls, X: Any, E: np.ndarray) -> "Design":
        return cls(X, E, None if sparse.issparse(X) else np.column_stack([X, E]))

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape[0], self.X.shape[1] + self.E.shape[1]

    def apply(self, V: np.ndarray) -> np.ndarray:
        """``Q V``."""
        if self.dense is not None:
            return _product(self.dense, V)
        p = self.X.shape[1]
        return self.X @ V[:p] + self.E @ V[p:]

    def adjoint(self, R: np.ndarray) -> np.ndarray:
        """``Qᵀ R``."""
        if self.dense is not None:
            return _product(self.dense.T, R)
        if "transposed" not in self._cache:
            self._cache["transposed"] = self.X.T  # a view, but slow to create in SciPy
        return np.concatenate([self._cache["transposed"] @ R, self.E.T @ R])

    def columns(self, support: np.ndarray) -> "Design":
        """The design of some columns, dense if small; Q itself for all columns."""
        if support.all():
            return self
        if self.dense is not None:
            part = self.dense[:, support]
            return Design(part, np.empty((len(part), 0)), part)
        p = self.X.shape[1]
        X = self.X[:, np.flatnonzero(support[:p])]
        if X.shape[0] * X.shape[1] <= _LARGEST_DENSE_COPY:
            X = X.toarray()
        return Design.from_blocks(X, self.E[:, support[p:]])

    def outer(self, penalties: np.ndarray) -> np.ndarray:
        """``X Λ⁻¹ Xᵀ``, (n, n); computed once for all multiples of the penalties Λ."""
        size = float(penalties.mean())
        shape, known = self._cache.get("outer", (np.empty(0), None))
        if not np.array_equal(shape, penalties / size):
            shape = penalties / size
            scaled = self.X if np.ptp(shape) == 0 else self.X / np.sqrt(shape)
            known = scaled @ scaled.T
            self._cache["outer"] = shape, known
        return known / size

    def squared_rows(self, l2: np.ndarray) -> np.ndarray:
        """Diagonal of ``Q Λ⁻¹ Qᵀ`` without the columns that have no penalty, (n,)."""
        p, inverse = self.X.shape[1], np.divide(1.0, l2, out=np.zeros_like(l2), where=l2 > 0)
        return self._squares() @ inverse[:p] + (self.E * self.E) @ inverse[p:]

    def _squares(self) -> Any:
        """``X∘X``."""
        X = self.X
        if isinstance(X, np.ndarray):
            return X * X
        if "squares" not in self._cache:
            squares = type(X)((X.data**2, X.indices, X.indptr), shape=X.shape, copy=False)
            self._cache["squares"] = squares
        return self._cache["squares"]

    def squared_norms(self, D: np.ndarray) -> np.ndarray:
        """``(Q∘Q)ᵀ D``, for D of shape (n,) or (n, K)."""
        if self.dense is not None:
            return (self.dense * self.dense).T @ D
        return np.concatenate([self._squares().T @ D, (self.E * self.E).T @ D])


def hessian_solver(Q: Design, d: np.ndarray, l2: np.ndarray) -> Solver:
    """Solver of ``(Qᵀ D Q + diag(λ)) u = v``; u of minimum norm if the matrix is singular.

    Iterations of ``solve(v, rtol=None) -> u`` stop at a relative error of `rtol` in the norm of the
    matrix, or at a relative residual of `rtol`.
    """
    (n, q), p = Q.shape, Q.X.shape[1]
    if Q.dense is not None and p > 1.5 * n and l2[:p].min() > 0:
        dual = _dual_solver(Q, d, l2, LARGEST_DUAL if q <= _LARGEST_DIRECT else np.inf)
        if dual is not None:
            return dual
    if Q.dense is not None and q <= _LARGEST_DIRECT:
        if d.min(initial=0.0) < 0:
            H = Q.dense.T @ (d[:, None] * Q.dense)
            H[np.diag_indices(q)] += l2
            return factorized(H)
        scaled = np.sqrt(d)[:, None] * Q.dense
        H = scaled.T @ scaled  # BLAS recognizes a symmetric product: half of the work
        H[np.diag_indices(q)] += l2
        return cholesky_solver(H) or root_solver([scaled], l2)
    if p > n and l2[:p].min() > 0 and d.min(initial=0.0) >= 0:
        root = np.sqrt(d)
        dual = dual_iterations(
            lambda u: root * Q.apply(u),
            lambda t: Q.adjoint(root * t),
            root[:, None] * Q.E[:, l2[p:] == 0],
            1.0 + d * Q.squared_rows(l2),
            l2,
        )
        if dual is not None:
            return dual
    diagonal = Q.squared_norms(d) + l2

    def product(u: np.ndarray) -> np.ndarray:
        return Q.adjoint(d * Q.apply(u)) + l2 * u

    return lambda v, rtol=None: conjugate_gradients(product, v, diagonal, rtol or ADJOINT_RTOL)


def break_even_iterations(Q: Design, l2: np.ndarray, n_outputs: int) -> float:
    """Number of conjugate gradient iterations that cost as much as the factorizations of a fit.

    For :func:`hessian_solver` and, with several outputs, :func:`softmax_solver`; inf if they do
    not factorize.
    """
    (n, q), p, K = Q.shape, Q.X.shape[1], n_outputs
    if Q.dense is None or (K > 1 and q * K > LARGEST_SOFTMAX):
        return np.inf
    if q * K <= _ALWAYS_DIRECT:
        return 0.0
    if K > 1:
        work = _NEWTON_STEPS_PER_FIT * (K * (K + 1) * n * q**2 + (K * q) ** 3 / 3)
    elif p > 1.5 * n and l2[:p].min() > 0:
        work = n**2 * p + _NEWTON_STEPS_PER_FIT * n**3 / 3  # all steps share X Λ⁻¹ Xᵀ
    elif q <= _LARGEST_DIRECT:
        work = _NEWTON_STEPS_PER_FIT * (n * q**2 + q**3 / 3)
    else:
        return np.inf
    return work / (_MATVEC_COST * 4 * n * q * K)


def factorized(H: np.ndarray) -> Solver:
    """Solver of ``H u = v`` for a positive semidefinite H; v of shape (q,) or (q, K).

    Returns u of minimum norm if H, scaled to unit diagonal, is singular: penalties may be of very
    different sizes.
    """
    solve = cholesky_solver(H)
    if solve is not None:
        return solve
    inverse = linalg.pinvh(H)
    return lambda v, rtol=None: inverse @ v


def cholesky_solver(H: np.ndarray, smallest: float = _SMALLEST_PIVOT) -> Solver | None:
    """Solver of ``H u = v`` scaled to unit diagonal; None if the scaled H is singular."""
    diagonal = np.diag(H)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    try:
        with np.errstate(all="ignore"):
            factor = linalg.cho_factor(scale[:, None] * H * scale, check_finite=False)
    except linalg.LinAlgError:
        return None
    pivots = np.abs(np.diag(factor[0]))
    if len(pivots) and not pivots.min() > smallest:
        return None

    def solve(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
        return (scale * linalg.cho_solve(factor, (scale * v.T).T, check_finite=False).T).T

    return solve


def root_solver(parts: Iterable[np.ndarray], l2: np.ndarray) -> Solver:
    """Solver of ``(AᵀA + diag(λ)) u = v`` by a QR of A, which loses half as many digits.

    `parts` are blocks of rows of A. Returns u of minimum norm if the matrix is singular.
    """
    R = np.diag(np.sqrt(l2))
    for part in parts:
        (R,) = linalg.qr(np.vstack([R, part]), mode="r", check_finite=False)
        R = R[: len(l2)]
    norms = np.linalg.norm(R, axis=0)
    scale = 1 / np.where(norms > 0, norms, 1.0)
    _, sizes, Wt = linalg.svd(R * scale, check_finite=False)
    known = sizes > len(l2) * np.finfo(float).eps * sizes.max(initial=0.0)
    W, sizes = Wt[known].T, sizes[known]
    null = scale[:, None] * Wt[~known].T
    if null.size:  # SciPy 1.10 factorizes no empty array
        null, _ = linalg.qr(null, mode="economic", check_finite=False)

    def solve(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
        v = v - null @ (null.T @ v)
        u = (scale * (W @ ((W.T @ (scale * v.T).T).T / sizes**2).T).T).T
        return u - null @ (null.T @ u)

    return solve


def _dual_solver(Q: Design, d: np.ndarray, l2: np.ndarray, largest: float) -> Solver | None:
    """Solver with the n x n matrix ``M = I + √D X Λ⁻¹ Xᵀ √D`` (Woodbury), bordered by E.

    None if an entry of M is above `largest`: rounding would then lose most digits of I.
    """
    p = Q.X.shape[1]
    root, penalties = np.sqrt(d), l2[:p]
    M = Q.outer(penalties)
    M *= root[:, None]
    M *= root
    M[np.diag_indices(len(d))] += 1.0
    if M.max(initial=0.0) > largest:
        return None
    factor = linalg.cho_factor(M, overwrite_a=True, check_finite=False)
    B = root[:, None] * Q.E
    MB = linalg.cho_solve(factor, B, check_finite=False)
    border = linalg.pinvh(B.T @ MB + np.diag(l2[p:])) if B.shape[1] else np.empty((0, 0))

    def solve(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
        v_x, v_e = (v[:p].T / penalties).T, v[p:]
        c = (root * (Q.X @ v_x).T).T
        Mc = linalg.cho_solve(factor, c, check_finite=False)
        u_e = border @ (v_e - B.T @ Mc)
        residuals = (root * (Mc + MB @ u_e).T).T
        u_x = v_x - ((residuals.T @ Q.X) / penalties).T
        return np.concatenate([u_x, u_e])

    return solve
