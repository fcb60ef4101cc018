"""The numbers of descents by gradients."""

import inspect
import re
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from skhyper import History, Trial
from skhyper.samplers import Answer, DescentRules, GradientSampler, Stop, descent
from skhyper.space import Space


def test_each_field_is_documented():
    described = re.findall(r"^(\w+) : \w", inspect.getdoc(DescentRules), re.M)
    assert described == [field.name for field in fields(DescentRules)]


def test_they_are_values():
    rules = DescentRules()
    assert replace(rules, near=0.1) == DescentRules(near=0.1) != rules
    with pytest.raises(FrozenInstanceError, match="cannot assign to field"):
        rules.near = 0.2


def test_other_values_are_refused():
    with pytest.raises(TypeError, match="rules must be DescentRules, got None"):
        GradientSampler(["x"], rules=None)


@pytest.mark.parametrize("step", [0.15, 0.05])
def test_a_descent_follows_its_rules(step):
    rules = DescentRules(steps=(step, 0.03, 0.006))
    plan = descent(np.array([0.9]), np.array([True]), 1e-5, rules=rules)
    assert next(plan) == 0.9
    assert plan.send(Answer(1.0, np.array([2.0]), {})) == pytest.approx([0.9 - step])


@pytest.mark.parametrize("n", [4, 6])
def test_a_sampler_follows_its_rules(n):
    """Where all is flat, the middle and this number of restarts are tried."""
    space, trials = Space({name: (0.0, 1.0) for name in "abc"}), []
    assert GradientSampler(["a"]).rules == DescentRules()
    sampler = GradientSampler(list("abc"), rules=DescentRules(restarts_on_plains=n))
    flat = dict.fromkeys("abc", 0.0)
    while True:
        answer = sampler.ask(space, History(tuple(trials)), np.random.default_rng(0))
        if isinstance(answer, Stop):
            break
        (params,) = space.from_unit([answer])
        trial = Trial(len(trials), params, "complete", loss=1.0, gradient=flat, criterion=1.0)
        trials.append(trial)
    assert len(trials) == 1 + n
