"""Ridge regression with a penalty for each feature, by the method that suits shape and condition.

With no more features than samples ``H = Xcᵀ Xc + Λ`` is factorized. Otherwise features are
brought to *standard form*: those without a penalty, E, are projected out, the others divided by
the roots of their penalties, ``Z = (1 - N Nᵀ) X Λ^-½``, so that what is factorized is
``M = 1 + Z Zᵀ``. Where either matrix is ill conditioned, Z has orthogonal factors in its place.

Notation
--------
n, p, K : number of samples, features, right sides
Xc : weighted and centred data, (n, p); see ``_data``
λ : penalties, (p,), not negative
N : orthonormal basis of the columns of E, of the intercept's too for M, (n, e)
Y, W : targets (n, K), solutions (p, K)
V, U : right sides and solutions of ``H U = V``, (p, K)
"""

from typing import NamedTuple, Protocol

import numpy as np
from scipy import linalg

from skhyper._numeric._curvature import conjugate_gradients
from skhyper._numeric._data import Centred
from skhyper._numeric._orthogonal import Orthogonal

__all__ = ["Cholesky", "LeftOutParts", "NormalEquations", "converged_solver"]

# Beyond so many unknowns a factorization takes longer than conjugate gradients.
_LARGEST_DENSE = 5000
_LARGEST_SPARSE = 1000
# Entries of sparse data, zeros included, that may be made dense.
_LARGEST_COPY = 20_000_000
# Reciprocal condition, with a diagonal of ones, below which nothing is solved by Cholesky.
_ILL_CONDITIONED = 1e-7
# Rounding in leave-one-out residuals, relative to these.
_LEFT_OUT_TOLERANCE = 1e-9
# Conjugate gradients: restarts, and the largest change by the last that is convergence.
_RESTARTS = 20
_CONVERGED = 1e-8
_EPS = np.finfo(float).eps


class LeftOutParts(NamedTuple):
    """Residuals R (n, K) and ``d = 1 - h`` (n,), with h the diagonal of the hat matrix.

    S is ``H⁻¹ Xcᵀ``, (p, n).
    """

    R: np.ndarray
    d: np.ndarray
    S: np.ndarray


class Solver(Protocol):
    """Solutions at some penalties; ``converged`` is False where iterations did not end."""

    converged: bool

    def fit(self, Y: np.ndarray) -> np.ndarray:
        """``H⁻¹ Xcᵀ Y``, (p, K); the shortest where H is singular."""

    def solve(self, V: np.ndarray) -> np.ndarray:
        """``H⁻¹ V``, (p, K)."""

    def left_out(self, Y: np.ndarray) -> LeftOutParts | None:
        """What leave-one-out in closed form needs; None where it would be inexact."""


class NormalEquations:
    """Solvers of ``min |Xc W - Y|² + Σ λ_j |W_j|²`` for many λ.

    "primal" factorizes the p x p matrix, of which all λ share ``Xcᵀ Xc``; "dual" one of n x n;
    "iterative" is conjugate gradients.

    Parameters
    ----------
    data : Centred
    centred : bool, default=True
        Whether there is an intercept, so that columns of Xc have no part along the roots of
        the weights.
    """

    def __init__(self, data: Centred, centred: bool = True):
        self._data = data
        self._ones = np.sqrt(data.weights / data.weights.sum())[:, None] if centred else None
        self._gram: np.ndarray | None = None

    def way(self, penalties: np.ndarray) -> str:
        """Which of "primal", "dual" and "iterative" is taken for λ."""
        n, p = self._data.shape
        if self._data.dense is None:
            return "primal" if p <= _LARGEST_SPARSE else "iterative"
        n_penalised = np.count_nonzero(penalties)
        # As many features without a penalty as samples fit everything.
        if n_penalised > 1.5 * n and p - n_penalised < n <= _LARGEST_DENSE:
            return "dual"
        return "primal" if p <= _LARGEST_DENSE else "iterative"

    def factorize(self, penalties: np.ndarray) -> Solver:
        """The solver at λ."""
        data, way = self._data, self.way(penalties)
        if way == "primal":
            H = self._primal(penalties)
            if H.rcond * self._digits_of_gram() >= _ILL_CONDITIONED:
                return _Primal(data, H, self._ones)
        if way == "iterative" or (data.dense is None and np.prod(data.shape) > _LARGEST_COPY):
            return _Iterative(data, penalties)
        Xc = data.columns(np.arange(data.shape[1])) if data.dense is None else data.dense
        return _Standard(Xc, penalties, self._ones, way == "dual")

    def _primal(self, penalties: np.ndarray) -> "Cholesky":
        if self._gram is None:
            self._gram = self._data.gram(primal=True)
        H = self._gram.copy()
        H[np.diag_indices_from(H)] += penalties
        return Cholesky(H)

    def _digits_of_gram(self) -> float:
        """The part of the sums of squares of sparse columns that is left of them centred."""
        data = self._data
        if data.dense is not None or not len(data.mean):
            return 1.0
        centred = data.squared_norms()
        whole = centred + data.weights.sum() * data.mean**2
        return float((centred[whole > 0] / whole[whole > 0]).min(initial=1.0))


