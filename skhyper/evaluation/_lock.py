"""Exclusive use of a file by one process, until it is released or the process dies.

The file is locked by ``flock``. If ``flock`` is missing (Windows) or not supported by the file
system, the lock is a second file beside it, created exclusively. It names its process, so that the
lock of a dead process is recognized.
"""

import errno
import json
import os
import socket
import uuid
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Errors of `flock` if another process has the lock; all others mean that locks are unsupported.
_IN_USE = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)


class LockedFile:
    """A file opened for reading and writing, which is created if it does not exist.

    Attributes
    ----------
    file : binary file, unbuffered
    why_lock_file : str
        Why there is a lock file beside it; empty if there is none.

    Raises
    ------
    ValueError
        If it is in use.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path):
        self.path = path
        self.why_lock_file = ""
        self._lock_path = Path(f"{path}.lock")
        self._lock_fd: int | None = None
        self.file = _opened(path)
        try:
            self._lock()
            # A file that was replaced between opening and locking is opened again.
            while not self.is_at_path():
                self.file.close()
                self.file = _opened(path)
                self._lock()
        except BaseException:
            self.release()
            raise
        _locked.add(self)

    def _lock(self) -> None:
        if fcntl is None:
            self._lock_by_file("this system does not support flock")
            return
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _IN_USE:
                raise ValueError(_in_use(self.path)) from None
            self._lock_by_file(f"its file system does not support locks ({error.strerror})")

    def _lock_by_file(self, why: str) -> None:
        if self._lock_fd is not None:
            return
        self.why_lock_file = why
        owner = json.dumps(_this_process()).encode()
        for _ in range(2):  # the second time after removing the file of a dead process
            try:
                fd = os.open(self._lock_path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
            except FileExistsError:
                self._remove_stale()
                continue
            os.write(fd, owner)
            # It stays open: Windows does not remove open files.
            self._lock_fd = fd
            return
        raise ValueError(_in_use(self.path))

    def _remove_stale(self) -> None:
        """Remove the lock file of a dead process; raise if its process may be alive."""
        try:
            content = self._lock_path.read_bytes()
        except FileNotFoundError:
            return
        if _may_be_alive(content):
            raise ValueError(
                f"{_in_use(self.path)} The lock file {self._lock_path} names its process; delete "
                f"that file if the process no longer runs. (A file is used since "
                f"{self.why_lock_file}.)"
            )
        # Renaming decides which of several processes removes it.
        taken = self._lock_path.with_name(f"{self._lock_path.name}.{uuid.uuid4().hex}")
        try:
            os.rename(self._lock_path, taken)
        except FileNotFoundError:
            return
        except PermissionError:  # open, on Windows
            raise ValueError(_in_use(self.path)) from None
        with suppress(FileNotFoundError):
            if taken.read_bytes() != content:  # another process was faster: it is its new lock
                os.rename(taken, self._lock_path)
                raise ValueError(_in_use(self.path))
            os.remove(taken)

    def is_at_path(self) -> bool:
        """Whether the path still leads to this file."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self.file.fileno()))
        except (OSError, ValueError):  # of a fork, it is closed
            return False

    def release(self) -> None:
        """Close the file and let others use it."""
        if fcntl is not None and not self.file.closed:
            with suppress(OSError):  # closing alone would leave it to forks
                fcntl.flock(self.file, fcntl.LOCK_UN)
        self.file.close()
        self._close_lock_file(remove=True)
        _locked.discard(self)

    def forget(self) -> None:
        """Close the file in a fork, whose parent keeps the lock."""
        self.file.close()
        self._close_lock_file(remove=False)

    def _close_lock_file(self, remove: bool) -> None:
        fd, self._lock_fd = self._lock_fd, None
        if fd is not None:
            os.close(fd)
            if remove:
                with suppress(OSError):  # in a folder that is now read-only, it is stale
                    os.remove(self._lock_path)


_locked: "weakref.WeakSet[LockedFile]" = weakref.WeakSet()


def _forget_all() -> None:
    for locked in list(_locked):
        locked.forget()
    _locked.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _opened(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)  # type: ignore[return-value]


def _in_use(path: Path) -> str:
    return (
        f"The journal {path} is in use by another search; use a separate journal for each search."
    )


def _this_process() -> dict[str, object]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "started": _started(pid)}


def _started(pid: int) -> str:
    """When a process started, in a unit of the system, as numbers are used again; "" if unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _may_be_alive(content: bytes) -> bool:
    """Whether the process named in a lock file may be alive."""
    try:
        owner = json.loads(content)
        host, pid, started = owner["host"], int(owner["pid"]), owner["started"]
    except (ValueError, KeyError, TypeError):
        return True  # still being written, or not a lock file
    if host != socket.gethostname():
        return True
    if os.name == "nt":
        return False  # open files cannot be removed there, so removing it decides
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return not started or _started(pid) == started
