"""Training by gradient descent, with derivatives with respect to hyperparameters in forward mode.

The derivatives dw of the weights along k directions in the hyperparameters are updated with the
weights: each step is differentiated when it is made, and not stored. Memory does not depend on the
number of steps; the time is about that of ``1 + k`` trainings.

The objective is ``Σ a loss / Σ a + Σ_l α_l ||W_l||² / (2 Σ a)``, up to a factor that of ridge and
logistic regression. Each batch has the first term for its own samples, and all of the second.

Notation
--------
n, P, L, k : number of samples, weights, layers, directions
a : sample weights, (n,)
α : penalties, (L,);  λ : penalty of each weight over Σ a, (P,), 0 for intercepts
η : learning rate of an epoch
w, g, S : weights, gradient, state of the optimizer
dx : derivative of any x along the k directions, (k, *x.shape)

References
----------
Franceschi et al. (2017), "Forward and reverse gradient-based hyperparameter optimization",
arXiv:1703.01785.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skhyper.neural_network._network import Network
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES, Step


class Data(NamedTuple):
    """Samples X (n, d_0), dense or CSR; targets Y (n, d_L); weights a (n,)."""

    X: Any
    Y: np.ndarray
    a: np.ndarray


@dataclass(frozen=True)
class Settings:
    """Hyperparameters of a training: `values` are the numeric ones, with alpha of shape (L,).

    With validation data, training ends after `patience` consecutive epochs in which the
    validation loss did not decrease by `tol`.
    """

    optimizer: str  # key of OPTIMIZERS
    schedule: str  # key of SCHEDULES
    values: Mapping[str, Any]
    batch_size: int
    max_iter: int  # number of epochs
    patience: int = 0
    tol: float = 0.0


class Run(NamedTuple):
    """The result of a training: weights (P,), their derivatives (k, P), and losses by epoch.

    `best_iter`, from 1, is the epoch of the weights: that of the lowest validation loss, or the
    last one. Only training losses include the penalty.
    """

    w: np.ndarray
    dw: np.ndarray
    loss_curve: list[float]
    validation_curve: list[float] | None
    best_iter: int


def differentiable(optimizer: str, schedule: str) -> tuple[str, ...]:
    """Names of the hyperparameters that a network has derivatives with respect to.

    Examples
    --------
    >>> from skhyper.neural_network import differentiable
    >>> differentiable("sgd", "constant")
    ('learning_rate', 'alpha')
    """
    own = OPTIMIZERS[optimizer].names + SCHEDULES[schedule].names
    return ("learning_rate", "alpha", *own)


def directions(names: Any, alpha: Any, n_layers: int) -> dict[str, np.ndarray]:
    """Unit directions in the hyperparameters, in the order of the names from `differentiable`.

    An array `alpha` has one direction per layer. For each name, the components of the directions:
    (k,), or (k, L) for alpha.
    """
    shared = np.ndim(alpha) == 0
    sizes = [1 if name != "alpha" or shared else n_layers for name in names]
    starts = np.cumsum([0, *sizes])
    found = {}
    for name, start, size in zip(names, starts, sizes):
        found[name] = np.zeros((starts[-1], n_layers if name == "alpha" else 1))
        found[name][start : start + size] = 1.0 if size == 1 else np.eye(size)
    return {name: d if name == "alpha" else d[:, 0] for name, d in found.items()}


def train(
    network: Network,
    w: np.ndarray,
    data: Data,
    settings: Settings,
    rng: np.random.RandomState,
    validation: Data | None = None,
    d_values: Mapping[str, np.ndarray] | None = None,
    record: Callable[..., None] | None = None,
) -> Run:
    """Train a network from the weights w, which it overwrites.

    `rng` shuffles the samples before each epoch, unless there is one batch. With validation data,
    the weights are those of the epoch with the lowest loss on it, and derivatives those for that
    epoch, taken as fixed. `d_values` are :func:`directions`. In each step
    ``record(w, g, S, tape, rows, epoch)`` is called, with weights, gradient and state before it
    (views that change), the tape of the gradient, the rows of the batch, and the epoch from 0.

    Raises
    ------
    FloatingPointError
        If the loss is not finite.
    """
    state = _Descent(network, w, data, settings, d_values or {}, record)
    best = Run(w, state.dw, [], None if validation is None else [], 0)
    losses, curve = best.loss_curve, best.validation_curve
    least, threshold, n_waited = np.inf, np.inf, 0
    if validation is not None:
        c = shares(validation.a)
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(settings.max_iter):
            losses.append(state.epoch(epoch, rng))
            if not (np.isfinite(losses[-1]) and np.isfinite(w).all()):
                raise FloatingPointError(f"epoch {epoch + 1}")
            if validation is None or curve is None:
                continue
            loss = network.loss(state.layers, validation.X, validation.Y, c)
            curve.append(loss)
            if loss < least:
                least = loss
                best = best._replace(w=w.copy(), dw=state.dw.copy(), best_iter=epoch + 1)
            if loss < threshold:
                threshold, n_waited = loss - settings.tol, 0
            else:
                n_waited += 1
            if n_waited >= settings.patience:
                break
    return best if curve is not None else best._replace(best_iter=len(losses))


def shares(a: np.ndarray) -> np.ndarray:
    """Share of each sample in the loss of its batch, (n, 1)."""
    total = a.sum()
    return (a / total if total > 0 else a)[:, None]


def penalty_of_weights(network: Network, alpha: np.ndarray, total: float) -> np.ndarray:
    """λ, for the penalties of each layer and the sum of the sample weights."""
    penalty = np.zeros(network.n_weights)
    for layer, value in zip(network.layers(penalty), alpha):
        layer.W[...] = value / total
    return penalty


class _Descent:
    """State of a training: weights, their derivatives, the optimizer's state."""

    def __init__(
        self,
        network: Network,
        w: np.ndarray,
        data: Data,
        settings: Settings,
        d_values: Mapping[str, np.ndarray],
        record: Callable[..., None] | None = None,
    ):
        self._network, self._data, self._settings = network, data, settings
        self._optimizer = OPTIMIZERS[settings.optimizer]
        self._d_values = d_values
        self.k = max((len(d) for d in d_values.values()), default=0)
        P, n_slots = network.n_weights, self._optimizer.n_slots
        self.w, self.dw = w, np.zeros((self.k, P))
        self.layers, self.d_layers = network.layers(w), network.layers(self.dw)
        self._g, self._dg = np.empty(P), np.empty((self.k, P))
        self._g_layers, self._dg_layers = network.layers(self._g), network.layers(self._dg)
        self._S, self._dS = np.zeros((n_slots, P)), np.zeros((n_slots, self.k, P))
        self._scratch, self._d_scratch = np.empty(P), np.empty((self.k, P))
        self._total = data.a.sum()
        self._penalty = penalty_of_weights(network, settings.values["alpha"], self._total)
        self._record = record
        self._order = np.arange(len(data.Y))
        self._t = 0

    def epoch(self, number: int, rng: np.random.RandomState) -> float:
        """One pass over the data; returns the mean loss."""
        n, loss = len(self._data.Y), 0.0
        for rows in self._batches(rng):
            X, Y, a = (part[rows] for part in self._data)
            loss += len(Y) / n * self._step(X, Y, a, rows, number)
        return loss

    def _batches(self, rng: np.random.RandomState) -> Iterator[Any]:
        """Rows of each batch."""
        n, size = len(self._data.Y), self._settings.batch_size
        if size >= n:
            yield slice(None)
            return
        shuffled = np.arange(n)
        rng.shuffle(shuffled)  # the same draws as scikit-learn
        self._order = self._order[shuffled]
        for start in range(0, n, size):
            yield self._order[start : start + size]

    def _step(self, X: Any, Y: np.ndarray, a: np.ndarray, rows: Any, epoch: int) -> float:
        """One step; returns the loss before it."""
        loss, tape = self._network.gradient(self.layers, X, Y, shares(a), self._g_layers)
        push = np.multiply(self._penalty, self.w, out=self._scratch)
        loss += 0.5 * float(push @ self.w)
        self._g += push
        self._t += 1
        values, optimizer = self._settings.values, self._optimizer
        d, S = optimizer.step(self._S, self._g, self._t, values)
        if self._record is not None:
            self._record(self.w, self._g, self._S, tape, rows, epoch)
        schedule = SCHEDULES[self._settings.schedule]
        when = (epoch, values["decay"], self._settings.max_iter)
        factor = schedule.factor(*when)
        rate = values["learning_rate"] * factor
        if self.k:
            self._network.d_gradient(self.layers, self.d_layers, tape, self._dg_layers)
            self._add_d_penalty()
            at = Step(self._S, S, self._g, d, self._t, values)
            dd, self._dS = optimizer.d_step(at, self._dS, self._dg, self._d_values)
            self.dw -= np.multiply(dd, rate, out=self._d_scratch)
            d_rate = factor * self._d_values.get("learning_rate", np.zeros(self.k))
            slope = values["learning_rate"] * schedule.slope(*when)
            d_rate = d_rate + slope * self._d_values.get("decay", 0.0)
            for j in np.flatnonzero(d_rate):
                self.dw[j] -= d_rate[j] * d
        self._S = S
        self.w -= np.multiply(d, rate, out=self._scratch)
        return loss

    def _add_d_penalty(self) -> None:
        """Add the derivative of ``λ w`` to that of the gradient."""
        self._dg += np.multiply(self._penalty, self.dw, out=self._d_scratch)
        if "alpha" not in self._d_values:
            return
        for j, layer in zip(*np.nonzero(self._d_values["alpha"])):
            by = self._d_values["alpha"][j, layer] / self._total
            self._dg_layers[layer].W[j] += by * self.layers[layer].W
