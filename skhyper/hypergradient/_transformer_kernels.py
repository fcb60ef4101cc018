"""Kernel approximations: Nystroem and random Fourier features.

Notation
--------
n, m, p, q : number of training samples, test samples, features, components
B : basis, rows of the training data, (q, p)
C = k(B, B), (q, q);  K = k(X, B), (n, q) or (m, q)
N : inverse square root of C;  Z = K Nᵀ
"""

from typing import Any

import numpy as np
from scipy import linalg
from sklearn.kernel_approximation import Nystroem, RBFSampler

from skhyper.hypergradient._kernels import Gram, Pair, gram, kernel_names
from skhyper.hypergradient._problem import Gradient, NotDifferentiableError
from skhyper.hypergradient._transformer import (
    LeafTransformer,
    Names,
    Pulled,
    Side,
    as_dense,
    transformer_vjp,
)

_KERNELS = ("linear", "poly", "polynomial", "rbf", "sigmoid")
# Lower bound that scikit-learn clips the singular values of C at.
_CLIP = 1e-12


# ---- Nystroem


@transformer_vjp.register(Nystroem)
class NystroemMap(LeafTransformer):
    """Nystroem, with respect to `gamma` and `coef0`, if they are numbers."""

    inherits = ("fit", "transform", "fit_transform")

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        kernel = transformer.kernel
        if callable(kernel) or kernel not in _KERNELS or transformer.kernel_params is not None:
            raise NotDifferentiableError(
                f"Nystroem has a derivative with kernel_params=None and a kernel of "
                f"{list(_KERNELS)}; got kernel={kernel!r}, "
                f"kernel_params={transformer.kernel_params!r}."
            )
        own = kernel_names(kernel)
        self.names = tuple(name for name in own if getattr(transformer, name) is not None)
        unset = [name for name in own if name not in self.names]
        if unset:
            self.why_not = f"Nystroem: {' and '.join(unset)} is None: set a number to start from."

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        N, B = np.asarray(self.fitted.normalization_, float), as_dense(self.fitted.components_)
        defaults = {"gamma": 1.0 / B.shape[1], "coef0": 1.0, "degree": 3}
        given = {name: getattr(self.fitted, name) for name in defaults}
        settings = {k: defaults[k] if v is None else v for k, v in given.items()}
        total: Gradient = dict.fromkeys(self.names, 0.0)
        d: list[Side] = [None, None]
        dN, dB = np.zeros_like(N), np.zeros_like(B)

        def through_kernel(K: Gram, dK: np.ndarray) -> tuple[Any, Any]:
            gradient, dX, dB = K.back(dK, "XY" if inputs else "")
            for name in self.names:
                total[name] += gradient[name]
            return dX, dB if inputs else 0.0

        for side, X, dZ in self.sides(dZ_train, dZ_test):
            K = gram(self.fitted.kernel, Pair(X, B), **settings)
            dN += dZ.T @ K.K
            d[side], dB_side = through_kernel(K, dZ @ N)
            dB += dB_side
        C = gram(self.fitted.kernel, Pair(B), **settings)
        first, second = through_kernel(C, _inverse_root_pull_back(C.K, dN))
        if not inputs:
            return total, None, None
        dX = np.zeros(self.X_train.shape) if d[0] is None else d[0]
        dX[self.fitted.component_indices_] += dB + first + second
        return total, dX, d[1]


def _inverse_root_pull_back(C: np.ndarray, dN: np.ndarray) -> np.ndarray:
    """Pull-back of ``∂L/∂N`` to ``∂L/∂C``, both (q, q).

    With ``C = V Λ Vᵀ``, ``N = V f(Λ) Vᵀ`` where ``f(λ) = sign(λ) / √max(|λ|, clip)``, as in
    scikit-learn's SVD, also for indefinite kernels. Then ``dL/dC = V (F ∘ Vᵀ dN V) Vᵀ`` with F
    the divided differences of f (Daleckii and Krein).
    """
    values, V = linalg.eigh((C + C.T) / 2)
    clipped = np.abs(values) <= _CLIP
    root = np.sqrt(np.maximum(np.abs(values), _CLIP))
    f = np.where(clipped, 1.0, np.sign(values)) / root
    gap = values[:, None] - values
    alike = (~clipped[:, None] & ~clipped) & (np.sign(values)[:, None] == np.sign(values))
    safe = np.where(gap == 0, 1.0, gap)
    F = np.where(clipped[:, None] & clipped, 0.0, (f[:, None] - f) / safe)
    # Without cancellation: (1/√a - 1/√b) / (a - b) = -1 / (√a √b (√a + √b)).
    F = np.where(alike, -1 / (root[:, None] * root * (root[:, None] + root)), F)
    return V @ (F * (V.T @ ((dN + dN.T) / 2) @ V)) @ V.T


# ---- random Fourier features


@transformer_vjp.register(RBFSampler)
class RBFSamplerMap(LeafTransformer):
    """RBFSampler for `gamma`: ``Z = √(2/q) cos(X W + b)``, with W proportional to √gamma."""

    inherits = ("fit", "transform", "fit_transform")

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        self._scaled = transformer.gamma == "scale"
        self.names = () if self._scaled else ("gamma",)
        if self._scaled:
            self.why_not = "RBFSampler: gamma='scale' is not a number: set a number."

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        W, b = self.fitted.random_weights_, self.fitted.random_offset_
        d: list[Side] = [None, None]
        by_log_gamma = 0.0
        for side, X, dZ in self.sides(dZ_train, dZ_test):
            A = X @ W
            dA = -np.sqrt(2 / W.shape[1]) * np.sin(A + b) * dZ
            by_log_gamma += float(np.vdot(dA, A)) / 2
            if inputs:
                d[side] = dA @ W.T
        if not self._scaled:
            return {"gamma": by_log_gamma / self.fitted.gamma}, d[0], d[1]
        if inputs:  # gamma = 1 / (p variance)
            X = as_dense(self.X_train)
            variance = X.var()
            by_variance = -by_log_gamma / variance if variance else 0.0
            through = by_variance * 2 * (X - X.mean()) / X.size
            d[0] = through if d[0] is None else d[0] + through
        return {}, d[0], d[1]
