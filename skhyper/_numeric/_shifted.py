"""Linear systems with a Gram matrix and many penalties, with estimates of their rounding error.

Notation
--------
n, p, m, K : number of samples, features, unknowns, right sides
Xc : weighted and centered data, (n, p); see ``_data``
G : Gram matrix, (m, m): ``Xcᵀ Xc`` (primal, m = p) or ``Xc Xcᵀ`` (dual, m = n)
α : penalties, (K,)
B, V : right sides and solutions of ``(G + α) V = B``, (m, K)
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy import linalg

from skhyper._numeric._normal import Cholesky

__all__ = ["Shifted"]

# Number of Cholesky factorizations that cost as much as one eigendecomposition.
_MAX_FACTORS = 16
# Smallest penalty for a Cholesky factor of a dual matrix, relative to its largest diagonal entry.
_SMALLEST_PENALTY = 1e-10
# Largest condition number of a primal matrix for solutions by eigenvalues, whose rounding error
# depends on the scale of columns.
_LARGEST_CONDITION = 1e6
_EPS = np.finfo(float).eps


class Shifted:
    """``(G + α)⁻¹`` for a positive semidefinite G and any α.

    By Cholesky factors at first; after as many as cost one eigendecomposition, by that, if it is
    as accurate.

    Parameters
    ----------
    gram : callable
        Computes G, (m, m).
    primal : bool
    ones : ndarray of shape (n, 1) or None
        Unit vector that a dual G maps to zero; None without an intercept.

    Attributes
    ----------
    size : float
        Norm of a dual G.
    """

    def __init__(self, gram: Callable[[], np.ndarray], primal: bool, ones: np.ndarray | None):
        self._gram, self._primal, self._ones = gram, primal, ones
        self._G: np.ndarray | None = gram()
        diagonal = np.diag(self._G)
        self._smallest = 0.0 if primal else _SMALLEST_PENALTY * float(diagonal.max(initial=0.0))
        self.size = 0.0 if primal else float(np.linalg.norm(self._G))
        self._probe: np.ndarray | None = None
        self._factor: Cholesky | None = None
        self._alpha = np.nan
        self._n_factors = 0

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (m,) and eigenvectors (m, m) of G, whose memory is then freed."""
        self._factor, G, self._G = None, self._matrix(), None
        values, vectors = linalg.eigh(G, overwrite_a=True, driver="evd", check_finite=False)
        return np.maximum(values, 0.0), vectors

    def _matrix(self) -> np.ndarray:
        if self._G is None:
            self._G = self._gram()
        return self._G

    def solve(self, B: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """V, with one α per column of B; nan if ``G + α`` is numerically singular."""
        if self._prepare(alpha):
            assert self._factor is not None
            return self._factor.solve(B) if self._factor.rcond else np.full_like(B, np.nan)
        values, vectors = self.spectrum
        shifted = values[:, None] + alpha
        if self._primal:
            with np.errstate(divide="ignore", invalid="ignore"):
                return vectors @ ((vectors.T @ B) / shifted)
        nonzero = (values > values[-1] * len(values) * _EPS)[:, None]
        inverse = np.where(nonzero, 1 / np.where(nonzero, shifted, 1.0), 0.0)
        return vectors @ (inverse * (vectors.T @ B))

    def lengths_and_condition(self, alpha: np.ndarray) -> tuple[np.ndarray, float]:
        """For a primal matrix: scale of the unknowns (p, 1), and the condition in that scale."""
        if self._prepare(alpha):
            assert self._factor is not None
            return self._factor.lengths, 1 / self._factor.rcond if self._factor.rcond else np.inf
        values, _ = self.spectrum
        return np.full((len(values), 1), np.sqrt(values[-1])), self._condition(alpha)

    def mean_inverse(self, alpha: np.ndarray) -> float:
        """Mean of the diagonal of ``(G + α)⁻¹``, for a dual matrix.

        Leave-one-out residuals are the dual solution divided by that diagonal: the mean times
        the rounding error of G is the error of predictions relative to such residuals.
        """
        if self._prepare(alpha):
            if self._probe is None:
                self._probe = np.random.default_rng(0).choice([-1.0, 1.0], (len(self._matrix()), 1))
                if self._ones is not None:
                    self._probe -= self._ones * (self._ones.T @ self._probe)
            return float((self._probe * self.solve(self._probe, alpha[:1])).mean())
        values, _ = self.spectrum
        values = values if self._ones is None else values[1:]
        with np.errstate(divide="ignore"):
            return float((1 / (values + alpha.min())).mean())

    def _condition(self, alpha: np.ndarray) -> float:
        """Condition number of a primal ``G + α``, by its eigenvalues."""
        values, _ = self.spectrum
        smallest = values[0] + alpha.min()
        return float((values[-1] + alpha.max()) / smallest) if smallest > 0 else np.inf

    def _prepare(self, alpha: np.ndarray) -> bool:
        """Factorize ``G + α``; False if the spectrum is to be used instead."""
        equal, first = len(alpha) == 1 or bool((alpha == alpha[0]).all()), float(alpha[0])
        if not equal or (not self._primal and first <= self._smallest):
            return False
        if self._factor is not None and self._alpha == first:
            return True
        if self._n_factors >= _MAX_FACTORS and (
            not self._primal or self._condition(alpha) <= _LARGEST_CONDITION
        ):
            return False
        self._n_factors += 1
        shifted = self._matrix().copy()
        shifted[np.diag_indices_from(shifted)] += first
        self._factor, self._alpha = Cholesky(shifted), first
        return True
