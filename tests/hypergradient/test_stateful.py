"""Problems that keep their state in themselves, as folds and fits."""

from skhyper.hypergradient import Fold, Want
from skhyper.hypergradient._stateful import StatefulProblem


class Scaled(StatefulProblem):
    """``G = w - θ mean(y)``; the prediction is ``θ w`` for each sample."""

    names = ("theta",)

    def take(self, X, y):
        self.mean = sum(y) / len(y)

    def fit(self, params):
        self.theta = params["theta"]
        self.w = self.theta * self.mean

    def predict(self, X, method):
        return self.theta * self.w

    def pull_back(self, d_output):
        return self.theta * d_output, {"theta": self.w * d_output}, None

    def solve(self, dw):
        return dw

    def cross(self, u):
        return {"theta": -self.mean * u}


def test_a_fold_leaves_the_problem_without_data():
    problem = Scaled(None)
    fold = problem.load(None, [1.0, 3.0])
    assert isinstance(fold, Fold)
    assert fold.caches
    assert not hasattr(problem, "mean")
    output = fold.fit({"theta": 1.5}).predict(None, "predict")
    assert output.value == 1.5**2 * 2
    assert output.vjp(1.0, Want(["theta"])).params == {"theta": 2 * 1.5 * 2}
    assert not problem.traits.passes_data
    assert not problem.traits.leaves_one_out
