"""Races: running means, and what was saved."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import GridSearchCV, History, Trial
from skhyper.inspection._results import results_of
from skhyper.plotting import RaceDisplay
from skhyper.plotting._race import race


def test_running_means_of_the_folds():
    nan = np.nan
    trials = (
        Trial(0, {"a": 0}, "complete", np.array([0.8, 0.6, 0.7, 0.9]), -0.75),
        Trial(1, {"a": 1}, "stopped", np.array([0.4, 0.2, nan, nan]), -0.3),
        Trial(2, {"a": 2}, "failed", np.full(4, nan)),
        Trial(3, {"a": 3}, "stopped", np.array([0.1, nan, nan, nan]), -0.1),
    )
    display = RaceDisplay.from_search(History(trials))
    data = display.data
    np.testing.assert_allclose(data.scores[0], [0.8, 0.7, 0.7, 0.75])
    np.testing.assert_allclose(data.scores[1], [0.4, 0.3])
    assert data.reached.tolist() == [4, 2, 0, 1]
    assert data.saved == pytest.approx(1 - 7 / 12)
    assert (data.best, data.unit, data.most) == (0, "folds", 4)
    texts = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert texts == ["selected", "to the end: 1", "dropped: 2"]


def test_folds_of_a_raced_search_are_in_the_order_in_which_they_were_run():
    X, y = load_iris(return_X_y=True)
    grid = {"C": np.logspace(-3, 2, 12), "gamma": [0.01, 10.0]}
    search = GridSearchCV(SVC(), grid, cv=5, racing=True, return_train_score=True).fit(X, y)
    order = np.random.default_rng([search.history_.seed, 0, 2]).permutation(5)
    data = race(search)
    n_run = [len(trial.folds) for trial in search.history_]
    assert data.reached.tolist() == n_run
    assert min(n_run) < 5
    for trial, scores in zip(search.history_, data.scores):
        np.testing.assert_allclose(scores[0], trial.scores[order[0]])
        np.testing.assert_allclose(scores[-1], np.nanmean(trial.scores))
    table = [search.cv_results_[f"split{fold}_train_score"] for fold in range(5)]
    np.testing.assert_array_equal(results_of(search).train_scores, np.transpose(table))


def test_folds_in_the_order_of_a_race():
    nan = np.nan
    rows = [[0.1, 0.2, 0.3, 0.4], [nan, nan, 0.5, nan], [0.6, nan, 0.7, nan]]
    trials = [
        Trial(i, {"a": i}, "complete" if i == 0 else "stopped", np.array(row), -np.nanmean(row))
        for i, row in enumerate(rows)
    ]
    data = race(History(tuple(trials)))
    np.testing.assert_allclose(data.scores[0], [0.3, 0.2, 0.2, 0.25])
    np.testing.assert_allclose(data.scores[2], [0.7, 0.65])
    assert data.reached.tolist() == [4, 1, 2]


def test_a_search_without_a_race_saves_nothing(plain, one):
    assert RaceDisplay.from_search(plain).data.saved == 0.0
    data = race(one)
    np.testing.assert_array_equal([scores[0] for scores in data.scores], one.func_vals)


def test_successive_halving_of_scikit_learn():
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    X, y = load_iris(return_X_y=True)
    space = {"C": loguniform(1e-2, 1e2)}
    search = HalvingRandomSearchCV(SVC(), space, random_state=0, cv=3, min_resources=20).fit(X, y)
    data = RaceDisplay.from_search(search).data
    assert data.unit == "n_samples"
    assert len(data.states) == search.n_candidates_[0]
    assert data.most == search.n_resources_[-1]
    n_left = [int((data.reached >= r).sum()) for r in search.n_resources_]
    assert n_left == search.n_candidates_
    assert data.scores[data.best][-1] == pytest.approx(search.best_score_)
