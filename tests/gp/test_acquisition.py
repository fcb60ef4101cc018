"""Log expected improvement against integration, its gradient, its maximum, and a small search."""

import numpy as np
import pytest
from scipy.integrate import quad

from skhyper.gp import (
    Hyperparameters,
    fit_gp,
    gp_posterior,
    log_ei_with_gradient,
    log_expected_improvement,
    maximize_log_ei,
)


def log_ei_by_integration(z):
    """log ∫ u φ(u − z) du over u > 0; the integrand is positive, so no digits are lost."""
    scale = 1.0 / max(1.0, -z)  # the width of the integrand in the lower tail
    upper = 40.0 + max(z, 0.0) / scale

    def integrand(s):
        u = s * scale
        return s * np.exp(-0.5 * u * u + (u * z if z < 0.0 else u * z - 0.5 * z * z))

    value, _ = quad(integrand, 0.0, upper, epsabs=0.0, epsrel=1e-12, limit=500)
    tail = -0.5 * z * z if z < 0.0 else 0.0
    return np.log(value) + 2.0 * np.log(scale) + tail - 0.5 * np.log(2.0 * np.pi)


@pytest.mark.parametrize(
    "z", [5.0, 1.0, 0.0, -0.9, -1.1, -5.0, -30.0, -99.0, -101.0, -1e3, -1e5, -1e7]
)
def test_against_integration(z):
    value, by_mean, _ = log_expected_improvement(np.array([-z]), np.array([1.0]), 0.0)
    expected = log_ei_by_integration(z)
    np.testing.assert_allclose(value[0], expected, rtol=2e-12, atol=1e-11)
    # without the Gaussian part, so that the rest is seen
    np.testing.assert_allclose(value[0] + 0.5 * z * z, expected + 0.5 * z * z, rtol=1e-9, atol=1e-9)
    assert by_mean[0] < 0.0


def test_is_smooth_where_the_formulas_meet():
    for z in (-1.0, -100.0):
        mean = -z + np.array([-1e-9, 1e-9])
        for part in log_expected_improvement(mean, np.ones(2), 0.0):
            np.testing.assert_allclose(part[0], part[1], rtol=1e-8)


@pytest.mark.parametrize("mean", [-3.0, 0.5, 2.0, 40.0, 150.0])
@pytest.mark.parametrize("std", [0.3, 2.0])
def test_derivatives(mean, std, check_gradient):
    def value(point):
        return log_expected_improvement(point[:1], point[1:], 0.2)[0][0]

    point = np.array([mean, std])
    _, by_mean, by_std = log_expected_improvement(point[:1], point[1:], 0.2)
    check_gradient(value, np.concatenate([by_mean, by_std]), point, rtol=1e-6, atol=1e-5)


def test_extremes_stay_finite():
    mean = np.array([1.0, 1.0, -1.0, -1e200, 1e200])
    std = np.array([1e-12, 1e-100, 1e-200, 1.0, 1.0])
    for part in log_expected_improvement(mean, std, 0.0):
        assert np.isfinite(part[:4]).all()
    value = log_expected_improvement(mean, std, 0.0)[0]
    assert value[4] < -1e299
    np.testing.assert_allclose(value[[2, 3]], [0.0, np.log(1e200)], atol=1e-9)


def test_without_uncertainty():
    mean, std = np.array([-2.0, 0.0, 1.0, 0.5]), np.array([0.0, 0.0, 0.0, 1.0])
    value, by_mean, by_std = log_expected_improvement(mean, std, 0.0)
    expected = log_expected_improvement(mean[3:], std[3:], 0.0)
    np.testing.assert_allclose(value, [np.log(2.0), -np.inf, -np.inf, expected[0][0]])
    np.testing.assert_allclose(by_mean, [-0.5, 0.0, 0.0, expected[1][0]])
    np.testing.assert_allclose(by_std, [0.0, 0.0, 0.0, expected[2][0]])


@pytest.fixture
def gp(rng):
    X = rng.random((15, 3))
    h = Hyperparameters(np.array([0.3, 0.5, 0.8]), 1.0, 1e-4, 0.0)
    return gp_posterior(X, np.sin(6.0 * X[:, 0]) + X[:, 1], h)


def test_gradient_of_the_process(gp, rng, check_gradient):
    X = rng.random((6, 3))
    for best in (gp.y.min(), gp.y.min() - 10.0):
        _, gradient = log_ei_with_gradient(gp, X, best)

        def value(points, best=best):
            return log_ei_with_gradient(gp, points, best)[0].sum()

        check_gradient(value, gradient, X, step=1e-6, rtol=1e-5)


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


def test_bounds(gp, rng):
    points, _ = maximize_log_ei(gp, gp.y.min(), rng.random((50, 3)), bounds=(0.2, 0.4))
    assert points.min() >= 0.2
    assert points.max() <= 0.4


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
        X, start = rng.random((4, 2)), None
        while len(X) < 30:
            gp = fit_gp(X, branin(X), start=start)
            start = gp.hyperparameters
            points, _ = maximize_log_ei(gp, branin(X).min(), rng.random((500, 2)), n_polish=3)
            X = np.vstack([X, points[:1]])
        found.append(branin(X).min() - 0.397887)
        by_chance.append(branin(rng.random((30, 2))).min() - 0.397887)
    assert np.mean(found) < 0.1 * np.mean(by_chance)
