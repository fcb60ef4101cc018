"""Fits of pipelines and of regressors with a transformed target are shared by their last part."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.reuse import check_shared_fit, shared_fit

X, y = (part[:150] for part in load_diabetes(return_X_y=True))
BOOSTING = GradientBoostingRegressor(random_state=0)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (make_pipeline(StandardScaler(), PCA(3), BOOSTING), "gradientboostingregressor__"),
        (TransformedTargetRegressor(BOOSTING, func=np.log, inverse_func=np.exp), "regressor__"),
        (TransformedTargetRegressor(make_pipeline(PCA(3), BOOSTING)), "regressor__gradient"),
        (make_pipeline(TransformedTargetRegressor(BOOSTING)), "transformedtargetregressor__"),
    ],
)
def test_compositions(estimator, name):
    rule = check_shared_fit(estimator, X, y, [3, 1, 20])
    assert rule.name.startswith(name)
    assert rule.name.endswith("n_estimators")


@pytest.mark.parametrize(
    "estimator",
    [
        Pipeline([("all", "passthrough")]),
        make_pipeline(BayesianRidge()),
        make_pipeline(RandomForestRegressor(random_state=0), "passthrough"),
        TransformedTargetRegressor(BayesianRidge()),
    ],
)
def test_what_ends_in_something_else_has_no_rule(estimator):
    assert shared_fit(estimator) is None


def test_why_not_is_that_of_the_last_step():
    assert "random_state" in shared_fit(make_pipeline(RandomForestRegressor())).why_not
