"""Kernel ridge regression and classification with one RBF length-scale per band of features.

The solver is scikit-learn's ``KernelRidge`` with the kernel ``RBF(length_scale=ℓ)``, fitted to the
centered target.

Notation
--------
n, p, T : number of samples, features, outputs
ℓ : length-scale of each feature, (p,)
"""

import numbers
from typing import Any, ClassVar

import numpy as np
from sklearn.base import MultiOutputMixin
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge

from skhyper._banded import BANDS, BandedClassifier, BandedModel, BandedRegressor
from skhyper._sklearn import Interval

_POSITIVE = Interval(numbers.Real, 0, None, closed="neither")


class _ARDModel(BandedModel):
    """Base of the two estimators: length-scales, the solution, its values."""

    _accepts_sparse = False
    _parameter_constraints: ClassVar[dict] = {
        "alpha": [_POSITIVE],
        "length_scales": [_POSITIVE, "array-like", dict, None],
        "bands": BANDS,
    }

    def __init__(self, alpha: float = 0.3, length_scales: Any = None, bands: Any = None):
        self.alpha = alpha
        self.length_scales = length_scales
        self.bands = bands

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> tuple:
        X, y, a = super()._checked(X, y, sample_weight)
        self.length_scales_ = self._scales(X, a)
        return X, y, a

    def _scales(self, X: np.ndarray, a: np.ndarray) -> np.ndarray:
        """Length-scale of each band, (n_bands,)."""
        if self.length_scales is not None:
            return self._bands.values("length_scales", self.length_scales, above=True)
        mean = a @ X / a.sum()
        variance = a @ (X - mean) ** 2 / a.sum()
        # √(p/2) standard deviations are the length-scale of gamma="scale" of SVC.
        of_band = np.bincount(self.bands_, weights=variance) / np.bincount(self.bands_)
        return np.sqrt(X.shape[1] / 2 * np.where(of_band > 0, of_band, 1.0))

    def _fit(self, X: np.ndarray, y: np.ndarray, a: np.ndarray) -> None:
        self.intercept_ = a @ y / a.sum()
        machine = self._machine().fit(X, y - self.intercept_, a)
        self.dual_coef_, self.X_fit_ = machine.dual_coef_, X

    def _machine(self) -> KernelRidge:
        """scikit-learn's estimator with the current length-scales."""
        return KernelRidge(alpha=self.alpha, kernel=RBF(self.length_scales_[self.bands_]))

    def _values(self, X: Any) -> np.ndarray:
        kernel = RBF(self.length_scales_[self.bands_])
        return kernel(X, self.X_fit_) @ self.dual_coef_ + self.intercept_


class ARDKernelRidge(_ARDModel, MultiOutputMixin, BandedRegressor):
    """Kernel ridge regression with one RBF length-scale per band of features.

    Automatic relevance determination (ARD): a long length-scale removes its features from the
    model. Tune many length-scales by :class:`skhyper.GradientSearchCV`.

    Parameters
    ----------
    alpha : float, default=0.3
        Penalty, relative to the variance of the kernel (1).
    length_scales : float, array-like of shape (n_bands,), dict or None, default=None
        Length-scale of each band: one number for all, an array in the order of the bands, or a dict
        by band name. With None, ``sqrt(n_features / 2)`` standard deviations of the features of
        the band.
    bands : dict, array-like of shape (n_features,) or None, default=None
        Columns of each band by name, or the band label of each feature; see
        :class:`skhyper.linear_model.BandedRidge`. With None each feature is a band.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Weight of each training sample.
    intercept_ : float or ndarray of shape (n_outputs,)
        Mean of the target.
    X_fit_ : ndarray of shape (n_samples, n_features)
        Training data.
    length_scales_ : ndarray of shape (n_bands,)
        Length-scale of each band.
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
    sklearn.kernel_ridge.KernelRidge : Any kernel, without an intercept.
    sklearn.gaussian_process.GaussianProcessRegressor : The same function, with its uncertainty.

    Notes
    -----
    With the band ``g(j)`` of feature j,::

        k(x, z) = exp(-Σ_j (x_j - z_j)² / 2 ℓ_g(j)²),    f(x) = ȳ + Σ_i c_i k(x, x_i)

    where ȳ is the mean of the target and ``(K + α diag(1 / a)) c = y - ȳ``, with the sample
    weights a. With many length-scales the cross-validation loss has many local minima: first find
    one common length-scale and start from it (`initial_points`), or group features into bands.

    References
    ----------
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, sections 2.2, 5.1.
    Neal (1996), Bayesian Learning for Neural Networks (ARD).

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper import GradientSearchCV
    >>> from skhyper.kernel import ARDKernelRidge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 5))
    >>> y = np.sin(2 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=100)
    >>> space = {"length_scales": (0.1, 100.0, "log-uniform"), "alpha": (1e-4, 1e1, "log-uniform")}
    >>> ard = ARDKernelRidge(length_scales=np.ones(5))
    >>> search = GradientSearchCV(ard, space, n_iter=30, random_state=0).fit(X, y)
    >>> scales = search.best_params_["length_scales"]
    >>> bool(scales[0] < 3 and scales[2:].min() > 30)
    True
    """


class ARDKernelRidgeClassifier(_ARDModel, BandedClassifier):
    """Classification by kernel ridge regression with one length-scale per band of features.

    The classifier that corresponds to :class:`ARDKernelRidge`, as
    :class:`sklearn.linear_model.RidgeClassifier` does to ``Ridge``: one target per class, 1 for
    the class and -1 for all others; the largest prediction wins.

    Parameters
    ----------
    alpha : float, default=0.3
        Penalty, relative to the variance of the kernel (1).
    length_scales : float, array-like of shape (n_bands,), dict or None, default=None
        Length-scale of each band; see :class:`ARDKernelRidge`.
    bands : dict, array-like of shape (n_features,) or None, default=None
        Columns of each band by name, or the band label of each feature; see
        :class:`skhyper.linear_model.BandedRidge`. With None each feature is a band.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    dual_coef_ : ndarray of shape (n_samples, 1) or (n_samples, n_classes)
        Weight of each training sample, one column for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Mean of the targets.
    X_fit_, length_scales_, bands_, band_names_, n_features_in_, feature_names_in_
        As in :class:`ARDKernelRidge`.

    Notes
    -----
    The function of :class:`ARDKernelRidge` for each class.

    References
    ----------
    Rifkin, Yeo, Poggio (2003), "Regularized least-squares classification", NATO Science Series.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skhyper.kernel import ARDKernelRidgeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> round(ARDKernelRidgeClassifier().fit(X, y).score(X, y), 2)
    0.98
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, a: np.ndarray) -> None:
        super()._fit(X, self._targets(y), a)

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """1 for the class of each column, -1 for all others; one column for two classes."""
        Y = np.where(y[:, None] == self.classes_, 1.0, -1.0)
        return Y[:, 1:] if len(self.classes_) == 2 else Y
