"""Training data for linear models: weighted, centered, dense or sparse.

Notation
--------
n, p, K : number of samples, features, outputs
a : sample weights, (n,);  A = Σ a
x̄, ȳ : weighted means, (p,), (K,); zero without an intercept
Xc = √a (X - x̄) : (n, p), never formed where X is sparse
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight

from skhyper._readonly import private_copy

# Largest mean, relative to the standard deviation, that may be subtracted from products
# instead of from the data.
LARGEST_MEAN = 30.0
# Attributes of `Centered` that are as large as the data.
_DATA = ("X", "dense")
# Number of columns of a Gram matrix that are computed at a time from sparse data.
_BLOCK = 100


def as_matrix(X: Any) -> Any:
    """`X` as float64, in CSR format if sparse."""
    if sparse.issparse(X):
        return X.tocsr().astype(np.float64, copy=False)
    return np.asarray(X, dtype=np.float64)


def checked_matrix(X: Any) -> Any:
    """:func:`as_matrix` after scikit-learn's checks: two-dimensional and finite."""
    return as_matrix(check_array(X, accept_sparse="csr", dtype=np.float64))


def checked_target(y: Any) -> np.ndarray:
    """The target of a regression as float64, checked to be finite."""
    return check_array(y, ensure_2d=False, dtype=np.float64)


def copy_rows(X: Any, rows: Any) -> Any:
    """A copy of some rows, with their feature names."""
    if hasattr(X, "iloc"):
        return private_copy(X.iloc[rows])
    return private_copy(X[rows] if hasattr(X, "shape") else np.asarray(X)[rows])


def as_weights(sample_weight: Any, n: int) -> np.ndarray:
    """Sample weights (n,), all 1 for None."""
    if sample_weight is None:
        return np.ones(n)
    return np.broadcast_to(np.asarray(sample_weight, dtype=float), (n,))


def with_class_weights(
    a: np.ndarray, y: np.ndarray, classes: np.ndarray, class_weight: Any
) -> np.ndarray:
    """Sample weights times class weights; "balanced" gives all classes the same total weight."""
    if class_weight is None:
        return a
    if not isinstance(class_weight, str):
        return a * compute_sample_weight(class_weight, y)
    members = y[:, None] == classes
    share = a.sum() / (len(classes) * (a @ members))
    return a * (members @ share)


