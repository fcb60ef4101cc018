"""Searches of all classes and samplers, cut at any line of their journal, end as if they were not.

A journal that ends after a line is that of a process that was killed there.
"""

import time

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from sklearn.model_selection import ShuffleSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    Racing,
    RandomizedSearchCV,
    SearchCV,
)
from skhyper.evaluation import _replay
from skhyper.linear_model import WeightedElasticNet
from skhyper.samplers import GPSampler

X, y = load_diabetes(return_X_y=True)
X, y = X[:60], y[:60]
WIDE = (1e-3, 1e3, "log-uniform")
RANGE = {"alpha": WIDE}
MIXED = {"alpha": WIDE, "fit_intercept": [True, False], "solver": ["svd", "cholesky"]}
TREE = DecisionTreeRegressor(random_state=0)
PARTS = [({"max_depth": (1, 3)}, 5), ({"min_samples_leaf": (1, 30), "max_depth": (4, 9)}, 4)]
OPTIONS = {"cv": 3, "random_state": 0}
GRID = {"max_depth": [1, 2, 3], "min_samples_leaf": [1, 9, 20]}
RACING = Racing(error_rate=0.3)


def pipeline():
    return make_pipeline(StandardScaler(), SVR())


def searches():
    gradient = {"cv": 3, "random_state": 0, "n_iter": 8}
    start = [{"alpha": 1e3}, {"alpha": 1e-2}]
    svr = {"svr__C": WIDE, "svr__epsilon": WIDE, "svr__kernel": ["rbf", "linear"]}
    scoring = {"scoring": ["r2", "neg_mean_absolute_error"], "return_train_score": True}
    return {
        "grid": GridSearchCV(TREE, {"max_depth": [1, 2, 3], "min_samples_leaf": [1, 9]}, cv=3),
        "grid of steps": GridSearchCV(
            pipeline(),
            {"svr": [SVR(C=2), SVR(kernel="linear")], "svr__C": [1, -2]},
            cv=3,
            error_score=-9.0,
        ),
        "several metrics": GridSearchCV(Ridge(), {"alpha": [1, 2, 3]}, refit="r2", cv=3, **scoring),
        "randomized": RandomizedSearchCV(Ridge(), {"alpha": loguniform(1e-3, 1e3)}, **OPTIONS),
        "unseeded folds": SearchCV(
            Ridge(), RANGE, n_iter=4, random_state=0, cv=ShuffleSplit(3, test_size=0.4)
        ),
        "manual": SearchCV(Ridge(), sampler=[{"alpha": a} for a in (1, 5, 2)], **OPTIONS),
        "random": SearchCV(Ridge(), MIXED, n_iter=8, **OPTIONS),
        "sobol": SearchCV(Ridge(), RANGE, sampler="sobol", n_iter=6, **OPTIONS),
        "sampler grid": SearchCV(Ridge(), MIXED, sampler="grid", n_iter=9, **OPTIONS),
        "phases": SearchCV(TREE, PARTS, **OPTIONS),
        "bayes": BayesSearchCV(Ridge(), MIXED, n_iter=10, **OPTIONS),
        "bayes pipeline": BayesSearchCV(pipeline(), svr, n_iter=9, **OPTIONS),
        "bayes phases": BayesSearchCV(TREE, PARTS, **OPTIONS),
        "bayes repeats": BayesSearchCV(
            Ridge(), RANGE, n_iter=6, initial_points=start, allow_repeats=True, **OPTIONS
        ),
        "bayes gradients": BayesSearchCV(
            Ridge(),
            RANGE,
            n_iter=6,
            use_gradients=True,
            scoring="neg_mean_squared_error",
            **OPTIONS,
        ),
        "gp": SearchCV(Ridge(), RANGE, sampler=GPSampler(n_initial_points=2), n_iter=7, **OPTIONS),
        "skopt": SearchCV(Ridge(), RANGE, sampler="skopt", n_iter=5, **OPTIONS),
        "raced grid": GridSearchCV(TREE, GRID, cv=5, racing=RACING),
        "raced sobol": SearchCV(
            Ridge(), RANGE, sampler="sobol", n_iter=9, cv=5, random_state=0, racing=RACING
        ),
        "raced bayes": BayesSearchCV(Ridge(), RANGE, n_iter=9, cv=5, random_state=0, racing=RACING),
        "raced and shared": BayesSearchCV(
            KNeighborsRegressor(),
            {"n_neighbors": (1, 12), "weights": ["uniform", "distance"]},
            n_iter=7,
            cv=5,
            random_state=0,
            racing=RACING,
        ),
        "gradient": GradientSearchCV(Ridge(), RANGE, initial_points=start, **gradient),
        "gradient lasso": GradientSearchCV(Lasso(), RANGE, **gradient),
        "gradient net": GradientSearchCV(
            ElasticNet(), RANGE | {"l1_ratio": (0.1, 1.0)}, n_restarts=2, **gradient
        ),
        "gradient vector": GradientSearchCV(
            WeightedElasticNet(l1_weights=np.ones(10)), {"l1_weights": WIDE}, prior=1.0, **gradient
        ),
        "gradient svr": GradientSearchCV(pipeline(), svr, **gradient),
        "gradient choices": GradientSearchCV(Ridge(), MIXED, n_restarts=2, **gradient),
    }


