"""Lasso and elastic net: solutions against scikit-learn's, gradients against differences."""

import numpy as np
import pytest
from hypergradient.problems import designs, target, weights
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso

from skhyper.hypergradient import check_hypergradient, implicit_gradient, inner_problem

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
    check_hypergradient(estimator, X, target(X, "outputs"))


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


def test_what_is_not_searched_is_the_estimators_own():
    X = DATA["tall"]
    y = target(X, "real")
    net = ElasticNet(alpha=0.05, tol=1e-13)
    problem = inner_problem(net)
    problem.load(X, y)
    ours, theirs = problem.fit({"l1_ratio": 0.3}), net.set_params(l1_ratio=0.3).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    assert ours.get_params() == theirs.get_params()
