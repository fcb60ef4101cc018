"""What every sampler must do, as checks to run against your own.

Write in a test of yours::

    import pytest
    from contracts.sampler_contract import SAMPLER_CHECKS

    @pytest.mark.parametrize("check", SAMPLER_CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(MySampler)

A check takes a callable without arguments that makes a new sampler, and raises
``AssertionError`` where the sampler does not do what the search relies on. What is good for
a sampler but not needed, because the search makes up for it, is in ``OPTIONAL_CHECKS``.

Use few initial points, if there are any, so that the sampler's model is met: the histories
here have `N_TRIALS` trials.
"""

import pickle

import numpy as np

from skhyper._trial import History, Trial
from skhyper.space import Categorical, Space, When

__all__ = ["OPTIONAL_CHECKS", "SAMPLER_CHECKS", "SPACES", "make_history", "make_rng"]

N_TRIALS = 6
SEED = 20240229


def sum_below_one(params):
    return params["a"] + params["b"] < 1.0


# Each is made anew, so that no check can spoil another one's.
SPACES = {
    "reals": lambda: Space({"a": (0.0, 1.0), "b": (1e-3, 1e3, "log-uniform")}),
    "mixed": lambda: Space(
        {
            "a": (1e-3, 1e3, "log-uniform"),
            "n": (1, 40),
            "k": ["x", "y", "z"],
            # Neither hashed, sorted nor compared with == and no harm done.
            "object": [[1, 2], {"a": [1]}, np.array([1.0, 2.0]), None],
            "size": Categorical([8, 16, 32], ordered=True),
            "weighted": Categorical([True, False], weights=[1, 9]),
            "fixed": ["only"],
        }
    ),
    "conditional": lambda: Space(
        {
            "kernel": ["linear", "rbf", "poly"],
            "C": (1e-3, 1e3, "log-uniform"),
            "gamma": When((1e-3, 1e3, "log-uniform"), kernel=["rbf", "poly"]),
            "degree": When((2, 5), kernel="poly"),
        }
    ),
    "list": lambda: Space([{"a": (0.0, 1.0), "k": ["x", "y"]}, {"b": (0.0, 1.0), "k": ["x", "y"]}]),
}


def make_rng(number=0):
    """A generator as the search makes one for each question."""
    return np.random.default_rng([SEED, number])


def make_history(space, states="complete", losses=None, n_trials=N_TRIALS):
    """Trials at random settings of `space`, one state for all or one for each.

    Losses fall with the first column, so that there is something to learn.
    """
    points = space.sample(n_trials, np.random.default_rng(SEED))
    states = [states] * n_trials if isinstance(states, str) else states
    if losses is None:
        losses = 1.0 - np.nan_to_num(points[:, 0], nan=0.5)
    trials = [
        Trial(i, params, state, loss=float(loss) if state == "complete" else np.nan)
        for i, (params, state, loss) in enumerate(
            zip(space.from_unit(points), states, losses, strict=True)
        )
    ]
    return History(tuple(trials), seed=SEED)


def ask(sampler, space, history, n_points=1):
    """Points asked for as the search does, after a look at their form."""
    points = sampler.ask(space, history, n_points, make_rng(len(history)))
    assert isinstance(points, np.ndarray), f"ask must return an array, got {type(points)}"
    assert points.dtype == np.float64, f"points must be float64, got {points.dtype}"
    assert points.ndim == 2, f"points must have the shape (n, d), got {points.shape}"
    assert points.shape[1] == space.n_dims, f"{points.shape} for {space.n_dims} columns"
    assert len(points) <= n_points, f"{n_points} points were asked for, got {len(points)}"
    return points


def check_answers_lie_in_the_space(make_sampler):
    """Also without a history; each value at its one coordinate, nan where inactive."""
    for name, make_space in SPACES.items():
        space = make_space()
        for history in (History(seed=SEED), make_history(space)):
            points = ask(make_sampler(), space, history, n_points=2)
            assert len(points) == 2, f"{name}: the space has more than {len(points)} points left"
            np.testing.assert_array_equal(points, space.canonical(points), err_msg=name)
            settings = space.from_unit(points)
            assert all(space.contains(setting) for setting in settings), f"{name}: {settings}"


def check_inactive_dimensions_are_nan(make_sampler):
    """A sub-space that is not chosen, a condition that does not hold."""
    for name in ("conditional", "list"):
        space = SPACES[name]()
        points = ask(make_sampler(), space, make_history(space), n_points=3)
        for point, setting in zip(points, space.from_unit(points), strict=True):
            active = {n for n, u in zip(space.names, point) if n is not None and not np.isnan(u)}
            assert active == set(setting), f"{name}: {point} is {setting}"


def check_is_a_pure_function(make_sampler):
    """The same history and rng, the same points: from a new sampler, and after other asks."""
    space = SPACES["conditional"]()
    history = make_history(space)
    expected = ask(make_sampler(), space, history, n_points=2)
    used = make_sampler()
    ask(used, SPACES["reals"](), make_history(SPACES["reals"]()))
    ask(used, space, History(seed=SEED))
    for sampler in (make_sampler(), used, used, pickle.loads(pickle.dumps(used))):
        again = ask(sampler, SPACES["conditional"](), history, n_points=2)
        np.testing.assert_array_equal(again, expected)


def check_the_global_random_state_is_neither_read_nor_moved(make_sampler):
    space = SPACES["reals"]()
    history = make_history(space)
    before = np.random.get_state()
    try:
        answers = []
        for seed in (0, 1):
            np.random.seed(seed)
            state = np.random.get_state()
            answers.append(ask(make_sampler(), space, history))
            after = np.random.get_state()
            moved = after[2] != state[2] or not np.array_equal(after[1], state[1])
            assert not moved, "draw from rng, not from numpy.random"
    finally:
        np.random.set_state(before)
    np.testing.assert_array_equal(*answers)


