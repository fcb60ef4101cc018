"""A file to which each trial is appended when it ends.

It is fsynced after each trial, so that a killed process loses only its running trials. A record is
a length, a checksum and a pickle. An incomplete last record, from a process that died while
writing, is removed when the file is opened again.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import cloudpickle

from skhyper._trial import History, Trial
from skhyper.evaluation._observers import Observer

try:
    import fcntl
except ImportError:  # Windows: no lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["Journal", "opened_journal"]

_MAGIC = b"skhyper journal 1\n"
_FRAME = struct.Struct("<QI")  # length and CRC-32 of the pickle that follows


class Journal(Observer):
    """Journal of the trials of one search, in a file.

    Parameters
    ----------
    path : str or os.PathLike
        Created if it does not exist; its folder must exist.

    Raises
    ------
    ValueError
        If the path is a folder, or its parent does not exist.

    Notes
    -----
    The file contains pickles: open only journals that you trust.
    """

    def __init__(self, path: Any):
        self.path = Path(path)
        if not str(path) or self.path.is_dir():
            raise ValueError(f"journal must name a file, got {str(path)!r}.")
        if not self.path.parent.is_dir():
            raise ValueError(f"journal: there is no folder {str(self.path.parent)!r}.")
        self._file: BinaryIO | None = None

    def read(self) -> tuple[History, int] | None:
        """The history in the file, and the number of its trials that the search itself made.

        None if there is no file, or no complete record in it. Trials are renumbered in order.

        Raises
        ------
        ValueError
            If the file is not a journal.
        """
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        with self.path.open("rb") as file:
            start = file.read(len(_MAGIC))
            if start != _MAGIC:
                if _MAGIC.startswith(start):  # killed while the first bytes were written
                    return None
                raise ValueError(f"{self.path} is not a journal of skhyper; name another file.")
            records = [record for record, _ in _records(file)]
        if not records:
            return None
        head, *trials = records
        # Written in the order in which they ended; restore the order of proposal.
        trials.sort(key=lambda trial: trial.number)
        renumbered = tuple(replace(trial, number=i) for i, trial in enumerate(trials))
        n_given = head.pop("n_given")
        return History(renumbered, **head), len(renumbered) - n_given

    def open(self, base: History) -> None:
        """Open for appending; a new file gets the seed, the folds and the trials of `base`."""
        if self.read() is None:
            self._file = self.path.open("ab")
            _lock(self._file, self.path)
            self._file.truncate(0)
            self._file.write(_MAGIC)
            head = {
                "seed": base.seed,
                "fingerprint": base.fingerprint,
                "splits": base.splits,
                "n_given": len(base),
            }
            for record in (head, *base.trials):
                self._write(record)
            return
        self._file = self.path.open("r+b")
        _lock(self._file, self.path)
        self._file.seek(len(_MAGIC))
        end = max([len(_MAGIC), *(end for _, end in _records(self._file))])
        self._file.truncate(end)
        self._file.seek(end)

    def on_trial_end(self, trial: Trial, history: History) -> None:
        """Write a trial and wait until it is on the disk."""
        self._write(trial)

    def _write(self, record: Any) -> None:
        assert self._file is not None
        payload = cloudpickle.dumps(record)
        self._file.write(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@contextmanager
def opened_journal(path: Any, base: History) -> Iterator[list[Observer]]:
    """Context with a list of the open journal at `path`; the list is empty if None."""
    if path is None:
        yield []
        return
    journal = Journal(path)
    journal.open(base)
    try:
        yield [journal]
    finally:
        journal.close()


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other searches from writing to the file until it is closed."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ValueError(
            f"The journal {path} is in use by another search; each search needs its own."
        ) from None


def _records(file: BinaryIO) -> Iterator[tuple[Any, int]]:
    """Complete records from the current position on, each with the position of its end."""
    while True:
        frame = file.read(_FRAME.size)
        if len(frame) < _FRAME.size:
            return
        length, checksum = _FRAME.unpack(frame)
        payload = file.read(length)
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield cloudpickle.loads(payload), file.tell()
