"""Shared fits of feature selection: scores of features do not depend on how many are selected."""

import copy
import math
import numbers
from collections.abc import Callable
from typing import Any

from sklearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
)

from skhyper.reuse._rules import SharedFit, shared_fit


def _is_number_up_to(high: float) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        return is_number and 0 <= value <= high

    return accepts


def _is_k(value: Any) -> bool:
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return value == "all" if isinstance(value, str) else is_integer and value >= 0


def _is_threshold(value: Any) -> bool:
    if isinstance(value, numbers.Real):
        return not isinstance(value, bool) and math.isfinite(value)
    return value is None or isinstance(value, str)


# By class: the hyperparameter that selects, and its values that `fit` accepts.
_SELECTED_BY: dict[type, tuple[str, Callable[[Any], bool]]] = {
    SelectKBest: ("k", _is_k),
    SelectPercentile: ("percentile", _is_number_up_to(100)),
    SelectFpr: ("alpha", _is_number_up_to(1)),
    SelectFdr: ("alpha", _is_number_up_to(1)),
    SelectFwe: ("alpha", _is_number_up_to(1)),
    GenericUnivariateSelect: ("param", _is_number_up_to(1)),  # by its mode
    SelectFromModel: ("threshold", _is_threshold),
}


def _rule(estimator: Any) -> SharedFit | None:
    if type(estimator) not in _SELECTED_BY:
        return None
    name, accepts = _SELECTED_BY[type(estimator)]
    if type(estimator) is GenericUnivariateSelect:
        numbers_of = {"k_best": _is_k, "percentile": _is_number_up_to(100)}
        accepts = numbers_of.get(estimator.mode, accepts)

    def derive(fitted: Any, value: Any) -> Any:
        if accepts is _is_k and value != "all" and value > fitted.n_features_in_:
            return None  # a fit warns
        view = copy.copy(fitted)
        setattr(view, name, value)
        return view

    why_not = "prefit=True: nothing is fitted" if getattr(estimator, "prefit", False) else ""
    return SharedFit(
        name, derive, lambda values: values[0], accepts, whole_range=True, why_not=why_not
    )


for _cls in _SELECTED_BY:
    shared_fit.register(_cls, _rule)
