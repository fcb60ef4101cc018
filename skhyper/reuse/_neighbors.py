"""Shared fits of k-nearest neighbors: one query for the largest k serves all smaller ones."""

import copy
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.utils.extmath import row_norms

from skhyper._identity import digest
from skhyper.reuse._rules import SharedFit, shared_fit

# Results of the last queries of fitted estimators, by digests of the data: test and training data.
_QUERIES: "WeakKeyDictionary[Any, dict[str, tuple[np.ndarray, np.ndarray]]]" = WeakKeyDictionary()
_MAX_QUERIES = 2
# Differences of squared distances, relative to squared norms, below which neighbors may be tied
# with brute force.
_ROUNDING = 1e-12
# Share of tied queries above which all are run again.
_MAX_TIED = 0.5


class _Fewer:
    """Mixin of an estimator with fewer neighbors than `_whole`, whose queries it uses."""

    _whole: Any
    n_neighbors: int

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> Any:
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if X is None or k >= self._whole.n_neighbors:
            return self._whole.kneighbors(X, k, return_distance)
        distances, indices = _query(self._whole, X)
        tied = self._tied(distances, k)
        by_rows = self._whole._fit_method != "brute" and isinstance(X, np.ndarray)
        if tied.mean() > _MAX_TIED or (tied.any() and not by_rows):
            return self._whole.kneighbors(X, k, return_distance)
        # Copies, as the order of summation depends on the memory layout.
        distances, indices = distances[:, :k].copy(), indices[:, :k].copy()
        if tied.any():
            distances[tied], indices[tied] = self._whole.kneighbors(X[tied], k)
        return (distances, indices) if return_distance else indices

    def _tied(self, distances: np.ndarray, k: int) -> np.ndarray:
        """Queries whose neighbors, or their order if it matters, depend on how ties are broken."""
        first = k - 1 if isinstance(self, KNeighborsClassifier) else 0
        nearer, next_ones = distances[:, first:k], distances[:, first + 1 : k + 1]
        if self._whole._fit_method != "brute" or callable(self._whole.metric):
            return np.any(nearer == next_ones, axis=1)
        # Ranked by squares that are differences of larger numbers.
        squares = row_norms(self._whole._fit_X, squared=True).max() + distances.max() ** 2
        return np.any(next_ones**2 - nearer**2 <= _ROUNDING * squares, axis=1)


class _FewerClassifier(_Fewer, KNeighborsClassifier):
    pass


class _FewerRegressor(_Fewer, KNeighborsRegressor):
    pass


_KINDS = {KNeighborsClassifier: _FewerClassifier, KNeighborsRegressor: _FewerRegressor}


def _query(whole: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    queries, key = _QUERIES.setdefault(whole, {}), digest(X)
    if key not in queries:
        while len(queries) >= _MAX_QUERIES:
            del queries[next(iter(queries))]
        queries[key] = whole.kneighbors(X)
    return queries[key]


def _with_fewer(fitted: Any, k: int) -> Any:
    """A copy of a fitted estimator with fewer neighbors; None if it would search differently."""
    n = fitted.n_samples_fit_
    if fitted.algorithm == "auto" and (k >= n // 2) != (fitted.n_neighbors >= n // 2):
        return None  # by brute force, or by a tree
    view = copy.copy(fitted)
    view.__class__ = _KINDS[type(fitted)]
    view.n_neighbors, view._whole = k, fitted
    # With "brute", classifiers would count classes by a query of their own.
    view._fit_method = "kd_tree"
    return view


@shared_fit.register(KNeighborsClassifier)
@shared_fit.register(KNeighborsRegressor)
def _neighbors(estimator: Any) -> SharedFit | None:
    if type(estimator) not in _KINDS:
        return None
    # By default a query may be as quick as a score, so that added values would not be free.
    named = estimator.algorithm in ("kd_tree", "ball_tree") or callable(estimator.metric)
    return SharedFit("n_neighbors", _with_fewer, whole_range=True, is_certain=named)
