"""Entries of a store on a disk, for which the memory has no room."""

import os
import pickle
import tempfile
from collections import OrderedDict
from contextlib import suppress
from typing import IO, Any

# An entry is written if it took this many seconds to compute, and as many as its bytes take at this
# rate: writing and reading it a few times is then faster than computing it again.
_MIN_SECONDS, _BYTES_PER_SECOND = 0.02, 2e8
# Maximum number of files, each of which is open.
_MAX_FILES = 100


class _Pickler(pickle.Pickler):
    """Refuses intercepted methods, which belong to a single fold."""

    def reducer_override(self, obj: Any) -> Any:
        if getattr(type(obj), "is_interception", False):
            raise pickle.PicklingError("an intercepted method")
        return NotImplemented


class Spill:
    """Entries by their keys, in files without names: nothing is left if the process is killed.

    The least recently written ones are removed first. Errors, such as a full disk, end the writing.

    Parameters
    ----------
    directory : str or os.PathLike
    """

    def __init__(self, directory: str | os.PathLike[str]):
        self._directory = directory
        self._files: OrderedDict[str, IO[bytes]] = OrderedDict()
        self._works = True

    def put(self, key: str, entry: Any, size: int) -> bool:
        """Write an entry of `size` bytes if that pays; return whether it is on the disk."""
        if key in self._files:
            return True
        if not self._works or entry.seconds < max(_MIN_SECONDS, size / _BYTES_PER_SECOND):
            return False
        try:
            file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115
        except OSError:
            self._works = False
            return False
        try:
            _Pickler(file, protocol=5).dump(entry)
            file.flush()
        except Exception as error:  # noqa: BLE001  (any object may fail to be pickled)
            self._works = not isinstance(error, OSError)
            with suppress(OSError):
                file.close()  # it may try to write the rest
            return False
        self._files[key] = file
        if len(self._files) > _MAX_FILES:
            self._files.popitem(last=False)[1].close()
        return True

    def get(self, key: str) -> Any:
        """The entry of a key; None without one, or if it cannot be read."""
        file = self._files.get(key)
        if file is None:
            return None
        try:
            file.seek(0)
            return pickle.load(file)
        except Exception:  # noqa: BLE001
            self._files.pop(key).close()
            return None

    def clear(self) -> None:
        """Remove all entries."""
        while self._files:
            self._files.popitem()[1].close()

    __del__ = clear  # closes the files
