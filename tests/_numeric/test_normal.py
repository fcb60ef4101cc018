"""Systems of ridge regression with a penalty for each feature, against the matrix in full."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric import Centered, NormalEquations

rng = np.random.default_rng(0)


@pytest.mark.parametrize("n_free", [0, 3])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    ("shape", "kind", "way"),
    [
        ((60, 8), np.asarray, "primal"),
        ((20, 70), np.asarray, "dual"),
        ((60, 30), sparse.csr_matrix, "primal"),
        ((50, 1100), sparse.csr_matrix, "iterative"),
    ],
)
def test_solutions(shape, kind, way, center, n_free):
    n, p = shape
    X = rng.normal(size=shape) * (rng.random(shape) < 0.4)
    a = rng.random(n)
    penalties = 10 ** rng.uniform(-2, 3, size=p)
    penalties[rng.choice(p, n_free, replace=False)] = 0.0
    system = NormalEquations(Centered.from_data(kind(X), a, center), center)
    assert system.method(penalties) == way
    V = rng.normal(size=(p, 2))
    W = system.factorize(penalties).solve(V)
    Xc = np.sqrt(a)[:, None] * (X - (a @ X / a.sum() if center else 0))
    np.testing.assert_allclose((Xc.T @ Xc + np.diag(penalties)) @ W, V, rtol=1e-6, atol=1e-7)


def test_penalties_of_very_different_sizes():
    X = rng.normal(size=(40, 3))
    penalties = np.array([1e-10, 1.0, 1e14])
    W = (
        NormalEquations(Centered.from_data(X, np.ones(40), False), False)
        .factorize(penalties)
        .solve(np.eye(3))
    )
    expected = np.linalg.inv(X.T @ X + np.diag(penalties))
    np.testing.assert_allclose(W, expected, rtol=1e-6, atol=1e-24)


def test_the_shortest_solution_of_a_singular_system():
    X = np.repeat(rng.normal(size=(30, 1)), 2, axis=1)
    system = NormalEquations(Centered.from_data(X, np.ones(30), False), False)
    W = system.factorize(np.zeros(2)).solve(X.T @ X[:, :1])
    np.testing.assert_allclose(W, [[0.5], [0.5]])


def test_more_features_without_a_penalty_than_samples():
    X = rng.normal(size=(10, 60))
    penalties = np.where(np.arange(60) < 20, 0.0, 1.0)
    system = NormalEquations(Centered.from_data(X, np.ones(10), False), False)
    assert system.method(penalties) == "primal"
    W = system.factorize(penalties).solve(X.T @ rng.normal(size=(10, 1)))
    np.testing.assert_allclose(W[20:], 0.0, atol=1e-10)
