"""Functional analysis of variance (fANOVA) of functions that are sums of products.

A regression tree is such a sum, with a term per leaf and the indicators of an interval as factors;
so is the mean of a Gaussian process with a product kernel, with a term per observation. Integrals
over all coordinates but one or two are then sums over terms: no sampling is needed.

Notation
--------
d : number of columns of the unit cube
N : number of terms
G : number of cells into which an axis is divided, different for each column
f(u) = sum_i values[i] * prod_j factors[j][i, cell of u_j]

References
----------
Hutter, Hoos, Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance",
ICML. Sobol (1993), "Sensitivity estimates for nonlinear mathematical models".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class SumOfProducts:
    """A function on the unit cube, the sum of N products of functions of one coordinate.

    Attributes
    ----------
    values : ndarray of shape (N,)
    factors : list of d ndarray of shape (N, G)
        Means of the factors over the G equal cells of each axis.
    """

    values: np.ndarray
    factors: Sequence[np.ndarray]

    @cached_property
    def _means(self) -> np.ndarray:
        """Integral of each factor, (N, d)."""
        return np.column_stack([factor.mean(axis=1) for factor in self.factors])

    @cached_property
    def mean(self) -> float:
        """Integral over the cube."""
        return float(self.values @ self._means.prod(axis=1))

    def _weights(self, *columns: int) -> np.ndarray:
        """Values times the integrals over all other columns, (N,)."""
        others = np.delete(self._means, columns, axis=1)
        weights: np.ndarray = self.values * others.prod(axis=1)
        return weights

    def marginal(self, column: int) -> np.ndarray:
        """Mean over all other columns in each cell of one, minus the mean, (G,)."""
        return self._weights(column) @ self.factors[column] - self.mean

    def marginal_of_two(self, first: int, second: int) -> np.ndarray:
        """Mean over all other columns in each cell of two, minus the mean, (G, G)."""
        weighted = self._weights(first, second)[:, None] * self.factors[first]
        return weighted.T @ self.factors[second] - self.mean

    def main_effects(self) -> np.ndarray:
        """Variance of the marginal of each column, (d,)."""
        columns = range(len(self.factors))
        return np.array([np.mean(self.marginal(column) ** 2) for column in columns])

    def interactions(self, columns: Sequence[int]) -> np.ndarray:
        """Variance of each pair of `columns` that is in no marginal of one column, (d, d).

        Symmetric; nan for all other pairs, 0 on the diagonal.
        """
        main = self.main_effects()
        found = np.full((len(main), len(main)), np.nan)
        np.fill_diagonal(found, 0.0)
        for position, i in enumerate(columns):
            for j in columns[:position]:
                both = np.mean(self.marginal_of_two(i, j) ** 2)
                found[i, j] = found[j, i] = max(0.0, both - main[i] - main[j])
        return found


def cells_covered(low: np.ndarray, high: np.ndarray, n_cells: int) -> np.ndarray:
    """Share of each cell of an axis that lies in the intervals ``[low, high]``, (N, n_cells)."""
    edges = np.linspace(0.0, 1.0, n_cells + 1)
    covered = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    return np.maximum(covered, 0.0) * n_cells


def leaves(tree: object, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper corners (N, d) and values (N,) of the leaves of a scikit-learn tree."""
    nodes = tree.tree_  # type: ignore[attr-defined]
    left, right = nodes.children_left, nodes.children_right
    low, high = np.zeros((nodes.node_count, d)), np.ones((nodes.node_count, d))
    for node in np.flatnonzero(left >= 0):  # parents stand before their children
        j, threshold = nodes.feature[node], nodes.threshold[node]
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], j] = low[right[node], j] = threshold
    is_leaf = left < 0
    return low[is_leaf], high[is_leaf], nodes.value[is_leaf, 0, 0]
