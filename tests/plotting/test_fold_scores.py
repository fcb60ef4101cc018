"""Fold scores and their differences."""

import numpy as np
import pytest
from scipy import stats

from skhyper import History, Trial
from skhyper.plotting import FoldScoresDisplay
from skhyper.plotting._fold_scores import fold_scores


def test_differences_and_corrected_intervals(theirs):
    data = fold_scores(theirs, n_candidates=4)
    table = theirs.cv_results_
    scores = np.column_stack([table[f"split{k}_test_score"] for k in range(3)])
    order = np.argsort(-table["mean_test_score"], kind="stable")[:4]
    assert data.trials.tolist() == order.tolist()
    np.testing.assert_allclose(data.scores, scores[order])
    for row, i in enumerate(order):
        difference = scores[i] - scores[order[0]]
        error = np.sqrt((1 / 3 + 1 / 2) * np.var(difference, ddof=1))
        assert data.half_width[row] == pytest.approx(stats.t.ppf(0.975, 2) * error)


def test_the_selected_trial_comes_first(plain):
    chosen = int(np.argsort(-plain.cv_results_["mean_test_score"])[2])
    best, plain.best_index_ = plain.best_index_, chosen
    try:
        data = fold_scores(plain, n_candidates=3)
    finally:
        plain.best_index_ = best
    assert data.trials[0] == chosen
    np.testing.assert_array_equal(data.differences[0], 0)


def test_worse_candidates_are_marked():
    rng = np.random.default_rng(0)
    fold = rng.normal(size=10)
    trials = [
        Trial(i, {"C": i}, "complete", fold + shift + 0.01 * rng.normal(size=10), -shift)
        for i, shift in enumerate([0.0, 0.001, -1.0])
    ]
    display = FoldScoresDisplay.from_search(History(tuple(trials)))
    assert display.data.trials.tolist() == [1, 0, 2]
    assert display.data.is_worse.tolist() == [False, False, True]
    assert display.axes_[0].get_yticklabels()[0].get_text() == "C=1  #1"


def test_candidates_that_have_not_run_all_folds_are_left_out(failures, one):
    data = FoldScoresDisplay.from_search(failures, n_candidates=99).data
    assert len(data.trials) == sum(t.state == "complete" for t in failures.history_)
    data = FoldScoresDisplay.from_search(one).data
    assert np.isnan(data.half_width).all()
    assert data.scores[0, 0] == one.fun
    with pytest.raises(ValueError, match="No candidate has a score on every fold"):
        fold_scores(History((Trial(0, {"a": 1}, "failed", np.full(2, np.nan)),)))
