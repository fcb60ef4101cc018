"""Derivatives of a training run with respect to hyperparameters, in reverse mode.

The derivative of a loss with respect to the trained weights is propagated back through the steps
of training: one Hessian-vector product per step for all hyperparameters, where forward mode needs
one per hyperparameter. All steps are stored, so memory grows with the number of steps. Only values
expensive to recompute are stored.

Notation
--------
P, L, k : number of weights, layers, directions
w, g, S : weights, gradient, state of the optimizer before a step
d : direction of the step
A, M, c : see ``_network.Tape``
x_bar : derivative of the loss with respect to x, of the shape of x

References
----------
Maclaurin, Duvenaud and Adams (2015), "Gradient-based hyperparameter optimization through
reversible learning", arXiv:1502.03492. Franceschi et al. (2017), arXiv:1703.01785, algorithm 1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skhyper.neural_network._network import Layer, Network, Tape
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES, Step
from skhyper.neural_network._training import Data, Settings, penalty_of_weights, shares


def bytes_needed(network: Network, settings: Settings, n: int) -> int:
    """Maximum number of bytes of the stored steps of a training on n samples."""
    n_steps, size = _n_steps(settings, n)
    of_weights = network.n_weights * (2 + OPTIMIZERS[settings.optimizer].n_slots)
    return 8 * n_steps * (of_weights + size * sum(network.widths[1:]))


def _n_steps(settings: Settings, n: int) -> tuple[int, int]:
    """Maximum number of steps, and number of samples in a batch."""
    size = min(settings.batch_size, n)
    return settings.max_iter * -(-n // size), size


class Trajectory:
    """The recorded steps of a training, and their differentiation in reverse mode."""

    def __init__(self, network: Network, data: Data, settings: Settings):
        self._network, self._data, self._settings = network, data, settings
        self._optimizer = OPTIMIZERS[settings.optimizer]
        # Few large arrays are allocated faster than many small ones.
        n_steps, size = _n_steps(settings, len(data.Y))
        P, *hidden, d_L = network.n_weights, *network.widths[1:]
        self._w, self._g = np.empty((n_steps, P)), np.empty((n_steps, P))
        self._S = np.empty((n_steps, self._optimizer.n_slots, P))
        self._A = [np.empty((n_steps, size, width)) for width in hidden]
        self._M = np.empty((n_steps, size, d_L))
        self._batches: list[tuple[Any, int]] = []

    def record(
        self, w: np.ndarray, g: np.ndarray, S: np.ndarray, tape: Tape, rows: Any, epoch: int
    ) -> None:
        """Store a step; see `record` of ``_training.train``."""
        t, n = len(self._batches), len(tape.M)
        self._w[t], self._g[t], self._S[t], self._M[t, :n] = w, g, S, tape.M
        for kept, A in zip(self._A, tape.A[1:]):
            kept[t, :n] = A
        self._batches.append((rows, epoch))

    def pull_back(
        self, n_epochs: int, d_values: Mapping[str, np.ndarray], w_bar: np.ndarray
    ) -> np.ndarray:
        """Derivatives of a loss with respect to hyperparameters along `d_values`, (k,).

        `w_bar` is its derivative with respect to the weights after `n_epochs`, (P,).
        """
        found = {name: np.zeros(np.shape(d)[1:]) for name, d in d_values.items()}
        n_steps = sum(epoch < n_epochs for _, epoch in self._batches)
        total = float(self._data.a.sum())
        penalty = penalty_of_weights(self._network, self._settings.values["alpha"], total)
        w_bar, S_bar = w_bar.copy(), np.zeros(self._S.shape[1:])
        product = np.empty(len(w_bar))
        out = self._network.layers(product)
        with np.errstate(over="ignore", invalid="ignore"):
            for t in reversed(range(n_steps)):
                g_bar, S_bar, bars = self._before_step(t, w_bar, S_bar)
                layers, g_bars = self._network.layers(self._w[t]), self._network.layers(g_bar)
                if "alpha" in found:
                    slopes = [np.vdot(bar.W, layer.W) for bar, layer in zip(g_bars, layers)]
                    bars["alpha"] = np.array(slopes) / total
                for name in found:
                    found[name] += bars[name]
                self._network.d_gradient(layers, g_bars, self._tape(t, layers), out)
                w_bar += product
                w_bar += np.multiply(penalty, g_bar, out=product)
        return sum((np.dot(d_values[name], bar) for name, bar in found.items()), np.zeros(()))

    def _before_step(
        self, t: int, w_bar: np.ndarray, S_bar: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """g_bar, S_bar and the hyperparameters' derivatives, from w_bar, S_bar after step t."""
        values, schedule = self._settings.values, SCHEDULES[self._settings.schedule]
        when = (self._batches[t][1], values["decay"], self._settings.max_iter)
        S, g = self._S[t], self._g[t]
        d, S_new = self._optimizer.step(S, g, t + 1, values)
        factor, along = schedule.factor(*when), -float(d @ w_bar)
        d_bar = w_bar * (-values["learning_rate"] * factor)
        at = Step(S, S_new, g, d, t + 1, values)
        g_bar, S_bar, bars = self._optimizer.pull_back(at, d_bar, S_bar)
        bars = {**bars, "learning_rate": factor * along}
        bars["decay"] = values["learning_rate"] * schedule.slope(*when) * along
        return g_bar, S_bar, bars

    def _tape(self, t: int, layers: list[Layer]) -> Tape:
        X, Y, a = (part[self._batches[t][0]] for part in self._data)
        n = len(Y)
        A = [X, *(kept[t, :n] for kept in self._A)]
        return self._network.tape(layers, A, self._M[t, :n], Y, shares(a))
