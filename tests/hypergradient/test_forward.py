"""The forward rule on a training of known outcome: n steps of w ← w - η (w - 1) from 0."""

import pytest
from sklearn.linear_model import Ridge

from skhyper.hypergradient import ForwardProblem, hypergradient
from skhyper.hypergradient._forward import is_forward
from skhyper.neural_network import MLPRegressor


class Steps(ForwardProblem):
    names = ("rate",)

    def take(self, X, y):
        pass

    def fit(self, params):
        self.w = self.slope = 0.0
        for _ in range(5):
            residual = self.w - 1
            self.slope -= residual + params["rate"] * self.slope
            self.w -= params["rate"] * residual

    def predict(self, X, method):
        return self.w

    def pull_back(self, d_output):
        return d_output, {}, None

    def along(self, dw):
        return {"rate": dw * self.slope}


def test_the_derivative_of_the_outcome():
    problem = Steps(None)
    fit = problem.load(None, None).fit({"rate": 0.3})
    value, gradient = hypergradient(fit, None, "predict", lambda w: (w**2, 2 * w), ["rate"])
    w = 1 - 0.7**5
    assert value == pytest.approx(w**2)
    assert gradient == {"rate": pytest.approx(2 * w * 5 * 0.7**4)}
    assert not problem.traits.passes_data


def test_is_forward():
    assert is_forward(MLPRegressor())
    assert not is_forward(Ridge())
    assert not is_forward(None)
