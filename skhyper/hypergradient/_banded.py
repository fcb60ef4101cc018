"""Ridge regression and logistic regression with a penalty for each band of features.

Feature j has the penalty ``λ_j = α[g_j]`` of its band g_j, so that a derivative with respect to
α is the sum of those with respect to λ over the band; ``∂G/∂λ_j`` is row j of the coefficients.

Notation
--------
n, p, K, B : number of samples, features, outputs, bands
W, U : solution and adjoint, (p, K)
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._numeric import NormalEquations, binomial, multinomial, with_class_weights
from skhyper._numeric._data import as_weights, checked_matrix, checked_target
from skhyper._numeric._normal import Solver
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._centered import SquaredLoss
from skhyper.hypergradient._linear import LinearFold, LinearProblem, Training
from skhyper.linear_model import BandedLogisticRegression, BandedRidge


@hg.inner_problem.register(BandedRidge)
class BandedRidgeProblem(hg.InnerProblem):
    """BandedRidge with respect to `alphas`: a number, an array or a dict."""

    names = ("alphas",)
    methods = ("predict",)
    inherits = ("fit", "predict")
    traits = hg.Traits(passes_data=True, leaves_one_out=True)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        centers, template = self.estimator.fit_intercept, hg.template_of(self.estimator, X, y)
        X, y = checked_matrix(X), checked_target(y)
        a, Y = as_weights(sample_weight, X.shape[0]), y.reshape(len(y), -1)
        loss = SquaredLoss.from_data(X, Y, a, y.ndim == 1, centers)
        return _RidgeFold(template, loss, NormalEquations(loss.data, centers))


@dataclass(frozen=True)
class _RidgeFold(hg.Fold):
    template: BandedRidge
    loss: SquaredLoss
    system: NormalEquations

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        fitted = copy.copy(self.template).set_params(**params)
        validate_params(fitted)
        fitted.alphas_ = fitted._bands.values("alphas", fitted.alphas)
        penalties = fitted.alphas_[fitted.bands_]
        fitted.solver_ = self.system.method(penalties)
        solver = self.system.factorize(penalties)
        W = solver.fit(self.loss.Yc)
        return _RidgeFit(self.loss.filled(fitted, self.loss.flat, W), self.loss, solver, W)


@dataclass(frozen=True)
class _RidgeFit(hg.Fit):
    estimator: BandedRidge
    loss: SquaredLoss
    solver: Solver
    W: np.ndarray

    def predict(self, X: Any, method: str) -> hg.Output:
        return self.loss.output(self.W, X, self._solve, self._cross)

    def _solve(self, dW: np.ndarray) -> np.ndarray:
        u = self.solver.solve(dW)
        if not self.solver.converged:
            raise hg.NotDifferentiableError("Conjugate gradients did not converge.")
        return u

    def _cross(self, u: np.ndarray) -> hg.Gradient:
        return self._by_band((u * self.W).sum(axis=1))

    def _by_band(self, by_feature: np.ndarray) -> hg.Gradient:
        fitted = self.estimator
        return {"alphas": fitted._bands.gradient(by_feature, fitted.alphas)}

    def leave_one_out(self) -> hg.Output | None:
        """Residuals over 1 - h, with h the diagonal of the hat matrix; see ``_ridge``."""
        loss, a = self.loss, self.loss.data.weights
        parts = None if np.any(a == 0) else self.solver.left_out(loss.Yc)
        if parts is None:
            return None
        root, d, S = np.sqrt(a)[:, None], parts.d[:, None], parts.S
        left_out = parts.R / d  # times √a

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            D = -d_value.reshape(left_out.shape) / (d * root)
            # With respect to λ_j, of the residuals: Xc H⁻¹ e_j W_j;  of h: -(H⁻¹ Xcᵀ)_j².
            residuals = (S @ D * self.W).sum(axis=1)
            return hg.Cotangents(self._by_band(residuals - S**2 @ (D * left_out).sum(axis=1)))

        value = loss.Y - left_out / root
        return hg.Output(value[:, 0] if loss.flat else value, vjp)


@hg.inner_problem.register(BandedLogisticRegression)
class BandedLogisticProblem(LinearProblem):
    """BandedLogisticRegression with respect to `alphas`: a number, an array or a dict."""

    names = ("alphas",)
    inherits = ("fit", "predict_proba", "decision_function")

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
            {"alphas": by_band},
        )
