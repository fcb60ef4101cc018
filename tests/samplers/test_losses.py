"""Losses as targets of a surrogate."""

import numpy as np
import pytest

from skhyper.samplers._losses import clip_outliers, clip_to_finite


def test_failures_stay_unknown_where_only_magnitudes_are_clipped():
    clipped = clip_to_finite(np.array([1.0, np.nan, -1e300, np.inf]))
    np.testing.assert_array_equal(clipped, [1.0, np.nan, -1e90, 1e90])


def test_losses_are_made_finite():
    nan = np.nan
    np.testing.assert_array_equal(clip_outliers(np.array([1.0, nan, 3.0, 2.0])), [1, 3, 3, 2])
    np.testing.assert_array_equal(clip_outliers(np.array([1.0, np.inf, 2.0])), [1, 2, 2])
    # An outlier is clipped five distances of the minimum above the median.
    np.testing.assert_array_equal(clip_outliers(np.array([0.0, 1.0, 1e300])), [0, 1, 6])
    np.testing.assert_array_equal(clip_outliers(np.array([2.0, 2.0])), [2, 2])


@pytest.mark.parametrize(
    "losses",
    [[0.1, 0.1, 0.1, 1e300], [0.1, 1e300, 1e300], [-1e300, 0.0, 1e300], [-1e308, 1e308, 1e308]],
)
def test_huge_losses_keep_their_order_and_can_be_squared(losses):
    finite = clip_outliers(np.array(losses))
    assert np.all(np.isfinite(finite**2))
    assert np.all(np.diff(finite) >= 0)
    assert finite[-1] > finite[0]
