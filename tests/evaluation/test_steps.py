"""Which steps of a pipeline can be shared, and what their keys depend on."""

import numpy as np
import pytest
from contracts.naming import short
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FastICA
from sklearn.feature_selection import SelectFromModel, SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skhyper.evaluation._recurrence import Recurrence
from skhyper.evaluation._steps import parts_of, steps_of

RECURS = Recurrence(frozenset({"clf__C"}), frozenset({"clf__C"}))


def steps(*transformers, recurrence=RECURS):
    named = [(f"s{i}", transformer) for i, transformer in enumerate(transformers)]
    return steps_of(Pipeline([*named, ("clf", LogisticRegression())]), recurrence)


def key(transformer):
    return steps(transformer)["s0"].key


def double(X):
    return 2 * X


def test_keys_depend_on_class_and_parameters():
    assert key(PCA(2)) == key(clone(PCA(2)))
    different = [PCA(2), PCA(3), PCA(2, whiten=True), StandardScaler(), MinMaxScaler()]
    different += [FunctionTransformer(double), FunctionTransformer(np.sqrt)]
    different += [PCA(2).set_output(transform="pandas")]
    different += [SelectFromModel(LogisticRegression(C=C)) for C in (1.0, 2.0)]
    different += [FeatureUnion([("a", PCA(n))]) for n in (2, 3)]
    assert len({key(transformer) for transformer in different} - {""}) == len(different)


class Other(BaseEstimator, TransformerMixin):
    def __init__(self, random_state=None, cv=None):
        self.random_state, self.cv = random_state, cv


class NoParameters:
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize(
    ("transformer", "why_not"),
    [
        (PCA(), ""),
        (Other(0), ""),
        (Other(None), "random_state is None"),
        (Other(0, KFold(2, shuffle=True)), ""),
        (FastICA(random_state=np.random.RandomState(0)), "random_state is a random generator"),
        (FastICA(random_state=np.random.default_rng(0)), "random_state is a random generator"),
        (Other(0, KFold(2, shuffle=True, random_state=np.random.RandomState(0))), "cv is a"),
        (make_pipeline(Other(0), memory="folder"), "it has its own memory"),
        (StandardScaler(copy=False), "copy=False"),
        (NoParameters(), "it has no get_params"),
        (SequentialFeatureSelector(LogisticRegression(), n_jobs=2), "it has n_jobs and no seed"),
        (SequentialFeatureSelector(LogisticRegression(random_state=0), n_jobs=2), ""),
    ],
    ids=short,
)
def test_why_not(transformer, why_not):
    step = steps(transformer)["s0"]
    assert bool(step.key) == (not why_not)
    assert why_not in step.why_not


@pytest.mark.parametrize(
    "steps", [[1, 2, 3], [("a", ColumnTransformer([("b", PCA())])), ("clf", 1)]]
)
def test_malformed_steps_are_not_read(steps):
    assert steps_of(Pipeline(steps), RECURS) == {}


def test_steps_whose_parameters_hardly_ever_recur():
    recurrence = Recurrence(frozenset({"s1__tol", "clf__C"}), frozenset({"s1__tol"}))
    found = steps(StandardScaler(), PCA(), MinMaxScaler(), recurrence=recurrence)
    assert [bool(step.key) for step in found.values()] == [True, False, False]
    assert dict(found["s2"].reasons()) == {
        "s2": "candidates rarely agree on it and on all steps before it"
    }


def test_branches_depend_on_themselves_and_what_is_before_the_composition():
    recurrence = Recurrence(frozenset({"s0__a__tol", "clf__C"}), frozenset({"s0__a__tol"}))
    union = FeatureUnion([("a", PCA()), ("b", make_pipeline(StandardScaler(), PCA()))])
    found = steps(union, recurrence=recurrence)["s0"]
    assert not found.key
    assert not found.parts["a"].key
    assert all(part.key for part in found.parts["b"].parts.values())
    assert found.is_intercepted
    assert found.n_fits == 3
    after = Recurrence(frozenset({"s0__k", "clf__C"}), frozenset({"s0__k"}))
    assert not steps(StandardScaler(), union, recurrence=after)["s1"].parts["a"].key


def test_columns_belong_to_the_first_step_of_a_branch():
    columns = ColumnTransformer(
        [("a", make_pipeline("passthrough", StandardScaler(), PCA()), [0, 1]), ("b", "drop", [2])],
        remainder=MinMaxScaler(),
    )
    found = steps(columns)["s0"]
    assert list(found.parts) == ["a", "remainder"]
    scaler, pca = found.parts["a"].parts.values()
    assert scaler.columns[0] == found.parts["remainder"].columns[0] == "s0"
    assert scaler.columns != found.parts["remainder"].columns
    assert pca.columns == ()
    assert list(parts_of(columns)) == ["a", "b", "remainder"]


def test_which_outputs_go_to_intercepted_steps_only():
    nested = make_pipeline(StandardScaler(), PCA())
    found = steps(PCA(), nested, FeatureUnion([("a", PCA())]))
    assert found["s0"].before_shared
    assert [part.before_shared for part in found["s1"].parts.values()] == [True, True]
    assert not found["s2"].before_shared
    assert not found["s2"].parts["a"].before_shared
    assert not steps(PCA(), Other(0))["s1"].before_shared


def test_the_fit_for_all_values_is_made_only_where_they_vary():
    # With all components, a fit takes longer.
    assert steps(PCA(2))["s0"].rule is None
    for varying in ("s0__n_components", "s0"):
        assert steps(PCA(2), recurrence=Recurrence(frozenset({varying}), frozenset()))["s0"].rule
