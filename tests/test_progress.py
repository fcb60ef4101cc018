"""Outputs of a progress bar: terminals, log files and notebooks."""

import io
import subprocess
import sys
import types

import pytest

from skhyper import _progress
from skhyper._progress import Lines, Notebook, Silent, Terminal, progress_output

CODE = """if True:
    import sys
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC
    from skhyper import GridSearchCV
    from skhyper.callbacks import ProgressBar
    search = GridSearchCV(SVC(), {"C": [1, 2]}).set_callbacks(ProgressBar(%s))
    search.fit(*load_iris(return_X_y=True))
"""


@pytest.mark.fast_cases(1)
@pytest.mark.parametrize("file, n_lines", [("", 0), ("file=sys.stderr", 3)])
def test_a_log_file_has_plain_lines_or_nothing(file, n_lines, tmp_path):
    log = tmp_path / "log"
    with log.open("w") as stream:
        subprocess.run([sys.executable, "-c", CODE % file], stderr=stream, check=True)
    text = log.read_bytes()
    assert text.count(b"\n") == len(text.splitlines()) == n_lines
    assert b"\r" not in text


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_has_one_line_that_is_rewritten(tmp_path):
    import os
    import pty

    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", CODE % ""], stderr=theirs, check=True)
    os.close(theirs)
    text = os.read(ours, 10_000).decode()
    os.close(ours)
    assert text.rstrip().count("\n") == 0
    assert text.count("\r[") == 2


class Display(types.ModuleType):
    """Stands for ``IPython.display``; records what is drawn where."""

    def __init__(self):
        super().__init__("IPython.display")
        self.drawn = []

    def HTML(self, content):
        return content

    def display(self, content, display_id):
        assert display_id is True
        self.drawn.append(("new", content))
        return types.SimpleNamespace(update=lambda c: self.drawn.append(("update", c)))


def test_a_notebook_has_one_bar_that_is_drawn_in_place(monkeypatch):
    monkeypatch.setattr(_progress, "_SECONDS_BETWEEN_UPDATES", 0.0)
    display = Display()
    output = Notebook(display)
    output.show("#.", "1/2 <trials>", 0.5)
    output.show("##", "2/2 trials", 1.0)
    output.end("2 trials in 1 s")
    assert [kind for kind, _ in display.drawn] == ["new", "update", "update"]
    assert 'value="0.500"' in display.drawn[0][1]
    assert "1/2 &lt;trials&gt;" in display.drawn[0][1]
    assert "progress" not in display.drawn[2][1]


def test_a_notebook_is_not_flooded():
    display = Display()
    output = Notebook(display)
    for i in range(1000):
        output.show("", str(i), 0.0)
    output.end("end")
    assert len(display.drawn) < 20
    assert "end" in display.drawn[-1][1]


@pytest.mark.parametrize("has_kernel", [True, False])
def test_the_output_is_that_of_the_surroundings(monkeypatch, has_kernel):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(progress_output(None), Silent)
    assert isinstance(progress_output(io.StringIO()), Lines)
    shell = types.SimpleNamespace(kernel=object() if has_kernel else None)
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = Display()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    assert isinstance(progress_output(None), Notebook if has_kernel else Silent)
    assert isinstance(progress_output(io.StringIO()), Lines)  # what was asked for
    monkeypatch.delitem(sys.modules, "IPython")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(progress_output(None), Terminal)
