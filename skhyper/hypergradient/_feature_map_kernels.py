"""Kernel approximations: Nystroem and random Fourier features.

Notation
--------
n, m, p, q : number of training samples, test samples, features, components
B : basis, rows of the training data, (q, p)
C = k(B, B), (q, q);  K = k(X, B), (n, q) or (m, q)
N : inverse square root of C;  Z = K Nᵀ
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.metrics.pairwise import euclidean_distances, pairwise_kernels

from skhyper.hypergradient._feature_map import LeafMap, Pulled, as_dense, feature_map
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
)

__all__ = ["NystroemMap", "RBFSamplerMap", "kernel_pull_back"]

# Hyperparameters of each kernel that can be differentiated.
_KERNELS = {
    "rbf": ("gamma",),
    "poly": ("gamma", "coef0"),
    "polynomial": ("gamma", "coef0"),
    "sigmoid": ("gamma", "coef0"),
    "linear": (),
}
# Where scikit-learn clips the singular values of C.
_CLIP = 1e-12


# ---- kernels: each from dK to (gradient, dX, dB)


def _rbf(X: np.ndarray, B: np.ndarray, dK: np.ndarray, gamma: float) -> Pulled:
    D = euclidean_distances(X, B, squared=True)
    M = dK * np.exp(-gamma * D)
    dX = 2 * gamma * (M @ B - M.sum(axis=1)[:, None] * X)
    dB = 2 * gamma * (M.T @ X - M.sum(axis=0)[:, None] * B)
    return {"gamma": -float(np.vdot(M, D))}, dX, dB


def _poly(
    X: np.ndarray, B: np.ndarray, dK: np.ndarray, gamma: float, coef0: float, degree: float
) -> Pulled:
    S = X @ B.T
    P = dK * degree * (gamma * S + coef0) ** (degree - 1)
    gradient = {"gamma": float(np.vdot(P, S)), "coef0": float(P.sum())}
    return gradient, gamma * (P @ B), gamma * (P.T @ X)


def _sigmoid(X: np.ndarray, B: np.ndarray, dK: np.ndarray, gamma: float, coef0: float) -> Pulled:
    S = X @ B.T
    P = dK / np.cosh(gamma * S + coef0) ** 2
    gradient = {"gamma": float(np.vdot(P, S)), "coef0": float(P.sum())}
    return gradient, gamma * (P @ B), gamma * (P.T @ X)


def _linear(X: np.ndarray, B: np.ndarray, dK: np.ndarray) -> Pulled:
    return {}, dK @ B, dK.T @ X


def kernel_pull_back(
    kernel: str, X: np.ndarray, B: np.ndarray, dK: np.ndarray, **params: float
) -> Pulled:
    """From ``∂L/∂K`` with ``K = k(X, B)`` to derivatives by hyperparameters, X and B.

    Parameters
    ----------
    kernel : {"rbf", "poly", "polynomial", "sigmoid", "linear"}
    X, B : ndarray of shape (n, p), (q, p)
    dK : ndarray of shape (n, q)
    **params : float
        `gamma`, `coef0`, `degree`, as far as the kernel has them.
    """
    functions = {"rbf": _rbf, "sigmoid": _sigmoid, "linear": _linear}
    return functions.get(kernel, _poly)(X, B, dK, **params)


# ---- Nystroem


@feature_map.register(Nystroem)
class NystroemMap(LeafMap):
    """Nystroem by `gamma` and `coef0`, where they are numbers."""

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

    def pull_back(
        self,
        dZ_train: np.ndarray | None,
        dZ_test: np.ndarray | None,
        names: Collection[str],
        inputs: bool,
    ) -> Pulled:
        N, B = np.asarray(self.fitted.normalization_, float), as_dense(self.fitted.components_)
        params = self._kernel_params(B.shape[1])
        total: Gradient = dict.fromkeys(self.names, 0.0)
        d: list[np.ndarray | None] = [None, None]
        dN, dB = np.zeros_like(N), np.zeros_like(B)

        def through_kernel(X: np.ndarray, dK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            gradient, dX, dB = kernel_pull_back(self.fitted.kernel, X, B, dK, **params)
            for name in self.names:
                total[name] += gradient[name]
            return dX, dB

        for side, X, dZ in self.sides(dZ_train, dZ_test):
            dN += dZ.T @ self._kernel(X, B, params)
            d[side], dB_side = through_kernel(X, dZ @ N)
            dB += dB_side
        C = self._kernel(B, None, params)
        first, second = through_kernel(B, _inverse_root_pull_back(C, dN))
        if not inputs:
            return total, None, None
        if d[0] is None:
            d[0] = np.zeros(self.X_train.shape)
        np.add.at(d[0], self.fitted.component_indices_, dB + first + second)
        return total, d[0], d[1]

    def _kernel(self, X: np.ndarray, Y: np.ndarray | None, params: dict) -> np.ndarray:
        return pairwise_kernels(X, Y, metric=self.fitted.kernel, **params)

    def _kernel_params(self, p: int) -> dict[str, float]:
        """What scikit-learn's kernel functions take, their defaults filled in."""
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
    """From ``∂L/∂N`` to ``∂L/∂C``, both (q, q).

    With ``C = V Λ Vᵀ``, ``N = V f(Λ) Vᵀ`` where ``f(λ) = sign(λ) / √max(|λ|, clip)``: what
    scikit-learn's SVD gives, indefinite kernels included. Then ``dL/dC = V (F ∘ Vᵀ dN V) Vᵀ``
    with F the divided differences of f (Daleckii and Krein).
    """
    values, V = linalg.eigh((C + C.T) / 2)
    clipped = np.abs(values) <= _CLIP
    root = np.sqrt(np.maximum(np.abs(values), _CLIP))
    f = np.where(clipped, 1.0, np.sign(values)) / root
    gap = values[:, None] - values
    alike = (~clipped[:, None] & ~clipped) & (np.sign(values)[:, None] == np.sign(values))
    safe = np.where(gap == 0, 1.0, gap)
    F = np.where(clipped[:, None] & clipped, 0.0, (f[:, None] - f) / safe)
    # The same without cancellation: (1/√a - 1/√b) / (a - b) = -1 / (√a √b (√a + √b)).
    F = np.where(alike, -1 / (root[:, None] * root * (root[:, None] + root)), F)
    return V @ (F * (V.T @ ((dN + dN.T) / 2) @ V)) @ V.T


