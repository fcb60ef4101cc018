"""The loss restricted to a support, against matrices in full."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric import _quadratic
from skhyper._numeric._data import Centered
from skhyper._numeric._quadratic import Quadratic, SingularError, WorkLimitError

rng = np.random.default_rng(0)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((60, 12), np.asarray),
        ((20, 70), np.asarray),
        ((60, 30), sparse.csc_matrix),
        ((20, 70), sparse.csc_matrix),
    ],
    ids=["tall", "wide", "sparse tall", "sparse wide"],
)
@pytest.mark.parametrize("largest", [500, 0], ids=["factors", "products"])
def test_correlations_and_systems(shape, kind, center, largest, monkeypatch):
    monkeypatch.setattr(_quadratic, "_SMALL_DIRECT", largest)
    monkeypatch.setattr(_quadratic, "_LARGEST_DIRECT", largest)
    n = shape[0]
    X = rng.normal(size=shape) * (rng.random(shape) < 0.5)
    a, y = rng.random(n), rng.normal(size=n)
    quadratic = Quadratic.from_data(Centered.from_data(kind(X), a, center), y)
    unit = quadratic.unit
    assert (np.frexp(unit)[0] == 0.5).all()  # powers of two
    Xc = np.sqrt(a)[:, None] * (X - (a @ X / a.sum() if center else 0)) * unit
    G = Xc.T @ Xc / a.sum()
    assert (G.diagonal() < 1).all()
    assert (G.diagonal() >= 0.25).all()
    np.testing.assert_allclose(quadratic.c, Xc.T @ y / a.sum(), atol=1e-12)
    assert quadratic.scale == pytest.approx(G.diagonal().mean())
    for S in (np.array([2, 5, 7]), np.array([1, 2, 5, 8, 9]), np.empty(0, dtype=int)):
        w, l2, v = rng.normal(size=len(S)), rng.random(len(S)), rng.normal(size=len(S))
        expected = Xc.T @ (y - Xc[:, S] @ w) / a.sum()
        np.testing.assert_allclose(quadratic.correlations(S, w), expected, atol=1e-12)
        H = G[np.ix_(S, S)] + np.diag(l2)
        solve = quadratic.solver(S, l2)
        assert quadratic.solver(S.copy(), l2.copy()) is solve
        np.testing.assert_allclose(H @ quadratic.solve(S, l2, v), v, atol=1e-11)
        if len(S):
            condition = quadratic.condition(S, l2)
            assert 0.2 * np.linalg.cond(H) < condition < 1.001 * np.linalg.cond(H)


@pytest.mark.parametrize("shape", [(30, 6), (5, 9)])
def test_dependent_features(shape):
    X = rng.normal(size=shape)
    X[:, 3] = 2 * X[:, 1]
    quadratic = Quadratic.from_data(Centered.from_data(X, np.ones(shape[0]), True), X[:, 0])
    with pytest.raises(SingularError):
        quadratic.solver(np.array([1, 3]), np.zeros(2))
    quadratic.solver(np.array([1, 3]), np.full(2, 0.1))


def test_another_target():
    X, Y = rng.normal(size=(20, 40)), rng.normal(size=(20, 2))
    data, S = Centered.from_data(X, np.ones(20), True), np.array([3, 8])
    first = Quadratic.from_data(data, Y[:, 0])
    first.solver(S, np.zeros(2))
    second, anew = first.with_target(Y[:, 1]), Quadratic.from_data(data, Y[:, 1])
    w, v = rng.normal(size=(2, 2))
    np.testing.assert_array_equal(second.correlations(S, w), anew.correlations(S, w))
    np.testing.assert_allclose(
        second.solve(S, np.ones(2), v), anew.solve(S, np.ones(2), v), rtol=1e-14
    )


def test_work_has_an_end(monkeypatch):
    monkeypatch.setattr(_quadratic, "_SMALL_DIRECT", 0)
    monkeypatch.setattr(_quadratic, "_LARGEST_DIRECT", 0)
    X = sparse.csc_matrix(rng.normal(size=(40, 30)))
    quadratic = Quadratic.from_data(Centered.from_data(X, np.ones(40), True), rng.normal(size=40))
    S, v = np.arange(30), rng.normal(size=30)
    solve = quadratic.solver(S, np.zeros(30))
    with pytest.raises(WorkLimitError):
        for _ in range(5000):
            solve(v)
    quadratic.reset_work()
    assert np.isfinite(solve(v)).all()
