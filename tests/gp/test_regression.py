"""Fitting: recovery, invariances and degenerate data."""

import numpy as np
import pytest

from skhyper.gp import Priors, fit_gp, gp_posterior, least_and_spread
from skhyper.gp._estimation import standardize
from skhyper.gp._likelihood import ValueDensity


def smooth(X):
    return np.sin(5.0 * X[:, 0]) + 0.5 * X[:, 1]


def test_learns_a_function(rng):
    X, test_points = rng.random((40, 3)), rng.random((200, 3))
    gp = fit_gp(X, smooth(X))
    mean, std = gp.predict(test_points)
    error = mean - smooth(test_points)
    assert np.sqrt(np.mean(error**2)) < 0.05 * smooth(test_points).std()
    assert np.mean(np.abs(error) < 3.0 * std) > 0.95
    # the third column does nothing
    assert gp.length_scales[2] > 2.0 * gp.length_scales[0]


def test_learns_the_noise(rng):
    X = rng.random((150, 1))
    gp = fit_gp(X, np.sin(5.0 * X[:, 0]) + 0.3 * rng.standard_normal(150))
    assert 0.2 < np.sqrt(gp.noise_variance) < 0.4


def test_result_is_a_maximum(rng):
    X = rng.random((25, 2))
    y = smooth(X)
    gp = fit_gp(X, y)
    z, _, scale = standardize(y)
    objective = ValueDensity(X, z, np.arange(2), Priors())
    variances = np.array([gp.signal_variance, gp.noise_variance])
    theta = np.log([*gp.length_scales, *variances / scale**2])
    value = objective(theta)[0]
    for _ in range(20):
        step = rng.standard_normal(4)
        assert objective(theta + 0.3 * step / np.linalg.norm(step))[0] > value


def test_units_of_y_do_not_matter(rng):
    X, test_points = rng.random((20, 2)), rng.random((10, 2))
    mean, std = fit_gp(X, smooth(X)).predict(test_points)
    scaled = fit_gp(X, 1e6 * smooth(X) - 3e7)
    scaled_mean, scaled_std = scaled.predict(test_points)
    np.testing.assert_allclose((scaled_mean + 3e7) / 1e6, mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(scaled_std / 1e6, std, rtol=1e-2)


def test_one_hot_columns_share_a_length_scale(rng):
    category = rng.integers(3, size=30)
    X = np.column_stack([rng.random(30), np.eye(3)[category]])
    gp = fit_gp(X, X[:, 0] + category, groups=[0, 1, 1, 1])
    assert gp.length_scales.shape == (2,)
    np.testing.assert_array_equal(gp.column_length_scales, gp.length_scales[[0, 1, 1, 1]])


@pytest.mark.parametrize(
    ("X", "y"),
    [
        pytest.param([[0.5, 0.5]], [3.0], id="one"),
        pytest.param([[0.2, 0.1], [0.8, 0.4]], [3.0, 5.0], id="two"),
        pytest.param([[0.2, 0.1], [0.2, 0.1]], [3.0, 5.0], id="two values of one point"),
        pytest.param(np.full((8, 2), 0.5), np.arange(8.0), id="one point"),
        pytest.param(np.random.default_rng(0).random((9, 2)), np.full(9, 0.1), id="constant y"),
        pytest.param(np.random.default_rng(0).random((9, 2)), np.zeros(9), id="zero y"),
        pytest.param(np.repeat(np.eye(2), 5, axis=0), np.repeat([1.0, 2.0], 5), id="duplicates"),
        pytest.param(np.random.default_rng(0).random((9, 2)), np.eye(9)[0] * 1e8, id="outlier"),
        pytest.param(np.random.default_rng(0).random((9, 2)), np.eye(9)[0] * 1e-80, id="tiny y"),
        pytest.param(np.random.default_rng(0).random((9, 2)), np.eye(9)[0] * 1e100, id="huge y"),
    ],
)
def test_degenerate_data(X, y):
    gp = fit_gp(X, y)
    mean, std, mean_gradient, std_gradient = gp.predict_with_gradient(
        np.random.default_rng(1).random((20, 2))
    )
    for part in (mean, std, mean_gradient, std_gradient, gp.length_scales):
        assert np.isfinite(part).all()
    assert np.all(std > 0.0)
    spread = np.ptp(y)
    assert np.all(mean >= np.min(y) - spread - 1e-9)
    assert np.all(mean <= np.max(y) + spread + 1e-9)


def test_many_observations_take_the_other_path(rng):
    X = rng.random((260, 20))
    gp = fit_gp(X, smooth(X), max_fitted=260)
    assert gp.length_scales[2:].min() > 3.0 * gp.length_scales[0]


def test_inputs_are_not_mutated(rng):
    X, y = rng.random((10, 2)), rng.random(10)
    copies = X.copy(), y.copy()
    fit_gp(X, y)
    for after, before in zip((X, y), copies):
        np.testing.assert_array_equal(after, before)


def test_of_many_observations_some_decide_on_the_hyperparameters(rng):
    X = rng.random((40, 2))
    y = np.sin(5.0 * X[:, 0]) + X[:, 1]
    told = least_and_spread(y, 15)
    part, whole = fit_gp(X[told], y[told]), fit_gp(X, y, max_fitted=15)
    np.testing.assert_allclose(whole.length_scales, part.length_scales)
    assert len(whole.X) == 40
    expected = gp_posterior(X, y, part.hyperparameters).predict(X[:3] + 0.01)
    np.testing.assert_allclose(whole.predict(X[:3] + 0.01), expected)


def test_least_and_spread(rng):
    y = rng.standard_normal(30)
    np.testing.assert_array_equal(least_and_spread(y, 30), np.arange(30))
    kept = least_and_spread(y, 11)
    assert len(set(kept)) == 11
    assert set(np.argsort(y)[:6]) <= set(kept)
    np.testing.assert_array_equal(kept, np.sort(kept))
    # The others from first to last.
    others = np.setdiff1d(np.arange(30), np.argsort(y)[:6])
    assert {others[0], others[-1]} <= set(kept)
