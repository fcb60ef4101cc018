"""Sequence of transformers: the steps of a pipeline, or a pipeline of transformers.

A step is refitted only if its hyperparameters or its input changed.

Notation
--------
X, Z : data before the first step and after the last; training or test, as the name says
dZ, dX : derivatives of a loss with respect to them, None for zeros
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from skhyper.hypergradient._problem import Gradient, NotDifferentiableError, check_not_overridden
from skhyper.hypergradient._stage import Metadata, Stage, metadata_of, route, split_params
from skhyper.hypergradient._transformer import (
    DifferentiableTransformer,
    Names,
    Pulled,
    Side,
    transformer_vjp,
)


def is_step(transformer: Any) -> bool:
    """Whether a step of a pipeline is an actual step, not None or "passthrough"."""
    return transformer is not None and not isinstance(transformer, str)


def check_pipeline(pipeline: Pipeline, *methods: str) -> None:
    """Check that a pipeline is fitted by scikit-learn's own methods, without `transform_input`."""
    check_not_overridden(pipeline, Pipeline, "fit", *methods)
    if pipeline.transform_input is not None:
        raise NotDifferentiableError(
            f"A Pipeline with transform_input={pipeline.transform_input!r} has no hypergradient."
        )


class Chain:
    """Named transformers in sequence; None and "passthrough" are skipped.

    A shallow copy does not change when the chain is fitted again.

    `names` are the hyperparameters ``step__name`` that can be differentiated, given derivatives
    with respect to Z; `passes_inputs` is whether there are derivatives with respect to X; `why_not`
    explains which names are missing from `names`, and because of which step.
    """

    def __init__(self, steps: Sequence[tuple[str, Any]]):
        self._stages = [Stage(name, t) for name, t in steps if is_step(t)]
        found: list[tuple[str, ...]] = []
        reasons: list[str] = []
        blocking = None
        for stage in reversed(self._stages):
            if blocking is None:
                found.append(stage.names)
                if not stage.map.passes_inputs:
                    blocking = stage
            elif stage.names:
                reasons.append(
                    f"{', '.join(stage.names)} omitted: the later step {blocking.name!r} "
                    f"({type(blocking.map.transformer).__name__}) is not differentiated."
                )
            if stage.map.why_not:
                reasons.append(f"{stage.name}: {stage.map.why_not}")
        self.names = tuple(name for names in reversed(found) for name in names)
        self.why_not = " ".join(reversed(reasons))
        self.passes_inputs = blocking is None

    @property
    def fitted(self) -> dict[str, Any]:
        """The fitted transformers."""
        return {stage.name: stage.fitted for stage in self._stages}

    def without_data(self) -> "Chain | None":
        """A chain of the fitted transformers; None if one cannot reproduce its training output."""
        if not all(stage.map.repeats for stage in self._stages):
            return None
        other = Chain([(stage.name, stage.map.transformer) for stage in self._stages])
        for new, old in zip(other._stages, self._stages):
            new.map.fitted = old.map.fitted
        return other

    def fit_transform(
        self, params: Mapping[str, Mapping[str, Any]], X: Any, y: Any, metadata: Metadata
    ) -> Any:
        """Training data after the last step: the previous object if nothing changed.

        `params` are hyperparameters by step, `metadata` is the result of ``route``.
        """
        self._stages = list(self._stages)
        for i in range(len(self._stages)):
            stage = self._stages[i]
            method = "fit_transform" if hasattr(stage.map.transformer, "fit_transform") else "fit"
            fit_params = metadata_of(metadata, stage.name, method)
            # The old stage, with its output, is freed before the fit.
            stage = self._stages[i] = stage.for_fit(
                params.get(stage.name, {}), X, y, fit_params, key=X
            )
            X = stage.fit_transform()
        return X

    def transform(self, X: Any) -> tuple[Any, list[DifferentiableTransformer]]:
        """Test data after the last step, and the maps that have transformed them."""
        maps = []
        for stage in self._stages:
            X, used = stage.transform(X, key=X)
            maps.append(used)
        return X, maps

    def pull_back(
        self,
        dZ_train: Side,
        dZ_test: Side,
        names: Names,
        inputs: bool,
        maps: Sequence[DifferentiableTransformer],
    ) -> Pulled:
        """VJP of all steps, from the last to the first with a derivative to contribute."""
        wanted = [bool(set(stage.names) & set(names)) for stage in self._stages]
        first = 0 if inputs else wanted.index(True) if any(wanted) else len(wanted)
        gradient: Gradient = {}
        d: tuple[Side, Side] = dZ_train, dZ_test
        for i in range(len(self._stages) - 1, first - 1, -1):
            if all(part is None for part in d):
                break
            used = maps[i] if maps else None
            part, d_train, d_test = self._stages[i].pull_back(*d, names, inputs or i > first, used)
            gradient.update(part)
            d = d_train, d_test
        return gradient, *(d if inputs else (None, None))


@transformer_vjp.register(Pipeline)
class PipelineMap(DifferentiableTransformer):
    """Pipeline of transformers, including the last step."""

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        check_pipeline(transformer, "fit_transform", "transform")
        self._steps = [name for name, _ in transformer.steps]
        self._chain = Chain(transformer.steps)
        self._maps: list[DifferentiableTransformer] = []  # of the last test data
        self.names, self.why_not = self._chain.names, self._chain.why_not
        self.passes_inputs = self._chain.passes_inputs

    def fit_transform(
        self, params: Mapping[str, Any], X: Any, y: Any = None, **fit_params: Any
    ) -> Any:
        _, nested = split_params(self.transformer, params, self._steps)
        metadata = route(self.transformer, "fit_transform", fit_params, self._steps)
        self._chain, self._maps = copy.copy(self._chain), []
        Z = self._chain.fit_transform(nested, X, y, metadata)
        steps = self._chain.fitted
        self.fitted = copy.copy(self.transformer)
        self.fitted.steps = [(name, steps.get(name, t)) for name, t in self.transformer.steps]
        return Z

    def transform(self, X: Any) -> Any:
        Z, self._maps = self._chain.transform(X)
        return Z

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        return self._chain.pull_back(dZ_train, dZ_test, names, inputs, self._maps)
