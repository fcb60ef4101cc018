"""Lasso and elastic net: scikit-learn's, for one target or several, and the weighted one.

Training minimises ``|yc - Xc W|² / 2A + Σ μ_j |W_j| + Σ λ_j |W_j|² / 2``, with ``|W_j|`` the
length of a row; see ``_data`` for Xc. What is differentiated is the solution itself: see
``ElasticNetSolver``.

Notation
--------
n, p, K : number of samples, features, outputs;  A : sum of the sample weights
μ, λ : l1 and l2 penalties, (p,): `alpha` times `l1_ratio` and 1 - `l1_ratio`, or weights
W, U : solution and adjoint, (p, K);  N_j = W_j / |W_j|, 0 where W_j is
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso

from skhyper._numeric import ElasticNetSolver
from skhyper._numeric._data import (
    as_weights,
    checked_matrix,
    checked_target,
    few_rows,
)
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._problem import (
    Gradient,
    check_not_overridden,
    inner_problem,
)
from skhyper.linear_model import WeightedElasticNet

__all__ = ["LassoProblem", "WeightedElasticNetProblem"]


@inner_problem.register(ElasticNet)
@inner_problem.register(MultiTaskElasticNet)
class LassoProblem(CentredProblem):
    """Lasso, ElasticNet and their multi-task twins by `alpha` and `l1_ratio`."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        bases = (MultiTaskLasso, MultiTaskElasticNet, Lasso, ElasticNet)
        base = next(b for b in bases if isinstance(estimator, b))
        check_not_overridden(estimator, base, "fit", "predict")
        pure = isinstance(estimator, Lasso | MultiTaskLasso)
        self.names = ("alpha",) if pure else ("alpha", "l1_ratio")
        self._positive = getattr(estimator, "positive", False)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        rows = slice(0, 2)
        few = few_rows(X, rows)
        # All of a fitted estimator but its coefficients, from a penalty that needs none.
        easy = clone(self.estimator).set_params(alpha=1e12, warm_start=False)
        own = self.estimator.get_params(deep=False)
        self._template = easy.fit(few, np.asarray(y)[rows]).set_params(**own)
        X, Y = checked_matrix(X), checked_target(y)
        a = as_weights(sample_weight, X.shape[0])
        X = X.tocsc() if hasattr(X, "tocsc") else X
        self._take(X, Y.reshape(len(Y), -1), a, Y.ndim == 1, 1 / a.sum())
        self._solver = ElasticNetSolver(self._data, self._Yc, self._positive)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        self._alpha, self._ratio = float(fitted.alpha), float(fitted.l1_ratio)
        every = np.ones(self._data.shape[1])
        self._solver.minimise(
            self._alpha * self._ratio * every, self._alpha * (1 - self._ratio) * every
        )
        self._W = self._solver.W
        return self._filled(fitted, self._flat)

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self._solver.solve(dw)

    def cross(self, u: np.ndarray) -> Gradient:
        by_l1, by_l2 = (float(by.sum()) for by in _by_penalties(u, self._W))
        return {
            "alpha": self._ratio * by_l1 + (1 - self._ratio) * by_l2,
            "l1_ratio": self._alpha * (by_l1 - by_l2),
        }


@inner_problem.register(WeightedElasticNet)
class WeightedElasticNetProblem(CentredProblem):
    """WeightedElasticNet by `alpha`, `l1_weights` and `l2_weights`."""

    names = ("alpha", "l1_weights", "l2_weights")
    methods = ("predict",)

    def __init__(self, estimator: WeightedElasticNet):
        super().__init__(estimator)
        check_not_overridden(estimator, WeightedElasticNet, "fit", "predict")

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        rows = slice(0, 2)
        # What a fit knows of features and bands, from two samples.
        easy = clone(self.estimator).set_params(alpha=1.0)
        own = self.estimator.get_params(deep=False)
        self._template = easy.fit(few_rows(X, rows), np.asarray(y)[rows]).set_params(**own)
        X, y = checked_matrix(X), checked_target(y)
        a = as_weights(sample_weight, X.shape[0])
        X = X.tocsc() if hasattr(X, "tocsc") else X
        self._take(X, y.reshape(len(y), -1), a, True, 1 / a.sum())
        self._solver = ElasticNetSolver(self._data, self._Yc)

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
        by_l1, by_l2 = _by_penalties(u, self._W)
        fitted, bands = self._fitted, self._fitted._bands
        l1, l2 = fitted.l1_weights_[fitted.bands_], fitted.l2_weights_[fitted.bands_]
        return {
            "alpha": float(l1 @ by_l1 + l2 @ by_l2),
            "l1_weights": bands.gradient(fitted.alpha_ * by_l1, self._given["l1_weights"]),
            "l2_weights": bands.gradient(fitted.alpha_ * by_l2, self._given["l2_weights"]),
        }


def _by_penalties(U: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``uᵀ ∂G/∂μ_j`` and ``uᵀ ∂G/∂λ_j`` of each feature, (p,)."""
    norms = np.linalg.norm(W, axis=1, keepdims=True)
    N = W / np.where(norms > 0, norms, 1.0)
    return (U * N).sum(axis=1), (U * W).sum(axis=1)
