"""The parameter `reuse` of the searches, and ``reuse_``."""

import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.callbacks import Callback
from skhyper.evaluation import Objective, load_history
from skhyper.evaluation._reusing_objective import ReusingObjective
from skhyper.reuse import ReuseOptions
from skhyper.search._reuse import reuse_options, with_reuse
from skhyper.search._task import make_task

X, y = load_iris(return_X_y=True)
PIPELINE = make_pipeline(StandardScaler(), SVC())
EMPTY = make_pipeline("passthrough", SVC())
GRID = {"svc__C": [0.1, 1.0, 10.0]}


def objective_of(search):
    task = make_task(search, X, y, {})
    plan = search._plan(task)
    objective = task.objective(search, [(np.arange(100), np.arange(100, 150))])
    return with_reuse(search, plan, plan.wrap_objective(objective))


@pytest.mark.parametrize(
    ("search", "reason"),
    [
        (GridSearchCV(PIPELINE, GRID, reuse=None), "reuse is off"),
        (GridSearchCV(PIPELINE, GRID, reuse=False), "reuse is off"),
        (GridSearchCV(SVC(), {"C": [1, 2]}), "not a scikit-learn Pipeline"),
        (GridSearchCV(make_pipeline(SVC()), {"svc__C": [1, 2]}), None),
        (GridSearchCV(PIPELINE, {"standardscaler__with_std": [True, False]}), "rarely"),
        (GridSearchCV(PIPELINE, {"svc__C": [1.0]}), "rarely"),
        (
            BayesSearchCV(make_pipeline(MinMaxScaler(), Ridge()), {"ridge__alpha": (0.1, 1.0)},
                          use_gradients=True, scoring="neg_mean_squared_error"),
            "gradient searches",
        ),
    ],
)  # fmt: skip
def test_where_nothing_can_be_shared_the_objective_is_the_plain_one(search, reason):
    objective, why_not = objective_of(search)
    assert type(objective) is not ReusingObjective
    if reason is None:
        assert why_not == {}
    else:
        assert reason in " ".join(why_not.values())


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(PIPELINE, GRID),
        GridSearchCV(PIPELINE, GRID, reuse=True),
        GridSearchCV(PIPELINE, {"standardscaler": [StandardScaler(), "passthrough"], **GRID}),
        GridSearchCV(EMPTY, {"passthrough": [PCA(2), PCA(3)], **GRID}),
        RandomizedSearchCV(PIPELINE, GRID, n_iter=3),
        SearchCV(PIPELINE, {"svc__C": (0.1, 1.0)}),
        BayesSearchCV(PIPELINE, {"svc__C": (0.1, 1.0)}),
    ],
)  # fmt: skip
def test_where_steps_can_be_shared(search):
    objective, why_not = objective_of(search)
    assert type(objective) is ReusingObjective
    assert type(objective.objective) is Objective
    assert why_not == {}


def test_callbacks():
    search = GridSearchCV(PIPELINE, GRID, cv=2)
    search.set_callbacks(Callback()).fit(X, y)
    assert search.reuse_.fits_made == 2
    callback = pytest.importorskip("sklearn.callback")
    search.set_callbacks(callback.ProgressBar()).fit(X, y)
    assert search.reuse_.why_not == {"": "callbacks observe the fits of its steps"}


def test_gradient_searches_have_no_such_parameter():
    search = GradientSearchCV(
        make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": (0.1, 1.0)}
    )
    search.set_params(n_iter=2, scoring="neg_mean_squared_error").fit(X, y)
    assert "reuse" not in search.get_params()
    assert search.reuse_.why_not == {"": "gradient searches have their own caches"}


def test_limits():
    assert objective_of(GridSearchCV(PIPELINE, GRID))[0].limit is None
    assert objective_of(GridSearchCV(PIPELINE, GRID, reuse=1))[0].limit == 1
    limited = {"memory_limit": 400, "n_jobs": 2}
    assert objective_of(GridSearchCV(PIPELINE, GRID, **limited))[0].limit == 200
    assert objective_of(GridSearchCV(PIPELINE, GRID, reuse=90, **limited))[0].limit == 90


