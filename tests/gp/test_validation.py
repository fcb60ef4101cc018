"""What is refused, and in which words."""

import numpy as np
import pytest

from skhyper.gp._validation import check_gradients, check_groups, check_observations


@pytest.mark.parametrize(
    ("X", "y", "match"),
    [
        ([0.1, 0.2], [1.0, 2.0], r"X must have shape \(n, d\)"),
        (np.zeros((0, 3)), [], "at least 1"),
        ([[0.1]], [1.0, 2.0], "one value for each of the 1 rows"),
        ([[np.nan]], [1.0], "must be finite"),
        ([[0.1]], [np.inf], "must be finite"),
        ([[0.1]], [1e200], r"must not exceed 1e\+100"),
    ],
)
def test_observations_are_checked(X, y, match):
    with pytest.raises(ValueError, match=match):
        check_observations(X, y)


def test_groups_default_to_one_for_each_column():
    np.testing.assert_array_equal(check_groups(None, 3), [0, 1, 2])


@pytest.mark.parametrize("groups", [[0, 1], [[0, 1, 2]], [0.0, 1.0, 2.0]])
def test_groups_must_be_one_integer_a_column(groups):
    with pytest.raises(ValueError, match="one integer for each of the 3 columns"):
        check_groups(groups, 3)


@pytest.mark.parametrize("groups", [[0, 2, 2], [1, 1, 1], [-1, 0, 1]])
def test_groups_must_have_no_gaps(groups):
    with pytest.raises(ValueError, match="every number from 0 to G - 1"):
        check_groups(groups, 3)


def test_gradients():
    X = np.zeros((2, 3))
    assert check_gradients(None, X) is None
    given = np.full((2, 3), np.nan)
    np.testing.assert_array_equal(check_gradients(given, X), given)
    with pytest.raises(ValueError, match="shape of X, \\(2, 3\\), got \\(3, 2\\)"):
        check_gradients(given.T, X)
    given[0, 1] = -np.inf
    with pytest.raises(ValueError, match="must not exceed 1e\\+100"):
        check_gradients(given, X)
