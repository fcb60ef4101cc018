"""The checker finds what is wrong, and says what it cannot check."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.hypergradient import (
    Cotangents,
    Fit,
    Fold,
    InnerProblem,
    NotDifferentiableError,
    Output,
    check_hypergradient,
    inner_problem,
)
from skhyper.hypergradient._check import _is_forward
from skhyper.neural_network import MLPRegressor

X, y = load_diabetes(return_X_y=True)


class Doubled(Ridge):
    """A ridge regression that uses twice the given penalty."""

    def fit(self, X, y):
        inner = Ridge(alpha=2 * self.alpha).fit(X, y)
        self.coef_, self.intercept_ = inner.coef_, inner.intercept_
        return self


@pytest.mark.parametrize(("factor", "right"), [(2.0, True), (1.0, False), (2.001, False)])
def test_a_registered_problem_is_believed_only_if_it_is_right(factor, right):
    class Problem(InnerProblem):
        names = ("alpha",)

        def load(self, X, y):
            return DoubledFold(inner_problem(Ridge()).load(X, y))

    class DoubledFold(Fold):
        def __init__(self, ridge):
            self.ridge = ridge

        def fit(self, params):
            return DoubledFit(self.ridge.fit({"alpha": 2 * params["alpha"]}))

    class DoubledFit(Fit):
        def __init__(self, ridge):
            self.ridge, self.estimator = ridge, ridge.estimator

        def predict(self, X, method):
            value, vjp = vars(self.ridge.predict(X, method)).values()
            return Output(
                value, lambda d, want: Cotangents({"alpha": factor * vjp(d, want).params["alpha"]})
            )

    inner_problem.register(Doubled, Problem)
    if right:
        check = check_hypergradient(Doubled(alpha=0.1), X, y)
        assert check.max_error < 1e-7
        assert check.criterion == "-r2_score"
    else:
        with pytest.raises(AssertionError, match="is off by"):
            check_hypergradient(Doubled(alpha=0.1), X, y)


def test_names_that_have_none():
    with pytest.raises(
        NotDifferentiableError, match=r"to \['tol'\] for.* one with respect to \['alpha'\]"
    ):
        check_hypergradient(Ridge(), X, y, names=["tol"])
    with pytest.raises(NotDifferentiableError, match="LinearRegression has no hypergradient"):
        check_hypergradient(LinearRegression(), X, y)


def test_folds_and_weights():
    half = np.arange(len(y)) % 2 == 0
    folds = [(np.flatnonzero(half), np.flatnonzero(~half))]
    weight = {"sample_weight": np.linspace(0, 1, len(y))}
    one = check_hypergradient(Ridge(alpha=0.1), X, y, cv=folds)
    other = check_hypergradient(Ridge(alpha=0.1), X, y, cv=folds, fit_params=weight)
    assert one.gradient["alpha"] != pytest.approx(other.gradient["alpha"], rel=1e-3)


def test_a_setting_at_the_end_of_what_is_allowed():
    with pytest.raises(NotDifferentiableError, match=r"both sides.*'l1_ratio'"):
        check_hypergradient(ElasticNet(l1_ratio=1.0), X, y)


def test_a_derivative_of_zero():
    assert check_hypergradient(Lasso(alpha=1e3), X, y).max_error == 0.0


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame])
def test_steps_that_work_in_place(kind):
    X = np.random.default_rng(0).normal(size=(40, 3)) + 5
    y = np.sin(X) @ [1.0, 2.0, 3.0]
    data, model = kind(X.copy()), make_pipeline(StandardScaler(copy=False), Ridge(copy_X=False))
    expected = check_hypergradient(make_pipeline(StandardScaler(), Ridge()), X, y).gradient
    assert check_hypergradient(model, data, y).gradient == pytest.approx(expected)
    np.testing.assert_array_equal(np.asarray(data), X)


def test_classes_in_one_column():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, 0] + X[:, 1] ** 2 > 0.8).astype(int)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        found = check_hypergradient(LogisticRegression(), X, y[:, None], scoring="neg_log_loss")
    expected = check_hypergradient(LogisticRegression(), X, y, scoring="neg_log_loss")
    assert found.gradient == pytest.approx(expected.gradient)


def test_is_forward():
    assert _is_forward(MLPRegressor())
    assert not _is_forward(Ridge())
    assert not _is_forward(None)
