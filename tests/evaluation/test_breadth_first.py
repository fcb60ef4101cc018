"""Which trials of a race continue after their first fold, and what they are compared with."""

import numpy as np

from skhyper.evaluation._breadth_first import BreadthFirst

SCORES = {0: 0.3, 1: np.nan, 2: 0.9, 3: 0.3, 4: 0.8}
RANKING = [2, 4, 0, 3, 1]


def started(race, running):
    """Numbers of the trials that start now."""
    return list(iter(lambda: race.next_trial(running), None))


def test_nothing_starts_before_the_ranking():
    race = BreadthFirst(2)
    assert not race.is_ranked
    assert race.next_trial({0, 1}) is None
    assert not race.has_started(0)


def test_the_best_first_score_comes_first():
    race = BreadthFirst(9)
    race.rank(SCORES)
    assert race.is_ranked
    assert started(race, set(SCORES)) == RANKING


def test_a_trial_waits_for_those_that_are_further_ahead():
    race, running = BreadthFirst(2), set(SCORES)
    race.rank(SCORES)
    assert started(race, running) == [2, 4]
    running.remove(4)
    assert started(race, running) == [], "whether 4 ended before 2 depends on their speed"
    assert [race.has_started(n) for n in RANKING] == [True, True, False, False, False]
    running.remove(2)
    assert started(race, running) == [0, 3]
    running -= {0, 3}
    assert started(race, running) == [1]


def test_trials_that_an_earlier_process_has_ended_do_not_start():
    race = BreadthFirst(1)
    race.rank(SCORES)
    assert race.next_trial({0, 1, 3}) == 0
    assert race.has_started(2)


def test_a_trial_sees_only_those_that_are_further_ahead():
    race = BreadthFirst(2)
    race.rank(SCORES)
    assert race.hidden_from(2) == {2, 4}
    assert race.hidden_from(0) == {4, 0, 3}, "2 is seen"
    assert race.hidden_from(1) == {3, 1}
