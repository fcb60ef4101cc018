"""Scalers and elementwise functions, which pass on derivatives to earlier steps.

Their statistics depend on the training data, and so on the hyperparameters of earlier steps.

Notation
--------
n, p : number of training samples, of features
μ, s, v : mean, scale and variance of the training data, (p,)
a : sample weights, summing to 1, (n,)
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)

from skhyper._numeric._data import as_weights
from skhyper.hypergradient._elementwise import known_slope
from skhyper.hypergradient._problem import NotDifferentiableError
from skhyper.hypergradient._transformer import (
    LeafTransformer,
    Names,
    Pulled,
    Side,
    as_dense,
    transformer_vjp,
)


class ScalerMap(LeafTransformer):
    """Base class of transformers without differentiable hyperparameters.

    Subclasses define the derivatives of a row and of the statistics.
    """

    repeats = True
    inherits = ("fit", "transform", "fit_transform")

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        if not inputs:
            return {}, None, None
        d: list[Side] = [None, None]
        statistics = np.zeros(())
        for side, X, dZ in self.sides(dZ_train, dZ_test):
            d[side], by_statistics = self.rows(X, dZ)
            statistics = statistics + by_statistics
        through = self.learned(as_dense(self.X_train), statistics) if statistics.any() else None
        if through is not None:
            d[0] = through if d[0] is None else d[0] + through
        return {}, d[0], d[1]

    @abstractmethod
    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, Any]:
        """``∂L/∂X`` at fixed statistics, and ``∂L/∂statistics``, 0 where there are none."""

    def learned(self, X: np.ndarray, d_statistics: np.ndarray) -> np.ndarray:
        """Pull-back of ``∂L/∂statistics`` to the training data: ``∂L/∂X``."""
        raise AssertionError("has no statistics")


@transformer_vjp.register(StandardScaler)
class StandardScalerMap(ScalerMap):
    """``Z = (X - μ) / s``; statistics: μ and v = s²."""

    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        t = self.fitted
        s = t.scale_ if t.with_std else np.ones(X.shape[1])
        mean = t.mean_ if t.with_mean else np.zeros(X.shape[1])
        d_mean = -(dZ / s).sum(axis=0) * t.with_mean
        d_variance = -(dZ * (X - mean)).sum(axis=0) / (2 * s**3) * t.with_std
        return dZ / s, np.array([d_mean, d_variance])

    def learned(self, X: np.ndarray, d_statistics: np.ndarray) -> np.ndarray:
        a = np.asarray(as_weights(self.fit_params.get("sample_weight"), len(X)))
        a = a / a.sum()
        mean = a @ X
        centered = X - mean
        v, unit = a @ centered**2, len(X) * np.finfo(float).eps
        # A feature that is constant up to rounding has scale 1, as in scikit-learn.
        varies = v > unit * v + (unit * mean) ** 2
        d_mean, d_variance = d_statistics
        return a[:, None] * (d_mean + 2 * centered * np.where(varies, d_variance, 0))


@transformer_vjp.register(MinMaxScaler)
class MinMaxScalerMap(ScalerMap):
    """``Z = low + (X - min) (high - low) / (max - min)``; statistics: min and max."""

    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        t = self.fitted
        if t.clip:
            Z = X * t.scale_ + t.min_
            dZ = dZ * ((t.feature_range[0] <= Z) & (t.feature_range[1] >= Z))
        width = t.feature_range[1] - t.feature_range[0]
        constant = t.data_range_ * t.scale_ < width / 2  # scikit-learn sets its range to 1
        slope = (dZ * (X - t.data_min_)).sum(axis=0) * t.scale_**2 / width
        slope = np.where(constant, 0.0, slope)
        d_min = -dZ.sum(axis=0) * t.scale_ + slope
        return dZ * t.scale_, np.array([d_min, -slope])

    def learned(self, X: np.ndarray, d_statistics: np.ndarray) -> np.ndarray:
        dX, columns = np.zeros(X.shape), np.arange(X.shape[1])
        dX[X.argmin(axis=0), columns] += d_statistics[0]
        dX[X.argmax(axis=0), columns] += d_statistics[1]
        return dX


@transformer_vjp.register(MaxAbsScaler)
class MaxAbsScalerMap(ScalerMap):
    """``Z = X / max|X|``; statistic: the maximum."""

    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s = self.fitted.scale_
        if getattr(self.fitted, "clip", False):  # since scikit-learn 1.9
            dZ = dZ * (np.abs(X) <= s)
        return dZ / s, -(dZ * X).sum(axis=0) / s**2

    def learned(self, X: np.ndarray, d_statistics: np.ndarray) -> np.ndarray:
        dX, columns = np.zeros(X.shape), np.arange(X.shape[1])
        largest = np.abs(X).argmax(axis=0)
        dX[largest, columns] = np.sign(X[largest, columns]) * d_statistics
        return dX


@transformer_vjp.register(Normalizer)
class NormalizerMap(ScalerMap):
    """``Z = X / |X|``, with the l1, l2 or max norm of each row."""

    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, Any]:
        if self.fitted.norm == "l2":
            length = np.sqrt((X * X).sum(axis=1, keepdims=True))
            slope = X / np.where(length > 0, length, 1)
        elif self.fitted.norm == "l1":
            length, slope = np.abs(X).sum(axis=1, keepdims=True), np.sign(X)
        else:
            length = np.abs(X).max(axis=1, keepdims=True)
            slope = np.zeros(X.shape)
            rows, largest = np.arange(len(X)), np.abs(X).argmax(axis=1)
            slope[rows, largest] = np.sign(X[rows, largest])
        length = np.where(length > 0, length, 1)
        return (dZ - slope * (dZ * X).sum(axis=1, keepdims=True) / length) / length, 0.0


@transformer_vjp.register(FunctionTransformer)
class FunctionTransformerMap(ScalerMap):
    """FunctionTransformer with a known elementwise function."""

    def __init__(self, transformer: Any):
        super().__init__(transformer)
        if known_slope(transformer.func) is None or transformer.kw_args:
            raise NotDifferentiableError(
                f"The derivative of FunctionTransformer(func={transformer.func!r}) is not known: "
                "use a numpy function such as np.log1p, without kw_args, or register a "
                "VJP for a transformer of your own."
            )

    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, Any]:
        slope = known_slope(self.fitted.func)
        assert slope is not None  # checked at construction
        return dZ * slope(X), 0.0


@transformer_vjp.register(PolynomialFeatures)
class PolynomialFeaturesMap(ScalerMap):
    """Monomials: ``Z_k = Π_j X_j^P_kj``."""

    def rows(self, X: np.ndarray, dZ: np.ndarray) -> tuple[np.ndarray, Any]:
        dX = np.zeros(X.shape)
        for k, powers in enumerate(self.fitted.powers_):
            used = np.flatnonzero(powers)
            for j in used:
                rest = powers[used] - (used == j)
                dX[:, j] += powers[j] * dZ[:, k] * np.prod(X[:, used] ** rest, axis=1)
        return dX, 0.0
