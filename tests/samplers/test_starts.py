"""Candidates that did well elsewhere come first, if they are of use."""

import numpy as np
import pytest

from skhyper._trial import History, Trial
from skhyper.samplers import GPSampler
from skhyper.samplers._starts import next_start
from skhyper.samplers._surrogate import Observations
from skhyper.space import Space

SPACE = Space({"x": (0.0, 1.0)})
STARTS = [{"x": x} for x in (0.2, 0.9, 0.7, 0.1)]
MIDDLE = 0.5


def observed(*pairs):
    """Trials at x with a loss; None is pending, nan has failed."""
    trials = []
    for number, (x, loss) in enumerate(pairs):
        state = "running" if loss is None else "failed" if np.isnan(loss) else "complete"
        known = {} if loss is None else {"loss": loss}
        trials.append(Trial(number, {"x": x}, state=state, **known))
    return Observations.from_history(SPACE, History(tuple(trials)), False)


def following(*pairs):
    point = next_start(SPACE, lambda space: STARTS, observed(*pairs))
    return None if point is None else float(point[0])


def test_two_come_before_the_middle_of_the_space():
    own = (0.33, 5.0)
    assert following(own) == 0.2
    assert following(own, (0.2, 1.0)) == 0.9
    assert following(own, (0.2, 1.0), (0.9, 2.0)) == MIDDLE
    # Without another trial, the second one would be more than half of them.
    assert following() == 0.2
    assert following((0.2, 1.0)) == MIDDLE
    assert following((0.2, 1.0), (MIDDLE, 2.0)) == 0.9


def test_trials_that_the_sampler_does_not_see_count():
    class Starts:
        n_hidden = 1

        def __call__(self, space):
            return STARTS

    assert next_start(SPACE, Starts(), observed((0.2, 1.0)))[0] == 0.9


def test_half_of_the_trials_are_others():
    tried = [(0.33, 5.0), (0.2, 1.0), (0.9, 2.0), (MIDDLE, 3.0)]
    assert following(*tried) == 0.7
    tried.append((0.7, 1.0))
    assert following(*tried) is None  # the sampler's turn
    assert following(*tried, (0.4, 0.5)) == 0.1


@pytest.mark.parametrize(
    ("first", "second", "middle", "expected"),
    [
        (1.0, 3.0, 2.0, 0.7),
        (3.0, 1.0, 1.0, 0.7),
        (3.0, 3.0, 2.0, None),
        (np.nan, np.nan, 2.0, None),
        (np.nan, 3.0, np.nan, 0.7),
        (3.0, 3.0, None, 0.7),
        (None, 3.0, 2.0, 0.7),
        (None, None, 2.0, 0.7),
    ],
)
def test_the_others_follow_unless_both_are_worse_than_the_middle(first, second, middle, expected):
    pairs = (0.33, 5.0), (0.2, first), (0.9, second), (MIDDLE, middle)
    assert following(*pairs) == expected


def test_each_branch_is_compared_with_the_middle_before_they_are_given_up():
    class Starts:
        n_branches = 3

        def __call__(self, space):
            return STARTS

    pairs = [(0.33, 5.0), (0.2, 3.0), (0.9, 3.0), (MIDDLE, 2.0)]
    assert next_start(SPACE, Starts(), observed(*pairs))[0] == 0.7
    for loss, expected in ((1.0, 0.1), (3.0, None)):
        point = next_start(SPACE, Starts(), observed(*pairs, (0.7, loss), (0.4, 4.0)))
        assert expected == (None if point is None else point[0])


def test_when_all_were_tried_the_search_goes_on():
    pairs = [(params["x"], 1.0) for params in STARTS] + [(MIDDLE, 2.0)]
    assert following(*pairs) is None
    assert next_start(SPACE, None, observed()) is None
    assert next_start(SPACE, lambda space: [], observed()) is None


def test_a_sampler_asks_for_them():
    sampler = GPSampler(starts=lambda space: STARTS)
    rng = np.random.default_rng(0)
    assert sampler.ask(SPACE, History(()), rng)[0] == 0.2
    with pytest.raises(TypeError, match=r"starts must be a callable or None, got \[\]"):
        GPSampler(starts=[])
