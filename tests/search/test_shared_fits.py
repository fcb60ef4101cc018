"""Searches that share fits have the results of searches that do not."""

import copy
import io
import os
from typing import ClassVar

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import Lasso, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV, load_history
from skhyper.callbacks import Callback, ProgressBar
from skhyper.reuse import SharedFit, shared_fit
from skhyper.samplers import GPSampler

X, y = (part[::5] for part in load_breast_cancer(return_X_y=True))
FOREST = RandomForestClassifier(random_state=0)
TREES = {"n_estimators": [2, 6, 3], "max_depth": [1, 3]}


class Counting(RegressorMixin, BaseEstimator):
    """Predicts the mean of the first n targets; notes its fits, and fails for n in `fails`."""

    fits: ClassVar[list] = []

    def __init__(self, n=1, shift=0.0, fails=()):
        self.n, self.shift, self.fails = n, shift, fails

    def fit(self, X, y):
        self.fits.append(self.n)
        if self.n in self.fails:
            raise ValueError("bad")
        self.y_ = np.asarray(y)[: self.n]
        return self

    def predict(self, X):
        return np.full(len(X), self.y_.mean() + self.shift)


@shared_fit.register(Counting)
def _counting(estimator):
    return SharedFit("n", _first)


def _first(fitted, n):
    view = copy.copy(fitted)
    view.n, view.y_ = n, fitted.y_[:n]
    return view


@pytest.fixture(autouse=True)
def _no_fits():
    Counting.fits.clear()


def assert_same(found, expected):
    found, expected = found.cv_results_, expected.cv_results_
    assert list(found) == list(expected)
    for name in expected:
        if "time" not in name:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def both(make, *data, **fit_params):
    """The same search with and without shared fits."""
    searches = [make(reuse).fit(*data, **fit_params) for reuse in ("auto", None)]
    assert_same(*searches)
    assert searches[0].__dict__.get("best_index_") == searches[1].__dict__.get("best_index_")
    return searches


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_grid_over_the_number_of_trees(n_jobs):
    options = {"cv": 3, "n_jobs": n_jobs, "return_train_score": True}
    scoring = {"scoring": ["accuracy", "neg_log_loss"], "refit": "accuracy"}
    shared, _ = both(
        lambda reuse: GridSearchCV(FOREST, TREES, reuse=reuse, **options, **scoring), X, y
    )
    # The time of a fit counts for the candidate with the most trees.
    seconds = shared.cv_results_["mean_fit_time"].reshape(2, 3)
    assert (seconds.argmax(axis=1) == 1).all()


def test_weights_groups_tables_and_sparse_data():
    pandas = pytest.importorskip("pandas")
    weights = np.random.default_rng(0).random(len(y))
    groups = np.arange(len(y)) % 7

    def make(reuse):
        return GridSearchCV(FOREST, {"n_estimators": [1, 4]}, reuse=reuse, cv=GroupKFold(3))

    for data in (pandas.DataFrame(X), sparse.csr_matrix(X)):
        both(make, data, y, groups=groups, sample_weight=weights)


