"""A transformer within a composition, refitted only if its input or hyperparameters change."""

import copy
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils.metadata_routing import process_routing

from skhyper.hypergradient._problem import Gradient, stripped
from skhyper.hypergradient._transformer import (
    DifferentiableTransformer,
    Names,
    Pulled,
    Side,
    differentiable_or_opaque,
)

Metadata = Mapping[str, Mapping[str | None, Mapping[str, Any]]]
# Number of cached transformed data sets: the test data of a fold, and its training data for the
# training score.
_N_REMEMBERED = 3


class Stage:
    """A named transformer, as differentiable `map`, and the data it has transformed.

    A stage is fitted once: for other hyperparameters or data, ``for_fit`` returns another, since
    fits of a pipeline keep their stages.

    Data sets are identified by *keys*, objects compared by identity. In a chain the key is the
    data set itself; where columns are selected anew each time, the data they are selected from.
    """

    def __init__(self, name: str, transformer: Any):
        self.name = name
        self.map: DifferentiableTransformer = differentiable_or_opaque(transformer)
        self.forget()

    def forget(self) -> None:
        """Drop the data, and what was transformed."""
        # Key, X, y, hyperparameters and metadata of the fit.
        self._task: tuple | None = None
        self.Z_train: Any = None  # None before the fit
        # Key, the map after it transformed these data, and the result.
        self._seen: list[tuple[Any, DifferentiableTransformer, Any]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The names of `map`, prefixed with that of the stage."""
        return tuple(f"{self.name}__{name}" for name in self.map.names)

    @property
    def fitted(self) -> Any:
        """The fitted transformer; the given one if there is nothing to fit."""
        return self.map.transformer if self.map.fitted is None else self.map.fitted

    def for_fit(
        self, params: Mapping[str, Any], X: Any, y: Any, fit_params: Mapping[str, Any], key: Any
    ) -> "Stage":
        """The stage for a fit: this one if nothing changed, else a copy that is not fitted."""
        if self._task is not None and self._task[0] is key:
            _, X, old_y, old_params, old_fit_params = self._task  # for caches of the map: the old X
            known = old_y is y and _same_objects(old_fit_params, fit_params)
            if known and equal_params(old_params, params):
                return self
        other = copy.copy(self)
        other.forget()
        other.map = copy.copy(self.map)
        other._task = key, X, y, clone(dict(params), safe=False), dict(fit_params)
        return other

    def fit_transform(self) -> Any:
        """Transformed training data, computed once."""
        if self.Z_train is None:
            assert self._task is not None
            _, X, y, params, fit_params = self._task
            self.Z_train = self.map.fit_transform(params, X, y, **fit_params)
        return self.Z_train

    def transform(self, X: Any, key: Any) -> tuple[Any, DifferentiableTransformer]:
        """Transformed test data, computed once, and the map after it transformed them."""
        for seen_key, used, Z in self._seen:
            if seen_key is key:
                return Z, used
        used = copy.copy(self.map)
        Z = used.transform(X)
        self._seen = [*self._seen[1 - _N_REMEMBERED :], (key, used, Z)]
        return Z, used

    def pull_back(
        self,
        dZ_train: Side,
        dZ_test: Side,
        names: Names,
        inputs: bool,
        used: DifferentiableTransformer | None,
    ) -> Pulled:
        """``pull_back`` of the map that transformed the test data, with names of the stage."""
        own = stripped(names, self.name)
        if not own and not inputs:
            return {}, None, None
        gradient, dX_train, dX_test = (used or self.map).pull_back(dZ_train, dZ_test, own, inputs)
        kept: Gradient = {f"{self.name}__{k}": v for k, v in gradient.items() if k in own}
        return kept, dX_train, dX_test


def split_params(
    estimator: Any, params: Mapping[str, Any], steps: Collection[str]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Split `params` into a composition's own hyperparameters and those of each step.

    Raises ValueError for a name that is not a hyperparameter, or that replaces a step.
    """
    own: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {step: {} for step in steps}
    valid = estimator.get_params(deep=False)
    for name, value in params.items():
        step, _, rest = name.partition("__")
        if rest and step in nested:
            nested[step][rest] = value
        elif name in nested or hasattr(value, "fit") or isinstance(valid.get(name), list):
            raise ValueError(
                f"{name!r} replaces a step of {type(estimator).__name__}, but an inner problem has "
                "fixed steps: create one inner problem for each choice."
            )
        elif name not in valid:
            raise ValueError(
                f"{type(estimator).__name__} has no hyperparameter {name!r}: got {list(params)}; "
                f"its steps are {list(steps)}."
            )
        else:
            own[name] = value
    return own, nested


def route(
    estimator: Any, method: str, params: Mapping[str, Any], steps: Collection[str]
) -> Metadata:
    """Arguments of ``method(X, y, **params)`` of a composition, by step and its method.

    The method None stands for all that are not named.
    """
    if params and get_config()["enable_metadata_routing"]:
        routing = process_routing(estimator, method, **params)
        return {step: dict(routing[step]) for step in steps if step in routing}
    by_step: dict[str, dict[str, Any]] = {step: {} for step in steps}
    for name, value in params.items():
        step, _, rest = name.partition("__")
        if not rest or step not in by_step:
            raise ValueError(
                f"{type(estimator).__name__}.{method} does not accept the {name} parameter: pass "
                f"parameters of a step as step__parameter; the steps are {list(steps)}."
            )
        by_step[step][rest] = value
    return {step: {None: keywords} for step, keywords in by_step.items()}


def metadata_of(routed: Metadata, step: str, method: str) -> dict[str, Any]:
    """Keywords for a step's method, from the result of ``route``."""
    methods = routed.get(step, {})
    return dict(methods.get(method, methods.get(None, {})))


def equal_params(a: Any, b: Any) -> bool:
    """Whether two values (also dicts and arrays) are equal; False if that is undecidable."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return list(a) == list(b) and all(equal_params(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False


def _same_objects(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.keys() == b.keys() and all(a[k] is b[k] for k in a)
