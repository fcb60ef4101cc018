"""Linear models with a penalty for each band: ridge regression and logistic regression.

Penalties by feature are ``λ = α[g]`` with the band g of each feature, so that a derivative by
α is the sum of those by λ over the band; ``∂G/∂λ_j`` is row j of the coefficients.

Notation
--------
n, p, K, B : number of samples, features, outputs, bands
W, U : solution and adjoint, (p, K)
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._numeric import NormalEquations, binomial, multinomial, with_class_weights
from skhyper._numeric._data import as_weights, checked_matrix, checked_target, copy_rows
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._linear import LinearFold, LinearProblem, Training
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    inner_problem,
)
from skhyper.hypergradient._stateful import LeftOut
from skhyper.linear_model import BandedLogisticRegression, BandedRidge

__all__ = ["BandedLogisticProblem", "BandedRidgeProblem"]


@inner_problem.register(BandedRidge)
class BandedRidgeProblem(CentredProblem):
    """BandedRidge by `alphas`: a number, an array or a dict."""

    names = ("alphas",)
    methods = ("predict",)

    def __init__(self, estimator: BandedRidge):
        super().__init__(estimator)
        check_not_overridden(estimator, BandedRidge, "fit", "predict")

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        rows = slice(0, 2)
        # What a fit knows of features and bands, from two samples.
        self._template = clone(self.estimator).fit(copy_rows(X, rows), np.asarray(y)[rows])
        X, y = checked_matrix(X), checked_target(y)
        a = as_weights(sample_weight, X.shape[0])
        self._take(X, y.reshape(len(y), -1), a, y.ndim == 1)
        self._system = NormalEquations(self._data, self.estimator.fit_intercept)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        self._given, self._bands = fitted.alphas, fitted._bands
        fitted.alphas_ = self._bands.values("alphas", fitted.alphas)
        penalties = fitted.alphas_[fitted.bands_]
        fitted.solver_ = self._system.method(penalties)
        self._solver = self._system.factorize(penalties)
        self._W = self._solver.fit(self._Yc)
        return self._filled(fitted, self._flat)

    def solve(self, dw: np.ndarray) -> np.ndarray:
        u = self._solver.solve(dw)
        if not self._solver.converged:
            raise NotDifferentiableError("Conjugate gradients did not converge.")
        return u

    def cross(self, u: np.ndarray) -> Gradient:
        return {"alphas": self._bands.gradient((u * self._W).sum(axis=1), self._given)}

    def leave_one_out(self) -> LeftOut | None:
        """By the diagonal h of the hat matrix: residuals over 1 - h; see ``_ridge``."""
        a = self._data.weights
        parts = None if np.any(a == 0) else self._solver.left_out(self._Yc)
        if parts is None:
            return None
        root, d, S = np.sqrt(a)[:, None], parts.d[:, None], parts.S
        left_out = parts.R / d  # times √a

        def pull_back(d_output: np.ndarray) -> Gradient:
            D = -d_output.reshape(left_out.shape) / (d * root)
            # The residuals by λ_j: Xc H⁻¹ e_j W_j;  h by λ_j: -(H⁻¹ Xcᵀ)_j² .
            by_feature = (S @ D * self._W).sum(axis=1) - S**2 @ (D * left_out).sum(axis=1)
            return {"alphas": self._bands.gradient(by_feature, self._given)}

        predictions = self._Y - left_out / root
        return LeftOut(predictions[:, 0] if self._flat else predictions, pull_back)


@inner_problem.register(BandedLogisticRegression)
class BandedLogisticProblem(LinearProblem):
    """BandedLogisticRegression by `alphas`: a number, an array or a dict."""

    names = ("alphas",)

    def __init__(self, estimator: BandedLogisticRegression):
        super().__init__(estimator)
        check_not_overridden(
            estimator, BandedLogisticRegression, "fit", "predict_proba", "decision_function"
        )

    def training(self, fitted: BandedLogisticRegression, fold: LinearFold) -> Training:
        y, a = fold.y, as_weights(fold.sample_weight, len(fold.y))
        a = with_class_weights(a, y, fitted.classes_, fitted.class_weight)
        two, p = len(fitted.classes_) == 2, len(fitted.bands_)
        l2 = np.append(fitted.alphas_[fitted.bands_], np.zeros(fold.n_coefs - p))

        def by_band(u: np.ndarray, V: np.ndarray) -> Any:
            return fitted._bands.gradient((u * V)[:p].sum(axis=1), fitted.alphas)

        return Training(
            binomial if two else multinomial,
            (y[:, None] == (fitted.classes_[1:] if two else fitted.classes_)).astype(float),
            a[:, None],
            1.0,
            l2,
            np.zeros_like(l2),
            {},
            {"alphas": by_band},
        )
