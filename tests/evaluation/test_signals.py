"""SIGTERM while a search runs: real signals, in this process and in one of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from skhyper.evaluation import Terminated, sigterm_interrupts


def send_sigterm():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def handler(monkeypatch):
    """Sets a handler of SIGTERM; afterwards all is as before."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = signal.getsignal(signal.SIGTERM)
    yield lambda new: signal.signal(signal.SIGTERM, new)
    signal.signal(signal.SIGTERM, before)


def test_without_a_handler_it_is_a_keyboard_interrupt(handler):
    handler(signal.SIG_DFL)
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), sigterm_interrupts():
        send_sigterm()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_handler_of_before_is_called_when_all_is_put_away(handler):
    calls = []

    def mine(number, frame):
        calls.append(f"handler {number == signal.SIGTERM}")
        sys.exit(3)

    handler(mine)
    with pytest.raises(SystemExit, match="3"), sigterm_interrupts():
        try:
            send_sigterm()
        finally:
            calls.append("clean-up")
    assert calls == ["clean-up", "handler True"]
    assert signal.getsignal(signal.SIGTERM) is mine
    hook = sys.excepthook
    handler(lambda number, frame: None)  # one that returns does not undo the interruption
    with pytest.raises(Terminated, match="SIGTERM"), sigterm_interrupts():
        send_sigterm()
    assert sys.excepthook is hook


def test_nothing_is_left_behind_without_a_signal(handler):
    handler(signal.SIG_DFL)
    with sigterm_interrupts():
        assert callable(signal.getsignal(signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_what_is_ignored_stays_ignored_and_other_threads_have_no_say(handler):
    handler(signal.SIG_IGN)
    with sigterm_interrupts():
        send_sigterm()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    handler(signal.SIG_DFL)
    seen = []

    def search():
        with sigterm_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_a_search_within_a_search_ends_both(handler):
    handler(signal.SIG_DFL)
    ended = []
    with pytest.raises(Terminated, match="SIGTERM"), sigterm_interrupts():
        try:
            with sigterm_interrupts():
                send_sigterm()
        finally:
            ended.append("outer")
    assert ended == ["outer"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM cannot be handled there")
@pytest.mark.parametrize("caught", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_search_in_a_process_of_its_own(caught, tmp_path):
    script = textwrap.dedent(f"""
        import os, signal
        from sklearn.datasets import load_iris
        from sklearn.linear_model import RidgeClassifier
        from skhyper import SearchCV
        from skhyper.callbacks import Callback

        class Terminate(Callback):
            def on_trial_end(self, search, trial):
                if trial.number == 3:
                    os.kill(os.getpid(), signal.SIGTERM)

        search = SearchCV(RidgeClassifier(), {{"alpha": (0.1, 1.0)}}, n_iter=500, cv=2, journal="j")
        search.set_callbacks(Terminate())
        try:
            search.fit(*load_iris(return_X_y=True))
        except {"KeyboardInterrupt" if caught else "ZeroDivisionError"}:
            print(search.n_trials_, search.stop_reason_, sorted(search.best_params_))
    """)
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    out = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=600,
        env=env,
        cwd=tmp_path,
    )
    if caught:
        assert out.stdout == "4 interrupted by SIGTERM ['alpha']\n", out.stderr
        assert out.returncode == 0
    else:
        assert out.returncode == -signal.SIGTERM, out.stderr
    from skhyper import load_history

    history = load_history(tmp_path / "j")
    assert [trial.state for trial in history] == 4 * ["complete"]
