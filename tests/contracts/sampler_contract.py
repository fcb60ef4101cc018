"""What every sampler must do, as checks to run against your own.

Write in a test of yours::

    import pytest
    from contracts.sampler_contract import SAMPLER_CHECKS

    @pytest.mark.parametrize("check", SAMPLER_CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(MySampler)

A check takes a callable without arguments that creates a sampler, and raises ``AssertionError``
if the sampler does not do what searches rely on. ``OPTIONAL_CHECKS`` has what is good for a
sampler but not needed, because the search corrects it.

The histories have `N_TRIALS` trials: use a smaller initial design, so that the sampler's model is
tested too.
"""

import pickle

import numpy as np

from skhyper._trial import History, Stop, Trial
from skhyper.space import Categorical, Space, When

__all__ = ["OPTIONAL_CHECKS", "SAMPLER_CHECKS", "SPACES", "make_history", "make_rng"]

N_TRIALS = 6
SEED = 20240229


def sum_below_one(params):
    return params["a"] + params["b"] < 1.0


# Each check creates its own, so that checks are independent.
SPACES = {
    "reals": lambda: Space({"a": (0.0, 1.0), "b": (1e-3, 1e3, "log-uniform")}),
    "mixed": lambda: Space(
        {
            "a": (1e-3, 1e3, "log-uniform"),
            "n": (1, 40),
            "k": ["x", "y", "z"],
            # Values that cannot be hashed, sorted or compared by ==.
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
    """A generator as a search creates one for each proposal."""
    return np.random.default_rng([SEED, number])


def make_history(space, states="complete", losses=None, n_trials=N_TRIALS):
    """Random trials of `space`, with one state for all or one for each.

    Losses decrease with the first coordinate.
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


def ask(sampler, space, history, number=None):
    """The answer that a search gets: a point or Stop, checked for its form."""
    answer = sampler.ask(space, history, make_rng(len(history) if number is None else number))
    if isinstance(answer, Stop):
        assert isinstance(answer.reason, str), f"the reason must be a str, got {answer.reason!r}"
        return answer
    assert isinstance(answer, np.ndarray), f"ask must return an array, got {type(answer)}"
    assert answer.dtype == np.float64, f"points must be float64, got {answer.dtype}"
    assert answer.shape == (space.n_dims,), f"{answer.shape} for {space.n_dims} dimensions"
    return answer


def propose(sampler, space, history, number=None):
    """A canonical point: each value at its one coordinate, nan where inactive."""
    point = ask(sampler, space, history, number)
    assert not isinstance(point, Stop), f"{point} after {len(history)} trials"
    np.testing.assert_array_equal(point, space.canonical([point])[0])
    return point


def check_answers_are_in_the_space(make_sampler):
    """Also without a history."""
    for name, make_space in SPACES.items():
        space = make_space()
        for history in (History(seed=SEED), make_history(space)):
            for number in range(3):
                point = propose(make_sampler(), space, history, number)
                (params,) = space.from_unit([point])
                assert space.contains(params), f"{name}: {params}"


def check_inactive_dimensions_are_nan(make_sampler):
    """A sub-space that is not chosen, a condition that does not hold."""
    for name in ("conditional", "list"):
        space = SPACES[name]()
        for number in range(3):
            point = ask(make_sampler(), space, make_history(space), number)
            (params,) = space.from_unit([point])
            active = {n for n, u in zip(space.names, point) if n is not None and not np.isnan(u)}
            assert active == set(params), f"{name}: {point} is {params}"


def check_is_a_pure_function(make_sampler):
    """The same history and rng, the same point: from a new sampler, and after other asks."""
    space = SPACES["conditional"]()
    history = make_history(space)
    expected = ask(make_sampler(), space, history)
    used = make_sampler()
    ask(used, SPACES["reals"](), make_history(SPACES["reals"]()))
    ask(used, space, History(seed=SEED))
    for sampler in (make_sampler(), used, used, pickle.loads(pickle.dumps(used))):
        again = ask(sampler, SPACES["conditional"](), history)
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
    ask(sampler, space, history)
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
        propose(make_sampler(), space, make_history(space, states))


def check_survives_odd_losses(make_sampler):
    """All equal, and one so large that it hides the others."""
    space = SPACES["reals"]()
    for losses in ([0.5] * N_TRIALS, [1e300, *[0.1] * (N_TRIALS - 1)], [1e-300] * N_TRIALS):
        propose(make_sampler(), space, make_history(space, losses=losses))


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
        propose(make_sampler(), space, history)


def check_successive_points_differ(make_sampler):
    """While the trials are pending, without any new result."""
    space = SPACES["reals"]()
    for start in (History(seed=SEED), make_history(space)):
        history, asked = start, []
        sampler = make_sampler()
        for _ in range(3):
            asked.append(propose(sampler, space, history))
            (params,) = space.from_unit([asked[-1]])
            history = History((*history, Trial(len(history), params)), seed=SEED)
        distinct = np.unique(np.round(asked, 9), axis=0)
        assert len(distinct) == 3, f"{asked} after {len(start)} trials"


def check_batches(make_sampler):
    """Points of the space, all different, without new results; a batch of one is the answer."""
    for name in ("reals", "conditional", "list"):
        space = SPACES[name]()
        for history in (History(seed=SEED), make_history(space)):
            (point,) = make_sampler().ask_batch(space, history, make_rng(), 1)
            np.testing.assert_array_equal(point, ask(make_sampler(), space, history, 0))
            batch = make_sampler().ask_batch(space, history, make_rng(), 5)
            assert 1 <= len(batch) <= 5
            np.testing.assert_array_equal(batch, space.canonical(batch))
            assert len(set(Space.keys(np.array(batch)))) == len(batch), name
            assert all(space.contains(params) for params in space.from_unit(batch))


def check_copes_with_an_exhausted_space(make_sampler):
    """A point that was tried before, or Stop; no error and no endless loop."""
    space = Space({"k": ["x", "y"], "n": (1, 2)})
    settings = space.from_unit(list(space.grid(2)))
    trials = [Trial(i, p, "complete", loss=float(i)) for i, p in enumerate(settings)]
    answer = ask(make_sampler(), space, History(tuple(trials), seed=SEED))
    assert isinstance(answer, Stop) or np.array_equal(answer, space.canonical([answer])[0])


def check_a_constraint_is_handled(make_sampler):
    """There is a point; the search replaces those that the constraint rejects."""
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0), "k": ["x", "y"]}, constraint=sum_below_one)
    for history in (History(seed=SEED), make_history(space)):
        propose(make_sampler(), space, history)


def check_a_constraint_is_honoured(make_sampler):
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0), "k": ["x", "y"]}, constraint=sum_below_one)
    for history in (History(seed=SEED), make_history(space)):
        for number in range(5):
            (params,) = space.from_unit([propose(make_sampler(), space, history, number)])
            assert space.accepts(params), f"forbidden: {params}"


SAMPLER_CHECKS = [
    check_answers_are_in_the_space,
    check_inactive_dimensions_are_nan,
    check_is_a_pure_function,
    check_the_global_random_state_is_neither_read_nor_moved,
    check_changes_nothing_it_is_given,
    check_survives_failed_and_pending_trials,
    check_survives_odd_losses,
    check_survives_trials_of_another_space,
    check_successive_points_differ,
    check_batches,
    check_copes_with_an_exhausted_space,
    check_a_constraint_is_handled,
]
OPTIONAL_CHECKS = [check_a_constraint_is_honoured]
