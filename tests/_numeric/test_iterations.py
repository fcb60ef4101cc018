"""Conjugate gradients, against direct solutions."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric import Design, hessian_solver, softmax_solver
from skhyper._numeric._iterations import conjugate_gradients, preconditioned_cg

rng = np.random.default_rng(0)


def test_preconditioned_iterations():
    A = rng.normal(size=(30, 30))
    H = (A @ A.T + np.eye(30)) * np.outer(*[10.0 ** np.linspace(-5, 5, 30)] * 2)
    v, near = rng.normal(size=30), H * (1 + 1e-3 * np.eye(30))
    size = np.sqrt(np.diag(H))
    arguments = lambda u: H @ u, v, lambda r: np.linalg.solve(near, r), 1e-10
    u, converged = preconditioned_cg(*arguments, 30, 1 / size)
    assert converged
    assert np.linalg.norm((H @ u - v) / size) <= 1e-9 * np.linalg.norm(v / size)
    assert not preconditioned_cg(*arguments, 1, 1 / size)[1]


def test_zero_and_singular_systems():
    H, zero = np.diag([1.0, 0.0]), np.zeros(2)
    assert conjugate_gradients(lambda u: H @ u, zero).tolist() == [0, 0]
    assert conjugate_gradients(lambda u: H @ u, np.array([2.0, 0.0])).tolist() == [2, 0]
    # No solution: the iterations end.
    u, converged = preconditioned_cg(lambda u: H @ u, np.ones(2), lambda r: r, 1e-8, 30)
    assert np.isfinite(u).all()
    assert not converged


@pytest.mark.parametrize("rtol", [1e-1, 1e-4])
@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("n_classes", [1, 3])
def test_iterations_end_at_an_error_in_the_norm_of_the_hessian(rtol, free, n_classes):
    own = np.random.default_rng(3)
    X, E = own.normal(size=(40, 90)) * (own.random((40, 90)) < 0.3), np.ones((40, 1))
    l2 = np.append(np.full(90, 1e-2), 0.0 if free else 1.0)
    Q, Z = Design.from_blocks(sparse.csr_matrix(X), E), np.hstack([X, E])
    if n_classes == 1:
        d = own.random(40)
        H, solve = Z.T @ (d[:, None] * Z) + np.diag(l2), hessian_solver(Q, d, l2)
        v = Z.T @ own.normal(size=40)
    else:
        L2 = np.repeat(l2[:, None], n_classes, axis=1)
        a, P = own.random(40), own.dirichlet(np.ones(n_classes), size=40)
        blocks = a[:, None, None] * P[:, :, None] * (np.eye(n_classes) - P[:, None, :])
        H = np.einsum("ij,ikl,im->jkml", Z, blocks, Z, optimize=True).reshape(L2.size, -1)
        H += np.diag(L2.ravel())
        solve = softmax_solver(Q, a, P, L2, np.ones(L2.shape, bool))
        V = Z.T @ own.normal(size=(40, n_classes))
        v = (V - V.mean(axis=1, keepdims=True)).ravel()
    expected = np.linalg.pinv(H, rcond=1e-12) @ v
    error = solve(v, rtol) - expected
    assert error @ H @ error <= rtol**2 * (expected @ H @ expected)
