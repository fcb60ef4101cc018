"""Distributions of scipy.stats as dimensions."""

import math

import numpy as np
import pytest
from scipy import stats

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Distribution

U = np.r_[0.0, np.linspace(0.001, 0.999, 77), 1.0]


@pytest.mark.parametrize("frozen", [stats.norm(2, 3), stats.poisson(1000)])
def test_grid_of_a_distribution_is_of_its_quantiles(frozen):
    dimension = Distribution(frozen)
    values = [dimension.from_unit(u) for u in dimension.grid(4)]
    np.testing.assert_allclose(values, frozen.ppf([0.125, 0.375, 0.625, 0.875]))


def test_quantiles_of_unbounded_distributions_stay_finite():
    for frozen in (stats.norm(), stats.cauchy(), stats.geom(0.1)):
        dimension = Distribution(frozen)
        assert math.isfinite(dimension.from_unit(0.0))
        assert math.isfinite(dimension.from_unit(1.0))


@pytest.mark.parametrize(
    "distribution",
    [
        stats.loguniform,
        stats.randint,
        stats.uniform(0, -1),
        stats.loguniform(10, 1),
        stats.randint(5, 5),
        stats.uniform(0, [1, 2]),
    ],
)
def test_distributions_with_missing_or_wrong_parameters(distribution):
    with pytest.raises(InvalidSpaceError, match="parameters are missing or not allowed"):
        Distribution(distribution)


def test_distributions_that_can_only_be_sampled():
    with pytest.raises(InvalidSpaceError, match="quantile function"):
        Distribution(stats.multivariate_normal([0, 0]))


@pytest.mark.skipif(not hasattr(stats, "Normal"), reason="scipy before 1.15 has no such classes")
def test_new_style_distributions():
    normal = Distribution(stats.Normal(mu=1.0, sigma=2.0))
    assert normal.kind == "real"
    np.testing.assert_allclose(normal.from_unit(0.3), stats.norm(1, 2).ppf(0.3))
    np.testing.assert_allclose(normal.to_unit(2.0), stats.norm(1, 2).cdf(2.0))
    if hasattr(stats, "Binomial"):
        binomial = Distribution(stats.Binomial(n=10, p=0.5))
        assert binomial.kind == "integer"
        old = Distribution(stats.binom(10, 0.5))
        assert [binomial.from_unit(u) for u in U] == [old.from_unit(u) for u in U]
        assert type(binomial.from_unit(0.5)) is int


@pytest.mark.parametrize("low_width", [(0.6, 0.3), (0.1, 0.2), (-0.9, 1.0), (0.7, 0.1)])
def test_the_ends_of_a_distribution_lie_in_it(low_width):
    low, width = low_width
    high = round(low + width, 12)  # as one writes it; the sum may be an ulp away
    dimension = Distribution(stats.uniform(low, width))
    assert dimension.to_unit(high) == pytest.approx(1)
    assert dimension.to_unit(low) == 0
    for outside in (high + 1e-9, low - 1e-9):
        with pytest.raises(InvalidSpaceError, match="is not a value of"):
            dimension.to_unit(outside)
