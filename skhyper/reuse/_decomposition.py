"""Shared fits of PCA: the first components of a full decomposition."""

import copy
import numbers
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA

from skhyper.reuse._rules import SharedFit, shared_fit

# Fitted attributes with one entry for each component.
_PER_COMPONENT = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
)


def _is_share(value: Any) -> bool:
    return isinstance(value, numbers.Real) and 0.0 < value < 1.0


def _is_number(value: Any) -> bool:
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return value is None or (is_integer and value >= 1) or _is_share(value)


def _is_randomized(n_components: Any, n_samples: int, n_features: int) -> bool:
    """Whether ``svd_solver="auto"`` is then the randomized solver."""
    is_tall = n_features <= 1000 and n_samples >= 10 * n_features
    if is_tall or max(n_samples, n_features) <= 500:
        return False
    is_share = n_components is None or _is_share(n_components)
    return not is_share and n_components < 0.8 * min(n_samples, n_features)


def _decomposes_all(estimator: Any, X: Any) -> bool:
    """Whether the fit of a PCA to data decomposes all of them, in double precision."""
    shape = np.shape(X)  # of a list, too
    if sparse.issparse(X) or len(shape) != 2 or getattr(X, "dtype", None) == np.float32:
        return False
    return estimator.svd_solver != "auto" or not _is_randomized(estimator.n_components, *shape)


def first_components(fitted: Any, n_components: Any) -> Any:
    """A copy of a PCA fitted with all components that has its first ones; None if it has not."""
    shape = fitted.n_samples_, fitted.n_features_in_
    if fitted.svd_solver == "auto" and _is_randomized(n_components, *shape):
        return None
    variances = fitted.explained_variance_
    n_all = min(fitted.n_samples_, fitted.n_features_in_)
    if len(variances) < n_all or variances.dtype != np.float64:
        return None
    if fitted._fit_svd_solver != "full" and fitted.n_features_in_ > n_all:
        return None  # the fit has dropped some eigenvalues
    n = n_all if n_components is None else n_components
    if _is_share(n):
        shares = np.cumsum(fitted.explained_variance_ratio_)
        n = np.searchsorted(shares, n, side="right") + 1
    if n > n_all:
        return None
    view = copy.copy(fitted)
    view.n_components, view.n_components_ = n_components, n
    view.noise_variance_ = np.mean(variances[n:]) if n < n_all else 0.0
    for name in _PER_COMPONENT:
        # The order of summation in products depends on the memory layout, which is kept.
        setattr(view, name, np.array(getattr(fitted, name)[:n], order="K"))
    return view


def _first_columns(fitted: Any, output: Any) -> Any:
    """Output of ``fit_transform``, from that with all components; None if `transform` has it."""
    if fitted._fit_svd_solver != "full":
        return None
    return output[:, : fitted.n_components_]


@shared_fit.register(PCA)
def _components(estimator: Any) -> SharedFit | None:
    if type(estimator) is not PCA:
        return None
    why_not = ""
    if estimator.svd_solver not in ("auto", "full", "covariance_eigh"):
        why_not = "the solver computes other components for each n_components"
    return SharedFit(
        "n_components",
        first_components,
        longest=lambda values: None,
        accepts=_is_number,
        whole_range=True,
        why_not=why_not,
        transformed=_first_columns,
        suits=_decomposes_all,
    )
