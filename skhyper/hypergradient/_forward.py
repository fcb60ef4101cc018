"""The forward rule: hyperparameters of a training that need not come to an end.

Where training is a number of steps and not the solution of a problem, its outcome is a function
``w = W(θ)``, and ``dL/dθ = ∂L/∂θ + ∂L/∂w dW/dθ``, with dW/dθ carried along while training. This is
the implicit rule for ``G(w, θ) = w - W(θ)``, with ``H = 1`` and ``∂G/∂θ = -dW/dθ``, so that such a
problem goes wherever the others do, through pipelines as well.
"""

from abc import abstractmethod
from typing import Any

from skhyper.hypergradient._problem import Gradient, NotDifferentiableError, inner_problem
from skhyper.hypergradient._stateful import StatefulProblem

__all__ = ["ForwardProblem", "is_forward"]


class ForwardProblem(StatefulProblem):
    """An inner problem whose ``fit`` differentiates the training as it goes.

    The hyperparameters that ``fit`` is given are those whose derivatives may be asked for.
    """

    @abstractmethod
    def along(self, dw: Any) -> Gradient:
        """``dwᵀ dW/dθ`` for each of the wanted names."""

    def solve(self, dw: Any) -> Any:
        return dw  # H = 1

    def cross(self, u: Any) -> Gradient:
        return {name: -slope for name, slope in self.along(u).items()}


def is_forward(estimator: Any) -> bool:
    """Whether derivatives of an estimator are those of its training, where it ended."""
    try:
        return isinstance(inner_problem(estimator), ForwardProblem)
    except NotDifferentiableError:
        return False
