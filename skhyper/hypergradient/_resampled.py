"""imbalanced-learn's pipelines: samplers change the training data, and only these.

Up to the last sampler, steps are fitted and not differentiated: what comes in there has no
derivative. The steps after it, and the model, are a pipeline of scikit-learn's on resampled data.
imbalanced-learn is never imported here: whoever has one of its pipelines has imported it.
"""

import copy
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skhyper.hypergradient._chain import is_step
from skhyper.hypergradient._pipeline import PipelineProblem
from skhyper.hypergradient._problem import (
    Gradient,
    InnerProblem,
    NotDifferentiableError,
    check_not_overridden,
    inner_problem,
)
from skhyper.hypergradient._stage import same_setting, split_params

__all__ = ["ResampledProblem"]

# Test data that are remembered, transformed: a fold's own, and its training data.
_N_REMEMBERED = 2


class ResampledProblem(InnerProblem):
    """A pipeline of imbalanced-learn's by ``step__name`` of the steps after the last sampler.

    The samplers, and the transformers before them, are fitted once a fold for as long as their
    own hyperparameters stay. `memory` of the pipeline is not used.
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_not_overridden(estimator, _resampling_pipeline(), "fit", "predict")
        if getattr(estimator, "transform_input", None) is not None:
            raise NotDifferentiableError(
                f"A Pipeline with transform_input={estimator.transform_input!r} has no "
                "hypergradient."
            )
        steps = list(estimator.steps)
        samplers = [i for i, (_, step) in enumerate(steps) if hasattr(step, "fit_resample")]
        first = samplers[-1] + 1 if samplers else 0
        if first == len(steps):
            raise NotDifferentiableError(
                f"The last step of the pipeline, {steps[-1][0]!r}, is a sampler: a hypergradient "
                "needs a model there."
            )
        self._before, after = steps[:first], steps[first:]
        self.inner = inner_problem(Pipeline(after))
        self.names, self.methods = self.inner.names, self.inner.methods
        self.noise, self.one_valley = self.inner.noise, self.inner.one_valley
        self.why_not = self.inner.why_not
        if samplers:
            name, sampler = self._before[-1]
            reason = f"Steps up to {name!r} ({type(sampler).__name__}), which resamples, left out."
            self.why_not = f"{reason} {self.why_not}".rstrip()
        self._after = [name for name, _ in after]

    @property
    def passes_inputs(self) -> bool:
        return not self._before and self.inner.passes_inputs

    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        if fit_params:
            raise NotDifferentiableError(
                f"A pipeline with samplers has no hypergradient with {sorted(fit_params)} for fit."
            )
        self._X, self._y = X, y
        self._fitted_at: Mapping[str, Any] | None = None

    def fit(self, params: Mapping[str, Any]) -> Any:
        own, nested = split_params(
            self.estimator, params, [name for name, _ in self.estimator.steps]
        )
        before = {name: nested[name] for name, _ in self._before}
        if self._fitted_at is None or not same_setting(self._fitted_at, before):
            self._fitted_at = None  # stays so if anything fails
            self._resample(before)
            self._fitted_at = clone(before, safe=False)
        after = {f"{s}__{k}": value for s in self._after for k, value in nested[s].items()}
        fitted = copy.copy(self.estimator)
        for name, value in own.items():
            setattr(fitted, name, value)
        fitted.steps = [*self._prefix, *self.inner.fit(after).steps]
        return fitted

    def _resample(self, params: Mapping[str, Mapping[str, Any]]) -> None:
        """Fit the steps up to the last sampler, and load what they make of the training data."""
        self._prefix: list[tuple[str, Any]] = []
        self._seen: list[tuple[Any, Any]] = []
        X, y = self._X, self._y
        for name, step in self._before:
            if is_step(step):
                step = clone(step).set_params(**clone(dict(params[name]), safe=False))
                if hasattr(step, "fit_resample"):
                    X, y = step.fit_resample(X, y)
                elif hasattr(step, "fit_transform"):
                    X = step.fit_transform(X, y)
                else:
                    X = step.fit(X, y).transform(X)
            self._prefix.append((name, step))
        self.inner.load(X, y)

    def transformed(self, X: Any) -> Any:
        """Data to predict as the last step gets them."""
        return self.inner.transformed(self._at_sampler(X))  # type: ignore[attr-defined]

    def _at_sampler(self, X: Any) -> Any:
        """Data to predict behind the last sampler, which leaves them as they are."""
        for seen, Z in self._seen:
            if seen is X:
                return Z
        Z = X
        for _, step in self._prefix:
            if is_step(step) and not hasattr(step, "fit_resample"):
                Z = step.transform(Z)
        self._seen = [*self._seen[1 - _N_REMEMBERED :], (X, Z)]
        return Z

    def predict(self, X: Any, method: str) -> np.ndarray:
        return self.inner.predict(self._at_sampler(X), method)

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        self.inner.wanted = self.wanted
        self.inner.inputs_wanted = self.inputs_wanted and self.passes_inputs
        return self.inner.pull_back(d_output)

    def solve(self, dw: Any) -> Any:
        return self.inner.solve(dw)

    def cross(self, u: Any) -> Gradient:
        return self.inner.cross(u)

    def cross_inputs(self, u: Any) -> np.ndarray | None:
        return self.inner.cross_inputs(u)


def _resampling_pipeline() -> type | None:
    """imbalanced-learn's class, if it is loaded."""
    return getattr(sys.modules.get("imblearn.pipeline"), "Pipeline", None)


@inner_problem.register(Pipeline)
def _pipeline_problem(estimator: Pipeline) -> InnerProblem:
    """In place of ``_pipeline``'s own registration: a class cannot be named that is not loaded."""
    resampling = _resampling_pipeline()
    if resampling is not None and isinstance(estimator, resampling):
        return ResampledProblem(estimator)
    return PipelineProblem(estimator)
