"""Linear systems with the Hessian of a linear model, by the solver that suits its size.

The Hessian is ``H = Qᵀ D Q + diag(λ)`` with one output, and has blocks
``Qᵀ diag(a (δ_kl P_k - P_k P_l)) Q`` with K classes.

Notation
--------
n, p, e, K : number of samples, features, extra columns, classes
X : (n, p), dense or sparse;  E : (n, e), extra dense columns, such as ones for the intercept
Q : [X E], (n, q) with q = p + e, never formed where X is sparse
d : curvature of the loss at each sample, (n,);  λ : l2 penalties, (q,)
P : probabilities, (n, K)
v, u : right side and solution, (q,) or (q, K)
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, cg

__all__ = [
    "Design",
    "break_even_iterations",
    "conjugate_gradients",
    "factorized",
    "hessian_solver",
    "preconditioned_cg",
    "softmax_preconditioner",
    "softmax_product",
    "softmax_solver",
    "with_separate_means",
]

Solver = Callable[..., np.ndarray]

# Maximum number of unknowns for a factorization; above, conjugate gradients are faster.
_LARGEST_DIRECT = 3000
_LARGEST_SOFTMAX = 1500
# Maximum number of entries of sparse columns that are copied to a dense array.
_LARGEST_DENSE_COPY = 4_000_000
# Typical Newton steps per fit; cost per flop of matrix-vector relative to matrix-matrix products.
_NEWTON_STEPS_PER_FIT, _MATVEC_COST = 6, 4
# Below 40 unknowns a factorization costs less than the overhead.
_ALWAYS_DIRECT = 40
# Maximum number of columns that are multiplied one by one.
_MAX_SINGLE_COLUMNS = 4
# Relative residuals of conjugate gradients: for solutions, for adjoint systems, and for Newton
# steps, whose error the next step corrects.
_SOLUTION_RTOL = 1e-10
_ADJOINT_RTOL = 1e-8
_STEP_RTOL = 1e-2
# Minimum pivots of Cholesky factors of a matrix with unit diagonal, in double and in single
# precision; maximum entry of the dual matrix.
_SMALLEST_PIVOT, _SMALLEST_SINGLE_PIVOT, _LARGEST_DUAL = 1e-7, 3e-3, 1e10
# Renamed in SciPy 1.12.
_RTOL = "rtol" if "rtol" in inspect.signature(cg).parameters else "tol"


def _product(A: np.ndarray, V: np.ndarray) -> np.ndarray:
    """``A V``; for a few columns, products with vectors take half of the time."""
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

    def squared_norms(self, D: np.ndarray) -> np.ndarray:
        """``(Q∘Q)ᵀ D``, for D of shape (n,) or (n, K)."""
        if self.dense is not None:
            return (self.dense * self.dense).T @ D
        X = self.X
        squares = type(X)((X.data**2, X.indices, X.indptr), shape=X.shape, copy=False)
        return np.concatenate([squares.T @ D, (self.E * self.E).T @ D])


def hessian_solver(Q: Design, d: np.ndarray, l2: np.ndarray) -> Solver:
    """Solver of ``(Qᵀ D Q + diag(λ)) u = v``; u of minimum norm if the matrix is singular.

    Parameters
    ----------
    Q : Design
    d : ndarray of shape (n,)
        Not negative.
    l2 : ndarray of shape (q,)

    Returns
    -------
    solve : callable
        ``solve(v, guess=None, step=False) -> u``; iterations stop early if `step` is True.
    """
    n, q = Q.shape
    p = Q.X.shape[1]
    if Q.dense is not None and p > 1.5 * n and l2[:p].min() > 0:
        dual = _dual_solver(Q, d, l2, _LARGEST_DUAL if q <= _LARGEST_DIRECT else np.inf)
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
        return _cholesky_solver(H) or _root_solver([scaled], l2)
    return _iterative_solver(Q, d, l2)


def _iterative_solver(Q: Design, d: np.ndarray, l2: np.ndarray) -> Solver:
    diagonal = Q.squared_norms(d) + l2
    return _iterative(lambda u: Q.adjoint(d * Q.apply(u)) + l2 * u, diagonal)


def break_even_iterations(Q: Design, l2: np.ndarray, n_outputs: int) -> float:
    """Number of conjugate gradient iterations that cost as much as the factorizations of a fit.

    Parameters
    ----------
    Q : Design
    l2 : ndarray of shape (q,)
    n_outputs : int
        1 for :func:`hessian_solver`, K for :func:`softmax_solver`.

    Returns
    -------
    n_iterations : float
        inf if these would not factorize.
    """
    (n, q), K = Q.shape, n_outputs
    p = Q.X.shape[1]
    if Q.dense is None or (K > 1 and q * K > _LARGEST_SOFTMAX):
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


def softmax_solver(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Solver:
    """:func:`hessian_solver` for K classes; v and u hold the entries of `support` only.

    Parameters
    ----------
    Q : Design
    a : ndarray of shape (n,)
    P : ndarray of shape (n, K)
    l2 : ndarray of shape (q, K)
    support : ndarray of bool of shape (q, K)
    """
    (_, q), K = Q.shape, P.shape[1]
    if Q.dense is None or q * K > _LARGEST_SOFTMAX:
        return _softmax_iterations(Q, a, P, l2, support)
    # From the order of the blocks, (K, q), to that of the entries of `support`, (q, K).
    keep = np.flatnonzero(support.T)
    order = np.argsort(np.argsort((keep % q) * K + keep // q))
    solve = _cholesky_solver(_softmax_hessian(Q.dense, a, P, l2, support))
    if solve is None:
        parts = (part[:, keep] for part in _softmax_roots(Q.dense, a, P, l2, support))
        solve = _root_solver(parts, l2.T.ravel()[keep])
    inverse = np.argsort(order)
    return with_separate_means(
        lambda v, guess=None, step=False: solve(v[order])[inverse], l2, support
    )


def softmax_preconditioner(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Solver | None:
    """:func:`softmax_solver` with a factor in single precision, in half of the time.

    In double precision if that is singular; None if the matrix would not be factorized.
    """
    (_, q), K = Q.shape, P.shape[1]
    if Q.dense is None or q * K > _LARGEST_SOFTMAX:
        return None
    sizes = Q.squared_norms(a) + l2.max(axis=1)
    scale = 1 / np.sqrt(np.where(sizes > 0, sizes, 1.0))
    X32, a32, P32 = (x.astype(np.float32) for x in (scale * Q.dense, a, P))
    H = _softmax_hessian(X32, a32, P32, (scale**2)[:, None] * l2, support)
    factor = _cholesky_solver(H, _SMALLEST_SINGLE_PIVOT)
    if factor is None:
        return softmax_solver(Q, a, P, l2, support)
    # Entries of support, (q, K), in the order of the blocks, (K, q).
    order = np.arange(support.size).reshape(support.shape).T[support.T]
    index = np.cumsum(support.ravel())[order] - 1
    scales = np.broadcast_to(scale[:, None], support.shape)[support][index]

    def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
        u = np.empty_like(v)
        u[index] = scales * factor((scales * v[index]).astype(np.float32))
        return u

    return solve


def _common(l2: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Rows of coefficients, (q,), whose mean over the classes enters H by its penalty only."""
    return support.all(axis=1) & (l2 == l2[:, :1]).all(axis=1)


