"""What `cv` may be, and what is said of the rest."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold, check_cv

from skhyper.search._folds import drawn_folds

X, y = load_iris(return_X_y=True)


def folds(given):
    return drawn_folds(given, check_cv(given, y, classifier=True), X, y, {})


def test_what_scikit_learn_draws():
    for given in (3, KFold(4), list(KFold(2).split(X)), iter(list(KFold(2).split(X)))):
        expected = check_cv(3 if given == 3 else KFold(4 if isinstance(given, KFold) else 2), y)
        expected = list(
            check_cv(3, y, classifier=True).split(X, y) if given == 3 else expected.split(X)
        )
        drawn = folds(given)
        assert len(drawn) == len(expected)
        for pair, other in zip(drawn, expected, strict=True):
            np.testing.assert_array_equal(pair[0], other[0])
            np.testing.assert_array_equal(pair[1], other[1])


@pytest.mark.parametrize(
    "wrong", [[5], (1,), [None], [[]], {1: 2}, {"nope": 1}, b"x", [(1, 2, 3)], np.array([1, 2])]
)
def test_what_is_no_cv_is_named(wrong):
    with pytest.raises(ValueError, match="cv must be a number of folds, a splitter, or"):
        folds(wrong)


@pytest.mark.parametrize("wrong", [[], (), {}])
def test_no_folds(wrong):
    with pytest.raises(ValueError, match="Was the CV iterator empty"):
        folds(wrong)


def test_the_error_of_a_splitter_is_its_own():
    class Splitter:
        def get_n_splits(self, X=None, y=None, groups=None):
            return 2

        def split(self, X, y=None, groups=None):
            raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        folds(Splitter())
    Splitter.split = lambda self, X, y=None, groups=None: iter([(np.arange(5), np.arange(5))])
    with pytest.raises(ValueError, match="Expected 2 splits, got 1"):
        folds(Splitter())
