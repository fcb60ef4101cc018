"""Each change of the ablation changes the search."""

import importlib
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy.stats import yeojohnson

from skhyper._trial import History, Trial
from skhyper.samplers import GPSampler, Rules
from skhyper.space import Space, When

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not in what is installed", allow_module_level=True)

with mock.patch.dict(os.environ), mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    ablation = importlib.import_module("ablation")

RANGES = {name: (0.0, 1.0) for name in "abcef"}
RANGES |= {"d": When((0.0, 1.0), on=True), "g": When(["x", "y"], on=False)}
SPACES = (
    Space({"on": [True, False], "n": (1, 900), **RANGES}),
    Space({name: (0.0, 1.0) for name in "abce"}),
)


def asked(space, rules, n_trials):
    """Points of a search with a steep and an outlying side."""
    history, points, sampler = History(seed=1), [], GPSampler(rules=rules)
    for i in range(n_trials):
        points.append(sampler.ask(space, history, np.random.default_rng([1, i])))
        (params,) = space.from_unit(points[-1:])
        loss = (params["a"] - 0.7) ** 2 + 0.1 * params["b"] + params.get("d", 0.8)
        loss += 1e3 * (params["c"] > 0.6) + (params.get("n", 0) / 900 - 0.2) ** 2
        history = History((*history, Trial(i, params, "complete", loss=loss)), seed=1)
    return np.array(points)


@pytest.mark.slow
def test_each_change_changes_the_search():
    whole = [asked(space, Rules(), 24) for space in SPACES]
    for change, rules in ablation.CHANGES.items():
        if rules.min_candidate_share == 1.0:
            continue  # which counts from the 30th trial on
        same = (
            np.array_equal(asked(space, rules, 24), points, equal_nan=True)
            for space, points in zip(SPACES, whole)
        )
        assert all(same) == (change == ablation.WHOLE), change


@pytest.mark.parametrize("p", [-1.5, 0.0, 0.5, 1.0, 2.0])
def test_power_transform_is_that_of_scipy(p):
    z = np.random.default_rng(0).standard_normal(20)
    np.testing.assert_allclose(ablation._power(z, p), yeojohnson(z, p))
