"""Memory: how much is available, and how much objects take."""

import gc
import os
import threading
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

# Share of the memory available at first that the folds of a search keep between trials.
KEPT_SHARE = 0.25
_LOCK = threading.Lock()  # of the module: what folds keep is pickled with the objective
_MEMINFO = Path("/proc/meminfo")
# Limit and use of a container's memory, by version 2 and 1 of control groups.
_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
# Assumed where the system does not tell, in bytes.
_UNKNOWN = 4 * 2**30
# Their referents are code, not data.
_CODE = (type, types.ModuleType, types.CodeType, types.FrameType, types.TracebackType)
# Objects visited at most: an estimate of a large object graph is not worth more.
_MAX_VISITED = 20_000


def available_memory() -> int:
    """Bytes that can be allocated without swapping, within the limit of a container."""
    free = _system_memory()
    for limit, used in _CGROUP_FILES:
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such file; "max" for no limit
            continue
    return max(free, 0)


def _system_memory() -> int:
    try:
        lines = _MEMINFO.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return _UNKNOWN


def size_in_memory(objects: Iterable[Any], known: Iterable[Any] = ()) -> int:
    """Bytes of all arrays that the objects refer to, each counted once.

    Arrays of `known` and globals of functions are not counted.
    """
    seen = {id(_owner(x)) for x in _arrays_of(known)}
    return sum(x.nbytes for x in _arrays_of(objects) if id(x) not in seen)


def _arrays_of(objects: Iterable[Any]) -> list[np.ndarray]:
    """The arrays that own the data that the objects refer to."""
    found: list[np.ndarray] = []
    left, seen = list(objects), set[int]()
    while left and len(seen) < _MAX_VISITED:
        x = _owner(left.pop())
        if id(x) in seen or isinstance(x, _CODE):
            continue
        seen.add(id(x))
        if isinstance(x, np.ndarray):
            found.append(x)
            if x.dtype != object:
                continue
        # Globals of functions refer to almost everything.
        next_ones = (x.__closure__,) if isinstance(x, types.FunctionType) else ()
        left += next_ones or gc.get_referents(x)
    return found


def _owner(x: Any) -> Any:
    while isinstance(x, np.ndarray) and isinstance(x.base, np.ndarray):
        x = x.base
    return x


class Kept:
    """Memory that folds keep between trials: first come, first served, up to a share."""

    def __init__(self) -> None:
        self._limit: float | None = None
        self._sizes: dict[int, int] = {}

    def admits(self, fold: int, size: int) -> bool:
        """Whether a fold may keep `size` bytes."""
        with _LOCK:
            if self._limit is None:
                self._limit = KEPT_SHARE * (available_memory() + size)
            others = sum(self._sizes.values()) - self._sizes.get(fold, 0)
            admitted = others + size <= self._limit
            self._sizes[fold] = size if admitted else 0
        return admitted
