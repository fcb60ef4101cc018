"""``check_shared_fit`` finds wrong rules."""

import copy

import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_diabetes
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from skhyper.reuse import SharedFit, check_shared_fit, shared_fit

X, y = load_diabetes(return_X_y=True)


class Mean(RegressorMixin, BaseEstimator):
    """Predicts the mean of the first n targets."""

    def __init__(self, n=1):
        self.n = n

    def fit(self, X, y):
        self.y_ = y[: self.n]
        return self

    def predict(self, X):
        return [self.y_.mean()] * len(X)


def first(fitted, n):
    view = copy.copy(fitted)
    view.y_ = fitted.y_[:n]
    return view


def first_in_place(fitted, n):
    fitted.y_ = fitted.y_[:n]
    return fitted


def check(derive, **options):
    shared_fit.register(Mean, lambda estimator: SharedFit("n", derive, **options))
    return check_shared_fit(Mean(), X, y, [9, 4])


def test_a_right_rule_passes():
    assert check(first).name == "n"


@pytest.mark.parametrize("rtol", [0.0, 1e-9])
def test_wrong_predictions_are_found(rtol):
    with pytest.raises(AssertionError, match="n=4 derived from n=9: predict differs"):
        check(lambda fitted, n: fitted, rtol=rtol)


def test_small_errors_pass_if_the_rule_states_them():
    def nearly(fitted, n):
        view = first(fitted, n)
        view.y_ = view.y_ * (1 + 1e-8)
        return view

    with pytest.raises(AssertionError, match="predict differs"):
        check(nearly)
    check(nearly, rtol=1e-6)


def test_a_rule_that_changes_the_fitted_estimator_is_found():
    with pytest.raises(AssertionError, match="the estimator that was derived from"):
        check(first_in_place)


def test_what_cannot_be_checked():
    with pytest.raises(ValueError, match="it has no rule"):
        check_shared_fit(SVR(), X, y, [1, 2])
    with pytest.raises(ValueError, match="ccp_alpha=-1 cannot be derived"):
        check_shared_fit(DecisionTreeRegressor(random_state=0), X, y, [-1])
