"""Derivatives of a fitted network's weights with respect to hyperparameters of its training."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skhyper._sklearn import validate_params
from skhyper.neural_network._mlp import BaseMLP
from skhyper.neural_network._training import differentiable


def fit_with_derivatives(
    estimator: BaseMLP, X: Any, y: Any, names: Sequence[str], sample_weight: Any = None
) -> np.ndarray:
    """Fit a network and differentiate its weights with respect to hyperparameters.

    Parameters
    ----------
    estimator : MLPRegressor or MLPClassifier
        Fitted in place.
    X, y, sample_weight
        As for ``fit``.
    names : sequence of str
        Hyperparameters, among those of :func:`differentiable`.

    Returns
    -------
    dw : ndarray of shape (k, P)
        One row per name; for an array `alpha`, one per entry. Columns are in the order of
        :func:`pull_back`: weights, then intercepts, of each layer.

    Raises
    ------
    ValueError
        If a name is not differentiable, or the training loss is not finite.

    See Also
    --------
    fit_with_slopes : Faster for one loss and many hyperparameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skhyper.neural_network import MLPClassifier, fit_with_derivatives
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    >>> fit_with_derivatives(network, X, y, ["alpha", "learning_rate"]).shape
    (2, 35)
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
    """Fit a network; return a function that differentiates a loss of its weights.

    Parameters
    ----------
    estimator, X, y, names, sample_weight
        As for :func:`fit_with_derivatives`.
    memory : int, default=2**28
        Maximum number of bytes for stored training steps. If they fit, and there are at least three
        derivatives, these are computed in reverse mode, at the cost of 1 to 1.5 more trainings for
        any number of them; otherwise in forward mode, which stores no steps and costs up to one
        more training per derivative.

    Returns
    -------
    slopes : callable
        ``slopes(dw) -> (k,)``: from the derivative of a loss with respect to the weights, (P,), to
        its derivatives with respect to the hyperparameters, in the order of
        :func:`fit_with_derivatives`.

    Raises
    ------
    ValueError
        If a name is not differentiable, or the training loss is not finite.

    References
    ----------
    Franceschi et al. (2017), arXiv:1703.01785.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skhyper.neural_network import MLPClassifier, fit_with_slopes
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    >>> slopes = fit_with_slopes(network, X, y, ["alpha", "learning_rate"])
    >>> slopes(np.ones(35)).shape
    (2,)
    """
    _check_names(estimator, names)
    return estimator._train(X, y, sample_weight, names, memory).times


def _check_names(estimator: BaseMLP, names: Sequence[str]) -> None:
    known = differentiable(estimator.optimizer, estimator.schedule)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"No derivatives with respect to {unknown}; choose names from {list(known)}."
        )
    validate_params(estimator)


def pull_back(estimator: BaseMLP, X: Any, dZ: np.ndarray) -> np.ndarray:
    """``(∂Z/∂w)ᵀ dZ`` of a fitted network, for its outputs Z and weights w.

    Parameters
    ----------
    estimator : MLPRegressor or MLPClassifier
    X : {ndarray, CSR matrix} of shape (n, n_features)
    dZ : ndarray of shape (n, number of outputs)
        Derivative of a loss with respect to the outputs of the last layer.

    Returns
    -------
    dw : ndarray of shape (P,)
        Derivative with respect to the weights (row by row), then the intercepts, of each layer
        from the first.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skhyper.neural_network import MLPClassifier, pull_back
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    >>> pull_back(network.fit(X, y), X, np.ones((len(X), 3))).shape
    (35,)
    """
    return estimator._network.pull_back(estimator._layers(), X, dZ)
