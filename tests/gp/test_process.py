"""The posterior against scikit-learn, its gradients, and conditioning against a fresh posterior."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from skhyper.gp import Hyperparameters, gp_posterior

H = Hyperparameters(
    length_scales=np.array([0.3, 1.5, 0.7]), signal_variance=2.5, noise_variance=1e-3, mean=4.0
)


@pytest.fixture
def data(rng):
    X = rng.random((15, 3))
    return X, 4.0 + np.sin(6.0 * X[:, 0]) + X[:, 1] ** 2


def test_posterior_equals_scikit_learn(data, rng):
    X, y = data
    prior = ConstantKernel(H.signal_variance) * Matern(length_scale=H.length_scales, nu=2.5)
    kernel = prior + WhiteKernel(H.noise_variance)
    reference = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(X, y - 4.0)
    test_points = rng.random((400, 3))
    expected_mean, expected_std = reference.predict(test_points, return_std=True)
    gp = gp_posterior(X, y, H)

    mean, std = gp.predict(test_points)
    np.testing.assert_allclose(mean, expected_mean + 4.0, atol=1e-8)
    # scikit-learn's includes the noise of an observation
    np.testing.assert_allclose(std**2, expected_std**2 - H.noise_variance, atol=1e-8)


def test_blocks_of_predictions_agree(data, rng):
    gp = gp_posterior(*data, H)
    X = rng.random((2500, 3))
    whole, parts = gp.predict(X), [gp.predict(part) for part in np.array_split(X, 50)]
    np.testing.assert_allclose(whole, np.concatenate(parts, axis=1), rtol=1e-9)
    assert gp.predict(X[:0])[0].shape == (0,)


def test_gradients(data, rng, check_gradient):
    gp = gp_posterior(*data, H)
    X = rng.random((6, 3))
    mean, std, mean_gradient, std_gradient = gp.predict_with_gradient(X)
    np.testing.assert_allclose((mean, std), gp.predict(X), rtol=1e-9)
    for i in range(len(X)):
        check_gradient(lambda x: gp.predict(x[None])[0][0], mean_gradient[i], X[i])
        check_gradient(lambda x: gp.predict(x[None])[1][0], std_gradient[i], X[i])


def test_gradient_with_shared_length_scales(data, check_gradient):
    X, y = data
    h = Hyperparameters(np.array([0.4, 0.9]), 1.0, 1e-4, 4.0)
    gp = gp_posterior(X, y, h, groups=[1, 0, 1])
    np.testing.assert_array_equal(gp.column_length_scales, [0.9, 0.4, 0.9])
    x = np.array([0.2, 0.5, 0.9])
    _, _, mean_gradient, std_gradient = gp.predict_with_gradient(x[None])
    check_gradient(lambda x: gp.predict(x[None])[0][0], mean_gradient[0], x)
    check_gradient(lambda x: gp.predict(x[None])[1][0], std_gradient[0], x)


def test_std_at_an_observation_without_noise(data):
    X, y = data
    gp = gp_posterior(X, y, Hyperparameters(H.length_scales, 2.5, 0.0, 4.0))
    mean, std, _, std_gradient = gp.predict_with_gradient(X)
    np.testing.assert_allclose(mean, y, atol=1e-6)
    assert np.all(std > 0.0)
    assert np.all(std < 1e-5)
    assert np.isfinite(std_gradient).all()


def test_the_std_is_constant_where_it_is_floored():
    h = Hyperparameters(np.array([1.0]), 1.0, 0.0, 0.0)
    gp = gp_posterior([[0.5]], [3.0], h)
    near = np.array([[0.5 - 1e-8], [0.5 + 1e-8]])  # the variance is 5/3 · 1e-16
    _, std, _, std_gradient = gp.predict_with_gradient(near)
    np.testing.assert_array_equal(std, gp.predict(np.array([[0.5]]))[1][[0, 0]])
    np.testing.assert_array_equal(std_gradient, 0.0)


def test_far_away_the_prior_returns(data):
    mean, std = gp_posterior(*data, H).predict(np.full((1, 3), 1e3))
    np.testing.assert_allclose([mean[0], std[0]], [4.0, np.sqrt(2.5)])


def test_the_mean_alone_is_the_same(data, rng):
    gp, points = gp_posterior(*data, H), rng.random((300, 3))
    np.testing.assert_array_equal(gp.predict_mean(points), gp.predict(points)[0])


@pytest.mark.parametrize("n_new", [1, 4])
def test_condition_on_equals_a_fresh_posterior(data, rng, n_new):
    X, y = data
    gp = gp_posterior(X[:-n_new], y[:-n_new], H)
    updated = gp.condition_on(X[-n_new:], y[-n_new:])
    fresh = gp_posterior(X, y, H)
    points = rng.random((20, 3))
    for got, expected in zip(
        updated.predict_with_gradient(points), fresh.predict_with_gradient(points)
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-10)
    assert len(gp.y) == 15 - n_new  # the old posterior is as it was
    assert updated.hyperparameters is gp.hyperparameters


def test_condition_on_its_own_mean_only_lowers_the_std(data, rng):
    gp = gp_posterior(*data, H)
    pending, points = rng.random((3, 3)), rng.random((50, 3))
    updated = gp.condition_on(pending, gp.predict(pending)[0])
    np.testing.assert_allclose(updated.predict(points)[0], gp.predict(points)[0], rtol=1e-9)
    assert np.all(updated.predict(points)[1] <= gp.predict(points)[1])


def test_condition_on_a_duplicate_without_noise(data):
    X, y = data
    gp = gp_posterior(X, y, Hyperparameters(H.length_scales, 2.5, 0.0, 4.0))
    mean, std = gp.condition_on(X[:2], y[:2]).predict(X)
    np.testing.assert_allclose(mean, y, atol=1e-4)
    assert np.isfinite(std).all()


def test_condition_on_checks_columns(data):
    with pytest.raises(ValueError, match="X has 2 columns, expected 3"):
        gp_posterior(*data, H).condition_on([[0.1, 0.2]], [1.0])


def test_inputs_are_not_shared(data):
    X, y = data
    gp = gp_posterior(X, y, H)
    before = gp.X.copy()
    X[:] = 0.0
    np.testing.assert_array_equal(gp.X, before)


def test_number_of_length_scales_is_checked(data):
    with pytest.raises(ValueError, match="one for each of the 2 groups"):
        gp_posterior(*data, H, groups=[0, 1, 1])


def test_repr(data):
    assert "GaussianProcess of 15 observations" in repr(gp_posterior(*data, H))
