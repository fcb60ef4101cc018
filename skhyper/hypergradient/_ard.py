"""ARD kernel ridge regression and classification: kernel ridge on the target less its mean.

Everything is that of ``KernelRidge(kernel=RBF(ℓ))``; a derivative by the length-scale of a band
is the sum of those of its features.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from skhyper._numeric._data import as_weights, checked_matrix, checked_target, copy_rows
from skhyper._sklearn import validate_params
from skhyper.hypergradient._kernel_ridge import KernelRidgeProblem
from skhyper.hypergradient._problem import Gradient, check_not_overridden, inner_problem
from skhyper.hypergradient._stateful import LeftOut, StatefulProblem
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier

__all__ = ["ARDProblem"]


@inner_problem.register(ARDKernelRidge)
@inner_problem.register(ARDKernelRidgeClassifier)
class ARDProblem(StatefulProblem):
    """ARDKernelRidge and its classifier by `alpha` and `length_scales`.

    Attributes
    ----------
    inner : KernelRidgeProblem
    """

    names = ("alpha", "length_scales")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        classifier = is_classifier(estimator)
        base = ARDKernelRidgeClassifier if classifier else ARDKernelRidge
        self.methods = ("decision_function",) if classifier else ("predict",)
        check_not_overridden(estimator, base, "fit", *self.methods)

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        y, classifier = np.asarray(y), is_classifier(self.estimator)
        self._a = as_weights(sample_weight, len(y))
        counted = np.flatnonzero(self._a)
        first = np.unique(y[counted], return_index=True)[1] if classifier else np.arange(2)
        rows = counted[first]
        # What a fit knows of features, bands and classes, from a few samples.
        self._template = clone(self.estimator).fit(copy_rows(X, rows), y[rows])
        self._X = checked_matrix(X)
        Y = self._template._targets(y) if classifier else checked_target(y)
        self._mean = self._a @ Y / self._a.sum()
        self.inner = KernelRidgeProblem(self._template._machine())
        self._residuals = Y - self._mean
        self.inner.take(self._X, self._residuals, sample_weight=sample_weight)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        fitted.length_scales_ = fitted._scales(self._X, self._a)
        self._given, self._bands = fitted.length_scales, fitted._bands
        scales = fitted.length_scales_[fitted.bands_]
        self._solved = {"alpha": fitted.alpha, "kernel__length_scale": scales}
        solved = self.inner.fit(self._solved)
        fitted.dual_coef_, fitted.X_fit_ = solved.dual_coef_, self._X
        fitted.intercept_ = self._mean
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        Z = self.inner.predict(X, "predict") + self._mean
        return Z[:, 0] if method == "decision_function" and Z.shape[1] == 1 else Z

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        dw, direct, dX = self.inner.pull_back(d_output)
        return dw, self._named(direct), dX

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self.inner.solve(dw)

    def cross(self, u: np.ndarray) -> Gradient:
        return self._named(self.inner.cross(u))

    def cross_inputs(self, u: np.ndarray) -> np.ndarray | None:
        return self.inner.cross_inputs(u)

    def leave_one_out(self) -> LeftOut | None:
        """That of kernel ridge regression on the target less its mean without the sample.

        Without sample i the mean is lower by ``a_i (y_i - ȳ) / (A - a_i)``.
        """
        if is_classifier(self.estimator) or self._given is None:  # of each fold's own features
            return None
        a = self._a[:, None]
        residuals = self._residuals.reshape(len(a), -1)
        left_out = self.inner.leave_one_out(a * residuals / (a.sum() - a))
        if left_out is None:
            return None
        return LeftOut(
            left_out.predictions + self._mean, lambda d: self._named(left_out.pull_back(d))
        )

    def _named(self, gradient: Gradient) -> Gradient:
        named = {name: gradient[name] for name in ("alpha",) if name in gradient}
        if self._given is not None and "kernel__length_scale" in gradient:
            by_feature = np.atleast_1d(gradient["kernel__length_scale"])
            named["length_scales"] = self._bands.gradient(by_feature, self._given)
        return named
