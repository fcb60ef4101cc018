"""Out-of-fold predictions and fold models, compared with scikit-learn's fits of each candidate."""

import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    KFold,
    LeaveOneOut,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    RandomizedSearchCV,
    SearchCV,
)
from skhyper.exceptions import SkhyperWarning

BOTH = ("predictions", "models")
CV = StratifiedKFold(4, shuffle=True, random_state=1)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(150)[:90]
    return X[rows], np.array(["setosa", "versicolor", "virginica"])[y[rows]]


def check(search, X, y, methods=("predict",), cv=CV, rtol=0.0):
    """Predictions of all trials and models of the best are those of plain fits."""
    for i, trial in enumerate(search.history_):
        model = clone(search.estimator).set_params(**trial.params)
        found = search.oof_predictions_.of(i)
        assert found.methods == methods
        for method in methods:
            expected = cross_val_predict(model, X, y, cv=cv, method=method)
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(getattr(found, method), expected, rtol=rtol)
            else:
                np.testing.assert_array_equal(getattr(found, method), expected)
    best = clone(search.estimator).set_params(**search.best_params_)
    plain = cross_validate(best, X, y, cv=cv, return_estimator=True)["estimator"]
    assert len(search.fold_models_) == len(plain)
    for own, expected in zip(search.fold_models_, plain):
        assert repr(own) == repr(expected)
        np.testing.assert_array_equal(own.predict(X), expected.predict(X))


PIPELINE = make_pipeline(StandardScaler(), SVC())
STEPS = {"standardscaler__with_mean": [True, False], "svc__C": [0.1, 1, 10]}
FOREST = RandomForestClassifier(random_state=0)


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(SVC(), {"C": [0.1, 1, 10]}),
        RandomizedSearchCV(SVC(), {"C": [0.1, 1, 10]}, n_iter=2, random_state=0),
        SearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=3, random_state=0),
        BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=3, random_state=0),
        GridSearchCV(PIPELINE, STEPS),
        GridSearchCV(PIPELINE, STEPS, reuse=None),
        GridSearchCV(FOREST, {"n_estimators": [2, 4, 8]}),
        SearchCV(FOREST, {"n_estimators": (2, 8)}, n_iter=2, random_state=0),
        GridSearchCV(SVC(), {"C": [0.1, 1, 10]}, racing=True),
    ],
    ids=str,
)
def test_predictions_and_models_are_those_of_plain_fits(search, iris):
    search = clone(search).set_params(keep=BOTH, cv=CV, refit=True)
    check(search.fit(*iris), *iris)


def test_results_are_the_same_without(iris):
    search = GridSearchCV(PIPELINE, STEPS, cv=CV, return_train_score=True)
    plain, kept = (clone(search).set_params(keep=k).fit(*iris) for k in (None, BOTH))
    assert plain.cv_results_.keys() == kept.cv_results_.keys()
    for name in plain.cv_results_:
        if "time" not in name:
            np.testing.assert_array_equal(plain.cv_results_[name], kept.cv_results_[name])
    assert not hasattr(plain, "oof_predictions_")
    assert not hasattr(plain, "fold_models_")
    assert all("predictions" not in fold for trial in plain.history_ for fold in trial.folds)
    assert all("model" not in fold for trial in kept.history_ for fold in trial.folds)


@pytest.mark.parametrize("estimator", [SVC(), PIPELINE, FOREST], ids=["svc", "steps", "forest"])
@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.fast_cases(2)
def test_two_workers(backend, estimator, iris):
    grids = {SVC: {"C": [1, 10]}, RandomForestClassifier: {"n_estimators": [2, 4]}}
    search = GridSearchCV(estimator, grids.get(type(estimator), STEPS), cv=CV, keep=BOTH, n_jobs=2)
    with joblib.parallel_backend(backend):
        search.fit(*iris)
    check(search, *iris)


@pytest.mark.slow
def test_dask(iris):
    distributed = pytest.importorskip("distributed")
    search = GridSearchCV(SVC(), {"C": [1, 10]}, cv=CV, keep=BOTH, n_jobs=2)
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        search.fit(*iris)
    check(search, *iris)


