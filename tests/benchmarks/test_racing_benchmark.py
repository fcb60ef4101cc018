"""The benchmark of racing: its races are those of searches."""

import importlib
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from skhyper import GridSearchCV, Racing

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not in what is installed", allow_module_level=True)

with mock.patch.dict(os.environ), mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    racing = importlib.import_module("racing")


def test_a_race_of_a_table_is_that_of_a_search():
    table = racing.load()["tree, breast cancer", "10"]
    estimator, grid, X, cv = racing.replayed(table)
    search = GridSearchCV(estimator, grid, cv=cv, refit=False, racing=True).fit(X)
    rows = np.array([racing.mean_of(params, table) for params in search.cv_results_["params"]])
    order = np.random.default_rng([search.history_.seed, 0, 2]).permutation(10)
    n_run = [len(trial.folds) for trial in search.history_]
    np.testing.assert_array_equal(racing.race(rows[:, order], Racing()), n_run)
    assert sum(n_run) < 0.8 * rows.size
    assert search.best_score_ == rows.mean(axis=1).max()