def test_options():
    options = ReuseOptions(memory=7, directory="somewhere", tolerance=True)
    objective, _ = objective_of(GridSearchCV(PIPELINE, GRID, reuse=options))
    assert (objective.limit, objective.directory) == (7, "somewhere")
    assert reuse_options(options) is options
    assert reuse_options("tolerance") == ReuseOptions(tolerance=True)
    assert reuse_options(5) == ReuseOptions(memory=5)
    for reuse in (None, True, "auto"):
        assert reuse_options(reuse) == ReuseOptions()
    ridge = {"alpha": [1.0, 2.0, 3.0]}
    search = GridSearchCV(Ridge(), ridge, cv=3, reuse=ReuseOptions(tolerance=True)).fit(X, y)
    assert search.reuse_.fits_made == 3
    assert clone(search).fit(X, y).reuse_.fits_made == 3


class Slow(StandardScaler):
    """Takes long enough to be worth a file."""

    def fit(self, X, y=None, sample_weight=None):
        time.sleep(0.03)
        return super().fit(X, y)

    def transform(self, X, copy=None):
        time.sleep(0.03)
        return super().transform(X, copy)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_directory_has_what_the_memory_has_no_room_for(tmp_path, n_jobs):
    pipeline = make_pipeline(Slow(), SVC())
    found = {}
    for name, reuse in {
        "none": None,
        "memory": ReuseOptions(memory=1),
        "disk": ReuseOptions(memory=1, directory=tmp_path),
        "missing": ReuseOptions(memory=1, directory=tmp_path / "missing"),
    }.items():
        found[name] = GridSearchCV(pipeline, GRID, cv=2, reuse=reuse, n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(
            found[name].cv_results_["mean_test_score"], found["none"].cv_results_["mean_test_score"]
        )
    assert [found[name].reuse_.fits_made for name in ("memory", "missing")] == [6, 6]
    made = found["disk"].reuse_.fits_made
    assert made == 2 if n_jobs is None else 2 <= made <= 4
    assert list(tmp_path.iterdir()) == []


def test_a_line_says_what_a_tolerance_would_share(capsys):
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2, verbose=1).fit(X, y)
    line = capsys.readouterr().out.splitlines()[1]
    assert line == f"Fits are not shared along a hyperparameter: {search.reuse_.why_not['']}"
    search.set_params(reuse="tolerance").fit(X, y)
    assert capsys.readouterr().out.splitlines()[1] == str(search.reuse_)


@pytest.mark.parametrize("reuse", ["all", -1, 0, 1.5, [], {}])
def test_invalid_values(reuse):
    for search in (
        GridSearchCV(PIPELINE, GRID, reuse=reuse),
        SearchCV(PIPELINE, GRID, reuse=reuse),
    ):
        with pytest.raises(ValueError, match="'reuse' parameter"):
            search.fit(X, y)


def test_the_report_and_its_line(capsys):
    search = GridSearchCV(PIPELINE, GRID, cv=2, verbose=1).fit(X, y)
    reuse = search.reuse_
    assert (reuse.fits_asked, reuse.fits_made) == (6, 2)
    assert reuse.seconds_saved > 0
    assert capsys.readouterr().out.splitlines()[1] == str(reuse)
    search.set_params(reuse=None).fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert search.reuse_.why_not == {"": "reuse is off"}


def test_the_report_is_set_after_an_interruption():
    class Interrupts(SVC):
        def fit(self, X, y):
            if self.C == 10.0:
                raise KeyboardInterrupt
            return super().fit(X, y)

    search = GridSearchCV(
        make_pipeline(StandardScaler(), Interrupts()), {"interrupts__C": [1.0, 10.0]}, cv=2
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.reuse_.fits_asked == 2


def test_journals_and_trials_do_not_contain_counts(tmp_path):
    file = tmp_path / "journal"
    search = SearchCV(PIPELINE, GRID, sampler="grid", cv=2, journal=file).fit(X, y)
    assert search.reuse_.fits_made == 2
    for history in (search.history_, load_history(file)):
        assert not any("reuse" in fold for trial in history for fold in trial.folds)
