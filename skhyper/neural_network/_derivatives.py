"""Fitted networks' weights, differentiated by the hyperparameters of their training."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skhyper._sklearn import validate_params
from skhyper.neural_network._mlp import BaseMLP
from skhyper.neural_network._training import differentiable

__all__ = ["fit_with_derivatives", "fit_with_slopes", "pull_back"]


def fit_with_derivatives(
    estimator: BaseMLP, X: Any, y: Any, names: Sequence[str], sample_weight: Any = None
) -> np.ndarray:
    """Fit a network, and differentiate the weights that are kept.

    Parameters
    ----------
    estimator : MLPRegressor or MLPClassifier
        Fitted in place.
    X, y, sample_weight
        As ``fit`` takes them.
    names : sequence of str
        Hyperparameters: `learning_rate`, `alpha`, and what the optimizer and the schedule have.

    Returns
    -------
    dw : ndarray of shape (k, P)
        One row for each name, for `alpha` one for each of its numbers. Columns are those of
        :func:`pull_back`, the weights and intercepts of each layer.

    Raises
    ------
    ValueError
        If there are no derivatives by some name, or the training loss is not finite.

    See Also
    --------
    fit_with_slopes : Faster for one loss and many hyperparameters.
    """
    _check_names(estimator, names)
    dw = estimator._train(X, y, sample_weight, names).dw
    assert dw is not None
    return dw


def fit_with_slopes(
    estimator: BaseMLP,
    X: Any,
    y: Any,
    names: Sequence[str],
    sample_weight: Any = None,
    memory: int = 2**28,
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit a network, and be ready to differentiate a loss of the weights that are kept.

    Parameters
    ----------
    estimator, X, y, names, sample_weight
        As :func:`fit_with_derivatives` takes them.
    memory : int, default=2**28
        Bytes that the steps of training may take. If they fit, and there are three derivatives at
        least, they are found in reverse mode, at the cost of one or one and a half more trainings
        for any number of them; else in forward mode, at that of up to one for each, which keeps no
        steps.

    Returns
    -------
    slopes : callable
        ``slopes(dw) -> (k,)``: derivatives by the hyperparameters, in the order of
        :func:`fit_with_derivatives`, for a derivative by the weights, of shape (P,).

    Raises
    ------
    ValueError
        If there are no derivatives by some name, or the training loss is not finite.

    References
    ----------
    Franceschi et al. (2017), arXiv:1703.01785.
    """
    _check_names(estimator, names)
    return estimator._train(X, y, sample_weight, names, memory).along


def _check_names(estimator: BaseMLP, names: Sequence[str]) -> None:
    known = differentiable(estimator.optimizer, estimator.schedule)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"There are no derivatives by {unknown}; there are by {list(known)}.")
    validate_params(estimator)


def pull_back(estimator: BaseMLP, X: Any, dZ: np.ndarray) -> np.ndarray:
    """``(∂Z/∂w)ᵀ dZ`` of a fitted network, (P,).

    Parameters
    ----------
    estimator : MLPRegressor or MLPClassifier
    X : {ndarray, CSR matrix} of shape (n, n_features)
    dZ : ndarray of shape (n, n_outputs_)
        Derivative of a loss by what the last layer puts out.

    Returns
    -------
    dw : ndarray of shape (P,)
        Weights, row by row, then intercepts of each layer, from the first.
    """
    return estimator._network.pull_back(estimator._layers(), X, dZ)
