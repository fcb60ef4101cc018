"""The networks that a training passes through."""

import copy
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skhyper.neural_network._mlp import BaseMLP


def networks_by_epoch(network: BaseMLP, X: Any, y: Any, epochs: Iterable[int]) -> dict[int, Any]:
    """The network after some of its epochs, from one training.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        Trained is a clone; with an integer `random_state`, as `network` was.
    X, y : array-like
    epochs : iterable of int
        Numbers of epochs, from 1.

    Returns
    -------
    networks : dict
        From the number of epochs to the fitted network; without those that early stopping has not
        reached.
    """
    wanted, found = set(epochs), {}
    current: list[np.ndarray] = []  # the weights, which change in place

    def record(w: np.ndarray, g: Any, S: Any, tape: Any, rows: Any, epoch: int) -> None:
        current[:] = [w]
        if epoch in wanted and epoch not in found:  # before the first step of the next epoch
            found[epoch] = w.copy()

    trained = clone(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        trained._train(X, y, None, (), record=record)
    if trained.n_iter_ in wanted:
        found[trained.n_iter_] = current[0].copy()
    return {epoch: _with_weights(trained, w) for epoch, w in sorted(found.items())}


def _with_weights(trained: BaseMLP, w: np.ndarray) -> BaseMLP:
    view = copy.copy(trained)
    layers = trained._network.layers(w)
    view.coefs_ = [layer.W for layer in layers]
    view.intercepts_ = [layer.b for layer in layers]
    return view
