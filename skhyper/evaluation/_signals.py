"""SIGTERM as an exception, so that a search keeps its results when a cluster ends it.

The default action of SIGTERM ends a process without running any Python code. During a search,
SIGTERM raises :class:`Terminated`, a ``KeyboardInterrupt``, instead: results are stored, workers
stopped and temporary files removed. Then the previous handler is called; without one, an uncaught
:class:`Terminated` ends the process by SIGTERM.
"""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


def interruption_name(error: BaseException) -> str:
    """Name of an interruption, for the stop reason."""
    return "SIGTERM" if isinstance(error, Terminated) else type(error).__name__


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Context in which SIGTERM raises :class:`Terminated`.

    It has an effect only in the main thread of the main process: Python delivers signals to no
    other thread, and pools end their workers by SIGTERM.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or multiprocessing.current_process().name != "MainProcess":
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    if before in (signal.SIG_IGN, None):  # ignored, or not set from Python
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, before)  # a second signal interrupts the cleanup
        raise Terminated("SIGTERM")

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except Terminated:
        if callable(before):
            before(signal.SIGTERM, sys._getframe())
        else:
            sys.excepthook = _exit_by_sigterm(sys.excepthook)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_by_sigterm(hook: Callable[..., Any]) -> Callable[..., Any]:
    """An exception hook that then gives the process the exit status of SIGTERM."""

    def end(kind: type[BaseException], *error: Any) -> None:
        hook(kind, *error)
        if issubclass(kind, Terminated):
            sys.stdout.flush()
            signal.raise_signal(signal.SIGTERM)

    return end
