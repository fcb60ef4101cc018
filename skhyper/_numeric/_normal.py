"""Ridge regression with a penalty for each feature: systems with ``Xcᵀ Xc + diag(λ)``.

Notation
--------
n, p, K : number of samples, features, right sides
Xc : weighted and centred data, (n, p); see ``_data``
λ : penalties, (p,), not negative
V, W : right sides and solutions, (p, K)
"""

from collections.abc import Callable

import numpy as np

from skhyper._numeric._curvature import (
    Design,
    conjugate_gradients,
    factorized,
    hessian_solver,
)
from skhyper._numeric._data import Centred

__all__ = ["NormalEquations"]

Solve = Callable[[np.ndarray], np.ndarray]

# Beyond so many unknowns a factorization takes longer than conjugate gradients.
_LARGEST_DENSE = 5000
_LARGEST_SPARSE = 1000


class NormalEquations:
    """Solvers of ``(Xcᵀ Xc + diag(λ)) W = V`` for many λ, by the way that suits the shape.

    "primal" factorizes the p x p matrix, of which all λ share ``Xcᵀ Xc``; "dual" one of n x n,
    with the features of penalty 0 on its border; "iterative" is conjugate gradients.

    Parameters
    ----------
    data : Centred
    """

    def __init__(self, data: Centred):
        self._data = data
        self._gram: np.ndarray | None = None

    def way(self, penalties: np.ndarray) -> str:
        """Which of "primal", "dual" and "iterative" is taken for λ."""
        n, p = self._data.shape
        if self._data.dense is None:
            return "primal" if p <= _LARGEST_SPARSE else "iterative"
        n_penalised = np.count_nonzero(penalties)
        # As many features without a penalty as samples fit everything: the border is singular.
        if n_penalised > 1.5 * n and p - n_penalised < n <= _LARGEST_DENSE:
            return "dual"
        return "primal" if p <= _LARGEST_DENSE else "iterative"

    def factorize(self, penalties: np.ndarray) -> Solve:
        """From V to W; the shortest W where the matrix is singular and factorized."""
        return _WAYS[self.way(penalties)](self, penalties)

    def _primal(self, penalties: np.ndarray) -> Solve:
        if self._gram is None:
            self._gram = self._data.gram(primal=True)
        H = self._gram.copy()
        H[np.diag_indices_from(H)] += penalties
        return factorized(H)

    def _dual(self, penalties: np.ndarray) -> Solve:
        Xc = self._data.dense
        assert Xc is not None
        order = np.argsort(penalties == 0, kind="stable")  # those on the border come last
        n_penalised = np.count_nonzero(penalties)
        ordered = Xc if n_penalised == len(penalties) else Xc[:, order]
        Q = Design(ordered[:, :n_penalised], ordered[:, n_penalised:], ordered)
        solve = hessian_solver(Q, np.ones(len(Xc)), penalties[order])

        def solve_in_order(V: np.ndarray) -> np.ndarray:
            W = np.empty_like(V)
            W[order] = solve(V[order])
            return W

        return solve_in_order

    def _iterative(self, penalties: np.ndarray) -> Solve:
        data = self._data
        diagonal = data.squared_norms() + penalties

        def product(w: np.ndarray) -> np.ndarray:
            return data.adjoint(data.apply(w[:, None]))[:, 0] + penalties * w

        def solve(v: np.ndarray) -> np.ndarray:
            w = conjugate_gradients(product, v, diagonal=diagonal)
            # Once more from there: what rounding took from the residuals, or nothing.
            return conjugate_gradients(product, v, w, diagonal)

        return lambda V: np.column_stack([solve(v) for v in V.T])


_WAYS: dict[str, Callable[[NormalEquations, np.ndarray], Solve]] = {
    "primal": NormalEquations._primal,
    "dual": NormalEquations._dual,
    "iterative": NormalEquations._iterative,
}
