"""Each change of the ablation changes the engine, and nothing after it."""

import importlib
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy.stats import yeojohnson

from skhyper._trial import History, Trial
from skhyper.samplers import GPSampler
from skhyper.space import Space, When

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not in what is installed", allow_module_level=True)

with mock.patch.dict(os.environ), mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    ablation = importlib.import_module("ablation")

RANGES = {name: (0.0, 1.0) for name in "abcef"}
RANGES |= {"d": When((0.0, 1.0), on=True), "g": When(["x", "y"], on=False)}
SPACE = Space({"on": [True, False], "n": (1, 900), **RANGES})


def asked(n_trials):
    """Points of a search with a steep and an outlying side."""
    history, points = History(seed=1), []
    for i in range(n_trials):
        points.append(GPSampler().ask(SPACE, history, 1, np.random.default_rng([1, i])))
        (params,) = SPACE.from_unit(points[-1])
        loss = (params["a"] - 0.7) ** 2 + (params["n"] / 900 - 0.2) ** 2 + 0.1 * params["b"]
        loss += 1e3 * (params["c"] > 0.6) + params.get("d", 0.8)
        history = History((*history, Trial(i, params, "complete", loss=loss)), seed=1)
    return np.concatenate(points)


@pytest.mark.slow
def test_each_change_changes_the_search_and_is_undone():
    whole = asked(24)
    for change in ablation.CHANGES:
        with ablation.changed(change):
            same = np.array_equal(asked(24), whole, equal_nan=True)
        assert same == (change == ablation.WHOLE), change
    np.testing.assert_array_equal(asked(24), whole)


@pytest.mark.parametrize("p", [-1.5, 0.0, 0.5, 1.0, 2.0])
def test_power_transform_is_that_of_scipy(p):
    z = np.random.default_rng(0).standard_normal(20)
    np.testing.assert_allclose(ablation._power(z, p), yeojohnson(z, p))