# ---- random Fourier features


@feature_map.register(RBFSampler)
class RBFSamplerMap(LeafMap):
    """RBFSampler by `gamma`: ``Z = √(2/q) cos(X W + b)``, W in proportion to √gamma."""

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        check_not_overridden(transformer, RBFSampler, "fit", "transform", "fit_transform")
        self._scaled = transformer.gamma == "scale"
        self.names = () if self._scaled else ("gamma",)
        if self._scaled:
            self.why_not = "RBFSampler: gamma='scale' is no number: set one to begin with."

    def pull_back(
        self,
        dZ_train: np.ndarray | None,
        dZ_test: np.ndarray | None,
        names: Collection[str],
        inputs: bool,
    ) -> Pulled:
        W, b = self.fitted.random_weights_, self.fitted.random_offset_
        X_train = as_dense(self.X_train)
        variance = X_train.var()
        gamma = self.fitted.gamma
        if self._scaled:
            gamma = 1.0 / (W.shape[0] * variance) if variance != 0 else 1.0
        d: list[np.ndarray | None] = [None, None]
        d_gamma = 0.0
        for side, X, dZ in self.sides(dZ_train, dZ_test):
            A = X @ W
            dA = -np.sqrt(2 / W.shape[1]) * np.sin(A + b) * dZ
            d_gamma += float(np.vdot(dA, A)) / (2 * gamma)
            d[side] = dA @ W.T
        if inputs and self._scaled and variance != 0:
            by_variance = -d_gamma * gamma / variance
            through = by_variance * 2 * (X_train - X_train.mean()) / X_train.size
            d[0] = through if d[0] is None else d[0] + through
        return ({} if self._scaled else {"gamma": d_gamma}), d[0], d[1]
