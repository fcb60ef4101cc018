"""What problems with a squared loss share: centred data, predictions, derivatives by the data.

With ``G = c Xcᵀ (Xc W - Yc) + …`` where the rest does not depend on the data.

Notation
--------
n, p, K : number of samples, features, outputs
W, U : solution and adjoint, (p, K)
a : sample weights, (n,);  Xc, Yc : weighted and centred data, see ``_data``
c : scale of the loss
"""

from typing import Any

import numpy as np

from skhyper._numeric._data import Centered, as_matrix, centered_target
from skhyper.hypergradient._problem import Gradient
from skhyper.hypergradient._stateful import StatefulProblem

__all__ = ["CentredProblem"]


class CentredProblem(StatefulProblem):
    """A linear model with a squared loss; a subclass sets ``_W`` by ``fit``."""

    def _take(
        self,
        X: Any,
        Y: np.ndarray,
        a: np.ndarray,
        flat: bool,
        scale: float = 1.0,
        lean: bool = False,
    ) -> None:
        """Take checked data: X (n, p), Y (n, K), sample weights (n,); c.

        Parameters
        ----------
        flat : bool
            Whether the target has one dimension.
        lean : bool, default=False
            As of ``Centered.from_data``.
        """
        centre = self.estimator.fit_intercept
        self._data = Centered.from_data(X, a, centre, lean)
        self._y_mean, self._Yc = centered_target(Y, a, centre)
        self._Y, self._flat, self._scale = Y, flat, scale
        self._W: np.ndarray

    def _filled(self, fitted: Any, single: bool, W: np.ndarray | None = None) -> Any:
        """The estimator with the solution, or another W, as ``coef_`` and ``intercept_``."""
        W = self._W if W is None else W
        intercept = self._y_mean - self._data.mean @ W
        fitted.coef_ = W[:, 0].copy() if single else W.T.copy()
        fitted.intercept_ = (intercept[0] if single else intercept) if fitted.fit_intercept else 0.0
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        self._X_test = as_matrix(X)
        Z = self._X_test @ self._W + (self._y_mean - self._data.mean @ self._W)
        return Z[:, 0] if self._flat and Z.shape[1] == 1 else Z

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        D = d_output.reshape(len(d_output), -1)
        self._d_sum = D.sum(axis=0)
        dW = self._X_test.T @ D - np.outer(self._data.mean, self._d_sum)
        return dW, {}, D @ self._W.T if self.inputs_wanted else None

    def cross_inputs(self, u: np.ndarray) -> np.ndarray:
        data, c = self._data, self._scale
        root = np.sqrt(data.weights)[:, None]
        residuals = data.apply(self._W) - self._Yc  # times √a
        s = c * data.apply(u)  # times √a
        if self.estimator.fit_intercept:
            s = s + root * self._d_sum / data.weights.sum()
        return root * (s @ self._W.T + c * residuals @ u.T)
