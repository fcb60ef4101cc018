"""Training parts of shared data, against copies of their rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import KFold, ShuffleSplit, TimeSeriesSplit

from skhyper._numeric._data import Centered
from skhyper._numeric._parts import SharedData

rng = np.random.default_rng(0)
N, P = 60, 5
X = rng.normal(size=(N, P)) + rng.normal(size=P)
WEIGHTS = {"plain": None, "weighted": rng.random(N) * (rng.random(N) < 0.9)}


def part_of(X, trains, fold, weights=None, center=True):
    shared = SharedData(X, weights, trains)
    a = shared.weights(fold)
    return None if a is None else shared.part(fold, a, center)


def trains_of(cv):
    return [train for train, _ in cv.split(X)]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    "cv",
    [KFold(4), KFold(4, shuffle=True, random_state=0), ShuffleSplit(3, random_state=0)],
    ids=["blocks", "shuffled", "overlapping"],
)
def test_a_part_is_its_rows(cv, center, weights, kind, monkeypatch):
    monkeypatch.setattr("skhyper._numeric._parts.dense_if_small", lambda X: X)
    trains, W = trains_of(cv), rng.normal(size=(P, 2))
    shared = SharedData(kind(X), weights, trains)
    for fold, train in enumerate(trains):
        a = shared.weights(fold)
        part = shared.part(fold, a, center)
        own = np.ones(len(train)) if weights is None else weights[train]
        copied = Centered.from_data(X[train], own, center)
        R = np.zeros((N, 2))
        R[train] = rng.normal(size=(len(train), 2))
        np.testing.assert_allclose(part.mean, copied.mean, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(part.squared_norms(), copied.squared_norms(), rtol=1e-12)
        for _ in range(2):  # the sums of a fold are freed, and computed again
            np.testing.assert_allclose(part.gram(), copied.gram(), atol=1e-12)
        np.testing.assert_allclose(part.apply(W)[train], copied.apply(W), atol=1e-12)
        assert not np.delete(part.apply(W), train, axis=0).any()
        np.testing.assert_allclose(part.adjoint(R), copied.adjoint(R[train]), atol=1e-12)
        columns = part.columns(np.array([3, 1]))
        np.testing.assert_allclose(columns[train], copied.columns(np.array([3, 1])), atol=1e-12)


def test_no_part_where_subtraction_loses_digits():
    trains = trains_of(KFold(4))
    outlying = X.copy()
    outlying[trains[1][0], 2] = 1e4  # a training sample of all folds but the first
    kept = [part_of(outlying, trains, fold) is not None for fold in range(4)]
    assert kept == [False, True, True, True]
    assert part_of(X + 1e3, trains, 0) is None
    assert part_of(X + 1e3, trains, 0, center=False) is not None
    constant = X.copy()
    constant[trains[0], 1] = 0.3
    assert part_of(constant, trains, 0) is None


def test_no_part_that_is_slower_or_has_rows_twice():
    assert part_of(X, trains_of(TimeSeriesSplit(4)), 0) is None
    assert part_of(X, trains_of(TimeSeriesSplit(4)), 3) is not None
    assert part_of(rng.normal(size=(N, 50)), trains_of(KFold(4)), 0) is None
    assert part_of(X, [np.r_[0:50, 0]], 0) is None
