"""Shared fits of k-nearest neighbors: one query for the largest k answers for all smaller ones."""

import copy
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skhyper._identity import digest
from skhyper.reuse._rules import SharedFit, shared_fit

# Results of the last queries of fitted estimators, by digests of the data: test and training data.
_QUERIES: "WeakKeyDictionary[Any, dict[str, tuple[np.ndarray, np.ndarray]]]" = WeakKeyDictionary()
_MAX_QUERIES = 2


class _Fewer:
    """Mixin of an estimator with fewer neighbors than `_whole`, whose queries it uses."""

    _whole: Any
    n_neighbors: int

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> Any:
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if X is None or k >= self._whole.n_neighbors:
            return super().kneighbors(X, n_neighbors, return_distance)  # type: ignore[misc]
        distances, indices = _query(self._whole, X)
        if self._has_ties(distances, k):
            return super().kneighbors(X, n_neighbors, return_distance)  # type: ignore[misc]
        # Copies, as the order of summation depends on the memory layout.
        indices = np.ascontiguousarray(indices[:, :k])
        return (np.ascontiguousarray(distances[:, :k]), indices) if return_distance else indices

    def _has_ties(self, distances: np.ndarray, k: int) -> bool:
        """Whether neighbors, or their order where it counts, depend on how ties are broken."""
        first = k - 1 if isinstance(self, KNeighborsClassifier) else 0
        return bool(np.any(distances[:, first:k] == distances[:, first + 1 : k + 1]))


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
    if fitted._fit_method == "brute" and not callable(fitted.metric):
        return None  # many queries take hardly longer than one
    if fitted.algorithm == "auto" and (k >= n // 2) != (fitted.n_neighbors >= n // 2):
        return None  # by brute force, or by a tree
    view = copy.copy(fitted)
    view.__class__ = _KINDS[type(fitted)]
    view.n_neighbors, view._whole = k, fitted
    return view


@shared_fit.register(KNeighborsClassifier)
@shared_fit.register(KNeighborsRegressor)
def _neighbors(estimator: Any) -> SharedFit | None:
    if type(estimator) not in _KINDS:
        return None
    is_certain = estimator.algorithm in ("kd_tree", "ball_tree") or callable(estimator.metric)
    why_not = ""
    if estimator.algorithm == "brute" and not is_certain:
        why_not = "queries by brute force are fast"
    return SharedFit(
        "n_neighbors", _with_fewer, whole_range=True, is_certain=is_certain, why_not=why_not
    )
