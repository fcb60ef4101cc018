"""WeightedElasticNet: separate penalties for each feature or band.

Training minimizes ``|yc - Xc w|² / 2A + Σ μ_j |w_j| + Σ λ_j w_j² / 2``; see ``_data`` for Xc.
The exact solution is differentiated: see ``ElasticNetSolver``.

Notation
--------
p : number of features;  A : sum of the sample weights
μ, λ : l1 and l2 penalties, (p,)
W, U : solution and adjoint, (p, 1);  N : sign of W
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._numeric import ElasticNetSolver
from skhyper._numeric._data import as_weights, checked_matrix, checked_target
from skhyper._numeric._quadratic import dense_if_small
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._centered import SquaredLoss
from skhyper.linear_model import WeightedElasticNet


@hg.inner_problem.register(WeightedElasticNet)
class WeightedElasticNetProblem(hg.InnerProblem):
    """WeightedElasticNet, with respect to `alpha`, `l1_weights` and `l2_weights`."""

    names = ("alpha", "l1_weights", "l2_weights")
    methods = ("predict",)
    inherits = ("fit", "predict")
    traits = hg.Traits(passes_data=True)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        template = hg.template_of(self.estimator, X, y, alpha=1.0)
        centers = self.estimator.fit_intercept
        X, y = checked_matrix(X), checked_target(y)
        a, Y = as_weights(sample_weight, X.shape[0]), y.reshape(len(y), -1)
        X = dense_if_small(X)
        return _Fold(template, SquaredLoss.from_data(X, Y, a, True, centers, 1 / a.sum(), True))


class _Fold(hg.Fold):
    """Training data, and a solver warm-started from its last solution."""

    def __init__(self, template: WeightedElasticNet, loss: SquaredLoss):
        self.loss, self._template = loss, template
        self._solver = ElasticNetSolver.from_data(loss.data, loss.Yc, template.fit_intercept)
        self._solved: WeightedElasticNet | None = None

    def solver(self, fitted: WeightedElasticNet) -> ElasticNetSolver:
        """Solver at its solution for the penalties of `fitted`."""
        if self._solved is not fitted:
            fitted._solve(self._solver)
            self._solved = fitted
        return self._solver

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        solver = self.solver(fitted)
        return _Fit(self.loss.filled(fitted, True, solver.W), self, solver.W, solver.normals())


@dataclass(frozen=True)
class _Fit(hg.Fit):
    estimator: WeightedElasticNet
    fold: _Fold
    W: np.ndarray
    N: np.ndarray

    def predict(self, X: Any, method: str) -> hg.Output:
        return self.fold.loss.output(self.W, X, self._solve, self._cross)

    def _solve(self, dW: np.ndarray) -> np.ndarray:
        return self.fold.solver(self.estimator).solve(dW)

    def _cross(self, u: np.ndarray) -> hg.Gradient:
        by_l1, by_l2 = (u * self.N).sum(axis=1), (u * self.W).sum(axis=1)
        fitted, bands = self.estimator, self.estimator._bands
        l1, l2 = fitted.l1_weights_[fitted.bands_], fitted.l2_weights_[fitted.bands_]
        return {
            "alpha": float(l1 @ by_l1 + l2 @ by_l2),
            "l1_weights": bands.gradient(fitted.alpha_ * by_l1, fitted.l1_weights),
            "l2_weights": bands.gradient(fitted.alpha_ * by_l2, fitted.l2_weights),
        }
