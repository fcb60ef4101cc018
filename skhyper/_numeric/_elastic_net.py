"""Lasso and elastic net with one l1 and one l2 penalty per feature, solved to rounding error.

The objective is ``|yc - Xc W|² / 2A + Σ_j μ_j |W_j| + Σ_j λ_j |W_j|² / 2``, with ``|W_j|`` the
length of a row; see ``_data`` for Xc. One output is solved by block pivoting (see ``_pivoting``),
and so is each of several *separate* outputs, with the penalty of their entries, ``|W_jk|``. For
*joint* outputs scikit-learn's coordinate descent on a *working set* of features comes close to
the solution, and Newton's method on the support finishes; then the optimality conditions are
checked for all features.

Notation
--------
n, p, K : number of samples, features, outputs;  A : sum of the sample weights
μ, λ : l1 and l2 penalties, (p,)
W : solution, (p, K);  S : support, indices of rows that are not zero, (s,)
N = W_S / |W_S|, (s, K)
C : correlations Xcᵀ (yc - Xc W) / A, (p, K)

References
----------
Friedman, Hastie, Tibshirani (2010), "Regularization paths for generalized linear models via
coordinate descent", JSS 33. Massias, Gramfort, Salmon (2018), "Celer: a fast solver for the
lasso with dual extrapolation", ICML (working sets).
"""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.linear_model import enet_path

from skhyper._numeric._curvature import factorized
from skhyper._numeric._data import Centered
from skhyper._numeric._pivoting import Pivoting
from skhyper._numeric._quadratic import Quadratic

# Relative excess of correlations over the penalty up to which they count as equal.
_SLACK = 1e-9
# Tolerance of scikit-learn's coordinate descent, first and last.
_FIRST_TOLERANCE, _LAST_TOLERANCE = 1e-4, 1e-13
# Relative length of a Newton step at which the method stops; above the second it has not converged.
_NEWTON_RTOL, _CONVERGED_RTOL = 1e-9, 1e-7
_MAX_NEWTON = 20
_MAX_SWEEPS = 100_000
# The working set grows by at least 100 features and at most doubles.
_GROWTH = 100


class ElasticNetSolver(ABC):
    """Solver on one set of data; each solution starts from the one before.

    Attributes
    ----------
    W : ndarray of shape (p, K)
    c : ndarray of shape (p, K)
        Correlations at W = 0.
    support : ndarray of int of shape (s,)
        Rows of W that are not zero, or have no l1 penalty.
    exact : bool
        Whether the optimality conditions hold to rounding error.
    condition : float
        Estimated condition number of the Hessian on the support, with features scaled to length 1.
    largest_correlation : float
        The smallest common l1 penalty at which W is 0.
    """

    W: np.ndarray
    c: np.ndarray
    support: np.ndarray
    exact: bool
    condition: float
    largest_correlation: float

    @staticmethod
    def from_data(
        data: Centered, Yc: np.ndarray, centered: bool, positive: bool = False, joint: bool = True
    ) -> "ElasticNetSolver":
        """The solver for one output or several.

        Parameters
        ----------
        data : Centered
            Sparse data in CSC format.
        Yc : ndarray of shape (n, K)
        centered : bool
            Whether the means were subtracted.
        positive : bool, default=False
            Whether to restrict coefficients to be non-negative; ignored for joint outputs.
        joint : bool, default=True
            Whether all outputs share their support.
        """
        if joint and Yc.shape[1] > 1:
            return _JointOutputs(data, Yc)
        return _SeparateOutputs(data, Yc, centered, positive)

    @abstractmethod
    def minimize(self, l1: np.ndarray, l2: np.ndarray, approximate: bool = True) -> None:
        """Set `W` and `support` to the solution at μ, λ of shape (p,).

        Parameters
        ----------
        approximate : bool, default=True
            If the solution is not found, True sets an approximation, False keeps the last one.
        """

    @abstractmethod
    def solve(self, V: np.ndarray) -> np.ndarray:
        """``H⁻¹ V`` on the support, zeros outside; V of shape (p, K)."""

    def coordinate_descent(
        self, alpha: float, l1_ratio: float, tol: float, max_iter: int
    ) -> np.ndarray | None:
        """Solution of scikit-learn's coordinate descent from the Gram matrix, (p, K).

        Its steps equal those on the data. None if the Gram matrix is ill-conditioned or the descent
        does not converge, since the result would then depend on rounding.
        """
        return None

    def trim(self) -> None:  # noqa: B027  (joint outputs have one small matrix)
        """Free matrices that the next solution can recompute cheaply."""

    @abstractmethod
    def normals(self) -> np.ndarray:
        """Derivative of the l1 norm, N on the support, zeros outside; (p, K)."""


