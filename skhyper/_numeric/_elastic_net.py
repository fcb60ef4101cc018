"""Lasso and elastic net with an l1 and an l2 penalty for each feature, to rounding.

Minimised is ``|yc - Xc W|² / 2A + Σ_j μ_j |W_j| + Σ_j λ_j |W_j|² / 2``, with ``|W_j|`` the
length of a row; see ``_data`` for Xc. scikit-learn's coordinate descent finds the support on a
*working set* of features; then the optimality conditions are solved on it and checked on all
features, so that what comes out is the solution itself.

With one output, coordinate descent sees a plain lasso: the l2 penalties are added to the
Gram matrix, features are divided by their l1 penalty, and those without one are eliminated
(Schur complement).

Notation
--------
n, p, K : number of samples, features, outputs;  A : sum of the sample weights
μ, λ : l1 and l2 penalties, (p,)
W : solution, (p, K);  S : support, indices of rows that are not zero, (s,)
N = W_S / |W_S|, (s, K)
C : correlations Xcᵀ (yc - Xc W) / A, (p, K)
G, c : Gram matrix Xcᵀ Xc / A and correlations Xcᵀ yc / A of a working set

References
----------
Friedman, Hastie, Tibshirani (2010), "Regularization paths for generalized linear models via
coordinate descent", JSS 33. Massias, Gramfort, Salmon (2018), "Celer: a fast solver for the
lasso with dual extrapolation", ICML (working sets).
"""

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import enet_path

from skhyper._numeric._curvature import Design, factorized, hessian_solver
from skhyper._numeric._data import Centred

__all__ = ["ElasticNetSolver"]

# Relative to the penalty: correlations that exceed it by less do so by rounding.
_SLACK = 1e-9
_FIRST_TOLERANCE, _LAST_TOLERANCE = 1e-4, 1e-13
_MAX_NEWTON = 20
_MAX_SWEEPS = 100_000
# A working set grows by so many features at least, and by as many as it has.
_GROWTH = 100


