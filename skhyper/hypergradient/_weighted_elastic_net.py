"""WeightedElasticNet: penalties of its own for each feature or band.

Training minimises ``|yc - Xc w|² / 2A + Σ μ_j |w_j| + Σ λ_j w_j² / 2``; see ``_data`` for Xc.
What is differentiated is the solution itself: see ``ElasticNetSolver``.

Notation
--------
p : number of features;  A : sum of the sample weights
μ, λ : l1 and l2 penalties, (p,)
W, U : solution and adjoint, (p, 1);  N : sign of W
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._numeric import ElasticNetSolver
from skhyper._numeric._data import as_weights, checked_matrix, checked_target, copy_rows
from skhyper._numeric._quadratic import dense_if_small
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._problem import Gradient, check_not_overridden, inner_problem
from skhyper.linear_model import WeightedElasticNet

__all__ = ["WeightedElasticNetProblem"]


@inner_problem.register(WeightedElasticNet)
class WeightedElasticNetProblem(CentredProblem):
    """WeightedElasticNet by `alpha`, `l1_weights` and `l2_weights`."""

    names = ("alpha", "l1_weights", "l2_weights")
    methods = ("predict",)

    def __init__(self, estimator: WeightedElasticNet):
        super().__init__(estimator)
        check_not_overridden(estimator, WeightedElasticNet, "fit", "predict")

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        rows = slice(0, 2)
        # What a fit knows of features and bands, from two samples.
        easy = clone(self.estimator).set_params(alpha=1.0)
        own = self.estimator.get_params(deep=False)
        self._template = easy.fit(copy_rows(X, rows), np.asarray(y)[rows]).set_params(**own)
        X, y = checked_matrix(X), checked_target(y)
        a = as_weights(sample_weight, X.shape[0])
        self._take(dense_if_small(X), y.reshape(len(y), -1), a, True, 1 / a.sum(), lean=True)
        self._solver = ElasticNetSolver.from_data(
            self._data, self._Yc, self.estimator.fit_intercept
        )

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        fitted._solve(self._solver)
        self._W, self._fitted = self._solver.W, fitted
        self._given = fitted.get_params(deep=False)
        return self._filled(fitted, True)

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self._solver.solve(dw)

    def cross(self, u: np.ndarray) -> Gradient:
        by_l1, by_l2 = (u * self._solver.normals()).sum(axis=1), (u * self._W).sum(axis=1)
        fitted, bands = self._fitted, self._fitted._bands
        l1, l2 = fitted.l1_weights_[fitted.bands_], fitted.l2_weights_[fitted.bands_]
        return {
            "alpha": float(l1 @ by_l1 + l2 @ by_l2),
            "l1_weights": bands.gradient(fitted.alpha_ * by_l1, self._given["l1_weights"]),
            "l2_weights": bands.gradient(fitted.alpha_ * by_l2, self._given["l2_weights"]),
        }
