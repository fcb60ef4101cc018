"""The squared loss of a linear model restricted to few features, in a format chosen by the data.

Each feature is scaled by a power of two, its *unit*, to a length between 1/2 and 1. This is free of
rounding errors, and makes all thresholds here and in ``_pivoting`` independent of the units of the
features.

Notation
--------
n, p : number of samples, features;  A : sum of the sample weights
Z : ``Xc diag(unit) / √A``, (n, p); see ``_data`` for Xc
G, c : ``Zᵀ Z`` and ``Zᵀ yc / √A``, (p, p), (p,)
S : support, indices of features, (s,);  w : their coefficients, (s,);  λ : l2 penalties
C : correlations ``c - G w``, (p,)
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from skhyper._numeric._data import Centered
from skhyper._numeric._iterations import conjugate_gradients

Solver = Callable[[np.ndarray], np.ndarray]

# Squared pivot, relative to the diagonal, below which a matrix counts as singular.
_SINGULAR = 1e-14
# Squared pivot, relative to the largest, below which a feature counts as dependent on others.
_DEPENDENT = 1e-12
# Columns of G are kept up to twice the number needed, plus this number.
_SPARE = 100
# Relative residuals of conjugate gradients: the largest accepted, and their tolerance. Callers
# refine solutions.
_ACCEPTED_RESIDUAL, _CG_RTOL = 1e-4, 1e-6
# Number of unknowns up to which a matrix is factorized without conjugate gradients, and up to which
# it is factorized if they fail.
_SMALL_DIRECT, _LARGEST_DIRECT = 1000, 2000
# Sparse data up to this number of entries, zeros included, or filled to this share, are faster
# dense.
_SMALL_TABLE, _FULL = 1_000_000, 0.2
# Solvers of up to 200 unknowns are kept: length of their keys, in bytes.
_SMALL_KEY = 200 * 16
# Maximum number of conjugate gradient products per solution.
_MAX_PRODUCTS = 5000
# Squared pivots above this, relative to the diagonal: systems need no refinement. Above the second,
# and with residuals above the third share of y², correlations by G are exact.
_WELL_CONDITIONED, _VERY_WELL, _RESIDUAL = 1e-6, 1e-3, 1e-4
_MAX_REFINEMENTS, _REFINED_RTOL = 5, 1e-13
# Steps of the power method for a condition number.
_POWER_STEPS = 4


class SingularError(ValueError):
    """The features of a support are linearly dependent, and there is no l2 penalty.

    Attributes
    ----------
    independent : ndarray of int or None
        Positions in the support of linearly independent features; None if not known.
    """

    def __init__(self, independent: np.ndarray | None = None):
        super().__init__()
        self.independent = independent


class WorkLimitError(ValueError):
    """The iteration budget of one solve is exhausted."""


def dense_if_small(X: Any) -> Any:
    """Data in the fastest format: a dense array if small or mostly nonzero, else CSC."""
    if not sparse.issparse(X):
        return X
    n_entries = X.shape[0] * X.shape[1]
    dense = n_entries <= _SMALL_TABLE or X.nnz >= _FULL * n_entries
    return X.toarray() if dense else X.tocsc()


class Quadratic(ABC):
    """The squared loss on one set of data.

    Parameters
    ----------
    data : Centered
    y : ndarray of shape (n,)
        Centered and weighted target, yc.

    Attributes
    ----------
    unit : ndarray of shape (p,)
        Scale of each feature, a power of two.
    c : ndarray of shape (p,)
    scale : float
        Mean of the diagonal of G; 1 if G is 0.
    well_conditioned : bool
        Whether the last solver needs no refinement.
    """

    _least_pivot = 0.0

    @property
    def well_conditioned(self) -> bool:
        return self._least_pivot > _WELL_CONDITIONED

    @staticmethod
    def from_data(data: Centered, y: np.ndarray) -> "Quadratic":
        """With all of G if n >= p, with a part of it if n < p, without G for sparse data."""
        if sparse.issparse(data.X):
            few = data.shape[1] <= min(len(y), _LARGEST_DIRECT)
            return _Tall(data, y) if few else _Sparse(data, y)
        return _Tall(data, y) if len(y) >= data.shape[1] else _Wide(data, y)

    def __init__(self, data: Centered, y: np.ndarray):
        self._data = data
        self._total = float(data.weights.sum())
        squares = data.squared_norms() / self._total
        # Columns that are constant up to rounding are not scaled.
        varies = squares > (np.finfo(float).eps * data.mean) ** 2 * len(y)
        exponents = np.where(varies, np.frexp(np.sqrt(squares))[1], 0)
        self.unit = np.ldexp(1.0, -exponents)
        self.scale = float((squares * self.unit**2).mean()) or 1.0
        self._set_target(y)

    def _set_target(self, y: np.ndarray) -> None:
        self._y = y
        self.c = self.unit * self._data.adjoint(y[:, None])[:, 0] / self._total
        self._key = b""
        self._solver: Solver | None = None

    def with_target(self, y: np.ndarray) -> "Quadratic":
        """The same data with another target."""
        other = copy.copy(self)
        other._set_target(y)
        return other

    def correlations(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        """C, computed from the residuals."""
        residuals = self._y[:, None] - self._apply(S, w)
        return self.unit * self._data.adjoint(residuals)[:, 0] / self._total

    def quick_correlations(self, S: np.ndarray, w: np.ndarray) -> np.ndarray | None:
        """C computed from G, which is faster; None without G, or if that is inaccurate."""
        return None

    def is_exact(self, S: np.ndarray, w: np.ndarray, C: np.ndarray) -> bool:
        """Whether `C` from :meth:`quick_correlations` is as accurate as from the residuals."""
        explained = w @ (self.c[S] + C[S]) * self._total  # of y²
        return self._least_pivot > _VERY_WELL and explained <= (1 - _RESIDUAL) * (self._y @ self._y)

    def products(self) -> np.ndarray | None:
        """``Xcᵀ Xc / A``, (p, p); None if not stored, or if the last system was ill-conditioned."""
        return None

    def _apply(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        """``Xc[:, S] diag(unit_S) w``, (n, 1)."""
        whole = np.zeros((len(self.unit), 1))
        whole[S, 0] = self.unit[S] * w
        return self._data.apply(whole)

    def _times(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        """``G_SS w``, from the data."""
        z = self._data.adjoint(self._apply(S, w))[S, 0]
        return self.unit[S] * z / self._total

    def solve(self, S: np.ndarray, l2: np.ndarray, v: np.ndarray) -> np.ndarray:
        """``(G_SS + diag(λ))⁻¹ v`` to rounding; λ of shape (s,)."""
        solver = self.solver(S, l2)
        u = solver(v)
        for _ in range(_MAX_REFINEMENTS * (not self.well_conditioned)):
            rest = v - self._times(S, u) - l2 * u
            if np.linalg.norm(rest) <= _REFINED_RTOL * np.linalg.norm(v):
                break
            u = u + solver(rest)
        return u

    def condition(self, S: np.ndarray, l2: np.ndarray) -> float:
        """Estimated condition number of ``G_SS + diag(λ)``, from below; λ of shape (s,)."""
        if len(S) < 2:
            return 1.0
        solver = self.solver(S, l2)
        large = small = np.random.default_rng(0).standard_normal(len(S))
        for _ in range(_POWER_STEPS):
            large, small = large / np.linalg.norm(large), small / np.linalg.norm(small)
            large, small = self._times(S, large) + l2 * large, solver(small)
        return float(np.linalg.norm(large) * np.linalg.norm(small))

    def solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        """Solver of ``(G_SS + diag(λ)) u = v``; the last one is cached; λ of shape (s,).

        It may leave a small residual.

        Raises
        ------
        SingularError
        """
        key = S.tobytes() + l2.tobytes()
        if self._solver is None or key != self._key:
            self._solver = None  # its memory is freed first
            self._key, self._solver = key, self._new_solver(S, l2)
        return self._solver

    def trim(self) -> None:
        """Free the last solver, unless it is small."""
        if len(self._key) > _SMALL_KEY:
            self._key, self._solver = b"", None

    def reset_work(self) -> None:  # noqa: B027  (most do not limit it)
        """Reset the iteration budget, before each solution."""

    @abstractmethod
    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver: ...

    def _factorized(self, H: np.ndarray, l2: np.ndarray) -> Solver:
        """Solver with ``H + diag(λ)``, by a Cholesky factor; H is overwritten."""
        s = len(H)
        if not s:
            self._least_pivot = 1.0
            return np.copy
        H[np.diag_indices(s)] += l2
        diagonal = H.diagonal().copy()
        # The transpose is in Fortran order, and equal. SciPy's wrappers take longer than this call.
        factor, info = lapack.dpotrf(H.T, lower=1, overwrite_a=1, clean=0)
        pivots = factor.diagonal() ** 2
        if info or (pivots <= _SINGULAR * diagonal).any():
            H[np.diag_indices(s)] = diagonal  # the lower triangle was not overwritten
            *_, order, rank, info = lapack.dpstrf(H, lower=1, tol=_DEPENDENT * diagonal.max())
            raise SingularError(order[:rank] - 1)
        self._least_pivot = float((pivots / diagonal).min())
        return lambda v: lapack.dpotrs(factor, v, lower=1)[0]


class _Tall(Quadratic):
    """Stores all of G."""

    def __init__(self, data: Centered, y: np.ndarray):
        super().__init__(data, y)
        self._G = data.gram(primal=True)
        self._G *= self.unit[:, None] * self.unit / self._total

    def products(self) -> np.ndarray | None:
        if not self._least_pivot > _VERY_WELL:
            return None
        return self._G / (self.unit[:, None] * self.unit)

    def quick_correlations(self, S: np.ndarray, w: np.ndarray) -> np.ndarray | None:
        return self.c - w @ self._G[S] if self.well_conditioned else None

    def _times(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        return self._G[S[:, None], S] @ w if self.well_conditioned else super()._times(S, w)

    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        return self._factorized(self._G[S[:, None], S], l2)


class _Wide(Quadratic):
    """Stores the part of G that supports have needed so far."""

    def _set_target(self, y: np.ndarray) -> None:
        super()._set_target(y)
        self._clear()

    def _clear(self) -> None:
        self._position = np.full(len(self.c), -1)
        self._known = np.empty(0, dtype=int)
        self._G = np.empty((0, 0))

    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        if (self._position[S] < 0).any():
            self._extend(S)
        rows = self._position[S]
        return self._factorized(self._G[rows[:, None], rows], l2)

    def _extend(self, S: np.ndarray) -> None:
        """Add the rows and columns of the features of S that G does not have yet."""
        new = S[self._position[S] < 0]
        if len(self._known) + len(new) > 2 * len(S) + _SPARE:
            self._clear()
            new = S
        k, known = len(self._known), np.concatenate([self._known, new])
        X = self._data.columns(new) * self.unit[new]
        G = np.empty((len(known), len(known)))
        G[:k, :k] = self._G
        old = self._known
        G[k:, :k] = X.T @ (self._data.columns(old) * self.unit[old]) / self._total
        G[k:, k:] = X.T @ X / self._total
        G[:k, k:] = G[k:, :k].T
        self._G, self._known = G, known
        self._position[new] = np.arange(k, len(known))


class _Sparse(Quadratic):
    """Solves by conjugate gradients, without G.

    If these do not converge, the matrix of a small support is factorized.
    """

    _products_left = _MAX_PRODUCTS
    _part_of: np.ndarray | None = None
    _last: Centered | None = None

    def reset_work(self) -> None:
        self._products_left = _MAX_PRODUCTS

    def _set_target(self, y: np.ndarray) -> None:
        super()._set_target(y)
        self._part_of = None

    def trim(self) -> None:
        super().trim()
        self._part_of = self._last = None

    def _apply(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        return self._part(S).apply(w[:, None]) if len(S) else np.zeros((len(self._y), 1))

    def _part(self, S: np.ndarray) -> Centered:
        """``Xc[:, S] diag(unit_S)``."""
        data, unit = self._data, self.unit[S]
        if self._last is None or self._part_of is None or not np.array_equal(S, self._part_of):
            self._part_of = S
            X = data.X[:, S]
            X.data = X.data * np.repeat(unit, np.diff(X.indptr))
            self._last = Centered(X, data.weights, data.mean[S] * unit, None)
        return self._last

    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        if not len(S):
            return np.copy
        part, A = self._part(S), self._total
        X, a, mean = part.X, part.weights, part.mean
        if len(S) <= _SMALL_DIRECT:
            return self._factorized(self._gram_of(part), l2)
        self._least_pivot = 0.0
        Xt = X.T  # a product with CSR is faster than with CSC

        def product(u: np.ndarray) -> np.ndarray:
            self._products_left -= 1
            if self._products_left < 0:
                raise WorkLimitError
            z = a * (X @ u - mean @ u)
            return (Xt @ z - mean * z.sum()) / A + l2 * u

        diagonal = part.squared_norms() / A + l2
        direct: Solver | None = None

        def solve(v: np.ndarray) -> np.ndarray:
            nonlocal direct
            if direct is not None:
                return direct(v)
            size = np.linalg.norm(v)
            with np.errstate(all="ignore"):  # a singular matrix: the residual is checked next
                u = conjugate_gradients(product, v, diagonal, _CG_RTOL)
            if np.linalg.norm(product(u) - v) <= _ACCEPTED_RESIDUAL * size:
                return u
            if len(S) > _LARGEST_DIRECT:
                raise SingularError
            direct = self._factorized(self._gram_of(part), l2)
            return direct(v)

        return solve

    def _gram_of(self, part: Centered) -> np.ndarray:
        G = part.gram(primal=True)
        G /= self._total
        return G
