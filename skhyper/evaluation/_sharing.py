"""An object in a file that each worker process on this machine reads once.

Large arrays are not pickled: they are written to a second file that all workers map into memory,
so that there is only one copy; so are the columns of large tables of pandas, polars and Arrow. An
array that is already in a file (``numpy.memmap``) is mapped from there. As in joblib,
``joblib.parallel_config`` and ``JOBLIB_TEMP_FOLDER`` determine the location of the files and which
arrays are large.
"""

import io
import mmap
import os
import pickle
import secrets
import shutil
import sys
import tempfile
import weakref
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, BinaryIO

import cloudpickle
import joblib
import numpy as np
from joblib.externals.loky.backend import resource_tracker

_ALIGNMENT = 64  # of arrays in the file, in bytes; as in numpy and joblib
# Minimum size in bytes of a column, or block of columns, of a large table that is mapped.
_MIN_COLUMN = 4096
# Whether other processes can open the files of this one by its descriptors.
_HAS_DESCRIPTORS = sys.platform == "linux" and os.path.isdir("/proc/self/fd")


class SharedObject:
    """An object in temporary files, until ``remove`` is called.

    `address` tells :func:`load_shared` where they are. On Linux the files have no names: other
    processes open them by this process's descriptors, and nothing is left, however the processes
    end. Elsewhere they are in a folder, which is also removed when this object is garbage-collected
    or the interpreter exits and, by the resource tracker of joblib's loky, if only this process is
    killed. The arguments after the object are those of ``joblib.parallel_config``; `n_bytes` is the
    size of the files, plus that of arrays mapped from other files.
    """

    def __init__(
        self, obj: Any, temp_folder: str | None, max_nbytes: int | None, mmap_mode: str | None
    ):
        parent = temp_folder or os.environ.get("JOBLIB_TEMP_FOLDER") or None
        if parent is not None:
            parent = os.path.abspath(os.path.expanduser(parent))
            os.makedirs(parent, exist_ok=True)
        files = _NamelessFiles(parent) if _HAS_DESCRIPTORS else _FilesInFolder(parent)
        self.remove = weakref.finalize(self, files.remove)
        self.address = files.address
        try:
            self.n_bytes = _write(obj, files, max_nbytes, mmap_mode)
        except OSError as error:
            self.remove()
            folder = parent or tempfile.gettempdir()
            raise OSError(
                error.errno,
                f"The data for worker processes cannot be written to {folder}: {error.strerror}. "
                "Set the environment variable JOBLIB_TEMP_FOLDER to a folder with more space",
            ) from error
        except BaseException:
            self.remove()
            raise


class _NamelessFiles:
    """Two files that exist as long as a process has them open or mapped."""

    def __init__(self, parent: str | None):
        self._owner = os.getpid()
        self.object = tempfile.TemporaryFile(dir=parent)  # noqa: SIM115
        self.arrays = tempfile.TemporaryFile(dir=parent)  # noqa: SIM115
        places = [f"/proc/{self._owner}/fd/{f.fileno()}" for f in (self.object, self.arrays)]
        self.path_of_arrays = places[1]
        # Descriptors are used again: the random part makes the address unique.
        self.address = f"{places[0]}:{secrets.token_hex(8)}"

    def remove(self) -> None:
        if os.getpid() == self._owner:  # in a fork the files are its parent's
            _close(self.object)
            _close(self.arrays)


class _FilesInFolder:
    """Two files in a separate folder."""

    def __init__(self, parent: str | None):
        self._owner = os.getpid()
        self.address = tempfile.mkdtemp(prefix="skhyper-", dir=parent)
        _track("register", self.address)
        self.path_of_arrays = os.path.join(self.address, "arrays")
        self.object = open(os.path.join(self.address, "object"), "w+b")  # noqa: SIM115
        self.arrays = open(self.path_of_arrays, "w+b")  # noqa: SIM115

    def remove(self) -> None:
        if os.getpid() != self._owner:
            return  # the exit of a fork must not remove the folder of its parent
        _close(self.object)
        _close(self.arrays)
        shutil.rmtree(self.address, ignore_errors=True)
        if not os.path.exists(self.address):
            _track("unregister", self.address)


def _close(file: BinaryIO) -> None:
    with suppress(OSError):  # on a full disk; the file is closed nevertheless
        file.close()


def _write(obj: Any, files: Any, max_nbytes: int | None, mmap_mode: str | None) -> int:
    """Write an object to files; returns its size in bytes."""
    elsewhere = 0
    if max_nbytes is None or mmap_mode is None:
        cloudpickle.dump(obj, files.object)
    else:
        arrays = _ArrayFile(files.arrays, files.path_of_arrays)
        _Pickler(files.object, arrays, max_nbytes, _reopened(mmap_mode)).dump(obj)
        elsewhere = arrays.n_bytes_elsewhere
    files.object.flush()
    files.arrays.flush()
    return files.object.tell() + files.arrays.tell() + elsewhere


def sharing_options() -> dict[str, Any]:
    """`temp_folder`, `max_nbytes` and `mmap_mode` of the active ``joblib.parallel_config``."""
    parallel = joblib.Parallel(n_jobs=1)
    kwargs = getattr(parallel, "_backend_kwargs", None) or parallel._backend_args  # joblib < 1.5
    return {name: kwargs[name] for name in ("temp_folder", "max_nbytes", "mmap_mode")}


def load_shared(address: str) -> Any:
    """The object written by a :class:`SharedObject`."""
    with open(_path_of_object(address), "rb") as file:
        return pickle.load(file)


