"""Folds: stored as little as possible, and drawn again."""

import copy
import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)

from skhyper._splits import Splits, size_ratio, standard_error
from skhyper.search._folds import drawn_folds

X, y = load_iris(return_X_y=True)
GROUPS = np.arange(150) // 7


def again(splits):
    return pickle.loads(pickle.dumps(splits))


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a, b) for p, q in zip(one, other) for a, b in zip(p, q, strict=True)
    )


def drawn(cv, **params):
    return drawn_folds(cv, cv, X, y, params)


class Bootstrap:
    """A splitter of another package: rows in any order, some of them twice."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 3

    def split(self, X, y=None, groups=None):
        for _ in range(3):
            yield np.random.randint(0, len(X), 100), np.random.permutation(len(X))[:30]


EXPLICIT = {
    "blocks": list(KFold(3).split(X)),
    "shuffled": list(KFold(3, shuffle=True).split(X)),
    "permuted": list(ShuffleSplit(3).split(X)),
    "parts": [(np.arange(0, 90, 3), np.arange(1, 90, 4))],
    "loo": list(LeaveOneOut().split(X)),
    "lists": [([5, 4], [1, 2]), ([0], [-1])],
    "masks": [(y == 0, y == 1)],
    "slices": [(slice(0, 50), slice(50, None))],
    "empty": [(np.arange(150), np.array([], dtype=int))],
}


@pytest.mark.parametrize("pairs", EXPLICIT.values(), ids=EXPLICIT)
def test_explicit_folds(pairs):
    splits = Splits(pairs, len(X))
    found = again(splits)
    rows = np.arange(len(X))
    for (train, test), (a, b) in zip(pairs, found, strict=True):
        np.testing.assert_array_equal(rows[train], rows[a])
        np.testing.assert_array_equal(rows[test], rows[b])
    assert found.digest == splits.digest
    assert found.sizes == tuple((len(rows[a]), len(rows[b])) for a, b in pairs)
    assert same(found[-1:], [found[len(pairs) - 1]])
    with pytest.raises(IndexError, match="range"):
        found[len(pairs)]


SEEDED = {
    "blocks": (KFold(3), {}),
    "shuffled": (KFold(3, shuffle=True, random_state=0), {}),
    "global": (KFold(3, shuffle=True), {}),
    "state": (ShuffleSplit(3, random_state=np.random.RandomState(0)), {}),
    "strata": (StratifiedKFold(3, shuffle=True, random_state=1), {}),
    "strata state": (StratifiedShuffleSplit(3, random_state=np.random.RandomState(3)), {}),
    "repeated": (RepeatedStratifiedKFold(n_splits=3, n_repeats=2), {}),
    "groups": (GroupKFold(3), {"groups": GROUPS}),
    "time": (TimeSeriesSplit(3), {}),
    "loo": (LeaveOneOut(), {}),
    "predefined": (PredefinedSplit(GROUPS % 3), {}),
}


@pytest.mark.parametrize(("cv", "params"), SEEDED.values(), ids=SEEDED)
def test_folds_of_splitters_are_drawn_again(cv, params):
    splits = drawn(cv, **params)
    before = np.random.get_state()[1].copy()
    found = again(splits)
    restored = found.drawn(cv, X, y, params)
    assert same(restored, splits)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert found.drawn(KFold(4), X, y, {}) is None
    assert found.sizes == tuple((len(a), len(b)) for a, b in splits)
    assert not found.has_indices


def test_folds_that_depend_on_the_number_of_samples_only_need_no_data():
    for name in ("shuffled", "global", "state", "loo", "time"):
        cv, params = SEEDED[name]
        splits = drawn(cv, **params)
        assert same(again(splits), splits)
    for cv, params in (SEEDED["strata"], SEEDED["groups"]):
        with pytest.raises(ValueError, match="needs the data"):
            again(drawn(cv, **params))[0]


@pytest.mark.parametrize("cv", [Bootstrap(), iter(EXPLICIT["shuffled"])])
def test_folds_of_other_splitters_are_stored(cv):
    from sklearn.model_selection import check_cv

    splits = drawn(check_cv(cv))
    assert same(again(splits), splits)
    assert splits.splitter is None


def test_the_ratio_of_sizes_is_known_without_indices():
    splits = drawn(StratifiedKFold(3))
    expected = np.mean([len(test) / len(train) for train, test in splits])
    masks = [[np.isin(np.arange(splits.n_samples), rows) for rows in pair] for pair in splits]
    for folds in (splits, again(splits), list(splits), masks):
        assert size_ratio(folds) == expected


def test_standard_error():
    S = np.random.default_rng(0).standard_normal((6, 5))
    # With a ratio of 0 it is the usual one.
    np.testing.assert_allclose(standard_error(S, 0.0), stats.sem(S, axis=1))
    np.testing.assert_allclose(standard_error(S, 0.25), stats.sem(S, axis=1) * np.sqrt(1 + 5 / 4))
    assert np.isnan(standard_error(S[:, :1], 0.25)).all()


def test_copies_share_the_indices():
    splits = drawn(KFold(3))
    assert copy.deepcopy(splits) is splits


def test_sizes_of_pickles():
    """Bits for sets of rows, and hardly anything where folds are drawn again."""
    rows = np.zeros((100_000, 1))
    folds = list(KFold(5, shuffle=True, random_state=0).split(rows))
    assert len(pickle.dumps(Splits(folds, 100_000))) < 65_000
    seeded = KFold(5, shuffle=True, random_state=0)
    assert len(pickle.dumps(drawn_folds(seeded, seeded, rows, None, {}))) < 600
    few = rows[:2000]
    assert len(pickle.dumps(Splits(LeaveOneOut().split(few), 2000))) < 20_000
    loo = drawn_folds(LeaveOneOut(), LeaveOneOut(), few, None, {})
    assert len(pickle.dumps(loo)) < 20_000
