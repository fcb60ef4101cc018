"""Lasso and elastic net: solutions against scikit-learn's, gradients against differences."""

import numpy as np
import pytest
from hypergradient.problems import designs, target, weights
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso

from skhyper.hypergradient import (
    NotDifferentiableError,
    check_hypergradient,
    implicit_gradient,
    inner_problem,
)

DATA = designs()


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [
        Lasso(alpha=0.02),
        ElasticNet(alpha=0.05, l1_ratio=0.6),
        ElasticNet(alpha=0.05, l1_ratio=0.6, positive=True),
    ],
    ids=["lasso", "elastic net", "positive"],
)
def test_one_target(design, weighted, intercept, estimator):
    X = DATA[design]
    y = target(X, "real")
    estimator = clone(estimator).set_params(fit_intercept=intercept)
    check_hypergradient(estimator, X, y, fit_params=weights(len(y), weighted))


@pytest.mark.parametrize("design", ["tall", "wide"])
@pytest.mark.parametrize(
    "estimator", [MultiTaskLasso(alpha=0.2), MultiTaskElasticNet(alpha=0.2, l1_ratio=0.7)]
)
def test_several_targets(design, estimator):
    X = DATA[design]
    # scikit-learn 1.6.0 cannot make the default scorer of these.
    check_hypergradient(estimator, X, target(X, "outputs"), scoring="r2")


@pytest.mark.parametrize("design", DATA)
def test_a_walk_through_penalties_finds_what_cold_fits_find(design):
    X = DATA[design]
    y = target(X, "real")
    lasso = Lasso(tol=1e-13, max_iter=1_000_000)
    problem = inner_problem(lasso)
    problem.load(X, y)
    for alpha in (0.5, 0.02, 0.3, 0.005, 1e3, 0.05):
        ours, theirs = problem.fit({"alpha": alpha}), clone(lasso).set_params(alpha=alpha)
        theirs.fit(X, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-7)


def test_nothing_moves_where_no_feature_is_in():
    X = DATA["tall"]
    problem = inner_problem(Lasso())
    problem.load(X, target(X, "real"))
    problem.fit({"alpha": 1e3})
    _, gradient = implicit_gradient(
        problem, X, "predict", lambda p: (float(p @ p), 2 * p), ["alpha"]
    )
    assert gradient == {"alpha": 0.0}


@pytest.mark.parametrize("estimator", [Lasso(alpha=0.03), ElasticNet(alpha=0.03, l1_ratio=0.3)])
def test_what_is_not_searched_keeps_its_value(estimator):
    X = DATA["tall"]
    y = target(X, "real")
    problem = inner_problem(estimator)
    problem.load(X, y)
    expected = clone(estimator).set_params(tol=1e-12).fit(X, y).coef_
    np.testing.assert_allclose(problem.fit({}).coef_, expected, atol=1e-6)
    loose = clone(estimator).set_params(max_iter=2)
    problem = inner_problem(loose)
    problem.load(X, y)
    with pytest.warns(UserWarning, match="Objective did not converge"):
        fitted = problem.fit({})
    with pytest.warns(UserWarning, match="Objective did not converge"):
        np.testing.assert_array_equal(fitted.coef_, loose.fit(X, y).coef_)


def test_the_conditions_hold_where_features_abound():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(20):
        X, y = rng.normal(size=(16, 40)), rng.normal(size=16)
        for alpha in (0.1, 1e-3, 1e-2, 1e-4):
            problem = inner_problem(Lasso(max_iter=100_000))
            problem.load(X, y)
            coef = problem.fit({"alpha": alpha}).coef_
            try:
                problem.predict(X, "predict")
            except NotDifferentiableError:
                refused += 1
                continue
            Xc = X - X.mean(axis=0)
            C = Xc.T @ (y - y.mean() - Xc @ coef) / 16
            assert np.abs(C).max() <= alpha * (1 + 1e-6)
            np.testing.assert_allclose(C[coef != 0], alpha * np.sign(coef[coef != 0]), rtol=1e-6)
    assert refused < 8


def test_what_is_not_searched_is_the_estimators_own():
    X = DATA["tall"]
    y = target(X, "real")
    net = ElasticNet(alpha=0.05, tol=1e-13)
    problem = inner_problem(net)
    problem.load(X, y)
    ours, theirs = problem.fit({"l1_ratio": 0.3}), net.set_params(l1_ratio=0.3).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    assert ours.get_params() == theirs.get_params()


@pytest.mark.parametrize("design", ["tall", "wide"])
def test_copies_of_features(design):
    X = DATA[design]
    y = target(X, "real")
    check_hypergradient(Lasso(alpha=0.02), np.hstack([X, X[:, :3]]), y)