class _SeparateOutputs(ElasticNetSolver):
    """Solves for each output independently; only matrices are shared."""

    def __init__(self, data: Centered, Yc: np.ndarray, centered: bool, positive: bool):
        self._Y, self._positive = Yc / np.sqrt(data.weights.sum()), positive
        first = Quadratic.from_data(data, Yc[:, 0])
        # n samples have rank n, centered ones n - 1.
        max_rank = min(int(np.count_nonzero(data.weights)) - centered, data.shape[1])
        self._quadratics = [first, *(first.with_target(y) for y in Yc.T[1:])]
        self._pivotings = [Pivoting(q, max_rank, positive) for q in self._quadratics]
        self.largest_correlation = float(np.abs(self.c).max(initial=0.0))

    def minimize(self, l1: np.ndarray, l2: np.ndarray, approximate: bool = True) -> None:
        self.W = np.zeros((len(l1), len(self._pivotings)))
        for k, pivoting in enumerate(self._pivotings):
            pivoting.minimize(l1, l2, approximate)
            self.W[pivoting.S, k] = pivoting.w
        self.exact = all(pivoting.exact for pivoting in self._pivotings)
        inside = np.zeros(len(l1), dtype=bool)
        for pivoting in self._pivotings:
            inside[pivoting.S] = True
        self.support = np.flatnonzero(inside)

    @property
    def c(self) -> np.ndarray:  # type: ignore[override]
        return np.column_stack([q.c / q.unit for q in self._quadratics])

    @property
    def condition(self) -> float:  # type: ignore[override]
        return max(pivoting.condition for pivoting in self._pivotings)

    def solve(self, V: np.ndarray) -> np.ndarray:
        U = np.zeros_like(V)
        for k, pivoting in enumerate(self._pivotings):
            if len(pivoting.S):
                U[pivoting.S, k] = pivoting.solve(V[pivoting.S, k])
        return U

    def coordinate_descent(
        self, alpha: float, l1_ratio: float, tol: float, max_iter: int
    ) -> np.ndarray | None:
        W = np.empty_like(self.W)
        for k, quadratic in enumerate(self._quadratics):
            G = quadratic.products()
            if G is None:
                return None
            _, path, _, n_sweeps = enet_path(
                np.zeros((1, len(G)), order="F"),  # only its shape is used
                self._Y[:, k].copy(),
                l1_ratio=l1_ratio,
                alphas=[alpha],
                precompute=G,
                Xy=quadratic.c / quadratic.unit,
                check_input=False,
                positive=self._positive,
                tol=tol,
                max_iter=max_iter,
                return_n_iter=True,
            )
            if n_sweeps[0] >= max_iter:
                return None
            W[:, k] = path[:, 0]
        return W

    def trim(self) -> None:
        for quadratic in self._quadratics:
            quadratic.trim()

    def normals(self) -> np.ndarray:
        return np.sign(self.W)


