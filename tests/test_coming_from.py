"""Both columns of the pages for users of other libraries run and find about the same."""

import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "coming_from"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.stem != "index")
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
# Pages whose peers take seconds.
SLOW = {"halving", "ray_tune", "scikit_optimize"}


def pairs():
    """Code common to both columns, and the code of each column."""
    for path in PAGES:
        first, *sections = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)
        (setup,) = CODE.findall(first)
        marks = [pytest.mark.slow] if path.stem in SLOW else []
        for section in sections:
            if columns := CODE.findall(section):
                title = section.splitlines()[0]
                yield pytest.param(setup, *columns, id=f"{path.stem}: {title}", marks=marks)


def imported(code):
    """The packages that code imports."""
    return set(re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE))


def run(code, setup):
    names = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(setup + code, names)
    return names


def best(names):
    """What was found: the best score, the penalty, or the score of a fitted estimator."""
    for name in ("best", "alpha"):
        if name in names:
            return names[name]
    search = names["search"]
    return getattr(search, "best_score_", None) or search.score(names["X"], names["y"])


@pytest.fixture
def no_ray_left():
    """Ray starts automatically; shut it down for the tests that start it themselves."""
    yield
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()


@pytest.mark.usefixtures("no_ray_left")
@pytest.mark.parametrize(("setup", "theirs", "ours"), list(pairs()))
def test_columns_run(setup, theirs, ours, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # Ray writes its results there
    found = run(ours, setup)
    assert "skhyper" in imported(ours)
    try:
        other = run(theirs, setup)
    except ImportError as error:  # of a peer that is not installed, or a part of it
        assert imported(theirs) - {"sklearn"}, error
        pytest.skip(str(error))
    assert np.isclose(best(found), best(other), rtol=0.2, atol=0.1)


def test_a_swapped_import_changes_nothing():
    columns = CODE.findall((FOLDER / "grid_search.md").read_text())
    setup, *code = columns
    for theirs, ours in zip(code[:4:2], code[1:4:2]):
        old, new = run(theirs, setup)["search"], run(ours, setup)["search"]
        for key, values in old.cv_results_.items():
            if "time" not in key:
                np.testing.assert_array_equal(values, new.cv_results_[key])
