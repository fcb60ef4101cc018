"""The prior that shrinks the components of a vector, and descents with it."""

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.stats import loguniform

from skhyper import History, Trial
from skhyper.samplers import GradientSampler, Shrinkage, Stop
from skhyper.space import Integer, Real, Space

RNG = np.random.default_rng(0)


def vectors(n=3, spec=(1e-2, 1e2, "log-uniform"), **others):
    return Space({"a": spec, **others}).with_vectors({"a": np.ones(n)})


def test_the_penalty_is_that_of_the_logarithms_of_the_values():
    space = vectors(3, b=(0.0, 1.0))
    shrinkage = Shrinkage.from_space(space, {"a", "b"})
    u = RNG.random(4)
    logs = np.log(space.from_unit([u])[0]["a"])
    value, slope = shrinkage.penalty(u, 0.7)
    assert value == pytest.approx(0.35 * np.sum((logs - logs.mean()) ** 2))
    differences = approx_fprime(u, lambda v: shrinkage.penalty(v, 0.7)[0], 1e-7)
    np.testing.assert_allclose(slope, differences, atol=1e-4)
    assert shrinkage.n_free == 2


@pytest.mark.parametrize(
    ("spec", "scale"),
    [
        ((1e-2, 1e2, "log-uniform"), np.log(1e4)),
        (loguniform(1e-2, 1e2), np.log(1e4)),
        ((0.0, 5.0), 1.0),
        (Real(1.0, 9.0), 1.0),
    ],
)
def test_ranges_that_are_not_logarithmic_are_measured_in_their_lengths(spec, scale):
    shrinkage = Shrinkage.from_space(vectors(2, spec), {"a"})
    u = np.array([0.2, 0.6])
    assert shrinkage.penalty(u, 1.0)[0] == pytest.approx(0.5 * 2 * (0.2 * scale) ** 2)


def test_infinite_and_no_strength():
    shrinkage = Shrinkage.from_space(vectors(3), {"a"})
    u = np.array([0.1, 0.2, 0.6])
    assert shrinkage.penalty(u, 0.0)[0] == 0
    assert shrinkage.penalty(u, math.inf)[0] == math.inf
    np.testing.assert_allclose(shrinkage.tied(u), 0.3)
    assert shrinkage.is_tied(shrinkage.tied(u)) and not shrinkage.is_tied(u)
    assert shrinkage.penalty(shrinkage.tied(u), math.inf)[0] == 0


def test_numbers_and_what_has_no_derivative_have_no_prior():
    assert Shrinkage.from_space(vectors(3), {"b"}).n_free == 0
    assert Shrinkage.from_space(Space({"a": (0.0, 1.0)}), {"a"}).vectors == ()


def test_an_inactive_vector():
    space = Space([{"a": (1e-2, 1e2, "log-uniform")}, {"k": Integer(1, 3)}])
    space = space.with_vectors({"a": np.ones(2)})
    shrinkage = Shrinkage.from_space(space, {"a"})
    point = space.to_unit([{"k": 2}])[0]
    value, slope = shrinkage.penalty(point, 1.0)
    assert value == 0 and np.all(slope == 0) and shrinkage.is_tied(point)


CENTRE = np.array([-1.0, 0.0, 2.5])


def valley(t):
    return 1.0 + float(np.sum((t - CENTRE) ** 2)) / 2, t - CENTRE


def run(prior, n=80, starts=()):
    """Trials on a quadratic of the logarithms of three numbers."""
    space = vectors(3, (1e-3, 1e3, "log-uniform"))
    sampler = GradientSampler({"a"}, n, starts=starts, n_restarts=1, tol=1e-9, prior=prior)
    history = History((), seed=0)
    while len(history) < n:
        answer = sampler.ask(space, history, RNG)
        if isinstance(answer, Stop):
            break
        (params,) = space.from_unit([answer])
        value, slope = valley(np.log(params["a"]))
        gradient = {"a": slope / params["a"]}
        trial = Trial(len(history), params, "complete", None, value, (), 0.0, "", gradient, value)
        history = History((*history.trials, trial), seed=0)
    return space, history


def logs_of(history):
    return np.array([np.log(trial.params["a"]) for trial in history])


def test_the_end_is_the_minimum_with_the_prior():
    asked = []

    def strength(space, point):
        asked.append(np.log(space.from_unit([point])[0]["a"]))
        return 0.5

    _, history = run(strength)
    (point,) = asked  # once, at the best of the points of equal components
    np.testing.assert_allclose(point, CENTRE.mean(), atol=0.1)

    def penalized(t):
        return valley(t)[0] + 0.25 * np.sum((t - t.mean()) ** 2)

    t = logs_of(history)
    best = t[np.argmin([penalized(row) for row in t])]
    np.testing.assert_allclose(best, minimize(penalized, np.zeros(3)).x, atol=1e-2)
    assert np.ptp(t[:3]) < 10 and np.all(np.ptp(t[:3], axis=1) < 1e-9)  # equal ones first


def test_one_value_for_all():
    t = logs_of(run(math.inf)[1])
    assert np.all(np.ptp(t, axis=1) < 1e-9)
    assert np.min(np.abs(t[:, 0] - CENTRE.mean())) < 1e-3


def test_no_prior_goes_straight_on():
    t = logs_of(run(0.0)[1])
    assert np.ptp(t[1]) > 0.1
    assert np.min(np.linalg.norm(t - CENTRE, axis=1)) < 1e-2


def test_a_start_of_the_users_keeps_its_components():
    start = {"a": np.exp([-1.0, 0.5, 2.0])}
    t = logs_of(run(0.1, starts=[start])[1])
    assert np.min(np.linalg.norm(t - np.log(start["a"]), axis=1)) < 1e-9
