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
from skhyper.evaluation._objective import FoldJob, error_message, finished_trial

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
        [fold(0.5), fold(0.0, error="Traceback: it broke")],
    ],
)
def test_failed_trials_have_no_loss(folds):
    trial = finished_trial(Trial(0, {}), folds, float)
    assert trial.state == "failed"
    assert np.isnan(trial.loss)
    assert (folds[1]["fit_error"] or "score is not finite") in trial.message


@pytest.mark.parametrize("text", ["one", "one\ntwo\n  three", ""])
def test_the_message_of_a_traceback(text):
    try:
        raise ValueError(text)
    except ValueError:
        said = error_message(traceback.format_exc())
    assert said == (f"ValueError: {text}" if text else "ValueError")
    assert error_message("no traceback") == "no traceback"
