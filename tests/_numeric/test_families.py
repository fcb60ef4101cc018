"""Losses of linear models: slopes and curvatures against differences of scikit-learn's losses."""

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from skhyper._numeric._families import (
    binomial,
    squared_epsilon_insensitive,
    squared_hinge,
    tweedie,
)

rng = np.random.default_rng(0)
Z = rng.normal(size=50)
H = 1e-6


def half_deviance(power):
    return lambda y, z: np.array(
        [mean_tweedie_deviance([a], [np.exp(b)], power=power) / 2 for a, b in zip(y, z)]
    )


CASES = {
    "binomial": (binomial, rng.integers(2, size=50), lambda y, z: np.logaddexp(0, z) - y * z),
    "squared hinge": (
        squared_hinge,
        rng.choice([-1, 1], size=50),
        lambda y, z: np.maximum(1 - y * z, 0) ** 2,
    ),
    "squared tube": (
        squared_epsilon_insensitive(0.3),
        rng.normal(size=50),
        lambda y, z: np.maximum(np.abs(y - z) - 0.3, 0) ** 2,
    ),
    "normal": (tweedie(0, False), rng.normal(size=50), lambda y, z: (y - z) ** 2 / 2),
    **{
        f"Tweedie {power}": (tweedie(power, True), rng.gamma(2, size=50), half_deviance(power))
        for power in (0, 1, 1.5, 2, 3)
    },
}


@pytest.mark.parametrize("name", CASES)
def test_slope_and_curvature(name):
    family, y, loss = CASES[name]
    expected = (loss(y, Z + H) - loss(y, Z - H)) / (2 * H)
    np.testing.assert_allclose(family.slope(y, Z), expected, rtol=1e-5, atol=1e-7)
    expected = (family.slope(y, Z + H) - family.slope(y, Z - H)) / (2 * H)
    np.testing.assert_allclose(family.curvature(y, Z), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "name", "at"),
    [
        (squared_epsilon_insensitive, "epsilon", 0.3),
        (lambda power: tweedie(power, True), "power", 1.4),
    ],
)
def test_derivatives_of_the_slope_by_hyperparameters_of_the_loss(make, name, at):
    y = rng.gamma(2, size=50)
    expected = (make(at + H).slope(y, Z) - make(at - H).slope(y, Z)) / (2 * H)
    np.testing.assert_allclose(make(at).by[name](y, Z), expected, rtol=1e-5, atol=1e-7)


def test_identity_links_of_other_powers_are_refused():
    with pytest.raises(ValueError, match="power=0 only"):
        tweedie(1, False)
