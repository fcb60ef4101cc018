"""Searches in the eyes of tools that know scikit-learn's: MLflow, skl2onnx."""

import json
import os
import subprocess
import sys
import textwrap
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import sklearn.model_selection as sk
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skhyper
from skhyper.exceptions import SkhyperWarning
from skhyper.search._tools import replaced_fit

X, y = load_iris(return_X_y=True)
SPACE = {"C": [1.0, 10.0]}
SEARCHES = [
    skhyper.GridSearchCV(SVC(), SPACE, cv=2),
    skhyper.RandomizedSearchCV(SVC(), SPACE, n_iter=2, cv=2, random_state=0),
    skhyper.SearchCV(SVC(), SPACE, sampler="grid", include_default=False, cv=2),
    skhyper.BayesSearchCV(SVC(), SPACE, n_iter=2, include_default=False, cv=2, random_state=0),
]
IDS = ["grid", "random", "search", "bayes"]


def two_rounds(theirs):
    """A subclass with a strategy of its own, as scikit-learn's documentation describes it."""

    class TwoRounds(theirs):
        def _run_search(self, evaluate_candidates):
            table = evaluate_candidates([{"C": 1}, {"C": 2}])
            best = table["mean_test_score"].max()
            evaluate_candidates([{"C": 3 * best}], more_results={"round": [0, 0, 1]})

    return TwoRounds


@pytest.mark.parametrize("name", ["GridSearchCV", "RandomizedSearchCV"])
def test_subclasses_with_their_own_strategy(name):
    ours, theirs = (
        two_rounds(getattr(module, name))(SVC(), {"C": [9]}, cv=2).fit(X, y)
        for module in (skhyper, sk)
    )
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    np.testing.assert_array_equal(ours.cv_results_["round"], [0, 0, 1])
    np.testing.assert_array_equal(-ours.history_.losses, theirs.cv_results_["mean_test_score"])
    assert (ours.n_trials_, ours.space_) == (3, None)
    assert ours.refit_best(X, y, index=0).best_params_ == {"C": 1}
    with pytest.warns(SkhyperWarning, match="max_time, journal: ignored"):
        ours.set_params(max_time=9, journal="j.jsonl").fit(X, y)


def test_classes():
    assert issubclass(skhyper.GridSearchCV, sk.GridSearchCV)
    assert issubclass(skhyper.RandomizedSearchCV, sk.RandomizedSearchCV)
    assert not issubclass(skhyper.BayesSearchCV, sk.RandomizedSearchCV)
    assert replaced_fit(skhyper.GridSearchCV(SVC(), SPACE)) is None


