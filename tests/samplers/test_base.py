"""What samplers see of the history."""

import numpy as np
import pytest

from skhyper._trial import History, Trial
from skhyper.samplers import RandomSampler, Sampler
from skhyper.samplers._base import located_gradients, located_trials, order_of_ends
from skhyper.space import Space, When

SPACE = Space({"C": (0.0, 10.0), "k": ["x", "y"], "g": When((0.0, 1.0), k="y")})


def test_ask_is_all_that_is_needed():
    with pytest.raises(TypeError, match="abstract"):
        Sampler()
    assert isinstance(RandomSampler(), Sampler)


def test_located_trials():
    history = History(
        (
            Trial(0, {"C": 5.0, "k": "x"}, "complete", loss=1.0),
            Trial(1, {"C": 2.5, "k": "y", "g": 0.5}, "failed"),
            Trial(2, {"C": 2.5, "k": "z"}, "complete", loss=2.0),  # no such choice
            Trial(3, {"C": 2.5}, "complete", loss=3.0),  # too few names
            Trial(4, {"C": 2.5, "k": "x", "other": 1}, "complete", loss=4.0),  # too many
            Trial(5, {"C": 20.0, "k": "y", "g": 1.0}, "complete", loss=5.0),  # out of range
            Trial(6, {"C": 0.0, "k": "x"}),
        )
    )
    points, losses, pending = located_trials(SPACE, history)
    nan = np.nan
    expected = [[0.5, 0.25, nan], [0.25, 0.75, 0.5], [2.0, 0.75, 1.0], [0.0, 0.25, nan]]
    np.testing.assert_allclose(points, expected)
    np.testing.assert_array_equal(losses, [1.0, nan, 5.0, nan])
    np.testing.assert_array_equal(pending, [False, False, False, True])


def test_only_trials_that_have_changed_are_located():
    class Counts(Space):
        n = 0

        def locate(self, params):
            self.n += 1
            return super().locate(params)

    space = Counts({"C": (0.0, 10.0)})
    trials = [Trial(i, {"C": float(i)}) for i in range(10)]
    located_trials(space, History(tuple(trials)))
    trials[3] = Trial(3, {"C": 3.0}, "complete", loss=0.3)
    trials.append(Trial(10, {"C": 20.0}))
    grown = located_trials(space, History(tuple(trials)))
    assert space.n == 12
    for got, expected in zip(
        grown, located_trials(Space({"C": (0.0, 10.0)}), History(tuple(trials)))
    ):
        np.testing.assert_array_equal(got, expected)
    grown[0][:] = -1.0
    points, losses, pending = located_trials(space, History(tuple(trials[:4])))
    assert points.ravel().tolist() == [0.0, 0.1, 0.2, 0.3], "not changed by the caller"
    assert losses[3] == 0.3
    assert pending.tolist() == [True, True, True, False]


def test_the_order_in_which_trials_ended():
    def order(*pending):
        trials = [
            Trial(i, {"C": 1.0, "k": "x"}, "complete", loss=1.0, started=start, seconds=seconds)
            for i, (start, seconds) in enumerate([(0.0, 9.0), (1.0, 1.0), (2.0, 3.0), (2.5, 1.0)])
        ]
        for i in pending:
            trials[i] = Trial(i, {"C": 1.0, "k": "x"}, started=0.0)
        return order_of_ends(SPACE, History(tuple(trials))).tolist()

    assert order() == [0, 1, 2, 3]
    assert order(3) == [0, 1, 2]
    assert order(0) == [1, 3, 2]
    assert order(0, 1, 2, 3) == []


@pytest.mark.parametrize("trials", [(), (Trial(0, {"foreign": 1}),)], ids=["none", "foreign"])
def test_no_located_trials(trials):
    points, losses, pending = located_trials(SPACE, History(trials))
    assert points.shape == (0, 3)
    assert losses.shape == pending.shape == (0,)
    assert pending.dtype == bool
    assert located_gradients(SPACE, History(trials)).shape == (0, 3)


def test_located_gradients():
    nan = np.nan
    trials = [
        ({"C": 5.0, "k": "x"}, {"C": 2.0, "g": 7.0, "other": 1.0}),  # g is inactive
        ({"C": 2.5, "k": "y", "g": 0.5}, {"C": -1.0, "g": np.float64(3.0), "k": 1.0}),
        ({"C": 2.5, "k": "z"}, {"C": 4.0}),  # has no place
        ({"C": 2.5, "k": "y", "g": 0.1}, {"C": nan, "g": np.inf}),
        ({"C": 2.5, "k": "y", "g": 0.2}, {"C": np.array([1.0, 2.0]), "g": None}),
        ({"C": 2.5, "k": "y", "g": 0.3}, {"C": 1e308, "g": np.array(2.0)}),
        ({"C": 2.5, "k": "y", "g": 0.4}, None),
    ]
    history = History(
        tuple(
            Trial(i, params, "complete", loss=1.0, gradient=gradient)
            for i, (params, gradient) in enumerate(trials)
        )
        + (Trial(9, {"C": 1.0, "k": "x"}, "failed", gradient={"C": 1.0}),)
    )
    expected = [
        [20.0, nan, nan],
        [-10.0, nan, 3.0],
        [nan, nan, nan],
        [nan, nan, nan],
        [nan, nan, 2.0],
        [nan, nan, nan],
        [nan, nan, nan],
    ]
    np.testing.assert_array_equal(located_gradients(SPACE, history), expected)
