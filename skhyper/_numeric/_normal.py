"""Ridge regression with one penalty per feature, by a method chosen by shape and condition.

With no more features than samples ``H = Xcᵀ Xc + Λ`` is factorized. Otherwise the problem is
brought to *standard form*: features without a penalty, E, are projected out, the others divided
by the square roots of their penalties, ``Z = (1 - N Nᵀ) X Λ^-½``, and ``M = 1 + Z Zᵀ`` is
factorized. If either matrix is ill-conditioned, orthogonal factors of Z are used instead.

Notation
--------
n, p, K : number of samples, features, right sides
Xc : weighted and centered data, (n, p); see ``_data``
λ : penalties, (p,), not negative
N : orthonormal basis of the columns of E, for M also of the intercept's, (n, e)
Y, W : targets (n, K), solutions (p, K)
V, U : right sides and solutions of ``H U = V``, (p, K)
"""

from typing import NamedTuple, Protocol

import numpy as np
from scipy import linalg

from skhyper._numeric._data import Centered
from skhyper._numeric._iterations import conjugate_gradients
from skhyper._numeric._orthogonal import Orthogonal

# Maximum number of unknowns for a factorization; above, conjugate gradients are faster.
_LARGEST_DENSE = 5000
_LARGEST_SPARSE = 1000
# Maximum number of entries of sparse data, zeros included, that are copied to a dense array.
_LARGEST_COPY = 20_000_000
# Reciprocal condition number, after scaling to unit diagonal, below which Cholesky is not used.
_ILL_CONDITIONED = 1e-7
# Maximum relative rounding error of leave-one-out residuals.
_LEAVE_ONE_OUT_RTOL = 1e-9
# Conjugate gradients: number of restarts; relative change at which restarts end; relative
# residual of the last restarts; relative change that counts as converged.
_RESTARTS = 5
_RESTART_RTOL = 1e-9
_LAST_RTOL = 1e-2
_CONVERGED_RTOL = 1e-8
_EPS = np.finfo(float).eps


class LeaveOneOutParts(NamedTuple):
    """Training residuals R (n, K), ``d = 1 - diag(hat matrix)`` (n,), ``S = H⁻¹ Xcᵀ`` (p, n)."""

    R: np.ndarray
    d: np.ndarray
    S: np.ndarray


class Solver(Protocol):
    """Solver at fixed penalties; ``converged`` is False if iterations did not converge."""

    converged: bool

    def fit(self, Y: np.ndarray) -> np.ndarray:
        """``H⁻¹ Xcᵀ Y``, (p, K); of minimum norm if H is singular."""

    def solve(self, V: np.ndarray) -> np.ndarray:
        """``H⁻¹ V``, (p, K)."""

    def left_out(self, Y: np.ndarray) -> LeaveOneOutParts | None:
        """The parts of leave-one-out in closed form; None if they would be inexact."""


class NormalEquations:
    """Solvers of ``min |Xc W - Y|² + Σ λ_j |W_j|²`` for many λ.

    "primal" factorizes the p x p matrix (all λ share ``Xcᵀ Xc``), "dual" the n x n matrix;
    "iterative" is conjugate gradients. `centered` models have an intercept: columns of Xc are
    orthogonal to the square roots of the weights.
    """

    def __init__(self, data: Centered, centered: bool = True):
        self._data = data
        self._ones = np.sqrt(data.weights / data.weights.sum())[:, None] if centered else None
        self._gram: np.ndarray | None = None

    def method(self, penalties: np.ndarray) -> str:
        """The method for λ: "primal", "dual" or "iterative"."""
        n, p = self._data.shape
        if self._data.dense is None:
            return "primal" if p <= _LARGEST_SPARSE else "iterative"
        n_penalized = np.count_nonzero(penalties)
        # With n features without a penalty the training data are interpolated.
        if n_penalized > 1.5 * n and p - n_penalized < n <= _LARGEST_DENSE:
            return "dual"
        return "primal" if p <= _LARGEST_DENSE else "iterative"

    def factorize(self, penalties: np.ndarray) -> Solver:
        """The solver at λ."""
        data, method = self._data, self.method(penalties)
        if method == "primal":
            H = self._primal(penalties)
            if H.rcond >= _ILL_CONDITIONED * data.cancellation():
                return _Primal(data, H, self._ones)
        if method == "iterative" or (data.dense is None and np.prod(data.shape) > _LARGEST_COPY):
            return _Iterative(data, penalties)
        Xc = data.columns(np.arange(data.shape[1])) if data.dense is None else data.dense
        return _Standard(Xc, penalties, self._ones, method == "dual")

    def _primal(self, penalties: np.ndarray) -> "Cholesky":
        if self._gram is None:
            self._gram = self._data.gram(primal=True)
        H = self._gram.copy()
        H[np.diag_indices_from(H)] += penalties
        return Cholesky(H)


