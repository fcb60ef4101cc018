"""Ask and tell."""

import copy
import pickle
import time

import numpy as np
import pytest

from skhyper import Optimizer
from skhyper.exceptions import ExhaustedSpaceError, InvalidSpaceError
from skhyper.samplers import SAMPLERS, GridSampler, Sampler
from skhyper.space import Space, When

SPACE = {"x": (-2.0, 2.0), "y": (-2.0, 2.0)}
MIXED = {
    "kernel": ["linear", "rbf"],
    "C": (1e-2, 1e2, "log-uniform"),
    "gamma": When((1e-3, 1e1, "log-uniform"), kernel="rbf"),
    "degree": (1, 5),
}


def bowl(params):
    return (params["x"] - 1.0) ** 2 + (params["y"] + 0.5) ** 2


def mixed(params):
    return abs(np.log10(params["C"])) + params.get("gamma", 3.0) + params["degree"]


def run(optimizer, function, n):
    asked = []
    for _ in range(n):
        asked.append(optimizer.ask())
        optimizer.tell(asked[-1], function(asked[-1]))
    return asked


def test_it_finds_the_bottom_of_a_bowl():
    optimizer = Optimizer(SPACE, random_state=0)
    run(optimizer, bowl, 20)
    assert optimizer.best_value < 1e-2
    assert optimizer.best_value == bowl(optimizer.best_params)
    assert optimizer.best_value == np.min(optimizer.history.losses)


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"skopt"}))
@pytest.mark.parametrize("space", [SPACE, MIXED], ids=["plain", "mixed"])
def test_every_sampler_stays_in_the_space_and_repeats_itself(name, space):
    function = bowl if space is SPACE else mixed
    first = run(Optimizer(space, sampler=name, random_state=3), function, 10)
    assert all(Space(space).contains(params) for params in first)
    assert run(Optimizer(space, sampler=name, random_state=3), function, 10) == first
    if name != "grid":
        assert run(Optimizer(space, sampler=name, random_state=4), function, 10) != first


def test_asking_for_several_is_asking_several_times():
    several, single = Optimizer(SPACE, random_state=0), Optimizer(SPACE, random_state=0)
    for optimizer in (several, single):
        run(optimizer, bowl, 6)
    batch = several.ask(4)
    assert batch == [single.ask() for _ in range(4)]
    assert [t.state for t in several.history[-4:]] == ["running"] * 4
    points = np.array([[p["x"], p["y"]] for p in batch])
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert distances[~np.eye(4, dtype=bool)].min() > 1e-3  # they do not bunch
    several.tell(batch[::-1], [bowl(p) for p in batch[::-1]])
    for p in batch[::-1]:
        single.tell(p, bowl(p))
    np.testing.assert_array_equal(several.history.losses, single.history.losses)
    assert [t.params for t in several.history] == [t.params for t in single.history]
    assert several.ask() == single.ask()


