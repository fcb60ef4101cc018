"""Derivatives by the training data and the data predicted, of models with a squared loss."""

import numpy as np
import pytest
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Ridge

from skhyper.hypergradient import Want, inner_problem
from skhyper.linear_model import BandedRidge, WeightedElasticNet

rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    "estimator",
    [
        Ridge(2.0),
        BandedRidge(np.array([0.5, 2.0, 5.0, 1.0]), fit_intercept=False),
        ElasticNet(0.05, tol=1e-13, max_iter=100_000),
    ],
    ids=str,
)
def test_derivatives_by_the_data(estimator):
    train, test, y = rng.normal(size=(40, 4)), rng.normal(size=(10, 4)), rng.normal(size=40)
    w, v = rng.random(40), rng.normal(size=10)
    y = y + train @ [1.0, 2.0, -1.0, 0.5]

    def loss(train, test):
        return v @ clone(estimator).fit(train, y, sample_weight=w).predict(test)

    problem = Session(estimator)
    problem.load(train, y, sample_weight=w)
    problem.fit({})
    problem.predict(test, "predict")
    _, d_train, d_test = problem.vjp(v, data=True)
    E, F, h = rng.normal(size=train.shape), rng.normal(size=test.shape), 1e-5
    expected = (loss(train + h * E, test + h * F) - loss(train - h * E, test - h * F)) / (2 * h)
    assert np.sum(d_train * E) + np.sum(d_test * F) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Ridge(), "alpha"),
        (Ridge(fit_intercept=False, solver="lsqr"), "alpha"),
        (BandedRidge(), "alphas"),
        (WeightedElasticNet(0.1), "alpha"),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_features", [4, 30])
def test_a_fit_outlasts_the_next_one_of_its_fold(estimator, name, n_features):
    X, y, d = rng.normal(size=(20, n_features)), rng.normal(size=20), rng.normal(size=20)
    fold, want = inner_problem(estimator).load(X, y + X[:, 0]), Want([name], True)
    first = fold.fit({name: 0.1}).predict(X, "predict")
    expected = first.vjp(d, want)
    second = fold.fit({name: 0.5}).predict(X, "predict")
    assert second.vjp(d, want).params[name] != pytest.approx(expected.params[name], rel=1e-2)
    found = first.vjp(d, want)
    assert found.params[name] == pytest.approx(expected.params[name], rel=1e-9)
    np.testing.assert_allclose(found.X_train, expected.X_train, rtol=1e-9, atol=1e-11)
