"""The bridge to scikit-learn's private names."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.metrics import check_scoring, get_scorer, mean_squared_error
from sklearn.preprocessing import StandardScaler

from skhyper import _sklearn


def test_all_names_exist():
    for name in _sklearn.__all__:
        assert hasattr(_sklearn, name)


def test_value_error():
    constraints = Ridge._parameter_constraints["alpha"]
    assert _sklearn.value_error(Ridge(), "alpha", 1.0, constraints) == ""
    message = _sklearn.value_error(Ridge(), "alpha", -1.0, constraints)
    assert "'alpha' parameter of Ridge must be" in message
    assert _sklearn.value_error(Ridge(), "alpha", -1.0, "no_validation") == ""


def test_which_scorers_only_predict():
    scorer = get_scorer("neg_mean_squared_error")
    passthrough = check_scoring(Ridge())
    several = _sklearn.MultimetricScorer(scorers={"a": scorer, "b": passthrough})
    for one in (scorer, passthrough, several):
        assert _sklearn.only_predicts(one)
    own = _sklearn.MultimetricScorer(scorers={"a": scorer, "b": lambda model, X, y: 0.0})
    for one in (own, lambda model, X, y: 0.0):
        assert not _sklearn.only_predicts(one)


def test_scorer_parts():
    function, sign, keywords = _sklearn.scorer_parts(get_scorer("neg_mean_squared_error"))
    assert function is mean_squared_error
    assert (sign, keywords) == (-1, {})
    assert _sklearn.scorer_parts(print) == (print, 1, {})


def test_sample_weights():
    X = np.zeros((3, 2))
    np.testing.assert_array_equal(_sklearn.sample_weights(None, X), np.ones(3))
    np.testing.assert_array_equal(_sklearn.sample_weights([1, 0, 2], X), [1.0, 0.0, 2.0])
    with pytest.raises(ValueError, match=r"must be positive|at least one non-zero"):
        _sklearn.sample_weights([0, 0, 0], X)
    with pytest.raises(ValueError, match="Negative values"):
        _sklearn.check_sample_weight([1, -1, 2], X)


def test_columns_of_a_fitted_column_transformer():
    X = np.arange(12.0).reshape(4, 3) ** 2
    fitted = ColumnTransformer([("scale", StandardScaler(), [0, 2])], remainder="drop").fit(X)
    assert _sklearn.input_indices(fitted)["scale"] == [0, 2]


def test_validate_params():
    _sklearn.validate_params(Ridge(alpha=1.0))
    _sklearn.validate_params(object())
    with pytest.raises(_sklearn.InvalidParameterError, match="'alpha' parameter of Ridge"):
        _sklearn.validate_params(Ridge(alpha="x"))
