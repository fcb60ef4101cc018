"""The hypergradient of a validation loss, and the VJP of training by a sequence of steps."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from skhyper.hypergradient import _problem as hg


def hypergradient(
    fit: hg.Fit,
    X: Any,
    method: str,
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]],
    names: Iterable[str],
) -> tuple[float, hg.Gradient]:
    """Validation loss of a fit and its derivatives with respect to hyperparameters.

    Parameters
    ----------
    fit : Fit
    X : array-like of shape (m, p)
        Data of the validation fold.
    method : {"predict", "predict_proba", "decision_function"}
        Method whose output the loss takes.
    loss : callable
        Maps an output's value to the loss and its derivative.
    names : iterable of str
        Hyperparameters to differentiate.

    Returns
    -------
    value : float
    gradient : dict
        ``dL/dθ`` for each name: a float, an array of the hyperparameter's shape or a dict of
        its keys.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import hypergradient, inner_problem
    >>> X, y = load_diabetes(return_X_y=True)
    >>> fit = inner_problem(Ridge()).load(X[:300], y[:300]).fit({"alpha": 0.1})
    >>> def mean_squared_error(p):
    ...     r = p - y[300:]
    ...     return r @ r / len(r), 2 * r / len(r)
    >>> value, gradient = hypergradient(fit, X[300:], "predict", mean_squared_error, ["alpha"])
    >>> bool(value > 0), sorted(gradient)
    (True, ['alpha'])
    """
    names, output = tuple(names), finite_output(fit, X, method)
    value, d_value = loss(output.value)
    gradient = output.vjp(d_value, hg.Want(names)).params
    missing = [name for name in names if name not in gradient]
    if missing:
        raise hg.NotDifferentiableError(
            f"The problem of {type(fit.estimator).__name__} lists {missing} among its names, but "
            "its vjp returned no derivatives for them."
        )
    return value, {name: gradient[name] for name in names}


def finite_output(fit: hg.Fit, X: Any, method: str) -> hg.Output:
    """Output of a fit, checked to be finite.

    Raises
    ------
    ValueError
        If it contains NaN or infinity, for example because X does: solvers would print LAPACK
        errors or not terminate.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import finite_output, inner_problem
    >>> X, y = load_diabetes(return_X_y=True)
    >>> fit = inner_problem(Ridge()).load(X, y).fit({"alpha": 0.1})
    >>> finite_output(fit, X[:2], "predict").value.shape
    (2,)
    """
    output = fit.predict(X, method)
    if not np.isfinite(output.value).all():
        raise ValueError(
            f"The output of {method!r} on a test fold contains NaN or infinity. Check the test "
            "fold for them, and for values too large for float64."
        )
    return output


def forward_vjp(
    direct: Callable[[np.ndarray, hg.Want], tuple[Any, hg.Cotangents]],
    along: Callable[[Any, hg.Want], hg.Gradient],
) -> hg.VJP:
    """VJP of an output whose training is a fixed sequence of steps, not the solution of a problem.

    The weights are a function ``w = W(θ)``, and ``dL/dθ = ∂L/∂θ + ∂L/∂w dW/dθ`` with dW/dθ
    accumulated during training: the implicit rule for ``G(w, θ) = w - W(θ)``. Such a problem sets
    the trait `is_forward`.

    Parameters
    ----------
    direct : callable
        As in ``implicit_vjp``.
    along : callable
        From ``∂L/∂w`` to ``∂L/∂w dW/dθ`` for the requested names.

    Examples
    --------
    Training returns the weight ``w = 3 θ``, which is also the prediction:

    >>> import numpy as np
    >>> from skhyper.hypergradient import Cotangents, Want, forward_vjp
    >>> vjp = forward_vjp(
    ...     direct=lambda d_value, want: (d_value, Cotangents({})),
    ...     along=lambda dw, want: {"theta": 3.0 * float(dw[0])},
    ... )
    >>> vjp(np.array([1.0]), Want(["theta"])).params
    {'theta': 3.0}
    """

    def cross(u: Any, want: hg.Want) -> hg.Cotangents:
        return hg.Cotangents({name: -slope for name, slope in along(u, want).items()})

    return hg.implicit_vjp(direct, lambda dw: dw, cross)
