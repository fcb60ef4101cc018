"""The least value of a function, by one call."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config

from skhyper import Optimizer, minimize
from skhyper.exceptions import InvalidSpaceError
from skhyper.samplers import SAMPLERS
from skhyper.space import Space

SPACE = {"x": (-5.0, 10.0), "y": (0.0, 15.0)}


def branin(params):
    """Three minima, all 0.397887 (Surjanovic and Bingham, Virtual Library)."""
    x, y = params["x"], params["y"]
    bowl = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def test_branin():
    result = minimize(branin, SPACE, 30, random_state=0)
    assert result.fun < 0.45
    assert result.fun == branin(result.x) == result.func_vals.min()
    assert result.success
    assert result.message == "n_iter=30 candidates were tried"
    assert result.nfev == len(result.x_iters) == len(result.history) == 30
    np.testing.assert_array_equal(result.func_vals, [branin(x) for x in result.x_iters])
    assert all(trial.seconds >= 0 for trial in result.history)


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"skopt"}))
def test_it_is_the_loop_of_an_optimizer(name):
    optimizer = Optimizer(SPACE, sampler=name, random_state=5)
    for _ in range(9):
        params = optimizer.ask()
        optimizer.tell(params, branin(params))
    result = minimize(branin, SPACE, 9, sampler=name, random_state=5)
    assert result.x_iters == [trial.params for trial in optimizer.history]
    assert result.fun == optimizer.best_value


def test_lists_as_gp_minimize_has_them():
    skopt = pytest.importorskip("skopt")
    dimensions = [skopt.space.Real(-5.0, 10.0), skopt.space.Real(0.0, 15.0)]

    def function(x):
        assert isinstance(x, list)
        return branin({"x": x[0], "y": x[1]})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = skopt.gp_minimize(function, dimensions, n_calls=12, random_state=0)
    ours = minimize(function, dimensions, 12, random_state=0)
    for key in ("x", "fun", "x_iters", "func_vals", "space"):
        assert key in ours
        assert type(ours[key]).__name__ == type(theirs[key]).__name__ or key == "fun"
    assert np.shape(ours.x_iters) == np.shape(theirs.x_iters)
    assert dimensions[0].name is None  # theirs are left as they are


def test_initial_points_come_first_and_count():
    first = [{"x": 0.0, "y": 0.0}, {"x": np.pi, "y": 2.275}]
    result = minimize(branin, SPACE, 5, initial_points=first, random_state=0)
    assert result.x_iters[:2] == first
    assert result.nfev == 5
    assert result.fun == pytest.approx(0.397887, abs=1e-5)


def test_it_goes_on_from_a_history():
    whole = minimize(branin, SPACE, 12, random_state=0)
    half = minimize(branin, SPACE, 7, random_state=0)
    rest = minimize(branin, SPACE, 5, random_state=0, history=half.history)
    assert rest.x_iters == whole.x_iters
    assert rest.message == "n_iter=5 candidates were tried"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_failed(bad):
    result = minimize(lambda p: bad if p["x"] < 0 else branin(p), SPACE, 15, random_state=0)
    failed = [trial.state == "failed" for trial in result.history]
    assert 0 < sum(failed) < 15
    np.testing.assert_array_equal(np.isnan(result.func_vals), failed)
    assert result.x["x"] >= 0


def test_nothing_but_failures():
    result = minimize(lambda p: np.nan, SPACE, 6, random_state=0)
    assert result.x is None
    assert np.isnan(result.fun)
    assert not result.success


def breaks_at_4(calls):
    def function(params):
        calls.append(params)
        if len(calls) == 4:
            raise ZeroDivisionError("the fourth")
        return branin(params)

    return function


def test_an_error_is_raised_and_nothing_is_lost():
    with pytest.raises(ZeroDivisionError, match="the fourth") as caught:
        minimize(breaks_at_4([]), SPACE, 10, random_state=0)
    result = caught.value.result
    assert result.nfev == len(result.history) == 3
    assert result.fun == result.func_vals.min()
    assert result.message == "interrupted by ZeroDivisionError"
    assert not result.success
    rest = minimize(branin, SPACE, 3, random_state=0, history=result.history)
    assert rest.x_iters == minimize(branin, SPACE, 6, random_state=0).x_iters


@pytest.mark.parametrize("catch", [ZeroDivisionError, (ValueError, ArithmeticError)])
def test_an_error_that_is_caught_is_a_failed_trial(catch):
    result = minimize(breaks_at_4([]), SPACE, 10, random_state=0, catch=catch)
    assert [t.state for t in result.history].count("failed") == 1
    assert result.history[3].message.strip().endswith("ZeroDivisionError: the fourth")
    assert result.nfev == 10


def interrupted_at(number, calls):
    def function(params):
        calls.append(params)
        if len(calls) == number:
            raise KeyboardInterrupt
        return branin(params)

    return function


def test_ctrl_c_returns_what_was_found():
    result = minimize(interrupted_at(6, []), SPACE, 10, random_state=0, catch=Exception)
    assert result.nfev == 5
    assert result.message == "interrupted by KeyboardInterrupt"
    assert not result.success
    assert result.fun == result.func_vals.min()
    with pytest.raises(KeyboardInterrupt):  # nothing was found yet
        minimize(interrupted_at(1, []), SPACE, 10)


def test_callbacks_see_results_and_stop():
    seen = []
    result = minimize(
        branin,
        SPACE,
        20,
        random_state=0,
        callback=[lambda r: seen.append(r.nfev), lambda r: len(r.func_vals) == 4],
    )
    assert seen == [1, 2, 3, 4]
    assert result.message == "a callback asked to stop"
    assert result.nfev == 4
    assert minimize(branin, SPACE, 9, callback=lambda r: r.nfev == 2).nfev == 2


def test_time_and_small_spaces_end_it():
    import time

    def slow(params):
        time.sleep(0.05)
        return params["a"]

    result = minimize(slow, {"a": (0.0, 1.0)}, 1000, max_time=0.3, sampler="random")
    assert 1 <= result.nfev <= 7
    assert result.message == "max_time=0.3 seconds have passed"
    small = minimize(lambda p: p["a"], {"a": [3, 1, 2]}, 50)
    assert (small.nfev, small.fun, small.x) == (3, 1, {"a": 1})
    assert small.message == "every candidate was tried"
    assert minimize(lambda p: p["a"], {"a": [3, 1, 2]}, 8, allow_repeats=True).nfev == 8


def test_without_n_iter_only_time_counts():
    kwargs = {"sampler": "random", "random_state": 0}
    stop = {"callback": lambda result: result.nfev == 60}
    assert minimize(branin, SPACE, None, max_time=1e4, **kwargs, **stop).nfev == 60
    result = minimize(branin, SPACE, None, max_time=0.01, **kwargs)
    assert result.message == "max_time=0.01 seconds have passed"
    with pytest.raises(ValueError, match="n_iter must be an integer >= 1, got None"):
        minimize(branin, SPACE, None)


def test_constraints():
    space = Space(SPACE, constraint=lambda params: params["x"] + params["y"] < 5)
    result = minimize(branin, space, 12, random_state=0)
    assert all(p["x"] + p["y"] < 5 for p in result.x_iters)


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.fast_cases(1)
def test_several_at_a_time(backend):
    with parallel_config(backend, n_jobs=2):
        one = minimize(branin, SPACE, 10, random_state=0)
        two = minimize(branin, SPACE, 10, random_state=0)
    assert one.x_iters == two.x_iters
    np.testing.assert_array_equal(one.func_vals, [branin(x) for x in one.x_iters])
    assert one.fun < 20


def test_an_error_in_a_worker():
    def function(params):
        raise ZeroDivisionError("always")

    with pytest.raises(ZeroDivisionError, match="always") as caught:
        minimize(function, SPACE, 10, n_jobs=2)
    assert caught.value.result.nfev == 0


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"function": 3}, TypeError, "must be callable, got 3"),
        ({"n_iter": 0}, ValueError, "n_iter must be an integer >= 1, got 0"),
        ({"n_iter": 2.0}, ValueError, "n_iter must be"),
        ({"max_time": 0}, ValueError, "max_time must be a number > 0"),
        ({"max_time": np.nan}, ValueError, "max_time must be a number > 0"),
        ({"sampler": "sobl"}, ValueError, "Did you mean 'sobol'"),
        ({"space": {"x": (1.0, 0.0)}}, InvalidSpaceError, "inverted"),
        ({"initial_points": {"x": 0.0}}, InvalidSpaceError, "'y' is missing"),
        ({"catch": KeyboardInterrupt}, TypeError, "catch must be a type of Exception"),
        ({"catch": [3]}, TypeError, "catch must be a type of Exception"),
        ({"function": lambda params: "low"}, TypeError, "must be a number, .*got 'low'"),
    ],
)
def test_wrong_arguments(changes, error, said):
    with pytest.raises(error, match=said):
        minimize(**{"function": branin, "space": SPACE, "n_iter": 3, **changes})
