"""An object in a file that each worker process on this machine reads once.

Large arrays are not pickled: they are written to a second file that all workers map into memory,
so that there is only one copy. An array that is already in a file (``numpy.memmap``) is mapped
from there. As in joblib, ``joblib.parallel_config`` and ``JOBLIB_TEMP_FOLDER`` determine the
location of the files and which arrays are large.
"""

import mmap
import os
import pickle
import shutil
import tempfile
import weakref
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, BinaryIO

import cloudpickle
import joblib
import numpy as np
from joblib.externals.loky.backend import resource_tracker

__all__ = ["SharedObject", "load_shared", "sharing_options"]

_ALIGNMENT = 64  # of arrays in the file, in bytes; as in numpy and joblib


class SharedObject:
    """An object in files of a temporary `folder`, until ``remove`` is called.

    The folder is also removed when this object is garbage-collected, when the interpreter exits
    and, by the resource tracker of joblib's loky, when this process is killed. The arguments after
    the object are those of ``joblib.parallel_config``; `n_bytes` is the size of the files, plus
    that of arrays mapped from other files.
    """

    def __init__(
        self, obj: Any, temp_folder: str | None, max_nbytes: int | None, mmap_mode: str | None
    ):
        parent = temp_folder or os.environ.get("JOBLIB_TEMP_FOLDER") or None
        if parent is not None:
            parent = os.path.abspath(os.path.expanduser(parent))
            os.makedirs(parent, exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="skhyper-", dir=parent)
        self.remove = weakref.finalize(self, _remove, self.folder, os.getpid())
        try:
            _track("register", self.folder)
            self.n_bytes = self._write(obj, max_nbytes, mmap_mode)
        except BaseException:
            self.remove()
            raise

    def _write(self, obj: Any, max_nbytes: int | None, mmap_mode: str | None) -> int:
        with (
            open(os.path.join(self.folder, "object"), "wb") as file,
            open(os.path.join(self.folder, "arrays"), "wb") as arrays,
        ):
            if max_nbytes is None or mmap_mode is None:
                cloudpickle.dump(obj, file)
                return file.tell()
            pickler = _Pickler(file, arrays, max_nbytes, mmap_mode)
            pickler.dump(obj)
            return file.tell() + arrays.tell() + pickler.n_bytes_elsewhere


def sharing_options() -> dict[str, Any]:
    """`temp_folder`, `max_nbytes` and `mmap_mode` of the active ``joblib.parallel_config``."""
    parallel = joblib.Parallel(n_jobs=1)
    kwargs = getattr(parallel, "_backend_kwargs", None) or parallel._backend_args  # joblib < 1.5
    return {name: kwargs[name] for name in ("temp_folder", "max_nbytes", "mmap_mode")}


def load_shared(folder: str) -> Any:
    """The object written by a :class:`SharedObject`."""
    with open(os.path.join(folder, "object"), "rb") as file:
        return pickle.load(file)


def _remove(folder: str, owner: int) -> None:
    if os.getpid() != owner:
        return  # a fork: its exit must not remove the folder of its parent
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.exists(folder):
        _track("unregister", folder)


def _track(action: str, folder: str) -> None:
    with suppress(ValueError):  # older trackers refuse names that are long or not ASCII
        getattr(resource_tracker, action)(folder, "folder")


class _Pickler(cloudpickle.Pickler):
    """Pickler that writes large arrays to a second file, and pickles their locations."""

    def __init__(self, file: BinaryIO, arrays: BinaryIO, max_nbytes: int, mmap_mode: str):
        super().__init__(file)
        self.n_bytes_elsewhere = 0
        self._arrays = arrays
        self._max_nbytes = max_nbytes
        self._mode = _reopened(mmap_mode)

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) not in (np.ndarray, np.memmap) or obj.dtype.hasobject:
            return super().reducer_override(obj)
        if obj.nbytes <= self._max_nbytes:
            return super().reducer_override(obj)
        return _mapped, self._location_in_memmap(obj) or self._append(obj)

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

    def _append(self, array: np.ndarray) -> tuple:
        # Keep the memory layout: the rounding of products depends on it.
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        rows = np.ascontiguousarray(array.T if fortran else array)
        strides = rows.strides[::-1] if fortran else rows.strides
        self._arrays.write(bytes(-self._arrays.tell() % _ALIGNMENT))
        offset = self._arrays.tell()
        self._arrays.write(rows.reshape(-1).view(np.uint8).data)
        return self._arrays.name, self._mode, offset, array.shape, array.dtype, strides


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
