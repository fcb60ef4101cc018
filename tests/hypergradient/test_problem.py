"""Dispatch on the class of the estimator."""

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from skhyper.hypergradient import NotDifferentiableError, inner_problem


class Renamed(Ridge):
    """A subclass that fits and predicts as its base does."""


class Transposed(Ridge):
    def fit(self, X, y):
        return super().fit(X, -y)


def test_a_subclass_has_the_problem_of_its_base_if_it_behaves_so():
    assert inner_problem(Renamed()).names == ("alpha",)
    with pytest.raises(NotDifferentiableError, match="Transposed overrides 'fit' of Ridge"):
        inner_problem(Transposed())


@pytest.mark.parametrize("estimator", [DecisionTreeRegressor(), BaseEstimator()])
def test_what_has_none(estimator):
    with pytest.raises(NotDifferentiableError, match=f"{type(estimator).__name__} has no"):
        inner_problem(estimator)