def check_changes_nothing_it_is_given(make_sampler):
    space = SPACES["mixed"]()
    history = make_history(space, ["complete"] * 3 + ["failed", "running", "complete"])
    before = pickle.dumps((space, history))
    sampler = make_sampler()
    asked = repr(sampler)
    ask(sampler, space, history, n_points=2)
    assert pickle.dumps((space, history)) == before, "the space or the history was changed"
    assert repr(sampler) == asked, "the sampler changed its own parameters"


def check_survives_failed_and_pending_trials(make_sampler):
    space = SPACES["mixed"]()
    for states in (
        ["complete", "failed", "complete", "running", "failed", "running"],
        ["failed"] * N_TRIALS,
        ["running"] * N_TRIALS,
        ["complete"] + ["failed"] * (N_TRIALS - 1),
    ):
        points = ask(make_sampler(), space, make_history(space, states))
        assert len(points) == 1, f"no answer to a history of {states}"
        np.testing.assert_array_equal(points, space.canonical(points))


def check_survives_odd_losses(make_sampler):
    """All equal, and one so large that it hides the others."""
    space = SPACES["reals"]()
    for losses in ([0.5] * N_TRIALS, [1e300, *[0.1] * (N_TRIALS - 1)], [1e-300] * N_TRIALS):
        points = ask(make_sampler(), space, make_history(space, losses=losses))
        assert len(points) == 1, f"no answer to losses of {losses}"
        np.testing.assert_array_equal(points, space.canonical(points))


def check_survives_trials_of_another_space(make_sampler):
    """Searches continue after their space was changed."""
    space = SPACES["reals"]()
    foreign = (
        {"a": 0.5},
        {"a": 0.5, "b": 1.0, "c": 1},
        {"a": "scale", "b": 1.0},
        {"a": -3.0, "b": 1e9},
        {},
    )
    trials = [Trial(i, p, "complete", loss=float(i)) for i, p in enumerate(foreign)]
    for history in (
        History(tuple(trials), seed=SEED),
        History((*trials, *make_history(space)), seed=SEED),
    ):
        points = ask(make_sampler(), space, history)
        assert len(points) == 1, f"no answer after {len(history)} trials"
        np.testing.assert_array_equal(points, space.canonical(points))


def check_several_points_are_distinct(make_sampler):
    for name in ("reals", "list"):
        space = SPACES[name]()
        for history in (History(seed=SEED), make_history(space)):
            points = ask(make_sampler(), space, history, n_points=4)
            assert len(points) == 4, f"{name}: got {len(points)} of 4 points"
            distinct = np.unique(np.round(points, 9), axis=0)
            assert len(distinct) == 4, f"{name}: {points} after {len(history)} trials"


def check_successive_points_differ(make_sampler):
    """A search that is told nothing new but a pending trial must not stand still."""
    space = SPACES["reals"]()
    for start in (History(seed=SEED), make_history(space)):
        history, asked = start, []
        sampler = make_sampler()
        for _ in range(3):
            asked.append(ask(sampler, space, history)[0])
            (params,) = space.from_unit([asked[-1]])
            history = History((*history, Trial(len(history), params)), seed=SEED)
        distinct = np.unique(np.round(asked, 9), axis=0)
        assert len(distinct) == 3, f"{asked} after {len(start)} trials"


def check_copes_with_a_used_up_space(make_sampler):
    """An answer that was tried before, or none; no error and no endless loop."""
    space = Space({"k": ["x", "y"], "n": (1, 2)})
    settings = space.from_unit(list(space.grid(2)))
    trials = [Trial(i, p, "complete", loss=float(i)) for i, p in enumerate(settings)]
    points = ask(make_sampler(), space, History(tuple(trials), seed=SEED), n_points=2)
    np.testing.assert_array_equal(points, space.canonical(points).reshape(points.shape))


def check_a_constraint_is_handled(make_sampler):
    """Answers stay answers; the search replaces those that the constraint rejects."""
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0), "k": ["x", "y"]}, constraint=sum_below_one)
    for history in (History(seed=SEED), make_history(space)):
        points = ask(make_sampler(), space, history, n_points=2)
        assert len(points) == 2, f"got {len(points)} of 2 points after {len(history)} trials"
        np.testing.assert_array_equal(points, space.canonical(points))


def check_a_constraint_is_honoured(make_sampler):
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0), "k": ["x", "y"]}, constraint=sum_below_one)
    for history in (History(seed=SEED), make_history(space)):
        points = ask(make_sampler(), space, history, n_points=5)
        assert len(points) > 0, f"no answer after {len(history)} trials"
        settings = space.from_unit(points)
        assert all(space.accepts(setting) for setting in settings), f"forbidden: {settings}"


SAMPLER_CHECKS = [
    check_answers_lie_in_the_space,
    check_inactive_dimensions_are_nan,
    check_is_a_pure_function,
    check_the_global_random_state_is_neither_read_nor_moved,
    check_changes_nothing_it_is_given,
    check_survives_failed_and_pending_trials,
    check_survives_odd_losses,
    check_survives_trials_of_another_space,
    check_several_points_are_distinct,
    check_successive_points_differ,
    check_copes_with_a_used_up_space,
    check_a_constraint_is_handled,
]
OPTIONAL_CHECKS = [check_a_constraint_is_honoured]
