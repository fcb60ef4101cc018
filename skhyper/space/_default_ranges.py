"""Ranges of hyperparameters that depend on the data or on other hyperparameters."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skhyper.space._default_data import Data

LOG = "log-uniform"
# Of the samples of a bagged estimator.
LEAST_SHARE = 0.2


def _rounded(x: float) -> float:
    return float(f"{x:.1e}")


# From the data and the estimator's own params to the specification of a dimension, None if the
# hyperparameter is not searched.
Spec = Callable[[Data, Mapping[str, Any]], Any]


def up_to(low: int, high: int, share: float, prior: str = LOG) -> Spec:
    """Integers from `low` to `high`, or to a share of the number of samples."""

    def spec(data: Data, own: Mapping[str, Any]) -> Any:
        top = high if data.n is None else min(high, int(share * data.n))
        return (low, top, prior) if top > low else None

    return spec


# The next three keep the time of the slowest candidate on 2,000 rows below 20 times that of the
# defaults (benchmarks/default_space_times.py).
def leaves(high: int) -> Spec:
    """Of trees in boosting: at most one for 32 samples, if that is more than the default of 31."""

    def spec(data: Data, own: Mapping[str, Any]) -> Any:
        return (4, high if data.n is None else min(high, max(32, data.n // 32)), LOG)

    return spec


def depth_of_xgboost(data: Data, own: Mapping[str, Any]) -> Any:
    """At most three less than that of a tree with one sample in each leaf, but 6, the default."""
    return (3, 10 if data.n is None else min(10, max(6, data.n.bit_length() - 4)))


def many_rounds(data: Data, own: Mapping[str, Any]) -> Any:
    """Number of boosting rounds, where more are searched for larger data."""
    return (50, 1000 if data.n is None else min(1000, max(500, data.n // 10)), LOG)


def share(low: float) -> Spec:
    """A share of the samples, larger for small data, whose folds would have too few."""

    def spec(data: Data, own: Mapping[str, Any]) -> Any:
        least = low if data.n is None else max(low, min(0.6, 20 / max(1, data.n)))
        return (_rounded(least), 1.0)

    return spec


def gamma(data: Data, own: Mapping[str, Any]) -> Any:
    """Around ``1 / (p var(X))``, which is scikit-learn's ``"scale"``."""
    p, variance = data.p, data.variance
    if p is None or variance is None:
        return (1e-4, 1e1, LOG)
    scale = 1.0 / (p * variance)
    return (_rounded(1e-3 * scale), _rounded(1e2 * scale), LOG)


def lasso_alpha(data: Data, own: Mapping[str, Any]) -> Any:
    """Below the penalty that sets all coefficients to 0: for standardized features, std(y)."""
    top = data.alpha_max or data.y_std or 1.0
    top = top / max(own.get("l1_ratio", 1.0), 0.05) if data.alpha_max else top
    return (_rounded(1e-4 * top), _rounded(top), LOG)


def lasso_weights(data: Data, own: Mapping[str, Any]) -> Any:
    """Weights of bands, in units of `alpha`; a single weight would be equivalent to `alpha`."""
    several = own["bands"] is not None or np.ndim(own["l1_weights"]) > 0
    return (1e-2, 1e2, LOG) if several or isinstance(own["l1_weights"], dict) else None


def strength_of_weights(data: Data, own: Mapping[str, Any]) -> Any:
    """`alpha`, unless the weights are searched."""
    return None if lasso_weights(data, own) else lasso_alpha(data, own)


def length_scales(data: Data, own: Mapping[str, Any]) -> Any:
    """Around ``√(p / 2)`` standard deviations; at 100 times that a feature has no effect."""
    scale = math.sqrt((data.p or 2) / 2 * (data.variance or 1.0))
    return (_rounded(1e-1 * scale), _rounded(1e2 * scale), LOG)


def alpha_of_network(data: Data, own: Mapping[str, Any]) -> Any:
    """Our penalty is divided by the number of samples, scikit-learn's by the size of a batch."""
    return (1e-5, 1e2, LOG) if "optimizer" in own else (1e-7, 1e-1, LOG)


def first_rate(highest: float, with_momentum: float) -> Spec:
    """`learning_rate` of our networks, up to what converges; scikit-learn's is a schedule."""
    ranges = {"adam": (1e-4, 1e-1, LOG), "momentum": (1e-3, with_momentum, LOG)}

    def spec(data: Data, own: Mapping[str, Any]) -> Any:
        if "optimizer" not in own:
            return None
        return ranges.get(own["optimizer"], (1e-3, highest, LOG))

    return spec


def momentum(data: Data, own: Mapping[str, Any]) -> Any:
    return (0.5, 0.99) if own.get("optimizer") == "momentum" else None


def epsilon(data: Data, own: Mapping[str, Any]) -> Any:
    scale = data.y_std or 1.0
    return (_rounded(1e-3 * scale), _rounded(scale), LOG)


def ccp_alpha_of_regression(data: Data, own: Mapping[str, Any]) -> Any:
    """In units of the squared error, so unknown if the target is."""
    if data.y_std is None:
        return None
    return (_rounded(1e-5 * data.y_std**2), _rounded(1e-1 * data.y_std**2), LOG)


def clusters(low: int) -> Spec:
    def spec(data: Data, own: Mapping[str, Any]) -> Any:
        top = 20 if data.n is None else min(20, math.isqrt(data.n))
        return (low, top) if top > low else None

    return spec


def mixing(data: Data, own: Mapping[str, Any]) -> Any:
    """``l1_ratio`` of a logistic regression, which only one solver takes."""
    return (0.0, 1.0) if own["solver"] == "saga" else None


def bootstrap(data: Data, own: Mapping[str, Any]) -> Any:
    # Both need bootstrap; a searched max_samples is not set without it.
    needed = own["oob_score"] or own["max_samples"] is not None
    return None if needed else [True, False]


def rounds(low: int, high: int, stopped_by: str) -> Spec:
    """Number of boosting rounds, unless early stopping chooses it."""

    def spec(data: Data, own: Mapping[str, Any]) -> Any:
        stops = own[stopped_by] not in (None, False, "auto")
        return None if stops else (low, high, LOG)

    return spec


def kept_variance(data: Data, own: Mapping[str, Any]) -> Any:
    given = own["n_components"]
    counted = given is not None and (isinstance(given, str) or not 0 < given < 1)  # "mle"
    exact = own["svd_solver"] in ("auto", "full", "covariance_eigh")
    if data.is_sparse and own["svd_solver"] == "auto":  # its solver takes no share of the variance
        return None if counted else _up_to_rank(data)
    return (0.5, 0.999) if exact and not counted else None


def _up_to_rank(data: Data) -> Any:
    """Numbers of components that a fold has, too, with fewer samples and words."""
    top = min(data.p or 0, data.n or 0) // 3
    return (1, top, LOG) if top > 1 else None


def n_selected(data: Data, own: Mapping[str, Any]) -> Any:
    return (1, data.p, LOG) if data.p is not None and data.p > 1 else None


def neighbors(data: Data, own: Mapping[str, Any]) -> Any:
    return up_to(1, 30 if data.n is None else 100, 1 / 3)(data, own)


def isolation_samples(data: Data, own: Mapping[str, Any]) -> Any:
    if data.n is None:
        return (0.1, 1.0)
    low, high = min(64, data.n // 4), min(data.n // 2, 1024)
    return (low, high, LOG) if 0 < low < high else None


def rare_words(data: Data, own: Mapping[str, Any]) -> Any:
    most = 10 if data.n is None else data.n / 20
    return [count for count in (1, 2, 5, 10) if count == 1 or count <= most]