def centered_target(Y: np.ndarray, a: np.ndarray, center: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means ȳ (K,), zeros without an intercept, and ``√a (Y - ȳ)`` (n, K)."""
    mean = a @ Y / a.sum() if center else np.zeros(Y.shape[1])
    return mean, np.sqrt(a)[:, None] * (Y - mean)


@dataclass(frozen=True)
class Centered:
    """``Xc`` as an operator.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n, p)
    weights : ndarray of shape (n,)
    mean : ndarray of shape (p,)
    dense : ndarray of shape (n, p) or None
        ``Xc`` itself; None if X is sparse, or was not copied (`lean`).
    """

    X: Any
    weights: np.ndarray
    mean: np.ndarray
    dense: np.ndarray | None

    def drop(self, again: Callable[[], "Centered"]) -> None:
        """Free X and Xc; ``again()`` has the same ones when they are used next."""
        vars(self).update(_again=again)
        for name in _DATA:
            vars(self).pop(name, None)

    def __getattr__(self, name: str) -> Any:
        again = vars(self).get("_again") if name in _DATA else None
        if again is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        made = again()
        vars(self).update({key: getattr(made, key) for key in _DATA})
        return vars(self)[name]

    @classmethod
    def from_data(cls, X: Any, weights: np.ndarray, center: bool, lean: bool = False) -> "Centered":
        """From data, sample weights, and whether to subtract the means.

        Parameters
        ----------
        lean : bool, default=False
            If True, a dense X is not copied if all weights are 1 and the means are so small that
            they can be subtracted from products without loss of digits.
        """
        total = weights.sum()
        mean = np.asarray(X.T @ weights).ravel() / total if center else np.zeros(X.shape[1])
        if sparse.issparse(X):
            return cls(X, weights, mean, None)
        plain = bool((weights == 1).all())
        if lean and plain:
            squares = np.einsum("ij,ij->j", X, X) / total
            if (mean**2 <= LARGEST_MEAN**2 * (squares - mean**2)).all():
                return cls(X, weights, mean, None)
        dense = X - mean
        if not plain:
            dense *= np.sqrt(weights)[:, None]
        return cls(X, weights, mean, dense)

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape

    def apply(self, W: np.ndarray) -> np.ndarray:
        """``Xc W``, (n, K)."""
        if self.dense is not None:
            return self.dense @ W
        return np.sqrt(self.weights)[:, None] * (self.X @ W - self.mean @ W)

    def adjoint(self, R: np.ndarray) -> np.ndarray:
        """``Xcᵀ R``, (p, K)."""
        if self.dense is not None:
            return self.dense.T @ R
        weighted = np.sqrt(self.weights)[:, None] * R
        return self.X.T @ weighted - np.outer(self.mean, weighted.sum(axis=0))

    def squared_norms(self) -> np.ndarray:
        """Squared length of each column of Xc, (p,)."""
        if self.dense is not None:
            return np.einsum("ij,ij->j", self.dense, self.dense)
        if not sparse.issparse(self.X):  # lean
            return np.einsum("ij,ij->j", self.X, self.X) - len(self.X) * self.mean**2
        squares = self.X.multiply(self.X).T @ self.weights
        return np.maximum(squares - self.weights.sum() * self.mean**2, 0.0)

    def columns(self, features: np.ndarray) -> np.ndarray:
        """``Xc[:, features]``, dense."""
        if self.dense is not None:
            return self.dense[:, features]
        part = self.X[:, features]
        part = (part.toarray() if sparse.issparse(part) else part) - self.mean[features]
        return np.sqrt(self.weights)[:, None] * part

    def cancellation(self) -> float:
        """Largest ratio of a column's squared length before and after centering.

        1 for a dense Xc, which is centered before anything is squared.
        """
        if self.dense is not None:
            return 1.0
        centered = self.squared_norms()
        whole = centered + self.weights.sum() * self.mean**2
        seen = whole > 0
        with np.errstate(divide="ignore"):
            return float((whole[seen] / centered[seen]).max(initial=1.0))

    def gram(self, primal: bool | None = None) -> np.ndarray:
        """``Xcᵀ Xc`` (`primal`) or ``Xc Xcᵀ``; by default the smaller one."""
        n, p = self.shape
        primal = p <= n if primal is None else primal
        if self.dense is not None:
            return self.dense.T @ self.dense if primal else self.dense @ self.dense.T
        if not sparse.issparse(self.X):  # lean
            if not primal:
                X = self.X - self.mean
                return X @ X.T
            return self.X.T @ self.X - n * np.outer(self.mean, self.mean)
        root = np.sqrt(self.weights)
        if primal:
            return self._sparse_gram()
        shift = np.asarray(self.X @ self.mean).ravel()
        K = (self.X @ self.X.T).toarray() - shift[:, None] - shift + self.mean @ self.mean
        return root[:, None] * K * root

    def _sparse_gram(self) -> np.ndarray:
        """``Xcᵀ Xc``, a block of columns at a time: a sparse product takes more memory."""
        p, total = self.shape[1], self.weights.sum()
        Xw = self.X.tocsc(copy=True)
        Xw.data *= np.sqrt(self.weights)[Xw.indices]
        G, Xt = np.empty((p, p)), Xw.T
        for start in range(0, p, _BLOCK):
            block = slice(start, start + _BLOCK)
            G[:, block] = (Xt @ Xw[:, block]).toarray()
            G[:, block] -= total * np.outer(self.mean, self.mean[block])
        return G
