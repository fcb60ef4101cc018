"""Forward-mode rule: hyperparameters of a training that need not converge.

Where training is a fixed sequence of steps rather than the solution of a problem, its outcome
is a function ``w = W(θ)``, and ``dL/dθ = ∂L/∂θ + ∂L/∂w dW/dθ``, with dW/dθ accumulated during
training. This is the implicit rule for ``G(w, θ) = w - W(θ)``, with ``H = 1`` and
``∂G/∂θ = -dW/dθ``. Such a problem sets the trait `is_forward`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from skhyper.hypergradient._problem import (
    VJP,
    Cotangents,
    Gradient,
    NotDifferentiableError,
    Want,
    implicit_vjp,
    inner_problem,
)

__all__ = ["forward_vjp", "is_forward"]


def forward_vjp(
    direct: Callable[[np.ndarray, Want], tuple[Any, Cotangents]],
    along: Callable[[Any, Want], Gradient],
) -> VJP:
    """VJP of an output whose training is differentiated step by step.

    Parameters
    ----------
    direct : callable
        As in ``implicit_vjp``.
    along : callable
        From ``∂L/∂w`` to ``∂L/∂w dW/dθ`` for the requested names.
    """

    def cross(u: Any, want: Want) -> Cotangents:
        return Cotangents({name: -slope for name, slope in along(u, want).items()})

    return implicit_vjp(direct, lambda dw: dw, cross)


def is_forward(estimator: Any) -> bool:
    """Whether derivatives of an estimator are those of its training steps."""
    try:
        return inner_problem(estimator).traits.is_forward
    except NotDifferentiableError:
        return False
