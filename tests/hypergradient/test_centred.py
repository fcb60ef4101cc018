"""Derivatives by the training data and the data predicted, of models with a squared loss."""

import numpy as np
import pytest
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Ridge

from skhyper.linear_model import BandedRidge

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
