"""Boosted models of other libraries, where they are installed."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skhyper.inspection import inspect
from skhyper.inspection._boosters import booster_attributes

rng = np.random.default_rng(0)
X, t = rng.normal(size=(60, 4)), rng.normal(size=60)
y = np.digitize(t, [-0.5, 0.5])


def sizes(model):
    return {p.name: p.size for p in inspect(model).parameters if p.kind == "parameter"}


def test_xgboost():
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=3, max_depth=2, n_jobs=1)
    assert "the estimator is not fitted" in repr(inspect(model))
    dump = model.fit(X, t).get_booster().get_dump()
    splits, leaves = ("".join(dump).count(word) for word in ("yes=", "leaf="))
    assert sizes(model) == {"base_score": 1, "trees": 2 * splits + leaves}
    defaults = {h.name: h.default for h in inspect(model).hyperparameters}
    assert defaults["learning_rate"] is None
    assert {h.name for h in inspect(model).hyperparameters if h.changed} == {
        "n_estimators",
        "max_depth",
        "n_jobs",
    }
    both = xgboost.XGBRegressor(n_estimators=1, max_depth=1, multi_strategy="multi_output_tree")
    assert sizes(both.fit(X, X[:, :2]))["trees"] == 2 + 2 * 2  # a vector in each leaf
    assert re.search("1 trees, 2 leaves, depth up to 1", repr(inspect(both)))
    linear = xgboost.XGBRegressor(n_estimators=3, booster="gblinear", n_jobs=1).fit(X, t)
    assert sizes(linear) == {"base_score": 1, "weights": 5}


def test_lightgbm():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1, min_child_samples=5)
    assert "the estimator is not fitted" in repr(inspect(model))
    trees = model.fit(X, y).booster_.dump_model()["tree_info"]
    assert sizes(model) == {"trees": sum(3 * tree["num_leaves"] - 2 for tree in trees)}
    defaults = {h.name: h.default for h in inspect(model).hyperparameters}
    assert defaults["n_estimators"] == 100
    assert repr(defaults["verbose"]) == "not set"


def test_catboost():
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRegressor(
        iterations=3, depth=2, thread_count=1, allow_writing_files=False, verbose=0
    )
    assert "the estimator is not fitted" in repr(inspect(model))
    # Two splits, the same for all nodes at a depth, and four leaves a tree.
    assert sizes(model.fit(X, t)) == {"bias": 1, "trees": 3 * (2 * 2 + 4)}


def test_other_classes_have_none():
    assert list(booster_attributes(Ridge().fit(X, t))) == []


class Foreign(RegressorMixin, BaseEstimator):
    """Keeps what it learns under a name of its own."""

    def __init__(self, alpha=1.0, **more):
        self.alpha = alpha
        self.more = more

    def get_params(self, deep=True):
        return {"alpha": self.alpha, "rate": 0.1, **self.more}

    def fit(self, X, y):
        self._model = np.ones(X.shape[1])
        return self


def test_a_class_that_is_not_known_is_said():
    model = Foreign()
    assert "none yet, the estimator is not fitted" in repr(inspect(model))
    found = inspect(model.fit(X, t))
    assert repr(found).startswith("Foreign: parameters not known, 2 hyper")
    assert "what Foreign learned is not known" in repr(found)
    inside = repr(inspect(make_pipeline(Foreign().fit(X, t), Foreign().fit(X, t))))
    assert inside.count("is not known") == 2


def test_defaults_of_further_keywords_are_those_of_a_new_instance():
    rows = {h.name: h for h in inspect(Foreign(alpha=2.0, depth=3)).hyperparameters}
    assert (rows["rate"].default, rows["rate"].changed) == (0.1, False)
    assert (rows["alpha"].default, rows["alpha"].changed) == (1.0, True)
    assert (repr(rows["depth"].default), rows["depth"].changed) == ("not set", True)
