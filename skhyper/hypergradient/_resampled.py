"""imbalanced-learn's pipelines, in which samplers change the training data only.

Steps up to the last sampler are fitted, not differentiated: their input has no derivative. The
steps after it, and the model, form a scikit-learn pipeline on the resampled data. This module does
not import imbalanced-learn: a caller that has one of its pipelines has imported it.
"""

import copy
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._chain import is_step
from skhyper.hypergradient._pipeline import PipelineProblem
from skhyper.hypergradient._stage import equal_params, split_params

# Number of transformed data sets that are cached: a fold's test data and its training data.
_N_REMEMBERED = 2


class ResampledProblem(hg.InnerProblem):
    """A pipeline of imbalanced-learn, with respect to ``step__name`` after the last sampler.

    Samplers, and the transformers before them, are refitted on a fold only if their own
    hyperparameters changed. The pipeline's `memory` is not used.
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        hg.check_not_overridden(estimator, _resampling_pipeline(), "fit", "predict")
        if getattr(estimator, "transform_input", None) is not None:
            raise hg.NotDifferentiableError(
                f"A Pipeline with transform_input={estimator.transform_input!r} has no "
                "hypergradient."
            )
        steps = list(estimator.steps)
        samplers = [i for i, (_, step) in enumerate(steps) if hasattr(step, "fit_resample")]
        first = samplers[-1] + 1 if samplers else 0
        if first == len(steps):
            raise hg.NotDifferentiableError(
                f"The last step of the pipeline, {steps[-1][0]!r}, is a sampler: a hypergradient "
                "needs a classifier or regressor as the last step."
            )
        self.before, after = steps[:first], steps[first:]
        self.inner = hg.inner_problem(Pipeline(after))
        self.names, self.methods = self.inner.names, self.inner.methods
        self.traits = self.inner.traits
        if samplers:
            name, sampler = self.before[-1]
            reason = f"Steps up to {name!r} ({type(sampler).__name__}), a sampler, are omitted."
            why_not = f"{reason} {self.traits.why_not}".rstrip()
            self.traits = replace(self.traits, why_not=why_not, passes_data=False)
        self.after = [name for name, _ in after]

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        if fit_params:
            raise hg.NotDifferentiableError(
                "A pipeline with samplers has no hypergradient if fit gets parameters; got "
                f"{sorted(fit_params)}."
            )
        return _ResampledFold(self, X, y)


class _ResampledFold(hg.Fold):
    """The fitted steps up to the last sampler, and the fold of the other steps."""

    def __init__(self, problem: ResampledProblem, X: Any, y: Any):
        self._problem, self._X, self._y = problem, X, y
        # Hyperparameters of `before`, the fitted steps, and the fold of the other steps.
        self._resampled: tuple[Mapping[str, Any], _Before, hg.Fold] | None = None

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        problem = self._problem
        own, nested = split_params(
            problem.estimator, params, [name for name, _ in problem.estimator.steps]
        )
        at = {name: nested[name] for name, _ in problem.before}
        if self._resampled is None or not equal_params(self._resampled[0], at):
            self._resampled = None  # in case of an exception
            self._resampled = clone(at, safe=False), *self._resample(at)
        _, before, fold = self._resampled
        after = {f"{s}__{k}": v for s in problem.after for k, v in nested[s].items()}
        inner = fold.fit(after)
        fitted = copy.copy(problem.estimator)
        for name, value in own.items():
            setattr(fitted, name, value)
        fitted.steps = [*before.steps, *inner.estimator.steps]
        return _ResampledFit(fitted, before, inner)

    def _resample(self, params: Mapping[str, Mapping[str, Any]]) -> "tuple[_Before, hg.Fold]":
        """Fit the steps up to the last sampler; load the others with the resampled data."""
        before = _Before()
        X, y = self._X, self._y
        for name, step in self._problem.before:
            if is_step(step):
                step = hg.unfitted(step, params[name])
                if hasattr(step, "fit_resample"):
                    X, y = step.fit_resample(X, y)
                elif hasattr(step, "fit_transform"):
                    X = step.fit_transform(X, y)
                else:
                    X = step.fit(X, y).transform(X)
            before.steps.append((name, step))
        return before, self._problem.inner.load(X, y)


class _Before:
    """Fitted steps up to the last sampler, and the data they have transformed for prediction."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any]] = []
        self._seen: list[tuple[Any, Any]] = []

    def transform(self, X: Any) -> Any:
        """Data to predict after these steps; samplers leave them unchanged."""
        for seen, Z in self._seen:
            if seen is X:
                return Z
        Z = X
        for _, step in self.steps:
            if is_step(step) and not hasattr(step, "fit_resample"):
                Z = step.transform(Z)
        self._seen = [*self._seen[1 - _N_REMEMBERED :], (X, Z)]
        return Z


@dataclass(frozen=True)
class _ResampledFit(hg.Fit):
    estimator: Any
    before: _Before
    inner: hg.Fit

    def last_step(self, X: Any) -> tuple[Any, Any]:
        return self.inner.last_step(self.before.transform(X))

    def predict(self, X: Any, method: str) -> hg.Output:
        return self.inner.predict(self.before.transform(X), method)


def _resampling_pipeline() -> type | None:
    """imbalanced-learn's pipeline class, if imported."""
    return getattr(sys.modules.get("imblearn.pipeline"), "Pipeline", None)


@hg.inner_problem.register(Pipeline)
def _pipeline_problem(estimator: Pipeline) -> hg.InnerProblem:
    """Manual dispatch, as a class that is not imported cannot be registered."""
    resampling = _resampling_pipeline()
    if resampling is not None and isinstance(estimator, resampling):
        return ResampledProblem(estimator)
    return PipelineProblem(estimator)
