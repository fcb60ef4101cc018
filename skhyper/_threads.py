"""Limits on the number of threads of BLAS and OpenMP, for all threads of this process together."""

import functools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_limits: list[int] = []  # of the contexts that are open in this process
_former: dict[str, tuple[Any, int]] = {}  # bounded BLAS libraries with their numbers before


@contextmanager
def threads_bounded(n_threads: int, *, openmp: bool = True) -> Iterator[None]:
    """Context with at most `n_threads` threads of BLAS and, unless told otherwise, OpenMP.

    BLAS has one number for the process: the least limit of the open contexts holds, in whatever
    order they are left, and the last one restores the number before. OpenMP has one for each
    thread.
    """
    libraries = ThreadpoolController().lib_controllers if openmp else _blas_libraries()
    own = [lib for lib in libraries if lib.user_api == "openmp"]
    many = [(lib, n) for lib in own if (n := lib.num_threads or 0) > n_threads]
    with _lock:
        for lib in libraries:
            if lib.user_api == "blas":
                _former.setdefault(lib.filepath, (lib, lib.num_threads or 1))
        _limits.append(n_threads)
        _apply_limits()
    _set_threads((lib, n_threads) for lib, _ in many)
    try:
        yield
    finally:
        _set_threads(many)
        with _lock:
            _limits.remove(n_threads)
            _apply_limits()
            if not _limits:
                _former.clear()


def _apply_limits() -> None:
    _set_threads((lib, min([n, *_limits])) for lib, n in _former.values())


def _set_threads(numbers: Iterable[tuple[Any, int]]) -> None:
    for lib, n in numbers:
        # OpenBLAS otherwise obeys one thread only, from threadpoolctl 3.7 on.
        release = getattr(lib, "clear_controlling_thread", lambda force: None)
        release(force=True)
        lib.set_num_threads(n)
        release(force=True)


@functools.cache
def _blas_libraries() -> list[Any]:
    """The BLAS libraries that are loaded at the first call; to find them takes milliseconds."""
    return [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