def test_pipelines_lists_and_random_searches():
    data = tuple(part[:100] for part in load_diabetes(return_X_y=True))
    boosting = GradientBoostingRegressor(random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", boosting)])
    grid = [
        {"model__n_estimators": [3, 9], "scale": ["passthrough", StandardScaler()]},
        {"model": [SVR()], "model__C": [1.0, 2.0]},
    ]
    both(lambda reuse: GridSearchCV(pipeline, grid, reuse=reuse, cv=2), *data)
    space = {"n_estimators": [3, 9, 5], "max_depth": [1, 2]}
    both(
        lambda reuse: RandomizedSearchCV(
            boosting, space, n_iter=4, random_state=0, reuse=reuse, cv=2
        ),
        *data,
    )
    listed = [{"n_estimators": n} for n in (3, 9, 5)]
    both(lambda reuse: SearchCV(boosting, sampler=listed, reuse=reuse, cv=2), *data)
    both(lambda reuse: SearchCV(boosting, space, sampler="grid", reuse=reuse, cv=2), *data)


def test_pruning():
    tree = DecisionTreeClassifier(random_state=0)
    both(lambda reuse: GridSearchCV(tree, {"ccp_alpha": [0.1, 0.0, 0.01]}, reuse=reuse), X, y)


def test_pruning_of_forests():
    grid = {"ccp_alpha": [0.1, 0.0, 0.01], "max_depth": [2, None]}
    forest = Pipeline([("model", RandomForestClassifier(5, random_state=0))])
    named = {f"model__{name}": values for name, values in grid.items()}
    shared, _ = both(
        lambda reuse: GridSearchCV(forest, named, reuse=reuse, cv=3, return_train_score=True), X, y
    )
    assert (shared.reuse_.fits_asked, shared.reuse_.fits_made) == (18, 6)
    both_names = {"ccp_alpha": [0.0, 0.01], "n_estimators": [2, 5]}
    shared, _ = both(lambda reuse: GridSearchCV(FOREST, both_names, reuse=reuse, cv=3), X, y)
    assert (shared.reuse_.fits_asked, shared.reuse_.fits_made) == (12, 6)
    both_names["n_estimators"] = [3]
    shared, _ = both(lambda reuse: GridSearchCV(FOREST, both_names, reuse=reuse, cv=3), X, y)
    assert (shared.reuse_.fits_asked, shared.reuse_.fits_made) == (6, 3)
    space = {"ccp_alpha": (1e-4, 0.1, "log-uniform")}
    few = RandomForestClassifier(3, random_state=0)
    shared = BayesSearchCV(few, space, n_iter=2, cv=3, random_state=0, include_default=False)
    assert 3 <= shared.fit(X, y).reuse_.fits_made <= 6
    alphas = shared.cv_results_["param_ccp_alpha"]
    plain = GridSearchCV(few, {"ccp_alpha": alphas}, cv=3, reuse=None).fit(X, y)
    assert shared.n_trials_ >= 9
    np.testing.assert_array_equal(
        shared.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )


def search_of_means(reuse="auto", fails=(), values=(2, 9, 5), **options):
    grid = {"shift": [0.0, 1.0], "n": list(values)}
    return GridSearchCV(
        Counting(fails=fails), grid, reuse=reuse, refit=False, **{"cv": 3, **options}
    )


def test_one_fit_for_each_fold_and_group():
    search = search_of_means().fit(X, y)
    assert Counting.fits == [9] * 6
    assert (search.reuse_.fits_asked, search.reuse_.fits_made) == (18, 6)
    assert search.reuse_.why_not == {}
    assert 0 < search.reuse_.seconds_saved < 1


@pytest.mark.parametrize("fails", [(9,), (5, 9)])
def test_failed_fits_are_those_of_plain_searches(fails):
    with pytest.warns(Warning, match="fits failed"):
        shared, _ = both(lambda reuse: search_of_means(reuse, fails, error_score=-1.0), X, y)
    bad = [trial.params["n"] for trial in shared.history_ if "bad" in trial.message]
    assert set(bad) == set(fails)


def test_why_nothing_was_shared():
    grid, space = {"n_estimators": [1, 2]}, {"n_estimators": (1, 9)}
    forest = RandomForestClassifier()
    for search in (GridSearchCV(forest, grid), BayesSearchCV(forest, space, n_iter=2)):
        search.set_params(refit=False, cv=2).fit(X, y)
        assert "random_state is None" in search.reuse_.why_not[""]
        assert search.reuse_.fits_asked == 0


def test_why_no_candidates_were_added():
    boosting = HistGradientBoostingRegressor()
    search = BayesSearchCV(boosting, {"max_iter": (2, 9)}, n_iter=2, cv=2, refit=False)
    search.fit(*DIABETES)
    assert search.n_trials_ == 2
    assert "no candidates are added" in search.reuse_.why_not[""]
    # A tolerance would not change that.
    search = BayesSearchCV(Ridge(), {"alpha": (0.1, 9.0)}, n_iter=2, cv=2, refit=False)
    assert "no candidates are added" in search.fit(*DIABETES).reuse_.why_not[""]
    shared, _ = both(
        lambda reuse: GridSearchCV(boosting, {"max_iter": [3, 9]}, reuse=reuse, cv=2), *DIABETES
    )
    assert (shared.reuse_.fits_asked, shared.reuse_.fits_made) == (4, 2)


def test_error_score_raise():
    with pytest.raises(ValueError, match="bad"):
        search_of_means(fails=(9,), error_score="raise").fit(X, y)


def test_limits_of_single_fits_are_not_shared():
    shared = search_of_means(fit_timeout=100.0).fit(X, y)
    assert "fit_timeout" in shared.reuse_.why_not[""]
    assert not any(fold.get("shared") for trial in shared.history_ for fold in trial.folds)


class Stop(Callback):
    """Ends a search after some trials."""

    def __init__(self, n):
        self.n = n

    def on_trial_end(self, search, trial):
        return trial.number + 1 >= self.n


@pytest.mark.parametrize("n_before", [1, 2, 4])
def test_a_search_resumes_from_its_journal(tmp_path, n_before):
    whole = search_of_means().fit(X, y)
    Counting.fits.clear()
    path = tmp_path / "journal"
    search_of_means(journal=path).set_callbacks(Stop(n_before)).fit(X, y)
    resumed = search_of_means(journal=path).fit(X, y)
    assert_same(resumed, whole)
    # A group of which a part is known is fitted for the rest of it only.
    expected = {1: [9] * 3 + [9] * 6, 2: [9] * 6 + [9] * 6, 4: [9] * 6 + [5] * 6}
    assert Counting.fits == expected[n_before]


def test_callbacks_see_each_candidate():
    ends = []

    class Note(Callback):
        def on_fit_task_end(self, estimator, context):
            ends.append(context.task_name)

        def on_trial_end(self, search, trial):
            ends.append(trial.number)

    search_of_means().set_callbacks(Note()).fit(X, y)
    assert [end for end in ends if isinstance(end, int)] == list(range(6))
    assert ends.count("candidate-split-evaluation") == 18


def test_max_time_counts_the_fits_that_were_made():
    search = search_of_means(max_time=100.0).fit(X, y)
    assert search.n_trials_ == 6


def test_invalid_reuse():
    with pytest.raises(ValueError, match="'reuse' parameter"):
        search_of_means(reuse="always").fit(X, y)


def bayes(reuse="auto", n_iter=7, **options):
    space = {"n": (1, 40, "log-uniform"), "shift": (-100.0, 100.0)}
    options = {"random_state": 0, "cv": 3, **options}
    return BayesSearchCV(Counting(), space, n_iter=n_iter, reuse=reuse, refit=False, **options)


DIABETES = load_diabetes(return_X_y=True)


def test_a_bayesian_search_scores_smaller_values_from_the_same_fits():
    search = bayes().fit(*DIABETES)
    proposals = [trial for trial in search.history_ if not trial.shared]
    assert len(proposals) == 7
    assert Counting.fits == [trial.params["n"] for trial in proposals for _ in range(3)]
    assert search.n_trials_ == len(search.cv_results_["params"]) > 12
    assert (search.reuse_.fits_asked, search.reuse_.fits_made) == (3 * search.n_trials_, 21)
    # Each shared trial has the score of a plain fit.
    listed = SearchCV(Counting(), sampler=search.cv_results_["params"], reuse=None, cv=3)
    listed.set_params(allow_repeats=True, refit=False).fit(*DIABETES)
    np.testing.assert_array_equal(
        listed.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )
    before = None
    for trial in search.history_:
        if trial.shared:
            assert trial.params["n"] < before["n"]
            assert trial.params["shift"] == before["shift"]
            assert trial.state == "complete"
        before = before if trial.shared else trial.params


class CountingWithEvalSet(Counting):
    def fit(self, X, y, eval_set=None):
        return super().fit(X, y)


def test_no_candidates_are_added_if_an_evaluation_set_may_choose_the_round():
    search = BayesSearchCV(CountingWithEvalSet(), {"n": (1, 40)}, n_iter=3, cv=3, refit=False)
    assert search.fit(*DIABETES, eval_set=DIABETES).n_trials_ == 3
    assert "an evaluation set" in search.reuse_.why_not[""]
    assert search.fit(*DIABETES).n_trials_ > 3


def test_without_reuse_each_trial_is_a_proposal():
    search = bayes(reuse=None).fit(*DIABETES)
    assert search.n_trials_ == 7
    assert not any(trial.shared for trial in search.history_)


@pytest.mark.parametrize("options", [{"fit_timeout": 100.0}, {"use_gradients": False}])
def test_samplers_and_limits(options):
    search = bayes(n_iter=2, **options).fit(*DIABETES)
    assert any(trial.shared for trial in search.history_) == ("fit_timeout" not in options)
    assert ("fit_timeout" in search.reuse_.why_not.get("", "")) == ("fit_timeout" in options)
    space = {"n": (1, 40), "shift": (0.0, 1.0)}
    for sampler in ("random", "sobol", "gp"):
        found = SearchCV(Counting(), space, sampler=sampler, n_iter=3, random_state=0, cv=2)
        found.set_params(refit=False).fit(*DIABETES)
        assert sum(not trial.shared for trial in found.history_) == 3
        assert found.n_trials_ > 3


def test_the_points_of_a_sobol_sequence_are_those_of_the_proposals():
    space = {"n": (1, 40), "shift": (0.0, 1.0)}
    options = {"sampler": "sobol", "n_iter": 4, "random_state": 0, "cv": 2, "refit": False}
    shared, plain = (
        SearchCV(Counting(), space, reuse=reuse, **options).fit(*DIABETES)
        for reuse in ("auto", None)
    )
    proposed = [trial.params for trial in shared.history_ if not trial.shared]
    assert proposed == [trial.params for trial in plain.history_]


def assert_same_trials(one, other):
    assert [t.params for t in one.history_] == [t.params for t in other.history_]
    assert [t.shared for t in one.history_] == [t.shared for t in other.history_]
    np.testing.assert_array_equal(one.history_.losses, other.history_.losses)


@pytest.mark.parametrize("n_before", [1, 3, 12])
def test_a_bayesian_search_resumes_from_its_journal(tmp_path, n_before):
    whole = bayes().fit(*DIABETES)
    path = tmp_path / "journal"
    Counting.fits.clear()
    bayes(journal=path).set_callbacks(Stop(n_before)).fit(*DIABETES)
    assert_same_trials(bayes(journal=path).fit(*DIABETES), whole)
    assert len(Counting.fits) <= 21 + 3  # the folds of one group at most are fitted twice
    assert [t.shared for t in load_history(path)] == [t.shared for t in whole.history_]


def test_a_warm_start_counts_proposals():
    search = bayes(n_iter=3, warm_start=True).fit(*DIABETES)
    search.fit(*DIABETES)
    assert sum(not trial.shared for trial in search.history_) == 6


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_trials_do_not_depend_on_the_number_of_workers(n_jobs):
    with joblib.parallel_config("threading"):
        search = bayes(n_points=2, n_jobs=n_jobs, cv=2).fit(*DIABETES)
    assert_same_trials(search, bayes(n_points=2, cv=2).fit(*DIABETES))


def test_progress_counts_proposals(capsys):
    bayes(verbose=1, n_iter=3).fit(*DIABETES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["[1/3]", "[2/3]", "[3/3]"]


def accuracy_by_hand(estimator, X, y):
    return float(np.mean(estimator.predict(X) == y))


@pytest.mark.parametrize("scoring", ["accuracy", ["accuracy", "roc_auc"], accuracy_by_hand])
def test_steps_and_fits_are_shared_together(scoring):
    pipeline = Pipeline([("scale", StandardScaler()), ("pca", PCA(random_state=0))])
    pipeline.steps.append(("model", FOREST))
    grid = {"model__n_estimators": [1, 4, 2], "pca__n_components": [2, 5], "model__max_depth": [2]}
    shared, _ = both(
        lambda reuse: GridSearchCV(
            pipeline, grid, reuse=reuse, scoring=scoring, refit=False, cv=2, return_train_score=True
        ),
        *(X, y),
    )
    # 12 fits of the forest, of which 4 are made; 4 runs of two steps, of which 2 are made.
    assert (shared.reuse_.fits_asked, shared.reuse_.fits_made) == (12 + 8, 4 + 4)


@pytest.mark.parametrize("kind", ["bayes", "grid"])
def test_a_journal_that_ends_after_any_line(tmp_path, kind):
    """A journal that ends after a line is that of a process that was killed there."""

    def search(path):
        options = {"cv": 2, "journal": path}
        made = bayes(n_iter=2, **options) if kind == "bayes" else search_of_means(**options)
        return made.fit(X, y)

    whole = search(tmp_path / "whole")
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    for n in range(1, len(lines)):
        path = tmp_path / f"{n}"
        path.write_bytes(b"".join(lines[:n]))
        assert_same_trials(search(path), whole)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_race_judges_each_candidate_by_its_own_folds(n_jobs):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    grid = {"shift": [0.0, 0.1, 5.0, 6.0], "n": [2, 90, 40]}
    with joblib.parallel_config("threading"):
        shared, plain = (
            GridSearchCV(
                Counting(), grid, reuse=reuse, racing=True, cv=10, n_jobs=n_jobs, refit=False
            ).fit(X, y)
            for reuse in ("auto", None)
        )
    assert_same(shared, plain)
    states = [trial.state for trial in shared.history_]
    assert states == [trial.state for trial in plain.history_]
    assert {"stopped", "complete"} == set(states)
    assert shared.reuse_.fits_made < shared.reuse_.fits_asked
    found = bayes(racing=True, cv=8, n_iter=6).fit(*DIABETES)
    assert {trial.state for trial in found.history_} <= {"stopped", "complete"}


class Dying(Counting):
    """Ends its process in fits with n in `fails`."""

    def fit(self, X, y):
        if self.n in self.fails:
            os._exit(3)
        return super().fit(X, y)


shared_fit.register(Dying, _counting)


@pytest.mark.slow
def test_a_worker_that_dies_in_a_longer_fit_fails_that_candidate_only():
    grid = {"n": [2, 9, 5]}
    search = GridSearchCV(Dying(fails=(9,)), grid, cv=2, n_jobs=2, refit=False, error_score=-9)
    with pytest.warns(Warning, match="fits failed"):
        search.fit(X, y)
    assert [trial.state for trial in search.history_] == ["complete", "failed", "complete"]
    plain = GridSearchCV(Counting(), {"n": [2, 5]}, cv=2, refit=False).fit(X, y)
    found = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found[[0, 2]], plain.cv_results_["mean_test_score"])


def quality_less_size(estimator, X, y):
    return estimator.score(X, y) - 0.01 * estimator.regressor.n_estimators


def test_scorers_that_read_hyperparameters():
    target = TransformedTargetRegressor(GradientBoostingRegressor(random_state=0))
    grid = {"regressor__n_estimators": [3, 9, 30]}
    data = tuple(part[:100] for part in DIABETES)
    both(lambda reuse: GridSearchCV(target, grid, reuse=reuse, scoring=quality_less_size), *data)


def never_raises(estimator, X, y):
    try:
        return estimator.score(X, y)
    except Exception:  # noqa: BLE001
        return -1.0


class Underivable(KNeighborsClassifier):
    """Neighbors whose fits answer for themselves only."""


shared_fit.register(Underivable, lambda estimator: SharedFit("n_neighbors", lambda *_: None))


def test_a_step_whose_fit_answers_for_itself_only():
    """Nothing can be derived, and no scorer sees an incomplete step."""
    steps = [("scale", StandardScaler()), ("model", Underivable())]
    grid = {"model__n_neighbors": [1, 5, 9]}
    shared, _ = both(
        lambda reuse: GridSearchCV(
            Pipeline(steps), grid, reuse=reuse, scoring=never_raises, cv=3, refit=False
        ),
        *(X, y),
    )
    assert shared.reuse_.fits_made >= 9


def test_times_are_those_of_each_candidate_alone():
    grid = [
        {"n_estimators": [3], "max_depth": [1, 2]},
        {"n_estimators": [149, 150], "max_depth": [1], "learning_rate": [1e-6]},
    ]
    search = GridSearchCV(GradientBoostingRegressor(random_state=0), grid, cv=3, refit="fastest")
    search.fit(DIABETES[0], np.random.default_rng(0).normal(size=len(DIABETES[1])))
    seconds = search.cv_results_["mean_fit_time"]
    assert seconds[2] == pytest.approx(149 / 150 * seconds[3])
    assert search.best_params_["n_estimators"] == 3


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test scores")
def test_a_failing_proposal_costs_one_fit_a_fold():
    space = {"n": (20, 40), "shift": (0.0, 1.0)}
    search = SearchCV(
        Counting(), space, sampler="random", n_iter=4, cv=2, scoring=fails_at_half, random_state=0
    )
    search.set_params(include_default=False, refit=False).fit(*DIABETES)
    failed = [t for t in search.history_ if t.state == "failed"]
    assert failed and any(t.shared for t in failed)
    assert len(Counting.fits) == 8


def fails_at_half(estimator, X, y):
    if estimator.shift > 0.5:
        raise ValueError("more than half")
    return estimator.score(X, y)


def test_progress_of_a_resumed_search_whose_first_result_is_shared(tmp_path):
    bar = ProgressBar(io.StringIO())
    path = tmp_path / "journal"
    bayes(n_iter=3, journal=path).fit(*DIABETES)
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in range(len(lines) // 2, len(lines), 5):
        path.write_bytes(b"".join(lines[:cut]))
        bayes(n_iter=3, journal=path).set_callbacks(bar).fit(*DIABETES)


def test_totals_count_proposals(tmp_path, capsys):
    search = bayes(n_iter=3, warm_start=True).fit(*DIABETES)
    search.set_params(verbose=1).fit(*DIABETES)
    assert "[4/6]" in capsys.readouterr().out
    path = tmp_path / "journal"
    bayes(n_iter=4, journal=path).fit(*DIABETES)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) * 2 // 3]))
    bayes(n_iter=4, journal=path, verbose=1).fit(*DIABETES)
    assert "/4]" in capsys.readouterr().out


def test_proposals_are_chosen_per_tree_where_fits_are_shared():
    forest = RandomForestClassifier(random_state=0)
    space = {"n_estimators": (1, 20, "log-uniform"), "max_depth": (1, 5)}
    given = GPSampler()

    def cost(search_class=BayesSearchCV, estimator=forest, space=space, **options):
        search = search_class(estimator, space, n_iter=2, random_state=0, cv=2, refit=False)
        return search.set_params(**options).fit(X, y).sampler_.cost

    assert cost() == cost(SearchCV, sampler="gp") == cost(SearchCV, sampler=given) == "n_estimators"
    assert given.cost is None
    assert cost(SearchCV, sampler=GPSampler(cost="max_depth")) == "max_depth"
    assert cost(reuse=None) is None
    assert cost(estimator=RandomForestClassifier()) is None
    assert cost(space={"max_depth": (1, 5)}) is None
    pipeline = Pipeline([("scale", StandardScaler()), ("model", forest)])
    space = {f"model__{name}": values for name, values in space.items()}
    assert cost(estimator=pipeline, space=space) == "model__n_estimators"


ALPHAS = [1.0, 0.01, 30.0]
FEW = tuple(part[:200] for part in load_diabetes(return_X_y=True))


def assert_close(found, expected, atol):
    found, expected = found.cv_results_, expected.cv_results_
    assert list(found) == list(expected)
    np.testing.assert_array_equal(found["params"], expected["params"])
    for name in expected:
        if "score" in name and "time" not in name and not name.startswith("rank"):
            np.testing.assert_allclose(found[name], expected[name], atol=atol, err_msg=name)


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(("model", "atol"), [(Ridge(), 1e-7), (Lasso(tol=1e-8), 1e-3)], ids=str)
def test_penalties_of_linear_models_within_a_tolerance(model, atol, n_jobs):
    pandas = pytest.importorskip("pandas")
    X, y = FEW
    rows = pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    weights, groups = np.random.default_rng(0).random(len(y)), np.arange(len(y)) % 7
    pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
    grid = {"model__alpha": ALPHAS, "scale__with_mean": [True, False]}
    metadata = {"groups": groups, "model__sample_weight": weights}
    searches = [
        GridSearchCV(
            pipeline, grid, cv=GroupKFold(3), n_jobs=n_jobs, reuse=reuse, return_train_score=True,
            scoring=["r2", "neg_mean_absolute_error"], refit="r2",
        ).fit(rows, y, **metadata)
        for reuse in ("tolerance", None)
    ]  # fmt: skip
    assert_close(*searches, atol)
    reuse = searches[0].reuse_
    # Of fits of the model 12 of 18; of the scaler 12 of 18, the rest by this.
    assert reuse.fits_asked - reuse.fits_made >= 12
    assert reuse.why_not == {}
    assert searches[0].best_estimator_.predict(rows) == pytest.approx(
        searches[1].best_estimator_.predict(rows), rel=1e-12
    )


def test_penalties_with_sparse_data_and_kept_models():
    X, y = sparse.random(200, 50, 0.2, "csr", random_state=0), FEW[1]
    searches = [
        GridSearchCV(Lasso(tol=1e-8), {"alpha": ALPHAS}, reuse=reuse, keep="models", cv=3)
        .fit(X, y)
        for reuse in ("tolerance", None)
    ]  # fmt: skip
    assert_close(*searches, 1e-3)
    assert searches[0].reuse_.fits_made == 3
    for found, expected in zip(searches[0].fold_models_, searches[1].fold_models_, strict=True):
        assert vars(found).keys() == vars(expected).keys()
    search = GridSearchCV(Ridge(), {"alpha": ALPHAS}, reuse="tolerance", cv=3).fit(X, y)
    assert (search.reuse_.fits_asked, search.reuse_.fits_made) == (9, 9)
    assert "the data do not allow it" in search.reuse_.why_not[""]
    assert_same(search, GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=3).fit(X, y))


def test_results_are_equal_to_the_last_bit_without_a_tolerance():
    search = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=3).fit(*FEW)
    assert search.reuse_.fits_asked == 0
    assert 'reuse="tolerance" shares them' in search.reuse_.why_not[""]
    space = {"alpha": (0.01, 10.0, "log-uniform")}
    for reuse in ("auto", "tolerance"):
        search = BayesSearchCV(Ridge(), space, n_iter=3, cv=3, reuse=reuse, random_state=0)
        assert len(search.fit(*FEW).history_) == 3  # no candidates are added


@pytest.mark.parametrize("reuse", ["auto", 10**6, "tolerance"])
def test_a_rule_with_a_tolerance_is_used_only_if_asked_for(reuse):
    class Nearly(Counting):
        pass

    shared_fit.register(Nearly, lambda estimator: SharedFit("n", _first, rtol=1e-9))
    search = GridSearchCV(Nearly(), {"n": [2, 9]}, cv=3, refit=False, reuse=reuse).fit(*FEW)
    assert Counting.fits == ([9] * 3 if reuse == "tolerance" else [2] * 3 + [9] * 3)
    assert ("" in search.reuse_.why_not) == (reuse != "tolerance")
