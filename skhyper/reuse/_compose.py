"""Shared fits of a pipeline, by its last step, and of a regressor of a transformed target."""

import copy
from dataclasses import replace
from typing import Any

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from skhyper.reuse._rules import SharedFit, shared_fit


@shared_fit.register(Pipeline)
def _last_step(estimator: Any) -> SharedFit | None:
    if type(estimator) is not Pipeline or not estimator.steps:
        return None
    name, last = estimator.steps[-1]
    inner = shared_fit(last)
    if inner is None:
        return None

    def derive(fitted: Any, value: Any) -> Any:
        derived = inner.derive(fitted.steps[-1][1], value)
        if derived is None:
            return None
        view = copy.copy(fitted)
        view.steps = [*fitted.steps[:-1], (name, derived)]
        return view

    return replace(inner, name=f"{name}__{inner.name}", derive=derive)


@shared_fit.register(TransformedTargetRegressor)
def _of_transformed_target(estimator: Any) -> SharedFit | None:
    if type(estimator) is not TransformedTargetRegressor:
        return None
    inner = shared_fit(estimator.regressor)
    if inner is None:
        return None

    def derive(fitted: Any, value: Any) -> Any:
        derived = inner.derive(fitted.regressor_, value)
        if derived is None:
            return None
        view = copy.copy(fitted)
        view.regressor_ = derived
        view.regressor = clone(fitted.regressor).set_params(**{inner.name: value})
        return view

    return replace(inner, name=f"regressor__{inner.name}", derive=derive)
