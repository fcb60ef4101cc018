"""What the tests of `skhyper.gp` share."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20261121)


@pytest.fixture
def check_gradient(rng):
    """Compare a gradient with central finite differences along random directions."""

    def check(function, gradient, x, *, step=1e-5, rtol=1e-5, atol=1e-7, n_directions=8):
        for _ in range(n_directions):
            direction = rng.standard_normal(x.shape)
            direction /= np.linalg.norm(direction)
            ahead, behind = function(x + step * direction), function(x - step * direction)
            numeric = (ahead - behind) / (2.0 * step)
            analytic = np.sum(gradient * direction)
            np.testing.assert_allclose(analytic, numeric, rtol=rtol, atol=atol)

    return check
