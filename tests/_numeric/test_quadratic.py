"""The loss restricted to a support, against matrices in full."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric._data import Centred
from skhyper._numeric._quadratic import HopelessError, Quadratic, SingularError

rng = np.random.default_rng(0)


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize(
    ("shape", "kind"),
    [((60, 12), np.asarray), ((20, 70), np.asarray), ((60, 30), sparse.csc_matrix)],
    ids=["tall", "wide", "sparse"],
)
def test_correlations_and_systems(shape, kind, centre):
    n = shape[0]
    X = rng.normal(size=shape) * (rng.random(shape) < 0.5)
    a, y = rng.random(n), rng.normal(size=n)
    quadratic = Quadratic.of(Centred.of(kind(X), a, centre), y)
    Xc = np.sqrt(a)[:, None] * (X - (a @ X / a.sum() if centre else 0))
    G = Xc.T @ Xc / a.sum()
    np.testing.assert_allclose(quadratic.c, Xc.T @ y / a.sum(), atol=1e-12)
    assert quadratic.scale == pytest.approx(G.diagonal().mean())
    for S in (np.array([2, 5, 7]), np.array([1, 2, 5, 8, 9]), np.empty(0, dtype=int)):
        w, l2, v = rng.normal(size=len(S)), rng.random(len(S)), rng.normal(size=len(S))
        expected = Xc.T @ (y - Xc[:, S] @ w) / a.sum()
        np.testing.assert_allclose(quadratic.correlations(S, w), expected, atol=1e-12)
        H = G[np.ix_(S, S)] + np.diag(l2)
        solve = quadratic.solver(S, l2)
        assert quadratic.solver(S.copy(), l2.copy()) is solve
        u = solve(v)
        u = u + solve(v - H @ u)
        np.testing.assert_allclose(H @ u, v, atol=1e-9)


@pytest.mark.parametrize("shape", [(30, 6), (5, 9)])
def test_dependent_features(shape):
    X = rng.normal(size=shape)
    X[:, 3] = 2 * X[:, 1]
    quadratic = Quadratic.of(Centred.of(X, np.ones(shape[0]), True), X[:, 0])
    with pytest.raises(SingularError):
        quadratic.solver(np.array([1, 3]), np.zeros(2))
    quadratic.solver(np.array([1, 3]), np.full(2, 0.1))


def test_work_has_an_end():
    X = sparse.csc_matrix(rng.normal(size=(40, 30)))
    quadratic = Quadratic.of(Centred.of(X, np.ones(40), True), rng.normal(size=40))
    S, v = np.arange(30), rng.normal(size=30)
    solve = quadratic.solver(S, np.zeros(30))
    with pytest.raises(HopelessError):
        for _ in range(5000):
            solve(v)
    quadratic.begin()
    assert np.isfinite(solve(v)).all()
