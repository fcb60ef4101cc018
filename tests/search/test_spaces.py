"""Search spaces with what else the user wrote."""

import math

import pytest
from sklearn.svm import SVC

from skhyper import SearchCV
from skhyper.exceptions import InvalidSpaceError
from skhyper.search._spaces import (
    check_numbers,
    checked_initial_points,
    checked_space,
    own_params,
    phases,
)
from skhyper.space import check_space

C = {"C": (0.1, 10.0)}


def test_phases():
    (whole,) = phases(check_space(C), 7)
    assert whole[1] == 7
    assert [n for _, n in phases(check_space(C), None)] == [50]
    assert [n for _, n in phases(check_space(C), None, max_time=1)] == [math.inf]
    pairs = check_space([(C, 3), {"C": [1, 2]}])
    assert [n for _, n in phases(pairs, 9, max_time=1)] == [3, 9]


@pytest.mark.parametrize("wrong", [{"n_iter": True}, {"n_iter": 10**40}, {"max_time": True}])
def test_numbers_of_a_usual_size(wrong):
    check_numbers(SearchCV(SVC(), n_iter=3, max_time=1e300))
    with pytest.raises(ValueError, match="must be a number, not bool"):
        check_numbers(SearchCV(SVC(), **wrong))


def test_own_params_and_initial_points():
    search = SearchCV(SVC(), C, initial_points={"C": 2.0}, n_iter=5)
    space = checked_space(search, C)
    assert own_params(search, space) == [{"C": 1.0}]
    assert own_params(search.set_params(include_default=False), space) == []
    assert checked_initial_points(search, space) == [{"C": 2.0}]
    with pytest.raises(InvalidSpaceError, match="does not lie in"):
        checked_initial_points(search.set_params(initial_points={"C": 20.0}), space)
