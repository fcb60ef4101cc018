"""Parallel transformers: FeatureUnion and ColumnTransformer.

scikit-learn's own code selects and stacks columns, with each transformer replaced by a stage
that returns cached results unless its hyperparameters changed. A search over
`transformer_weights` thus refits no transformer.

Notation
--------
c : input columns of a part;  s : its output columns in Z;  ω : its weight
Z_s = ω T(X_c)
"""

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion

from skhyper._readonly import is_equal, private_copy, works_in_place
from skhyper._sklearn import input_indices, set_remainder
from skhyper.hypergradient._chain import is_step
from skhyper.hypergradient._problem import Gradient, NotDifferentiableError
from skhyper.hypergradient._stage import Stage, split_params, stripped
from skhyper.hypergradient._transformer import (
    DifferentiableTransformer,
    Names,
    OpaqueTransformer,
    Pulled,
    Side,
    as_dense,
    transformer_vjp,
)


class _StageProxy:
    """Proxy that scikit-learn calls; its stage transforms the data, identified by their key."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.params: Mapping[str, Any] = {}
        self.key: Any = None
        self.tested: Any = None, None  # the transformed test data, and the map

    def __sklearn_clone__(self) -> "_StageProxy":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        if name == "stage":
            raise AttributeError(name)
        return getattr(self.stage.fitted, name)

    def __sklearn_tags__(self) -> Any:
        return self.stage.map.transformer.__sklearn_tags__()

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        self.stage = self.stage.for_fit(self.params, X, y, fit_params, self.key)
        return self.stage.fit_transform()

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> "_StageProxy":
        self.fit_transform(X, y, **fit_params)
        return self

    def transform(self, X: Any) -> Any:
        self.tested = self.stage.transform(X, self.key)
        return self.tested[0]


@dataclass(frozen=True)
class _Part:
    """Columns of a transformer: of the input (None for all) and of the output."""

    name: str
    stage: Stage | None  # None for passed-through columns
    columns: Any
    output: slice


class _SideBySide(DifferentiableTransformer):
    """Base class of FeatureUnionMap and ColumnTransformerMap."""

    inherits = ("fit", "transform", "fit_transform")

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        self._children = [name for name, _ in self.children(transformer)]
        stages = [Stage(name, t) for name, t in self.children(transformer) if is_step(t)]
        self._stand_ins = {stage.name: _StageProxy(stage) for stage in stages}
        weighted = ("transformer_weights",) if transformer.transformer_weights else ()
        self.names = weighted + tuple(name for stage in stages for name in stage.names)
        self.passes_inputs = all(stage.map.passes_inputs for stage in stages)
        reasons = [f"{stage.name}: {stage.map.why_not}" for stage in stages if stage.map.why_not]
        self.why_not = " ".join(reasons)

    @property
    def _stages(self) -> dict[str, Stage]:
        return {name: stand_in.stage for name, stand_in in self._stand_ins.items()}

    @staticmethod
    @abstractmethod
    def children(transformer: Any) -> list[tuple[str, Any]]:
        """Names and transformers, or strings."""

    @abstractmethod
    def with_children(self, transformer: Any, new: Mapping[str, Any]) -> None:
        """Replace the unfitted transformers, in place."""

    @abstractmethod
    def with_fitted(self, transformer: Any, new: Mapping[str, Any]) -> None:
        """Replace the fitted transformers, in place."""

    @abstractmethod
    def parts(self) -> Iterator[_Part]:
        """Columns of each transformer in the last fit."""

    def call(self, function: Callable[..., Any], X: Any, *y: Any) -> Any:
        """``function(X, *y)``, which calls the transformers."""
        return function(X, *y)

    def fit_transform(
        self, params: Mapping[str, Any], X: Any, y: Any = None, **fit_params: Any
    ) -> Any:
        own, nested = split_params(self.transformer, params, self._children)
        template = copy.copy(self.transformer)
        for name, value in clone(own, safe=False).items():
            setattr(template, name, value)
        self._stand_ins = {name: _StageProxy(stage) for name, stage in self._stages.items()}
        self._template: Any = None  # frees its stages
        for name, stand_in in self._stand_ins.items():
            stand_in.params, stand_in.key = nested[name], X
        self.with_children(template, self._stand_ins)
        n_jobs, template.n_jobs = template.n_jobs, 1  # stages hold caches: no copies in workers
        Z = self.call(partial(template.fit_transform, **fit_params), X, y)
        self.X_train, self._template = X, template
        self._weights = template.transformer_weights or {}
        self.fitted = copy.copy(template)
        self.fitted.n_jobs = n_jobs
        fitted = {name: stage.fitted for name, stage in self._stages.items()}
        unfitted = {
            name: clone(stage.map.transformer).set_params(**nested[name])
            for name, stage in self._stages.items()
        }
        self.with_children(self.fitted, unfitted)
        self.with_fitted(self.fitted, fitted)
        return Z

    def transform(self, X: Any) -> Any:
        self.X_test = X
        for stand_in in self._stand_ins.values():
            stand_in.key = X
        Z = self.call(self._template.transform, X)
        self._tested = {name: stand_in.tested for name, stand_in in self._stand_ins.items()}
        return Z

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        gradient: Gradient = {}
        by_weight = dict.fromkeys(self._weights, 0.0)
        d: list[Side] = [None, None]
        data = self.X_train, None if dZ_test is None else self.X_test
        for part in self.parts():
            sides = [None if dZ is None else dZ[:, part.output] for dZ in (dZ_train, dZ_test)]
            weight = self._weights.get(part.name)
            if weight is not None:
                if "transformer_weights" in names:
                    by_weight[part.name] = sum(
                        _inner(self._unweighted(part, side), dZ)
                        for side, dZ in enumerate(sides)
                        if dZ is not None
                    )
                sides = [None if dZ is None else weight * dZ for dZ in sides]
            if part.stage is not None and (inputs or stripped(names, part.name)):
                used = None if dZ_test is None else self._tested[part.name][1]
                own, *sides = part.stage.pull_back(sides[0], sides[1], names, inputs, used)
                gradient.update(own)
            if inputs:
                for i, X in enumerate(data):
                    d[i] = _add_columns(d[i], sides[i], X, part.columns)
        if "transformer_weights" in names:
            gradient["transformer_weights"] = by_weight
        return gradient, d[0], d[1]

    def _unweighted(self, part: _Part, side: int) -> Any:
        """``T(X_c)`` for the training (0) or the last test data (1)."""
        X = self.X_test if side else self.X_train
        if part.stage is not None:
            return self._tested[part.name][0] if side else part.stage.Z_train
        if part.columns is None:
            return X
        return X.iloc[:, part.columns] if hasattr(X, "iloc") else X[:, part.columns]


def _inner(Z: Any, dZ: np.ndarray) -> float:
    """``Σ Z ∘ dZ``, Z sparse or not."""
    if sparse.issparse(Z):
        return float(Z.multiply(dZ).sum())
    return float(np.vdot(as_dense(Z), dZ))


def _add_columns(dX: Side, part: Side, X: Any, columns: Any) -> Side:
    """Add the derivatives with respect to some columns, if there are any."""
    if part is None:
        return dX
    if dX is None:
        dX = np.zeros(X.shape)
    for j, column in enumerate(range(X.shape[1]) if columns is None else columns):
        dX[:, column] += part[:, j]  # one by one, as columns may repeat
    return dX


_IN_PLACE = (
    "A transformer of a FeatureUnion works in place, which changes the data of the others: use "
    "copy=True, or a function that returns new data."
)


def _call(function: Callable[..., Any], *data: Any) -> Any:
    return function(*data)


@transformer_vjp.register(FeatureUnion)
class FeatureUnionMap(_SideBySide):
    """FeatureUnion, for `transformer_weights` (a dict) and ``name__…`` of its transformers."""

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        if works_in_place(transformer):
            raise NotDifferentiableError(_IN_PLACE)
        # Functions that may write to their data share one copy, compared after all calls.
        opaque = [s.map for s in self._stages.values() if isinstance(s.map, OpaqueTransformer)]
        self._copies = bool(opaque)
        for stage_map in opaque:
            stage_map.call_with = _call

    def call(self, function: Callable[..., Any], X: Any, *y: Any) -> Any:
        if not self._copies:
            return function(X, *y)
        copied = private_copy(X)
        result = function(copied, *y)
        if not is_equal(copied, X):
            for stage in self._stages.values():
                stage.forget()
            raise NotDifferentiableError(_IN_PLACE)
        return result

    @staticmethod
    def children(transformer: Any) -> list[tuple[str, Any]]:
        return list(transformer.transformer_list)

    def with_children(self, transformer: Any, new: Mapping[str, Any]) -> None:
        transformer.transformer_list = [
            (name, new.get(name, t)) for name, t in transformer.transformer_list
        ]

    def with_fitted(self, transformer: Any, new: Mapping[str, Any]) -> None:
        self.with_children(transformer, new)

    def parts(self) -> Iterator[_Part]:
        end = 0
        for name, t in self.transformer.transformer_list:
            if t == "drop":
                continue
            stage = self._stages.get(name)
            width = (self.X_train if stage is None else stage.Z_train).shape[1]
            yield _Part(name, stage, None, slice(end, end + width))
            end += width


@transformer_vjp.register(ColumnTransformer)
class ColumnTransformerMap(_SideBySide):
    """ColumnTransformer, for `transformer_weights` (a dict) and ``name__…``."""

    @staticmethod
    def children(transformer: Any) -> list[tuple[str, Any]]:
        return [(name, t) for name, t, _ in transformer.transformers] + [
            ("remainder", transformer.remainder)
        ]

    def with_children(self, transformer: Any, new: Mapping[str, Any]) -> None:
        transformer.transformers = [
            (name, new.get(name, t), columns) for name, t, columns in transformer.transformers
        ]
        transformer.remainder = new.get("remainder", transformer.remainder)

    def with_fitted(self, transformer: Any, new: Mapping[str, Any]) -> None:
        transformer.transformers_ = [
            (name, new.get(name, t), columns) for name, t, columns in transformer.transformers_
        ]
        set_remainder(transformer, new.get("remainder"))

    def parts(self) -> Iterator[_Part]:
        columns = input_indices(self.fitted)
        for name, t, _ in self.fitted.transformers_:
            indices = list(columns.get(name, []))
            if indices and not (isinstance(t, str) and t == "drop"):
                stage = self._stages.get(name)
                yield _Part(name, stage, indices, self.fitted.output_indices_[name])
