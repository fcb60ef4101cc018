"""What is added from outside of the package: one class and one line elsewhere for each."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, SearchCV
from skhyper.evaluation import Observer, StopReason
from skhyper.hypergradient import (
    Cotangents,
    Fit,
    Fold,
    InnerProblem,
    Output,
    check_hypergradient,
    implicit_vjp,
    inner_problem,
)
from skhyper.samplers import Sampler, Stop

RANGE = {"alpha": (1e-3, 1e3, "log-uniform")}
GRID = {"alpha": [1.0, 1e3, 0.1]}
X, y = load_diabetes(return_X_y=True)
X, y = X[:90], y[:90]


class FirstFoldOnly:
    """A racer: no trial has a second fold after one is complete."""

    def goes_on(self, trial, history):
        return history.best is None


class Recorder(Observer):
    """An observer of folds and trials."""

    def __init__(self):
        self.folds, self.trials = [], []

    def on_fold_end(self, job, result):
        self.folds.append((job.trial, job.fold))

    def on_trial_end(self, trial, history):
        assert history[trial.number] is trial
        self.trials.append(trial)


class Halving(Sampler):
    """A sampler: 1/2, 1/4, 1/8."""

    starts_from_default = False

    def ask(self, space, history, rng):
        if len(history) == 3:
            return Stop("small enough")
        return np.full(space.n_dims, 0.5 ** (len(history) + 1))


def with_plan(search, **changes):
    plan = search._plan
    search._plan = lambda task: replace(plan(task), **changes)
    return search


def searches():
    return [
        GridSearchCV(Ridge(), GRID, cv=3),
        SearchCV(Ridge(), RANGE, n_iter=3, cv=3, random_state=0),
        BayesSearchCV(Ridge(), RANGE, n_iter=3, cv=3, random_state=0),
        GradientSearchCV(Ridge(), RANGE, n_iter=3, cv=3, random_state=0),
    ]


@pytest.mark.parametrize("search", searches(), ids=lambda s: type(s).__name__)
def test_a_racer_and_an_observer(search):
    recorder = Recorder()
    with_plan(search, racer=FirstFoldOnly(), observers=(recorder,)).fit(X, y)
    # The first of them has the best score in the first fold, if it is compared with others.
    first = recorder.trials[0].number
    ended = sorted(recorder.trials, key=lambda trial: trial.number)
    assert [t.loss for t in ended] == [t.loss for t in search.history_]
    assert [len(trial.folds) for trial in recorder.trials] == [3, 1, 1]
    assert sorted(trial for trial, _ in recorder.folds) == sorted([0, 1, 2, first, first])
    assert search.best_index_ == first


def test_an_observer_ends_a_search():
    class Enough(Observer):
        def on_trial_end(self, trial, history):
            return StopReason("enough") if len(history) == 2 else None

    search = with_plan(SearchCV(Ridge(), RANGE, n_iter=9, cv=3), observers=(Enough(),)).fit(X, y)
    assert search.n_trials_ == 2
    assert search.stop_reason_ == "enough"


def test_a_sampler():
    search = SearchCV(Ridge(), RANGE, sampler=Halving(), n_iter=9, cv=3).fit(X, y)
    tried = [trial.params["alpha"] for trial in search.history_]
    np.testing.assert_allclose(tried, 10 ** (6 * 0.5 ** np.arange(1, 4) - 3))
    assert search.stop_reason_ == "small enough"
    theirs = SklearnGridSearchCV(Ridge(), {"alpha": tried}, cv=3).fit(X, y)
    assert search.best_params_ == theirs.best_params_


class Shrunken(RegressorMixin, BaseEstimator):
    """Ridge regression without an intercept."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        X = np.asarray(X)
        self.coef_ = np.linalg.solve(X.T @ X + self.alpha * np.eye(X.shape[1]), X.T @ y)
        return self

    def predict(self, X):
        return np.asarray(X) @ self.coef_


class ShrunkenProblem(InnerProblem):
    names = ("alpha",)
    methods = ("predict",)

    def load(self, X, y):
        return ShrunkenFold(self.estimator, X, y)


@dataclass
class ShrunkenFold(Fold):
    estimator: Shrunken
    X: np.ndarray
    y: np.ndarray

    def fit(self, params):
        fitted = clone(self.estimator).set_params(**params).fit(self.X, self.y)
        return ShrunkenFit(fitted, self.X.T @ self.X)


@dataclass(frozen=True)
class ShrunkenFit(Fit):
    estimator: Shrunken
    gram: np.ndarray

    def predict(self, X, method):
        coef, alpha = self.estimator.coef_, self.estimator.alpha
        vjp = implicit_vjp(
            lambda d_value, want: (X.T @ d_value, Cotangents({})),
            lambda dw: np.linalg.solve(self.gram + alpha * np.eye(len(dw)), dw),
            lambda u, want: Cotangents({"alpha": float(u @ coef)}),
        )
        return Output(X @ coef, vjp)


def test_a_hypergradient():
    inner_problem.register(Shrunken, ShrunkenProblem)
    assert check_hypergradient(Shrunken(0.5), X, y).max_error < 1e-6
    ours = GradientSearchCV(Shrunken(), RANGE, cv=3).fit(X, y)
    theirs = GradientSearchCV(Ridge(fit_intercept=False), RANGE, cv=3).fit(X, y)
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-5)


class SecondsDisplay:
    """A picture: seconds of each trial, from the public history."""

    def __init__(self, seconds):
        self.seconds = seconds

    @classmethod
    def from_search(cls, search, ax):
        return cls(np.array([trial.seconds for trial in search.history_])).plot(ax)

    def plot(self, ax):
        (self.line_,) = ax.plot(self.seconds)
        return self


def test_a_picture_from_outside():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    search = GridSearchCV(Ridge(), GRID).fit(X, y)
    display = SecondsDisplay.from_search(search, figure.subplots())
    np.testing.assert_array_equal(display.line_.get_ydata(), display.seconds)
    assert display.seconds.shape == (3,)
    assert (display.seconds > 0).all()