class ElasticNetSolver:
    """Solutions on one set of data, each started from the one before.

    Parameters
    ----------
    data : Centred
        Sparse data best in columns (CSC).
    Yc : ndarray of shape (n, K)
    positive : bool, default=False
        Whether coefficients may not be negative.

    Attributes
    ----------
    W : ndarray of shape (p, K)
    support : ndarray of int of shape (s,)
        Rows of W that are not zero, or have no l1 penalty.
    exact : bool
        Whether the optimality conditions hold to rounding.
    """

    def __init__(self, data: Centred, Yc: np.ndarray, positive: bool = False):
        self._data, self._Yc, self._positive = data, Yc, positive
        self._total = float(data.weights.sum())
        self._grams = _Grams(data, self._total)
        self._c = data.adjoint(Yc) / self._total
        self._C = self._c
        self.W = np.zeros((data.shape[1], Yc.shape[1]))
        self.support = np.empty(0, dtype=int)
        self.exact = False

    @property
    def largest_correlation(self) -> float:
        """The least l1 penalty for all features at which W is 0."""
        return float(np.linalg.norm(self._c, axis=1).max())

    def minimise(self, l1: np.ndarray, l2: np.ndarray) -> None:
        """Set `W` and `support` to the solution at μ, λ of shape (p,)."""
        free = l1 == 0
        working = self.W.any(axis=1) | free
        working |= self._worst(l1, working)
        tolerance = _FIRST_TOLERANCE
        while True:
            self._descend(np.flatnonzero(working), l1, l2, tolerance)
            nonzero = self.W.any(axis=1)
            self.support = np.flatnonzero(nonzero | (free & (not self._positive)))
            solved = self._solve_conditions(l1, l2)
            self._C = self._correlations()
            violated = self._worst(l1, working)
            inside = working & ~nonzero & (self._excess(l1) > 0)
            self.exact = solved and not violated.any() and not inside.any()
            if self.exact or (tolerance < _LAST_TOLERANCE and not violated.any()):
                break
            if violated.any():
                working |= violated
            if not solved or inside.any():
                tolerance = max(tolerance / 10, _LAST_TOLERANCE / 2)

    def solve(self, V: np.ndarray) -> np.ndarray:
        """``H⁻¹ V`` on the support, zeros outside; V of shape (p, K)."""
        U = np.zeros_like(V)
        if len(self.support):
            U[self.support] = self._solve_support(V[self.support])
        return U

    def _excess(self, l1: np.ndarray) -> np.ndarray:
        """How far correlations exceed what a zero coefficient allows, (p,)."""
        size = self._C[:, 0] if self._positive else np.linalg.norm(self._C, axis=1)
        return size - l1 * (1 + _SLACK) - 1e-14

    def _worst(self, l1: np.ndarray, working: np.ndarray) -> np.ndarray:
        """The features outside of the working set that most need to be in it, (p,) bool."""
        excess = np.where(working, -np.inf, self._excess(l1))
        n_most = max(_GROWTH, 2 * int(self.W.any(axis=1).sum()))
        worst = excess > 0
        if worst.sum() > n_most:
            worst[:] = False
            worst[np.argpartition(excess, -n_most)[-n_most:]] = True
        return worst

    def _correlations(self) -> np.ndarray:
        nonzero = np.flatnonzero(self.W.any(axis=1))
        if not len(nonzero):
            return self._c
        residuals = self._Yc - self._data.columns(nonzero) @ self.W[nonzero]
        return self._data.adjoint(residuals) / self._total

    def _descend(
        self, features: np.ndarray, l1: np.ndarray, l2: np.ndarray, tolerance: float
    ) -> None:
        """Coordinate descent over some features, from the present W."""
        if not len(features):
            return
        outside = np.ones(len(self.W), dtype=bool)
        outside[features] = False
        self.W[outside] = 0.0
        l1, l2, start = l1[features], l2[features], self.W[features]
        if self._Yc.shape[1] == 1:
            G = self._grams.of(features) + np.diag(l2)
            c = self._c[features, 0]
            self.W[features, 0] = self._descend_one(G, c, l1, start[:, 0], tolerance)
            return
        # Several outputs: all penalties alike, as scikit-learn has them.
        size = l1[0] + l2[0]
        X = np.asfortranarray(self._data.columns(features))
        W = _enet(X, self._Yc, start.T, size * self._total / len(X), l1[0] / size, tolerance)
        self.W[features] = W.T

    def _descend_one(
        self,
        G: np.ndarray,
        c: np.ndarray,
        l1: np.ndarray,
        start: np.ndarray,
        tolerance: float,
    ) -> np.ndarray:
        """The same with one output, by c and G, l2 penalties on its diagonal."""
        free = l1 == 0
        y_square = float(np.vdot(self._Yc, self._Yc)) / self._total
        if self._positive:
            # All alike, and none eliminated: coefficients have bounds.
            return _gram_lasso(G, c, y_square, l1[0], start, tolerance, True)
        if not free.any():
            return _scaled_lasso(G, c, y_square, l1, start, tolerance)
        w, kept = np.empty_like(c), ~free
        solve, between = factorized(G[np.ix_(free, free)]), G[np.ix_(free, kept)]
        drop, shift = solve(between), solve(c[free])
        rest = G[np.ix_(kept, kept)] - between.T @ drop  # Schur complement
        y_square = max(y_square - float(c[free] @ shift), 0.0)
        c_rest = c[kept] - between.T @ shift
        w[kept] = _scaled_lasso(rest, c_rest, y_square, l1[kept], start[kept], tolerance)
        w[free] = shift - drop @ w[kept]
        return w

    def _solve_conditions(self, l1: np.ndarray, l2: np.ndarray) -> bool:
        """Newton's steps on the support; False, and W as it was, where a row would vanish."""
        S, A = self.support, self._total
        if not len(S):
            return True
        W, l1, l2 = self.W[S], l1[S][:, None], l2[S]
        X = self._data.columns(S)
        design = Design(X, np.empty((len(X), 0)), X)
        for _ in range(_MAX_NEWTON):
            norms = np.linalg.norm(W, axis=1, keepdims=True)
            norms[norms == 0] = 1.0  # of features without an l1 penalty
            N = W / norms
            self._solve_support = _support_solver(design, 1 / A, l2, l1, norms, N)
            G = X.T @ (X @ W) / A - self._c[S] + l1 * N + l2[:, None] * W
            new = W - self._solve_support(G)
            if np.any(((new * W).sum(axis=1) <= 0) & (l1[:, 0] > 0)):
                return False
            moved = np.linalg.norm(new - W) / (np.linalg.norm(new) + 1e-300)
            W = new
            if moved < 1e-9 or W.shape[1] == 1:  # one output: the step is exact
                break
        self.W[S] = W
        return True


