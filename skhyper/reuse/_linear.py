"""Shared fits of penalized linear regressions: all values of `alpha`, equal to a tolerance.

Ridge regressions are solved by one decomposition, lassos and elastic nets by a path of warm starts
from the largest penalty to the smallest one.
"""

import copy
import math
import numbers
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import linalg, sparse
from sklearn.linear_model import ElasticNet, Lasso, Ridge, RidgeClassifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight

from skhyper.reuse._rules import SharedFit, shared_fit
from skhyper.reuse._training_data import TrainingData
from skhyper.reuse._trees import is_penalty

# Relative error of predictions of ridge regressions, and the condition number of the penalized
# normal equations up to which it holds for plain fits, too.
_RIDGE_RTOL = 1e-6
_MAX_CONDITION = 1e9
# Coordinate descent does not reach smaller tolerances: results are never equal to the last bit.
_MIN_TOL = 1e-15
_FLOATS = [np.float64, np.float32]


def _is_penalty(value: Any) -> bool:
    return is_penalty(value) and value > 0


def _centered(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, fit_intercept: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Centered data, multiplied by the roots of the weights, and the means."""
    X_mean, y_mean = np.zeros(X.shape[1], X.dtype), np.zeros(y.shape[1:], X.dtype)
    if fit_intercept:
        X_mean, y_mean = (np.average(part, axis=0, weights=weights) for part in (X, y))
    X, y = X - X_mean, y - y_mean
    if weights is not None:
        root = np.sqrt(weights)
        X, y = X * root[:, None], (y.T * root).T
    return X, y, X_mean, y_mean


def _weights(params: Any, n_samples: int) -> np.ndarray | None:
    """The sample weights among the metadata; None for equal ones."""
    weights = params.get("sample_weight")
    if weights is None or isinstance(weights, numbers.Number):
        return None if weights is None else np.full(n_samples, float(weights))
    return np.asarray(weights, dtype=float)


class _Decomposition:
    """Solutions of a ridge regression for any penalty: ``left / (eigenvalues + alpha)``."""

    def __init__(self, X: np.ndarray, Y: np.ndarray, solver: str):
        n_samples, n_features = X.shape
        if solver == "svd":
            U, s, right = linalg.svd(X, full_matrices=False)
            self._values, self._projected = s**2, s[:, None] * (U.T @ Y)
            self._back = right.T
        elif n_samples >= n_features:
            self._values, self._back = linalg.eigh(X.T @ X)
            self._projected = self._back.T @ (X.T @ Y)
        else:
            self._values, vectors = linalg.eigh(X @ X.T)
            self._back, self._projected = X.T @ vectors, vectors.T @ Y

    def coefficients(self, alpha: float) -> np.ndarray | None:
        """Coefficients (n_features, n_targets); None if ill-conditioned."""
        penalized = np.maximum(self._values, 0.0) + alpha
        if penalized.max() > _MAX_CONDITION * penalized.min():
            return None
        return self._back @ (self._projected / penalized[:, None])


def _ridge_path(
    fitted: Any, values: Sequence[Any], data: TrainingData
) -> Iterator[tuple[Any, Any]]:
    """Ridge regressions for all values, if the data are dense, of double precision."""
    if sparse.issparse(data.X) or fitted.solver_ not in ("cholesky", "svd"):
        return
    X = check_array(data.X, dtype=_FLOATS)
    if X.dtype != np.float64:
        return
    weights = _weights(data.params, len(X))
    Y = data.y
    if isinstance(fitted, RidgeClassifier):
        if fitted.class_weight:
            weights = np.ones(len(X)) if weights is None else weights
            weights = weights * compute_sample_weight(fitted.class_weight, Y)
        Y = LabelBinarizer(neg_label=-1).fit_transform(Y)
    Y = np.asarray(Y, dtype=float).reshape(len(X), -1)
    X, Y, X_mean, Y_mean = _centered(X, Y, weights, fitted.fit_intercept)
    decomposition = _Decomposition(X, Y, fitted.solver_)
    for value in values:
        coefficients = decomposition.coefficients(value)
        if coefficients is None:
            continue
        view = copy.copy(fitted)
        view.alpha = value
        view.coef_ = np.ascontiguousarray(coefficients.T).reshape(fitted.coef_.shape)
        if fitted.fit_intercept:
            intercept = Y_mean - X_mean @ coefficients
            view.intercept_ = intercept.reshape(np.shape(fitted.intercept_))[()]
        yield value, view


@shared_fit.register(Ridge)
@shared_fit.register(RidgeClassifier)
def _ridge(estimator: Any) -> SharedFit | None:
    if type(estimator) not in (Ridge, RidgeClassifier):
        return None
    why_not = ""
    if estimator.solver not in ("auto", "cholesky", "svd"):
        why_not = f"solver={estimator.solver!r} is iterative: results depend on where it stops"
    elif estimator.positive:
        why_not = "positive=True: its solver is iterative"
    return SharedFit(
        "alpha",
        fit_path=_ridge_path,
        accepts=_is_penalty,
        whole_range=True,
        is_certain=False,
        rtol=_RIDGE_RTOL,
        why_not=why_not or _why_changing(estimator),
    )


def _why_changing(estimator: Any) -> str:
    return "" if estimator.copy_X else "copy_X=False lets it change its input"


def _descent_path(
    fitted: Any, values: Sequence[Any], data: TrainingData
) -> Iterator[tuple[Any, Any]]:
    """Fits from the largest penalty to the smallest, each started from the one before.

    They end at the first one that does not converge.
    """
    X = check_array(data.X, accept_sparse="csc", order="F", dtype=_FLOATS)
    y = np.asarray(data.y, dtype=X.dtype)
    weights, is_dense = _weights(data.params, len(y)), not sparse.issparse(X)
    X_mean = y_mean = None
    model = copy.copy(fitted)
    model.warm_start = True
    if weights is not None:
        weights = (weights * (len(y) / weights.sum())).astype(X.dtype)
    if is_dense:
        # Centered once; otherwise each fit would do it.
        X, y, X_mean, y_mean = _centered(X, y, weights, fitted.fit_intercept)
        X, weights = np.asfortranarray(X), None
        model.fit_intercept = model.copy_X = False
        model.intercept_ = 0.0
        model.precompute = X.T @ X if X.shape[0] > X.shape[1] else False
    descent = _Descent(model, X, np.asfortranarray(y), weights)
    for value in sorted(values, reverse=True):
        model = descent.step(value)
        if np.max(model.n_iter_) >= fitted.max_iter:
            return
        view = copy.copy(fitted)
        view.alpha = value
        for name in ("coef_", "dual_gap_", "n_iter_", "intercept_"):
            setattr(view, name, getattr(model, name))
        if is_dense and fitted.fit_intercept:
            view.intercept_ = y_mean - X_mean @ model.coef_.T
        yield value, view


class _Descent:
    """Coordinate descent for falling penalties, started from a fitted model.

    Without a Gram matrix it runs on the features that the strong rule of Tibshirani et al. (2012)
    selects, and on those that turn out to violate the optimality conditions. The duality gap is
    then that of all features.
    """

    def __init__(self, model: Any, X: Any, y: np.ndarray, weights: np.ndarray | None):
        self._model, self._X, self._y, self._weights = model, X, y, weights
        self._selects = not hasattr(model.precompute, "__array__")
        self._correlations = self._of_residuals() if self._selects else None

    def _of_residuals(self) -> np.ndarray:
        """Largest correlation of each feature with the residuals of a target, (n_features,)."""
        model = self._model
        residuals = self._y - (self._X @ model.coef_.T + model.intercept_)
        if self._weights is not None:
            residuals = (residuals.T * self._weights).T
        found = self._X.T @ residuals / len(self._y)
        found = found if model.positive else np.abs(found)
        return found.reshape(len(found), -1).max(axis=1)

    def step(self, alpha: float) -> Any:
        """The model with a smaller penalty."""
        if not self._selects:
            return self._fit(alpha, slice(None))
        limit = self._model.l1_ratio * alpha
        correlations = self._correlations
        assert correlations is not None
        chosen = correlations >= 2 * limit - self._model.l1_ratio * self._model.alpha
        chosen |= np.atleast_2d(self._model.coef_).any(axis=0)
        chosen[np.argmax(correlations)] = True
        while True:
            self._fit(alpha, np.flatnonzero(chosen))
            self._correlations = self._of_residuals()
            missed = ~chosen & (self._correlations > limit)
            if not missed.any():
                return self._model
            chosen |= missed

    def _fit(self, alpha: float, features: Any) -> Any:
        """Fit on some features; the coefficients of the others are 0."""
        start = self._model.coef_
        model = self._model = copy.copy(self._model)
        model.alpha, model.coef_ = alpha, start[..., features].copy()
        X = self._X[:, features]
        model.fit(X, self._y, sample_weight=self._weights, check_input=False)
        coefficients = np.zeros_like(start)
        coefficients[..., features] = model.coef_
        model.coef_ = coefficients
        return model


@shared_fit.register(ElasticNet)
def _elastic_net(estimator: Any) -> SharedFit | None:
    if type(estimator) not in (Lasso, ElasticNet):
        return None
    why_not = _why_changing(estimator)
    if estimator.warm_start:
        why_not = "warm_start=True: fits depend on earlier ones"
    elif not isinstance(estimator.precompute, bool):
        why_not = "precompute is a Gram matrix"
    elif estimator.selection != "cyclic":
        why_not = "features are selected at random"
    # Predictions of both fits differ from the optimum by at most the root of twice the gap.
    tol = estimator.tol if _is_penalty(estimator.tol) else 0.0
    return SharedFit(
        "alpha",
        fit_path=_descent_path,
        accepts=_is_penalty,
        whole_range=True,
        is_certain=False,
        rtol=math.sqrt(8 * max(tol, _MIN_TOL)),
        why_not=why_not,
    )
