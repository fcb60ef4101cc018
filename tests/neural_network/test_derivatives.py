"""Which mode is taken, and what is refused; both modes are compared in test_reverse.py."""

import numpy as np
import pytest

from skhyper.neural_network import (
    MLPClassifier,
    fit_with_derivatives,
    fit_with_slopes,
)
from skhyper.neural_network import _mlp as module

RNG = np.random.default_rng(0)
X, CLASSES = RNG.normal(size=(60, 5)), RNG.integers(0, 3, 60)
COMMON = {"learning_rate": 0.02, "batch_size": 17, "max_iter": 6, "random_state": 0}


def test_a_training_too_long_to_be_kept_is_differentiated_ahead(monkeypatch):
    network = MLPClassifier((6,), "tanh", alpha=[1.0, 2.0], **COMMON)
    names = ["alpha", "learning_rate"]
    u = np.ones(6 * 5 + 6 + 6 * 3 + 3)
    expected = fit_with_slopes(network, X, CLASSES, names)(u)
    monkeypatch.setattr(module, "Trajectory", None)  # would fail if it were called
    found = fit_with_slopes(network, X, CLASSES, names, memory=1000)(u)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert fit_with_slopes(network, X, CLASSES, ["learning_rate"])(u).shape == (1,)


@pytest.mark.parametrize("function", [fit_with_derivatives, fit_with_slopes])
def test_names_without_derivatives_are_refused(function):
    with pytest.raises(
        ValueError, match=r"No derivatives with respect to \['momentum'\]; choose names"
    ):
        function(MLPClassifier(), X, CLASSES, ["momentum"])
