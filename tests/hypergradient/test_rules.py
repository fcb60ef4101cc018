"""The implicit rule on a problem whose solution is known: w = θ² y̅, prediction θ w."""

import numpy as np
import pytest

from skhyper.hypergradient import InnerProblem, NotDifferentiableError, implicit_gradient


class Squares(InnerProblem):
    """``G = w - θ² mean(y)``; the prediction ``θ w`` depends on θ directly too."""

    names = ("theta", "forgotten")

    def load(self, X, y):
        self.mean = np.mean(y)

    def fit(self, params):
        self.theta = params["theta"]
        self.w = self.theta**2 * self.mean

    def predict(self, X, method):
        return np.full(len(X), self.theta * self.w)

    def pull_back(self, d_output):
        return self.theta * d_output.sum(), {"theta": self.w * d_output.sum()}, None

    def solve(self, dw):
        return dw

    def cross(self, u):
        return {"theta": -u * 2 * self.theta * self.mean}


def test_direct_and_implicit_parts_add_up():
    problem = Squares(None)
    problem.load(None, [1.0, 3.0])
    problem.fit({"theta": 1.5})
    # L = Σ_i (θ³ · 2)² over four samples, dL/dθ = 4 · 2 · (2 θ³) · 6 θ².
    value, gradient = implicit_gradient(
        problem, np.zeros(4), "predict", lambda p: (float(p @ p), 2 * p), ["theta"]
    )
    assert value == pytest.approx(4 * (2 * 1.5**3) ** 2)
    assert gradient == {"theta": pytest.approx(8 * 2 * 1.5**3 * 6 * 1.5**2)}
    assert problem.cross_inputs(1.0) is None


def test_a_name_that_is_forgotten_is_said():
    problem = Squares(None)
    problem.load(None, [1.0, 3.0])
    problem.fit({"theta": 1.5})
    with pytest.raises(NotDifferentiableError, match=r"\['forgotten'\]"):
        implicit_gradient(
            problem, np.zeros(4), "predict", lambda p: (float(p @ p), 2 * p), problem.names
        )
