"""Pipelines: the VJP of the last step's problem, composed with those of the earlier steps.

The steps before the last map training data X to Z and test data X' to Z', with statistics
learned on X. The VJP of the last step's output gives the derivatives with respect to Z and Z';
the VJPs of the other steps map these to their hyperparameters and to X and X'.

Notation
--------
X, Z : data before the first and the last step; training or test, as the name says
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._chain import Chain, check_pipeline, is_step
from skhyper.hypergradient._stage import metadata_of, route, split_params


@hg.inner_problem.register(Pipeline)
class PipelineProblem(hg.InnerProblem):
    """A pipeline, with respect to ``step__name``; its `memory` is not used.

    A step is refitted on a fold only if its hyperparameters, or those of the steps before it,
    changed; the last step's problem, `final`, is loaded again only if its data changed. `before`
    are the hyperparameters of the earlier steps that can be differentiated.
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_pipeline(estimator, "predict")
        self.last, last = estimator.steps[-1]
        if not is_step(last):
            raise hg.NotDifferentiableError(
                f"The last step of the pipeline, {self.last!r}, is {last!r}: a hypergradient "
                "needs a classifier or regressor as the last step."
            )
        self.final = hg.inner_problem(last)
        self.methods = self.final.methods
        chain, traits = Chain(estimator.steps[:-1]), self.final.traits
        self.before = chain.names if traits.passes_data else ()
        self.names = (*self.before, *hg.prefixed(self.last, dict.fromkeys(self.final.names)))
        reasons = [chain.why_not, traits.why_not]
        if chain.names and not traits.passes_data:
            reasons.insert(
                0,
                f"{', '.join(chain.names)} omitted: the last step {self.last!r} "
                f"({type(last).__name__}) has no derivatives with respect to its data.",
            )
        self.traits = hg.Traits(
            why_not=" ".join(filter(None, reasons)),
            solver_noise=traits.solver_noise,
            is_quasiconvex=traits.is_quasiconvex and not self.before,
            passes_data=traits.passes_data and chain.passes_inputs,
        )

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        return self.load_part(hg.TrainingPart.of(X, y, **fit_params))

    def load_part(self, part: hg.TrainingPart) -> hg.Fold:
        return _PipelineFold(self, part)


class _StepsBefore:
    """The steps before the last, fitted on the training part.

    `Z`, the part after these steps, is None once dropped; it can be made again.
    """

    def __init__(self, problem: PipelineProblem, part: hg.TrainingPart):
        steps = problem.estimator.steps
        self._part = part
        self._data: tuple[Any, Any] | None = part.copied()
        self.metadata = route(problem.estimator, "fit", part.fit_params, [s for s, _ in steps])
        self.chain = Chain(steps[:-1])
        self.Z: Any = None

    def fit_transform(self, params: Mapping[str, Mapping[str, Any]]) -> Any:
        """Z: the previous object if nothing changed."""
        if self._data is None:
            self._data = self._part.copied()
        # The last step's metadata are those of its `fit`, the other steps' of `fit_transform`.
        self.Z = self.chain.fit_transform(params, *self._data, self.metadata)
        return self.Z

    def copied(self, n: int | None = None) -> tuple[Any, Any]:
        """Z, or its first n rows, and the target."""
        if self._data is None:
            X, y = self._part.copied(n)
            again = self.chain.without_data()  # its output is not kept
            assert again is not None
            return again.transform(X)[0], y
        y = self._data[1]
        return (self.Z, y) if n is None else hg.TrainingPart.of(self.Z, y).copied(n)

    def drop(self) -> None:
        """Free the data, if the fitted steps can make the same Z again."""
        chain = self.chain.without_data() if self._data is not None else None
        if chain is not None:
            self.chain, self._data, self.Z = chain, None, None


class _PipelineFold(hg.Fold):
    """The fitted steps before the last, and the fold of the last step."""

    def __init__(self, problem: PipelineProblem, part: hg.TrainingPart):
        self._problem, self._before = problem, _StepsBefore(problem, part)
        self._steps = [name for name, _ in problem.estimator.steps]
        self._final: hg.Fold | None = None
        self._varies = False  # whether steps before the last have hyperparameters

    @property
    def caches(self) -> bool:  # type: ignore[override]
        return len(self._steps) > 1 or self._final is None or self._final.caches

    def trim(self) -> None:
        if self._final is not None and not self._varies:
            self._before.drop()
            if self._before.Z is None:
                self._final.trim()

    def _load_final(self, nested: Mapping[str, Mapping[str, Any]]) -> hg.Fold:
        """The fold of the last step; unchanged as long as its data do not change."""
        before, last = self._before, self._problem.last
        self._varies = any(nested[step] for step in self._steps if step != last)
        Z = before.Z
        if Z is None and self._final is not None and not self._varies:
            return self._final
        if before.fit_transform(nested) is not Z or self._final is None:
            self._final = None  # in case loading fails
            part = hg.TrainingPart(metadata_of(before.metadata, last, "fit"), before.copied)
            self._final = self._problem.final.load_part(part)
        return self._final

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        pipeline, last = self._problem.estimator, self._problem.last
        own, nested = split_params(pipeline, params, self._steps)
        final = self._load_final(nested).fit(nested[last])
        chain = copy.copy(self._before.chain)
        fitted = copy.copy(pipeline)
        for name, value in own.items():
            setattr(fitted, name, value)
        steps = {**chain.fitted, last: final.estimator}
        fitted.steps = [(name, steps.get(name, t)) for name, t in pipeline.steps]
        return _PipelineFit(fitted, self._problem, chain, final)


@dataclass(frozen=True)
class _PipelineFit(hg.Fit):
    estimator: Any
    problem: PipelineProblem
    chain: Chain
    final: hg.Fit

    def last_step(self, X: Any) -> tuple[Any, Any]:
        return self.final.last_step(self.chain.transform(X)[0])

    def predict(self, X: Any, method: str) -> hg.Output:
        problem, chain = self.problem, self.chain
        Z, maps = chain.transform(X)
        output = self.final.predict(Z, method)

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            before = [name for name in problem.before if name in want.names]
            data = want.data and problem.traits.passes_data
            inner = hg.Want(hg.stripped(want.names, problem.last), bool(before) or data)
            params, dZ_train, dZ_test = output.vjp(d_value, inner)
            params = hg.prefixed(problem.last, params)
            if not inner.data:
                return hg.Cotangents(params)
            if dZ_train is None or dZ_test is None:
                raise hg.NotDifferentiableError(
                    f"The last step {problem.last!r} has no derivatives with respect to its data "
                    f"at these hyperparameters, so {before} cannot be differentiated.",
                    before,
                )
            through, *dX = chain.pull_back(dZ_train, dZ_test, before, data, maps)
            return hg.Cotangents({**params, **through}, *dX)

        return hg.Output(output.value, vjp)
