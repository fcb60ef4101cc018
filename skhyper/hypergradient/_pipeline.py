"""Pipelines: the last step's problem, and derivatives that pass the steps before it.

The steps before the last map training data X to Z and test data X' to Z', with statistics
learned on X. With ``G(w, Z) = 0`` the last step's optimality,

    dL/dθ = ∂L/∂Z' dZ'/dθ - uᵀ ∂G/∂Z dZ/dθ    for a hyperparameter θ of a step before it:

the first term is a *direct* derivative, the second belongs to *cross*. Both go back through
the same steps, so unless derivatives by X are asked for they go together, with *cross*.

Notation
--------
X, Z : data before the first and the last step; training or test, as the name says
w, u : solution and adjoint of the last step
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from skhyper.hypergradient._chain import Chain, check_pipeline, is_step
from skhyper.hypergradient._problem import (
    Gradient,
    InnerProblem,
    NotDifferentiableError,
    inner_problem,
)
from skhyper.hypergradient._stage import metadata_of, route, split_params, stripped

__all__ = ["PipelineProblem"]


@inner_problem.register(Pipeline)
class PipelineProblem(InnerProblem):
    """A pipeline by ``step__name``.

    Each step is fitted once a fold for as long as its own hyperparameters, and those of the
    steps before it, stay; the last step's problem is loaded anew only if its data changed.
    `memory` of the pipeline is not used.

    Attributes
    ----------
    final : InnerProblem
        The problem of the last step.
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_pipeline(estimator, "predict")
        *before, (self._last, last) = estimator.steps
        if not is_step(last):
            raise NotDifferentiableError(
                f"The last step of the pipeline, {self._last!r}, is {last!r}: a hypergradient "
                "needs a model there."
            )
        self.final = inner_problem(last)
        self.methods = self.final.methods
        self._chain = Chain(before)
        self._steps = [name for name, _ in estimator.steps]
        passed = self._chain.names if self.final.passes_inputs else ()
        self.names = passed + tuple(f"{self._last}__{name}" for name in self.final.names)
        self.why_not = self._reasons(type(last).__name__)

    def _reasons(self, last: str) -> str:
        reasons = [self._chain.why_not, self.final.why_not]
        if self._chain.names and not self.final.passes_inputs:
            reasons.insert(
                0,
                f"{', '.join(self._chain.names)} left out: the last step {self._last!r} ({last}) "
                "gives no derivatives by its data.",
            )
        return " ".join(filter(None, reasons))

    @property
    def worth_keeping(self) -> bool:
        return len(self._steps) > 1 or self.final.worth_keeping

    @property
    def noise(self) -> float:
        return self.final.noise

    @property
    def one_valley(self) -> bool:
        return self.final.one_valley and not any(name in self.names for name in self._chain.names)

    @property
    def passes_inputs(self) -> bool:
        return self.final.passes_inputs and self._chain.passes_inputs

    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        self._chain.clear()
        self._X, self._y = X, y
        self._metadata = route(self.estimator, "fit", fit_params, self._steps)
        self._loaded: Any = None

    def fit(self, params: Mapping[str, Any]) -> Any:
        own, nested = split_params(self.estimator, params, self._steps)
        # The last step's metadata are those of its `fit`, the others' of `fit_transform`.
        Z = self._chain.fit_transform(nested, self._X, self._y, self._metadata)
        if self._loaded is not Z:
            self._loaded = None  # stays so if loading fails
            self.final.load(Z, self._y, **metadata_of(self._metadata, self._last, "fit"))
            self._loaded = Z
        last = self.final.fit(nested[self._last])
        fitted = copy.copy(self.estimator)
        for name, value in own.items():
            setattr(fitted, name, value)
        steps = {**self._chain.fitted, self._last: last}
        fitted.steps = [(name, steps.get(name, t)) for name, t in self.estimator.steps]
        return fitted

    def transformed(self, X: Any) -> Any:
        """Test data as the last step gets them, computed once for each setting of the others.

        With ``fitted.steps[-1][1]`` a scorer needs no more: it has not to transform again.
        """
        return self._chain.transform(X)

    def predict(self, X: Any, method: str) -> np.ndarray:
        return self.final.predict(self.transformed(X), method)

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        self.final.wanted = None if self.wanted is None else stripped(self.wanted, self._last)
        self.final.inputs_wanted = self._passes_now
        dw, direct, dZ = self.final.pull_back(d_output)
        gradient = {f"{self._last}__{name}": value for name, value in direct.items()}
        self._dZ = self._direct_inputs = self._crossed = None
        if not self._passes_now:
            return dw, gradient, None
        if not self._inputs_now:
            self._dZ = self._given(dZ)  # goes back with what `cross` has to send
            return dw, gradient, None
        through, self._direct_inputs, dX = self._chain.pull_back(
            None, self._given(dZ), self._wanted_before, True
        )
        return dw, {**gradient, **through}, dX

    def solve(self, dw: Any) -> Any:
        return self.final.solve(dw)

    def cross(self, u: Any) -> Gradient:
        gradient = {f"{self._last}__{n}": value for n, value in self.final.cross(u).items()}
        if not self._passes_now:
            return gradient
        C = self._given(self.final.cross_inputs(u))
        minus_direct = None if self._dZ is None else -self._dZ
        through, dX, _ = self._chain.pull_back(
            C, minus_direct, self._wanted_before, self._inputs_now
        )
        self._crossed = u, dX
        return {**gradient, **through}

    def cross_inputs(self, u: Any) -> np.ndarray | None:
        """``uᵀ ∂G/∂X``, less what the direct derivative has by way of learned statistics."""
        if self._crossed is None or self._crossed[0] is not u:
            self.cross(u)
        dX, direct = self._crossed[1], self._direct_inputs
        if direct is None:
            return dX
        return -direct if dX is None else dX - direct

    @property
    def _wanted_before(self) -> list[str]:
        """The names of steps before the last whose derivatives are wanted."""
        before = self.names[: len(self.names) - len(self.final.names)]
        return [name for name in before if self.wanted is None or name in self.wanted]

    @property
    def _inputs_now(self) -> bool:
        return self.inputs_wanted and self.passes_inputs

    @property
    def _passes_now(self) -> bool:
        """Whether derivatives by the last step's data are needed."""
        return bool(self._wanted_before) or self._inputs_now

    def _given(self, dZ: np.ndarray | None) -> np.ndarray:
        if dZ is None:
            raise NotDifferentiableError(
                f"The last step {self._last!r} gives no derivatives by its data at this setting: "
                f"leave {self._wanted_before} out of what is differentiated.",
                self._wanted_before,
            )
        return dZ
