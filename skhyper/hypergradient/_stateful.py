"""Problems that keep fold, fit and predictions in themselves, as folds and fits.

An adapter: `StatefulProblem` has one method for each term of the implicit function theorem, to
be called in the order of the class. It is what families are written as that have not yet been
split into problem, fold and fit.
"""

import copy
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from skhyper.hypergradient._problem import (
    Cotangents,
    Fit,
    Fold,
    Gradient,
    InnerProblem,
    Output,
    Traits,
    Want,
    implicit_vjp,
)

__all__ = ["LeftOut", "StatefulProblem"]


class LeftOut(NamedTuple):
    """Predictions of leave-one-out, and from ``∂L/∂predictions`` to ``dL/dθ``."""

    predictions: np.ndarray
    pull_back: Callable[[np.ndarray], Gradient]


class StatefulProblem(InnerProblem):
    """A problem whose methods rely on those called before: take, fit, predict, pull_back, …"""

    # Set by the caller: the names to differentiate, None for all; whether data are, too.
    wanted: Collection[str] | None = None
    inputs_wanted: bool = False
    is_exact: bool = False
    why_not: str = ""
    noise: float = 0.0
    one_valley: bool = False

    @property
    def caches(self) -> bool:
        return True

    @property
    def passes_inputs(self) -> bool:
        return type(self).cross_inputs is not StatefulProblem.cross_inputs

    @property
    def traits(self) -> Traits:  # type: ignore[override]
        return Traits(
            self.why_not,
            self.noise,
            self.one_valley,
            self.passes_inputs,
            type(self).leave_one_out is not StatefulProblem.leave_one_out,
        )

    def load(self, X: Any, y: Any, **fit_params: Any) -> Fold:
        problem = copy.copy(self)
        problem.take(X, y, **fit_params)
        return _StatefulFold(problem)

    @abstractmethod
    def take(self, *data: Any, **fit_params: Any) -> None:
        """Take the fold's training data, and what ``fit`` gets with them."""

    @abstractmethod
    def fit(self, params: Mapping[str, Any]) -> Any:
        """The fitted estimator."""

    @abstractmethod
    def predict(self, X: Any, method: str) -> np.ndarray:
        """Predictions."""

    @abstractmethod
    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        """``∂L/∂w``, ``∂L/∂θ`` with w held fixed, and ``∂L/∂X`` of the data predicted."""

    @abstractmethod
    def solve(self, dw: Any) -> Any:
        """``u = H⁻ᵀ dw``."""

    @abstractmethod
    def cross(self, u: Any) -> Gradient:
        """``uᵀ ∂G/∂θ`` for each name."""

    def cross_inputs(self, u: Any) -> np.ndarray | None:
        """``uᵀ ∂G/∂X``, (n, p), less ``∂L/∂X`` of the training data with w held fixed."""
        return None

    def leave_one_out(self) -> LeftOut | None:
        """Predictions of each training sample without it, where they have a closed form."""
        return None


class _StatefulFold(Fold):
    def __init__(self, problem: StatefulProblem):
        self._problem = problem

    @property
    def caches(self) -> bool:  # type: ignore[override]
        return self._problem.caches

    def fit(self, params: Mapping[str, Any]) -> Fit:
        return _StatefulFit(self._problem, self._problem.fit(params))


class _StatefulFit(Fit):
    """Valid until the next fit of the fold, its outputs until the next prediction."""

    def __init__(self, problem: StatefulProblem, estimator: Any):
        self._problem, self.estimator, self.is_exact = problem, estimator, problem.is_exact

    def predict(self, X: Any, method: str) -> Output:
        problem = self._problem

        def direct(d_value: np.ndarray, want: Want) -> tuple[Any, Cotangents]:
            problem.wanted, problem.inputs_wanted = want
            dw, gradient, dX = problem.pull_back(d_value)
            return dw, Cotangents(gradient, None, dX)

        def cross(u: Any, want: Want) -> Cotangents:
            return Cotangents(problem.cross(u), problem.cross_inputs(u) if want.data else None)

        return Output(problem.predict(X, method), implicit_vjp(direct, problem.solve, cross))

    def leave_one_out(self) -> Output | None:
        left_out = self._problem.leave_one_out()
        if left_out is None:
            return None
        predictions, pull_back = left_out
        return Output(predictions, lambda d_value, want: Cotangents(pull_back(d_value)))