class _Grams:
    """Gram matrices of sets of features, from one that grows by what is asked for."""

    def __init__(self, data: Centred, total: float):
        self._data, self._total = data, total
        self._place = np.full(data.shape[1], -1)
        self._known = np.empty(0, dtype=int)
        self._G = np.empty((0, 0))

    def of(self, features: np.ndarray) -> np.ndarray:
        """``Xcᵀ Xc / A`` of these features."""
        new = features[self._place[features] < 0]
        if len(new):
            n_old, n_all = len(self._known), len(self._known) + len(new)
            X = self._data.columns(new)
            G = np.empty((n_all, n_all))
            G[:n_old, :n_old] = self._G
            G[n_old:, n_old:] = X.T @ X / self._total
            if n_old:
                G[:n_old, n_old:] = self._data.columns(self._known).T @ X / self._total
                G[n_old:, :n_old] = G[:n_old, n_old:].T
            self._place[new] = np.arange(n_old, n_all)
            self._known, self._G = np.append(self._known, new), G
        places = self._place[features]
        return self._G[np.ix_(places, places)]


def _scaled_lasso(
    G: np.ndarray,
    c: np.ndarray,
    y_square: float,
    l1: np.ndarray,
    start: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """:func:`_gram_lasso` with a penalty for each feature, by the scale of the features."""
    if not len(c):
        return c
    mean = float(l1.mean())
    scale = mean / l1
    G = scale[:, None] * G * scale
    return scale * _gram_lasso(G, c * scale, y_square, mean, start / scale, tolerance)


def _gram_lasso(
    G: np.ndarray,
    c: np.ndarray,
    y_square: float,
    l1: float,
    start: np.ndarray,
    tolerance: float,
    positive: bool = False,
) -> np.ndarray:
    """Coordinate descent for ``wᵀ G w / 2 - cᵀ w + μ |w|₁``, by scikit-learn.

    It sees one sample: of data it asks their number, which scales the penalty, and the length
    of the target, which scales the tolerance.
    """
    _, path, _ = enet_path(
        np.zeros((1, len(c)), order="F"),
        np.array([np.sqrt(y_square)]),
        l1_ratio=1.0,
        alphas=[l1],
        precompute=np.ascontiguousarray(G),
        Xy=np.ascontiguousarray(c),
        coef_init=start,
        tol=tolerance,
        max_iter=_MAX_SWEEPS,
        check_input=False,
        **({"positive": True} if positive else {}),
    )
    return path[:, 0]


def _enet(
    X: np.ndarray, Y: np.ndarray, start: np.ndarray, alpha: float, ratio: float, tolerance: float
) -> np.ndarray:
    """scikit-learn's coordinate descent with several outputs, (K, p)."""
    _, path, _ = enet_path(
        X,
        Y,
        l1_ratio=ratio,
        alphas=[alpha],
        coef_init=start.copy(),
        tol=tolerance,
        max_iter=_MAX_SWEEPS,
    )
    return path[:, :, 0]


def _support_solver(
    design: Design,
    scale: float,
    l2: np.ndarray,
    l1: np.ndarray,
    norms: np.ndarray,
    N: np.ndarray,
) -> Callable[[np.ndarray], np.ndarray]:
    """Solver with the Hessian on the support, for right sides of shape (s, K).

    The length of a row has the curvature ``(I - N_j N_jᵀ) / |W_j|``; with one output, none.
    """
    (n, s), K = design.shape, N.shape[1]
    if K == 1:
        solve = hessian_solver(design, np.full(n, scale), l2)
        return lambda V: solve(V[:, 0])[:, None]
    H = np.zeros((s, K, s, K))
    assert design.dense is not None
    gram = scale * design.dense.T @ design.dense + np.diag(l2)
    for k in range(K):
        H[:, k, :, k] = gram
    rows = np.arange(s)
    curved = (l1 / norms)[:, :, None]
    H[rows, :, rows, :] += curved * (np.eye(K) - N[:, :, None] * N[:, None, :])
    flat = H.reshape(s * K, s * K)
    return lambda V: np.linalg.solve(flat, V.ravel()).reshape(V.shape)
