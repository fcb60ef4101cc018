"""The journal of a search: a file to which everything is written as soon as it is known.

It records each proposed candidate, finished fold and finished trial; see
``docs/user_guide/journal.md`` for the format. A line is passed to the operating system immediately,
so that it survives the death of the process. A thread flushes it to the disk (fsync) while the
search continues.
"""

import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from skhyper._trial import History, Trial
from skhyper.evaluation._lock import LockedFile
from skhyper.evaluation._objective import FoldJob
from skhyper.evaluation._observers import Observer
from skhyper.evaluation._records import line_of, scanned
from skhyper.evaluation._replay import Replay, check_whole, replayed
from skhyper.evaluation._values import KnownValues, encoded, encoded_params
from skhyper.exceptions import SkhyperWarning

# Maximum size of a header, in bytes, that each process writes again, in case it is damaged.
_SMALL_HEADER = 4000


class Journal(Observer):
    """Journal of one search, locked from its creation until ``close``.

    Parameters
    ----------
    path : str or os.PathLike
        Created if it does not exist; its folder must exist.
    warn : callable
        Called with a message and a class of warnings.

    Attributes
    ----------
    session : dict
        How the last process ran folds, and its versions of packages; known after ``replay``.

    Raises
    ------
    ValueError
        If the path is a folder, its parent does not exist, or the file cannot be written, is in use
        by another search, is damaged, or is no journal of this version.
    """

    def __init__(self, path: Any, warn: Callable[[str, type[Warning]], None] = warnings.warn):
        self.path = Path(os.path.abspath(path))  # the search may change the directory
        if not str(path) or (self.path.exists() and not self.path.is_file()):  # a folder, a device
            raise ValueError(f"journal must name a file, got {str(path)!r}.")
        if not self.path.parent.is_dir():
            raise ValueError(f"journal: the folder {str(self.path.parent)!r} does not exist.")
        self.session: dict[str, Any] = {}
        self._warn = warn
        self._offset = 0
        self._known = KnownValues()
        self._own_session: dict[str, Any] | None = None  # still to be written
        self._header: dict[str, Any] = {}
        self._pending: list[dict[str, Any]] = []  # records that follow the session
        self._running: set[int] = set()
        self._started = time.monotonic()
        try:
            self._file: LockedFile | None = LockedFile(self.path)
        except OSError as error:
            raise ValueError(f"journal: {self.path} cannot be written ({error}).") from error
        self._syncer = _Syncer()
        try:
            self._records = scanned(self._file.file.read(), str(self.path))
            check_whole(self._records, self.path)
        except BaseException:
            self._file.release()
            raise
        # Number of records in the file, and the position after the last one.
        self._position = len(self._records.records), self._records.end

    def replay(self, known: KnownValues) -> Replay | None:
        """The contents of the file; None if it is new. `known` are values of hyperparameters."""
        self._known = known
        if not self._records.records:
            return None
        replay = replayed(self._records, known)
        self.session = replay.session
        return replay

    def begin(
        self,
        header: Mapping[str, Any],
        session: Mapping[str, Any],
        given: Sequence[Trial],
        offset: int,
        spent: float = 0.0,
    ) -> None:
        """Prepare for writing; a new file gets the header.

        `session` describes this process; `given` are trials of other searches that are not in the
        file; `offset` is the number of the trial that the evaluator counts as 0; `spent` are the
        seconds that the search took before.
        """
        assert self._file is not None
        self._started = time.monotonic() - spent
        self._offset, self._own_session, self._header = offset, dict(session), dict(header)
        if self._file.why_lock_file:
            self._warn(
                f"The journal {self.path} cannot be locked, since {self._file.why_lock_file}; the "
                f"lock file {self.path}.lock is used instead.",
                SkhyperWarning,
            )
        if self._records.is_torn:
            self._warn(
                f"The last line of the journal {self.path} was incomplete, because the process "
                "died while writing it. It was removed.",
                SkhyperWarning,
            )
            self._file.file.truncate(self._records.end)
        records = [record for trial in given for record in self._records_of(trial)]
        if self._position == (0, 0):
            self._write(dict(header), *records)
        else:
            self._pending = records

    def _records_of(self, trial: Trial) -> Iterator[dict[str, Any]]:
        """A trial of another search."""
        yield {**self._asked(trial), "given": True}
        for fold, result in zip(trial.fold_numbers, trial.folds):
            yield {"fold": [trial.number, fold], "result": encoded(result)}
        yield _ended(trial)

    def describe_session(self, **description: Any) -> None:
        """Add how folds are run: `in_process`, and the number of `workers`."""
        if self._own_session is not None:
            self._own_session.update(description)

    def number_of(self, job: FoldJob) -> int:
        """Number of the trial of a job."""
        return job.trial + self._offset

    def resume(self, numbers: Iterable[int]) -> None:
        """Record that earlier trials run again."""
        self._running.update(numbers)

    def on_trial_start(self, trial: Trial) -> None:
        self._running.add(trial.number)
        self._write({**self._asked(trial), "at": self._now()})

    def _asked(self, trial: Trial) -> dict[str, Any]:
        asked = {"asked": trial.number, "params": encoded_params(trial.params, self._known)}
        return asked | {"shared": True} if trial.shared else asked

    def on_retry(self, number: int) -> None:
        """Record that a trial is tried once more in a separate process."""
        self._write({"retried": number, "at": self._now()})

    def on_fold_end(self, job: FoldJob, result: dict[str, Any]) -> None:
        try:
            written = encoded(result)
        except TypeError as error:
            self._give_up(f"the result of a fold cannot be written: {error}")
            return
        fold = [self.number_of(job), job.fold]
        self._write({"fold": fold, "result": written, "at": self._now()})

    def on_trial_end(self, trial: Trial, history: History) -> None:
        self._running.discard(trial.number)
        self._write({**_ended(trial), "at": self._now()})

    def _now(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _write(self, *records: dict[str, Any]) -> None:
        """Append records; if that fails, the search continues without a journal."""
        if self._file is None or not records:
            return
        n, end = self._position
        is_first = self._own_session is not None and n > 0
        if is_first:
            records = (self._session_record(), *self._pending, *records)
        if not self._file.is_at_path():
            self._give_up("the file was deleted, moved or replaced")
            return
        lines = b"".join(line_of(n + i, record) for i, record in enumerate(records))
        try:
            self._syncer.check()
            self._append(self._file.file, lines, end)
        except OSError as error:
            with suppress(OSError):
                self._file.file.truncate(end)
            self._give_up(str(error))
            return
        self._position = n + len(records), end + len(lines)
        if is_first:
            self._own_session, self._pending = None, []
        self._syncer.request(self._file.file.fileno())

    @staticmethod
    def _append(file: BinaryIO, lines: bytes, end: int) -> None:
        if file.tell() != end:  # of a line whose writing was interrupted, for example by Ctrl-C
            file.truncate(end)
            file.seek(end)
        left = memoryview(lines)
        while left:
            left = left[file.write(left) :]

    def _session_record(self) -> dict[str, Any]:
        session = dict(self._own_session or {})
        if len(json.dumps(self._header)) <= _SMALL_HEADER:
            session["header"] = self._header
        return {"session": session}

    def _give_up(self, why: str) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        self._syncer.stop()
        file.release()
        self._warn(
            f"The search is no longer written to the journal {self.path}: {why}. The search "
            "continues; the part written so far remains valid.",
            SkhyperWarning,
        )

    def close(self) -> None:
        """Release the file; running trials are recorded as cut short."""
        if self._file is None:
            return
        if self._header and self._own_session is None:  # otherwise there was nothing to do
            self._write({"cut": sorted(self._running), "at": self._now()})
        try:
            self._syncer.stop()
            self._syncer.check()
        except OSError as error:
            self._give_up(str(error))
        if self._file is None:
            return
        if self._position == (0, 0) and not self._records.is_torn:
            with suppress(OSError):  # nothing was written: the search did not start
                os.remove(self.path)
        self._file.release()
        self._file = None


def _ended(trial: Trial) -> dict[str, Any]:
    n_run = len(trial.folds)
    is_whole = n_run == len(trial.scores)
    return {
        "ended": trial.number,
        "folds": n_run if is_whole else list(trial.fold_numbers),
        "state": str(trial.state),
        "loss": encoded(float(trial.loss)),
    }


class _Syncer:
    """A thread that flushes a file to the disk, as often as the disk allows."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._file: int | None = None  # descriptor, of a file to be written
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None
        self._is_over = False

    def request(self, file: int) -> None:
        """Request a flush of everything written so far."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        with self._condition:
            self._file = file
            self._condition.notify()

    def check(self) -> None:
        """Raise the error of an earlier request, if there was one."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Wait until everything is on the disk."""
        with self._condition:
            self._is_over = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                while self._file is None and not self._is_over:
                    self._condition.wait()
                file, self._file = self._file, None
            if file is None:
                return
            try:
                os.fsync(file)
            except OSError as error:
                self._error = error


@contextmanager
def opened_journal(
    path: Any, warn: Callable[[str, type[Warning]], None] = warnings.warn
) -> Iterator[Journal | None]:
    """Context with the locked journal at `path`; None if that is None."""
    if path is None:
        yield None
        return
    journal = Journal(path, warn)
    try:
        yield journal
    finally:
        journal.close()