class Cholesky:
    """Factors of a positive semidefinite H (q, q), its diagonal scaled to ones.

    Attributes
    ----------
    rcond : float
        Reciprocal condition of the scaled matrix in the 1-norm; 0 if it is singular.
    """

    def __init__(self, H: np.ndarray):
        diagonal = np.diag(H).copy()
        self._scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))[:, None]
        H = self._scale * H * self._scale.T
        norm = np.abs(H).sum(axis=0).max(initial=0.0)
        factor, info = linalg.lapack.dpotrf(H.T, lower=1, overwrite_a=1, clean=0)
        self.rcond = 0.0 if info else 1.0
        if not info and len(H):
            self.rcond = float(linalg.lapack.dpocon(factor, norm, uplo="L")[0])
        self._factor = factor, True

    def solve(self, V: np.ndarray) -> np.ndarray:
        """``H⁻¹ V`` for V of shape (q, K)."""
        return self._scale * linalg.cho_solve(self._factor, self._scale * V, check_finite=False)


class _Primal:
    converged = True

    def __init__(self, data: Centred, H: Cholesky, ones: np.ndarray | None):
        self._data, self._H, self._ones = data, H, ones
        self.solve = H.solve

    def fit(self, Y: np.ndarray) -> np.ndarray:
        return self._H.solve(self._data.adjoint(Y))

    def left_out(self, Y: np.ndarray) -> LeftOutParts | None:
        data = self._data
        if data.dense is None:
            return None
        S = self._H.solve(data.dense.T)
        R = Y - data.dense @ self.fit(Y)
        d = 1 - np.einsum("ij,ji->i", data.dense, S)
        if self._ones is not None:
            d -= self._ones[:, 0] ** 2
        trusted = _EPS / self._H.rcond < _LEFT_OUT_TOLERANCE * d.min() * _share(R / d[:, None], Y)
        return LeftOutParts(R, d, S) if trusted else None


def _share(R: np.ndarray, Y: np.ndarray) -> float:
    """Size of residuals relative to the targets', at most 1."""
    sizes = np.linalg.norm(R, axis=0), np.linalg.norm(Y, axis=0)
    return float(np.minimum(sizes[0] / np.where(sizes[1] > 0, sizes[1], 1.0), 1.0).min())