def with_separate_means(solve: Solver, l2: np.ndarray, support: np.ndarray) -> Solver:
    """Solver with H, from a solver with H plus a term in the means of rows over the classes.

    The means have equations of their own, ``λ ū = v̄``, with coefficients much smaller than all
    others of H.
    """
    common = _common(l2, support)
    if not common.any():
        return solve
    penalties = l2[common, :1]
    inverse = np.divide(1.0, penalties, out=np.zeros_like(penalties), where=penalties > 0)

    def whole(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
        V, U = np.zeros(support.shape), np.zeros(support.shape)
        V[support] = v
        means = V[common].mean(axis=1, keepdims=True)
        V[common] -= means
        U[support] = solve(V[support], guess, step)
        U[common] += inverse * means - U[common].mean(axis=1, keepdims=True)
        return U[support]

    return whole


def _softmax_hessian(
    X: np.ndarray, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """H of the entries of `support`, in the order of its transpose (K, q).

    It includes the term of :func:`with_separate_means`.
    """
    q, K = X.shape[1], P.shape[1]
    H = np.empty((K, q, K, q), dtype=X.dtype)
    for k in range(K):
        for m in range(k, K):
            weight = a * P[:, k] * ((k == m) - P[:, m])
            block = X.T @ (weight[:, None] * X)
            H[k, :, m], H[m, :, k] = block, block
    whole = H.reshape(K * q, K * q)
    whole[np.diag_indices(K * q)] += l2.T.ravel()
    for j in np.flatnonzero(_common(l2, support)):
        H[:, j, :, j] += np.trace(H[:, j, :, j]) / K**2
    keep = np.flatnonzero(support.T)
    return whole if len(keep) == K * q else whole[np.ix_(keep, keep)]


def _softmax_roots(
    X: np.ndarray, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Iterator[np.ndarray]:
    """Blocks of rows of A, each (m, K q), with ``Aᵀ A = H`` without its penalties.

    ``diag(P) - P Pᵀ = Sᵀ S`` with ``S = diag(√P) (I - 1 Pᵀ)``. The last block is the term of
    :func:`with_separate_means`.
    """
    (n, q), K = X.shape, P.shape[1]
    for start in range(0, n, q):
        rows = slice(start, start + q)
        S = np.sqrt(a[rows, None, None] * P[rows, :, None]) * (np.eye(K) - P[rows, None, :])
        part = S[:, :, :, None] * X[rows, None, None, :]
        yield part.reshape(-1, K * q)
    common = np.flatnonzero(_common(l2, support))
    means = np.zeros((len(common), K, q))
    weights = np.sqrt((X * X).T[common] @ (a[:, None] * P * (1 - P)))
    means[np.arange(len(common)), :, common] = weights.mean(axis=1, keepdims=True) / np.sqrt(K)
    yield means.reshape(-1, K * q)


def _softmax_iterations(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Solver:
    return with_separate_means(_iterative(*softmax_product(Q, a, P, l2, support)), l2, support)


def softmax_product(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Product with H, and its diagonal, both with the term of :func:`with_separate_means`."""

    def product(u: np.ndarray) -> np.ndarray:
        U = np.zeros(support.shape)
        U[support] = u
        Z = P * Q.apply(U)
        R = a[:, None] * (Z - P * Z.sum(axis=1, keepdims=True))
        HU = Q.adjoint(R) + l2 * U
        HU[common] += weight * U[common].mean(axis=1, keepdims=True)
        return HU[support]

    D = a[:, None] * P * (1 - P)
    diagonal = Q.squared_norms(D) + l2
    common = _common(l2, support)
    weight = diagonal[common].mean(axis=1, keepdims=True)
    return product, diagonal[support]


def factorized(H: np.ndarray) -> Solver:
    """Solver of ``H u = v`` for a positive semidefinite H; v of shape (q,) or (q, K).

    Returns u of minimum norm if H, scaled to unit diagonal, is singular: penalties may be of very
    different sizes.
    """
    solve = _cholesky_solver(H)
    if solve is not None:
        return solve
    inverse = linalg.pinvh(H)
    return lambda v, guess=None, step=False: inverse @ v


def _cholesky_solver(H: np.ndarray, smallest: float = _SMALLEST_PIVOT) -> Solver | None:
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

    def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
        return (scale * linalg.cho_solve(factor, (scale * v.T).T, check_finite=False).T).T

    return solve


def _root_solver(parts: Iterable[np.ndarray], l2: np.ndarray) -> Solver:
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

    def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
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

    def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
        v_x, v_e = (v[:p].T / penalties).T, v[p:]
        c = (root * (Q.X @ v_x).T).T
        Mc = linalg.cho_solve(factor, c, check_finite=False)
        u_e = border @ (v_e - B.T @ Mc)
        residuals = (root * (Mc + MB @ u_e).T).T
        u_x = v_x - ((residuals.T @ Q.X) / penalties).T
        return np.concatenate([u_x, u_e])

    return solve


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    v: np.ndarray,
    guess: np.ndarray | None = None,
    diagonal: np.ndarray | None = None,
    rtol: float = _SOLUTION_RTOL,
) -> np.ndarray:
    """``u`` with ``product(u) = v``, preconditioned by the diagonal of the matrix."""
    shape = (len(v), len(v))
    preconditioner = None
    if diagonal is not None:
        scale = 1 / np.where(diagonal > 0, diagonal, 1.0)
        preconditioner = LinearOperator(shape, matvec=lambda r: scale * r, dtype=float)
    operator = LinearOperator(shape, matvec=product, dtype=float)
    tolerance: dict[str, Any] = {_RTOL: rtol, "atol": 0.0}
    return cg(operator, v, x0=guess, maxiter=len(v) + 100, M=preconditioner, **tolerance)[0]


def preconditioned_cg(
    product: Callable[[np.ndarray], np.ndarray],
    v: np.ndarray,
    guess: np.ndarray | None,
    diagonal: np.ndarray,
    precondition: Solver,
    rtol: float,
    max_iter: int,
) -> tuple[np.ndarray, bool]:
    """:func:`conjugate_gradients` preconditioned by a solver; returns u and whether it converged.

    Residuals are measured in the scale of the diagonal.
    """
    if not v.any():  # SciPy 1.10 would not stop before max_iter
        return np.zeros_like(v), True
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    shape = (len(v), len(v))
    operator = LinearOperator(shape, matvec=lambda r: product(r / scale) / scale, dtype=float)
    inverse = LinearOperator(shape, matvec=lambda r: scale * precondition(scale * r), dtype=float)
    tolerance: dict[str, Any] = {_RTOL: rtol, "atol": 0.0}
    start = None if guess is None else scale * guess
    u, info = cg(operator, v / scale, x0=start, maxiter=max_iter, M=inverse, **tolerance)
    return u / scale, info == 0


def _iterative(product: Callable[[np.ndarray], np.ndarray], diagonal: np.ndarray) -> Solver:
    def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
        rtol = _STEP_RTOL if step else _ADJOINT_RTOL
        return conjugate_gradients(product, v, guess, diagonal, rtol)

    return solve
