"""The network's gradient and its derivative, against finite differences."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax

from skhyper.neural_network._network import ACTIVATIONS, OUTPUTS, Network

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4))
c = rng.random((20, 1))
WIDTHS = {"one": (4, 3), "two": (4, 5, 3), "three": (4, 6, 5, 3)}


def target(output, n=20, K=3):
    if output == "softmax":
        return np.eye(K)[rng.integers(0, K, n)]
    if output == "logistic":
        return rng.integers(0, 2, (n, K)).astype(float)
    return rng.normal(size=(n, K))


def gradient(network, w, X, Y):
    g = np.empty_like(w)
    loss, tape = network.gradient(network.layers(w), X, Y, c, network.layers(g))
    return loss, g, tape


@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_derivatives(widths, activation, output, container):
    network, data, Y = Network(widths, activation, output), container(X), target(output)
    w = network.initial(np.random.RandomState(0)) + 0.1
    loss, g, tape = gradient(network, w, data, Y)
    assert loss == pytest.approx(network.loss(network.layers(w), data, Y, c))
    directions = rng.normal(size=(3, network.n_weights))
    d_gradient = np.empty_like(directions)
    network.d_gradient(
        network.layers(w), network.layers(directions), tape, network.layers(d_gradient)
    )
    for direction, along in zip(1e-5 * directions, 1e-5 * d_gradient):
        after, g_after, _ = gradient(network, w + direction, data, Y)
        before, g_before, _ = gradient(network, w - direction, data, Y)
        assert g @ direction == pytest.approx((after - before) / 2, rel=1e-6)
        np.testing.assert_allclose(along, (g_after - g_before) / 2, atol=1e-6 * abs(along).max())


def test_losses():
    Z = 50 * rng.normal(size=(20, 3))
    Y = target("softmax")
    np.testing.assert_allclose(
        OUTPUTS["softmax"].loss(Z, Y), -(Y * log_softmax(Z, axis=1)).sum(axis=1), atol=1e-12
    )
    z, y = np.array([[-800.0], [0.0], [800.0]]), np.array([[1.0], [1.0], [1.0]])
    np.testing.assert_allclose(OUTPUTS["logistic"].loss(z, y), [800, np.log(2), 0])
    np.testing.assert_allclose(OUTPUTS["identity"].loss(z, y), [801**2 / 2, 0.5, 799**2 / 2])
    np.testing.assert_allclose(OUTPUTS["softmax"].mean(Z).sum(axis=1), 1)


def test_pull_back_is_the_gradient_of_a_linear_loss():
    network = Network((4, 5, 2), "tanh", "softmax")
    w, dZ = network.initial(np.random.RandomState(0)), rng.normal(size=(20, 2))
    direction = 1e-5 * rng.normal(size=network.n_weights)

    def loss(w):
        return (dZ * network.outputs(network.layers(w), X)).sum()

    difference = (loss(w + direction) - loss(w - direction)) / 2
    assert network.pull_back(network.layers(w), X, dZ) @ direction == pytest.approx(difference)


def test_layers_are_views():
    network = Network((4, 5, 2), "tanh", "identity")
    assert network.n_weights == 4 * 5 + 5 + 5 * 2 + 2
    w, dw = np.zeros(network.n_weights), np.zeros((3, network.n_weights))
    for (W, b), (dW, db) in zip(network.layers(w), network.layers(dw)):
        assert dW.shape == (3, *W.shape)
        assert db.shape == (3, *b.shape)
        W += 1
        b += 1
        dW += 1
        db += 1
    assert w.all()
    assert dw.all()


@pytest.mark.parametrize("output", OUTPUTS)
def test_constant_loss_is_the_least_of_equal_outputs(output):
    network, Y = Network((4, 3), "tanh", output), target(output)
    shares = c / c.sum()
    w = np.zeros(network.n_weights)

    def loss(b):
        w[-3:] = b
        return network.loss(network.layers(w), X, Y, shares)

    expected = minimize(loss, np.zeros(3), tol=1e-10).fun
    assert network.constant_loss(Y, shares) == pytest.approx(expected, rel=1e-6)


def test_constant_loss_of_one_value_is_0():
    for output in OUTPUTS:
        assert Network((4, 3), "tanh", output).constant_loss(np.ones((20, 3)), c / c.sum()) == 0


def test_one_direction_alone_is_one_of_several():
    network, Y = Network((4, 6, 5, 3), "tanh", "softmax"), target("softmax")
    w, dw = rng.normal(size=network.n_weights), rng.normal(size=(2, network.n_weights))
    tape, found = gradient(network, w, X, Y)[2], np.empty_like(dw)
    layers = network.layers(w)
    network.d_gradient(layers, network.layers(dw), tape, network.layers(found))
    for data in (X, sparse.csr_array(X)):
        one = np.empty_like(w)
        tape = gradient(network, w, data, Y)[2]
        network.d_gradient(layers, network.layers(dw[1]), tape, network.layers(one))
        np.testing.assert_allclose(one, found[1], rtol=1e-10)
