"""Entries on a disk are those that were written; errors and kills leave nothing."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from skhyper.evaluation import _spill
from skhyper.evaluation._spill import Spill
from skhyper.evaluation._store import Entry, Store

OUTPUT = np.asfortranarray(np.random.default_rng(0).random((50, 3)))


def entry(output=OUTPUT, seconds=1.0):
    return Entry(None, output, seconds)


@pytest.mark.parametrize(
    "output",
    [OUTPUT, OUTPUT.astype(np.float32, order="C"), sparse.random(9, 9, 0.3, "csc"), ["a", "b"]],
    ids=["columns", "rows", "sparse", "texts"],
)
def test_an_output_is_read_as_it_was_written(tmp_path, output):
    spill = Spill(tmp_path)
    assert spill.put("key", entry(output), 1000)
    for _ in range(2):
        found = spill.get("key").output
        assert type(found) is type(output)
        if isinstance(output, np.ndarray):
            assert found.flags.f_contiguous == output.flags.f_contiguous
            assert found.dtype == output.dtype
        same = found != output
        assert not (same.nnz if sparse.issparse(same) else np.any(same))
    assert spill.get("other") is None
    assert os.listdir(tmp_path) == []
    spill.clear()
    assert spill.get("key") is None


def test_what_is_computed_as_fast_is_not_written(tmp_path):
    spill = Spill(tmp_path)
    assert not spill.put("cheap", entry(seconds=0.01), 10)
    assert not spill.put("large", entry(seconds=1.0), 10**9)
    assert not spill.put("unknown", entry(lambda: None), 10)
    assert spill.put("fine", entry(), 10)


def test_the_number_of_files_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(_spill, "_MAX_FILES", 2)
    spill = Spill(tmp_path)
    assert all(spill.put(key, entry(), 10) for key in "abc")
    assert [spill.get(key) is None for key in "abc"] == [True, False, False]


def test_a_directory_that_does_not_exist(tmp_path):
    assert not Spill(tmp_path / "none").put("key", entry(), 10)


def test_a_file_that_cannot_grow(tmp_path):
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from skhyper.evaluation._spill import Spill\n"
        "from skhyper.evaluation._store import Entry\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, 10**5))\n"
        "spill, large = Spill(sys.argv[1]), Entry(None, np.ones(10**5), 1.0)\n"
        "print(spill.put('a', large, 10), spill.get('a'), spill.put('b', large, 10))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "None", "False"]


def test_nothing_is_left_of_a_killed_process(tmp_path):
    code = (
        "import os, signal, sys, numpy as np\n"
        "from skhyper.evaluation._spill import Spill\n"
        "from skhyper.evaluation._store import Entry\n"
        "spill = Spill(sys.argv[1])\n"
        "assert spill.put('a', Entry(None, np.ones(10**5), 1.0), 10)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == []


def test_a_store_reads_what_it_had_no_room_for(tmp_path):
    store = Store(100, directory=tmp_path)
    assert store.put("too large", entry(), 1000)
    assert store.put("first", entry(OUTPUT + 1), 80)
    assert store.put("second", entry(OUTPUT + 2), 80)
    for key, shift in (("too large", 0), ("first", 1), ("second", 2)):
        np.testing.assert_array_equal(store.get(key).output, OUTPUT + shift)
    assert store.clear()
    assert store.get("first") is None