def assert_same(search, expected):
    """Results are equal except for times."""
    one, other = search.cv_results_, expected.cv_results_
    assert one.keys() == other.keys()
    for key in one:
        if np.asarray(one[key]).dtype == object:
            assert repr(one[key]) == repr(other[key])
        elif "time" not in key:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)
    assert repr(search.best_params_) == repr(expected.best_params_)
    assert search.stop_reason_ == expected.stop_reason_
    for a, b in zip(search.history_, expected.history_, strict=True):
        assert (a.number, a.state, repr(a.gradient)) == (b.number, b.state, repr(b.gradient))
        np.testing.assert_equal((a.fold_numbers, a.loss), (b.fold_numbers, b.loss))


@pytest.fixture
def no_retry(monkeypatch):
    """Trials that may have ended the process run in it, as those of an interrupted search."""
    monkeypatch.setattr(_replay.Replay, "suspects", lambda self: [])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", searches())
@pytest.mark.usefixtures("no_retry")
@pytest.mark.parametrize("n_cuts", [3, pytest.param(None, marks=pytest.mark.slow)])
def test_cut_at_a_line(tmp_path, name, n_cuts):
    check_cuts(tmp_path, searches()[name], n_cuts)


def check_cuts(tmp_path, search, n_cuts=None, **changes):
    """Cut the journal of a search at lines; all of them if `n_cuts` is None."""
    path = tmp_path / "j"
    expected = clone(search).set_params(journal=path, **changes).fit(X, y)
    lines = path.read_bytes().splitlines(keepends=True)
    ends = range(1, len(lines))
    if n_cuts is not None:
        ends = sorted(np.random.default_rng(0).choice(ends, n_cuts, replace=False))
    for end in ends:
        path.write_bytes(b"".join(lines[:end]))
        resumed = clone(search).set_params(journal=path).fit(X, y)
        assert_same(resumed, expected)


@pytest.mark.parametrize("n_parallel", [2, 3])
@pytest.mark.usefixtures("no_retry")
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_cut_with_several_trials_at_a_time(tmp_path, n_parallel, n_jobs):
    search = searches()["bayes"].set_params(n_points=n_parallel, n_jobs=n_jobs)
    with parallel_config("threading"):
        check_cuts(tmp_path, search, None if n_jobs == 1 and n_parallel == 3 else 12)


class Slow(Ridge):
    def fit(self, X, y):
        time.sleep(0.02)
        return super().fit(X, y)


@pytest.mark.usefixtures("virtual_time")
def test_max_time_counts_what_was_spent_before(tmp_path):
    options = {"cv": 2, "random_state": 0, "journal": tmp_path / "j"}
    search = SearchCV(Slow(), RANGE, max_time=0.4, **options).fit(X, y)
    n_trials = search.n_trials_
    assert n_trials in (10, 11)  # of 0.04 s each, and the last one may end later
    assert search.stop_reason_.kind == "max_time"
    for _ in range(2):
        search = SearchCV(Slow(), RANGE, max_time=0.4, **options).fit(X, y)
        assert search.n_trials_ == n_trials
        assert search.stop_reason_.kind == "max_time"
    search = SearchCV(Slow(), RANGE, max_time=0.8, **options).fit(X, y)
    assert search.n_trials_ in (20, 21)


@pytest.mark.slow
def test_two_workers_lose_no_recorded_fold(tmp_path):
    """A search with two processes that is cut has each fold of its journal once."""
    search = searches()["bayes"].set_params(n_jobs=2, journal=tmp_path / "j")
    expected = clone(search).fit(X, y)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    for end in range(1, len(lines), 5):
        (tmp_path / "j").write_bytes(b"".join(lines[:end]))
        assert_same(clone(search).fit(X, y), expected)
