"""Reverse mode against forward mode, and against differences of whole trainings."""

import numpy as np
import pytest
from scipy import sparse

from skhyper.neural_network import (
    MLPClassifier,
    MLPRegressor,
    differentiable,
    fit_with_derivatives,
    fit_with_slopes,
)
from skhyper.neural_network._network import Network
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES
from skhyper.neural_network._reverse import bytes_needed
from skhyper.neural_network._training import Settings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
CLASSES = RNG.integers(0, 3, 60)
Y = np.c_[X[:, 0] * X[:, 1], X[:, 2] + RNG.normal(size=60)]
COMMON = {"learning_rate": 0.02, "batch_size": 17, "max_iter": 6, "random_state": 0}


def weights(network):
    return np.concatenate(
        [np.r_[W.ravel(), b] for W, b in zip(network.coefs_, network.intercepts_)]
    )


def in_both_modes(network, X, y, sample_weight=None):
    """Slopes of a random linear loss of the weights in reverse and in forward mode."""
    names = differentiable(network.optimizer, network.schedule)
    T = fit_with_derivatives(network, X, y, names, sample_weight)
    w, u = weights(network), np.random.default_rng(1).normal(size=T.shape[1])
    slopes = fit_with_slopes(network, X, y, names, sample_weight)
    np.testing.assert_array_equal(weights(network), w)
    return slopes(u), T @ u


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_reverse_mode_is_forward_mode(optimizer, schedule, activation):
    network = MLPClassifier((6, 4), activation, optimizer=optimizer, schedule=schedule, **COMMON)
    network.set_params(alpha=[0.5, 1.0, 2.0], decay=0.1)
    np.testing.assert_allclose(*in_both_modes(network, X, CLASSES), rtol=1e-9)


@pytest.mark.parametrize(
    "network, y",
    [
        (MLPRegressor((4,), "softplus", optimizer="momentum", alpha=1.0, **COMMON), Y),
        (MLPRegressor((), optimizer="gd", alpha=[1.0], **COMMON), Y[:, 0]),
        (MLPClassifier((3,), "logistic", alpha=1.0, **COMMON), CLASSES > 0),
        (
            MLPClassifier((5,), "tanh", optimizer="momentum", early_stopping=True, alpha=1.0)
            .set_params(**COMMON)
            .set_params(max_iter=40, n_iter_no_change=3, learning_rate=0.2),
            CLASSES,
        ),
    ],
)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_other_outputs_data_and_weights(network, y, container):
    a = np.random.default_rng(2).uniform(0.5, 2, 60)
    np.testing.assert_allclose(*in_both_modes(network, container(X), y, a), rtol=1e-9)
    if network.early_stopping:
        assert network.best_iter_ < network.n_iter_


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_differences_of_trainings(optimizer):
    network = MLPRegressor((4,), "tanh", optimizer=optimizer, alpha=[1.0, 3.0], **COMMON)
    names = ["alpha", "learning_rate"]
    u = RNG.normal(size=5 * 4 + 4 + 4 * 2 + 2)
    found = fit_with_slopes(network, X, Y, names)(u)

    def loss(alpha_0=1.0, alpha_1=3.0, learning_rate=0.02):
        network.set_params(alpha=[alpha_0, alpha_1], learning_rate=learning_rate)
        return u @ weights(network.fit(X, Y))

    h = 1e-5
    centre = {"alpha_0": 1.0, "alpha_1": 3.0, "learning_rate": 0.02}
    for slope, (name, at) in zip(found, centre.items()):
        difference = (loss(**{name: at + h}) - loss(**{name: at - h})) / (2 * h)
        assert slope == pytest.approx(difference, rel=1e-5)


def test_memory_is_as_expected():
    tracemalloc = pytest.importorskip("tracemalloc")
    n, epochs = 400, 5
    X, y = RNG.normal(size=(n, 20)), RNG.integers(0, 3, n)
    network = MLPClassifier((30, 20), "tanh", alpha=np.ones(3), batch_size=40, max_iter=epochs)
    tracemalloc.start()
    try:
        slopes = fit_with_slopes(network, X, y, ["alpha"])
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert slopes is not None
    settings = Settings("adam", "constant", {}, 40, epochs)
    expected = bytes_needed(Network((20, 30, 20, 3), "tanh", "softmax"), settings, n)
    assert 0.9 < taken / expected < 1.2