class Cholesky:
    """Cholesky factor of a positive definite H (q, q), and the condition of the scaled matrix.

    Rounding in a Cholesky factorization does not depend on the scale of unknowns, so the condition
    number that matters is the one with unit diagonal: `rcond` is its reciprocal in the 1-norm, 0 if
    H is singular. `lengths` (q, 1) are the square roots of the diagonal.
    """

    def __init__(self, H: np.ndarray):
        diagonal = np.diag(H)
        self.lengths = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))[:, None]
        norm = (np.abs(H) @ (1 / self.lengths) / self.lengths).max(initial=0.0)
        self.rcond = 1.0
        try:
            # The transpose is in Fortran order, so the symmetric H is not copied.
            self._factor = linalg.cho_factor(H.T, overwrite_a=True, check_finite=False)
        except linalg.LinAlgError:
            self.rcond = 0.0
        if self.rcond and len(H):
            scaled = self._factor[0] / self.lengths.T
            self.rcond = float(linalg.lapack.dpocon(scaled, norm)[0])

    def solve(self, V: np.ndarray) -> np.ndarray:
        """``H⁻¹ V`` for V of shape (q, K)."""
        return linalg.cho_solve(self._factor, V, check_finite=False)


class _Primal:
    converged = True

    def __init__(self, data: Centered, H: Cholesky, ones: np.ndarray | None):
        self._data, self._H, self._ones = data, H, ones
        self.solve = H.solve

    def fit(self, Y: np.ndarray) -> np.ndarray:
        return self._H.solve(self._data.adjoint(Y))

    def left_out(self, Y: np.ndarray) -> LeaveOneOutParts | None:
        data = self._data
        if data.dense is None:
            return None
        S = self._H.solve(data.dense.T)
        R = Y - data.dense @ self.fit(Y)
        d = 1 - np.einsum("ij,ji->i", data.dense, S)
        if self._ones is not None:
            d -= self._ones[:, 0] ** 2
        share = _relative_size(R / d[:, None], Y)
        accurate = _EPS / self._H.rcond < _LEAVE_ONE_OUT_RTOL * d.min() * share
        return LeaveOneOutParts(R, d, S) if accurate else None


def _relative_size(R: np.ndarray, Y: np.ndarray) -> float:
    """Norm of the residuals relative to that of the targets, at most 1."""
    sizes = np.linalg.norm(R, axis=0), np.linalg.norm(Y, axis=0)
    return float(np.minimum(sizes[0] / np.where(sizes[1] > 0, sizes[1], 1.0), 1.0).min())


