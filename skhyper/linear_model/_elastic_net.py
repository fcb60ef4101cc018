"""Elastic net with l1 and l2 weights per band of features."""

import numbers
import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skhyper._banded import BANDS, PENALTIES, BandedRegressor, LinearValues
from skhyper._numeric import Centered, ElasticNetSolver, centered_target
from skhyper._numeric._quadratic import dense_if_small
from skhyper._sklearn import Interval

# Default alpha, relative to the largest correlation, at which all lasso coefficients are 0.
_DEFAULT_SHARE = 0.01


class WeightedElasticNet(LinearValues, BandedRegressor):
    """Linear regression with l1 and l2 weights per band of features, down to one per feature.

    The adaptive lasso is ``l1_weights=1 / abs(coefficients of a first fit)``. Tune many weights by
    :class:`skhyper.GradientSearchCV`.

    Parameters
    ----------
    alpha : float or None, default=None
        Factor of all penalties. None is a hundredth of the largest correlation ``|x_jᵀ y| / n``
        with the centered target, at which the lasso has no nonzero coefficient.
    l1_weights : float, array-like of shape (n_bands,) or dict, default=1.0
        Non-negative l1 weight of each band: one number for all, an array in the order of the bands,
        or a dict by band name. 0 means no l1 penalty.
    l2_weights : float, array-like of shape (n_bands,) or dict, default=0.0
        l2 weights, in the same form.
    bands : dict, array-like of shape (n_features,) or None, default=None
        Columns of each band by name, or the band label of each feature; see :class:`BandedRidge`.
        With None each feature is a band.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients, exactly 0 for features outside the support.
    intercept_ : float
        Intercept.
    alpha_ : float
        The value of `alpha` used.
    l1_weights_, l2_weights_ : ndarray of shape (n_bands,)
        Weights of each band.
    bands_ : ndarray of int of shape (n_features,)
        Band index of each feature.
    band_names_ : list
        Names of the bands: names, labels, or feature names or indices.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Feature names, if X has names that are all strings.

    See Also
    --------
    sklearn.linear_model.ElasticNet : ``l1_weights=l1_ratio, l2_weights=1 - l1_ratio``.

    Notes
    -----
    With the band ``g(j)`` of feature j and ``A = Σ a`` the sum of the sample weights, the
    coefficients minimize::

        Σ_i a_i (y_i - x_iᵀ w - b)² / 2A + α Σ_j (μ_g(j) |w_j| + λ_g(j) w_j² / 2)

    with l1 weights μ and l2 weights λ. An active-set method finds the solution to rounding error.

    References
    ----------
    Zou and Hastie (2005), "Regularization and variable selection via the elastic net",
    JRSS B 67, DOI 10.1111/j.1467-9868.2005.00503.x.
    Zou (2006), "The adaptive lasso and its oracle properties", JASA 101,
    DOI 10.1198/016214506000000735.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from skhyper.linear_model import BandedRidge, WeightedElasticNet
    >>> X, y = load_diabetes(return_X_y=True)
    >>> first = BandedRidge(0.1).fit(X, y)
    >>> adaptive = WeightedElasticNet(30.0, l1_weights=1 / np.abs(first.coef_)).fit(X, y)
    >>> int(np.count_nonzero(adaptive.coef_))
    5
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(numbers.Real, 0, None, closed="left"), None],
        "l1_weights": PENALTIES,
        "l2_weights": PENALTIES,
        "bands": BANDS,
        "fit_intercept": ["boolean"],
    }

    def __init__(
        self,
        alpha: float | None = None,
        l1_weights: Any = 1.0,
        l2_weights: Any = 0.0,
        bands: Any = None,
        *,
        fit_intercept: bool = True,
    ):
        self.alpha = alpha
        self.l1_weights = l1_weights
        self.l2_weights = l2_weights
        self.bands = bands
        self.fit_intercept = fit_intercept

    def _fit(self, X: Any, y: np.ndarray, a: np.ndarray) -> None:
        data = Centered.from_data(dense_if_small(X), a, self.fit_intercept, lean=True)
        y_mean, Yc = centered_target(y.astype(float)[:, None], a, self.fit_intercept)
        solver = ElasticNetSolver.from_data(data, Yc, self.fit_intercept)
        self._solve(solver)
        self.coef_ = solver.W[:, 0]
        self.intercept_ = float(y_mean[0] - data.mean @ self.coef_) if self.fit_intercept else 0.0

    def _solve(self, solver: ElasticNetSolver) -> None:
        """Minimize at the current hyperparameters; sets ``alpha_`` and the weights."""
        self.l1_weights_ = self._bands.values("l1_weights", self.l1_weights)
        self.l2_weights_ = self._bands.values("l2_weights", self.l2_weights)
        if self.alpha is None:
            self.alpha_ = _DEFAULT_SHARE * solver.largest_correlation
        else:
            self.alpha_ = float(self.alpha)
        l1, l2 = (self.alpha_ * w[self.bands_] for w in (self.l1_weights_, self.l2_weights_))
        solver.minimize(l1, l2)
        if not solver.exact:
            warnings.warn(
                "The solution was not found to rounding error: some features are nearly equal or "
                "linearly dependent. Add a small l2 penalty.",
                ConvergenceWarning,
                stacklevel=5,
            )
