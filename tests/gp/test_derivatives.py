"""Covariances with derivatives: against finite differences of the kernel and of the process."""

import numpy as np
import pytest

from skhyper.gp import Hyperparameters, gp_posterior
from skhyper.gp._derivatives import DerivativeRows, joint_correlation, select_gradients
from skhyper.gp._kernel import matern52

H = Hyperparameters(np.array([0.4, 0.7, 0.9]), 2.5, 1e-3, 4.0, 1e-2)


def smooth(X):
    return np.sin(5.0 * X[:, 0]) + X[:, 1] * X[:, 2]


def smooth_gradient(X):
    return np.column_stack([5.0 * np.cos(5.0 * X[:, 0]), X[:, 2], X[:, 1]])


@pytest.fixture
def data(rng):
    """Points, values, and two thirds of the partial derivatives."""
    X = rng.random((9, 3))
    gradients = np.where(rng.random((9, 3)) < 0.7, smooth_gradient(X), np.nan)
    gradients[4] = np.nan
    return X, smooth(X), gradients


def correlation(a, b):
    return matern52(((a - b) ** 2).sum(keepdims=True))[0]


def test_covariances_are_derivatives_of_the_kernel(rng):
    B = 2.0 * rng.random((4, 3))
    gradients = np.ones((4, 3))
    gradients[1, 0] = gradients[2] = np.nan
    rows = DerivativeRows.from_gradients(gradients)
    C = joint_correlation(B, rows)
    q, h, I = len(rows), 1e-4, np.eye(3)  # noqa: E741
    np.testing.assert_array_equal(C, C.T)
    for s, (p, c) in enumerate(zip(rows.point, rows.column)):
        for i in range(4):
            ahead, behind = (correlation(B[i], B[p] + step * I[c]) for step in (h, -h))
            np.testing.assert_allclose(C[q + i, s], (ahead - behind) / (2 * h), atol=1e-6)
        for r, (o, b) in enumerate(zip(rows.point, rows.column)):
            corners = [
                sign * other * correlation(B[o] + sign * h * I[b], B[p] + other * h * I[c])
                for sign in (1, -1)
                for other in (1, -1)
            ]
            # At r = 0 the fourth derivative has an edge: differences are of first order there.
            atol = 5 * h if o == p else 1e-5
            np.testing.assert_allclose(C[r, s], sum(corners) / (2 * h) ** 2, atol=atol)
    np.testing.assert_allclose(C[:q, :q].diagonal(), 5 / 3)


def test_posterior_is_that_of_difference_quotients(data, rng):
    X, y, gradients = data
    exact = Hyperparameters(H.length_scales, 2.5, 1e-11, 4.0, 1e-11)
    gp = gp_posterior(X, y, exact, gradients=gradients)
    h = 1e-3
    rows = DerivativeRows.from_gradients(gradients)
    # Ahead only: ahead and behind would say that the function is not curved.
    near = X[rows.point] + h * np.eye(3)[rows.column]
    y_near = y[rows.point] + h * rows.value
    by_values = gp_posterior(np.concatenate([X, near]), np.concatenate([y, y_near]), exact)
    points = rng.random((50, 3))
    for got, expected in zip(gp.predict(points), by_values.predict(points)):
        np.testing.assert_allclose(got, expected, rtol=5e-2, atol=5e-3)


def test_a_derivative_is_believed_as_far_as_its_noise_allows(check_gradient):
    x = np.array([[0.5]])
    for noise, expected in [(1e-9, 3.0), (5 / 3 * 0.16, 3.0 * (1 / (1 + 0.16)))]:
        h = Hyperparameters(np.array([0.4]), 1.0, 1e-9, 0.0, noise)
        gp = gp_posterior(x, [0.0], h, gradients=[[3.0]])
        np.testing.assert_allclose(gp.predict_with_gradient(x)[2], [[expected]], rtol=1e-6)


def test_gradient_of_the_prediction(data, rng, check_gradient):
    X, y, gradients = data
    h = Hyperparameters(np.array([0.4, 0.9]), 1.0, 1e-4, 4.0, 1e-3)
    gp = gp_posterior(X, y, h, groups=[1, 0, 1], gradients=gradients)
    for x in (np.array([0.2, 0.5, 0.9]), X[0] + 1e-3):
        mean, std, mean_gradient, std_gradient = gp.predict_with_gradient(x[None])
        np.testing.assert_allclose([mean, std], gp.predict(x[None]), rtol=1e-9)
        check_gradient(lambda x: gp.predict(x[None])[0][0], mean_gradient[0], x, rtol=1e-4)
        check_gradient(lambda x: gp.predict(x[None])[1][0], std_gradient[0], x, rtol=1e-4)


@pytest.mark.parametrize("n_new", [1, 3])
def test_further_values_equal_a_fresh_posterior(data, rng, n_new):
    X, y, gradients = data
    gradients[-n_new:] = np.nan
    gp = gp_posterior(X[:-n_new], y[:-n_new], H, gradients=gradients[:-n_new])
    updated = gp.condition_on(X[-n_new:], y[-n_new:])
    fresh = gp_posterior(X, y, H, gradients=gradients)
    points = rng.random((20, 3))
    for got, expected in zip(
        updated.predict_with_gradient(points), fresh.predict_with_gradient(points)
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-9)


def test_without_derivatives_the_bits_stay(data, rng):
    X, y, _ = data
    gp = gp_posterior(X, y, H)
    unknown = gp_posterior(X, y, H, gradients=np.full(X.shape, np.nan))
    points = rng.random((20, 3))
    for got, expected in zip(
        unknown.predict_with_gradient(points), gp.predict_with_gradient(points)
    ):
        np.testing.assert_array_equal(got, expected)
    assert unknown.derivatives is None


def test_sums_of_rows(rng):
    gradients = rng.standard_normal((6, 3))
    gradients[[0, 3]] = np.nan
    gradients[4, 1] = np.nan
    rows = DerivativeRows.from_gradients(gradients)
    np.testing.assert_allclose(rows.sum_by_point(rows.value, 6), np.nansum(gradients, axis=1))
    np.testing.assert_allclose(rows.sum_by_column(rows.value, 3), np.nansum(gradients, axis=0))
    values = rng.standard_normal((2, len(rows)))
    np.testing.assert_allclose(rows.sum_by_point(values, 6)[1], rows.sum_by_point(values[1], 6))


def test_gradients_of_the_best_and_the_latest_are_kept():
    gradients = np.array([[1.0, -2.0], [3.0, 4.0], [np.nan, 6.0], [7.0, -8.0], [9.0, 10.0]])
    y = np.array([3.0, 0.0, 2.0, 1.0, 4.0])
    expected = np.full((5, 2), np.nan)
    expected[1] = gradients[1]  # the best
    np.testing.assert_array_equal(select_gradients(gradients, y, 2), expected)
    expected[4] = gradients[4]  # the latest
    np.testing.assert_array_equal(select_gradients(gradients, y, 4), expected)
    expected[3, 1] = -8.0  # the second best, and its largest entry
    np.testing.assert_array_equal(select_gradients(gradients, y, 5), expected)
    assert select_gradients(gradients, y, 9) is gradients
    assert np.isnan(select_gradients(gradients, y, 0)).all()
