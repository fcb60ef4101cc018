"""Trees pruned from one tree are those of plain fits."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from skhyper.reuse import check_shared_fit, shared_fit

CLASSES, NUMBERS = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True)


@pytest.mark.parametrize(
    ("estimator", "data", "values"),
    [
        (DecisionTreeClassifier(random_state=0), CLASSES, [0.0, 1e-3, 0.01, 0.1, 1]),
        (DecisionTreeClassifier(random_state=0, max_leaf_nodes=9), CLASSES, [0.01, 0.1]),
        (ExtraTreeClassifier(random_state=0), CLASSES, [1e-3, 0.01, 0.1]),
        (DecisionTreeRegressor(random_state=0), NUMBERS, [0, 1.0, 30.0, 1e3, 1e5]),
    ],
)
def test_pruned_trees_are_those_of_plain_fits(estimator, data, values):
    weights = {"sample_weight": np.random.default_rng(0).random(len(data[0]))}
    check_shared_fit(estimator, *data, values)
    check_shared_fit(estimator, *data, values, fit_params=weights)


def test_invalid_penalties_are_fitted_as_ever():
    rule = shared_fit(DecisionTreeClassifier(random_state=0))
    assert rule.accepts(0) and rule.accepts(0.5)
    assert not any(map(rule.accepts, [-1.0, np.inf, np.nan, True, "0.1", None]))
    assert "splits" in shared_fit(DecisionTreeClassifier()).why_not
