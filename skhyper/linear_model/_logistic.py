"""Logistic regression with one l2 penalty per band of features."""

import numbers
import warnings
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skhyper._banded import BANDS, PENALTIES, BandedClassifier, LinearValues, LogitClassifier
from skhyper._numeric import Design, binomial, multinomial, newton, with_class_weights
from skhyper._sklearn import Interval, StrOptions

# Sparse data with at most this number of entries, zeros included, are faster dense.
_SMALL = 1_000_000


class BandedLogisticRegression(LinearValues, LogitClassifier, BandedClassifier):
    """Logistic regression with one l2 penalty per band of features.

    Parameters
    ----------
    alphas : float, array-like of shape (n_bands,) or dict, default=1.0
        Non-negative penalty of each band, ``1 / C`` in scikit-learn: one number for all, an array
        in the order of the bands, or a dict by band name.
    bands : dict, array-like of shape (n_features,) or None, default=None
        Columns of each band by name, or the band label of each feature; see :class:`BandedRidge`.
        With None each feature is a band.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class. "balanced" gives all classes the same total weight, including sample
        weights.
    tol : float, default=1e-10
        Newton's method stops when a step decreases the objective by less than this, relative to
        the objective.
    max_iter : int, default=100
        Maximum number of Newton steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients, one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; with several classes they sum to 0.
    alphas_ : ndarray of shape (n_bands,)
        Penalty of each band.
    bands_ : ndarray of int of shape (n_features,)
        Band index of each feature.
    band_names_ : list
        Names of the bands: names, labels, or feature names or indices.
    n_iter_ : int
        Number of Newton steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Feature names, if X has names that are all strings.

    See Also
    --------
    sklearn.linear_model.LogisticRegression : One penalty for all features.

    Notes
    -----
    With the band ``g(j)`` of feature j, the coefficients minimize::

        Σ_i a_i ℓ(y_i, x_iᵀ W + b) + Σ_j α_g(j) |W_j|² / 2

    where ``ℓ`` is the log-loss, with a softmax for more than two classes, and ``a`` are the sample
    weights. Newton steps are computed by conjugate gradients, accurately enough for superlinear
    convergence, until that would cost as much as factorizations; then by factorizing a matrix
    of the size of the number of samples or features, whichever is smaller.

    References
    ----------
    Hastie, Tibshirani, Friedman (2009), The Elements of Statistical Learning, section 4.4.
    Nocedal and Wright (2006), Numerical Optimization, section 7.1 (inexact Newton methods).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skhyper.linear_model import BandedLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> bands = {"mean": slice(0, 10), "error": slice(10, 20), "worst": slice(20, 30)}
    >>> model = BandedLogisticRegression({"mean": 1.0, "error": 10.0, "worst": 0.1}, bands)
    >>> round(model.fit(X, y).score(X, y), 2)
    0.98
    """

    _parameter_constraints: ClassVar[dict] = {
        "alphas": PENALTIES,
        "bands": BANDS,
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "tol": [Interval(numbers.Real, 0, None, closed="left")],
        "max_iter": [Interval(numbers.Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        alphas: Any = 1.0,
        bands: Any = None,
        *,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        tol: float = 1e-10,
        max_iter: int = 100,
    ):
        self.alphas = alphas
        self.bands = bands
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter

    def _fit(self, X: Any, y: np.ndarray, a: np.ndarray) -> None:
        kept = a > 0  # samples of weight 0 have no effect
        X, y, a = (X, y, a) if kept.all() else (X[kept], y[kept], a[kept])
        a = with_class_weights(a, y, self.classes_, self.class_weight)
        self.alphas_ = self._bands.values("alphas", self.alphas)
        penalties = self.alphas_[self.bands_]
        V = self._minimize(X, y, a, penalties)
        p = X.shape[1]
        self.coef_ = np.ascontiguousarray(V[:p].T)
        self.intercept_ = V[p] if self.fit_intercept else np.zeros(V.shape[1])

    def _minimize(self, X: Any, y: np.ndarray, a: np.ndarray, penalties: np.ndarray) -> np.ndarray:
        """Coefficients (q, K), the intercept in the last row."""
        n, p = X.shape
        if sparse.issparse(X) and n * p <= _SMALL:
            X = X.toarray()
        ones = np.ones((n, int(self.fit_intercept)))
        order, l2 = np.arange(p + ones.shape[1]), np.append(penalties, ones[:1] * 0)
        if sparse.issparse(X):
            Q = Design.from_blocks(X, ones)
        else:
            # Unpenalized features are on the border of the dual system, as the intercept.
            order = np.argsort(l2 == 0, kind="stable")
            n_penalized = np.count_nonzero(l2)
            whole = np.column_stack([X, ones])
            if np.any(np.diff(order) < 0):
                whole = whole[:, order]
            Q, l2 = Design(whole[:, :n_penalized], whole[:, n_penalized:], whole), l2[order]
        two = len(self.classes_) == 2
        Y = (y[:, None] == (self.classes_[1:] if two else self.classes_)).astype(float)
        V, self.n_iter_, converged = newton(
            Q, Y, a, l2, binomial if two else multinomial, tol=self.tol, max_iter=self.max_iter
        )
        if not converged:
            warnings.warn(
                f"Newton's method did not converge in {self.n_iter_} steps: the classes may be "
                "separated by features without a penalty. Give them one, or increase max_iter.",
                ConvergenceWarning,
                stacklevel=5,
            )
        in_order = np.empty_like(V)
        in_order[order] = V
        if not two:  # a common shift of all intercepts has no effect
            in_order[p:] -= in_order[p:].mean(axis=1, keepdims=True)
        return in_order
