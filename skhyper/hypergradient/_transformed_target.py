"""TransformedTargetRegressor: the inner regressor's problem on a transformed target.

The transformer is fitted on the fold's y only; hence only its inverse is differentiated.

Notation
--------
m, K : number of samples to predict, of outputs
z : prediction of the inner regressor, (m, K);  φ : inverse of the transformation
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.metadata_routing import process_routing

from skhyper._readonly import with_copies
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._elementwise import difference_slope, known_slope
from skhyper.hypergradient._separate import Recorder
from skhyper.hypergradient._stage import split_params


@hg.inner_problem.register(TransformedTargetRegressor)
class TransformedTargetProblem(hg.InnerProblem):
    """TransformedTargetRegressor, with respect to ``regressor__name``."""

    inherits = ("fit", "predict")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        own = estimator.regressor
        self.regressor = LinearRegression() if own is None else own
        self.inner = hg.inner_problem(self.regressor)
        self.names = tuple(hg.prefixed("regressor", dict.fromkeys(self.inner.names)))
        self.traits = replace(self.inner.traits, is_quasiconvex=False, leaves_one_out=False)

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        if fit_params and get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self.estimator, "fit", **fit_params).regressor.fit
        # scikit-learn itself fits the transformer and transforms y.
        template = clone(self.estimator).set_params(regressor=Recorder(self.regressor))
        template = with_copies(template.fit, X, y)
        inner = self.inner.load(X, template.regressor_.data_[1], **fit_params)
        del template.regressor_  # it holds a copy of X
        return _TargetFold(self.estimator, template, np.ndim(y) == 1, inner)


@dataclass(frozen=True)
class _TargetFold(hg.Fold):
    """Training data; `template` holds the fitted transformer of the target."""

    estimator: Any
    template: Any
    is_flat: bool
    inner: hg.Fold

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        own, nested = split_params(self.estimator, params, ["regressor"])
        if own:
            raise ValueError(f"{sorted(own)} cannot be changed after the data are loaded.")
        inner = self.inner.fit(nested["regressor"])
        fitted = copy.copy(self.template)
        fitted.regressor = self.estimator.regressor
        fitted.regressor_ = inner.estimator
        if hasattr(fitted.regressor_, "feature_names_in_"):
            fitted.feature_names_in_ = fitted.regressor_.feature_names_in_
        return _TargetFit(fitted, self.is_flat, inner)


@dataclass(frozen=True)
class _TargetFit(hg.Fit):
    estimator: Any
    is_flat: bool
    inner: hg.Fit

    def predict(self, X: Any, method: str) -> hg.Output:
        inner = self.inner.predict(X, method)
        z = inner.value.reshape(len(inner.value), -1)
        value = self._inverse(z)
        flat = self.is_flat and value.ndim == 2 and value.shape[1] == 1

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            d_z = d_value.reshape(z.shape) * self._slope(z)
            below = hg.Want(hg.stripped(want.names, "regressor"), want.data)
            params, *dX = inner.vjp(d_z.reshape(inner.value.shape), below)
            return hg.Cotangents(hg.prefixed("regressor", params), *dX)

        return hg.Output(value[:, 0] if flat else value, vjp)

    def _inverse(self, z: np.ndarray) -> np.ndarray:
        """``φ(z)``, (m, K), or (m,) if a function returns that."""
        return np.asarray(with_copies(self.estimator.transformer_.inverse_transform, z))

    def _slope(self, z: np.ndarray) -> np.ndarray:
        """``φ'(z)``, (m, K)."""
        transformer = self.estimator.transformer_
        if isinstance(transformer, FunctionTransformer) and not transformer.inv_kw_args:
            exact = known_slope(transformer.inverse_func)
            if exact is not None:
                return exact(z)
        return difference_slope(lambda v: self._inverse(v).reshape(v.shape), z)