def test_a_point_is_told_in_its_place():
    optimizer = Optimizer(SPACE, random_state=0)
    a, b = optimizer.ask(2)
    optimizer.tell(b, 2.0)
    assert [t.state for t in optimizer.history] == ["running", "complete"]
    assert optimizer.best_params == b
    optimizer.tell(a, 1.0)
    assert [t.params for t in optimizer.history] == [a, b]
    np.testing.assert_array_equal(optimizer.history.losses, [1.0, 2.0])
    optimizer.tell(a, 0.5)  # once more: another observation
    np.testing.assert_array_equal(optimizer.history.losses, [1.0, 2.0, 0.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_failures_go_on(value):
    optimizer = Optimizer(SPACE, random_state=0)
    for i in range(12):
        params = optimizer.ask()
        optimizer.tell(params, value if i % 3 == 0 else bowl(params))
    assert [t.state for t in optimizer.history].count("failed") == 4
    assert np.isfinite(optimizer.best_value)
    assert optimizer.history[0].message == f"The value is {value}."


def test_nothing_but_failures():
    optimizer = Optimizer(SPACE, random_state=0)
    run(optimizer, lambda params: np.nan, 8)
    assert optimizer.best_params is None
    assert np.isnan(optimizer.best_value)


def test_own_points_are_welcome():
    optimizer = Optimizer(MIXED, random_state=0)
    optimizer.tell({"kernel": "linear", "C": 1, "degree": np.int64(2)}, np.float32(0.5))
    optimizer.tell([{"kernel": "rbf", "C": 2.0, "gamma": 0.1, "degree": 1}], [0.25])
    assert optimizer.best_value == 0.25
    run(optimizer, mixed, 6)
    assert len(optimizer.history) == 8


def test_a_good_own_point_draws_the_search():
    near = Optimizer(SPACE, random_state=0)
    for x in np.linspace(-2, 2, 5):
        for y in np.linspace(-2, 2, 5):
            near.tell({"x": x, "y": y}, bowl({"x": x, "y": y}))
    asked = near.ask()  # 25 points of a grid say where the bottom is
    assert bowl(asked) < 0.1


def test_initial_points():
    optimizer = Optimizer(
        SPACE, random_state=0, initial_points=[{"x": 0, "y": 1}, {"x": 1, "y": 1}]
    )
    assert optimizer.ask(3)[:2] == [{"x": 0, "y": 1}, {"x": 1, "y": 1}]


@pytest.mark.parametrize("n_before", [0, 2, 9])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_copy_goes_on_identically(n_before, copied):
    optimizer = Optimizer(
        MIXED, random_state=1, initial_points={"kernel": "linear", "C": 1.0, "degree": 3}
    )
    run(optimizer, mixed, n_before)
    optimizer.ask()  # one that is under way
    twin = copied(optimizer)
    assert run(twin, mixed, 5) == run(optimizer, mixed, 5)


def test_no_point_twice_and_an_end():
    optimizer = Optimizer({"a": [1, 2], "b": ["x", "y", "z"]}, random_state=0)
    asked = optimizer.ask(10)
    assert len(asked) == 6
    assert len({(p["a"], p["b"]) for p in asked}) == 6
    with pytest.raises(ExhaustedSpaceError, match="every candidate was tried"):
        optimizer.ask()
    with pytest.raises(ExhaustedSpaceError, match="allow_repeats"):
        optimizer.ask(2)
    again = Optimizer({"a": [1, 2]}, random_state=0, allow_repeats=True)
    assert len(run(again, lambda params: params["a"], 5)) == 5


def test_a_grid_is_asked_whole():
    optimizer = Optimizer(SPACE, sampler=GridSampler(3))
    assert len(optimizer.ask(100)) == 9


def test_lists_as_scikit_optimize_has_them():
    optimizer = Optimizer([(-2.0, 2.0), (1, 9), ["a", "b"]], random_state=0)
    for _ in range(6):
        x = optimizer.ask()
        assert isinstance(x, list)
        optimizer.tell(x, x[0] ** 2 + x[1])
    optimizer.tell([[0.0, 1, "a"], [0.0, 2, "b"]], [1.0, 2.0])
    optimizer.tell([0.0, 3, "b"], 3.0)
    result = optimizer.get_result()
    assert result.fun == optimizer.best_value == 1.0
    assert result.x == optimizer.best_params == [0.0, 1, "a"]
    assert result.x_iters[-1] == [0.0, 3, "b"]
    assert len(result.func_vals) == len(result.x_iters) == 9


@pytest.mark.slow
def test_asks_are_those_of_scikit_optimizes_loop():
    """The same loop runs on both; both find the bottom."""
    skopt = pytest.importorskip("skopt")
    space = [(-2.0, 2.0), (-2.0, 2.0)]
    for optimizer in (
        skopt.Optimizer(space, n_initial_points=5, random_state=0),
        Optimizer(space, random_state=0),
    ):
        for _ in range(12):
            x = optimizer.ask()
            optimizer.tell(x, bowl(dict(zip("xy", x))))
        result = optimizer.get_result()
        assert result.fun == min(result.func_vals)
        assert result.x in result.x_iters
        assert result.fun < 0.3


class Recorder(Sampler):
    def ask(self, space, history, rng):
        self.seen = [trial.state for trial in history]
        return space.sample(1, rng)[0]


def test_a_sampler_sees_what_is_pending():
    sampler = Recorder()
    optimizer = Optimizer(SPACE, sampler=sampler)
    optimizer.tell(optimizer.ask(), 1.0)
    optimizer.ask(2)
    assert sampler.seen == ["complete", "running"]
    assert len(optimizer.history.pending) == 2
    assert optimizer.sampler is sampler


@pytest.mark.parametrize(
    ("params", "value", "error", "said"),
    [
        ({"x": 0.0, "Y": 1.0}, 1.0, InvalidSpaceError, "no 'Y'; did you mean 'y'"),
        ({"x": 0.0}, 1.0, InvalidSpaceError, "'y' is missing"),
        ({"x": 0.0, "y": 5.0}, 1.0, InvalidSpaceError, "'y': 5.0 is out of the range"),
        ([0.0, 1.0], 1.0, InvalidSpaceError, "must be a dict"),
        ({"x": 0.0, "y": 1.0}, "1", TypeError, "must be a number, .*got '1'"),
        ({"x": 0.0, "y": 1.0}, None, TypeError, "got None"),
        ({"x": 0.0, "y": 1.0}, True, TypeError, "got True"),
        ({"x": 0.0, "y": 1.0}, 1j, TypeError, "got 1j"),
        ({"x": 0.0, "y": 1.0}, [1.0], ValueError, "value of a single point must be a number"),
        ([{"x": 0.0, "y": 1.0}], [1.0, 2.0], ValueError, "1 points and 2 values"),
    ],
)
def test_what_cannot_be_told(params, value, error, said):
    optimizer = Optimizer(SPACE)
    with pytest.raises(error, match=said):
        optimizer.tell(params, value)
    assert len(optimizer.history) == 0


def test_a_list_with_one_wrong_point_tells_nothing():
    optimizer = Optimizer(SPACE)
    with pytest.raises(InvalidSpaceError, match="'y' is missing"):
        optimizer.tell([{"x": 0.0, "y": 0.0}, {"x": 1.0}], [1.0, 2.0])
    assert len(optimizer.history) == 0


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_numbers_of_points(n):
    with pytest.raises(ValueError, match="positive integer"):
        Optimizer(SPACE).ask(n)


def test_what_cannot_be_made():
    with pytest.raises(ValueError, match="Did you mean 'gp'"):
        Optimizer(SPACE, sampler="GP")
    with pytest.raises(InvalidSpaceError, match="'x': 9 is out of"):
        Optimizer(SPACE, initial_points={"x": 9, "y": 0})
    with pytest.raises(InvalidSpaceError, match="inverted"):
        Optimizer({"x": (1.0, 0.0)})


def test_the_history_handed_out_is_not_touched():
    optimizer = Optimizer(SPACE, random_state=0)
    before = optimizer.history
    asked = optimizer.ask()
    asked["x"] = 99.0
    assert len(before) == 0
    assert optimizer.history[0].params["x"] != 99.0


def test_repr():
    optimizer = Optimizer({"a": (0.0, 1.0)}, sampler="random")
    assert repr(optimizer).startswith("<Optimizer of Space({'a': Real(0.0, 1.0")


def test_trials_that_were_asked_for_know_when_they_started():
    optimizer = Optimizer({"x": (0.0, 1.0)}, random_state=0)
    start = time.time()
    optimizer.tell(optimizer.ask(), 1.0)
    optimizer.tell({"x": 0.5}, 2.0)
    asked, other = optimizer.history
    assert start < asked.started < time.time()
    assert np.isnan(other.started)