def _path_of_object(address: str) -> str:
    if address.startswith("/proc/"):
        return address.partition(":")[0]
    return os.path.join(address, "object")


def _track(action: str, folder: str) -> None:
    with suppress(ValueError):  # older trackers refuse names that are long or not ASCII
        getattr(resource_tracker, action)(folder, "folder")


class _ArrayFile:
    """A file of arrays, which other processes open by `path`."""

    def __init__(self, file: BinaryIO, path: str):
        self._file = file
        self._path = path
        self.n_bytes_elsewhere = 0

    def location(self, array: np.ndarray, mode: str) -> tuple:
        """Arguments of :func:`_mapped`: of the user's own file, if the array is mapped from one."""
        return self._location_in_memmap(array) or self._append(array, mode)

    def _location_in_memmap(self, array: np.ndarray) -> tuple | None:
        """Location of an array in the user's file; None if it is in memory only."""
        source = _memmap_of(array)
        # Changes to a copy-on-write map exist in memory only.
        if source is None or source.mode == "c" or source.filename is None:
            return None
        path = os.fspath(source.filename)
        if not os.path.exists(path):
            return None
        self.n_bytes_elsewhere += array.nbytes
        offset = source.offset + _address(array) - _address(source)
        return path, _reopened(source.mode), offset, array.shape, array.dtype, array.strides

    def _append(self, array: np.ndarray, mode: str) -> tuple:
        # Keep the memory layout: the rounding of products depends on it.
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        rows = np.ascontiguousarray(array.T if fortran else array)
        strides = rows.strides[::-1] if fortran else rows.strides
        self._file.write(bytes(-self._file.tell() % _ALIGNMENT))
        offset = self._file.tell()
        self._file.write(rows.reshape(-1).view(np.uint8).data)
        return self._path, mode, offset, array.shape, array.dtype, strides


class _Pickler(cloudpickle.Pickler):
    """Pickler that writes large arrays to a second file, and pickles their locations.

    Large ones have more than `max_nbytes`. A table with more is pickled by another pickler, which
    writes nearly all of its columns to the second file: `whole` is that table.
    """

    def __init__(
        self, file: BinaryIO, arrays: _ArrayFile, max_nbytes: int, mode: str, whole: Any = None
    ):
        self.buffers: list[tuple] = []  # locations of buffers that are not numpy arrays
        super().__init__(file, protocol=5, buffer_callback=None if whole is None else self._buffer)
        self._arrays = arrays
        self._max_nbytes = max_nbytes
        self._mode = mode
        self._whole = whole

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) in (np.ndarray, np.memmap):
            if obj.dtype.hasobject or obj.nbytes <= self._max_nbytes:
                return super().reducer_override(obj)
            return _mapped, self._arrays.location(obj, self._mode)
        if obj is self._whole or _size_of_table(obj) <= self._max_nbytes:
            return super().reducer_override(obj)
        return _as_arrow(obj) or self._table(obj)

    def _table(self, table: Any) -> tuple:
        file = io.BytesIO()
        pickler = _Pickler(file, self._arrays, _MIN_COLUMN, self._mode, whole=table)
        pickler.dump(table)
        return _loaded_table, (file.getvalue(), pickler.buffers)

    def _buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Write a large buffer, such as Arrow's, to the second file; False if it was written."""
        values = np.frombuffer(buffer.raw(), np.uint8)
        if values.nbytes <= self._max_nbytes:
            return True
        self.buffers.append(self._arrays.location(values, self._mode))
        return False


def _size_of_table(obj: Any) -> int:
    """Bytes of a pandas, polars or Arrow table, or of a column; 0 for other objects."""
    library, kind = type(obj).__module__.partition(".")[0], type(obj).__name__
    if (library, kind) in (("pandas", "DataFrame"), ("pandas", "Series")):
        return int(np.sum(obj.memory_usage(index=False)))
    if (library, kind) in (("pyarrow", "Table"), ("pyarrow", "ChunkedArray")):
        return int(obj.nbytes)
    return int(obj.estimated_size()) if (library, kind) == ("polars", "DataFrame") else 0


def _as_arrow(obj: Any) -> tuple | None:
    """A polars table as an Arrow table, whose memory can be shared; None for other objects."""
    if not type(obj).__module__.startswith("polars."):
        return None
    try:
        table = obj.to_arrow()
    except ImportError:
        return None
    return (_from_arrow, (table,)) if _from_arrow(table).schema == obj.schema else None


def _from_arrow(table: Any) -> Any:
    import polars

    return polars.from_arrow(table)


def _loaded_table(pickled: bytes, locations: list[tuple]) -> Any:
    return pickle.loads(pickled, buffers=[_mapped(*location) for location in locations])


def _reopened(mode: str) -> str:
    return "r+" if mode == "w+" else mode  # "w+" would overwrite the file


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _memmap_of(array: Any) -> np.memmap | None:
    """The memory map that an array is a view of; None if there is none."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
            return array
        array = array.base
    return None


# Each file is mapped once for all of its arrays, since a map keeps it open.
_maps: MutableMapping[tuple, np.memmap] = weakref.WeakValueDictionary()


def _mapped(
    path: str, mode: Any, offset: int, shape: tuple, dtype: np.dtype, strides: tuple
) -> np.ndarray:
    stat = os.stat(path)
    key = path, mode, stat.st_dev, stat.st_ino, stat.st_size
    whole = _maps.get(key)
    if whole is None:
        whole = _maps[key] = np.memmap(path, np.uint8, mode)
    return np.ndarray(shape, dtype, whole, offset, strides)
