"""Ridge regression with one l2 penalty per band of features."""

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.base import MultiOutputMixin
from sklearn.exceptions import ConvergenceWarning

from skhyper._banded import BANDS, PENALTIES, BandedRegressor, LinearValues
from skhyper._numeric import Centered, NormalEquations, centered_target


class BandedRidge(LinearValues, MultiOutputMixin, BandedRegressor):
    """Linear regression with one l2 penalty per band of features.

    Features of one kind (pixels, words, lags, dummy variables of one category) share a penalty. A
    large penalty removes an uninformative band. Tune many penalties with
    :class:`skhyper.GradientSearchCV`.

    Parameters
    ----------
    alphas : float, array-like of shape (n_bands,) or dict, default=1.0
        Non-negative penalty of each band: one number for all, an array in the order of the bands,
        or a dict by band name. Features of penalty 0 are fitted by least squares.
    bands : dict, array-like of shape (n_features,) or None, default=None
        Columns of each band by name: indices, a slice, a mask, column names, or a callable such
        as :func:`sklearn.compose.make_column_selector`; or the band label of each feature, with
        bands in the order of the sorted labels. With None each feature is a band.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept.
    alphas_ : ndarray of shape (n_bands,)
        Penalty of each band.
    bands_ : ndarray of int of shape (n_features,)
        Band index of each feature.
    band_names_ : list
        Names of the bands: names, labels, or feature names or indices.
    solver_ : {"primal", "dual", "iterative"}
        Method of solution: a matrix of n_features x n_features, one of n_samples x n_samples, or
        conjugate gradients (large sparse data). If the matrix is ill-conditioned, a QR of the data
        is used instead.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Feature names, if X has names that are all strings.

    See Also
    --------
    sklearn.linear_model.Ridge : One penalty for all features.

    Notes
    -----
    With the band ``g(j)`` of feature j, the coefficients minimize::

        Σ_i a_i |y_i - x_iᵀ W - b|² + Σ_j α_g(j) |W_j|²

    where ``a`` are the sample weights. Without penalties of 0 this equals
    :class:`sklearn.linear_model.Ridge` with ``alpha=1`` on features divided by ``√α``. A search
    range for `alphas` applies to each band if the bands are known from `bands`, or if `alphas` is
    an array or a dict; with ``bands=None`` write ``alphas=np.ones(n_features)``.

    References
    ----------
    Hoerl and Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems",
    Technometrics 12, DOI 10.1080/00401706.1970.10488634 (section 5: a penalty for each).
    Nunez-Elizalde, Huth, Gallant (2019), "Voxelwise encoding models with non-spherical
    multivariate normal priors", NeuroImage 197, DOI 10.1016/j.neuroimage.2019.04.012.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper import GradientSearchCV
    >>> from skhyper.linear_model import BandedRidge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 50))
    >>> y = X[:, :5].sum(axis=1) + 0.5 * rng.normal(size=60)
    >>> bands = {"signal": slice(0, 5), "noise": slice(5, 50)}
    >>> ridge = BandedRidge({"signal": 1.0, "noise": 100.0}, bands).fit(X, y)
    >>> ridge.alphas_
    array([  1., 100.])
    >>> search = GradientSearchCV(
    ...     BandedRidge(bands=bands), {"alphas": (1e-2, 1e4, "log-uniform")}, random_state=0
    ... ).fit(X, y)
    >>> sorted(search.best_params_["alphas"])
    ['noise', 'signal']
    >>> search.best_params_["alphas"]["noise"] > 100 * search.best_params_["alphas"]["signal"]
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "alphas": PENALTIES,
        "bands": BANDS,
        "fit_intercept": ["boolean"],
    }

    def __init__(self, alphas: Any = 1.0, bands: Any = None, *, fit_intercept: bool = True):
        self.alphas = alphas
        self.bands = bands
        self.fit_intercept = fit_intercept

    def _fit(self, X: Any, y: np.ndarray, a: np.ndarray) -> None:
        self.alphas_ = self._bands.values("alphas", self.alphas)
        penalties = self.alphas_[self.bands_]
        data = Centered.from_data(X, a, self.fit_intercept)
        y_mean, Yc = centered_target(y.reshape(len(y), -1), a, self.fit_intercept)
        system = NormalEquations(data, self.fit_intercept)
        self.solver_ = system.method(penalties)
        solver = system.factorize(penalties)
        W = solver.fit(Yc)
        if not solver.converged:
            warnings.warn(
                "Conjugate gradients did not converge: scale the features, or increase alphas.",
                ConvergenceWarning,
                stacklevel=4,
            )
        intercept = y_mean - data.mean @ W
        self.coef_ = W[:, 0] if y.ndim == 1 else np.ascontiguousarray(W.T)
        self.intercept_ = float(intercept[0]) if y.ndim == 1 else intercept
        if not self.fit_intercept:
            self.intercept_ = 0.0
