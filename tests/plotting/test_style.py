"""Limits, ticks and panels."""

import numpy as np
import pytest

from skhyper.plotting import _style
from skhyper.plotting._style import (
    BLACK,
    CYCLE,
    log_ticks,
    number_text,
    padded,
    panels,
    score_limits,
)

# Viénot, Brettel and Mollon (1999): linear RGB as seen by protanopes and deuteranopes.
PROTAN = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
DEUTAN = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])


def rgb(color):
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return values**2.2


@pytest.mark.parametrize("seen", [np.eye(3), PROTAN, DEUTAN])
def test_the_color_blind_can_tell_the_colors_apart(seen):
    shown = [np.clip(seen @ rgb(color), 0, 1) ** (1 / 2.2) for color in CYCLE]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(shown) for b in shown[:i]]
    assert min(distances) > 0.14
    assert BLACK in CYCLE


def test_bad_outliers_do_not_set_the_limits():
    scores = np.array([0.9, 0.8, 0.85, -1e6, np.nan])
    low, high = score_limits(scores, True)
    assert high == 0.9
    assert 0.5 < low < 0.9
    assert score_limits(-scores, False) == (-high, -low)
    assert score_limits(np.full(3, np.nan), True) == (0.0, 1.0)
    assert score_limits(np.full(3, 0.5), True) == (0.5, 0.5)
    low, high = padded(0.5, 0.5)
    assert low < 0.5 < high


@pytest.mark.parametrize(("low", "high"), [(1e-9, 1e9), (1e-3, 2.0), (3.0, 40.0), (1.1, 1.3)])
def test_logarithmic_ticks_are_few_and_inside(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert low <= min(ticks) < max(ticks) <= high
    assert len({number_text(tick) for tick in ticks}) == len(ticks)


def test_panels_in_a_new_figure_in_one_place_or_given():
    plt = _style.pyplot()
    assert panels(None, 2, 3, (2, 2)).shape == (2, 3)
    figure, axes = plt.subplots(1, 2)
    inside = panels(axes[0], 2, 1, (2, 2))
    assert inside.shape == (2, 1)
    assert inside[0, 0].figure is figure
    assert panels(axes, 1, 2, (2, 2))[0, 1] is axes[1]
    with pytest.raises(ValueError, match="ax has 2 axes, 3 are needed"):
        panels(axes, 1, 3, (2, 2))


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'skhyper\[plot\]'"):
        _style.pyplot()
