"""Derivatives of elementwise functions."""

import numpy as np
import pytest
from contracts.naming import short

from skhyper.hypergradient import NotDifferentiableError
from skhyper.hypergradient._elementwise import _SLOPES, difference_slope, known_slope

x = np.random.default_rng(0).uniform(0.05, 0.95, size=(20, 3))


@pytest.mark.parametrize("function", _SLOPES, ids=short)
def test_the_table_against_differences(function):
    by_differences = difference_slope(function or np.positive, x)
    np.testing.assert_allclose(known_slope(function)(x), by_differences, rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_scales(scale):
    slope = difference_slope(lambda v: np.sin(v / scale), x * scale)
    # Close to zero the step is that of 2⁻¹⁰: rounding of the function's value remains.
    np.testing.assert_allclose(slope * scale, np.cos(x), rtol=1e-8)


def test_steep_functions_and_edges_of_a_domain():
    np.testing.assert_allclose(
        difference_slope(lambda v: np.exp(50 * v), x), 50 * np.exp(50 * x), rtol=1e-8
    )
    close = np.full((4, 1), 1e-7)
    np.testing.assert_allclose(difference_slope(np.log, close), 1e7, rtol=1e-6)


def test_a_kink_nearby():
    v = np.array([[1e-4], [-1e-4]])
    np.testing.assert_allclose(difference_slope(np.abs, v), [[1], [-1]], rtol=1e-9)


@pytest.mark.parametrize("function", [np.sqrt, np.cbrt, np.reciprocal])
def test_the_end_of_a_domain(function):
    # Weights and scales leave a 0 where it is: what is infinite there counts as 0.
    slope = known_slope(function)(np.array([[0.0, 4.0]]))
    expected = difference_slope(function, np.array([[4.0]]))[0, 0]
    np.testing.assert_allclose(slope, [[0.0, expected]])


def test_what_is_refused():
    assert known_slope(np.cumsum) is None
    assert known_slope([]) is None
    for function in (lambda v: v - v.mean(axis=0), lambda v: v + v[:, ::-1], lambda v: v[:, :1]):
        with pytest.raises(NotDifferentiableError, match="is not elementwise"):
            difference_slope(function, x)
    with pytest.raises(NotDifferentiableError, match="no finite derivative at -1"):
        difference_slope(np.log, -np.ones((1, 1)))
