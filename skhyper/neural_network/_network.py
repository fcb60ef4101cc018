"""A fully connected network on arrays: outputs, gradient, and Hessian-vector products.

Hessian-vector products are by Pearlmutter's R-operator: the forward and the backward pass are
differentiated along k directions in the weights. The Hessian is never formed, and the cost is
about that of k gradients.

Notation
--------
n, k : number of samples (of a batch), of directions
d_0, ..., d_L : widths of the data, the hidden layers and the output
P : number of weights, intercepts included
w : all weights, (P,): for each layer W, then b
W, b : weights and intercepts of a layer, (d_l, d_{l+1}) and (d_{l+1},)
A : input of a layer, (n, d_l);  Z : outputs of the last layer, (n, d_L)
M : mean of the target given Z (probabilities, or Z itself), (n, d_L)
c : share of each sample in the loss, (n, 1)
D : ∂loss/∂(A W + b) of a layer;  E : ∂loss/∂A
dx : derivatives of any x along the k directions, (k, *x.shape)

References
----------
Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation 6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit, logit

# Directions are processed in blocks of at most this many numbers per layer, which fit into the
# processor's cache.
_IN_CACHE = 16_384


class Activation(NamedTuple):
    """An activation, its slope as a function of its value a, and the derivative of that by a."""

    function: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], Any]
    slope_by_value: Callable[[np.ndarray], np.ndarray] | None


class Output(NamedTuple):
    """An output layer and its loss: M of Z, Z of M, dM of M and dZ, the loss of Z and Y.

    For all of them ``∂loss/∂Z = M - Y``.
    """

    mean: Callable[[np.ndarray], np.ndarray]
    link: Callable[[np.ndarray], np.ndarray]
    d_mean: Callable[[np.ndarray, np.ndarray], np.ndarray]
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _softmax(Z: np.ndarray) -> np.ndarray:
    M = np.exp(Z - Z.max(axis=1, keepdims=True))
    M /= M.sum(axis=1, keepdims=True)
    return M


def _d_softmax(M: np.ndarray, dZ: np.ndarray) -> np.ndarray:
    dM = M * dZ
    dM -= M * dM.sum(axis=-1, keepdims=True)
    return dM


def _cross_entropy(Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
    Z = Z - Z.max(axis=1, keepdims=True)
    return np.log(np.exp(Z).sum(axis=1)) - (Y * Z).sum(axis=1)


def _binary_cross_entropy(Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return (np.logaddexp(0, Z) - Y * Z).sum(axis=1)


def _half_square(Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return 0.5 * ((Z - Y) ** 2).sum(axis=1)


ACTIVATIONS = {
    "identity": Activation(lambda s: s, lambda a: 1.0, None),
    "logistic": Activation(expit, lambda a: a * (1 - a), lambda a: 1 - 2 * a),
    "relu": Activation(lambda s: np.maximum(s, 0), lambda a: (a > 0).astype(float), None),
    "softplus": Activation(
        lambda s: np.logaddexp(0, s), lambda a: -np.expm1(-a), lambda a: np.exp(-a)
    ),
    "tanh": Activation(np.tanh, lambda a: 1 - a * a, lambda a: -2 * a),
}
OUTPUTS = {
    "identity": Output(lambda Z: Z, lambda M: M, lambda M, dZ: dZ, _half_square),
    "logistic": Output(expit, logit, lambda M, dZ: M * (1 - M) * dZ, _binary_cross_entropy),
    "softmax": Output(_softmax, np.log, _d_softmax, _cross_entropy),
}


class Layer(NamedTuple):
    """Views of W and b in w, or of dW and db in dw."""

    W: np.ndarray
    b: np.ndarray


class Tape(NamedTuple):
    """Intermediate values of a gradient, for its derivative; lists have one entry per layer."""

    A: list[Any]
    slopes: list[Any]
    D: list[np.ndarray]
    E: list[np.ndarray | None]
    M: np.ndarray
    c: np.ndarray


@dataclass(frozen=True)
class Network:
    """The shape of a network: widths ``d_0, ..., d_L``, and keys of ACTIVATIONS and OUTPUTS."""

    widths: tuple[int, ...]
    activation: str
    output: str

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """``(d_l, d_{l+1})`` of each layer."""
        return list(zip(self.widths[:-1], self.widths[1:]))

    @property
    def n_weights(self) -> int:
        """P."""
        return sum((m + 1) * h for m, h in self.shapes)

    def initial(self, rng: np.random.RandomState) -> np.ndarray:
        """Initial weights (Glorot and Bengio 2010), equal to scikit-learn's for the same rng."""
        factor = 2.0 if self.activation == "logistic" else 6.0
        w = np.empty(self.n_weights)
        for layer, (m, h) in zip(self.layers(w), self.shapes):
            bound = np.sqrt(factor / (m + h))
            layer.W[...] = rng.uniform(-bound, bound, (m, h))
            layer.b[...] = rng.uniform(-bound, bound, h)
        return w

    def layers(self, w: np.ndarray) -> list[Layer]:
        """Views of the layers in w of shape (P,), or in dw of shape (k, P)."""
        found, start, lead = [], 0, w.shape[:-1]
        for m, h in self.shapes:
            end = start + m * h
            found.append(Layer(w[..., start:end].reshape(*lead, m, h), w[..., end : end + h]))
            start = end + h
        return found

    def outputs(self, layers: list[Layer], X: Any) -> np.ndarray:
        """Z at data X of shape (n, d_0), dense or CSR."""
        return self._forward(layers, X)[-1]

    def loss(self, layers: list[Layer], X: Any, Y: np.ndarray, c: np.ndarray) -> float:
        """Loss without penalty: ``Σ c loss(Z, Y)``."""
        return float(c[:, 0] @ OUTPUTS[self.output].loss(self.outputs(layers, X), Y))

    def constant_loss(self, Y: np.ndarray, c: np.ndarray) -> float:
        """Minimum loss, without penalty, of outputs that are equal for all samples."""
        Y = Y[c[:, 0] > 0]
        c = c[c[:, 0] > 0]
        varying = np.ptp(Y, axis=0) > 0  # a constant target has loss 0
        if not varying.any():
            return 0.0
        Y, output = Y[:, varying], OUTPUTS[self.output]
        Z = np.broadcast_to(output.link(c.T @ Y), Y.shape)
        return float(c[:, 0] @ output.loss(Z, Y))

    def gradient(
        self, layers: list[Layer], X: Any, Y: np.ndarray, c: np.ndarray, out: list[Layer]
    ) -> tuple[float, Tape]:
        """Loss without penalty; its gradient with respect to the weights is written to `out`."""
        output = OUTPUTS[self.output]
        *A, Z = self._forward(layers, X)
        M = output.mean(Z)
        back = self._backward(layers, A, c * (M - Y), out)
        return float(c[:, 0] @ output.loss(Z, Y)), Tape(A, *back, M, c)

    def tape(self, layers: list[Layer], A: list[Any], M: np.ndarray, Y: np.ndarray, c: Any) -> Tape:
        """The tape of :meth:`gradient`, from the inputs of the layers and M."""
        return Tape(A, *self._backward(layers, A, c * (M - Y), None), M, c)

    def pull_back(self, layers: list[Layer], X: Any, dZ: np.ndarray) -> np.ndarray:
        """``(∂Z/∂w)ᵀ dZ``, (P,), at data X."""
        g = np.empty(self.n_weights)
        self._backward(layers, self._forward(layers, X)[:-1], dZ, self.layers(g))
        return g

    def d_gradient(
        self, layers: list[Layer], d_layers: list[Layer], tape: Tape, out: list[Layer]
    ) -> None:
        """Derivative of the gradient along k directions, written to `out`.

        `layers` and `tape` are those of the gradient; `d_layers` and `out` are views of arrays
        (k, P), or (P,) for one direction.
        """
        by_value = ACTIVATIONS[self.activation].slope_by_value
        second = [
            None if E is None or by_value is None else E * by_value(A)
            for A, E in zip(tape.A, tape.E)
        ]
        if d_layers[0].W.ndim == 2:
            self._d_gradient(layers, d_layers, tape, second, out)
            return
        k = len(d_layers[0].W)
        size = max(1, _IN_CACHE // max(len(tape.c) * width for width in self.widths[1:]))
        for start in range(0, k, size):
            rows = slice(start, start + size)
            block = [Layer(dW[rows], db[rows]) for dW, db in d_layers]
            part = [Layer(W[rows], b[rows]) for W, b in out]
            self._d_gradient(layers, block, tape, second, part)

    def _d_gradient(
        self,
        layers: list[Layer],
        d_layers: list[Layer],
        tape: Tape,
        second: list[Any],
        out: list[Layer],
    ) -> None:
        """:meth:`d_gradient` for one block; `second` is E times the derivative of the slope."""
        A, slopes, D, _, M, c = tape
        dA: list[Any] = [None]
        for i, ((W, _), (dW, db)) in enumerate(zip(layers, d_layers)):
            dZ = _times(A[i], dW)
            dZ += db[..., None, :]
            if i > 0:
                dZ += dA[i] @ W
            if i + 1 < len(layers):
                dZ *= slopes[i + 1]
                dA.append(dZ)
        dD = c * OUTPUTS[self.output].d_mean(M, dZ)
        for i in reversed(range(len(layers))):
            _adjoint_times(A[i], dD, out[i].W)
            dD.sum(axis=-2, out=out[i].b)
            if i == 0:
                return
            out[i].W[...] += dA[i].swapaxes(-1, -2) @ D[i]
            dD = dD @ layers[i].W.T
            dD += D[i] @ d_layers[i].W.swapaxes(-1, -2)
            dD *= slopes[i]
            if second[i] is not None:
                dD += second[i] * dA[i]

    def _forward(self, layers: list[Layer], X: Any) -> list[Any]:
        """Input A of each layer, and Z."""
        function = ACTIVATIONS[self.activation].function
        A = [X]
        for W, b in layers:
            if len(A) > 1:
                A[-1] = function(A[-1])
            s = A[-1] @ W
            s += b
            A.append(s)
        return A

    def _backward(
        self, layers: list[Layer], A: list[Any], D: np.ndarray, out: list[Layer] | None
    ) -> tuple[list[Any], list[np.ndarray], list[Any]]:
        """Slopes, D and E of each layer, from D of the last; writes the gradient to `out`."""
        slope = ACTIVATIONS[self.activation].slope
        slopes: list[Any] = [None, *(slope(a) for a in A[1:])]
        Ds, Es = [D], [None]
        for i in reversed(range(len(layers))):
            if out is not None:
                _adjoint_times(A[i], D, out[i].W)
                D.sum(axis=0, out=out[i].b)
            if i > 0:
                E = D @ layers[i].W.T
                D = E * slopes[i]
                Ds.insert(0, D)
                Es.insert(1, E)
        return slopes, Ds, Es


def _times(A: Any, dW: np.ndarray) -> np.ndarray:
    """``A dW`` for several directions, (k, n, h), or for one, (n, h)."""
    if not sparse.issparse(A) or dW.ndim == 2:
        return A @ dW
    return np.stack([A @ one for one in dW])


def _adjoint_times(A: Any, D: np.ndarray, out: np.ndarray) -> None:
    """``Aᵀ D``, for D of shape (n, h) or (k, n, h), written to `out`."""
    if not sparse.issparse(A):
        np.matmul(A.T, D, out=out)
    elif D.ndim == 2:
        out[...] = A.T @ D
    else:
        for one, product in zip(D, out):
            product[...] = A.T @ one
