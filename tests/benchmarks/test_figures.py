"""Figures in the documentation are those of the committed results."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_pages_have_the_figures_of_the_results():
    command = [sys.executable, "benchmarks/figures.py", "--check"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert out.returncode == 0, f"run python benchmarks/figures.py: {out.stdout}{out.stderr}"


def test_a_page_that_is_out_of_date_is_seen(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import figures

    page = "a\n<!-- figures: tune_svc -->\nold\n<!-- end -->\nb\n"
    new = figures.written(page)
    assert "old" not in new and new.startswith("a\n<!--") and new.endswith("<!-- end -->\nb\n")
    assert "| manual |" in new
    assert figures.written(new) == new
