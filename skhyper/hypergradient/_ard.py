"""ARD kernel ridge regression and classification: kernel ridge on the centered target.

The problem is that of ``KernelRidge(kernel=RBF(ℓ))``; the derivative with respect to the
length-scale of a band is the sum of those of its features.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skhyper._numeric._data import as_weights, checked_matrix, checked_target
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._kernel_ridge import KernelRidgeFit, KernelRidgeFold, KernelRidgeProblem
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier


@hg.inner_problem.register(ARDKernelRidge | ARDKernelRidgeClassifier)
class ARDProblem(hg.InnerProblem):
    """ARDKernelRidge and its classifier, with respect to `alpha` and `length_scales`."""

    names = ("alpha", "length_scales")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        classifier = is_classifier(estimator)
        base = ARDKernelRidgeClassifier if classifier else ARDKernelRidge
        self.methods = ("decision_function",) if classifier else ("predict",)
        self.traits = hg.Traits(passes_data=True, leaves_one_out=True)
        hg.check_not_overridden(estimator, base, "fit", *self.methods)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        y, classifier = np.asarray(y), is_classifier(self.estimator)
        a = as_weights(sample_weight, len(y))
        template = hg.template_of(self.estimator, X, y, sample_weight)
        X = checked_matrix(X)
        Y = template._targets(y) if classifier else checked_target(y)
        mean = a @ Y / a.sum()
        residuals = Y - mean
        inner = KernelRidgeProblem(template._machine()).load(X, residuals, sample_weight)
        return _ARDFold(template, X, a, mean, residuals, inner)


@dataclass(frozen=True)
class _ARDFold(hg.Fold):
    """Kernel ridge regression (`inner`) on the centered target."""

    template: Any
    X: np.ndarray
    a: np.ndarray
    mean: np.ndarray
    residuals: np.ndarray
    inner: KernelRidgeFold

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        fitted = copy.copy(self.template).set_params(**params)
        validate_params(fitted)
        fitted.length_scales_ = fitted._scales(self.X, self.a)
        given = fitted.length_scales
        scales = fitted.length_scales_[fitted.bands_]
        inner = self.inner.fit({"alpha": fitted.alpha, "kernel__length_scale": scales})
        fitted.dual_coef_, fitted.X_fit_ = inner.estimator.dual_coef_, self.X
        fitted.intercept_ = self.mean
        return _ARDFit(fitted, self, inner, given)


@dataclass(frozen=True)
class _ARDFit(hg.Fit):
    estimator: Any
    fold: _ARDFold
    inner: KernelRidgeFit
    given: Any  # length-scales; None if estimated from the data

    def predict(self, X: Any, method: str) -> hg.Output:
        inner = self.inner.predict(X, "predict")
        Z = inner.value + self.fold.mean
        value = Z[:, 0] if method == "decision_function" and Z.shape[1] == 1 else Z
        return hg.Output(value, partial(self._vjp, inner))

    def leave_one_out(self) -> hg.Output | None:
        """Those of kernel ridge regression on the target centered without the sample.

        Without sample i the mean is lower by ``a_i (y_i - ȳ) / (A - a_i)``.
        """
        if is_classifier(self.estimator) or self.given is None:  # estimated from the data
            return None
        a = self.fold.a[:, None]
        residuals = self.fold.residuals.reshape(len(a), -1)
        inner = self.inner.leave_one_out(a * residuals / (a.sum() - a))
        if inner is None:
            return None
        return hg.Output(inner.value + self.fold.mean, partial(self._vjp, inner))

    def _vjp(self, inner: hg.Output, d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
        """VJP of kernel ridge regression, with features' length-scales summed over bands."""
        gradient, *dX = inner.vjp(d_value, hg.Want(("alpha", "kernel__length_scale"), want.data))
        named = {"alpha": gradient["alpha"]}
        if self.given is not None:
            by_feature = np.atleast_1d(gradient["kernel__length_scale"])
            named["length_scales"] = self.estimator._bands.gradient(by_feature, self.given)
        return hg.Cotangents(named, *dX)
