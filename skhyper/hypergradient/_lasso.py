"""Lasso and elastic net, for one target or for several that share their support.

Training minimises ``|yc - Xc W|² / 2A + α ρ Σ |W_j| + α (1 - ρ) |W|² / 2``, with ``|W_j|`` the
length of a row; see ``_data`` for Xc. On a *working set* of features scikit-learn's coordinate
descent comes near the solution, and Newton's steps that let features in and out (a primal-dual
active set method) end at it. It is then checked on all features, and the working set grows where
the optimality conditions do not hold: what is differentiated is the solution itself.

Notation
--------
n, p, K : number of samples, features, outputs;  A : sum of the sample weights
α, ρ : `alpha`, `l1_ratio`
S : support, indices of the rows of W that are not zero, (s,);  N = W_S / |W_S|, (s, K)
C : correlations Xcᵀ (yc - Xc W) / A, (p, K)
M : working set, indices of features, (m,);  G = Xc_Mᵀ Xc_M / A, (m, m)

References
----------
Hintermüller, Ito and Kunisch (2002), "The primal-dual active set strategy as a semismooth Newton
method", SIAM Journal on Optimization 13.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso, enet_path

from skhyper._numeric._curvature import Design, factorized, hessian_solver
from skhyper._numeric._data import (
    Centred,
    as_matrix,
    as_weights,
    checked_matrix,
    checked_target,
    few_rows,
)
from skhyper._sklearn import validate_params
from skhyper.hypergradient._problem import (
    Gradient,
    InnerProblem,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)

__all__ = ["LassoProblem"]

# Relative to the penalty: correlations that exceed it by less do so by rounding.
_SLACK = 1e-9
# Of scikit-learn; who asks for less gets what scikit-learn gives.
_DEFAULT_TOLERANCE, _DEFAULT_ITERATIONS = 1e-4, 1000
_FIRST_TOLERANCE, _LAST_TOLERANCE = 1e-2, 1e-12
# Logarithm of the ratio of two penalties between which there is another.
_LONG_STEP = 0.8
_MAX_NEWTON = 20
# A working set has at first so many features beyond the support, or as many as the support.
_FEW = 100


@inner_problem.register(ElasticNet)
@inner_problem.register(MultiTaskElasticNet)
class LassoProblem(InnerProblem):
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
        self._template = easy.fit(few, np.asarray(y)[rows])
        self._template.set_params(alpha=self.estimator.alpha, warm_start=self.estimator.warm_start)
        self._raw = X, y
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        X, Y = checked_matrix(X), checked_target(y)
        self._shape = Y.shape
        Y = Y.reshape(len(Y), -1)
        a = as_weights(sample_weight, X.shape[0])
        centre = self.estimator.fit_intercept
        self._data = Centred.of(X.tocsc() if hasattr(X, "tocsc") else X, a, centre)
        self._total = float(a.sum())
        self._y_mean = a @ Y / self._total if centre else np.zeros(Y.shape[1])
        self._Yc = np.sqrt(a)[:, None] * (Y - self._y_mean)
        self._W = np.zeros((X.shape[1], Y.shape[1]))
        self._Xy = self._data.adjoint(self._Yc) / self._total
        self._C = self._Xy
        self._grams = _Grams(self._data, self._total)
        self._l1 = float(np.linalg.norm(self._C, axis=1).max())

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        self._alpha, self._ratio = float(fitted.alpha), float(fitted.l1_ratio)
        self._minimise()
        loose = fitted.tol > _DEFAULT_TOLERANCE or fitted.max_iter < _DEFAULT_ITERATIONS
        if loose or not self._exact:  # as far as it comes, by the user's own wish
            return fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        intercept = self._y_mean - self._data.mean @ self._W
        single = len(self._shape) == 1
        fitted.coef_ = self._W[:, 0] if single else self._W.T.copy()
        fitted.intercept_ = (intercept[0] if single else intercept) if fitted.fit_intercept else 0.0
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        self._check_exact()
        self._X_test = as_matrix(X)
        Z = self._X_test @ self._W + (self._y_mean - self._data.mean @ self._W)
        return Z.reshape(-1) if len(self._shape) == 1 else Z

    def _check_exact(self) -> None:
        if not self._exact:
            raise NotDifferentiableError(
                f"Coordinate descent did not find the support at alpha={self._alpha:.3g}: there "
                "are more features than samples can tell apart."
            )

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        D = d_output.reshape(len(d_output), -1)
        self._d_sum = D.sum(axis=0)
        dW = self._X_test.T @ D - np.outer(self._data.mean, self._d_sum)
        return dW, {}, D @ self._W.T if self.inputs_wanted else None

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

    def cross_inputs(self, u: np.ndarray) -> np.ndarray:
        root = np.sqrt(self._data.weights)[:, None]
        s = self._data.apply(u)  # times √a
        if self.estimator.fit_intercept:
            s = s + root * self._d_sum
        residuals = self._data.apply(self._W) - self._Yc
        return root * (s @ self._W.T + residuals @ u.T) / self._total

    def _minimise(self) -> None:
        """The solution at the present penalties, by way of some between them and the last.

        Coordinate descent is slow where many features enter at once.
        """
        wanted = self._alpha
        n_between = 0
        if wanted * self._ratio > 0:
            n_between = int(np.log(max(self._l1 / (wanted * self._ratio), 1.0)) / _LONG_STEP)
        for l1 in np.geomspace(self._l1, wanted * self._ratio, n_between + 2)[1:-1]:
            self._alpha = l1 / self._ratio
            self._step()
        self._alpha = wanted
        self._step()

    def _step(self) -> None:
        """The solution at the present penalties, from that at the last ones."""
        l1 = self._alpha * self._ratio
        if self._data.dense is None:  # the matrices of one setting take enough memory
            self._grams = _Grams(self._data, self._total)
        # Strong rule (Tibshirani et al. 2012): what it leaves out is checked below.
        inside = self._W.any(axis=1)
        working = inside | self._foremost(self._size() >= 2 * l1 - self._l1)
        tolerance = _FIRST_TOLERANCE
        while True:
            M = np.flatnonzero(working)
            single = self._Yc.shape[1] == 1 and len(M) <= 2 * len(self._Yc) + _FEW
            (self._descend_by_gram if single else self._descend)(M, tolerance)
            solved = self._solve_active(M) if single else self._solve_conditions()
            self._C = self._correlations()
            violated = ~self._W.any(axis=1) & self._violates(self._size())
            self._exact = bool(solved and not violated.any())
            if self._exact or tolerance < _LAST_TOLERANCE:
                break
            if solved and (violated & ~working).any():
                working |= self._foremost(violated & ~working)
            else:
                tolerance /= 10
        self._l1 = l1

    def _size(self) -> np.ndarray:
        """What of C the l1 penalty has to outweigh, (p,)."""
        return self._C[:, 0] if self._positive else np.linalg.norm(self._C, axis=1)

    def _violates(self, size: np.ndarray) -> np.ndarray:
        """Whether features of such correlations may not stay out."""
        return size > self._alpha * self._ratio * (1 + _SLACK) + 1e-14

    def _foremost(self, candidates: np.ndarray) -> np.ndarray:
        """Those of the candidates, a mask (p,), with the largest correlations."""
        most = max(_FEW, int(self._W.any(axis=1).sum()))
        rows = np.flatnonzero(candidates)
        if len(rows) <= most:
            return candidates
        chosen = np.zeros_like(candidates)
        chosen[rows[np.argpartition(self._size()[rows], -most)[-most:]]] = True
        return chosen

    def _correlations(self) -> np.ndarray:
        S = np.flatnonzero(self._W.any(axis=1))
        residuals = self._Yc - _part(self._data, S).apply(self._W[S]) if len(S) else self._Yc
        return self._data.adjoint(residuals) / self._total

    def _columns(self, features: np.ndarray) -> np.ndarray:
        """``Xc[:, features]``, dense."""
        data = self._data
        if data.dense is not None:
            return data.dense[:, features]
        part = data.X[:, features].toarray() - data.mean[features]
        return np.sqrt(data.weights)[:, None] * part

    def _descend_by_gram(self, M: np.ndarray, tolerance: float) -> None:
        """Coordinate descent by scikit-learn over M for one target, from the present W."""
        if not len(M):
            return
        n, A = len(self._Yc), self._total
        # Of X it looks at the shape only, given the products of its columns.
        X = np.broadcast_to(0.0, (n, len(M)))
        self._W[M, 0] = self._path(
            X,
            self._Yc[:, 0],
            tolerance,
            precompute=A * self._grams.of(M),
            Xy=A * self._Xy[M, 0],
            coef_init=self._W[M, 0],
            check_input=False,
        )

    def _descend(self, M: np.ndarray, tolerance: float) -> None:
        """Coordinate descent by scikit-learn over M, from the present W."""
        if not len(M):
            return
        X = np.asfortranarray(self._columns(M))
        if self._Yc.shape[1] == 1:
            start = self._W[M, 0]
            self._W[M, 0] = self._path(X, self._Yc[:, 0], tolerance, coef_init=start)
        else:
            start = self._W[M].T.copy()
            self._W[M] = self._path(X, self._Yc, tolerance, coef_init=start).T

    def _path(self, X: np.ndarray, y: np.ndarray, tolerance: float, **options: Any) -> np.ndarray:
        """Coefficients at the present penalties, the last axis that of features."""
        if self._positive:
            options["positive"] = True
        _, path, _ = enet_path(
            X,
            y,
            l1_ratio=self._ratio,
            alphas=[self._alpha * self._total / len(X)],
            tol=tolerance,
            max_iter=100_000,
            **({"precompute": False} | options),
        )
        return path[..., 0]

    def _solve_active(self, M: np.ndarray) -> bool:
        """Newton's steps on the support of one target, which features of M leave and enter.

        Returns
        -------
        solved : bool
            Whether all of M fulfils the conditions; W as it was where not.
        """
        l1, l2 = self._alpha * self._ratio, self._alpha * (1 - self._ratio)
        # More would be singular, centred data a little earlier.
        rank = len(self._Yc) - bool(self.estimator.fit_intercept)
        n_most = rank if l2 == 0 else len(M)
        G, b = self._grams.of(M), self._Xy[M, 0]
        sign = np.sign(self._W[M, 0])
        for _ in range(_MAX_NEWTON):
            S = np.flatnonzero(sign)
            if len(S) > n_most:
                return False
            H = G[np.ix_(S, S)]
            H[np.diag_indices(len(S))] += l2
            solve = factorized(H) if len(S) else np.copy
            w = solve(b[S] - l1 * sign[S])
            leave = w * sign[S] <= 0
            if leave.any():
                sign[S[leave]] = 0
                continue
            C = b - G[:, S] @ w
            enter = (sign == 0) & self._violates(C if self._positive else np.abs(C))
            if not enter.any():
                break
            sign[enter] = np.sign(C[enter])
        else:
            return False
        self._S, self._solve_support = M[S], lambda V: solve(V[:, 0])[:, None]
        if len(S):  # the rounding of G
            part = _part(self._data, self._S)
            C_S = part.adjoint(self._Yc - part.apply(w[:, None]))[:, 0] / self._total
            w = w + solve(C_S - l1 * sign[S] - l2 * w)
        self._W[M] = 0.0
        self._W[self._S, 0] = w
        return True

    def _solve_conditions(self) -> bool:
        """Newton's steps on the support; False, and W as it was, where a row would vanish."""
        S = self._S = np.flatnonzero(self._W.any(axis=1))
        W = self._W[S]
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


