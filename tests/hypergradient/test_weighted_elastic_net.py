"""WeightedElasticNet: hypergradients against differences, and searches."""

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target, weights
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import BayesSearchCV, GradientSearchCV
from skhyper.hypergradient import check_hypergradient
from skhyper.linear_model import WeightedElasticNet

DATA = designs()
LOG = (1e-3, 1e1, "log-uniform")


def weights_of(p, spelling):
    bands = {"a": slice(0, p // 3), "b": slice(p // 3, p)}
    return {
        "number": {"l1_weights": 1.0, "l2_weights": 0.5},
        "feature": {
            "l1_weights": np.geomspace(0.2, 5, p),
            "l2_weights": np.geomspace(3, 0.3, p),
        },
        "label": {"l1_weights": [1.0, 3.0], "bands": np.arange(p) % 2},
        "dict": {"l1_weights": {"b": 3.0, "a": 0.5}, "l2_weights": 0.2, "bands": bands},
    }[spelling]


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("spelling", ["number", "feature", "label", "dict"])
@pytest.mark.parametrize("weighted", [False, True])
def test_hypergradients(design, spelling, weighted):
    X = DATA[design]
    y, fit_params = target(X, "real"), weights(X.shape[0], weighted)
    net = WeightedElasticNet(0.03, **weights_of(X.shape[1], spelling), fit_intercept=not weighted)
    names = ["alpha", "l1_weights"] + ["l2_weights"] * (spelling != "label")
    check = check_hypergradient(net, X, y, names=names, fit_params=fit_params)
    for name in names:
        assert np.shape(check.gradient[name]) == np.shape(getattr(net, name))
    problem = Session(net)
    problem.load(X, y, **fit_params)
    problem.fit({"alpha": 0.3})
    ours, theirs = problem.fit({"alpha": 0.03}), clone(net).fit(X, y, **fit_params)
    assert vars(ours).keys() == vars(theirs).keys()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)


def test_features_without_an_l1_weight():
    X = DATA["wide"]
    bands = np.minimum(np.arange(90) // 5, 1)
    net = WeightedElasticNet(0.1, [0.0, 1.0], [0.5, 0.2], bands)
    check_hypergradient(net, X, target(X, "real"), names=["alpha", "l2_weights"])


def test_the_default_strength_is_a_constant_of_the_fold():
    X = DATA["tall"]
    net = WeightedElasticNet(l1_weights=np.geomspace(0.5, 5, 8))
    check_hypergradient(net, X, target(X, "real"), names=["l1_weights"])


def test_searches():
    X, y = make_regression(80, 30, n_informative=5, noise=20.0, random_state=0)
    y = y / y.std()
    cv = KFold(4, shuffle=True, random_state=0)
    bands = np.minimum(np.arange(30) // 10, 2)
    net = make_pipeline(StandardScaler(), WeightedElasticNet(0.1, bands=bands))
    space = {"weightedelasticnet__l1_weights": LOG, "weightedelasticnet__l2_weights": LOG}
    search = GradientSearchCV(net, space, cv=cv, random_state=0).fit(X, y)
    assert search.best_params_["weightedelasticnet__l1_weights"].shape == (3,)
    assert search.best_score_ > cross_val_score(net, X, y, cv=cv).mean()
    again = cross_val_score(search.best_estimator_, X, y, cv=cv).mean()
    assert again == pytest.approx(search.best_score_, rel=1e-7)
    bayes = BayesSearchCV(net, space, n_iter=10, cv=cv, random_state=0).fit(X, y)
    assert bayes.best_params_["weightedelasticnet__l2_weights"].shape == (3,)
