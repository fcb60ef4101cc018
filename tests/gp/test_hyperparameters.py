"""Priors on the hyperparameters, against the density they come from."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import lognorm

from skhyper.gp import Priors


@pytest.mark.parametrize("n_groups", [1, 4, 30])
def test_the_mode_is_that_of_the_published_lognormal(n_groups):
    # l ~ LogNormal(sqrt(2) + log(G)/2, sqrt(3)): the mode of the density of l itself.
    density = lognorm(s=np.sqrt(3), scale=np.exp(np.sqrt(2) + 0.5 * np.log(n_groups)))
    found = minimize_scalar(lambda t: -density.logpdf(np.exp(t)), bounds=(-10, 10))
    center, width = Priors().moments(n_groups)
    np.testing.assert_allclose(center[:n_groups], found.x, atol=1e-4)
    np.testing.assert_allclose(width[:n_groups], np.sqrt(3))


def test_signal_and_noise_come_last():
    center, width = Priors(signal=(1.0, 2.0), noise=(3.0, 4.0)).moments(5)
    assert center.shape == width.shape == (7,)
    np.testing.assert_array_equal(center[-2:], [1.0, 3.0])
    np.testing.assert_array_equal(width[-2:], [2.0, 4.0])
