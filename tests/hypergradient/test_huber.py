"""HuberRegressor: against a general root finder, and against scikit-learn's own fits."""

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target, weights
from scipy.optimize import root
from sklearn.linear_model import HuberRegressor

from skhyper.hypergradient import (
    NotDifferentiableError,
    check_hypergradient,
    hypergradient,
)

DATA = designs()
X, Y = DATA["tall"], target(DATA["tall"], "real") ** 3


def solution(alpha, epsilon, a, start):
    """Where the derivatives of scikit-learn's objective vanish, by MINPACK."""
    p = X.shape[1]

    def slopes(v):
        t = np.clip((Y - X @ v[:p] - v[p]) / v[-1], -epsilon, epsilon)
        by_w = -2 * X.T @ (a * t) + 2 * alpha * v[:p]
        return np.concatenate([by_w, [-2 * (a @ t), a @ (1 - t**2)]])

    return root(slopes, start, tol=1e-14).x


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["alpha", "epsilon"])
def test_gradient(weighted, name):
    given = weights(len(Y), weighted)
    a = given.get("sample_weight", np.ones(len(Y)))
    at = {"alpha": 2.0, "epsilon": 1.5}
    problem = Session(HuberRegressor())
    problem.load(X, Y, **given)
    fitted = problem.fit(at)
    start = np.concatenate([fitted.coef_, [fitted.intercept_, fitted.scale_]])

    def loss(prediction):
        return float(np.sum(np.sin(prediction))), np.cos(prediction)

    def moved(factor):
        v = solution(*(at | {name: at[name] * factor}).values(), a, start)
        return loss(X @ v[:-2] + v[-2])[0]

    value, gradient = hypergradient(problem.fitted, X, "predict", loss, [name])
    h = 1e-5
    assert value == pytest.approx(moved(1), rel=1e-9)
    expected = (moved(1 + h) - moved(1 - h)) / (2 * h * at[name])
    assert gradient[name] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("design", ["tall", "sparse"])
@pytest.mark.parametrize("intercept", [False, True])
def test_against_scikit_learn(design, intercept):
    # Its L-BFGS stops with some 1e-4 of the solution to go: long steps, and few digits.
    estimator = HuberRegressor(alpha=5.0, epsilon=1.8, fit_intercept=intercept, max_iter=1000)
    Z = DATA[design]
    y = target(Z, "real")
    check_hypergradient(estimator, Z, y, step=0.05, rtol=2e-2, tighten=False)


def test_a_scale_that_goes_to_zero_is_said():
    rng = np.random.default_rng(1)
    problem = Session(HuberRegressor(max_iter=1000))
    Z, z = rng.normal(size=(24, 40)), rng.normal(size=24)
    problem.load(Z, z)
    problem.fit({"alpha": 1e-6})
    with pytest.raises(NotDifferentiableError, match="scale tends to zero"):
        problem.predict(Z, "predict")
