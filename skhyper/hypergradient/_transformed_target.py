"""TransformedTargetRegressor: the inner regressor's problem on a target that is transformed.

The transformer learns on the fold's y alone, so that only its inverse is differentiated.

Notation
--------
m, K : number of samples to predict, of outputs
z : prediction of the inner regressor, (m, K);  φ : inverse of the transformation
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.metadata_routing import process_routing

from skhyper._readonly import with_copies
from skhyper.hypergradient._elementwise import difference_slope, known_slope
from skhyper.hypergradient._problem import (
    Gradient,
    InnerProblem,
    check_not_overridden,
    inner_problem,
)
from skhyper.hypergradient._stage import split_params, stripped

__all__ = ["TransformedTargetProblem"]


class _Target(RegressorMixin, BaseEstimator):
    """Keeps the target that it is given: what the inner regressor is fitted on."""

    def fit(self, X: Any, y: Any) -> "_Target":
        self.y_ = y
        return self

    def predict(self, X: Any) -> Any:
        raise AssertionError("only stands for a regressor")


@inner_problem.register(TransformedTargetRegressor)
class TransformedTargetProblem(InnerProblem):
    """A TransformedTargetRegressor by ``regressor__name``."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_not_overridden(estimator, TransformedTargetRegressor, "fit", "predict")
        regressor = LinearRegression() if estimator.regressor is None else estimator.regressor
        self.inner = inner_problem(regressor)
        self.names = tuple(f"regressor__{name}" for name in self.inner.names)
        self.why_not = self.inner.why_not
        self.noise = self.inner.noise

    @property
    def passes_inputs(self) -> bool:
        return self.inner.passes_inputs

    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        if fit_params and get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self.estimator, "fit", **fit_params).regressor.fit
        self._flat = np.ndim(y) == 1
        # scikit-learn itself fits the transformer and transforms y.
        template = clone(self.estimator).set_params(regressor=_Target())
        self._template = with_copies(template.fit, X, y)
        self.inner.load(X, self._template.regressor_.y_, **fit_params)

    def fit(self, params: Mapping[str, Any]) -> Any:
        own, nested = split_params(self.estimator, params, ["regressor"])
        if own:
            raise ValueError(f"{sorted(own)} cannot be set on a fold that is loaded.")
        fitted = copy.copy(self._template)
        fitted.regressor = self.estimator.regressor
        fitted.regressor_ = self.inner.fit(nested["regressor"])
        if hasattr(fitted.regressor_, "feature_names_in_"):
            fitted.feature_names_in_ = fitted.regressor_.feature_names_in_
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        z = self.inner.predict(X, method)
        self._shape = z.shape
        self._z = z.reshape(len(z), -1)
        output = self._inverse(self._z)
        flat = self._flat and output.ndim == 2 and output.shape[1] == 1
        return output[:, 0] if flat else output

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        self.inner.wanted = None if self.wanted is None else stripped(self.wanted, "regressor")
        self.inner.inputs_wanted = self.inputs_wanted
        d_z = d_output.reshape(self._z.shape) * self._slope(self._z)
        dw, direct, dX = self.inner.pull_back(d_z.reshape(self._shape))
        return dw, _prefixed(direct), dX

    def solve(self, dw: Any) -> Any:
        return self.inner.solve(dw)

    def cross(self, u: Any) -> Gradient:
        return _prefixed(self.inner.cross(u))

    def cross_inputs(self, u: Any) -> np.ndarray | None:
        return self.inner.cross_inputs(u)

    def _inverse(self, z: np.ndarray) -> np.ndarray:
        """``φ(z)``, (m, K), or (m,) where a function makes it so."""
        return np.asarray(with_copies(self._template.transformer_.inverse_transform, z))

    def _slope(self, z: np.ndarray) -> np.ndarray:
        """``φ'(z)``, (m, K)."""
        transformer = self._template.transformer_
        if isinstance(transformer, FunctionTransformer) and not transformer.inv_kw_args:
            exact = known_slope(transformer.inverse_func)
            if exact is not None:
                return exact(z)
        return difference_slope(lambda v: self._inverse(v).reshape(v.shape), z)


def _prefixed(gradient: Gradient) -> Gradient:
    return {f"regressor__{name}": value for name, value in gradient.items()}
