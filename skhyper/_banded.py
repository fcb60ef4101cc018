"""Base classes of the estimators with hyperparameters by band: input, bands, predictions."""

import numbers
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skhyper._bands import Bands
from skhyper._sklearn import Interval, check_sample_weight

__all__ = [
    "BANDS",
    "PENALTIES",
    "BandedClassifier",
    "BandedModel",
    "BandedRegressor",
    "LinearValues",
]

# Constraints of `bands`, and of non-negative hyperparameters by band.
BANDS = [dict, "array-like", None]
PENALTIES = [Interval(numbers.Real, 0, None, closed="left"), "array-like", dict]


class BandedModel(BaseEstimator):
    """An estimator with hyperparameters by band."""

    _accepts_sparse: ClassVar[bool] = True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._accepts_sparse
        return tags

    def _checked(self, X: Any, y: Any, sample_weight: Any, **options: Any) -> tuple:
        """X, y and the sample weights as arrays; sets ``bands_`` and ``band_names_``."""
        given = X
        X, y = self._validated(X, y, **options)
        names = getattr(self, "feature_names_in_", None)
        self._bands = Bands.from_spec(self.bands, given, X.shape[1], names)
        self.bands_, self.band_names_ = self._bands.labels, self._bands.names
        return X, y, check_sample_weight(sample_weight, X)

    def _validated(self, *data: Any, **options: Any) -> Any:
        sparse = "csr" if self._accepts_sparse else False
        return validate_data(self, *data, accept_sparse=sparse, dtype=np.float64, **options)

    def _outputs(self, X: Any) -> np.ndarray:
        """Values of the fitted functions at X as the user passes it, (n,) or (n, n_outputs)."""
        check_is_fitted(self)
        return self._values(self._validated(X, reset=False))

    @abstractmethod
    def _values(self, X: Any) -> np.ndarray:
        """Values of the fitted functions at validated X, (n,) or (n, n_outputs)."""


class LinearValues:
    """Values ``X w + b`` of a model with ``coef_`` and ``intercept_``."""

    coef_: np.ndarray
    intercept_: Any

    def _values(self, X: Any) -> np.ndarray:
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_


class BandedRegressor(RegressorMixin, BandedModel):
    """A regressor with hyperparameters by band."""

    def predict(self, X: Any) -> np.ndarray:
        """Predict the target.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, in a format that `fit` accepts.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted target.
        """
        return self._outputs(X)


class BandedClassifier(ClassifierMixin, BandedModel):
    """A classifier with hyperparameters by band."""

    def _set_classes(self, y: np.ndarray, a: np.ndarray) -> None:
        """Set ``classes_``, those of samples with positive weight."""
        check_classification_targets(y)
        self.classes_ = np.unique(y[a > 0])
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least two classes; the data have one "
                f"class: {self.classes_[0]!r}."
            )

    def decision_function(self, X: Any) -> np.ndarray:
        """Decision values, of which the largest determines the class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, in a format that `fit` accepts.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number, positive for the second class; otherwise one per class.
        """
        Z = self._outputs(X)
        return Z[:, 0] if Z.shape[1] == 1 else Z

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, in a format that `fit` accepts.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Predicted class.
        """
        Z = self.decision_function(X)
        return self.classes_[Z.argmax(axis=1) if Z.ndim == 2 else (Z > 0).astype(int)]