@pytest.mark.parametrize("search", SEARCHES[:2], ids=IDS[:2])
@pytest.mark.parametrize(
    "options", [{}, {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro"}]
)
def test_a_fit_that_a_tool_has_replaced_is_called(search, options, monkeypatch):
    """As MLflow and others do: put a function on scikit-learn's class that calls what was there."""
    expected = skhyper.GridSearchCV(SVC(), SPACE, cv=2, **options).fit(X, y)
    (theirs,) = set(type(search).__mro__) & {sk.GridSearchCV, sk.RandomizedSearchCV}
    original, seen = theirs.fit, []

    def fit(self, *args, **kwargs):
        seen.append(self)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(theirs, "fit", fit, raising=False)
    fitted = clone(search).set_params(**options).fit(X, y)
    assert seen == [fitted]
    scores = sorted(trial.loss for trial in fitted.history_)
    assert scores == sorted(trial.loss for trial in expected.history_)
    assert fitted.best_score_ == expected.best_score_
    assert (fitted.n_trials_, fitted.stop_reason_) == (2, "every candidate was tried")
    assert fitted.space_.n_candidates == 2
    for trial in fitted.history_:
        np.testing.assert_allclose(trial.scores.mean(), -trial.loss)
    with pytest.warns(SkhyperWarning, match="max_time, fit_timeout: ignored, because a tool"):
        fitted.set_params(fit_timeout=60.0, max_time=60.0).fit(X, y)


MLFLOW_TOOLS = {
    "autologging_is_disabled": lambda flavor: False,
    "_AUTOLOGGING_GLOBALLY_DISABLED": False,
    "_has_active_training_session": lambda: False,
    "disable_autologging": nullcontext,
    "get_autologging_config": lambda flavor, name, default: default,
}


def pretended_mlflow(monkeypatch, tools):
    """A stand-in for MLflow with these autologging tools, and the list of its runs."""
    runs = []

    def start_run(nested):
        runs.append(nested)
        return nullcontext()

    mlflow = SimpleNamespace(
        utils=SimpleNamespace(autologging_utils=SimpleNamespace(**tools)),
        sklearn=SimpleNamespace(log_model=lambda model, name: None),
        start_run=start_run,
        active_run=lambda: None,
        **dict.fromkeys(["set_tags", "log_params", "log_metrics"], lambda values: None),
        log_metric=lambda name, value: None,
    )
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "mlflow.sklearn", mlflow.sklearn)
    return mlflow, runs


@pytest.mark.parametrize("missing", [None, *MLFLOW_TOOLS])
def test_searches_run_where_mlflow_lacks_a_name(missing, monkeypatch):
    tools = {name: tool for name, tool in MLFLOW_TOOLS.items() if name != missing}
    _, runs = pretended_mlflow(monkeypatch, tools)
    search = clone(SEARCHES[2]).fit(X, y)
    assert search.n_trials_ == 2
    assert runs == ([] if missing else [False, True, True])  # the search and its trials


def test_a_search_is_fitted_where_mlflow_cannot_log_it(monkeypatch):
    mlflow, _ = pretended_mlflow(monkeypatch, MLFLOW_TOOLS)
    del mlflow.set_tags
    with pytest.warns(UserWarning, match="MLflow could not log the search.*set_tags"):
        search = clone(SEARCHES[2]).fit(X, y)
    assert search.best_score_ > 0.9


def test_searches_run_where_skl2onnx_lacks_a_name(monkeypatch):
    for name in ("skl2onnx", "skl2onnx._parse", "skl2onnx._supported_operators"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert clone(SEARCHES[2]).fit(X, y).n_trials_ == 2


MLFLOW = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, mlflow.sklearn
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/runs.db")
mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.svm import SVC
import sklearn.model_selection as sk
import skhyper
X, y = load_iris(return_X_y=True)
space = {"C": [1.0, 10.0]}
options = {"cv": 2, "include_default": False, "random_state": 0}
searches = {
    "sklearn": sk.GridSearchCV(SVC(), space, cv=2),
    "grid": skhyper.GridSearchCV(SVC(), space, cv=2),
    "random": skhyper.RandomizedSearchCV(SVC(), space, n_iter=2, cv=2, random_state=0),
    "search": skhyper.SearchCV(SVC(), space, sampler="grid", **options),
    "bayes": skhyper.BayesSearchCV(SVC(), space, n_iter=2, **options),
    "gradient": skhyper.GradientSearchCV(Ridge(), {"alpha": (1e-3, 1e3)}, n_iter=2, cv=2),
}
found = {}
for name, search in searches.items():
    experiment = mlflow.set_experiment(name)
    search.fit(X, y)
    runs = mlflow.search_runs(experiment_ids=[experiment.experiment_id])
    parent = runs[runs["metrics.best_cv_score"].notna()].iloc[0]
    children = runs[runs["tags.mlflow.parentRunId"] == parent.run_id]
    found[name] = {
        "runs": len(runs),
        "children": len(children),
        "best": bool(parent["metrics.best_cv_score"] == search.best_score_),
        "scores": sorted(children["metrics.mean_test_score"]),
        "estimator": parent["tags.estimator_name"],
        "active": mlflow.active_run() is not None,
    }
print("found", json.dumps(found))
"""


@pytest.mark.slow
def test_mlflow_logs_one_run_a_search_and_one_a_trial(tmp_path):
    pytest.importorskip("mlflow")
    command = [sys.executable, "-c", textwrap.dedent(MLFLOW), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert "found" in out.stdout, out.stderr
    found = json.loads(out.stdout.split("found", 1)[1])
    assert found["sklearn"]["runs"] == 3
    for name, runs in found.items():
        assert (runs["runs"], runs["children"]) == (3, 2), (name, runs)
        assert runs["best"] and not runs["active"], (name, runs)
        if name != "gradient":
            assert runs["scores"] == found["sklearn"]["scores"], name
    assert found["bayes"]["estimator"] == "BayesSearchCV"


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES, ids=IDS)
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_skl2onnx_converts_the_best_estimator(search, kind):
    skl2onnx = pytest.importorskip("skl2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    search = clone(search)
    target = y if kind == "classifier" else X[:, 3]
    estimator = DecisionTreeClassifier() if kind == "classifier" else Ridge()
    space = {"max_depth": [1, 3]} if kind == "classifier" else {"alpha": [1.0, 10.0]}
    name = next(
        n
        for n in search.get_params(deep=False)
        if n in {"param_grid", "param_distributions", "search_spaces"}
    )
    search.set_params(estimator=estimator, **{name: space}).fit(X, target)
    X32 = X.astype(np.float32)
    converted = skl2onnx.to_onnx(search, X32[:1])
    session = onnxruntime.InferenceSession(converted.SerializeToString())
    predicted = session.run(None, {session.get_inputs()[0].name: X32})[0]
    np.testing.assert_allclose(predicted.ravel(), search.predict(X32), rtol=1e-4)