class _Standard:
    """By the standard form: Cholesky factors of M, or orthogonal factors of Z."""

    converged = True

    def __init__(self, Xc: np.ndarray, penalties: np.ndarray, ones: np.ndarray | None, dual: bool):
        free = penalties == 0
        self._penalised, self._free = np.flatnonzero(~free), np.flatnonzero(free)
        self._X, self._E = (Xc[:, ~free], Xc[:, free]) if free.any() else (Xc, None)
        self._roots = np.sqrt(penalties[~free])[:, None]
        self._free_system = None if self._E is None else Orthogonal(self._E)
        self._Z = self._without_free(self._X / self._roots.T)
        self._orthogonal: Orthogonal | None = None
        if dual:
            bases = [] if ones is None else [ones]
            bases += [] if self._free_system is None else [self._free_system.range]
            M = self._Z @ self._Z.T
            # Along N, where Z has nothing, M would be 1: a number of the size of the others.
            self._N = np.hstack(bases) if bases else np.empty((len(M), 0))
            self._size = max(float(np.trace(M)) / len(M), 1.0)
            M += self._size * (self._N @ self._N.T)
            M[np.diag_indices_from(M)] += 1.0
            self._M = Cholesky(M)
        if not dual or self._M.rcond < _ILL_CONDITIONED:
            self._orthogonal = Orthogonal(self._Z)

    def fit(self, Y: np.ndarray) -> np.ndarray:
        rest = self._without_free(Y)
        if self._orthogonal is not None:
            W = self._orthogonal.fit(rest, 1.0)
        else:
            W = self._Z.T @ self._M.solve(rest)
        W = W / self._roots
        if self._free_system is None:
            return W
        return self._joined(W, self._free_system.fit(Y - self._X @ W, 0.0))

    def solve(self, V: np.ndarray) -> np.ndarray:
        if self._E is None or self._free_system is None:
            return self._ridge_solve(V / self._roots) / self._roots
        v, v_free = V[self._penalised], V[self._free]
        v = v - self._X.T @ (self._E @ self._free_system.solve(v_free, 0.0))
        u = self._ridge_solve(v / self._roots) / self._roots
        u_free = self._free_system.solve(v_free - self._E.T @ (self._X @ u), 0.0)
        return self._joined(u, u_free)

    def _ridge_solve(self, V: np.ndarray) -> np.ndarray:
        """``(Zᵀ Z + 1)⁻¹ V``."""
        if self._orthogonal is not None:
            return self._orthogonal.solve(V, 1.0)
        Z = self._Z
        U = V - Z.T @ self._M.solve(Z @ V)
        rest = V - Z.T @ (Z @ U) - U
        return U + rest - Z.T @ self._M.solve(Z @ rest)  # once more, of what rounding has left

    def left_out(self, Y: np.ndarray) -> LeftOutParts | None:
        if self._orthogonal is not None or self._free_system is not None:
            return None
        inverse = self._M.solve(np.eye(len(Y))) - self._N @ self._N.T / (1 + self._size)
        S = self._Z.T @ inverse / self._roots
        return LeftOutParts(inverse @ Y, np.diag(inverse), S)

    def _without_free(self, A: np.ndarray) -> np.ndarray:
        if self._free_system is None:
            return A
        N = self._free_system.range
        return A - N @ (N.T @ A)

    def _joined(self, penalised: np.ndarray, free: np.ndarray) -> np.ndarray:
        W = np.empty((len(penalised) + len(free), penalised.shape[1]))
        W[self._penalised], W[self._free] = penalised, free
        return W


class _Iterative:
    def __init__(self, data: Centred, penalties: np.ndarray):
        self._data, self._penalties = data, penalties
        self._diagonal = data.squared_norms() + penalties
        self.converged = True

    def fit(self, Y: np.ndarray) -> np.ndarray:
        return self.solve(self._data.adjoint(Y))

    def solve(self, V: np.ndarray) -> np.ndarray:
        U, change = converged_solver(self._data, self._penalties, self._diagonal, V)
        self.converged = self.converged and change <= _CONVERGED
        return U

    def left_out(self, Y: np.ndarray) -> LeftOutParts | None:
        return None


def converged_solver(
    data: Centred, penalties: np.ndarray, diagonal: np.ndarray, V: np.ndarray
) -> tuple[np.ndarray, float]:
    """``(Xcᵀ Xc + Λ)⁻¹ V`` by conjugate gradients, begun again from where they ended.

    Parameters
    ----------
    penalties : ndarray of shape (p,) or (p, K)
    diagonal : ndarray of shape (p,) or (p, K)
        That of the matrix, which preconditions it.

    Returns
    -------
    U : ndarray of shape (p, K)
    change : float
        Relative length of the last correction, at most: an estimate of the error before it.
    """
    penalties = np.broadcast_to(penalties.T, V.T.shape)
    diagonal = np.broadcast_to(diagonal.T, V.T.shape)
    solved = [_refined(data, *column) for column in zip(penalties, diagonal, V.T)]
    U = np.column_stack([u for u, _ in solved])
    return U, max((change for _, change in solved), default=0.0)


def _refined(
    data: Centred, penalties: np.ndarray, diagonal: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, float]:
    def product(w: np.ndarray) -> np.ndarray:
        return data.adjoint(data.apply(w[:, None]))[:, 0] + penalties * w

    root = np.sqrt(diagonal)
    u = conjugate_gradients(product, v, diagonal=diagonal)
    change = np.inf
    for _ in range(_RESTARTS):
        rest = v - product(u)
        du = conjugate_gradients(product, rest, diagonal=diagonal)
        last, size = change, np.linalg.norm(root * (u + du))
        change = float(np.linalg.norm(root * du) / size) if size > 0 else 0.0
        if not change < last:  # rounding has the rest
            break
        u = u + du
        if change <= _EPS**0.75:
            break
    return u, change
