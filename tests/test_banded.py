"""Input, bands and predictions of the estimators with hyperparameters by band."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skhyper._banded import BandedModel, LogitClassifier
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier
from skhyper.linear_model import BandedLogisticRegression, BandedRidge

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


def test_dense_data_only_for_kernels():
    assert not get_tags(ARDKernelRidge()).input_tags.sparse
    with pytest.raises(TypeError, match="dense data is required"):
        ARDKernelRidge().fit(sparse.csr_array(X), y)


@pytest.mark.parametrize("cls", [ARDKernelRidgeClassifier, BandedLogisticRegression])
def test_samples_without_weight_have_no_class(cls):
    model = cls().fit(X, ["a", "b", "c", "b"], sample_weight=[1, 1, 0, 1])
    assert list(model.classes_) == ["a", "b"]
    assert model.decision_function(X).shape == (4,)
    with pytest.raises(ValueError, match=f"{cls.__name__} needs samples of at least two classes"):
        cls().fit(X, ["a", "b", "b", "b"], sample_weight=[1, 0, 0, 0])


def test_probabilities_keep_their_digits():
    class Given(LogitClassifier):
        classes_ = np.array([0, 1])

        def _outputs(self, X):
            return X

    np.testing.assert_allclose(Given().predict_proba(np.array([[40.0]]))[:, 0], np.exp(-40.0))
    np.testing.assert_array_equal(Given().predict_log_proba(np.array([[800.0]])), [[-np.inf, 0.0]])
