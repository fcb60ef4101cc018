"""The time limit, on a clock of our own."""

import math
from types import SimpleNamespace

import pytest

from skhyper.evaluation import _deadline
from skhyper.evaluation._deadline import Deadline


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(_deadline.time, "monotonic", lambda: now[0])
    return now


def fold(fit, score=0.0, error=None):
    return {"fit_time": fit, "seconds": fit + score, "fit_error": error}


def test_without_a_limit(clock):
    deadline = Deadline(None, 2.0, SimpleNamespace(gives_up=True, began=0.0))
    deadline.on_fold_end(fold(1e9))
    clock[0] = 1e12
    assert not deadline.is_over(True)
    assert deadline.seconds_left(True) is None
    assert deadline.leaves_time_for(10)


def test_in_this_process_it_is_the_time_alone(clock):
    deadline = Deadline(10.0, 2.0, SimpleNamespace(gives_up=False, began=0.0))
    deadline.on_fold_end(fold(8.0))
    assert deadline.leaves_time_for(10)
    assert deadline.seconds_left(True) is None
    clock[0] = 109.9
    assert not deadline.is_over(True)
    clock[0] = 110.0
    assert deadline.is_over(True)


def test_time_of_the_refit_is_reserved(clock):
    """That of the longest fit, without scoring and without failed fits, for more samples."""
    deadline = Deadline(100.0, 1.5, SimpleNamespace(gives_up=True, began=100.0))
    for result in (fold(2.0, 1.0), fold(4.0, 7.0), fold(50.0, error="TimeoutError")):
        deadline.on_fold_end(result)
    assert deadline.seconds_left(True) == pytest.approx(100.0 - 1.5 * 4.0)
    clock[0] = 193.9
    assert not deadline.is_over(True)
    clock[0] = 194.0
    assert deadline.is_over(True)


def test_folds_are_expected_to_take_the_median(clock):
    deadline = Deadline(100.0, 0.0, SimpleNamespace(gives_up=True, began=100.0))
    assert deadline.leaves_time_for(1000), "nothing is known"
    for seconds in (1.0, 60.0, 10.0):
        deadline.on_fold_end(fold(seconds))
    assert deadline.leaves_time_for(10)
    assert not deadline.leaves_time_for(11)
    clock[0] = 190.1
    assert not deadline.leaves_time_for(1)


def test_the_start_of_workers_does_not_count_for_the_first_trial(clock):
    pool = SimpleNamespace(gives_up=True, began=math.inf)
    deadline = Deadline(3.0, 0.0, pool)
    clock[0] = 130.0
    assert not deadline.is_over(False)
    pool.began = 130.0
    clock[0] = 132.9
    assert not deadline.is_over(False)
    assert deadline.is_over(True)
    clock[0] = 133.0
    assert deadline.is_over(False)
    # Workers that never start.
    pool.began = math.inf
    clock[0] = 163.0
    assert deadline.is_over(False)


def test_a_limit_below_a_second_lets_the_first_trial_have_one(clock):
    deadline = Deadline(1e-9, 0.0, SimpleNamespace(gives_up=True, began=100.0))
    clock[0] = 100.9
    assert not deadline.is_over(False)
    clock[0] = 101.0
    assert deadline.is_over(False)


def test_a_clock_that_is_set_during_a_fit_does_no_harm(clock):
    deadline = Deadline(100.0, 1.0, SimpleNamespace(gives_up=True, began=100.0))
    for jump in (1e9, -1e9):
        deadline.on_fold_end({"fit_time": jump, "seconds": 2.0, "fit_error": None})
    assert deadline.seconds_left(True) == 98.0
    assert deadline.leaves_time_for(49)
