"""The training data of a part of a composition are recorded while it is fitted."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.reuse import shared_fit
from skhyper.reuse._training_data import recorded_training_data

X, y = load_diabetes(return_X_y=True)


def test_data_of_a_cloned_part_within_a_pipeline():
    inner = make_pipeline(StandardScaler(), Ridge())
    whole = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
    weights = np.arange(len(y))
    with recorded_training_data(whole, shared_fit(whole)) as found:
        whole.fit(X, y, ridge__sample_weight=weights)
    (data,) = found
    np.testing.assert_array_equal(data.X, StandardScaler().fit_transform(X))
    np.testing.assert_allclose(data.y, np.log(y))
    assert data.params.keys() == {"sample_weight"}
    assert data.params["sample_weight"] is weights
    for part in (inner[-1], whole.regressor_[-1]):
        assert not {"fit", "__sklearn_clone__"} & set(vars(part))


def test_nothing_remains_of_a_failed_fit():
    model = Ridge(alpha=-1.0)
    rule = shared_fit(model)
    with pytest.raises(ValueError, match="alpha"), recorded_training_data(model, rule):
        model.fit(X, y)
    assert vars(model) == vars(Ridge(alpha=-1.0))
