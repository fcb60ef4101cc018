"""Shared fits of ensembles are equal to plain fits, to the last bit."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

from skhyper.reuse import check_shared_fit, shared_fit

N = 80
CLASSES = tuple(part[:N] for part in load_breast_cancer(return_X_y=True))
NUMBERS = tuple(part[:N] for part in load_diabetes(return_X_y=True))
WEIGHTS = {"sample_weight": np.random.default_rng(0).random(N)}
FEW, MANY = [1, 4, 2], [1, 12, 20, 3]

CASES = [
    (RandomForestClassifier(), FEW),
    (RandomForestClassifier(class_weight="balanced_subsample", max_samples=0.5), FEW),
    (ExtraTreesClassifier(bootstrap=True), FEW),
    (RandomForestRegressor(max_features=0.5), FEW),
    (ExtraTreesRegressor(), FEW),
    (BaggingClassifier(max_features=0.5), FEW),
    (BaggingRegressor(), FEW),
    (AdaBoostClassifier(), MANY),
    (AdaBoostClassifier(DecisionTreeClassifier(max_depth=5)), MANY),  # ends early
    (AdaBoostRegressor(), MANY),
    (GradientBoostingClassifier(), MANY),
    (GradientBoostingClassifier(subsample=0.5, max_features=0.5), MANY),
    (GradientBoostingClassifier(n_iter_no_change=2, tol=1e-2), MANY),
    (GradientBoostingRegressor(subsample=0.5), MANY),
    (HistGradientBoostingClassifier(), MANY),
    (HistGradientBoostingClassifier(early_stopping=True, n_iter_no_change=2), MANY),
    (HistGradientBoostingClassifier(early_stopping=True, scoring="accuracy"), MANY),
    (HistGradientBoostingRegressor(max_features=0.5), MANY),
]


@pytest.mark.parametrize(("estimator", "values"), CASES, ids=lambda p: type(p).__name__)
def test_derived_ensembles_are_those_of_plain_fits(estimator, values):
    X, y = NUMBERS if "Regressor" in type(estimator).__name__ else CLASSES
    estimator.set_params(random_state=1)
    check_shared_fit(estimator, X, y, values)
    check_shared_fit(estimator, X, y, values[:2], fit_params=WEIGHTS)


def test_sparse_data_and_tables():
    pandas = pytest.importorskip("pandas")
    X, y = NUMBERS
    forest = RandomForestRegressor(random_state=0)
    check_shared_fit(forest, sparse.csr_matrix(X), y, FEW)
    check_shared_fit(forest, pandas.DataFrame(X).add_prefix("x"), y, FEW)


def test_fitted_attributes_are_those_of_fewer_members():
    X, y = CLASSES
    boosting = GradientBoostingClassifier(n_estimators=20, subsample=0.5, random_state=0).fit(X, y)
    derived = shared_fit(boosting).derive(boosting, 5)
    plain = GradientBoostingClassifier(n_estimators=5, subsample=0.5, random_state=0).fit(X, y)
    assert derived.n_estimators_ == plain.n_estimators_ == len(derived.estimators_) == 5
    assert derived.oob_score_ == plain.oob_score_
    np.testing.assert_array_equal(derived.train_score_, plain.train_score_)
    np.testing.assert_array_equal(derived.feature_importances_, plain.feature_importances_)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (RandomForestClassifier(), "random_state is None"),
        (RandomForestClassifier(random_state=0, warm_start=True), "warm_start"),
        (RandomForestClassifier(random_state=0, oob_score=True), "oob_score"),
        (HistGradientBoostingClassifier(max_features=0.5), "random_state is None"),
    ],
)
def test_a_rule_says_why_fits_are_not_shared(estimator, why):
    assert why in shared_fit(estimator).why_not
    with pytest.raises(ValueError, match=why):
        check_shared_fit(estimator, *CLASSES, FEW)


def test_histogram_boosting_needs_no_seed_where_nothing_is_random(monkeypatch):
    boosting = HistGradientBoostingRegressor(max_iter=9)
    rule = check_shared_fit(boosting, *NUMBERS, FEW)
    assert not rule.is_certain
    fitted = boosting.fit(*NUMBERS)
    assert rule.derive(fitted, 2) is not None
    monkeypatch.setattr("skhyper.reuse._ensembles._MAX_BINNED_SAMPLES", len(NUMBERS[1]) - 1)
    assert rule.derive(fitted, 2) is None
    monkeypatch.undo()
    stopped = boosting.set_params(early_stopping=True).fit(*NUMBERS)
    assert rule.derive(stopped, 2) is None


def test_a_seeded_generator_is_as_good_as_a_number():
    # `clone` copies it, so that each fit starts from the same state.
    check_shared_fit(RandomForestRegressor(random_state=np.random.RandomState(3)), *NUMBERS, FEW)


@pytest.mark.parametrize(
    ("forest", "data", "values"),
    [
        (RandomForestClassifier(5, class_weight="balanced_subsample"), CLASSES, [0.01, 0, 0.1]),
        (ExtraTreesClassifier(5, bootstrap=True, max_samples=0.5), CLASSES, [1e-3, 0.02]),
        (RandomForestRegressor(5, criterion="absolute_error"), NUMBERS, [0.1, 3.0]),
        (ExtraTreesRegressor(5, max_leaf_nodes=9), NUMBERS, [10.0, 100.0, 1e5]),
    ],
)
def test_pruned_forests_are_those_of_plain_fits(forest, data, values):
    forest.set_params(random_state=0)
    for params in (None, WEIGHTS):
        rule = check_shared_fit(forest, *data, values, fit_params=params, name="ccp_alpha")
    assert rule.name == "ccp_alpha"
    X, y = data
    fitted, plain = (clone(forest).set_params(ccp_alpha=a).fit(X, y) for a in (0.0, values[0]))
    derived = rule.derive(fitted, values[0])
    assert vars(derived).keys() == vars(plain).keys()
    np.testing.assert_array_equal(derived.feature_importances_, plain.feature_importances_)


def test_the_number_of_trees_comes_first():
    rule = shared_fit(RandomForestClassifier(random_state=0))
    assert rule.along({"n_estimators", "ccp_alpha"}) is rule
    assert rule.along({"ccp_alpha", "max_depth"}).name == "ccp_alpha"
    assert rule.along({"max_depth"}) is None
    assert shared_fit(GradientBoostingClassifier(random_state=0)).along({"ccp_alpha"}) is None
