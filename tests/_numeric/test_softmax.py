"""Solvers with the Hessian of softmax regression, against the matrix written out."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric import _curvature
from skhyper._numeric._curvature import Design
from skhyper._numeric._softmax import softmax_preconditioner, softmax_solver

rng = np.random.default_rng(0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("p", [5, 60])
def test_several_classes(make, whole, p):
    n, K = 40, 3
    X, E = rng.normal(size=(n, p)), np.ones((n, 1))
    P = rng.dirichlet(np.ones(K), size=n)
    a = rng.random(n)
    l2 = np.repeat([0.2, 0.0], [p, 1])[:, None] * np.ones(K)
    support = np.ones((p + 1, K), bool) if whole else rng.random((p + 1, K)) < 0.6
    V = rng.normal(size=(p + 1, K))
    V[-1] -= V[-1].mean()
    if not whole:
        support[-1] = [True, True, False]
    v = V[support]
    u = softmax_solver(Design.from_blocks(make(X), E), a, P, l2, support)(v)
    Q = np.hstack([X, E])
    U = np.zeros_like(V)
    U[support] = u
    Z = Q @ U
    product = Q.T @ (a[:, None] * P * (Z - (P * Z).sum(1, keepdims=True))) + l2 * U
    np.testing.assert_allclose(product[support], v, rtol=1e-5, atol=1e-7)


def softmax_matrix(Q, a, P, l2):
    """H of the coefficients (q, K), row by row."""
    K = P.shape[1]
    H = np.einsum("ij,i,ik,ikl,im->jkml", Q, a, P, np.eye(K) - P[:, None, :], Q, optimize=True)
    return H.reshape(Q.shape[1] * K, -1) + np.diag(l2.ravel())


def softmax_system(scales, n=60, K=4):
    own = np.random.default_rng(2)
    X, E = own.normal(size=(n, len(scales))) * scales, np.ones((n, 1))
    P, a = own.dirichlet(np.ones(K), size=n), own.random(n)
    l2 = np.repeat(np.append(np.ones(len(scales)), 0.0), K).reshape(-1, K)
    return Design.from_blocks(X, E), a, P, l2


@pytest.mark.parametrize("solver", [softmax_solver, softmax_preconditioner])
def test_intercepts_of_several_classes_need_no_pseudo_inverse(solver, monkeypatch):
    # Along what they have in common the matrix is singular.
    def refuse(H):
        raise AssertionError("a pseudo-inverse of the whole matrix")

    monkeypatch.setattr(_curvature.linalg, "pinvh", refuse)
    Q, a, P, l2 = system = softmax_system(np.ones(5))
    V = rng.normal(size=l2.shape)
    V -= V.mean(axis=1, keepdims=True)
    u = solver(*system, np.ones(l2.shape, bool))(V.ravel())
    expected = np.linalg.pinv(softmax_matrix(Q.dense, a, P, l2), rcond=1e-12) @ V.ravel()
    tolerance = 1e-9 if solver is softmax_solver else 1e-3
    np.testing.assert_allclose(u, expected, atol=tolerance * np.abs(expected).max())


def test_several_classes_by_the_triangle_of_a_root():
    # 1e6 squared leaves nothing of a penalty of 1 in the Gram matrix of columns that are equal.
    scales = np.array([1e6, 1.0, 1e-3])
    Q, a, P, l2 = softmax_system(scales)
    X = np.column_stack([Q.X, 1e6 * Q.X[:, 1]])
    Q = Design.from_blocks(X, np.ones((len(X), 1)))
    l2 = np.vstack([l2[:1], l2])
    V = X.T @ rng.normal(size=(len(X), 4))  # the layout of a loss of predictions
    V -= V.mean(axis=1, keepdims=True)
    V = np.vstack([V, np.zeros((1, 4))])
    u = softmax_solver(Q, a, P, l2, np.ones(l2.shape, bool))(V.ravel())
    d = np.repeat(1 / np.append(np.linalg.norm(X, axis=0), 1.0), 4)
    # The same through the singular values of a root of the matrix.
    S = np.sqrt(a[:, None, None] * P[:, :, None]) * (np.eye(4) - P[:, None, :])
    A = (Q.dense[:, None, :, None] * S[:, :, None, :]).reshape(-1, len(d))
    A = np.vstack([A, np.diag(np.sqrt(l2.ravel()))]) * d
    _, sizes, Wt = np.linalg.svd(A, full_matrices=False)
    keep = sizes > 1e-13 * sizes[0]
    expected = d * (Wt[keep].T @ ((Wt[keep] @ (d * V.ravel())) / sizes[keep] ** 2))
    predicted, wanted = (Q.dense @ u.reshape(-1, 4) for u in (u, expected))
    for Z in (predicted, wanted):  # means over the classes are rounding
        Z -= Z.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(predicted, wanted, atol=1e-6 * np.abs(wanted).max())
