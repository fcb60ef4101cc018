"""Solvers with the Hessian of linear models, against the matrix written out."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric._curvature import Design, hessian_solver, softmax_solver

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
    solve = hessian_solver(Design.of(make(X), E), d, l2)
    expected = np.linalg.solve(Q.T @ (d[:, None] * Q) + np.diag(l2), v)
    np.testing.assert_allclose(solve(v), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(solve(v, expected), expected, rtol=1e-6, atol=1e-8)


def test_the_shortest_solution_of_a_singular_system():
    X = np.repeat(rng.normal(size=(30, 1)), 2, axis=1)
    solve = hessian_solver(Design.of(X, np.empty((30, 0))), np.ones(30), np.zeros(2))
    u = solve(np.array([1.0, 1.0]))
    assert u[0] == pytest.approx(u[1])
    assert X[:, 0] @ X[:, 0] * u.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("whole", [True, False])
def test_several_classes(make, whole):
    n, p, K = 40, 5, 3
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
    u = softmax_solver(Design.of(make(X), E), a, P, l2, support)(v)
    Q = np.hstack([X, E])
    U = np.zeros_like(V)
    U[support] = u
    Z = Q @ U
    product = Q.T @ (a[:, None] * P * (Z - (P * Z).sum(1, keepdims=True))) + l2 * U
    np.testing.assert_allclose(product[support], v, rtol=1e-5, atol=1e-7)
