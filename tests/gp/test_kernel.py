"""The kernel against scikit-learn's, its slope and its two ways to sum squares."""

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import Matern

from skhyper.gp._kernel import (
    PairwiseSquares,
    cross_squared_distances,
    matern52,
    matern52_with_slope,
)


def test_correlation_equals_scikit_learn(rng):
    A, B = rng.random((5, 3)), rng.random((7, 3))
    length_scales = np.array([0.2, 1.0, 4.0])
    expected = Matern(length_scale=length_scales, nu=2.5)(A, B)
    squared = cross_squared_distances(A / length_scales, B / length_scales)
    np.testing.assert_allclose(matern52(squared), expected, rtol=1e-12)
    np.testing.assert_allclose(matern52_with_slope(squared)[0], expected, rtol=1e-12)


def test_slope_is_the_derivative():
    squared = np.array([0.01, 0.3, 2.0, 30.0])
    step = 1e-6
    numeric = -2.0 * (matern52(squared + step) - matern52(squared - step)) / (2.0 * step)
    np.testing.assert_allclose(matern52_with_slope(squared)[1], numeric, rtol=1e-6, atol=1e-9)


def test_limits():
    correlation, slope = matern52_with_slope(np.array([0.0, 1e12]))
    np.testing.assert_array_equal(correlation, [1.0, 0.0])
    np.testing.assert_array_equal(slope, [5.0 / 3.0, 0.0])


def test_distance_to_itself_is_never_negative(rng):
    A = 100.0 + rng.random((30, 4))
    squared = cross_squared_distances(A, A)
    assert squared.min() >= 0.0
    assert np.diag(squared).max() < 1e-10


@pytest.mark.parametrize("largest_tensor", [0, 10**6], ids=["expanded", "tensor"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_pairwise_squares(rng, n, largest_tensor):
    groups = np.array([1, 0, 1, 2])
    X, weights = rng.random((n, 4)), np.array([0.5, 2.0, 10.0])
    squares = PairwiseSquares(X, groups, largest_tensor)
    tensor = np.zeros((3, n, n))
    np.add.at(tensor, groups, ((X[:, None] - X) ** 2).transpose(2, 0, 1))

    packed = np.einsum("g,gij->ij", weights, tensor).ravel(order="F")[squares.lower]
    np.testing.assert_allclose(squares.weighted_sum(weights), packed, rtol=1e-12)

    values = rng.standard_normal(len(squares.lower))
    lower = np.zeros(n * n)
    lower[squares.lower] = values
    lower = lower.reshape((n, n), order="F")
    assert not np.triu(lower).any()
    expected = np.einsum("ij,gij->g", lower, tensor)
    np.testing.assert_allclose(squares.contract(values), expected, rtol=1e-11, atol=1e-13)
