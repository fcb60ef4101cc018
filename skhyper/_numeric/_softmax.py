"""Linear systems with the Hessian of softmax regression.

It has blocks ``Qᵀ diag(a (δ_kl P_k - P_k P_l)) Q``.

Notation
--------
n, p, q, K : number of samples, features, coefficients with the intercept, classes
Q : design, (n, q);  a : sample weights, (n,);  λ : l2 penalties, (q, K)
P : probabilities, (n, K)
v, u : right side and solution, entries of `support` only;  support : (q, K)
"""

from collections.abc import Iterator

import numpy as np

from skhyper._numeric._curvature import LARGEST_SOFTMAX, Design, cholesky_solver, root_solver
from skhyper._numeric._families import multinomial
from skhyper._numeric._iterations import (
    ADJOINT_RTOL,
    Operator,
    Solver,
    conjugate_gradients,
    dual_iterations,
    preconditioned_cg,
)

# Minimum pivot of a Cholesky factor in single precision.
_SMALLEST_SINGLE_PIVOT = 3e-3
# Relative residual, and maximum number of iterations with a factor of another point, which cost
# as much as a factorization; ratio of the largest to the smallest change of the diagonal of H up
# to which a factor is used again.
_RTOL, _MOST_ITERATIONS, _SPREAD = 1e-9, 30, 4.0


class SoftmaxFactor:
    """The last preconditioner, used again for matrices similar to its own."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray, Solver] | None = None  # support, diagonal, solver

    def solver(
        self, Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
    ) -> Solver:
        """:func:`softmax_solver` by iterations with the preconditioner."""
        system = Q, a, P, l2, support
        if Q.dense is None or support.size > LARGEST_SOFTMAX:
            return softmax_solver(*system)
        product, diagonal = _softmax_product(*system)
        scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))

        def solve(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
            for _ in range(2):
                if self._last is None or not self._serves(support, diagonal):
                    self._last = support.copy(), diagonal, softmax_preconditioner(*system)
                arguments = self._last[2], rtol or _RTOL, _MOST_ITERATIONS, scale
                u, converged = preconditioned_cg(product, v, *arguments)
                if converged:
                    return u
                self._last = None
            return softmax_solver(*system)(v)

        return _with_separate_means(solve, l2, support)

    def _serves(self, support: np.ndarray, diagonal: np.ndarray) -> bool:
        assert self._last is not None
        if not np.array_equal(self._last[0], support):
            return False
        with np.errstate(all="ignore"):
            ratio = diagonal / self._last[1]
        return bool(ratio.max(initial=0.0) <= _SPREAD * ratio.min(initial=np.inf))


def softmax_solver(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Solver:
    """:func:`hessian_solver` for K classes; v and u hold the entries of `support` only."""
    if Q.dense is not None and l2.size <= LARGEST_SOFTMAX:
        solve = cholesky_solver(_softmax_hessian(Q.dense, a, P, l2, support))
        if solve is None:
            keep = support.T.ravel()
            parts = (part[:, keep] for part in _softmax_roots(Q.dense, a, P, l2, support))
            solve = root_solver(parts, l2.T.ravel()[keep])
        return _with_separate_means(_by_class(solve, support), l2, support)
    (n, _), p = Q.shape, Q.X.shape[1]
    if p > n and support.all() and l2[:p].min() > 0 and not np.ptp(l2, axis=1).any():
        dual = _softmax_dual(Q, a, P, l2)
        if dual is not None:
            return dual
    product, diagonal = _softmax_product(Q, a, P, l2, support)
    return _with_separate_means(
        lambda v, rtol=None: conjugate_gradients(product, v, diagonal, rtol or ADJOINT_RTOL),
        l2,
        support,
    )


def softmax_preconditioner(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Solver:
    """:func:`softmax_solver` for a dense Q with a factor in single precision, in half of the time.

    In double precision if that is singular.
    """
    assert Q.dense is not None
    sizes = Q.squared_norms(a) + l2.max(axis=1)
    scale = 1 / np.sqrt(np.where(sizes > 0, sizes, 1.0))
    X32, a32, P32 = (x.astype(np.float32) for x in (scale * Q.dense, a, P))
    H = _softmax_hessian(X32, a32, P32, (scale**2)[:, None] * l2, support)
    factor = cholesky_solver(H, _SMALLEST_SINGLE_PIVOT)
    if factor is None:
        return softmax_solver(Q, a, P, l2, support)
    scales = np.broadcast_to(scale, support.T.shape)[support.T]
    return _by_class(lambda v, rtol=None: scales * factor((scales * v).astype(np.float32)), support)


def _by_class(solve: Solver, support: np.ndarray) -> Solver:
    """Solver for entries of `support`, from one for those of its transpose."""
    order = np.arange(support.size).reshape(support.shape).T[support.T]
    index = np.cumsum(support.ravel())[order] - 1

    def whole(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
        u = np.empty_like(v)
        u[index] = solve(v[index])
        return u

    return whole


def _common(l2: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Rows of coefficients, (q,), whose mean over the classes enters H by its penalty only."""
    return support.all(axis=1) & (l2 == l2[:, :1]).all(axis=1)


