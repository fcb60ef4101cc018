"""Lasso and elastic net, for one target or for several that share their support.

Training minimises ``|yc - Xc W|² / 2A + α ρ Σ |W_j| + α (1 - ρ) |W|² / 2``, with ``|W_j|`` the
length of a row; see ``_data`` for Xc. scikit-learn's coordinate descent finds the support on a
*working set* of features; then the optimality conditions are solved on it and checked on all
features, so that what is differentiated is the solution itself.

Notation
--------
n, p, K : number of samples, features, outputs;  A : sum of the sample weights
α, ρ : `alpha`, `l1_ratio`
S : support, indices of the rows of W that are not zero, (s,);  N = W_S / |W_S|, (s, K)
C : correlations Xcᵀ (yc - Xc W) / A, (p, K)
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso, enet_path

from skhyper._numeric._curvature import Design, hessian_solver
from skhyper._numeric._data import (
    as_weights,
    checked_matrix,
    checked_target,
    few_rows,
)
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._problem import (
    Gradient,
    check_not_overridden,
    inner_problem,
)

__all__ = ["LassoProblem"]

# Relative to the penalty: correlations that exceed it by less do so by rounding.
_SLACK = 1e-9
_FIRST_TOLERANCE, _LAST_TOLERANCE = 1e-4, 1e-12
_MAX_NEWTON = 20


@inner_problem.register(ElasticNet)
@inner_problem.register(MultiTaskElasticNet)
class LassoProblem(CentredProblem):
    """Lasso, ElasticNet and their multi-task twins by `alpha` and `l1_ratio`."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        bases = (MultiTaskLasso, MultiTaskElasticNet, Lasso, ElasticNet)
        base = next(b for b in bases if isinstance(estimator, b))
        check_not_overridden(estimator, base, "fit", "predict")
        pure = isinstance(estimator, Lasso | MultiTaskLasso)
        self.names = ("alpha",) if pure else ("alpha", "l1_ratio")
        self._positive = getattr(estimator, "positive", False)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        rows = slice(0, 2)
        few = few_rows(X, rows)
        # All of a fitted estimator but its coefficients, from a penalty that needs none.
        easy = clone(self.estimator).set_params(alpha=1e12, warm_start=False)
        own = self.estimator.get_params(deep=False)
        self._template = easy.fit(few, np.asarray(y)[rows]).set_params(**own)
        X, Y = checked_matrix(X), checked_target(y)
        a, flat = as_weights(sample_weight, X.shape[0]), Y.ndim == 1
        Y = Y.reshape(len(Y), -1)
        self._total = float(a.sum())
        X = X.tocsc() if hasattr(X, "tocsc") else X
        self._take(X, Y, a, flat, 1 / self._total)
        self._W = np.zeros((X.shape[1], Y.shape[1]))
        self._C = self._data.adjoint(self._Yc) / self._total
        self._l1 = float(np.linalg.norm(self._C, axis=1).max())

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        self._alpha, self._ratio = float(fitted.alpha), float(fitted.l1_ratio)
        self._minimise()
        return self._filled(fitted, self._flat)

    def solve(self, dw: np.ndarray) -> np.ndarray:
        U = np.zeros_like(dw)
        if len(self._S):
            U[self._S] = self._solve_support(dw[self._S])
        return U

    def cross(self, u: np.ndarray) -> Gradient:
        W, U = self._W[self._S], u[self._S]
        N = W / np.linalg.norm(W, axis=1, keepdims=True)
        by_l1, by_l2 = float((U * N).sum()), float((U * W).sum())
        return {
            "alpha": self._ratio * by_l1 + (1 - self._ratio) * by_l2,
            "l1_ratio": self._alpha * (by_l1 - by_l2),
        }

    def _minimise(self) -> None:
        """The solution at the present penalties, from that at the last ones."""
        l1 = self._alpha * self._ratio
        # Strong rule (Tibshirani et al. 2012): what it leaves out is checked below.
        near = np.linalg.norm(self._C, axis=1) >= 2 * l1 - self._l1
        working = near | self._W.any(axis=1)
        tolerance = _FIRST_TOLERANCE
        while True:
            self._descend(np.flatnonzero(working), tolerance)
            self._S = np.flatnonzero(self._W.any(axis=1))
            solved = self._solve_conditions()
            self._C = self._correlations()
            excess = self._C[:, 0] if self._positive else np.linalg.norm(self._C, axis=1)
            outside = self._W.any(axis=1) == 0
            violated = outside & (excess > l1 * (1 + _SLACK) + 1e-14)
            if (solved and not violated.any()) or tolerance < _LAST_TOLERANCE:
                break
            if solved and (violated & ~working).any():
                working |= violated
            else:
                tolerance /= 10
        self._l1 = l1

    def _correlations(self) -> np.ndarray:
        S = self._S
        residuals = self._Yc - self._columns(S) @ self._W[S] if len(S) else self._Yc
        return self._data.adjoint(residuals) / self._total

    def _columns(self, features: np.ndarray) -> np.ndarray:
        """``Xc[:, features]``, dense."""
        data = self._data
        if data.dense is not None:
            return data.dense[:, features]
        part = data.X[:, features].toarray() - data.mean[features]
        return np.sqrt(data.weights)[:, None] * part

    def _descend(self, features: np.ndarray, tolerance: float) -> None:
        """Coordinate descent by scikit-learn over some features, from the present W."""
        if not len(features):
            return
        X = np.asfortranarray(self._columns(features))
        single = self._Yc.shape[1] == 1
        gram = X.T @ X if single and len(features) < 2 * len(X) else False
        y = self._Yc[:, 0] if single else self._Yc
        start = self._W[features]
        options = {"positive": True} if self._positive else {}
        _, path, _ = enet_path(
            X,
            y,
            l1_ratio=self._ratio,
            alphas=[self._alpha * self._total / len(X)],
            precompute=gram,
            coef_init=start[:, 0] if single else start.T.copy(),
            tol=tolerance,
            max_iter=100_000,
            check_input=True,
            **options,
        )
        self._W[features] = path[:, 0][:, None] if single else path[:, :, 0].T

    def _solve_conditions(self) -> bool:
        """Newton's steps on the support; False, and W as it was, where a row would vanish."""
        S, W = self._S, self._W[self._S]
        if not len(S):
            return True
        X, A = self._columns(S), self._total
        target = X.T @ self._Yc / A
        design = Design.of(X, np.empty((len(X), 0)))
        l1, l2 = self._alpha * self._ratio, self._alpha * (1 - self._ratio)
        for _ in range(_MAX_NEWTON):
            norms = np.linalg.norm(W, axis=1, keepdims=True)
            N = W / norms
            self._solve_support = _support_solver(design, 1 / A, l2, l1 / norms, N)
            G = X.T @ (X @ W) / A - target + l1 * N + l2 * W
            new = W - self._solve_support(G)
            if np.any((new * W).sum(axis=1) <= 0):
                return False
            moved = np.linalg.norm(new - W) / np.linalg.norm(new)
            W = new
            if moved < 1e-9 or W.shape[1] == 1:  # one target: the step is exact
                break
        self._W[S] = W
        return True


def _support_solver(
    design: Design, scale: float, l2: float, curved: np.ndarray, N: np.ndarray
) -> Callable:
    """Solver with the Hessian on the support, for right sides of shape (s, K).

    The length of a row has the curvature ``(I - N_j N_jᵀ) / |W_j|`` (with one output, none);
    `curved` is its factor, the l1 penalty over the lengths, (s, 1).
    """
    (n, s), K = design.shape, N.shape[1]
    if K == 1:
        solve = hessian_solver(design, np.full(n, scale), np.full(s, l2))
        return lambda V: solve(V[:, 0])[:, None]
    H = np.zeros((s, K, s, K))
    gram = scale * design.dense.T @ design.dense + l2 * np.eye(s)
    for k in range(K):
        H[:, k, :, k] = gram
    rows = np.arange(s)
    H[rows, :, rows, :] += curved[:, :, None] * (np.eye(K) - N[:, :, None] * N[:, None, :])
    H = H.reshape(s * K, s * K)
    return lambda V: np.linalg.solve(H, V.ravel()).reshape(V.shape)
