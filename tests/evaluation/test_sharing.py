"""An object in files that several processes read."""

import gc
import os
import signal
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skhyper.evaluation._sharing import SharedObject, load_shared, sharing_options

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(60, 5))


def through_files(obj, max_nbytes=100, mmap_mode="r", temp_folder=None):
    shared = SharedObject(obj, temp_folder, max_nbytes, mmap_mode)
    try:
        return load_shared(shared.folder)
    finally:
        shared.remove()


def is_mapped(array):
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


@pytest.mark.parametrize(
    "array",
    [
        TABLE,
        np.asfortranarray(TABLE),
        TABLE[::-2, 1:],
        TABLE.reshape(5, 3, 20).transpose(1, 0, 2),
        TABLE > 0,
        TABLE.astype(">f4"),
        TABLE.astype("datetime64[s]"),
        np.array([("a", 1.0)] * 40, dtype=[("name", "U3"), ("value", "<f8")]),
    ],
    ids=["C", "F", "strided", "3-D", "bool", "big-endian", "datetime", "records"],
)
def test_large_arrays_are_mapped_as_they_are(array):
    found = through_files({"X": array})["X"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert is_mapped(found)
    assert not found.flags.writeable
    # The layout decides on the last bits of a product.
    assert found.flags.f_contiguous == array.flags.f_contiguous
    if array.flags.c_contiguous or array.flags.f_contiguous:
        assert found.strides == array.strides


@pytest.mark.parametrize("obj", [TABLE.tolist(), [], np.zeros(0), np.array([None, "a"] * 99), "a"])
def test_other_objects_are_pickled(obj):
    found = through_files(obj)
    assert type(found) is type(obj)
    np.testing.assert_array_equal(found, obj)


@pytest.mark.parametrize("kind", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
@pytest.mark.parametrize("container", ["matrix", "array"])
def test_sparse(kind, container):
    X = getattr(sparse, f"{kind}_{container}")(np.where(TABLE > 1, TABLE, 0))
    found = through_files(X)
    assert type(found) is type(X)
    np.testing.assert_array_equal(found.toarray(), X.toarray())


def test_data_frames():
    frame = pd.DataFrame({"nbytes": TABLE[:, 0], "data": ["a", "b"] * 30, "size": range(60)})
    frame["kind"] = frame["data"].astype("category")
    pd.testing.assert_frame_equal(through_files(frame), frame)
    polars = pytest.importorskip("polars")
    other = polars.DataFrame({"nbytes": TABLE[:, 0], "data": ["a", "b"] * 30})
    assert through_files(other).equals(other)


def test_what_is_shared_within_an_object_stays_shared():
    first, second = through_files([TABLE, TABLE])
    assert first is second


@pytest.mark.parametrize("part", [np.s_[:], np.s_[3:], np.s_[::-2, ::2]], ids=str)
@pytest.mark.parametrize(
    "wrap",
    [np.asarray, lambda m: m, lambda m: pd.DataFrame(m, copy=False)],
    ids=["view", "map", "df"],
)
def test_a_map_of_the_callers_is_not_copied(part, wrap, tmp_path):
    source = np.memmap(tmp_path / "own", float, "w+", offset=24, shape=TABLE.shape)
    source[:] = TABLE
    shared = SharedObject(wrap(source[part]), None, 100, "r")
    assert sum(entry.stat().st_size for entry in os.scandir(shared.folder)) < 1500
    assert shared.n_bytes >= source[part].nbytes
    np.testing.assert_array_equal(load_shared(shared.folder), TABLE[part])
    assert (tmp_path / "own").stat().st_size == 24 + TABLE.nbytes
    shared.remove()


def test_changes_that_are_in_memory_only_are_not_lost(tmp_path):
    np.save(tmp_path / "own.npy", TABLE)
    changed = np.load(tmp_path / "own.npy", mmap_mode="c")
    changed -= 7
    np.testing.assert_array_equal(through_files(changed), TABLE - 7)
    gone = np.load(tmp_path / "own.npy", mmap_mode="r")
    os.remove(tmp_path / "own.npy")
    np.testing.assert_array_equal(through_files(gone), TABLE)


def test_a_replaced_file_is_not_taken_for_the_one_before(tmp_path):
    for value in (1.0, 2.0):
        np.save(tmp_path / "new.npy", np.full(500, value))
        os.replace(tmp_path / "new.npy", tmp_path / "own.npy")
        source = np.load(tmp_path / "own.npy", mmap_mode="r")
        found = through_files(source)
        np.testing.assert_array_equal(found, source)
        if value == 1.0:
            kept = found
    assert kept[0] == 1.0


def test_all_arrays_of_a_file_are_one_map():
    found = through_files([TABLE + i for i in range(2000)])
    if os.path.isdir("/proc/self/fd"):
        assert len(os.listdir("/proc/self/fd")) < 500
    assert all(is_mapped(array) for array in found)


def test_nothing_is_mapped_where_the_caller_wants_none():
    for options in ({"max_nbytes": None}, {"mmap_mode": None}, {"max_nbytes": 10**6}):
        assert through_files(TABLE, **options).flags.writeable
    assert through_files(TABLE, mmap_mode="c").flags.writeable


def test_temp_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path / "by" / "environment"))
    shared = SharedObject(TABLE, **sharing_options())
    assert os.path.dirname(shared.folder) == str(tmp_path / "by" / "environment")
    with joblib.parallel_config("loky", temp_folder=tmp_path / "by_config", max_nbytes="2K"):
        options = sharing_options()
    assert options["max_nbytes"] == 2048
    other = SharedObject(TABLE, **options)
    assert os.path.dirname(other.folder) == str(tmp_path / "by_config")
    for made in (shared, other):
        made.remove()
        assert not os.path.exists(made.folder)


class Unpicklable:
    def __reduce__(self):
        raise TypeError("cannot be pickled")


def test_the_folder_is_removed(tmp_path):
    with pytest.raises(TypeError, match="cannot be pickled"):
        SharedObject([TABLE, Unpicklable()], str(tmp_path), 100, "r")
    assert os.listdir(tmp_path) == []
    shared = SharedObject(TABLE, str(tmp_path), 100, "r")
    assert len(os.listdir(tmp_path)) == 1
    del shared
    gc.collect()
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills as POSIX does")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "exit of a fork"])
def test_nothing_is_left_when_the_process_ends(end, tmp_path):
    script = f"""
        import os, signal, sys
        import numpy as np
        from skhyper.evaluation._sharing import SharedObject
        shared = SharedObject(np.zeros(1000), {str(tmp_path)!r}, 100, "r")
        end = {end!r}
        if end.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, end))
        if end == "exit of a fork":
            child = os.fork()
            if not child:
                sys.exit()
            os.waitpid(child, 0)
            assert os.path.exists(shared.folder)
    """
    out = subprocess.run(
        # Standard error is the tracker's too: it is at its end when the tracker has ended.
        [sys.executable, "-c", textwrap.dedent(script)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    expected = -getattr(signal, end) if end.startswith("SIG") else 0
    assert out.returncode == expected, out.stderr
    assert os.listdir(tmp_path) == []