def test_methods_that_scorers_need(iris):
    scoring = ["neg_log_loss", "accuracy", "roc_auc_ovr"]
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1]}, scoring=scoring, refit="accuracy", cv=CV, keep=BOTH
    )
    check(search.fit(*iris), *iris, methods=("predict", "predict_proba"))
    np.testing.assert_array_equal(search.oof_predictions_.classes, np.unique(iris[1]))
    with pytest.raises(AttributeError, match="decision_function was not kept"):
        _ = search.oof_predictions_.decision_function
    search.set_params(refit=False).fit(*iris)
    assert search.oof_predictions_.index == search.history_.best.number
    assert len(search.fold_models_) == 4


@pytest.mark.parametrize("as_data", [sparse.csr_array, pd.DataFrame, lambda X: X.tolist()])
def test_kinds_of_data_and_weights(as_data, iris):
    X, y = as_data(iris[0]), pd.Series(iris[1])
    weight = np.random.default_rng(0).uniform(0.1, 2, size=90)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, keep=BOTH, cv=CV)
    search.fit(X, y, sample_weight=weight)
    best = LogisticRegression(**search.best_params_)
    params = {"sample_weight": weight}
    expected = cross_val_predict(best, X, y, cv=CV, params=params)
    np.testing.assert_array_equal(search.oof_predictions_.predict, expected)
    plain = cross_validate(best, X, y, cv=CV, params=params, return_estimator=True)["estimator"]
    for own, other in zip(search.fold_models_, plain):
        np.testing.assert_array_equal(own.coef_, other.coef_)


def test_several_outputs():
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, -y])
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, keep=BOTH, cv=KFold(3)).fit(X, Y)
    check(search, X, Y, cv=KFold(3))
    labels = np.column_stack([y > 150, y > 100]).astype(int)
    tree = GridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, keep=BOTH, cv=KFold(3)
    )
    check(tree.fit(X, labels), X, labels, cv=KFold(3))


def test_rows_that_are_tested_several_times_or_never(iris):
    X, y = iris
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=3, random_state=0)
    search = GridSearchCV(SVC(), {"C": [0.01]}, cv=cv, keep="predictions").fit(X, y)
    oof = search.oof_predictions_
    repeats = [
        cross_val_predict(SVC(C=0.01), X, y, cv=list(cv.split(X, y))[i : i + 3]) for i in (0, 3, 6)
    ]
    votes = [pd.Series(labels).mode().min() for labels in zip(*repeats)]
    np.testing.assert_array_equal(oof.predict, votes)
    assert set(oof.n_tested) == {3}

    X, y = load_diabetes(return_X_y=True)
    cv = ShuffleSplit(3, test_size=0.2, random_state=0)
    oof = (
        GridSearchCV(Ridge(), {"alpha": [1]}, cv=cv, keep="predictions").fit(X, y).oof_predictions_
    )
    sums, counts = np.zeros(len(y)), np.zeros(len(y))
    for train, test in cv.split(X):
        sums[test] += Ridge(alpha=1).fit(X[train], y[train]).predict(X[test])
        counts[test] += 1
    np.testing.assert_array_equal(oof.n_tested, counts)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(oof.predict, sums / counts, rtol=1e-14)
    assert np.isnan(oof.predict).sum() == (counts == 0).sum() > 0
    labels = GridSearchCV(
        DecisionTreeClassifier(), {"max_depth": [1]}, cv=cv, keep="predictions"
    ).fit(X, y > 150)
    assert [label is None for label in labels.oof_predictions_.predict] == list(counts == 0)


