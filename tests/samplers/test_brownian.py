"""Integrated Brownian motion, against its covariance and SciPy's cubic Hermite interpolant."""

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from skhyper.samplers._brownian import IntegratedBrownianMotion

U = np.array([0.1, 0.3, 0.35, 0.8])
H, G = np.array([1.0, 0.2, 0.4, 2.0]), np.array([-3.0, 5.0, -1.0, 0.5])


def covariance(s, t):
    """Of values, and of slopes with values, of integrated Brownian motion from 0."""
    low, high = np.minimum(s, t), np.maximum(s, t)
    values = low**3 / 3 + (high - low) * low**2 / 2
    slopes_values = np.where(s <= t, s * t - s**2 / 2, t**2 / 2)  # slope at s, value at t
    return values, slopes_values, low


def test_mean_is_the_cubic_hermite_interpolant():
    curve = IntegratedBrownianMotion.from_data(U[::-1], H[::-1], G[::-1])
    x = np.linspace(0.1, 0.8, 50)
    mean, std = curve.predict(x)
    assert mean == pytest.approx(CubicHermiteSpline(U, H, G)(x))
    assert np.all(std >= 0)
    assert curve.predict(U)[0] == pytest.approx(H)
    assert curve.predict(U)[1] == pytest.approx(0, abs=1e-9)
    mean, std = curve.predict(np.array([0.0, 1.0]))  # beyond the ends, lines
    assert mean == pytest.approx([1.0 + 0.3, 2.0 + 0.1])
    assert std == pytest.approx(np.sqrt(curve.roughness[[0, -1]] * np.array([0.1, 0.2]) ** 3 / 3))


def test_standard_deviation_is_that_of_the_conditional_distribution():
    """Conditioned on value and slope at both ends of an interval of length w from 0."""
    w = 0.4
    curve = IntegratedBrownianMotion.from_data(np.array([0, w]), np.array([0.0, 1]), np.zeros(2))
    for x in (0.05, 0.2, 0.33):
        vv, sv, ss = covariance(np.array(w), np.array(w))
        K = np.array([[vv, sv], [sv, ss]])
        value_at_x = covariance(np.array(x), np.array(w))[0]
        k = np.array([value_at_x, covariance(np.array(w), np.array(x))[1]])
        expected = x**3 / 3 - k @ np.linalg.solve(K, k)
        assert curve.predict(np.array([x]))[1] ** 2 == pytest.approx(curve.roughness[1] * expected)


def test_roughness_is_at_the_maximum_of_the_likelihood():
    curve = IntegratedBrownianMotion.from_data(U[:2], H[:2], G[:2])
    w = U[1] - U[0]
    r = np.array([H[1] - H[0] - w * G[0], G[1] - G[0]])
    K = np.array([[w**3 / 3, w**2 / 2], [w**2 / 2, w]])
    assert curve.roughness == pytest.approx(np.full(3, r @ np.linalg.solve(K, r) / 2))


def test_unknown_and_infinite_slopes_come_from_differences():
    g = np.array([np.nan, 2.0, 1e300, 2.0])
    curve = IntegratedBrownianMotion.from_data(U, 1 + 2 * U, g)
    assert curve.predict(np.array([0.2, 0.6]))[0] == pytest.approx([1.4, 2.2])
    one = IntegratedBrownianMotion.from_data(U[[0, 0]], H[[0, 0]], G[[0, 0]])  # tried twice
    assert one.predict(np.array([0.2]))[0] == pytest.approx(1.0 - 0.3)
