"""WeightedElasticNet: against scikit-learn's elastic net where all weights are alike."""

import numpy as np
import pytest
from hypergradient.problems import designs, target, weights
from sklearn.linear_model import ElasticNet

from skhyper.hypergradient import check_hypergradient, inner_problem
from skhyper.linear_model import WeightedElasticNet

DATA = designs()


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_an_elastic_net(design, weighted):
    X = DATA[design]
    y = target(X, "real")
    given = weights(len(y), weighted)
    net = ElasticNet(alpha=0.05, l1_ratio=0.6)
    theirs = check_hypergradient(net, X, y, names=["alpha"], fit_params=given)
    p = X.shape[1]
    ours = check_hypergradient(
        WeightedElasticNet(alpha=0.05, l1_weights=np.full(p, 0.6), l2_weights=np.full(p, 0.4)),
        X,
        y,
        fit_params=given,
    )
    assert ours.gradient["alpha"] == pytest.approx(theirs.gradient["alpha"], rel=1e-6)
    assert ours.gradient["l1_weights"].shape == (p,)


def test_the_fitted_estimator_is_the_users():
    X = DATA["tall"]
    y = target(X, "real")
    net = WeightedElasticNet(alpha=0.05, l1_weights=np.linspace(0.1, 2, 8))
    problem = inner_problem(net)
    problem.load(X, y)
    np.testing.assert_allclose(problem.fit({}).coef_, net.fit(X, y).coef_, atol=1e-8)
