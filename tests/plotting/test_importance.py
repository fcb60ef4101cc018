"""Bars of the importance; its numbers are tested in tests/inspection/test_importance.py."""

import numpy as np
import pytest

from skhyper import minimize
from skhyper.inspection import importance
from skhyper.plotting import ImportanceDisplay


def test_bars_are_the_shares(theirs):
    display = ImportanceDisplay.from_search(theirs)
    expected = importance(theirs)
    assert display.data.names == expected.names
    bars = [patch.get_width() for patch in display.axes_[0].patches]
    np.testing.assert_allclose(bars, 100 * expected.main)
    labels = [text.get_text() for text in display.axes_[0].get_yticklabels()]
    assert labels == list(expected.names)


def test_interactions_of_a_product():
    space = {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}
    result = minimize(lambda p: p["x"] * p["y"], space, 25, sampler="sobol", random_state=0)
    display = ImportanceDisplay.from_search(result)
    (bar,) = display.axes_[1].patches
    assert bar.get_width() > 70
    assert display.axes_[1].get_yticklabels()[0].get_text() in ("x × y", "y × x")


def test_conditions_and_one_dimension(conditional, one):
    display = ImportanceDisplay.from_search(conditional)
    labels = [text.get_text() for text in display.axes_[0].get_yticklabels()]
    assert sum("active in" in label for label in labels) == 1
    assert len(ImportanceDisplay.from_search(one).axes_) == 1


@pytest.mark.slow
def test_the_most_important_of_many(forty):
    display = ImportanceDisplay.from_search(forty, max_bars=6)
    assert set(display.data.names[:2]) == {"x3", "x7"}
    assert len(display.axes_[0].get_yticks()) == 6
    title = display.axes_[0].get_legend().get_title().get_text()
    assert title.startswith("6 of 40 hyperparameters")
