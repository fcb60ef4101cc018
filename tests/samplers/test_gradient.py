"""The sampler that follows gradients, as a function of the history."""

import pickle
import warnings

import numpy as np
import pytest

from skhyper import History, Trial
from skhyper.samplers import GradientSampler, Stop
from skhyper.space import Space

SPACE = Space({"a": (-2.0, 3.0), "b": (-2.0, 3.0), "c": (-2.0, 3.0)})
CENTER = np.array([0.3, -0.7, 1.1])


def bowl(params):
    """A quadratic with its minimum at CENTER, and its gradient."""
    d = np.array([params[name] for name in "abc"]) - CENTER
    weights = np.array([1.0, 4.0, 9.0])
    return weights @ d**2, dict(zip("abc", 2 * weights * d))


def trial_at(number, params, function=bowl):
    value, gradient = function(params)
    return Trial(number, params, "complete", loss=value, criterion=value, gradient=gradient)


def run(sampler, history, n, function=bowl):
    """The history after `n` more trials at most, and the last answer."""
    for _ in range(n):
        answer = sampler.ask(SPACE, history, np.random.default_rng(0))
        if isinstance(answer, Stop):
            return history, answer
        (params,) = SPACE.from_unit(answer[None])
        history = History((*history, trial_at(len(history), params, function)), seed=history.seed)
    return history, answer


def test_the_minimum_of_a_quadratic_is_found():
    history, end = run(GradientSampler(["a", "b", "c"], tol=1e-9), History(), 50)
    assert isinstance(end, Stop)
    found = [history.best.params[name] for name in "abc"]
    np.testing.assert_allclose(found, CENTER, atol=1e-3)


@pytest.mark.parametrize("size", [1e274, 1e-310])
def test_derivatives_that_are_too_large_or_too_small_are_followed_by_no_descent(size):
    def flat(params):
        slope = size if len(tried) else 0.0  # as of a kernel whose matrix is the identity
        tried.append(params)
        return 0.69, dict.fromkeys("abc", slope)

    tried = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history, _ = run(GradientSampler(["a", "b", "c"]), History(), 6, flat)
    assert len(history) == 6
    assert np.isfinite([trial.loss for trial in history]).all()


def test_a_new_sampler_continues_a_history():
    history, _ = run(GradientSampler(["a", "b", "c"]), History(seed=3), 20)
    for n in (0, 1, 5, len(history) - 1):
        part = History(history[:n], seed=3)
        point = GradientSampler(["a", "b", "c"]).ask(SPACE, part, np.random.default_rng(0))
        assert SPACE.from_unit(point[None]) == [history[n].params]


def test_a_sampler_in_use_can_be_pickled():
    sampler = GradientSampler(["a", "b", "c"])
    history, _ = run(sampler, History(), 4)
    copied = pickle.loads(pickle.dumps(sampler))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(copied.ask(SPACE, history, rng), sampler.ask(SPACE, history, rng))


def test_a_search_without_derivatives_gives_the_start():
    params = {"a": 0.5, "b": -0.5, "c": 1.0}
    bare = Trial(0, params, "complete", loss=bowl(params)[0])
    worse = Trial(1, {"a": 2.0, "b": 2.0, "c": 2.0}, "complete", loss=bowl(params)[0] + 1)
    history = History((bare, worse))
    point = GradientSampler(["a", "b", "c"]).ask(SPACE, history, np.random.default_rng(0))
    (first,) = SPACE.from_unit(point[None])
    assert first == pytest.approx(params)


def test_trials_without_any_gradient_end_the_search():
    sampler, history = GradientSampler(["a", "b", "c"]), History()
    for _ in range(60):
        answer = sampler.ask(SPACE, history, np.random.default_rng(0))
        if isinstance(answer, Stop):
            break
        (params,) = SPACE.from_unit(answer[None])
        trial = Trial(len(history), params, "complete", loss=1.0, folds=({"gradient_error": "no"},))
        history = History((*history, trial))
    assert answer == Stop("no trial has a gradient")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": "abc"}, "names must be a collection of str"),
        ({"names": ["a"], "n_iter": 0}, "n_iter"),
        ({"names": ["a"], "tol": 0.0}, "tol"),
        ({"names": ["a"], "prior": -1.0}, "prior"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        GradientSampler(**arguments)


def test_descents_of_a_history():
    sampler = GradientSampler(["a", "b", "c"])
    history, _ = run(sampler, History(), 50)
    descents = sampler.descents(SPACE, history)
    assert sorted(number for own in descents for number in own) == list(range(len(history)))
    assert all(own == list(range(own[0], own[-1] + 1)) for own in descents)
    assert history.best.number in descents[0]
    part = sampler.descents(SPACE, History(history[:4]))
    assert part == [descents[0][:4]]
