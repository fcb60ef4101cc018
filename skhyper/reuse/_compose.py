"""Shared fits of a pipeline, by its last step, and of a regressor of a transformed target."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from skhyper.reuse._rules import SharedFit, shared_fit


def _of_part(
    name: str,
    inner: SharedFit,
    part: Callable[[Any], Any],
    view: Callable[[Any, Any, str, Any], Any],
) -> SharedFit:
    """The rule of a composition, by the rule of its part.

    ``part(estimator)`` returns the part, fitted or not; ``view(fitted, derived, name, value)``
    a fitted composition with a derived part, of which a hyperparameter has another value.
    """

    def derive(fitted: Any, value: Any) -> Any:
        derived = inner.derive(part(fitted), value)
        return None if derived is None else view(fitted, derived, inner.name, value)

    def fit_path(fitted: Any, values: Sequence[Any], data: Any) -> Iterator[tuple[Any, Any]]:
        assert inner.fit_path is not None
        for value, derived in inner.fit_path(part(fitted), values, data):
            yield value, view(fitted, derived, inner.name, value)

    return replace(
        inner,
        name=f"{name}__{inner.name}",
        derive=derive,
        fit_path=inner.fit_path and fit_path,
        part=lambda estimator: inner.part(part(estimator)),
        otherwise=inner.otherwise and _of_part(name, inner.otherwise, part, view),
    )


@shared_fit.register(Pipeline)
def _last_step(estimator: Any) -> SharedFit | None:
    if type(estimator) is not Pipeline or not estimator.steps:
        return None
    last_name, last = estimator.steps[-1]
    inner = shared_fit(last)
    if inner is None:
        return None

    def view(fitted: Any, derived: Any, name: str, value: Any) -> Any:
        pipeline = copy.copy(fitted)
        pipeline.steps = [*fitted.steps[:-1], (last_name, derived)]
        return pipeline

    return _of_part(last_name, inner, lambda pipeline: pipeline.steps[-1][1], view)


@shared_fit.register(TransformedTargetRegressor)
def _of_transformed_target(estimator: Any) -> SharedFit | None:
    if type(estimator) is not TransformedTargetRegressor:
        return None
    inner = shared_fit(estimator.regressor)
    if inner is None:
        return None

    def view(fitted: Any, derived: Any, name: str, value: Any) -> Any:
        whole = copy.copy(fitted)
        whole.regressor_ = derived
        whole.regressor = clone(fitted.regressor).set_params(**{name: value})
        return whole

    def regressor(estimator: Any) -> Any:
        return getattr(estimator, "regressor_", estimator.regressor)

    return _of_part("regressor", inner, regressor, view)
