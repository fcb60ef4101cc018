"""An object in files that several processes read."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skhyper.evaluation import _sharing
from skhyper.evaluation._sharing import SharedObject, load_shared, sharing_options

HAS_DESCRIPTORS = _sharing._HAS_DESCRIPTORS
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(60, 5))


def through_files(obj, max_nbytes=100, mmap_mode="r", temp_folder=None):
    shared = SharedObject(obj, temp_folder, max_nbytes, mmap_mode)
    try:
        return load_shared(shared.address)
    finally:
        shared.remove()


def arrow():
    try:
        import pyarrow
    except ImportError:  # not installed, or for a newer NumPy
        pytest.skip("pyarrow cannot be imported")
    return pyarrow


def size_of_files(folder):
    """Bytes of files in a folder, those that have no name included."""
    named = {entry.inode(): entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()}
    for descriptor in os.listdir("/proc/self/fd") if HAS_DESCRIPTORS else ():
        with suppress(OSError):
            path = f"/proc/self/fd/{descriptor}"
            if os.readlink(path).startswith(str(folder)):
                named[os.stat(path).st_ino] = os.stat(path).st_size
    return sum(named.values())


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


def frames():
    """DataFrames of all kinds of columns, which are blocks or arrays of their own."""
    n = 3000
    numbers = RNG.normal(size=(n, 6))
    yield "blocks", pd.DataFrame(numbers, columns=["nbytes", "data", *"cdef"])
    many = pd.DataFrame(index=pd.RangeIndex(n))
    for i in range(6):  # blocks of one column each
        many[i] = numbers[:, i]
    yield "columns", many
    mixed = many.assign(
        kind=pd.Categorical(["a", "b", "c"] * (n // 3)),
        name=[f"name {i}" for i in range(n)],
        when=pd.date_range("2020", periods=n, tz="Asia/Tokyo"),
        whole=pd.array([1, None, 3] * (n // 3), dtype="Int64"),
        flag=numbers[:, 0] > 0,
    )
    yield "mixed", mixed
    yield "index", mixed.set_index(["name", "kind"])
    yield "empty", mixed.iloc[:0]
    yield "rows", mixed.iloc[::-7]


@pytest.mark.parametrize(
    ("kind", "frame"), frames(), ids=lambda value: value if type(value) is str else ""
)
@pytest.mark.parametrize("max_nbytes", [100, 10_000, 10**9])
def test_data_frames(kind, frame, max_nbytes):
    found = through_files(frame, max_nbytes)
    pd.testing.assert_frame_equal(found, frame)
    column = found.columns[0]
    if kind not in ("empty", "rows"):  # too few values to be mapped, in some versions of pandas
        is_large = frame.memory_usage(index=False).sum() > max_nbytes
        assert is_mapped(found[column].to_numpy()) == is_large
    pd.testing.assert_series_equal(through_files(frame[column], max_nbytes), frame[column])


def test_a_frame_is_copied_by_no_worker():
    """Not even its columns that are small; what is pickled has hardly any data."""
    frame = dict(frames())["columns"]
    shared = SharedObject(frame, None, 100_000, "r")
    try:
        path = shared.address.partition(":")[0] if HAS_DESCRIPTORS else shared.address + "/object"
        assert os.path.getsize(path) < 5000
        assert shared.n_bytes > frame.to_numpy().nbytes
        found = load_shared(shared.address)
        assert all(is_mapped(found[name].to_numpy()) for name in found)
    finally:
        shared.remove()


@pytest.mark.parametrize("kind", ["table", "column", "text of pandas"])
def test_memory_of_arrow_is_that_of_the_file(kind):
    pa = arrow()
    names = [f"name {i}" for i in range(999)]
    obj = {
        "table": pa.table({"x": RNG.normal(size=999), "name": names}),
        "column": pa.chunked_array([names[:500], names[500:]]),
        "text of pandas": pd.DataFrame({"name": pd.array(names, "string[pyarrow]")}),
    }[kind]
    gc.collect()
    before = pa.total_allocated_bytes()
    found = through_files(obj)
    gc.collect()
    assert pa.total_allocated_bytes() == before
    assert found.equals(obj)


@pytest.mark.parametrize("max_nbytes", [100, 10**9])
def test_polars(max_nbytes):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"nbytes": RNG.normal(size=3000), "data": ["a", "b"] * 1500})
    frame = frame.with_columns(
        kind=frame["data"].cast(polars.Categorical),
        level=frame["data"].cast(polars.Enum(["a", "b"])),
        day=polars.lit("2020-01-01").str.to_date(),
        part=polars.struct("nbytes", "data"),
    )
    found = through_files(frame, max_nbytes)
    assert found.equals(frame)
    assert found.schema == frame.schema
    numbers = frame.select("nbytes")
    found = through_files(numbers, max_nbytes)
    assert found.equals(numbers)
    arrow()  # without it tables of polars are pickled
    assert is_mapped_polars(found) == (max_nbytes == 100)


def is_mapped_polars(frame):
    """Whether its memory lies in a map of a file."""
    address = frame["nbytes"].to_numpy().__array_interface__["data"][0]
    if not HAS_DESCRIPTORS:
        pytest.skip("reads the maps of Linux")
    with open("/proc/self/maps") as maps:
        for line in maps:
            low, high = (int(end, 16) for end in line.split()[0].split("-"))
            if low <= address < high:
                return len(line.split()) > 5 and "[" not in line.split()[5]
    return False


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
    assert source[part].nbytes <= shared.n_bytes < source[part].nbytes + 1500
    assert size_of_files(tmp_path) < 1500 + 24 + TABLE.nbytes
    np.testing.assert_array_equal(load_shared(shared.address), TABLE[part])
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


def exists(shared):
    return os.path.exists(_sharing._path_of_object(shared.address))


def folder_of(shared):
    if HAS_DESCRIPTORS:
        return os.path.dirname(os.readlink(shared.address.partition(":")[0]))
    return os.path.dirname(shared.address)


def test_temp_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path / "by" / "environment"))
    shared = SharedObject(TABLE, **sharing_options())
    assert folder_of(shared) == str(tmp_path / "by" / "environment")
    with joblib.parallel_config("loky", temp_folder=tmp_path / "by_config", max_nbytes="2K"):
        options = sharing_options()
    assert options["max_nbytes"] == 2048
    other = SharedObject(TABLE, **options)
    assert folder_of(other) == str(tmp_path / "by_config")
    for made in (shared, other):
        assert exists(made)
        made.remove()
        assert not exists(made)


class Unpicklable:
    def __reduce__(self):
        raise TypeError("cannot be pickled")


@pytest.fixture(params=["nameless", "in a folder"])
def kind_of_files(request, monkeypatch):
    """Both kinds of files: those of Linux, and those of other systems."""
    if request.param == "in a folder":
        monkeypatch.setattr(_sharing, "_HAS_DESCRIPTORS", False)
    elif not HAS_DESCRIPTORS:
        pytest.skip("has no descriptors that other processes can open")
    return request.param


def test_files_are_removed(tmp_path, kind_of_files):
    def n_open():
        return len(os.listdir("/proc/self/fd")) if HAS_DESCRIPTORS else 0

    SharedObject(TABLE, str(tmp_path), 100, "r").remove()  # the tracker starts
    gc.collect()  # what tests before have left open
    before = n_open()
    with pytest.raises(TypeError, match="cannot be pickled"):
        SharedObject([TABLE, Unpicklable()], str(tmp_path), 100, "r")
    assert os.listdir(tmp_path) == []
    assert n_open() == before
    shared = SharedObject(TABLE, str(tmp_path), 100, "r")
    address = shared.address
    np.testing.assert_array_equal(load_shared(address), TABLE)
    assert len(os.listdir(tmp_path)) == (kind_of_files == "in a folder")
    del shared
    gc.collect()
    assert os.listdir(tmp_path) == []
    assert not os.path.exists(_sharing._path_of_object(address))
    assert n_open() <= before


@pytest.mark.skipif(sys.platform == "win32", reason="needs the limits of POSIX")
def test_a_full_disk(tmp_path, kind_of_files):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"cannot be written to .*JOBLIB_TEMP_FOLDER"):
            SharedObject(np.zeros(5000), str(tmp_path), 100, "r")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == []


def test_what_is_mapped_outlives_the_files(tmp_path, kind_of_files):
    """A worker may still run when the search has ended."""
    shared = SharedObject(TABLE, str(tmp_path), 100, "r")
    found = load_shared(shared.address)
    shared.remove()
    np.testing.assert_array_equal(found, TABLE)


def test_an_address_is_not_used_again():
    """Though descriptors are: a worker must not take new data for old ones."""
    addresses = set()
    for i in range(3):
        shared = SharedObject(TABLE + i, None, 100, "r")
        addresses.add(shared.address)
        np.testing.assert_array_equal(load_shared(shared.address), TABLE + i)
        shared.remove()
    assert len(addresses) == 3


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills as POSIX does")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "exit of a fork"])
def test_nothing_is_left_when_the_process_ends(end, tmp_path, kind_of_files):
    script = f"""
        import os, signal, sys
        import numpy as np
        from skhyper.evaluation import _sharing
        _sharing._HAS_DESCRIPTORS = {kind_of_files == "nameless"}
        shared = _sharing.SharedObject(np.zeros(1000), {str(tmp_path)!r}, 100, "r")
        end = {end!r}
        if end.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, end))
        if end == "exit of a fork":
            child = os.fork()
            if not child:
                sys.exit()
            os.waitpid(child, 0)
            assert os.path.exists(_sharing._path_of_object(shared.address))
            assert not _sharing.load_shared(shared.address).any()
    """
    out = subprocess.run(
        # Standard error is the tracker's too: it is at its end when the tracker has ended.
        [sys.executable, "-c", textwrap.dedent(script)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    expected = -getattr(signal, end) if end.startswith("SIG") else 0
    assert out.returncode == expected, out.stderr
    assert os.listdir(tmp_path) == []


SEARCH = """
    import sys, time
    import numpy as np
    from sklearn.base import BaseEstimator
    from skhyper import GridSearchCV, SearchCV

    class Slow(BaseEstimator):
        def __init__(self, a=1.0):
            self.a = a
        def fit(self, X, y):
            sys.stdout.write("fit\\n")
            sys.stdout.flush()
            time.sleep(0.2)
            return self
        def score(self, X, y):
            return self.a

    X, y = np.zeros((100_000, 20)), np.zeros(100_000)
    SearchCV(Slow(), {"a": (0.0, 1.0)}, n_iter=500, cv=2, n_jobs=2).fit(X, y)
"""


@pytest.mark.slow
@pytest.mark.skipif(not HAS_DESCRIPTORS, reason="the tracker of loky is killed, too, elsewhere")
@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "SIGQUIT"])
def test_nothing_is_left_of_a_killed_search(end, whole_group, tmp_path):
    """16 MB of data with two workers, killed alone or with all of its processes."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SEARCH)],
        env={**os.environ, "JOBLIB_TEMP_FOLDER": str(tmp_path), "PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout.readline() == b"fit\n"
    (os.killpg if whole_group else os.kill)(process.pid, getattr(signal, end))
    process.wait(timeout=600)
    assert os.listdir(tmp_path) == []
    # The workers end by themselves, and with them the last processes that use the file.
    while process.stdout.read(1):
        pass
    process.stdout.close()
