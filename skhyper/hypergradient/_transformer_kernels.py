"""Kernel approximations: Nystroem and random Fourier features.

Notation
--------
n, m, p, q : number of training samples, test samples, features, components
B : basis, rows of the training data, (q, p)
C = k(B, B), (q, q);  K = k(X, B), (n, q) or (m, q)
N : inverse square root of C;  Z = K Nᵀ
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.metrics.pairwise import pairwise_kernels

from skhyper.hypergradient._problem import Gradient, NotDifferentiableError, check_not_overridden
from skhyper.hypergradient._transformer import (
    LeafTransformer,
    Names,
    Pulled,
    Side,
    as_dense,
    transformer_vjp,
)

__all__ = ["NystroemMap", "RBFSamplerMap", "kernel_pull_back"]

# Differentiable hyperparameters of each kernel.
_KERNELS = {
    "rbf": ("gamma",),
    "poly": ("gamma", "coef0"),
    "polynomial": ("gamma", "coef0"),
    "sigmoid": ("gamma", "coef0"),
    "linear": (),
}
# Lower bound that scikit-learn clips the singular values of C at.
_CLIP = 1e-12


# ---- kernels: each maps K and dK to (gradient, dX, dB)


def _rbf(X: np.ndarray, B: np.ndarray, K: np.ndarray, dK: np.ndarray, gamma: float) -> Pulled:
    centre = B.mean(axis=0)  # limits cancellation in |x|² + |b|² - 2 xᵀb below
    X, B = X - centre, B - centre
    M = dK * K
    MB, rows, columns = M @ B, M.sum(axis=1), M.sum(axis=0)
    # Σ M ∘ D of squared distances D, without forming them
    spread = rows @ (X * X).sum(axis=1) + columns @ (B * B).sum(axis=1) - 2 * np.vdot(MB, X)
    dX = 2 * gamma * (MB - rows[:, None] * X)
    dB = 2 * gamma * (M.T @ X - columns[:, None] * B)
    return {"gamma": -float(spread)}, dX, dB


def _product(P: np.ndarray, X: np.ndarray, B: np.ndarray, gamma: float) -> Pulled:
    """Pull-back of kernels of ``γ X Bᵀ + c``, with P the derivative with respect to that."""
    PB = P @ B
    gradient = {"gamma": float(np.vdot(PB, X)), "coef0": float(P.sum())}
    return gradient, gamma * PB, gamma * (P.T @ X)


def _poly(
    X: np.ndarray,
    B: np.ndarray,
    K: np.ndarray,
    dK: np.ndarray,
    gamma: float,
    coef0: float,
    degree: float,
) -> Pulled:
    return _product(dK * degree * (gamma * (X @ B.T) + coef0) ** (degree - 1), X, B, gamma)


def _sigmoid(
    X: np.ndarray, B: np.ndarray, K: np.ndarray, dK: np.ndarray, gamma: float, coef0: float
) -> Pulled:
    return _product(dK * (1 - K * K), X, B, gamma)


def _linear(X: np.ndarray, B: np.ndarray, K: np.ndarray, dK: np.ndarray) -> Pulled:
    return _product(dK, X, B, 1.0)


_PULL_BACKS: dict[str, Callable[..., Any]] = {
    "rbf": _rbf,
    "poly": _poly,
    "polynomial": _poly,
    "sigmoid": _sigmoid,
    "linear": _linear,
}


def kernel_pull_back(
    kernel: str, X: np.ndarray, B: np.ndarray, K: np.ndarray, dK: np.ndarray, **params: float
) -> Pulled:
    """Pull-back of ``∂L/∂K`` with ``K = k(X, B)`` to hyperparameters, X and B.

    Parameters
    ----------
    kernel : {"rbf", "poly", "polynomial", "sigmoid", "linear"}
    X, B : ndarray of shape (n, p), (q, p)
    K, dK : ndarray of shape (n, q)
    **params : float
        Those of `gamma`, `coef0`, `degree` that the kernel has.

    Returns
    -------
    gradient : dict
    dX, dB : ndarray of shape (n, p), (q, p)
    """
    return _PULL_BACKS[kernel](X, B, K, dK, **params)


# ---- Nystroem


@transformer_vjp.register(Nystroem)
class NystroemMap(LeafTransformer):
    """Nystroem, with respect to `gamma` and `coef0`, where they are numbers."""

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        check_not_overridden(transformer, Nystroem, "fit", "transform", "fit_transform")
        kernel = transformer.kernel
        if callable(kernel) or kernel not in _KERNELS or transformer.kernel_params is not None:
            raise NotDifferentiableError(
                f"Nystroem has a derivative with kernel_params=None and a kernel of "
                f"{sorted(_KERNELS)}; got kernel={kernel!r}, "
                f"kernel_params={transformer.kernel_params!r}."
            )
        own = _KERNELS[kernel]
        self.names = tuple(name for name in own if getattr(transformer, name) is not None)
        unset = [name for name in own if name not in self.names]
        if unset:
            self.why_not = f"Nystroem: {' and '.join(unset)} is None: set a number to begin with."

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        N, B = np.asarray(self.fitted.normalization_, float), as_dense(self.fitted.components_)
        params = self._kernel_params(B.shape[1])
        total: Gradient = dict.fromkeys(self.names, 0.0)
        d: list[Side] = [None, None]
        dN, dB = np.zeros_like(N), np.zeros_like(B)

        def through_kernel(X: np.ndarray, K: np.ndarray, dK: np.ndarray) -> tuple[Any, Any]:
            gradient, dX, dB = kernel_pull_back(self.fitted.kernel, X, B, K, dK, **params)
            for name in self.names:
                total[name] += gradient[name]
            return dX, dB

        for side, X, dZ in self.sides(dZ_train, dZ_test):
            K = self._kernel(X, B, params)
            dN += dZ.T @ K
            d[side], dB_side = through_kernel(X, K, dZ @ N)
            dB += dB_side
        C = self._kernel(B, None, params)
        first, second = through_kernel(B, C, _inverse_root_pull_back(C, dN))
        if not inputs:
            return total, None, None
        dX = np.zeros(self.X_train.shape) if d[0] is None else d[0]
        dX[self.fitted.component_indices_] += dB + first + second
        return total, dX, d[1]

    def _kernel(self, X: np.ndarray, Y: np.ndarray | None, params: dict) -> np.ndarray:
        return pairwise_kernels(X, Y, metric=self.fitted.kernel, **params)

    def _kernel_params(self, p: int) -> dict[str, float]:
        """Arguments of scikit-learn's kernel functions, with their defaults."""
        t = self.fitted
        params: dict[str, float] = {}
        if t.kernel != "linear":
            params["gamma"] = 1.0 / p if t.gamma is None else t.gamma
        if t.kernel in ("poly", "polynomial", "sigmoid"):
            params["coef0"] = 1.0 if t.coef0 is None else t.coef0
        if t.kernel in ("poly", "polynomial"):
            params["degree"] = 3 if t.degree is None else t.degree
        return params


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

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        check_not_overridden(transformer, RBFSampler, "fit", "transform", "fit_transform")
        self._scaled = transformer.gamma == "scale"
        self.names = () if self._scaled else ("gamma",)
        if self._scaled:
            self.why_not = "RBFSampler: gamma='scale' is no number: set one to begin with."

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
