"""Memory that is available, and that objects take."""

import functools

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from skhyper.evaluation import _memory
from skhyper.evaluation._memory import available_memory, size_in_memory


def test_available_memory_is_within_the_machine_and_the_container(tmp_path, monkeypatch):
    free = available_memory()
    assert 2**20 < free < 2**50
    limit, used = tmp_path / "max", tmp_path / "current"
    limit.write_text("5000000\n")
    used.write_text("2000000\n")
    monkeypatch.setattr(_memory, "_CGROUP_FILES", ((limit, used),))
    assert available_memory() == 3_000_000
    used.write_text("6000000\n")
    assert available_memory() == 0
    limit.write_text("max\n")
    assert available_memory() > 3_000_000
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "none")
    assert available_memory() > 2**20


class Slots:
    __slots__ = ("x",)


def holders(x):
    fitted, slots = Ridge(), Slots()
    fitted.coef_, slots.x = x, x
    objects = np.empty(1, dtype=object)
    objects[0] = x
    yield from (x, [x], {"x": (x, {"y": x})}, fitted, slots, x[3:].T, functools.partial(print, x))
    yield lambda: x
    if x.ndim == 2:
        yield pd.DataFrame(x, copy=False)


@pytest.mark.parametrize("x", [np.zeros(1000), np.zeros((50, 20))], ids=["vector", "matrix"])
def test_arrays_are_found_and_counted_once(x):
    for holder in holders(x):
        assert size_in_memory([holder, holder]) == pytest.approx(8000, abs=200), type(holder)
        assert size_in_memory([holder], known=[x]) <= 200
    assert size_in_memory([x, x.copy()]) == 16_000
    assert size_in_memory([len, np, Ridge]) == 0


def test_sparse_matrices_are_counted():
    X = sparse.eye(1000, format="csr")
    assert size_in_memory([X]) == X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
