"""SIGTERM as an exception, so that a search that a cluster ends keeps what it has.

The default action of SIGTERM ends a process without running any Python code. While a search
runs it raises :class:`Terminated` instead, a ``KeyboardInterrupt``: results are stored, workers
are stopped, temporary files are removed. Afterwards the handler that was there before is called;
without one, an exception that nobody catches ends the process by SIGTERM.
"""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Terminated", "interruption_name", "sigterm_interrupts"]


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


def interruption_name(error: BaseException) -> str:
    """What interrupted a search, for its stop reason."""
    return "SIGTERM" if isinstance(error, Terminated) else type(error).__name__


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within it SIGTERM raises :class:`Terminated`; in the main thread of the main process only.

    Python delivers signals to no other thread, and pools end their workers by SIGTERM.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or multiprocessing.current_process().name != "MainProcess":
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    if before in (signal.SIG_IGN, None):  # ignored on purpose, or not set from Python
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, before)  # a second signal does not wait for the clean-up
        raise Terminated("SIGTERM")

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except Terminated:
        if callable(before):
            before(signal.SIGTERM, sys._getframe())
        else:
            sys.excepthook = _ends_by_sigterm(sys.excepthook)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _ends_by_sigterm(hook: Callable[..., Any]) -> Callable[..., Any]:
    """An exception hook after which the process has the exit status that SIGTERM gives."""

    def end(kind: type[BaseException], *error: Any) -> None:
        hook(kind, *error)
        if issubclass(kind, Terminated):
            sys.stdout.flush()
            signal.raise_signal(signal.SIGTERM)

    return end