class _JointOutputs(ElasticNetSolver):
    """Solves for all outputs jointly, with equal penalties for all features; the first is used."""

    def __init__(self, data: Centered, Yc: np.ndarray):
        self._data, self._Yc = data, Yc
        self._total = float(data.weights.sum())
        self.c = data.adjoint(Yc) / self._total
        self._C = self.c
        # Rounding error of the correlations, (p,).
        lengths = np.sqrt(data.squared_norms() / self._total)
        self._noise = 1e-14 * lengths * np.linalg.norm(Yc) / np.sqrt(self._total)
        self.largest_correlation = float(np.linalg.norm(self.c, axis=1).max(initial=0.0))
        self.W = np.zeros((data.shape[1], Yc.shape[1]))
        self.support = np.empty(0, dtype=int)
        self.exact = False

    def minimize(self, l1: np.ndarray, l2: np.ndarray, approximate: bool = True) -> None:
        mu, ridge = float(l1[0]), float(l2[0])
        inside = np.asarray(self.W.any(axis=1))
        working = inside | self._violating(mu, inside)
        tolerance = _FIRST_TOLERANCE
        while True:
            self._descend(np.flatnonzero(working), mu, ridge, tolerance)
            nonzero = self.W.any(axis=1)
            self.support = np.flatnonzero(nonzero)
            solved = self._solve_conditions(mu, ridge)
            self._C = self._correlations()
            violated = self._violating(mu, working)
            inside = working & ~nonzero & (self._violation(mu) > 0)
            self.exact = bool(solved and not violated.any() and not inside.any())
            if self.exact or (tolerance < _LAST_TOLERANCE and not violated.any()):
                break
            if violated.any():
                working |= violated
            if not solved or inside.any():
                tolerance = max(tolerance / 10, _LAST_TOLERANCE / 2)

    def _violation(self, mu: float) -> np.ndarray:
        """How far correlations exceed the bound of a zero row, (p,)."""
        return np.linalg.norm(self._C, axis=1) - mu * (1 + _SLACK) - self._noise

    def _violating(self, mu: float, working: np.ndarray) -> np.ndarray:
        """The features outside of the working set with the largest violations, (p,) bool."""
        violation = np.where(working, -np.inf, self._violation(mu))
        limit = max(_GROWTH, 2 * int(self.W.any(axis=1).sum()))
        chosen = violation > 0
        if chosen.sum() > limit:
            chosen[:] = False
            chosen[np.argpartition(violation, -limit)[-limit:]] = True
        return chosen

    def _correlations(self) -> np.ndarray:
        nonzero = np.flatnonzero(self.W.any(axis=1))
        if not len(nonzero):
            return self.c
        residuals = self._Yc - self._data.columns(nonzero) @ self.W[nonzero]
        return self._data.adjoint(residuals) / self._total

    def _descend(self, features: np.ndarray, mu: float, ridge: float, tolerance: float) -> None:
        """scikit-learn's coordinate descent over some features, from the current W."""
        if not len(features):
            return
        outside = np.ones(len(self.W), dtype=bool)
        outside[features] = False
        self.W[outside] = 0.0
        size = mu + ridge
        X = np.asfortranarray(self._data.columns(features))
        _, path, _ = enet_path(
            X,
            self._Yc,
            l1_ratio=mu / size,
            alphas=[size * self._total / len(X)],
            coef_init=self.W[features].T.copy(),
            tol=tolerance,
            max_iter=_MAX_SWEEPS,
        )
        self.W[features] = path[:, :, 0].T

    def _solve_conditions(self, mu: float, ridge: float) -> bool:
        """Newton's method on the support; False, with W unchanged, if a row would vanish."""
        S = self.support
        if not len(S):
            return True
        W = self.W[S]
        X = self._data.columns(S)
        gram = X.T @ X / self._total + ridge * np.eye(len(S))
        for _ in range(_MAX_NEWTON):
            norms = np.linalg.norm(W, axis=1, keepdims=True)
            N = W / norms
            self._hessian = factorized(_row_hessian(gram, mu / norms, N))
            G = gram @ W - self.c[S] + mu * N
            new = W - self._solve_support(G)
            if np.any((new * W).sum(axis=1) <= 0):
                return False
            moved = np.linalg.norm(new - W) / (np.linalg.norm(new) + 1e-300)
            W = new
            if moved < _NEWTON_RTOL:
                break
        if moved > _CONVERGED_RTOL:
            return False
        self.W[S], self._gram = W, gram
        return True

    def _solve_support(self, V: np.ndarray) -> np.ndarray:
        return self._hessian(V.ravel()).reshape(V.shape)

    def solve(self, V: np.ndarray) -> np.ndarray:
        U = np.zeros_like(V)
        if len(self.support):
            U[self.support] = self._solve_support(V[self.support])
        return U

    @property
    def condition(self) -> float:  # type: ignore[override]
        if len(self.support) < 2:
            return 1.0
        lengths = np.sqrt(self._gram.diagonal())
        values = np.linalg.eigvalsh(self._gram / np.outer(lengths, lengths))
        return float(values[-1] / max(values[0], np.finfo(float).tiny))

    def normals(self) -> np.ndarray:
        lengths = np.linalg.norm(self.W, axis=1, keepdims=True)
        return self.W / np.where(lengths > 0, lengths, 1.0)


def _row_hessian(gram: np.ndarray, curved: np.ndarray, N: np.ndarray) -> np.ndarray:
    """Hessian on the support, (sK, sK).

    The length of a row has the curvature ``(I - N_j N_jᵀ) / |W_j|``; `curved` is its factor,
    the l1 penalty over the lengths, (s, 1).
    """
    s, K = N.shape
    H = np.zeros((s, K, s, K))
    for k in range(K):
        H[:, k, :, k] = gram
    rows = np.arange(s)
    H[rows, :, rows, :] += curved[:, :, None] * (np.eye(K) - N[:, :, None] * N[:, None, :])
    return H.reshape(s * K, s * K)
