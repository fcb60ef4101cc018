"""Solvers with the Hessian of linear models, against the matrix written out."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric._curvature import Design, hessian_solver

rng = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(50, 6), (20, 60)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n_extra", [0, 2])
def test_one_output(shape, make, n_extra):
    n, p = shape
    X = rng.normal(size=shape) * (rng.random(shape) < 0.5)
    E = rng.normal(size=(n, n_extra))
    d = rng.random(n) * (rng.random(n) < 0.9)
    l2 = np.concatenate([np.full(p, 0.3), np.zeros(n_extra)])
    v = rng.normal(size=p + n_extra)
    Q = np.hstack([X, E])
    solve = hessian_solver(Design.from_blocks(make(X), E), d, l2)
    expected = np.linalg.solve(Q.T @ (d[:, None] * Q) + np.diag(l2), v)
    np.testing.assert_allclose(solve(v), expected, rtol=1e-6, atol=1e-8)


def test_the_shortest_solution_of_a_singular_system():
    X = np.repeat(rng.normal(size=(30, 1)), 2, axis=1)
    solve = hessian_solver(Design.from_blocks(X, np.empty((30, 0))), np.ones(30), np.zeros(2))
    u = solve(np.array([1.0, 1.0]))
    assert u[0] == pytest.approx(u[1])
    assert X[:, 0] @ X[:, 0] * u.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(40, 6), (20, 60)])
def test_columns_of_any_scale(shape):
    n, p = shape
    scales = 10.0 ** np.linspace(-6, 6, p)
    X, ones = rng.normal(size=shape), np.ones((n, 1))
    l2 = np.append(np.ones(p), 0.0)
    Q, d = np.hstack([X * scales, ones]), rng.random(n)
    v = Q.T @ rng.normal(size=n)
    u = hessian_solver(Design.from_blocks(X * scales, ones), d, l2)(v)
    size = np.linalg.norm(Q, axis=0) + 1
    root = np.vstack([np.sqrt(d)[:, None] * Q, np.diag(np.sqrt(l2))]) / size
    expected = np.linalg.pinv(root.T @ root, rcond=1e-15, hermitian=True) @ (v / size) / size
    np.testing.assert_allclose(Q @ u, Q @ expected, atol=1e-6 * np.abs(Q @ expected).max())
