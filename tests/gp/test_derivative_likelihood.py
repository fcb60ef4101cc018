"""The density of the hyperparameters with derivatives: its value and its gradient."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from skhyper.gp import Priors, fit_gp
from skhyper.gp._derivative_likelihood import DerivativeDensity
from skhyper.gp._derivatives import DerivativeRows, joint_correlation


def smooth(X):
    return np.sin(5.0 * X[:, 0]) + X[:, 1] * X[:, 2]


def smooth_gradient(X):
    zero = np.zeros(len(X))
    return np.column_stack([5.0 * np.cos(5.0 * X[:, 0]), X[:, 2], X[:, 1], zero])


@pytest.fixture
def problem(rng):
    X = rng.random((10, 4))
    X[7] = X[2]  # tried twice
    gradients = np.where(rng.random((10, 4)) < 0.7, smooth_gradient(X), np.nan)
    gradients[5] = np.nan
    groups = np.array([0, 1, 1, 2])
    y = smooth(X)
    return X, y - y.mean(), DerivativeRows.from_gradients(gradients), groups, Priors()


def test_gradient(problem, rng, check_gradient):
    objective = DerivativeDensity(*problem)
    for _ in range(4):
        theta = objective.center + rng.standard_normal(6)
        check_gradient(lambda t: objective(t)[0], objective(theta)[1], theta, atol=1e-5)


def test_value_is_likelihood_times_priors(problem, rng):
    X, y, rows, groups, priors = problem
    objective = DerivativeDensity(*problem)
    theta = objective.center + 0.3 * rng.standard_normal(6)
    l, (signal, noise, slope_noise) = np.exp(theta[:3])[groups], np.exp(theta[3:])  # noqa: E741
    # in units of X: a derivative by x is that by x / l, over l
    by = np.concatenate([1 / l[rows.column], np.ones(10)])
    variances = np.repeat([slope_noise, noise], [len(rows), 10])
    K = by[:, None] * by * (signal * joint_correlation(X / l, rows) + np.diag(variances))
    center, width = priors.moments(3, derivatives=True)

    def log_joint(mean):
        means = np.concatenate([np.zeros(len(rows)), np.full(10, mean)])
        z = np.concatenate([rows.value, y])
        likelihood = multivariate_normal(means, K).logpdf(z)
        return likelihood - 0.5 * mean**2 - 0.5 * np.sum(((theta - center) / width) ** 2)

    mean = objective.mean(theta)
    np.testing.assert_allclose(objective(theta)[0], -log_joint(mean), rtol=1e-8)
    assert log_joint(mean) > max(log_joint(mean - 1e-3), log_joint(mean + 1e-3))


def test_derivatives_teach_a_function(rng):
    X, test_points = rng.random((8, 4)), rng.random((200, 4))
    gp = fit_gp(X, smooth(X), gradients=smooth_gradient(X))
    errors = [
        np.sqrt(np.mean((process.predict(test_points)[0] - smooth(test_points)) ** 2))
        for process in (gp, fit_gp(X, smooth(X)))
    ]
    assert errors[0] < 0.5 * errors[1]
    assert gp.length_scales[3] > 2.0 * gp.length_scales[0]  # the fourth column does nothing
    mean, std = gp.predict(test_points)
    assert np.mean(np.abs(mean - smooth(test_points)) < 3.0 * std) > 0.9


def test_units_of_y_do_not_matter(rng):
    X, test_points = rng.random((8, 4)), rng.random((20, 4))
    y, gradients = smooth(X), smooth_gradient(X)
    mean, std = fit_gp(X, y, gradients=gradients).predict(test_points)
    scaled = fit_gp(X, 1e6 * y - 3e7, gradients=1e6 * gradients)
    scaled_mean, scaled_std = scaled.predict(test_points)
    np.testing.assert_allclose((scaled_mean + 3e7) / 1e6, mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(scaled_std / 1e6, std, rtol=1e-2)


def test_wrong_derivatives_are_found_to_be_noise(rng):
    X = rng.random((20, 2))
    y = np.sin(5.0 * X[:, 0])
    gradients = 5.0 * rng.standard_normal((20, 2))
    gp, test_points = fit_gp(X, y, gradients=gradients), rng.random((100, 2))
    error = gp.predict(test_points)[0] - np.sin(5.0 * test_points[:, 0])
    assert np.sqrt(np.mean(error**2)) < 0.15 * y.std()
    assert gp.hyperparameters.derivative_noise_variance > 100 * gp.noise_variance


def test_a_few_derivatives_or_none_decide_on_the_hyperparameters(rng):
    X = rng.random((10, 4))
    y, gradients = smooth(X), smooth_gradient(X)
    values_only = fit_gp(X, y)
    gp = fit_gp(X, y, gradients=gradients, max_fitted_derivatives=0)
    np.testing.assert_array_equal(gp.length_scales, values_only.length_scales)
    assert len(gp.derivatives) == 40
    gp = fit_gp(X, y, gradients=gradients, max_fitted_derivatives=12)
    assert len(gp.derivatives) == 40
    assert len(fit_gp(X, y, gradients=gradients, max_derivatives=6).derivatives) == 6