def _part(data: Centred, features: np.ndarray) -> Centred:
    """``Xc[:, features]`` as an operator."""
    dense = None if data.dense is None else data.dense[:, features]
    # Where all is dense, no product takes X itself.
    X = data.X[:, features] if dense is None else dense
    return Centred(X, data.weights, data.mean[features], dense)


class _Grams:
    """Parts of ``Xcᵀ Xc / A``: what was asked for before is not computed again.

    Parameters
    ----------
    data : Centred
    total : float
        A.
    """

    def __init__(self, data: Centred, total: float):
        self._data, self._total = data, total
        self._place = np.full(data.shape[1], -1)
        self._known = np.empty(0, dtype=int)
        self._G = np.empty((0, 0))

    def of(self, features: np.ndarray) -> np.ndarray:
        """The part of some features, (m, m)."""
        new = features[self._place[features] < 0]
        if len(new):
            if len(self._known) + len(new) > 2 * len(features) + _FEW:
                self.__init__(self._data, self._total)  # type: ignore[misc]
                new = features
            k, known = len(self._known), np.concatenate([self._known, new])
            G = np.empty((len(known), len(known)))
            G[:k, :k] = self._G
            G[k:] = self._products(new, known)
            G[:k, k:] = G[k:, :k].T
            self._G, self._known = G, known
            self._place[new] = np.arange(k, len(known))
        places = self._place[features]
        return self._G[np.ix_(places, places)]

    def _products(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        data = self._data
        if data.dense is not None:
            return data.dense[:, some].T @ data.dense[:, others] / self._total
        weighted = data.X[:, some].multiply(data.weights[:, None]).tocsc()
        products = (weighted.T @ data.X[:, others]).toarray() / self._total
        return products - np.outer(data.mean[some], data.mean[others])


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
