"""The numbers of Bayesian optimization."""

import inspect
import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from skhyper.samplers import GPSampler, Rules


def test_each_field_is_documented_with_its_source():
    # Python 3.13 strips the indentation of docstrings.
    described = re.findall(r"^(\w+) : .*\n((?:    .*(?:\n|$))+)", inspect.getdoc(Rules), re.M)
    assert [name for name, _ in described] == [field.name for field in fields(Rules)]
    for name, text in described:
        assert re.search(r"Ablation|Source|min_stop_trials|early stopping", text), name


def test_they_are_values():
    rules = Rules(line_period=3)
    assert rules == replace(Rules(), line_period=3) != Rules()
    assert pickle.loads(pickle.dumps(rules)) == rules
    with pytest.raises(FrozenInstanceError, match="cannot assign to field"):
        rules.line_period = 4


def test_other_values_are_refused():
    with pytest.raises(TypeError, match="rules must be Rules, got None"):
        GPSampler(rules=None)


def test_a_sampler_follows_its_rules():
    assert GPSampler().rules == Rules()
    assert GPSampler(rules=Rules(n_negligible=1)).rules.n_negligible == 1
