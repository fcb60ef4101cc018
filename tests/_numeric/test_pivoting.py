"""Block principal pivoting: the optimality conditions, whatever the way to the penalties."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric._data import Centered
from skhyper._numeric._pivoting import Pivoting
from skhyper._numeric._quadratic import Quadratic

rng = np.random.default_rng(0)


def problem(n, p, kind=np.asarray, positive=False):
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    y = X[:, :6] @ (1 + rng.random(6)) + rng.normal(size=n)
    X, y = X - X.mean(axis=0), y - y.mean()
    quadratic = Quadratic.from_data(Centered.from_data(kind(X), np.ones(n), False), y)
    return X, y, Pivoting(quadratic, min(n - 1, p), positive)


def check(X, y, pivoting, l1, l2, positive=False):
    w = np.zeros(X.shape[1])
    w[pivoting.S] = pivoting.w
    C = X.T @ (y - X @ w) / len(y) - l2 * w
    inside = w != 0
    np.testing.assert_allclose(C[inside], (l1 * np.sign(w))[inside], atol=1e-9)
    assert np.all((C if positive else np.abs(C))[~inside] <= l1[~inside] + 1e-9)
    assert not positive or (w >= 0).all()
    return inside.sum()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csc_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("shape", [(100, 20), (40, 120)])
def test_a_walk_through_penalties(shape, kind, positive):
    X, y, pivoting = problem(*shape, kind, positive)
    top, p = np.abs(X.T @ y).max() / len(y), shape[1]
    sizes = []
    for share in (0.5, 0.01, 0.3, 0.003, 2.0, 0.1):
        l1 = share * top * rng.uniform(0.5, 2, p)
        l2 = 0.01 * share * rng.integers(0, 2, p)
        pivoting.minimize(l1, l2)
        assert pivoting.exact
        sizes.append(check(X, y, pivoting, l1, l2, positive))
    assert max(sizes) > 8
    assert sizes[4] == 0


def test_features_without_a_penalty():
    X, y, pivoting = problem(60, 20)
    for start in (0, 5):
        l1 = np.where(np.arange(20) < start + 3, 0.0, 0.3)
        pivoting.minimize(l1, np.zeros(20))
        assert pivoting.exact
        check(X, y, pivoting, l1, np.zeros(20))
        assert set(range(start + 3)) <= set(pivoting.S)


def test_what_is_not_determined():
    X = np.repeat(rng.normal(size=(30, 3)), 2, axis=1)
    X -= X.mean(axis=0)
    y = X.sum(axis=1)
    pivoting = Pivoting(Quadratic.from_data(Centered.from_data(X, np.ones(30), False), y), 6)
    l1, l2 = np.zeros(6), np.zeros(6)
    pivoting.minimize(np.full(6, 1e3), l2)
    pivoting.minimize(l1, l2, approximate=False)
    assert not pivoting.exact
    assert not len(pivoting.S)
    pivoting.minimize(l1, l2)
    assert not pivoting.exact
    w = np.zeros(6)
    w[pivoting.S] = pivoting.w
    np.testing.assert_allclose(X @ w, y, atol=1e-6)
    np.testing.assert_allclose(w[::2], w[1::2], rtol=1e-5)


def test_the_adjoint_system():
    X, _, pivoting = problem(50, 20)
    pivoting.minimize(np.full(20, 0.1), np.full(20, 0.2))
    S = pivoting.S
    v = rng.normal(size=len(S))
    H = X[:, S].T @ X[:, S] / 50 + 0.2 * np.eye(len(S))
    np.testing.assert_allclose(H @ pivoting.solve(v), v, atol=1e-9)


@pytest.mark.parametrize("shape", [(100, 20), (40, 120)])
def test_the_lasso_needs_one_of_features_that_are_multiples_of_each_other(shape):
    X, y, _ = problem(*shape)
    X = np.hstack([X, X[:, :3], -2 * X[:, 3:5]])
    n, p = X.shape
    pivoting = Pivoting(
        Quadratic.from_data(Centered.from_data(X, np.ones(n), False), y), min(n - 1, p)
    )
    size = 0.05 * np.abs(X.T @ y).max() / n
    for ratio in (1.0, 0.9, 1.0, 0.5, 1.0):  # the elastic net has them all
        pivoting.minimize(np.full(p, size * ratio), np.full(p, size * (1 - ratio)))
        assert pivoting.exact
        check(X, y, pivoting, np.full(p, size * ratio), size * (1 - ratio))
        assert np.isin([0, shape[1]], pivoting.S).sum() == (1 if ratio == 1 else 2)
