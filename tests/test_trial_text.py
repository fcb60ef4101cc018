"""Trials and histories as tables."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import GridSearchCV, History, Trial, minimize


def trial(number, score, state="complete", **params):
    return Trial(number, params, state, np.array([score - 0.1, score + 0.1]), -score, seconds=0.5)


def test_a_history_is_a_table_in_the_order_of_trials():
    trials = (
        trial(0, 0.75, C=0.5, kernel="rbf"),
        trial(1, 0.875, C=10.0),
        Trial(2, {"C": -1}, "failed", np.full(2, np.nan)),
    )
    assert str(History(trials)).splitlines() == [
        "History of 3 trials, 1 failed; the best is number 1 with score 0.875",
        "  number  state     score   +-  seconds  C    kernel",
        "  ------  --------  -----  ---  -------  ---  ------",
        "       0  complete   0.75  0.1      0.5  0.5  'rbf'",
        "       1  complete  0.875  0.1      0.5  10",
        "       2  failed                         -1",
    ]


def test_of_many_trials_the_best_are_on_one_screen():
    names = [f"hyperparameter_{i}" for i in range(30)]
    history = History(tuple(trial(i, i / 1000, **dict.fromkeys(names, 0.5)) for i in range(500)))
    lines = str(history).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    assert "the best is number 499" in lines[0]
    assert lines[3].split()[0] == "499"
    assert "and 27 more hyperparameters" in lines[-1]
    assert "\n" not in repr(history)


def test_values_are_cut_and_one_column_is_always_shown():
    text = str(History((trial(0, 0.5, **{"long_name" * 9: "x" * 999}),)))
    assert max(map(len, text.splitlines())) < 150


def test_a_minimized_function_has_losses():
    history = minimize(lambda p: p["x"] ** 2, {"x": (-1.0, 1.0)}, n_iter=3, random_state=0).history
    assert "with loss " in str(history)
    assert "loss" in str(history[0])
    assert "score" not in str(history[0]) + str(history)


def test_one_split_has_scores():
    fold = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    grid = GridSearchCV(SVC(), {"C": [1]}, cv=fold).fit(*load_iris(return_X_y=True))
    assert f"with score {grid.best_score_:.5g}" in str(grid.history_)


def test_a_trial_is_a_table_of_its_fields():
    found = Trial(
        7, {"C": 0.5, "kernel": "rbf"}, "failed", np.array([0.5, np.nan]), -0.5, message="a\nE: b\n"
    )
    assert str(found).splitlines() == [
        "Trial 7: failed",
        "           value",
        "  -------  --------",
        "  score    0.5",
        "  folds    0.5, nan",
        "  message  E: b",
        "  C        0.5",
        "  kernel   'rbf'",
    ]
    assert len(str(Trial(0, {f"h{i}": i for i in range(99)})).splitlines()) < 50
    assert str(History()) == "History of 0 trials"


def test_as_part_of_a_search_a_history_is_short():
    history = History((trial(0, 0.75, C=0.5),))
    text = repr(GridSearchCV(SVC(), {"C": [history]}))
    assert "<History of 1 trials, best" in text
