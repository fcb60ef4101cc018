"""The forward rule: hyperparameters of a training that need not come to an end.

Where training is a number of steps and not the solution of a problem, its outcome is a function
``w = W(θ)``, and ``dL/dθ = ∂L/∂θ + ∂L/∂w dW/dθ``, with dW/dθ carried along while training. This is
the implicit rule for ``G(w, θ) = w - W(θ)``, with ``H = 1`` and ``∂G/∂θ = -dW/dθ``. A problem of
this kind says so in its traits (`is_forward`).
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
    """The VJP of an output of a training that is differentiated as it goes.

    Parameters
    ----------
    direct : callable
        As of ``implicit_vjp``.
    along : callable
        From ``∂L/∂w`` to ``∂L/∂w dW/dθ`` of the names wanted.
    """

    def cross(u: Any, want: Want) -> Cotangents:
        return Cotangents({name: -slope for name, slope in along(u, want).items()})

    return implicit_vjp(direct, lambda dw: dw, cross)


def is_forward(estimator: Any) -> bool:
    """Whether derivatives of an estimator are those of its training, where it ended."""
    try:
        return inner_problem(estimator).traits.is_forward
    except NotDifferentiableError:
        return False
