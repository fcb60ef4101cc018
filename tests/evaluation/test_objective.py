"""One fold's result, and the trial made of several."""

import traceback

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.svm import SVC

from skhyper._trial import Trial
from skhyper.evaluation import Objective
from skhyper.evaluation._objective import (
    FoldJob,
    error_message,
    finished_trial,
    with_missing_folds,
)

X, y = load_iris(return_X_y=True)
SPLITS = list(StratifiedKFold(3).split(X, y))


def objective(estimator, error_score=np.nan):
    scorer = check_scoring(estimator, None)
    return Objective(estimator, X, y, SPLITS, scorer, {}, {}, error_score, True, 0)


def test_a_fold_is_what_cross_validate_computes():
    expected = cross_validate(SVC(C=3), X, y, cv=SPLITS, return_train_score=True)
    for fold in range(3):
        out = objective(SVC()).run(FoldJob(0, fold, {"C": 3}, 1))
        assert out["test_scores"] == expected["test_score"][fold]
        assert out["train_scores"] == expected["train_score"][fold]
        assert out["n_test_samples"] == 50
        assert out["fit_error"] is None


def test_the_estimator_is_left_as_it_is():
    estimator = SVC()
    objective(estimator).run(FoldJob(0, 0, {"C": 3}, 1))
    assert estimator.C == 1.0
    assert not hasattr(estimator, "classes_")


def fold(score, error=None):
    return {"test_scores": score, "fit_error": error, "fit_time": 1.0, "score_time": 0.5}


def test_a_loss_is_minus_the_mean_score():
    trial = finished_trial(Trial(4, {"C": 1}), [fold(0.5), fold(0.7)], float)
    assert (trial.number, trial.state, trial.params) == (4, "complete", {"C": 1})
    assert trial.loss == pytest.approx(-0.6)
    np.testing.assert_array_equal(trial.scores, [0.5, 0.7])
    assert trial.seconds == 3.0


@pytest.mark.parametrize(
    "folds",
    [
        [fold(0.5), fold(np.nan)],
        [fold(0.5), fold(np.inf)],
        [fold(0.5), fold(np.nan, error="Traceback: it broke")],
        [fold(0.0, error="one"), fold(0.0, error="Traceback: it broke")],
    ],
)
def test_failed_trials_have_no_loss(folds):
    trial = finished_trial(Trial(0, {}), folds, float)
    assert trial.state == "failed"
    assert np.isnan(trial.loss)
    assert (folds[0]["fit_error"] or folds[1]["fit_error"] or "not finite") in trial.message


@pytest.mark.parametrize("text", ["one", "one\ntwo\n  three", ""])
def test_the_message_of_a_traceback(text):
    try:
        raise ValueError(text)
    except ValueError:
        said = error_message(traceback.format_exc())
    assert said == (f"ValueError: {text}" if text else "ValueError")
    assert error_message("no traceback") == "no traceback"


def test_a_number_as_error_score_counts_as_scikit_learn_has_it():
    derived = {"criterion": 0.3, "gradient": {"a": 2.0, "b": np.ones(2), "c": {"x": 4.0}}}
    folds = [fold(0.5) | derived, fold(-0.1, error="Traceback: it broke")]
    trial = finished_trial(Trial(0, {}), folds, float)
    assert (trial.state, trial.message) == ("complete", "Traceback: it broke")
    assert trial.loss == pytest.approx(-0.2)
    # The fold that failed has a score that depends on nothing.
    assert trial.criterion == pytest.approx(0.2)
    assert (trial.gradient["a"], trial.gradient["c"]) == (1.0, {"x": 2.0})
    np.testing.assert_array_equal(trial.gradient["b"], [0.5, 0.5])


def test_a_derivative_that_one_fold_lacks():
    whole, part = {"gradient": {"w": {"x": 4.0}, "a": 1.0}}, {"gradient": {"w": np.nan, "a": 3.0}}
    trial = finished_trial(Trial(0, {}), [fold(0.5) | whole, fold(0.5) | part], float)
    assert np.isnan(trial.gradient["w"])
    assert trial.gradient["a"] == 2.0


def test_a_trial_with_fewer_folds_than_splits_is_stopped():
    asked = Trial(3, {}, scores=np.full(3, np.nan), started=1.0)
    derived = {"criterion": 0.3, "gradient": {"a": 2.0}, "started": 5.0}
    trial = finished_trial(asked, [fold(0.5) | derived, fold(0.7) | derived], float)
    assert (trial.state, trial.started, trial.seconds) == ("stopped", 5.0, 3.0)
    np.testing.assert_array_equal(trial.scores, [0.5, 0.7, np.nan])
    assert trial.loss == pytest.approx(-0.6)
    assert (trial.criterion, trial.gradient) == (pytest.approx(0.3), {"a": 2.0})
    again = finished_trial(trial, trial.folds, float)
    assert (again.state, again.started) == ("stopped", 5.0)
    assert finished_trial(asked, [fold(np.nan)], float).state == "failed"
    assert finished_trial(asked, [fold(0.5)] * 3, float).started == 1.0


def test_missing_folds_are_nan_in_tables():
    results = [{"test_scores": {"a": i, "b": i}, "fit_time": i} for i in range(4)]
    scores = np.zeros(3)
    trials = [Trial(0, {}, scores=scores, folds=(0,)), Trial(1, {}, scores=scores, folds=(1, 2, 3))]
    table = with_missing_folds(results, trials)
    assert [row["fit_time"] for row in table[:1] + table[3:]] == [0, 1, 2, 3]
    for row in table[1:3]:
        assert np.isnan([row["fit_time"], *row["test_scores"].values()]).all()
