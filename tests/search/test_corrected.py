"""Corrected scores: written out by hand, and unbiased in a simulation."""

import numpy as np
import pytest
from scipy import stats
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skhyper import GridSearchCV
from skhyper.inspection import corrected_score
from skhyper.search._corrected import CorrectedScore

X, y = load_iris(return_X_y=True)
METHODS = ("bootstrap", "leave-one-out", "tibshirani")


def results(S):
    return {
        "params": [{"a": i} for i in range(len(S))],
        "mean_test_score": S.mean(axis=1),
        **{f"split{k}_test_score": column for k, column in enumerate(S.T)},
    }


def test_leave_one_out_by_hand():
    S = np.array([[0.9, 0.5, 0.7], [0.6, 0.8, 0.6], [0.1, 0.2, 0.9]])
    # Splits 1 and 2 select candidate 1, splits 0 and 2 candidate 0, splits 0 and 1 either (0.7).
    assert corrected_score(results(S), method="leave-one-out").estimate == pytest.approx(
        (0.6 + 0.5 + 0.7) / 3
    )


def test_tibshirani_by_hand():
    S = np.array([[0.9, 0.5, 0.7], [0.6, 0.8, 0.6], [0.1, 0.2, 0.9]])
    # Candidate 0 is selected; the best of each split gains 0, 0.3 and 0.2.
    found = corrected_score(results(S), method="tibshirani")
    assert found.best_score == pytest.approx(0.7)
    assert found.estimate == pytest.approx(0.7 - 0.5 / 3)


def test_bootstrap_of_two_splits():
    # A sample of two splits that leaves one out is one split twice.
    S = np.array([[0.9, 0.5], [0.6, 0.8]])
    assert corrected_score(results(S)).estimate == pytest.approx((0.5 + 0.6) / 2, abs=0.01)


def test_interval():
    rng = np.random.default_rng(0)
    S = 0.8 + 0.05 * rng.standard_normal((1, 5))
    found = corrected_score(results(S), level=0.8, method="leave-one-out")
    half = stats.t.ppf(0.9, 4) * stats.sem(S[0]) * np.sqrt(1 + 5 / 4)
    assert found.estimate == pytest.approx(S.mean())
    assert found.interval == pytest.approx((S.mean() - half, S.mean() + half))
    # As much optimism may be left as was removed.
    many = corrected_score(results(0.8 + 0.05 * rng.standard_normal((30, 5))))
    low, high = many.interval
    removed = many.best_score - many.estimate
    assert removed > 0
    assert many.estimate - low == pytest.approx(high - many.estimate + removed)


@pytest.mark.parametrize("method", METHODS)
def test_one_candidate_is_not_corrected(method):
    S = np.random.default_rng(0).random((1, 5))
    assert corrected_score(results(S), method=method).estimate == pytest.approx(S.mean(), abs=0.02)


@pytest.mark.parametrize("method", METHODS[:2])
def test_on_noise_it_is_unbiased(method):
    rng, found = np.random.default_rng(0), []
    for _ in range(40):
        S = 0.5 + 0.04 * rng.standard_normal((30, 5))
        found.append(corrected_score(results(S), method=method))
    assert np.mean([score.best_score for score in found]) > 0.53
    assert np.mean([score.estimate for score in found]) == pytest.approx(0.5, abs=0.008)
    covered = [low <= 0.5 <= high for low, high in (score.interval for score in found)]
    assert np.mean(covered) >= 0.85


def test_noise_labels():
    rng = np.random.default_rng(0)
    noise = rng.integers(2, size=len(X))
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": range(1, 30)}, cv=5)
    score = search.fit(X, noise).corrected_score()
    assert score.estimate < search.best_score_ - 0.01
    assert score.best_score == pytest.approx(search.best_score_)
    assert repr(score).startswith(f"{score.estimate:.4g}, 90 % interval ")


def test_repetitions_are_corrected_one_by_one():
    cv = model_selection.RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    search = GridSearchCV(SVC(), {"C": [0.01, 0.1, 1.0, 10.0]}, cv=cv).fit(X, y)
    S = np.column_stack([search.cv_results_[f"split{k}_test_score"] for k in range(6)])
    halves = [corrected_score(results(S[:, part])) for part in (slice(3), slice(3, 6))]
    expected = np.mean([half.estimate for half in halves])
    assert search.corrected_score().estimate == pytest.approx(expected)


def test_the_rule_of_refit_is_corrected():
    grid = {"C": [0.001, 0.01, 0.1, 1.0, 10.0]}
    search = GridSearchCV(SVC(), grid, refit="1se").fit(X, y)
    score = search.corrected_score()
    assert score.best_score == search.best_score_
    assert score.estimate <= search.cv_results_["mean_test_score"].max()


def test_any_search_and_metrics():
    options = {"scoring": ["accuracy", "f1_macro"], "cv": 3}
    grid = {"C": [0.01, 0.1, 1.0]}
    theirs = model_selection.GridSearchCV(SVC(), grid, refit="f1_macro", **options).fit(X, y)
    ours = GridSearchCV(SVC(), grid, refit="f1_macro", **options).fit(X, y)
    assert corrected_score(theirs).estimate == pytest.approx(ours.corrected_score().estimate)
    assert ours.corrected_score().best_score == ours.best_score_
    assert ours.corrected_score(metric="accuracy").best_score == pytest.approx(
        ours.cv_results_["mean_test_accuracy"].max()
    )


def test_wrong_arguments():
    S = np.random.default_rng(0).random((3, 5))
    with pytest.raises(ValueError, match="method must be one of"):
        corrected_score(results(S), method="none")
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        corrected_score(results(S), level=90)
    with pytest.raises(ValueError, match="at least two splits"):
        corrected_score(results(S[:, :1]))
    with pytest.raises(TypeError, match="got int"):
        corrected_score(3)
    assert isinstance(corrected_score(results(S)), CorrectedScore)
