"""Shared fits of PCA: the first components of a full decomposition."""

import copy
import numbers
from typing import Any

import numpy as np
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


def first_components(fitted: Any, n_components: Any) -> Any:
    """A copy of a PCA fitted with all components that has its first ones; None if it has not."""
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
    solver, n = estimator.svd_solver, estimator.n_components
    why_not = ""
    if solver not in ("full", "covariance_eigh") and not (solver == "auto" and _is_share(n)):
        why_not = "the solver may depend on n_components"
    return SharedFit(
        "n_components",
        first_components,
        longest=lambda values: None,
        accepts=_is_number,
        whole_range=True,
        why_not=why_not,
        transformed=_first_columns,
    )
