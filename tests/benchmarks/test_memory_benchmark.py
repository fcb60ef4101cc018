"""The benchmark of memory measures each task in processes of its own."""

import importlib
import os
import sys
from pathlib import Path
from unittest import mock

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not in what is installed", allow_module_level=True)

with mock.patch.dict(os.environ), mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    memory = importlib.import_module("memory")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ridge", "sparse lasso"])  # one of each kind of rival
def test_each_task_is_measured(name):
    row = memory.row(name, 20)
    assert set(row["runs"]) == {row["rival"], "GradientSearchCV"}
    assert all(0 < run["mb"] < 1000 for run in row["runs"].values())
    assert row["met"] == (row["ratio"] <= memory.BAR)
