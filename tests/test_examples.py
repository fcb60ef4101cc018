"""Every example of the gallery runs, each in a process of its own, and draws a picture."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
RUN = """
import runpy, sys, warnings
warnings.simplefilter("error")
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print("figures:", len(plt.get_fignums()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(path)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert int(run.stdout.rpartition("figures:")[2]) > 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_have_a_title(path):
    title, underline = path.read_text().splitlines()[1:3]
    assert underline == "=" * len(title)


def test_code_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for code in blocks:
        exec(code, names)
        assert names["search"].score(names["X_test"], names["y_test"]) > -0.2
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert "after" in capsys.readouterr().out


def test_panels_of_the_landing_page_run():
    X, y = load_breast_cancer(return_X_y=True)
    given = {"X": X[:100], "y": y[:100], "SVC": SVC, "Ridge": Ridge}
    given["pipeline"] = make_pipeline(StandardScaler(), SVC())
    panels = re.findall(r"```python\n(.*?)```", (ROOT / "docs/index.md").read_text(), re.DOTALL)
    assert len(panels) == 3
    for code in panels:
        names = dict(given)
        exec(code, names)
        assert names["search"].n_trials_ > 1
