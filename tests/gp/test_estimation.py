"""The search for the hyperparameters: its starts, and derivatives that say nothing."""

import numpy as np
import pytest

from skhyper.gp import Priors, fit_gp
from skhyper.gp._derivative_likelihood import DerivativeDensity
from skhyper.gp._derivatives import DerivativeRows
from skhyper.gp._estimation import standardize, without_cliffs


def smooth(X):
    return np.sin(5.0 * X[:, 0]) + 0.5 * X[:, 1]


def smooth_gradient(X):
    return np.column_stack([5.0 * np.cos(5.0 * X[:, 0]), np.full(len(X), 0.5)])


def test_standardize():
    z, location, scale = standardize(np.array([1.0, 5.0]))
    np.testing.assert_allclose([location, scale, *z], [3.0, 2.0, -1.0, 1.0])
    assert standardize(np.full(3, 0.1))[2] == 1.0


def test_result_is_a_maximum_with_derivatives_too(rng):
    X = rng.random((12, 2))
    y, gradients = smooth(X), smooth_gradient(X)
    gp = fit_gp(X, y, gradients=gradients)
    z, _, scale = standardize(y)
    rows = DerivativeRows.from_gradients(gradients / scale)
    objective = DerivativeDensity(X, z, rows, np.arange(2), Priors())
    h = gp.hyperparameters
    variances = np.array([h.signal_variance, h.noise_variance, h.derivative_noise_variance])
    theta = np.log([*h.length_scales, *variances / scale**2])
    value = objective(theta)[0]
    for _ in range(20):
        step = rng.standard_normal(5)
        assert objective(theta + 0.3 * step / np.linalg.norm(step))[0] > value


def test_cliffs_are_left_out():
    gradients = np.array([[1.0, -3e5], [np.nan, 1e300]])
    kept = without_cliffs(gradients, np.array([0.0, 4.0]))  # of standard deviation 2
    np.testing.assert_array_equal(kept, [[1.0, np.nan], [np.nan, np.nan]])


POINTS = np.random.default_rng(0).random((9, 2))


@pytest.mark.parametrize(
    ("X", "y", "gradients"),
    [
        pytest.param([[0.5, 0.5]], [3.0], [[1.0, np.nan]], id="one"),
        pytest.param([[0.2, 0.1], [0.2, 0.1]], [3.0, 5.0], [[1.0, 1.0]] * 2, id="one point"),
        pytest.param(POINTS, np.zeros(9), 1e3 * POINTS, id="zero y, steep"),
        pytest.param(POINTS, np.full(9, 0.1), np.zeros((9, 2)), id="flat"),
        pytest.param(POINTS, np.eye(9)[0] * 1e-80, 1e90 * POINTS, id="tiny y, cliffs"),
        pytest.param(POINTS, np.eye(9)[0] * 1e100, 1e-90 * POINTS, id="huge y, flat"),
        pytest.param(POINTS, np.eye(9)[0] * 1e50, 1e51 * POINTS, id="large units"),
    ],
)
def test_degenerate_derivatives(X, y, gradients):
    gp = fit_gp(X, y, gradients=gradients)
    parts = gp.predict_with_gradient(np.random.default_rng(1).random((20, 2)))
    for part in (*parts, gp.length_scales):
        assert np.isfinite(part).all()
    assert np.all(parts[1] > 0.0)
