"""Pipelines: the VJP of the last step's problem, composed with those of the steps before it.

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
                "needs a model there."
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
                f"{', '.join(chain.names)} left out: the last step {self.last!r} "
                f"({type(last).__name__}) gives no derivatives with respect to its data.",
            )
        self.traits = hg.Traits(
            why_not=" ".join(filter(None, reasons)),
            solver_noise=traits.solver_noise,
            is_quasiconvex=traits.is_quasiconvex and not self.before,
            passes_data=traits.passes_data and chain.passes_inputs,
        )

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        return _PipelineFold(self, X, y, fit_params)


class _PipelineFold(hg.Fold):
    """The fitted steps before the last, and the fold of the last step."""

    def __init__(self, problem: PipelineProblem, X: Any, y: Any, fit_params: Mapping[str, Any]):
        self._problem, self._X, self._y = problem, X, y
        self._steps = [name for name, _ in problem.estimator.steps]
        self._metadata = route(problem.estimator, "fit", fit_params, self._steps)
        self._chain = Chain(problem.estimator.steps[:-1])
        self._final: tuple[Any, hg.Fold] | None = None  # data, and the fold loaded with them

    @property
    def caches(self) -> bool:  # type: ignore[override]
        return len(self._steps) > 1 or self._final is None or self._final[1].caches

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        pipeline, last = self._problem.estimator, self._problem.last
        own, nested = split_params(pipeline, params, self._steps)
        # The last step's metadata are those of its `fit`, the other steps' of `fit_transform`.
        Z = self._chain.fit_transform(nested, self._X, self._y, self._metadata)
        if self._final is None or self._final[0] is not Z:
            self._final = None  # in case loading fails
            metadata = metadata_of(self._metadata, last, "fit")
            self._final = Z, self._problem.final.load(Z, self._y, **metadata)
        final = self._final[1].fit(nested[last])
        fitted = copy.copy(pipeline)
        for name, value in own.items():
            setattr(fitted, name, value)
        steps = {**self._chain.fitted, last: final.estimator}
        fitted.steps = [(name, steps.get(name, t)) for name, t in pipeline.steps]
        return _PipelineFit(fitted, self._problem, self._chain, final)


@dataclass(frozen=True)
class _PipelineFit(hg.Fit):
    """A fit, whose outputs can be differentiated until the fold's earlier steps are refitted."""

    estimator: Any
    problem: PipelineProblem
    chain: Chain
    final: hg.Fit

    def last_step(self, X: Any) -> tuple[Any, Any]:
        return self.final.last_step(self.chain.transform(X)[0])

    def predict(self, X: Any, method: str) -> hg.Output:
        problem, chain = self.problem, self.chain
        output = self.final.predict(chain.transform(X)[0], method)

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
                    f"The last step {problem.last!r} gives no derivatives with respect to "
                    f"its data at these hyperparameters: do not differentiate {before}.",
                    before,
                )
            inner_data = chain.transform(X)[1]
            through, *dX = chain.pull_back(dZ_train, dZ_test, before, data, inner_data)
            return hg.Cotangents({**params, **through}, *dX)

        return hg.Output(output.value, vjp)
