"""Best scores so far, over trials, fits and seconds."""

import numpy as np
import pytest

from skhyper import History, Trial
from skhyper.plotting import ConvergenceDisplay
from skhyper.plotting._convergence import convergence

SCORES = [0.5, np.nan, 0.4, 0.8, 0.7]


def history(starts=(0, 1, 2, 3, 4)):
    trials = []
    for i, (score, start) in enumerate(zip(SCORES, starts)):
        folds = tuple(
            {"test_scores": score, "started": 1000.0 + start + 0.5 * k, "seconds": 0.5}
            for k in range(2)
        )
        state = "failed" if np.isnan(score) else "complete"
        trials.append(
            Trial(i, {"a": i}, state, np.full(2, score), -score, folds, 1.0, started=1000.0 + start)
        )
    return History(tuple(trials))


def test_trials_and_fits():
    curve = convergence(history())
    np.testing.assert_array_equal(curve.best, [0.5, 0.5, 0.5, 0.8, 0.8])
    np.testing.assert_array_equal(curve.x, [1, 2, 3, 4, 5])
    assert curve.found == 3
    np.testing.assert_array_equal(convergence(history(), "fits").x, [2, 4, 6, 8, 10])


def test_stopped_trials_have_a_score_and_are_not_the_best():
    trials = [*history(), Trial(5, {"a": 5}, "stopped", np.array([0.9, np.nan]), -0.9)]
    curve = convergence(History(tuple(trials)))
    np.testing.assert_array_equal(curve.best[3:], [0.8, 0.8, 0.8])
    np.testing.assert_array_equal(curve.scores, [*SCORES, 0.9])


def test_seconds_are_in_the_order_of_the_ends():
    curve = convergence(history((0, 9, 2, 1, 4)), "seconds")
    np.testing.assert_allclose(curve.x, [1, 2, 3, 5, 10])
    np.testing.assert_array_equal(curve.best, [0.5, 0.8, 0.8, 0.8, 0.8])


def test_pauses_are_left_out_of_the_seconds():
    curve = convergence(history((0, 1, 2, 1000, 2000)), "seconds")
    np.testing.assert_allclose(curve.x, [1, 2, 3, 4, 5])


def test_a_search_is_its_own_best_score(plain, theirs, failures, one):
    for search in (plain, theirs, failures):
        assert convergence(search).best[-1] == pytest.approx(search.best_score_)
        assert convergence(search, "seconds").x[-1] > 0
    assert convergence(theirs, "fits").x[-1] == 3 * 8
    assert convergence(one).best[-1] == one.fun


def test_one_search(failures):
    display = ConvergenceDisplay.from_search(failures)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert {"complete", "failed", "best so far"} <= set(texts)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), display.curves[0].best)
    low, high = display.ax_.get_ylim()
    assert low < np.nanmin(display.curves[0].scores) and high > failures.best_score_


def test_several_searches(plain, theirs):
    ax = ConvergenceDisplay.from_search({"a": plain, "b": theirs}, x="fits").ax_
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [text.partition(":")[0] for text in texts] == ["a", "b"]
    display = ConvergenceDisplay.from_search([plain, plain, theirs], ax=ax, x="seconds")
    assert display.ax_ is ax
    names = [curve.name for curve in display.curves]
    assert names == ["BayesSearchCV 1", "BayesSearchCV 2", "RandomizedSearchCV"]


def test_other_units_are_refused(plain):
    with pytest.raises(ValueError, match="x must be one of"):
        convergence(plain, "days")


def test_nothing_complete_is_drawn_too():
    trials = (Trial(0, {"a": 1}, "failed", np.full(2, np.nan)),)
    assert ConvergenceDisplay.from_search(History(trials)).curves[0].found is None