def _with_separate_means(solve: Solver, l2: np.ndarray, support: np.ndarray) -> Solver:
    """Solver with H, from a solver with H plus a term in the means of rows over the classes.

    The means have separate equations, ``λ ū = v̄``, with coefficients much smaller than all others
    of H.
    """
    common = _common(l2, support)
    if not common.any():
        return solve
    penalties = l2[common, :1]
    inverse = np.divide(1.0, penalties, out=np.zeros_like(penalties), where=penalties > 0)

    def whole(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
        V, U = np.zeros(support.shape), np.zeros(support.shape)
        V[support] = v
        means = V[common].mean(axis=1, keepdims=True)
        V[common] -= means
        U[support] = solve(V[support], rtol)
        U[common] += inverse * means - U[common].mean(axis=1, keepdims=True)
        return U[support]

    return whole


def _softmax_hessian(
    X: np.ndarray, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """H of the entries of `support`, in the order of its transpose (K, q).

    It includes the term of :func:`_with_separate_means`.
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
    :func:`_with_separate_means`.
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


def _softmax_dual(Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray) -> Solver | None:
    """:func:`dual_iterations` with the root S Q of H, S as in :func:`_softmax_roots`."""
    root = np.sqrt(a[:, None] * P)

    def curved(Z: np.ndarray) -> np.ndarray:
        return (root * (Z - (P * Z).sum(axis=1, keepdims=True))).ravel()

    def adjoint(t: np.ndarray) -> np.ndarray:
        R = root * t.reshape(P.shape)
        return Q.adjoint(R - P * R.sum(axis=1, keepdims=True)).ravel()

    free = Q.E[:, l2[Q.X.shape[1] :, 0] == 0]
    B = [curved(np.outer(column, unit)) for column in free.T for unit in np.eye(P.shape[1])]
    sizes = root**2 * (1 - 2 * P + (P * P).sum(axis=1, keepdims=True))
    return dual_iterations(
        lambda u: curved(Q.apply(u.reshape(l2.shape))),
        adjoint,
        np.array(B).reshape(-1, P.size).T,
        (1.0 + Q.squared_rows(l2[:, 0])[:, None] * sizes).ravel(),
        l2.ravel(),
    )


def _softmax_product(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> tuple[Operator, np.ndarray]:
    """Product with H, and its diagonal, both with the term of :func:`_with_separate_means`."""

    def product(u: np.ndarray) -> np.ndarray:
        U = np.zeros(support.shape)
        U[support] = u
        HU = Q.adjoint(a[:, None] * multinomial.curved(P, Q.apply(U))) + l2 * U
        HU[common] += weight * U[common].mean(axis=1, keepdims=True)
        return HU[support]

    diagonal = Q.squared_norms(a[:, None] * P * (1 - P)) + l2
    common = _common(l2, support)
    weight = diagonal[common].mean(axis=1, keepdims=True)
    return product, diagonal[support]
