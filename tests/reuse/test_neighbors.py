"""Estimators with fewer neighbors, from one query, are those of plain fits."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.reuse import check_shared_fit, shared_fit

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 4))
Z = rng.normal(size=(90, 4))
CLASSES, NUMBERS = rng.integers(3, size=150), rng.normal(size=150)
VALUES = [1, 2, 7, 30]


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["auto", "kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("metric", ["minkowski", "manhattan"])
def test_fewer_neighbors_are_those_of_plain_fits(weights, algorithm, metric):
    options = {"weights": weights, "algorithm": algorithm, "metric": metric}
    check_shared_fit(KNeighborsClassifier(**options), X, CLASSES, VALUES, X_test=Z)
    check_shared_fit(KNeighborsRegressor(**options), X, NUMBERS, VALUES, X_test=Z)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_ties_are_broken_as_in_plain_fits(weights):
    grid = rng.integers(4, size=(150, 2)).astype(float)
    check_shared_fit(KNeighborsClassifier(weights=weights), grid, CLASSES, VALUES)
    check_shared_fit(KNeighborsRegressor(weights=weights), grid, NUMBERS, VALUES)
    check_shared_fit(KNeighborsClassifier(weights=weights), *load_iris(return_X_y=True), VALUES)
    check_shared_fit(make_pipeline(StandardScaler(), KNeighborsRegressor()), X, NUMBERS, VALUES)


def test_brute_force_of_wide_sparse_and_distant_data():
    wide = rng.normal(size=(120, 40))
    Y = np.column_stack([NUMBERS[:120], wide[:, 0]])
    data = [wide, sparse.csr_matrix(np.where(wide > 1, wide, 0)), 1e6 + wide, wide.round()]
    for X_ in data:
        for weights in ("uniform", "distance"):
            check_shared_fit(KNeighborsClassifier(weights=weights), X_, CLASSES[:120], VALUES)
            check_shared_fit(KNeighborsRegressor(weights=weights), X_, Y, VALUES)
    square = np.abs(wide[:, :1] - wide[:, 0])
    check_shared_fit(KNeighborsClassifier(metric="precomputed"), square, CLASSES[:120], VALUES)
    check_shared_fit(KNeighborsRegressor(p=3, algorithm="brute"), wide, Y, VALUES)


def test_a_search_by_brute_force_does_not_answer_for_one_by_a_tree():
    for k in (80, 100):
        fitted = KNeighborsRegressor(n_neighbors=k).fit(X, NUMBERS)
        assert shared_fit(fitted).derive(fitted, 5) is None
    assert not shared_fit(KNeighborsRegressor()).is_certain
    assert shared_fit(KNeighborsRegressor(algorithm="kd_tree")).is_certain


def test_tied_queries_alone_are_run_again():
    X_ = np.vstack([X, X[:40]])
    y = np.concatenate([NUMBERS, NUMBERS[:40] + 1.0])
    for algorithm in ("kd_tree", "brute"):
        for weights in ("uniform", "distance"):
            model = KNeighborsRegressor(weights=weights, algorithm=algorithm)
            check_shared_fit(model, X_, y, VALUES, X_test=np.vstack([X[:20], Z]))


def test_one_query_answers_for_all():
    queries = []

    def count(a, b):
        queries.append(1)
        return np.abs(a - b).sum()

    fitted = KNeighborsRegressor(30, metric=count, algorithm="brute").fit(X[:40], NUMBERS[:40])
    derived = [shared_fit(fitted).derive(fitted, k) for k in (3, 10, 20)]
    queries.clear()
    for one in derived:
        one.predict(X[40:50])
    assert len(queries) == 400
