"""The walk to what was learned, through all that holds estimators."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skhyper.inspection._parameters import Parameter, learned

X, y = load_iris(return_X_y=True)
LOGISTIC = LogisticRegression(max_iter=1000)

COMPOSED = [
    Pipeline([("scale", StandardScaler()), ("none", "passthrough"), ("model", LOGISTIC)]),
    ColumnTransformer(
        [("a", StandardScaler(), [0, 1]), ("b", MinMaxScaler(), [2]), ("c", "drop", [3])]
    ),
    FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())]),
    GridSearchCV(Pipeline([("scale", StandardScaler()), ("m", Ridge())]), {"m__alpha": [1, 2]}),
    VotingClassifier([("a", LOGISTIC), ("b", DecisionTreeClassifier())]),
    StackingClassifier([("a", LOGISTIC), ("b", DecisionTreeClassifier())], LOGISTIC, cv=2),
    OneVsRestClassifier(LOGISTIC),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    GradientBoostingClassifier(n_estimators=1),
    CalibratedClassifierCV(LinearSVC(), cv=2),
]


@pytest.mark.parametrize("estimator", COMPOSED, ids=lambda e: type(e).__name__)
def test_each_path_leads_to_its_attribute(estimator):
    rows = learned(estimator.fit(X, y))
    assert any(row.kind == "parameter" for row in rows)
    for row in rows:
        path = ".".join(part for part in ("estimator", row.where, row.name) if part)
        value = eval(path, {"estimator": estimator})
        if row.shape is not None:
            assert np.shape(value) == row.shape
    assert len({(row.where, row.name) for row in rows}) == len(rows)


@pytest.mark.parametrize("estimator", COMPOSED, ids=lambda e: type(e).__name__)
def test_nothing_is_learned_before_fit(estimator):
    assert learned(clone(estimator)) == ()


def test_the_rows_of_a_line():
    rows = learned(LinearRegression().fit(X[:, :2], y))
    assert rows[0] == Parameter(
        name="coef_",
        where="",
        kind="parameter",
        shape=(2,),
        size=2,
        dtype="float64",
        summary=rows[0].summary,
    )
    assert rows[0].summary.startswith("weight of each feature: ")
    assert [row.kind for row in rows] == ["parameter"] * 2 + ["bookkeeping"] * 3


def test_a_forest_is_one_row():
    forest = RandomForestClassifier(20, random_state=0).fit(X, y)
    (row,) = [row for row in learned(forest) if row.kind == "parameter"]
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    assert (row.name, row.where, row.count) == ("tree_", "estimators_[0..19]", 20)
    assert row.summary.startswith(f"20 trees: {nodes} nodes, ")
    assert row.shape is None


def test_the_shape_that_all_members_share_is_told():
    bagged = BaggingClassifier(LOGISTIC, n_estimators=5, random_state=0).fit(X, y)
    coef, intercept = (row for row in learned(bagged) if row.kind == "parameter")
    assert (coef.shape, coef.size, coef.count) == ((3, 4), 60, 5)
    assert (intercept.shape, intercept.size) == ((3,), 15)
    assert coef.summary.endswith("(of 5 estimators)")


def test_the_template_of_an_ensemble_is_not_part_of_it():
    fitted = LogisticRegression(max_iter=1000).fit(X, y)
    bagged = BaggingClassifier(fitted, n_estimators=2, random_state=0).fit(X, y)
    assert {row.where for row in learned(bagged)} == {"", "estimators_[0]", "estimators_[1]"}


def test_pipelines_in_an_ensemble():
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LOGISTIC)])
    bagged = BaggingClassifier(pipeline, n_estimators=4, random_state=0).fit(X, y)
    rows = [row for row in learned(bagged) if row.kind == "parameter"]
    assert {row.where for row in rows} == {
        "estimators_[0..3].named_steps['scale']",
        "estimators_[0..3].named_steps['model']",
    }


def test_an_ensemble_of_ensembles():
    inner = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=5)
    with np.errstate(divide="ignore"):  # AdaBoost takes the logarithm of weights of 0
        outer = BaggingClassifier(inner, n_estimators=4, random_state=0).fit(X, y)
    rows = {row.name: row for row in learned(outer) if row.kind == "parameter"}
    alone = [sum(r.size for r in learned(e) if r.name == "tree_") for e in outer.estimators_]
    assert rows["tree_"].size == sum(alone)
    assert rows["tree_"].where == "estimators_[0..3].estimators_[0..4]"


def test_an_ensemble_counts_what_its_members_count():
    for n in (3, 10):  # listed, and summarised
        forest = RandomForestClassifier(n, max_depth=3, random_state=0).fit(X, y)
        alone = sum(row.size for tree in forest for row in learned(tree) if row.kind == "parameter")
        assert sum(row.size for row in learned(forest) if row.kind == "parameter") == alone


def test_the_same_estimator_is_counted_once():
    class Twice(Ridge):
        def fit(self, X, y):
            self.first_ = Ridge().fit(X, y)
            self.second_ = self.first_
            self.itself_ = self
            return self

    assert sum(row.name == "coef_" for row in learned(Twice().fit(X, y))) == 1


def test_layers_are_rows_and_many_arrays_are_one():
    class Layers(Ridge):
        def fit(self, X, y):
            self.few_, self.many_ = [np.ones(2)] * 3, [np.ones(2)] * 50
            return self

    rows = learned(Layers().fit(X, y))
    assert [row.name for row in rows] == ["few_[0]", "few_[1]", "few_[2]", "many_"]
    assert rows[-1].size == 100


def test_what_is_frozen_is_shown():
    frozen = FrozenEstimator(LinearRegression().fit(X, y))
    assert {row.where for row in learned(frozen)} == {"estimator"}


def test_a_template_that_was_fitted_elsewhere_is_not_shown():
    search = GridSearchCV(LinearRegression().fit(X, y), {"fit_intercept": [True]})
    assert learned(search) == ()


def test_an_estimator_among_the_chosen_is_no_part_of_the_model():
    pipeline = Pipeline([("model", LOGISTIC)])
    search = GridSearchCV(pipeline, {"model": [LOGISTIC, KNeighborsClassifier()]}, cv=2)
    rows = learned(search.fit(X, y))
    assert [row.name for row in rows if row.kind == "choice"] == ["best_params_"]


def test_no_warning_of_deprecated_attributes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SGDClassifier(average=True, max_iter=5, random_state=0).fit(X, y)
    assert [row.name for row in learned(model) if row.kind == "parameter"][:1] == ["coef_"]


def test_a_composition_of_nothing():
    assert learned(Pipeline([])) == ()
    assert learned(Pipeline([("none", "passthrough")]).fit(X, y)) == ()


def test_something_without_attributes():
    class Slots:
        __slots__ = ()

        def get_params(self, deep=True):
            return {}

    assert learned(Slots()) == ()
