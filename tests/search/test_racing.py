"""A race in all search classes: trials that are stopped after some of their folds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    RandomizedSearchCV,
    SearchCV,
    load_history,
)

CV = KFold(5, shuffle=True, random_state=0)
GRID = {"alpha": [1e-2, 1.0, 1e2, 1e-1, 1e1, 1e3]}
RANGE = {"alpha": (1e-3, 1e3, "log-uniform")}
X, y = load_diabetes(return_X_y=True)
X, y = X[:90], y[:90]


class WorseThanTheBest:
    """Stops a trial that is worse than the best one in its first folds, two at least."""

    def goes_on(self, trial, history):
        n = len(trial.folds)
        best = history.best
        return n < 2 or best is None or trial.scores[:n].mean() > best.scores[:n].mean()


def raced(search, racer=None):
    """A search with a racer in its plan."""
    plan = search._plan
    racer = WorseThanTheBest() if racer is None else racer
    search._plan = lambda *args: replace(plan(*args), racer=racer)
    return search


def searches():
    options = {"cv": CV, "random_state": 0}
    start = {"initial_points": [{"alpha": 1e3}, {"alpha": 1e-2}], "n_restarts": 2, "prior": None}
    return {
        "grid": GridSearchCV(Ridge(), GRID, cv=CV),
        "randomized": RandomizedSearchCV(
            Ridge(), {"alpha": loguniform(1e-3, 1e3)}, n_iter=8, **options
        ),
        "manual": SearchCV(Ridge(), sampler=[{"alpha": a} for a in GRID["alpha"]], cv=CV),
        "sampled": SearchCV(Ridge(), RANGE, n_iter=8, **options),
        "bayes": BayesSearchCV(Ridge(), RANGE, n_iter=8, **options),
        "gradient": GradientSearchCV(Ridge(), RANGE, n_iter=8, **start, **options),
    }


def scores_of(search):
    columns = [search.cv_results_[f"split{fold}_test_score"] for fold in range(5)]
    return np.array(columns).T


@pytest.mark.parametrize("name", list(searches()))
@pytest.mark.fast_cases(1)
def test_a_race_in_all_classes_and_in_workers(name):
    alone = raced(searches()[name]).fit(X, y)
    best, n_run = None, []
    for trial in alone.history_:  # the same race, with scikit-learn's scores of all folds
        scores = cross_val_score(clone(alone.estimator).set_params(**trial.params), X, y, cv=CV)
        worse = []
        if best is not None:
            worse = [n for n in range(2, 5) if scores[:n].mean() <= best[:n].mean()]
        n_run.append(worse[0] if worse else 5)
        if not worse and (best is None or scores.mean() > best.mean()):
            best = scores
        expected = np.where(np.arange(5) < n_run[-1], scores, np.nan)
        np.testing.assert_allclose(trial.scores, expected, rtol=1e-6)
        assert trial.state == ("stopped" if worse else "complete")
        assert trial.loss == pytest.approx(-scores[: n_run[-1]].mean(), rel=1e-6)
    assert 2 in n_run and 5 in n_run
    assert [len(trial.folds) for trial in alone.history_] == n_run
    np.testing.assert_array_equal(scores_of(alone), [t.scores for t in alone.history_])
    results = alone.cv_results_
    stopped = np.array(n_run) < 5
    np.testing.assert_array_equal(np.isnan(results["mean_test_score"]), stopped)
    np.testing.assert_array_equal(np.isnan(results["mean_fit_time"]), stopped)
    assert not stopped[alone.best_index_]
    assert results["rank_test_score"][alone.best_index_] == 1
    assert alone.best_score_ == results["mean_test_score"][alone.best_index_]
    assert alone.predict(X).shape == y.shape
    two = raced(searches()[name].set_params(n_jobs=2)).fit(X, y)
    assert two.cv_results_["params"] == alone.cv_results_["params"]
    np.testing.assert_array_equal(scores_of(two), scores_of(alone))
    assert two.stop_reason_ == alone.stop_reason_


class Counts(DecisionTreeClassifier):
    n_fits = 0

    def fit(self, X, y):
        Counts.n_fits += 1
        return super().fit(X, y)


class StopsAt:
    def __init__(self, *n_folds):
        self._n_folds = n_folds

    def goes_on(self, trial, history):
        return len(trial.folds) < self._n_folds[trial.number]


def test_folds_that_are_not_run_cost_nothing_and_leave_nan(capsys):
    X, y = load_iris(return_X_y=True)
    scoring = {"acc": "accuracy", "log": "neg_log_loss"}
    model = Counts(random_state=0)
    options = {"scoring": scoring, "refit": "acc", "return_train_score": True, "verbose": 1}
    settings = [{"max_depth": d} for d in (1, 2, 3)]
    Counts.n_fits = 0
    search = SearchCV(model, sampler=settings, cv=CV, **options)
    raced(search, StopsAt(1, 5, 3)).fit(X, y)
    assert Counts.n_fits == 1 + 5 + 3 + 1
    assert search.best_params_ == {"max_depth": 2}
    for column in ("test_acc", "train_acc", "test_log", "train_log"):
        found = np.array([search.cv_results_[f"split{i}_{column}"] for i in range(5)])
        np.testing.assert_array_equal((~np.isnan(found)).sum(axis=0), [1, 5, 3])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("[1/3] stopped after 1 folds, score=")
    assert lines[2].startswith("[2/3] score=")


def test_stopped_trials_are_kept_by_journal_history_and_warm_start(tmp_path):
    options = {"cv": CV, "random_state": 0, "journal": tmp_path / "j", "warm_start": True}
    search = raced(BayesSearchCV(Ridge(), RANGE, n_iter=6, **options)).fit(X, y)
    states = [trial.state for trial in search.history_]
    assert "stopped" in states
    read = load_history(tmp_path / "j")
    again = BayesSearchCV(Ridge(), RANGE, n_iter=6, **options).fit(X, y)
    given = BayesSearchCV(Ridge(), RANGE, n_iter=1, cv=CV, history=search.history_).fit(X, y)
    more = raced(search.set_params(n_iter=2)).fit(X, y)
    for history in (read, again.history_, given.history_[:6], more.history_[:6]):
        assert [trial.state for trial in history] == states
        assert [trial.loss for trial in history] == [t.loss for t in search.history_[:6]]
        assert [trial.started for trial in history] == [t.started for t in search.history_[:6]]
        np.testing.assert_array_equal(
            [trial.scores for trial in history], [t.scores for t in search.history_[:6]]
        )
    np.testing.assert_array_equal(scores_of(again), scores_of(search)[:6])
    assert len(more.history_) == 8
