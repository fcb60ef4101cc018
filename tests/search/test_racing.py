"""A race in all search classes: trials that are stopped after some of their folds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    Racing,
    RandomizedSearchCV,
    SearchCV,
    load_history,
)
from skhyper.exceptions import SkhyperWarning

CV = KFold(5, shuffle=True, random_state=0)
GRID = {"alpha": [1e-2, 1.0, 1e2, 1e-1, 1e1, 1e3]}
RANGE = {"alpha": (1e-3, 1e3, "log-uniform")}
X, y = load_diabetes(return_X_y=True)
X, y = X[:90], y[:90]


class WorseThanTheBest:
    """Stops a trial that is worse than the best one in the folds so far, two at least."""

    def goes_on(self, trial, history):
        run, best = list(trial.fold_numbers), history.best
        return len(run) < 2 or best is None or trial.scores[run].mean() > best.scores[run].mean()


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
        "manual": SearchCV(Ridge(), sampler=[{"alpha": a} for a in GRID["alpha"]], **options),
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
    # The same race, with scikit-learn's scores of all folds.
    model, candidates = clone(alone.estimator), [trial.params for trial in alone.history_]
    table = np.array([cross_val_score(model.set_params(**p), X, y, cv=CV) for p in candidates])
    order = np.random.default_rng([alone.history_.seed, 0, 2]).permutation(5)
    ranking = np.arange(len(table))
    if name not in ("bayes", "gradient"):  # all candidates run a fold first
        ranking = np.argsort(-table[:, order[0]], kind="stable")
    best, complete, n_run = None, [], [0] * len(table)
    for number in ranking:
        scores, trial = table[number], alone.history_[int(number)]
        worse, effect = [], 0.0
        if best is not None:
            means = [(scores[order[:n]].mean(), best[order[:n]].mean()) for n in range(2, 5)]
            worse = [n for n, (mean, of_best) in enumerate(means, 2) if mean <= of_best]
        n_run[number] = n = worse[0] if worse else 5
        run = np.sort(order[:n])
        if worse:
            effect = np.mean([other[run].mean() - other.mean() for other in complete])
        else:
            complete.append(scores)
            best = max(complete, key=np.mean)
        expected = np.where(np.isin(np.arange(5), run), scores, np.nan)
        np.testing.assert_allclose(trial.scores, expected, rtol=1e-6)
        assert trial.fold_numbers == tuple(run)
        assert trial.state == ("stopped" if worse else "complete")
        assert trial.loss == pytest.approx(effect - scores[run].mean(), rel=1e-6)
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


def test_a_callable_refit_that_selects_a_stopped_candidate():
    def argmax(results):
        return int(np.argmax(results["mean_test_score"]))  # the first nan

    search = GridSearchCV(Ridge(), GRID, cv=CV, refit=argmax)
    message = "selected candidate 1, which was stopped after 2 of 5 folds"
    with pytest.warns(SkhyperWarning, match=message):
        raced(search, StopsAt(5, 2, 5, 5, 5, 5)).fit(X, y)
    search.set_params(refit=lambda results: int(np.nanargmax(results["mean_test_score"])))
    assert search.fit(X, y).best_index_ != 1


def test_folds_that_are_not_run_cost_nothing_and_leave_nan(capsys):
    X, y = load_iris(return_X_y=True)
    scoring = {"acc": "accuracy", "log": "neg_log_loss"}
    model = Counts(random_state=0)
    options = {
        "scoring": scoring,
        "refit": "acc",
        "return_train_score": True,
        "verbose": 1,
        "random_state": 0,
    }
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
    assert lines[1].startswith("[1/3] score=")
    assert lines[2].startswith("[2/3] stopped after 3 of 5 folds, estimated score=")
    assert lines[3].startswith("[3/3] stopped after 1 of 5 folds, estimated score=")


class Recorded(BaseEstimator):
    """Scores of candidates `a` in folds, from a table; fits nothing."""

    rng = np.random.default_rng(0)
    table = 0.9 - 0.02 * rng.permutation(30)[:, None] + 0.03 * rng.normal(size=10)
    table += 0.01 * rng.normal(size=(30, 10))

    def __init__(self, a=0):
        self.a = a

    def fit(self, X, y=None):
        return self

    def score(self, X, y=None):
        return self.table[self.a, X[0, 0]]


RECORDED = {
    "estimator": Recorded(),
    "cv": [(np.array([0]), np.array([fold])) for fold in range(10)],
}
FOLDS = np.arange(10)[:, None]


def recorded_searches():
    values, options = {"a": list(range(30))}, {**RECORDED, "n_iter": 20, "random_state": 0}
    return {
        "grid": GridSearchCV(**RECORDED, param_grid=values),
        "randomized": RandomizedSearchCV(**options, param_distributions=values),
        "manual": SearchCV(**options, sampler=[{"a": a} for a in range(20)]),
        "random": SearchCV(**options, search_spaces={"a": (0, 29)}),
        "sobol": SearchCV(**options, search_spaces={"a": (0, 29)}, sampler="sobol"),
        "bayes": BayesSearchCV(**options, search_spaces={"a": (0, 29)}),
    }


@pytest.mark.parametrize("name", list(recorded_searches()))
def test_racing_saves_fits_and_keeps_the_best_candidate(name):
    plain = recorded_searches()[name].fit(FOLDS)
    search = clone(plain).set_params(racing=True).fit(FOLDS)
    n_run = np.array([len(trial.folds) for trial in search.history_])
    assert n_run.sum() < 0.7 * n_run.size * 10
    assert all(trial.state in ("complete", "stopped") for trial in search.history_)
    complete = n_run == 10
    assert search.best_params_ == plain.best_params_
    assert search.cv_results_["rank_test_score"][~complete].min() > complete.sum()
    means = search.cv_results_["mean_test_score"]
    a = [params["a"] for params in search.cv_results_["params"]]
    np.testing.assert_allclose(means[complete], Recorded.table[a].mean(axis=1)[complete])
    assert np.isnan(means[~complete]).all()
    if name != "bayes":
        assert search.cv_results_["params"] == plain.cv_results_["params"]


def test_the_error_rate_is_that_of_racing():
    strict, loose = (
        GridSearchCV(**RECORDED, param_grid={"a": list(range(30))}, racing=racing).fit(FOLDS)
        for racing in (Racing(error_rate=1e-6), Racing(error_rate=0.2))
    )
    n_strict, n_loose = (sum(len(t.folds) for t in s.history_) for s in (strict, loose))
    assert n_loose < n_strict < 300


def test_a_racer_of_the_user():
    grid = {"a": [3, 1, 2]}
    search = GridSearchCV(**RECORDED, param_grid=grid, racing=StopsAt(2, 10, 5)).fit(FOLDS)
    assert [len(trial.folds) for trial in search.history_] == [2, 10, 5]


@pytest.mark.parametrize("name", list(recorded_searches()))
def test_racing_of_a_wrong_type(name):
    search = recorded_searches()[name].set_params(estimator=Counts(), racing="yes")
    Counts.n_fits = 0
    with pytest.raises(ValueError, match=r"The 'racing' parameter of .* must be an instance of"):
        search.fit(FOLDS)
    assert Counts.n_fits == 0


def test_gradient_searches_run_all_folds():
    assert GradientSearchCV(Ridge(), RANGE).racing is False
    with pytest.raises(ValueError, match=r"GradientSearchCV runs all folds.*BayesSearchCV"):
        GradientSearchCV(Ridge(), RANGE, racing=True).fit(X, y)


def test_output_says_what_was_saved(capsys):
    grid = {"a": list(range(30))}
    search = GridSearchCV(**RECORDED, param_grid=grid, racing=True, verbose=1).fit(FOLDS)
    first, last = capsys.readouterr().out.splitlines()
    assert first == "Fitting 10 folds for each of 30 candidates, totalling at most 300 fits"
    n_run = sum(len(trial.folds) for trial in search.history_)
    n_stopped = sum(trial.state == "stopped" for trial in search.history_)
    assert last == f"Racing stopped {n_stopped} of 30 candidates: {n_run} of 300 fits"


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
        assert [trial.fold_numbers for trial in history] == [
            t.fold_numbers for t in search.history_[:6]
        ]
        assert [trial.loss for trial in history] == [t.loss for t in search.history_[:6]]
        assert [trial.started for trial in history] == [t.started for t in search.history_[:6]]
        np.testing.assert_array_equal(
            [trial.scores for trial in history], [t.scores for t in search.history_[:6]]
        )
    np.testing.assert_array_equal(scores_of(again), scores_of(search)[:6])
    assert len(more.history_) == 8
