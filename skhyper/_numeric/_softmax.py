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
from typing import Any

import numpy as np

from skhyper._numeric._curvature import (
    LARGEST_SOFTMAX,
    Design,
    cholesky_solver,
    root_solver,
)
from skhyper._numeric._iterations import Operator, Solver, dual_iterations, primal_iterations

__all__ = [
    "softmax_preconditioner",
    "softmax_product",
    "softmax_solver",
    "with_separate_means",
]

# Minimum pivot of a Cholesky factor in single precision.
_SMALLEST_SINGLE_PIVOT = 3e-3


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
    if Q.dense is None or q * K > LARGEST_SOFTMAX:
        return _softmax_iterations(Q, a, P, l2, support)
    # From the order of the blocks, (K, q), to that of the entries of `support`, (q, K).
    keep = np.flatnonzero(support.T)
    order = np.argsort(np.argsort((keep % q) * K + keep // q))
    solve = cholesky_solver(_softmax_hessian(Q.dense, a, P, l2, support))
    if solve is None:
        parts = (part[:, keep] for part in _softmax_roots(Q.dense, a, P, l2, support))
        solve = root_solver(parts, l2.T.ravel()[keep])
    inverse = np.argsort(order)
    return with_separate_means(
        lambda v, guess=None, rtol=None: solve(v[order])[inverse], l2, support
    )


def softmax_preconditioner(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> Solver | None:
    """:func:`softmax_solver` with a factor in single precision, in half of the time.

    In double precision if that is singular; None if the matrix would not be factorized.
    """
    (_, q), K = Q.shape, P.shape[1]
    if Q.dense is None or q * K > LARGEST_SOFTMAX:
        return None
    sizes = Q.squared_norms(a) + l2.max(axis=1)
    scale = 1 / np.sqrt(np.where(sizes > 0, sizes, 1.0))
    X32, a32, P32 = (x.astype(np.float32) for x in (scale * Q.dense, a, P))
    H = _softmax_hessian(X32, a32, P32, (scale**2)[:, None] * l2, support)
    factor = cholesky_solver(H, _SMALLEST_SINGLE_PIVOT)
    if factor is None:
        return softmax_solver(Q, a, P, l2, support)
    # Entries of support, (q, K), in the order of the blocks, (K, q).
    order = np.arange(support.size).reshape(support.shape).T[support.T]
    index = np.cumsum(support.ravel())[order] - 1
    scales = np.broadcast_to(scale[:, None], support.shape)[support][index]

    def solve(v: np.ndarray, guess: Any = None, rtol: Any = None) -> np.ndarray:
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

    def whole(v: np.ndarray, guess: Any = None, rtol: Any = None) -> np.ndarray:
        V, U = np.zeros(support.shape), np.zeros(support.shape)
        V[support] = v
        means = V[common].mean(axis=1, keepdims=True)
        V[common] -= means
        U[support] = solve(V[support], guess, rtol)
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
    (n, _), p = Q.shape, Q.X.shape[1]
    if p > n and support.all() and l2[:p].min() > 0 and not np.ptp(l2, axis=1).any():
        root = np.sqrt(a[:, None] * P)

        def curved(Z: np.ndarray) -> np.ndarray:  # S Z, S as in _softmax_roots
            return root * (Z - (P * Z).sum(axis=1, keepdims=True))

        def transposed(t: np.ndarray) -> np.ndarray:
            R = root * t.reshape(P.shape)
            return Q.adjoint(R - P * R.sum(axis=1, keepdims=True)).ravel()

        free = Q.E[:, l2[p:, 0] == 0]
        B = [curved(np.outer(f, unit)).ravel() for f in free.T for unit in np.eye(P.shape[1])]
        rows = Q.squared_rows(l2[:, 0])[:, None]
        diagonal = 1.0 + rows * root**2 * (1 - 2 * P + (P * P).sum(axis=1, keepdims=True))
        dual = dual_iterations(
            lambda u: curved(Q.apply(u.reshape(l2.shape))).ravel(),
            transposed,
            np.array(B).reshape(-1, P.size).T,
            diagonal.ravel(),
            l2.ravel(),
        )
        if dual is not None:
            return dual
    primal = primal_iterations(*softmax_product(Q, a, P, l2, support))
    return with_separate_means(primal, l2, support)


def softmax_product(
    Q: Design, a: np.ndarray, P: np.ndarray, l2: np.ndarray, support: np.ndarray
) -> tuple[Operator, np.ndarray]:
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
