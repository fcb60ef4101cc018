"""Kernel machines with a dual solution ``(A + α) V = B``: cached matrices, predictions, solver.

Notation
--------
n, m, p, T : number of training samples, of samples to predict, of features, of targets
K, K* : kernel matrices, (n, n) and (m, n)
A : symmetric matrix, (n, n);  α : penalty, (T,)
B, V : right sides and solutions, (n, T)
C : dual coefficients, (n, T)
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from skhyper._numeric._data import as_matrix
from skhyper._numeric._shifted import MAX_FACTORS
from skhyper.hypergradient._kernels import Gram, Inputs, Pair, add_inputs
from skhyper.hypergradient._problem import Cotangents, Fold, Output, Want, implicit_vjp
from skhyper.hypergradient._stage import equal_params

_EPS = np.finfo(float).eps


class KernelFold(Fold):
    """Training points, and a cache for the last kernel and the last points to predict."""

    def __init__(self, X: Any, noise: bool = False):
        self.train = Pair(X, noise=noise)
        self._test: tuple[Any, Pair] = (None, self.train)
        self._last: tuple[Mapping[str, Any], Any] | None = None

    def to_predict(self, X: Any) -> Pair:
        """Pair of the data to predict and the training data."""
        if self._test[0] is not X:
            self._test = (X, Pair(as_matrix(X), self.train.X))
        return self._test[1]

    def for_kernel(self, params: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """``compute()``, called only if hyperparameters other than `alpha` changed."""
        params = {name: value for name, value in params.items() if name != "alpha"}
        if self._last is None or not equal_params(params, self._last[0]):
            self._last = params, compute()
        return self._last[1]


def dual_output(
    train: Gram,
    test: Gram,
    pair: Pair,
    C: np.ndarray,
    solve: Callable[[np.ndarray], np.ndarray],
    params: Callable[..., dict[str, Any]],
    r: Any = 1.0,
) -> Output:
    """Predictions ``K* C`` with ``C = r V``, for ``G = r K r V + α V - …`` with roots r of weights.

    `pair` are the points to predict and to train on, `solve` solves with ``r K r + α``.
    ``params(gradient)`` and ``params(gradient, u)`` are derivatives by name: from those with
    respect to the kernel's hyperparameters and, through α, from the adjoint u.
    """

    def direct(d_value: np.ndarray, want: Want) -> tuple[Any, Cotangents]:
        gradient, dX, dY = test.back(d_value @ C.T, "XY" if want.data else "")
        return r * (test.K.T @ d_value), Cotangents(params(gradient), dY, like_points(dX, pair.X))

    def cross(u: np.ndarray, want: Want) -> Cotangents:
        gradient, dX, dY = train.back((r * u) @ C.T, "XY" if want.data else "")
        return Cotangents(params(gradient, u), like_points(add_inputs(dX, dY), pair.Y))

    return Output(test.K @ C, implicit_vjp(direct, solve, cross))


def like_points(d_points: Inputs, points: Any) -> np.ndarray | None:
    """A derivative in the shape of the points; 0.0 stands for zeros."""
    return None if d_points is None else np.broadcast_to(d_points, points.shape)


def shifted_factor(A: np.ndarray, alpha: Any) -> np.ndarray:
    """Lower Cholesky factor of ``A + α``."""
    shifted = np.array(A, order="F")
    shifted.flat[:: len(shifted) + 1] += alpha
    return linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)


class DualSystem:
    """Solvers of ``(A + α) V = B`` for many α.

    Factors at first; the `spectrum` (eigenvalues and eigenvectors) once it is cheaper.
    """

    def __init__(self, A: np.ndarray):
        self._A = A
        self._last: DualSolver | None = None
        self._n_factors = 0
        self.spectrum: tuple[np.ndarray, np.ndarray] | None = None

    def at(self, alpha: np.ndarray) -> "DualSolver":
        """Solver for α, one value for each column of B."""
        if self._last is None or not np.array_equal(alpha, self._last.alpha):
            alpha = np.array(alpha)
            factors = {} if self.spectrum is not None else self._factors(np.unique(alpha))
            self._last = DualSolver(self._A, alpha, factors, self.spectrum)
        return self._last

    def _factors(self, alpha: np.ndarray) -> dict[float, np.ndarray]:
        """Cholesky factors by α; none, but a spectrum, if they are too many or do not exist."""
        self._n_factors += len(alpha)
        if self._n_factors <= MAX_FACTORS:
            try:
                return {a: shifted_factor(self._A, a) for a in alpha}
            except np.linalg.LinAlgError:
                pass  # Not positive definite (sigmoid kernel): use eigenvalues.
        self.spectrum = linalg.eigh(self._A, driver="evd")
        return {}


@dataclass(frozen=True)
class DualSolver:
    """Solver of ``(A + α) V = B`` for one α of shape (T,), by factors or by a spectrum."""

    A: np.ndarray
    alpha: np.ndarray
    factors: dict[float, np.ndarray]
    spectrum: tuple[np.ndarray, np.ndarray] | None

    def error(self) -> float:
        """Rounding error of V, relative to leave-one-out residuals ``V / diag((A + α)⁻¹)``."""
        n, lowest = len(self.A), float(self.alpha.min())
        if self.spectrum is not None:
            with np.errstate(divide="ignore"):
                inverse = float(np.abs(1 / (self.spectrum[0] + lowest)).mean())
        else:  # Hutchinson's estimate of the mean eigenvalue, with one vector
            probe = np.random.default_rng(0).choice([-1.0, 1.0], size=n)
            inverse = float((probe * _solve(self.factors[lowest], probe)).mean())
        return float(_EPS * np.sqrt(n) * np.linalg.norm(self.A) * inverse)

    def inverse(self) -> np.ndarray:
        """``(A + α)⁻¹`` for an α that all columns share."""
        if self.spectrum is None:
            return _solve(self.factors[self.alpha[0]], np.eye(len(self.A)))
        values, Q = self.spectrum
        return (Q / (values + self.alpha[0])) @ Q.T

    def solve(self, B: np.ndarray) -> np.ndarray:
        """V, (n, T)."""
        if self.spectrum is None:
            V = np.empty_like(B)
            for a, L in self.factors.items():
                V[:, self.alpha == a] = _solve(L, B[:, self.alpha == a])
            return V
        values, Q = self.spectrum
        shifted = values[:, None] + self.alpha
        singular = np.abs(shifted) <= _EPS * np.abs(shifted).max(axis=0)
        if singular.any():
            warnings.warn(
                "Singular matrix in solving dual problem. Using least-squares solution instead.",
                stacklevel=2,
            )
        inverse = np.where(singular, 0.0, 1 / np.where(singular, 1.0, shifted))
        return Q @ (inverse * (Q.T @ B))


def _solve(L: np.ndarray, B: np.ndarray) -> np.ndarray:
    return linalg.cho_solve((L, True), B, check_finite=False)
