"""Log expected improvement against integration, its gradient, its maximum, and a small search."""

import numpy as np
import pytest
from scipy.integrate import quad

from skhyper.gp import (
    Hyperparameters,
    gp_posterior,
    log_ei_with_gradient,
    log_expected_improvement,
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


@pytest.mark.parametrize("noise_std", [1e-6, 0.3, 50.0])
def test_augmented_for_noise(noise_std):
    mean, std = np.array([0.2, -1.0, 3.0]), np.array([0.5, 1e-4, 2.0])
    plain = log_expected_improvement(mean, std, 0.1)[0]
    value, by_mean, by_std = log_expected_improvement(mean, std, 0.1, noise_std)
    share = 1.0 - noise_std / np.sqrt(noise_std**2 + std**2)
    visible = share > 1e-6  # beyond, the naive formula cancels
    np.testing.assert_allclose((value - plain)[visible], np.log(share)[visible], rtol=1e-6)
    # Where the noise covers all: 1 - tau / sqrt(tau^2 + s^2) = s^2 / (2 tau^2) + O(s^4)
    tiny = std < 1e-3 * noise_std
    expected = np.log(std[tiny] ** 2 / (2 * noise_std**2))
    np.testing.assert_allclose((value - plain)[tiny], expected, rtol=1e-5)
    step = 1e-6 * std
    up = log_expected_improvement(mean, std + step, 0.1, noise_std)[0]
    down = log_expected_improvement(mean, std - step, 0.1, noise_std)[0]
    np.testing.assert_allclose(by_std, (up - down) / (2 * step), rtol=1e-5)
    np.testing.assert_array_equal(by_mean, log_expected_improvement(mean, std, 0.1)[1])


def test_nothing_is_learned_where_all_is_known():
    assert log_expected_improvement([-1.0], [0.0], 0.0, noise_std=0.1)[0] == -np.inf
