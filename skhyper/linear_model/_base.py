"""What the linear models share: input, bands, predictions."""

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from skhyper._bands import Bands
from skhyper._sklearn import Interval, check_sample_weight

__all__ = ["BANDS", "PENALTIES", "BandedModel"]

# Constraints of hyperparameters by band, and of `bands`.
PENALTIES = [Interval(numbers.Real, 0, None, closed="left"), "array-like", dict]
BANDS = [dict, "array-like", None]


class BandedModel(BaseEstimator):
    """A linear model with ``coef_``, ``intercept_`` and hyperparameters by band."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _checked(self, X: Any, y: Any, sample_weight: Any, **options: Any) -> tuple:
        """X, y and the sample weights as arrays; sets ``bands_`` and ``band_names_``."""
        given = X
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64, **options)
        names = getattr(self, "feature_names_in_", None)
        self._bands = Bands.from_spec(self.bands, given, X.shape[1], names)
        self.bands_, self.band_names_ = self._bands.labels, self._bands.names
        return X, y, check_sample_weight(sample_weight, X)

    def _predictors(self, X: Any) -> np.ndarray:
        """``X w + b``, (n,) or (n, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
