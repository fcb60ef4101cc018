"""The forward rule on a training of known outcome: n steps of w ← w - η (w - 1) from 0."""

import pytest
from sklearn.linear_model import Ridge

from skhyper.hypergradient import Cotangents, Want, forward_vjp
from skhyper.hypergradient._forward import is_forward
from skhyper.neural_network import MLPRegressor


def test_the_derivative_of_the_outcome():
    w = slope = 0.0
    for _ in range(5):
        residual = w - 1
        slope -= residual + 0.3 * slope
        w -= 0.3 * residual
    vjp = forward_vjp(lambda d, want: (d, Cotangents({})), lambda dw, want: {"rate": dw * slope})
    w = 1 - 0.7**5
    assert vjp(2 * w, Want(["rate"])).params == {"rate": pytest.approx(2 * w * 5 * 0.7**4)}


def test_is_forward():
    assert is_forward(MLPRegressor())
    assert not is_forward(Ridge())
    assert not is_forward(None)
