"""A least-recently-used cache of fitted steps and their outputs, limited in bytes."""

import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skhyper.evaluation._copies import size_of
from skhyper.evaluation._memory import KEPT_SHARE, available_memory, size_in_memory
from skhyper.evaluation._spill import Spill

_KEY_BYTES = 100  # of an entry of a dict, such as a vocabulary, with its key


@dataclass(frozen=True)
class Entry:
    """Result of one call: attributes of the fitted estimator, output, and its `seconds`.

    The attributes are None for the output of ``transform``, the output is None for ``fit``.
    """

    state: Mapping[str, Any] | None
    output: Any
    seconds: float

    def size(self, known: Any) -> int:
        """Bytes of the entry, without the arrays of the data `known`."""
        total = 0 if self.output is None else size_of(self.output)
        if self.state is not None:
            total += size_in_memory([dict(self.state)], [known])
            total += sum(_size_of_dict(value) for value in self.state.values())
        return total


def _size_of_dict(value: Any) -> int:
    return sys.getsizeof(value) + _KEY_BYTES * len(value) if isinstance(value, dict) else 0


class Store:
    """Entries by their keys.

    Parameters
    ----------
    limit : int or None
        Maximum number of bytes; None for `KEPT_SHARE` of the memory available at the first entry.
    n_workers : int
        Number of stores among which the limit is divided.
    directory : str, os.PathLike or None
        Where entries that are removed are kept on disk; None removes them.
    """

    def __init__(self, limit: int | None, n_workers: int = 1, directory: Any = None):
        self._spill = None if directory is None else Spill(directory)
        self._limit = limit
        self._n_workers = n_workers
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[Entry, int]] = OrderedDict()
        self._size = 0

    def get(self, key: str) -> Entry | None:
        """The entry of a key, which then is the most recently used one; None without one."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None if self._spill is None else self._spill.get(key)
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: str, entry: Entry, size: int) -> bool:
        """Add an entry of `size` bytes; return whether it fits."""
        with self._lock:
            if self._limit is None:
                self._limit = int(KEPT_SHARE * available_memory())
            limit = self._limit // self._n_workers
            if size > limit:
                return self._spill is not None and self._spill.put(key, entry, size)
            self._size += size - self._entries.pop(key, (None, 0))[1]
            self._entries[key] = entry, size
            while self._size > limit:
                gone, (old, old_size) = self._entries.popitem(last=False)
                self._size -= old_size
                if self._spill is not None:
                    self._spill.put(gone, old, old_size)
        return True

    def clear(self) -> bool:
        """Remove all entries; returns whether there was one."""
        with self._lock:
            had_any = bool(self._entries)
            self._entries.clear()
            if self._spill is not None:
                self._spill.clear()
            self._size = 0
        return had_any
