"""Linear models with a squared loss: centered data, predictions, data derivatives.

``G = c Xcᵀ (Xc W - Yc) + …`` where the other terms do not depend on the data.

Notation
--------
n, p, K : number of samples, features, outputs
W, U : solution and adjoint, (p, K)
a : sample weights, (n,);  Xc, Yc : weighted and centered data, see ``_data``
c : scale of the loss
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._numeric._data import Centered, as_matrix, centered_target
from skhyper.hypergradient import _problem as hg


@dataclass(frozen=True)
class SquaredLoss:
    """Training data of a linear model with a squared loss.

    Attributes
    ----------
    data : Centered
    Y, Yc : ndarray of shape (n, K)
    y_mean : ndarray of shape (K,)
        Zeros without an intercept.
    flat : bool
        Whether the target has one dimension.
    centers : bool
        Whether there is an intercept.
    scale : float
        c.
    """

    data: Centered
    Y: np.ndarray
    Yc: np.ndarray
    y_mean: np.ndarray
    flat: bool
    centers: bool
    scale: float

    @classmethod
    def from_data(
        cls,
        X: Any,
        Y: np.ndarray,
        a: np.ndarray,
        flat: bool,
        centers: bool,
        scale: float = 1.0,
        lean: bool = False,
    ) -> "SquaredLoss":
        """From checked X (n, p), Y (n, K) and sample weights (n,); for `lean` see ``Centered``."""
        y_mean, Yc = centered_target(Y, a, centers)
        return cls(Centered.from_data(X, a, centers, lean), Y, Yc, y_mean, flat, centers, scale)

    @classmethod
    def from_part(cls, part: hg.TrainingPart, center: bool) -> "SquaredLoss | None":
        """From a part of shared data; None if that requires a copy."""
        shared = part.shared()
        a = None if shared is None else shared[0].weights(part.fold)
        if shared is None or a is None or (data := shared[0].part(part.fold, a, center)) is None:
            return None
        Y = shared[1].reshape(len(a), -1)
        y_mean, Yc = centered_target(Y, a, center)
        return cls(data, Y, Yc, y_mean, Y.shape[1] == 1, center, 1 / a.sum())

    def filled(self, fitted: Any, single: bool, W: np.ndarray) -> Any:
        """The estimator with W as ``coef_`` and ``intercept_``."""
        intercept = self.y_mean - self.data.mean @ W
        fitted.coef_ = W[:, 0].copy() if single else W.T.copy()
        fitted.intercept_ = (intercept[0] if single else intercept) if fitted.fit_intercept else 0.0
        return fitted

    def output(
        self,
        W: np.ndarray,
        X: Any,
        solve: Callable[[np.ndarray], np.ndarray],
        cross: Callable[[np.ndarray], hg.Gradient],
    ) -> hg.Output:
        """Predictions for X with the solution W.

        Parameters
        ----------
        solve : callable
            From ``∂L/∂W`` to ``U = H⁻¹ ∂L/∂W``, (p, K).
        cross : callable
            From U to ``Uᵀ ∂G/∂θ``.
        """
        X_test = as_matrix(X)
        Z = X_test @ W + (self.y_mean - self.data.mean @ W)

        # The intercept is not part of W: the adjoint is a pair (of W, of the intercept).
        def direct(d_value: np.ndarray, want: hg.Want) -> tuple[Any, hg.Cotangents]:
            D = d_value.reshape(len(d_value), -1)
            d_intercept = D.sum(axis=0)
            dW = X_test.T @ D - np.outer(self.data.mean, d_intercept)
            return (dW, d_intercept), hg.Cotangents({}, X_test=D @ W.T if want.data else None)

        def cross_pair(u: Any, want: hg.Want) -> hg.Cotangents:
            return hg.Cotangents(cross(u[0]), self._cross_data(W, *u) if want.data else None)

        value = Z[:, 0] if self.flat and Z.shape[1] == 1 else Z
        return hg.Output(
            value, hg.implicit_vjp(direct, lambda dw: (solve(dw[0]), dw[1]), cross_pair)
        )

    def _cross_data(self, W: np.ndarray, u: np.ndarray, d_intercept: np.ndarray) -> np.ndarray:
        """``uᵀ ∂G/∂X``, including the path through the intercept; (n, p)."""
        data, c = self.data, self.scale
        root = np.sqrt(data.weights)[:, None]
        residuals = data.apply(W) - self.Yc  # times √a
        s = c * data.apply(u)  # times √a
        if self.centers:
            s = s + root * d_intercept / data.weights.sum()
        return root * (s @ W.T + c * residuals @ u.T)
