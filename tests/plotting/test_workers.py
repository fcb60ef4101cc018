"""The timeline of workers."""

import numpy as np
import pytest

from skhyper import History, Trial
from skhyper.plotting import WorkersDisplay
from skhyper.plotting._workers import workers


def trial(number, *spans, state="complete"):
    folds = tuple({"test_scores": 0.5, "started": a, "seconds": b - a} for a, b in spans)
    scores, started = np.full(len(spans), 0.5), min(a for a, _ in spans)
    return Trial(number, {"a": number}, state, scores, -0.5, folds, started=started)


def test_rows_and_times():
    history = History(
        (
            trial(0, (100.001, 104.0), (100.0, 101.0)),
            trial(1, (101.0, 103.0), (103.0, 106.0), state="stopped"),
            trial(2, (104.0, 106.0)),
        )
    )
    data = WorkersDisplay.from_search(history).data
    np.testing.assert_allclose(data.starts, [0, 0.001, 1, 3, 4])
    np.testing.assert_allclose(data.ends, [1, 4, 3, 6, 6])
    assert data.lanes.tolist() == [0, 1, 0, 0, 1]
    assert data.trials.tolist() == [0, 0, 1, 1, 2]
    assert data.n_lanes == 2
    assert data.busy == pytest.approx((3.999 + 1 + 2 + 3 + 2) / (2 * 6))


def test_candidates_that_share_a_fit_are_one_bar():
    history = History(
        (trial(0, (100.0, 101.0)), trial(1, (100.0, 104.0)), trial(2, (104.0, 105.0)))
    )
    data = workers(history)
    assert data.trials.tolist() == [1, 2]
    assert data.n_lanes == 1


def test_intervals_of_one_row_do_not_overlap():
    rng = np.random.default_rng(0)
    starts = np.sort(rng.uniform(0, 10, size=60))
    spans = list(zip(starts, starts + rng.uniform(0.1, 2, size=60)))
    data = workers(History(tuple(trial(i, span) for i, span in enumerate(spans))))
    at_once = max(int(((data.starts <= t) & (data.ends > t)).sum()) for t in data.starts)
    assert data.n_lanes <= at_once
    for lane in range(data.n_lanes):
        own = data.lanes == lane
        assert np.all(data.starts[own][1:] >= data.ends[own][:-1] - 2e-3)


def test_real_searches(plain, one, theirs):
    data = WorkersDisplay.from_search(plain).data
    assert len(data.trials) == 3 * len(plain.history_)
    assert data.n_lanes == 1
    assert 0 < data.busy <= 1
    assert len(WorkersDisplay.from_search(one).data.trials) == 6
    with pytest.raises(ValueError, match="those of scikit-learn do not"):
        workers(theirs)
