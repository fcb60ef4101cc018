"""From the answers of an inner problem to a gradient."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from skhyper.hypergradient._problem import Gradient, InnerProblem, NotDifferentiableError

__all__ = ["finite_output", "implicit_gradient"]


def implicit_gradient(
    problem: InnerProblem,
    X: Any,
    method: str,
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]],
    names: Iterable[str],
) -> tuple[float, Gradient]:
    """Validation loss and its hypergradient by the implicit function theorem.

    Problems that differentiate their training in forward mode are its case with ``H = 1``; see
    ``_forward``.

    Parameters
    ----------
    problem : InnerProblem
        Fitted.
    X : array-like of shape (m, p)
        Data of the validation fold.
    method : {"predict", "predict_proba", "decision_function"}
        What the loss is a function of.
    loss : callable
        From an output to the loss and its derivative by the output.
    names : iterable of str
        Hyperparameters to differentiate by.

    Returns
    -------
    value : float
    gradient : dict
        From each name to ``dL/dθ``, a float, an array of the hyperparameter's shape or a dict
        of its keys.

    References
    ----------
    Bengio (2000), "Gradient-based optimization of hyperparameters", Neural Computation 12.
    Pedregosa (2016), "Hyperparameter optimization with approximate gradient",
    arXiv:1602.02355.
    """
    names = problem.wanted = tuple(names)
    value, d_output = loss(finite_output(problem, X, method))
    dw, direct, _ = problem.pull_back(d_output)
    cross = problem.cross(problem.solve(dw))
    silent = [name for name in names if name not in direct and name not in cross]
    if silent:
        raise NotDifferentiableError(
            f"{type(problem).__name__} offers a derivative by {silent}, and neither pull_back nor "
            "cross has given one."
        )
    return value, {name: _difference(direct.get(name), cross.get(name)) for name in names}


def finite_output(problem: InnerProblem, X: Any, method: str) -> np.ndarray:
    """Output of a fitted problem.

    Raises
    ------
    ValueError
        If it holds NaN or infinity, as it does where X does: solvers that are given these print
        errors of LAPACK, or do not end.
    """
    output = problem.predict(X, method)
    if not np.isfinite(output).all():
        raise ValueError(
            f"The output of {method!r} on a test fold contains NaN or infinity. Check the test "
            "fold for them, and for values too large for float64."
        )
    return output


def _difference(direct: Any, cross: Any) -> Any:
    """``direct - cross`` of numbers, arrays or dicts of numbers; None is 0."""
    if isinstance(direct, Mapping) or isinstance(cross, Mapping):
        keys = cross if direct is None else direct
        return {k: _difference((direct or {}).get(k), (cross or {}).get(k)) for k in keys}
    return (0.0 if direct is None else direct) - (0.0 if cross is None else cross)
