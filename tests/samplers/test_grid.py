"""Grid search over any space, in scikit-learn's order."""

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import ParameterGrid

from skhyper._trial import History, Trial
from skhyper.samplers import GridSampler, Stop
from skhyper.space import Categorical, Space, When


def whole_grid(sampler, space, history=None):
    """What the sampler proposes, one after the other, until it stops."""
    start, found = list(history or ()), []
    while True:
        trials = [*start, *history_of(found)]
        answer = sampler.ask(space, History(tuple(trials)), np.random.default_rng(0))
        if isinstance(answer, Stop):
            return found
        found += space.from_unit([answer])


def history_of(settings):
    trials = [Trial(i, s, "complete", loss=float(i)) for i, s in enumerate(settings)]
    return History(tuple(trials))


@pytest.mark.parametrize(
    "spaces",
    [
        {"kernel": ["rbf", "linear"], "C": [10, 1], "b": [None]},
        [{"b": [1, 2], "a": ["x", "y"]}, {"a": ["z"], "c": [True, False]}],
    ],
    ids=["dict", "list"],
)
def test_order_is_that_of_parameter_grid(spaces):
    expected = list(ParameterGrid(spaces))
    space = Space(spaces)
    assert whole_grid(GridSampler(), space) == expected
    assert space.from_unit(list(GridSampler().design(space))) == expected


def test_an_exhausted_grid_has_no_points():
    space = Space({"a": [1, 2], "b": (0.0, 1.0)})
    grid = whole_grid(GridSampler(2), space)
    assert len(grid) == 4
    answer = GridSampler(2).ask(space, history_of(grid), np.random.default_rng(0))
    assert answer == Stop()
    assert whole_grid(GridSampler(2), space, history_of(grid[:3])) == grid[3:]


def test_rounding_makes_no_tried_setting_new():
    """Params are converted to the original scale and back."""
    space = Space({"a": (0.3, 7.0, "log-uniform"), "b": (0.1, 0.7)})
    grid = whole_grid(GridSampler(9), space)
    exact = np.array(list(space.grid(9)))
    assert np.any(space.to_unit(grid) != exact)  # else this test tests nothing
    assert whole_grid(GridSampler(9), space, history_of(grid)) == []


def test_ranges_become_equally_spaced_values_with_both_ends():
    space = Space({"a": (1e-2, 1e2, "log-uniform"), "b": (-1.0, 1.0)})
    grid = whole_grid(GridSampler(3), space)
    expected = [{"a": a, "b": b} for a in (0.01, 1, 100) for b in (-1, 0, 1)]
    np.testing.assert_allclose([[*s.values()] for s in grid], [[*s.values()] for s in expected])


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        ((1, 3), [1, 2, 3]),
        ((0, 100), [0, 25, 50, 75, 100]),
        (list("abcdefg"), list("abcdefg")),
        (Categorical(list("abcdefg"), ordered=True), list("abcdefg")),
        (Categorical(["a", "b"], weights=[1, 99]), ["a", "b"]),
        (stats.randint(2, 5), [2, 3, 4]),
        (stats.uniform(0, 10), [1, 3, 5, 7, 9]),
    ],
    ids=["few", "many", "choices", "ordered", "weighted", "discrete", "continuous"],
)
def test_five_values_of_a_range_and_all_choices(dimension, values):
    found = [s["x"] for s in whole_grid(GridSampler(), Space({"x": dimension}))]
    assert found == pytest.approx(values) if isinstance(values[0], float) else found == values


def test_a_range_of_many_integers_on_a_logarithmic_scale():
    values = [s["n"] for s in whole_grid(GridSampler(4), Space({"n": (1, 1000, "log-uniform")}))]
    assert (values[0], values[-1]) == (1, 1000)
    ratios = np.diff(np.log(np.array(values)))
    assert len(values) == 4
    assert ratios.max() / ratios.min() < 1.5


def test_conditions_and_constraints():
    space = Space(
        {"k": ["x", "y"], "g": When([1, 2, 3], k="y"), "C": [1, 2]},
        constraint=lambda params: params.get("g", 0) != params["C"],
    )
    grid = whole_grid(GridSampler(), space)
    expected = [
        {"C": 1, "k": "x"},
        {"C": 1, "k": "y", "g": 2},
        {"C": 1, "k": "y", "g": 3},
        {"C": 2, "k": "x"},
        {"C": 2, "k": "y", "g": 1},
        {"C": 2, "k": "y", "g": 3},
    ]
    assert grid == expected


def test_trials_off_the_grid_and_out_of_the_space_take_nothing_away():
    space = Space({"a": (0.0, 1.0)})
    history = history_of([{"a": 0.123}, {"a": 7.0}, {"b": 1}])
    assert len(whole_grid(GridSampler(5), space, history)) == 5


def test_repr():
    assert repr(GridSampler(7)) == "GridSampler(n_values=7)"


def test_settings_of_two_sub_spaces_are_asked_for_once():
    space = Space([{"a": [1, 2]}, {"a": [2, 3]}, {"a": [3, 2], "b": [1]}])
    expected = [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 3, "b": 1}, {"a": 2, "b": 1}]
    assert whole_grid(GridSampler(), space) == expected
    assert whole_grid(GridSampler(), space, history_of(expected[:2])) == expected[2:]


@pytest.mark.parametrize("n_values", [0, -1, True, 2.5, "3", None, np.nan])
def test_wrong_numbers_of_values(n_values):
    with pytest.raises((TypeError, ValueError), match=f"n_values must be .*, got {n_values!r}"):
        GridSampler(n_values)
