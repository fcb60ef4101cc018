"""The squared loss of a linear model restricted to few features, by the way that suits the data.

Notation
--------
n, p : number of samples, features;  A : sum of the sample weights
G, c : ``Xcᵀ Xc / A`` and ``Xcᵀ yc / A``, (p, p), (p,); see ``_data`` for Xc
S : support, indices of features, (s,);  w : their coefficients, (s,);  λ : l2 penalties
C : correlations ``Xcᵀ (yc - Xc w) / A = c - G w``, (p,)
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from skhyper._numeric._curvature import conjugate_gradients
from skhyper._numeric._data import Centred

Solver = Callable[[np.ndarray], np.ndarray]

__all__ = ["HopelessError", "Quadratic", "SingularError"]

# Below this share of the diagonal a squared pivot is rounding.
_SINGULAR = 1e-14
# Below this share of the largest one, a feature is left out as dependent on the others.
_DEPENDENT = 1e-12
# Columns of G that are kept beyond twice those asked for.
_SPARE = 100
# Residuals that conjugate gradients may leave, and what they are aimed at: who wants less
# asks again with what is left.
_LEFT, _AIM = 1e-4, 1e-6
# Where they leave more, a matrix up to this size is factorised instead.
_LARGEST_DIRECT = 1000
# Their products for one setting, in all.
_MAX_PRODUCTS = 5000


class SingularError(ValueError):
    """The features of a support are linearly dependent, and there is no l2 penalty.

    Attributes
    ----------
    independent : ndarray of int or None
        Places in the support of features that are not; None if that is not known.
    """

    def __init__(self, independent: np.ndarray | None = None):
        super().__init__()
        self.independent = independent


class HopelessError(ValueError):
    """A setting takes more than its share of work."""


class Quadratic(ABC):
    """The loss on one set of data.

    Parameters
    ----------
    data : Centred
    y : ndarray of shape (n,)
        yc.

    Attributes
    ----------
    c : ndarray of shape (p,)
    scale : float
        Mean of the diagonal of G; 1 where G is 0.
    """

    @staticmethod
    def of(data: Centred, y: np.ndarray) -> "Quadratic":
        """By products of columns if samples abound, by some of them if not, without if sparse."""
        if data.dense is None:
            return _Sparse(data, y)
        return _Tall(data, y) if len(y) >= data.shape[1] else _Wide(data, y)

    def __init__(self, data: Centred, y: np.ndarray):
        self._data, self._y = data, y
        self._total = float(data.weights.sum())
        self.c = data.adjoint(y[:, None])[:, 0] / self._total
        self.scale = float(data.squared_norms().mean()) / self._total or 1.0
        self._key = b""
        self._solver: Solver | None = None

    def correlations(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        """C."""
        whole = np.zeros((len(self.c), 1))
        whole[S, 0] = w
        residuals = self._y[:, None] - self._data.apply(whole)
        return self._data.adjoint(residuals)[:, 0] / self._total

    def solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        """Solver of ``(G_SS + diag(λ)) u = v``, the last one kept; λ of shape (s,).

        It may leave a small part of v.

        Raises
        ------
        SingularError
        """
        key = S.tobytes() + l2.tobytes()
        if self._solver is None or key != self._key:
            self._key, self._solver = key, self._new_solver(S, l2)
        return self._solver

    def begin(self) -> None:  # noqa: B027  (most have nothing to begin)
        """A setting begins, whose work is limited."""

    @abstractmethod
    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver: ...


class _Tall(Quadratic):
    """With all of G."""

    def __init__(self, data: Centred, y: np.ndarray):
        super().__init__(data, y)
        self._G = data.gram(primal=True) / self._total

    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        return _factorized(self._G[S[:, None], S], l2)


class _Wide(Quadratic):
    """With the part of G that belongs to supports."""

    def __init__(self, data: Centred, y: np.ndarray):
        super().__init__(data, y)
        self._forget()

    def _forget(self) -> None:
        self._place = np.full(len(self.c), -1)
        self._known = np.empty(0, dtype=int)
        self._G = np.empty((0, 0))

    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        if (self._place[S] < 0).any():
            self._learn(S)
        places = self._place[S]
        return _factorized(self._G[places[:, None], places], l2)

    def _learn(self, S: np.ndarray) -> None:
        """Products of the features of S that are new, with all that are known."""
        new = S[self._place[S] < 0]
        if len(self._known) + len(new) > 2 * len(S) + _SPARE:
            self._forget()
            new = S
        k, known = len(self._known), np.concatenate([self._known, new])
        X = self._data.columns(new)
        G = np.empty((len(known), len(known)))
        G[:k, :k] = self._G
        G[k:, :k] = X.T @ self._data.columns(self._known) / self._total
        G[k:, k:] = X.T @ X / self._total
        G[:k, k:] = G[k:, :k].T
        self._G, self._known = G, known
        self._place[new] = np.arange(k, len(known))


class _Sparse(Quadratic):
    """By conjugate gradients, without a matrix that the data do not have.

    Where these do not converge, the matrix of a small support is factorised after all.
    """

    _left = _MAX_PRODUCTS
    _part_of: np.ndarray | None = None

    def begin(self) -> None:
        self._left = _MAX_PRODUCTS

    def correlations(self, S: np.ndarray, w: np.ndarray) -> np.ndarray:
        z = self._part(S).apply(w[:, None]) if len(S) else 0.0
        return self._data.adjoint(self._y[:, None] - z)[:, 0] / self._total

    def _part(self, S: np.ndarray) -> Centred:
        """``Xc[:, S]``."""
        data = self._data
        if self._part_of is None or not np.array_equal(S, self._part_of):
            self._part_of = S
            self._last = Centred(data.X[:, S], data.weights, data.mean[S], None)
        return self._last

    def _new_solver(self, S: np.ndarray, l2: np.ndarray) -> Solver:
        if not len(S):
            return np.copy
        part, A = self._part(S), self._total
        X, a, mean = part.X, part.weights, part.mean
        Xt = X.T  # a product with CSR is faster than with CSC

        def product(u: np.ndarray) -> np.ndarray:
            self._left -= 1
            if self._left < 0:
                raise HopelessError
            z = a * (X @ u - mean @ u)
            return (Xt @ z - mean * z.sum()) / A + l2 * u

        diagonal = part.squared_norms() / A + l2

        def solve(v: np.ndarray) -> np.ndarray:
            size = np.linalg.norm(v)
            with np.errstate(all="ignore"):  # of a singular matrix: what comes out is looked at
                u = conjugate_gradients(product, v, None, diagonal, _AIM)
            if np.linalg.norm(product(u) - v) <= _LEFT * size:
                return u
            if len(S) > _LARGEST_DIRECT:
                raise SingularError
            return _factorized(part.gram(primal=True) / A, l2)(v)

        return solve


def _factorized(H: np.ndarray, l2: np.ndarray) -> Solver:
    """Solver with ``H + diag(λ)``, by Cholesky's factors; H is overwritten."""
    s = len(H)
    if not s:
        return np.copy
    H[np.diag_indices(s)] += l2
    diagonal = H.diagonal().copy()
    # The transpose is in Fortran's order, and the same. SciPy's wrappers take longer than this.
    factor, info = lapack.dpotrf(H.T, lower=1, overwrite_a=1, clean=0)
    if info or (factor.diagonal() ** 2 <= _SINGULAR * diagonal).any():
        H[np.diag_indices(s)] = diagonal  # the lower triangle is as it was
        *_, order, rank, info = lapack.dpstrf(H, lower=1, tol=_DEPENDENT * diagonal.max())
        raise SingularError(order[:rank] - 1)
    return lambda v: lapack.dpotrs(factor, v, lower=1)[0]
