"""Stages: which are fitted again, their names and their params."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.hypergradient._stage import (
    Stage,
    equal_params,
    metadata_of,
    route,
    split_params,
    stripped,
)

X = np.random.default_rng(0).normal(size=(20, 3))


class Counting(StandardScaler):
    n_fits = n_transforms = 0

    def fit(self, X, y=None, sample_weight=None):
        type(self).n_fits += 1
        if self.with_mean == "fail":
            raise RuntimeError("as asked")
        return super().fit(X, y, sample_weight)

    def transform(self, X, copy=None):
        type(self).n_transforms += 1
        return super().transform(X, copy)


@pytest.fixture
def stage():
    Counting.n_fits = Counting.n_transforms = 0
    return Stage("scale", Counting())


def fitted(stage, params=None, X=X, y=None, fit_params=None, key=X):
    stage = stage.for_fit(params or {}, X, y, fit_params or {}, key)
    stage.fit_transform()
    return stage


def test_fitted_again_only_if_something_changed(stage):
    first = stage = fitted(stage)
    assert fitted(stage, X=X.copy()) is stage  # the key tells, not the data
    assert Counting.n_fits == 1
    changes = [
        ({"with_std": False}, X, None, {}),
        ({"with_std": False}, X, np.ones(20), {}),
        ({"with_std": False}, X, None, {"sample_weight": np.ones(20)}),
        ({"with_std": False}, X + 1, None, {}),
    ]
    for n, (params, data, y, fit_params) in enumerate(changes, start=2):
        stage = fitted(stage, params, data, y, fit_params, key=data)
        assert Counting.n_fits == n
    np.testing.assert_array_equal(first.Z_train, StandardScaler().fit_transform(X))
    np.testing.assert_array_equal(first.transform(X, key=X)[0], first.Z_train)


def test_a_setting_changed_in_place_is_seen():
    from sklearn.preprocessing import FunctionTransformer

    stage = Stage("clip", FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}))
    setting = {"kw_args": {"a_min": 0.0, "a_max": 1.0}}
    stage = fitted(stage, setting)
    assert stage.Z_train.max() == 1
    setting["kw_args"]["a_max"] = 0.5
    assert fitted(stage, setting).Z_train.max() == 0.5


def test_a_failed_fit_leaves_nothing_behind(stage):
    stage = fitted(stage).for_fit({"with_mean": "fail"}, X, None, {}, key=X)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="as asked"):
            fitted(stage, {"with_mean": "fail"})
    fitted(stage)
    assert Counting.n_fits == 4


def test_test_data_are_transformed_once(stage):
    stage = fitted(stage)
    Counting.n_transforms = 0
    other = X[:5] * 2
    first = stage.transform(other, key=other)[0]
    for data in (X, other, X):
        stage.transform(data, key=data)
    assert stage.transform(other, key=other)[0] is first
    assert Counting.n_transforms == 2
    for i in range(5):  # the oldest are forgotten
        stage.transform(data := X + i, key=data)
    assert len(stage._seen) == 3


def test_derivatives_are_of_the_data_asked_for():
    from sklearn.kernel_approximation import RBFSampler

    stage = fitted(Stage("rbf", RBFSampler(gamma=0.5, random_state=0, n_components=4)))
    one, two = X[:3], X[3:9]
    answers = []
    for first, second in [(one, two), (two, one)]:
        for data in (first, second):
            stage.transform(data, key=data)
        Z, used = stage.transform(one, key=one)
        answers.append(stage.pull_back(None, Z, ["rbf__gamma"], True, used))
    assert answers[0][0] == answers[1][0]
    np.testing.assert_array_equal(answers[0][2], answers[1][2])


def test_split_params():
    pipeline = make_pipeline(StandardScaler(), Ridge())
    steps = ["standardscaler", "ridge"]
    own, nested = split_params(pipeline, {"verbose": True, "ridge__alpha": 2.0}, steps)
    assert own == {"verbose": True}
    assert nested == {"standardscaler": {}, "ridge": {"alpha": 2.0}}
    for params in ({"ridge": Ridge()}, {"ridge": "passthrough"}, {"steps": []}):
        with pytest.raises(ValueError, match="replaces a step of Pipeline"):
            split_params(pipeline, params, steps)
    with pytest.raises(ValueError, match="no hyperparameter 'rigde__alpha'"):
        split_params(pipeline, {"rigde__alpha": 1.0}, steps)
    assert stripped(["ridge__alpha", "ridges__alpha"], "ridge") == ["alpha"]


def test_route():
    pipeline = make_pipeline(StandardScaler(), Ridge())
    steps = ["standardscaler", "ridge"]
    routed = route(pipeline, "fit", {"ridge__sample_weight": 1}, steps)
    assert metadata_of(routed, "ridge", "fit") == {"sample_weight": 1}
    assert metadata_of(routed, "standardscaler", "fit_transform") == {}
    assert metadata_of({}, "ridge", "fit") == {}
    with pytest.raises(ValueError, match=r"Pipeline\.fit does not accept the sample_weight"):
        route(pipeline, "fit", {"sample_weight": 1}, steps)


def test_equal_params():
    a = np.arange(3.0)
    assert equal_params({"x": a, "y": {"z": 1}}, {"x": a.copy(), "y": {"z": 1.0}})
    assert not equal_params({"x": a}, {"x": a + 1})
    assert not equal_params(a, [0.0, 1.0, 2.0])
    assert not equal_params([a, a], [a, a + 1])  # cannot tell: no
