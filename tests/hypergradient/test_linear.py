"""What linear problems share: polishing, and derivatives by the data."""

import numpy as np
import pytest
from hypergradient.problems import designs, target, weights
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.svm import LinearSVR

from skhyper.hypergradient import inner_problem

X = designs()["tall"]


def test_a_solution_that_stopped_early_is_polished():
    y = target(X, "binary")
    loose, tight = (
        LogisticRegression(tol=tol, solver=s)
        for tol, s in ((1e-1, "lbfgs"), (1e-12, "newton-cholesky"))
    )
    problem = inner_problem(loose)
    problem.load(X, y)
    early = problem.fit({"C": 1.0}).predict_proba(X)
    tight = LogisticRegression(tol=1e-12, solver="newton-cholesky")
    exact = tight.fit(X, y).predict_proba(X)
    assert np.abs(early - exact).max() > 1e-4
    np.testing.assert_allclose(problem.predict(X, "predict_proba"), exact, atol=1e-10)


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (Ridge(alpha=2.0), "outputs"),
        (ElasticNet(alpha=0.05), "real"),
        (LogisticRegression(C=0.7), "binary"),
        (LogisticRegression(C=0.7), "classes"),
        (PoissonRegressor(alpha=0.1), "count"),
        (LinearSVR(loss="squared_epsilon_insensitive", C=0.5, epsilon=0.1), "real"),
        (HuberRegressor(alpha=1.0), "real"),
    ],
    ids=str,
)
@pytest.mark.parametrize("intercept", [True, False])
def test_derivatives_by_the_data(estimator, kind, intercept):
    """Along a random change of the training and of the test data."""
    y = target(X, kind)
    estimator.set_params(fit_intercept=intercept)
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    given = weights(len(y), True)
    rng = np.random.default_rng(0)
    D, T, D_test = rng.normal(size=X.shape), rng.normal(size=X.shape), rng.normal(size=X.shape)

    def predictions(step):
        problem = inner_problem(estimator)
        problem.inputs_wanted = True
        problem.load(X + step * D, y, **given)
        problem.fit({})
        return problem, problem.predict(T + step * D_test, method)

    problem, output = predictions(0.0)
    cotangent = rng.normal(size=output.shape)
    dw, _, dX_test = problem.pull_back(cotangent)
    dX = -problem.cross_inputs(problem.solve(dw))
    h = 1e-5
    expected = np.sum(cotangent * (predictions(h)[1] - predictions(-h)[1])) / (2 * h)
    assert np.sum(dX * D) + np.sum(dX_test * D_test) == pytest.approx(expected, rel=1e-5)
