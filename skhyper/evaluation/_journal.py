"""A file that remembers each trial from the moment it is finished.

Append-only and fsynced after each trial, so that a killed process loses at most the trials
that were running. A record is a length, a checksum and a pickle; a torn last record, of a
process that died while writing, is cut off at the next opening.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import cloudpickle

from skhyper._trial import History, Trial

try:
    import fcntl
except ImportError:  # Windows: no lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["Journal"]

_MAGIC = b"skhyper journal 1\n"
_FRAME = struct.Struct("<QI")  # length and CRC-32 of the pickle that follows


class Journal:
    """Trials of one search in a file.

    Parameters
    ----------
    path : str or os.PathLike
        Made if it does not exist; its folder must exist.

    Raises
    ------
    ValueError
        If it is a folder, or its own does not exist.

    Notes
    -----
    The file holds pickles: open only journals that you trust, as with any pickle.
    """

    def __init__(self, path: Any):
        self.path = Path(path)
        if not str(path) or self.path.is_dir():
            raise ValueError(f"journal must name a file, got {str(path)!r}.")
        if not self.path.parent.is_dir():
            raise ValueError(f"journal: there is no folder {str(self.path.parent)!r}.")
        self._file: BinaryIO | None = None

    def read(self) -> tuple[History, int] | None:
        """The history in the file and how many of its trials the search itself made.

        None if there is no file, or nothing whole in it. Trials are numbered anew, in order.

        Raises
        ------
        ValueError
            If the file is something else than a journal.
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
        # Written as they were finished, and kept as they were asked for.
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

    def append(self, trial: Trial) -> None:
        """Write a finished trial and wait until it is on the disk."""
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


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other searches from the file, until it is closed."""
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
    """Whole records from the current place on, each with the place where it ends."""
    while True:
        frame = file.read(_FRAME.size)
        if len(frame) < _FRAME.size:
            return
        length, checksum = _FRAME.unpack(frame)
        payload = file.read(length)
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield cloudpickle.loads(payload), file.tell()
