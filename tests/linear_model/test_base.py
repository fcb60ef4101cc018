"""Input, bands and predictions of the linear models."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skhyper.linear_model import BandedRidge
from skhyper.linear_model._base import BandedModel

X = np.array([[0.0, 1.0, 2.0], [3.0, 5.0, 7.0], [2.0, 0.0, 1.0], [4.0, 1.0, 0.0]])
y = np.array([1.0, 2.0, 0.0, 1.0])


def test_bands_are_kept_by_label_and_name():
    model = BandedRidge(bands={"first": [0, 2], "second": [1]}).fit(X, y)
    assert isinstance(model, BandedModel)
    np.testing.assert_array_equal(model.bands_, [0, 1, 0])
    assert list(model.band_names_) == ["first", "second"]


def test_predictions_are_linear_for_sparse_and_dense_data():
    model = BandedRidge(bands=[0, 1, 0]).fit(X, y)
    expected = X @ model.coef_ + model.intercept_
    np.testing.assert_allclose(model.predict(X), expected)
    np.testing.assert_allclose(model.predict(sparse.csr_array(X)), expected)


def test_sparse_data_are_accepted_and_other_numbers_of_features_are_not():
    assert get_tags(BandedRidge()).input_tags.sparse
    model = BandedRidge().fit(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.predict(X[:, :2])
    with pytest.raises(NotFittedError, match="not fitted"):
        BandedRidge().predict(X)