def test_a_class_that_a_training_set_lacks():
    X, y = load_iris(return_X_y=True)
    rows = np.r_[:10, 50:60, 100:103]
    X, y = X[rows], y[rows]
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1]},
        scoring=lambda model, X, y: 0.0,
        cv=[(np.arange(20), np.arange(20, 23)), (np.arange(3, 23), np.arange(3))],
        keep=BOTH,
    ).fit(X, y)
    assert search.oof_predictions_.methods == ("predict",)
    constant = make_scorer(lambda y, proba: 0.0, response_method="predict_proba")
    search.set_params(scoring=constant).fit(X, y)
    proba = search.oof_predictions_.of(0).folds[0][1]["predict_proba"]
    np.testing.assert_array_equal(proba[:, 2], 0.0)
    np.testing.assert_array_equal(proba[:, :2], search.fold_models_[0].predict_proba(X[20:]))


class Unsure(ClassifierMixin, BaseEstimator):
    """A classifier that fails to fit, or cannot be pickled."""

    def __init__(self, fails=False, lock=False):
        self.fails, self.lock = fails, lock

    def fit(self, X, y):
        if self.fails and X[0, 0] > 0:
            raise ValueError("no fit")
        self.classes_ = np.unique(y)
        self.lock_ = __import__("threading").Lock() if self.lock else None
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_failures_and_models_that_cannot_be_pickled():
    X = np.arange(12.0)[:, None]
    y = np.tile([0, 1], 6)
    cv = KFold(2)
    search = GridSearchCV(Unsure(), {"fails": [True]}, error_score=0.9, cv=cv, keep=BOTH)
    with pytest.warns(Warning, match="fits failed"):
        search.fit(X, y)
    assert list(search.oof_predictions_.folds) == [1]
    assert search.fold_models_[0] is None
    assert search.oof_predictions_.predict.tolist() == [None] * 6 + [0] * 6
    search.set_params(estimator=Unsure(), param_grid={"lock": [True]})
    with pytest.warns(SkhyperWarning, match="2 fold models .* were fitted again"):
        search.fit(X, y)
    assert search.fold_models_[0].lock_ is not None
    assert search.oof_predictions_.predict.tolist() == [0] * 12


def test_gradient_search():
    X, y = load_diabetes(return_X_y=True)
    search = GradientSearchCV(
        Ridge(), {"alpha": (1e-4, 1e3, "log-uniform")}, keep=BOTH, cv=KFold(3)
    )
    search.fit(X, y)
    for i, trial in enumerate(search.history_):
        expected = cross_val_predict(Ridge(**trial.params), X, y, cv=KFold(3))
        np.testing.assert_allclose(search.oof_predictions_.of(i).predict, expected, rtol=1e-8)
    plain = cross_validate(Ridge(**search.best_params_), X, y, cv=KFold(3), return_estimator=True)
    for own, other in zip(search.fold_models_, plain["estimator"]):
        np.testing.assert_allclose(own.coef_, other.coef_, rtol=1e-8)


def test_leave_one_out_in_closed_form():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:30], y[:30]
    search = GradientSearchCV(
        Ridge(),
        {"alpha": (1e-4, 1e3, "log-uniform")},
        cv=LeaveOneOut(),
        scoring="neg_mean_squared_error",
        keep="predictions",
    ).fit(X, y)
    expected = cross_val_predict(Ridge(**search.best_params_), X, y, cv=LeaveOneOut())
    np.testing.assert_allclose(search.oof_predictions_.predict, expected, rtol=1e-8)
    with pytest.warns(SkhyperWarning, match="30 fold models .* were fitted again"):
        search.set_params(keep=BOTH).fit(X, y)
    for i, model in enumerate(search.fold_models_):
        np.testing.assert_allclose(model.predict(X[[i]]), expected[i], rtol=1e-8)


