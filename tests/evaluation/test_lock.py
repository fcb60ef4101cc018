"""A file that one process uses at a time."""

import errno
import json
import os
import socket
import subprocess
import sys
import textwrap

import pytest

from skhyper.evaluation import _lock
from skhyper.evaluation._lock import LockedFile

HOLD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from skhyper.evaluation import _lock
    if sys.argv[2] == "no flock":
        _lock.fcntl = None
    locked = _lock.LockedFile(Path(sys.argv[1]))
    print("locked", flush=True)
    time.sleep(600)
""")


def hold(path, how):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), how], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "locked\n"
    return process


@pytest.fixture(params=["flock", "no flock"])
def how(request, monkeypatch):
    if request.param == "no flock":
        monkeypatch.setattr(_lock, "fcntl", None)
    elif _lock.fcntl is None:
        pytest.skip("there is no flock")
    return request.param


def test_one_at_a_time(tmp_path, how):
    path = tmp_path / "j"
    first = LockedFile(path)
    with pytest.raises(ValueError, match="in use by another search"):
        LockedFile(path)
    first.release()
    assert list(tmp_path.iterdir()) == [path]
    LockedFile(path).release()


@pytest.mark.parametrize("how", ["no flock", pytest.param("flock", marks=pytest.mark.slow)])
def test_a_process_that_is_killed_leaves_no_lock(tmp_path, how, monkeypatch):
    if how == "no flock":
        monkeypatch.setattr(_lock, "fcntl", None)
    path = tmp_path / "j"
    process = hold(path, how)
    with pytest.raises(ValueError, match="in use by another search"):
        LockedFile(path)
    process.kill()
    process.communicate()
    assert (tmp_path / "j.lock").exists() == (how == "no flock")
    LockedFile(path).release()
    assert not (tmp_path / "j.lock").exists()


def test_a_file_system_without_locks_is_told_as_such(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")

    def flock(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(_lock.fcntl, "flock", flock)
    locked = LockedFile(tmp_path / "j")
    assert (
        locked.why_lock_file
        == f"its file system does not support locks ({os.strerror(errno.ENOLCK)})"
    )
    owner = json.loads((tmp_path / "j.lock").read_text())
    assert (owner["host"], owner["pid"]) == (socket.gethostname(), os.getpid())
    with pytest.raises(ValueError, match=r"in use by another search.*delete that file if"):
        LockedFile(tmp_path / "j")
    locked.release()


@pytest.mark.parametrize(
    ("owner", "is_stale"),
    [
        ({"host": "elsewhere", "pid": 1, "started": ""}, False),
        ({"host": None, "pid": os.getpid(), "started": "of another process"}, True),
        ({"host": None, "pid": os.getpid(), "started": ""}, False),
        ({"host": None, "pid": 2**22 + 1, "started": ""}, True),
        ("not yet written", False),
    ],
)
def test_lock_files_of_dead_processes(tmp_path, monkeypatch, owner, is_stale):
    monkeypatch.setattr(_lock, "fcntl", None)
    if isinstance(owner, dict):
        owner["host"] = owner["host"] or socket.gethostname()
    (tmp_path / "j.lock").write_text(json.dumps(owner))
    if is_stale:
        LockedFile(tmp_path / "j").release()
        assert not (tmp_path / "j.lock").exists()
    else:
        with pytest.raises(ValueError, match="in use by another search"):
            LockedFile(tmp_path / "j")
        assert (tmp_path / "j.lock").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forks_do_not_inherit_the_lock(tmp_path, how):
    """A fork that outlives its parent must not keep the file from others."""
    path = tmp_path / "j"
    locked = LockedFile(path)
    (ready, is_ready), (over, is_over) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(is_over)
        os.write(is_ready, b"1")
        os.read(over, 1)  # until the parent has tried
        os._exit(0)
    os.read(ready, 1)
    locked.file.close()  # as if the process had died
    if how == "no flock":
        locked.release()
    LockedFile(path).release()
    for pipe in (ready, is_ready, over, is_over):
        os.close(pipe)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_file_that_is_replaced_while_it_is_locked(tmp_path, monkeypatch):
    """Another process removes the file between opening and locking it."""
    path, opened = tmp_path / "j", []

    def replacing(path):
        opened.append(original(path))
        if len(opened) == 1:
            os.remove(path)
        return opened[-1]

    original = _lock._opened
    monkeypatch.setattr(_lock, "_opened", replacing)
    locked = LockedFile(path)
    assert len(opened) == 2
    assert locked.is_at_path()
    os.remove(path)
    assert not locked.is_at_path()
    locked.release()
