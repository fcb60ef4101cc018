"""The search for the maximum: its constraints, its quality, and a small optimisation."""

import numpy as np
import pytest

from skhyper.gp import (
    Hyperparameters,
    fit_gp,
    gp_posterior,
    log_ei_with_gradient,
    maximize_log_ei,
)


@pytest.fixture
def gp(rng):
    X = rng.random((15, 3))
    h = Hyperparameters(np.array([0.3, 0.5, 0.8]), 1.0, 1e-4, 0.0)
    return gp_posterior(X, np.sin(6.0 * X[:, 0]) + X[:, 1], h)


def test_maximum_beats_a_dense_sample(gp, rng):
    best = gp.y.min()
    points, values = maximize_log_ei(gp, best, rng.random((300, 3)))
    dense = log_ei_with_gradient(gp, rng.random((20_000, 3)), best)[0]
    assert values[0] >= dense.max()
    assert np.all(np.diff(values) <= 0.0)
    assert points.shape == (5, 3)
    assert points.min() >= 0.0
    assert points.max() <= 1.0
    np.testing.assert_allclose(log_ei_with_gradient(gp, points, best)[0], values, rtol=1e-9)


def test_values_are_no_worse_than_the_candidates(gp, rng):
    X = rng.random((100, 3))
    best = gp.y.min()
    _, values = maximize_log_ei(gp, best, X, n_polish=1)
    assert values[0] >= log_ei_with_gradient(gp, X, best)[0].max()


def test_a_hopeless_start_does_not_hold_up_the_others():
    X = np.linspace(0.0, 1.0, 30)[:, None]
    h = Hyperparameters(np.array([0.2]), 1.0, 1e-8, 0.0)
    gp = gp_posterior(X, 4.0 * np.abs(X[:, 0] - 0.31), h)
    good, hopeless = [[0.32]], [[0.91], [0.95], [1.0]]
    best = gp.y.min()
    alone = maximize_log_ei(gp, best, good)[1][0]
    assert alone > log_ei_with_gradient(gp, np.array(good), best)[0] + 0.1  # there is a way to go
    assert maximize_log_ei(gp, best, good + hopeless)[1][0] == pytest.approx(alone, abs=1e-6)


def test_held_columns_are_held(gp, rng):
    X = rng.random((100, 3))
    X[:, 1] = np.round(4.0 * X[:, 1]) / 4.0
    points, _ = maximize_log_ei(gp, gp.y.min(), X, free=[True, False, True])
    assert np.isin(points[:, 1], X[:, 1]).all()
    assert not np.isin(points[:, 0], X[:, 0]).all()


def test_entries_held_for_some_candidates(gp, rng):
    X = rng.random((40, 3))
    free = rng.random((40, 3)) < 0.5
    points, _ = maximize_log_ei(gp, gp.y.min(), X, free=free, n_polish=10)
    for point in points:  # each has the held entries of some candidate
        assert np.any(np.all((point == X) | free, axis=1))


def test_nothing_free_ranks_the_candidates(gp, rng):
    X = rng.random((30, 3))
    points, values = maximize_log_ei(gp, gp.y.min(), X, free=np.zeros(3, dtype=bool), n_polish=4)
    expected = log_ei_with_gradient(gp, X, gp.y.min())[0]
    np.testing.assert_allclose(values[0], expected.max())
    assert all((point == X).all(axis=1).any() for point in points)


def test_no_starts(gp, rng):
    points, values = maximize_log_ei(gp, gp.y.min(), rng.random((50, 3)), n_polish=0)
    assert points.shape == (0, 3)
    assert values.shape == (0,)


def test_fewer_candidates_than_starts(gp):
    X = np.full((3, 3), 0.5)  # all alike, too
    points, values = maximize_log_ei(gp, gp.y.min(), X)
    assert points.shape == (3, 3)
    assert values.shape == (3,)


def test_starts_differ(gp, rng):
    center = np.array([0.9, 0.1, 0.5])
    X = np.vstack([center + 1e-4 * rng.standard_normal((40, 3)), rng.random((10, 3))])
    points, _ = maximize_log_ei(gp, gp.y.min(), X, free=np.zeros(3, dtype=bool), n_polish=3)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    assert distances[np.triu_indices(3, 1)].min() > 0.01


@pytest.mark.parametrize("candidates", [np.zeros((0, 3)), np.zeros((4, 2)), [[0.1, 0.2, np.nan]]])
def test_candidates_are_checked(gp, candidates):
    with pytest.raises(ValueError, match="at least one finite point of 3 columns"):
        maximize_log_ei(gp, 0.0, candidates)


def test_best_is_checked(gp):
    with pytest.raises(ValueError, match="best must be finite, got nan"):
        maximize_log_ei(gp, np.nan, np.zeros((4, 3)))


def test_free_is_checked(gp):
    with pytest.raises(ValueError, match="free must have shape"):
        maximize_log_ei(gp, 0.0, np.zeros((4, 3)), free=[True])


def branin(X):
    """Branin's function on the unit square; its minimum is 0.398."""
    a, b = 15.0 * X[:, 0] - 5.0, 15.0 * X[:, 1]
    valley = b - 5.1 / (4.0 * np.pi**2) * a**2 + 5.0 / np.pi * a - 6.0
    return valley**2 + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(a) + 10.0


def test_search_beats_random_on_branin():
    found, by_chance = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = rng.random((4, 2))
        while len(X) < 30:
            gp = fit_gp(X, branin(X))
            points, _ = maximize_log_ei(gp, branin(X).min(), rng.random((500, 2)), n_polish=3)
            X = np.vstack([X, points[:1]])
        found.append(branin(X).min() - 0.397887)
        by_chance.append(branin(rng.random((30, 2))).min() - 0.397887)
    assert np.mean(found) < 0.1 * np.mean(by_chance)