def test_resumed_from_a_journal(tmp_path, iris):
    path = tmp_path / "search.jsonl"
    search = GridSearchCV(SVC(), {"C": [10, 1, 0.1]}, cv=CV, keep=BOTH, journal=path)
    search.fit(*iris)
    lines = path.read_bytes().splitlines(keepends=True)
    asked = [i for i, line in enumerate(lines) if b'"asked"' in line]
    path.write_bytes(b"".join(lines[: asked[1] + 3]))  # one trial and two folds of another
    again = clone(search)
    with pytest.warns(SkhyperWarning, match="4 fold models .* were fitted again"):
        again.fit(*iris)
    check(again, *iris)
    path.write_bytes(b"".join(lines))
    with pytest.warns(SkhyperWarning, match="4 fold models"):
        check(clone(search).fit(*iris), *iris)
    path.unlink()
    plain = clone(search).set_params(keep=None).fit(*iris)
    kept = clone(search).set_params(keep="predictions")
    with pytest.warns(SkhyperWarning, match="4 fold models"):
        kept.fit(*iris)
    best = clone(SVC()).set_params(**plain.best_params_)
    np.testing.assert_array_equal(
        kept.oof_predictions_.predict, cross_val_predict(best, *iris, cv=CV)
    )
    other = next(i for i in range(3) if i != kept.best_index_)
    with pytest.raises(ValueError, match="as its trial was made without"):
        _ = kept.oof_predictions_.of(other).predict


SCRIPT = """
import os, sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVC
from skhyper import GridSearchCV

def score(model, X, y):
    if model.C == 1 and "KILLED" in os.environ:
        os.kill(os.getpid(), 9)
    return model.score(X, y)

X, y = load_iris(return_X_y=True)
search = GridSearchCV(SVC(), {"C": [10, 1]}, scoring=score, keep="predictions", journal=sys.argv[1])
search.fit(X, y)
for i, C in enumerate([10, 1]):
    assert (search.oof_predictions_.of(i).predict == cross_val_predict(SVC(C=C), X, y)).all()
print("the same")
"""


@pytest.mark.slow
def test_predictions_of_a_killed_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path / "search.jsonl")]
    killed = subprocess.run(command, env={**os.environ, "KILLED": "1"}, timeout=300)
    assert killed.returncode == -9
    n_done = (tmp_path / "search.jsonl").read_bytes().count(b'"predictions"')
    assert n_done == 5
    resumed = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert resumed.stdout == "the same\n", resumed.stderr
    assert "fitted again" not in resumed.stderr


def test_after_pickling_refit_and_another_fit(iris):
    search = GridSearchCV(SVC(), {"C": [0.1, 10]}, cv=CV, keep=BOTH).fit(*iris)
    copy = pickle.loads(pickle.dumps(search))
    check(copy, *iris)
    other = 1 - search.best_index_
    search.refit_best(*iris, index=int(search.best_index_))
    assert hasattr(search, "fold_models_")
    search.refit_best(*iris, index=other)
    assert search.oof_predictions_.index == other
    assert not hasattr(search, "fold_models_")
    search.set_params(keep=None).fit(*iris)
    assert not hasattr(search, "oof_predictions_")


@pytest.mark.parametrize("refit", ["1se", lambda results: 0])
def test_other_rules_of_refit(refit, iris):
    search = GridSearchCV(SVC(), {"C": [0.01, 10]}, cv=CV, keep=BOTH, refit=refit).fit(*iris)
    check(search, *iris)


def test_predictions_after_an_interruption(iris):
    def scoring(model, X, y):
        if model.C == 10:
            raise KeyboardInterrupt
        return model.score(X, y)

    search = GridSearchCV(SVC(), {"C": [1, 10]}, cv=CV, keep=BOTH, scoring=scoring)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*iris)
    expected = cross_val_predict(SVC(C=1), *iris, cv=CV)
    np.testing.assert_array_equal(search.oof_predictions_.predict, expected)


def test_boosting_rounds_that_share_a_fit():
    X, y = make_classification(100, random_state=0)
    model = GradientBoostingClassifier(random_state=0, max_depth=2)
    search = GridSearchCV(model, {"n_estimators": [3, 6]}, cv=CV, keep=BOTH, scoring="roc_auc").fit(
        X, y
    )
    assert search.reuse_.fits_made == 4
    check(search, X, y, methods=("predict", "decision_function"))


def test_wrong_names():
    with pytest.raises(ValueError, match="keep must name some of"):
        GridSearchCV(SVC(), {"C": [1]}, keep="everything").fit([[0], [1]], [0, 1])