class _Standard:
    """Solver in standard form: a Cholesky factor of M, or orthogonal factors of Z."""

    converged = True

    def __init__(self, Xc: np.ndarray, penalties: np.ndarray, ones: np.ndarray | None, dual: bool):
        free = penalties == 0
        self._penalized, self._free = np.flatnonzero(~free), np.flatnonzero(free)
        self._X = Xc[:, ~free] if free.any() else Xc
        self._E = Xc[:, free] if free.any() else None
        self._roots = np.sqrt(penalties[~free])[:, None]
        self._free_system = None if self._E is None else Orthogonal(self._E)
        self._Z = self._without_free(self._X / self._roots.T)
        self._orthogonal: Orthogonal | None = None
        if dual:
            bases = [] if ones is None else [ones]
            bases += [] if self._free_system is None else [self._free_system.range]
            M = self._Z @ self._Z.T
            # Along N, where Z is 0, M would be 1; use a number of the size of its other entries.
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
        v, v_free = V[self._penalized], V[self._free]
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
        return U + rest - Z.T @ self._M.solve(Z @ rest)  # one step of iterative refinement

    def left_out(self, Y: np.ndarray) -> LeaveOneOutParts | None:
        if self._orthogonal is not None or self._free_system is not None:
            return None
        inverse = self._M.solve(np.eye(len(Y))) - self._N @ self._N.T / (1 + self._size)
        S = self._Z.T @ inverse / self._roots
        return LeaveOneOutParts(inverse @ Y, np.diag(inverse), S)

    def _without_free(self, A: np.ndarray) -> np.ndarray:
        if self._free_system is None:
            return A
        N = self._free_system.range
        return A - N @ (N.T @ A)

    def _joined(self, penalized: np.ndarray, free: np.ndarray) -> np.ndarray:
        W = np.empty((len(penalized) + len(free), penalized.shape[1]))
        W[self._penalized], W[self._free] = penalized, free
        return W


class _Iterative:
    def __init__(self, data: Centered, penalties: np.ndarray):
        self._data, self._penalties = data, penalties[:, None]
        self._squares = data.squared_norms()[:, None]
        self.converged = True

    def fit(self, Y: np.ndarray) -> np.ndarray:
        return self.solve(self._data.adjoint(Y))

    def solve(self, V: np.ndarray) -> np.ndarray:
        penalties = np.broadcast_to(self._penalties, V.shape)
        U, change = converged_solver(self._data, penalties, V, self._squares)
        self.converged = self.converged and change <= _CONVERGED_RTOL
        return U

    def left_out(self, Y: np.ndarray) -> LeaveOneOutParts | None:
        return None


def converged_solver(
    data: Centered, penalties: np.ndarray, V: np.ndarray, squares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """``(Xcᵀ Xc + Λ)⁻¹ V`` by restarted conjugate gradients, for penalties (p, K).

    `squares` (p, 1) are the squared lengths of the columns of Xc, for a diagonal preconditioner.
    With None and V in the row space of Xc, iterates stay in that space, which takes fewer
    iterations for equal penalties and p > n. Also returns the largest relative length of a last
    correction, an estimate of the error before it.
    """
    diagonal = np.ones(V.shape) if squares is None else squares + penalties
    solved = [_refined(data, *column) for column in zip(penalties.T, diagonal.T, V.T)]
    U = np.column_stack([u for u, _ in solved])
    return U, max((change for _, change in solved), default=0.0)


def _refined(
    data: Centered, penalties: np.ndarray, diagonal: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, float]:
    def product(w: np.ndarray) -> np.ndarray:
        return data.adjoint(data.apply(w[:, None]))[:, 0] + penalties * w

    root, target = np.sqrt(diagonal), np.linalg.norm(v)
    u = conjugate_gradients(product, v, diagonal=diagonal)
    change = np.inf
    for _ in range(_RESTARTS):
        rest = v - product(u)
        # Once the residual is small, a rough solution is enough to estimate the error.
        rtol = _LAST_RTOL if np.linalg.norm(rest) <= _RESTART_RTOL * target else _RESTART_RTOL
        du = conjugate_gradients(product, rest, diagonal=diagonal, rtol=rtol)
        last, size = change, np.linalg.norm(root * (u + du))
        change = float(np.linalg.norm(root * du) / size) if size > 0 else 0.0
        if not change < last:  # no better: rounding error
            break
        u = u + du
        if change <= _RESTART_RTOL:
            break
    return u, change
