"""Charts as SVG: scales against their definitions, and pictures that parse as XML."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from skhyper.reporting import _svg
from skhyper.reporting._svg import Axis, nice_ticks


@pytest.mark.parametrize("ends", [(0, 1), (-3.7, 12.2), (0.9731, 0.9812), (1e-9, 3e-9), (5, 5e6)])
def test_nice_ticks_are_round_and_inside(ends):
    ticks = nice_ticks(*ends)
    assert 3 <= len(ticks) <= 7
    assert ends[0] - 1e-9 <= ticks[0] < ticks[-1] <= ends[1] + 1e-9
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert np.isclose(mantissa, [1, 2, 5]).any()


def test_one_value_has_an_axis():
    assert nice_ticks(2.0, 2.0) == [2.0]
    np.testing.assert_array_equal(Axis("x", 2.0, 2.0).position([2.0]), [0.5])


def test_positions_are_linear_or_logarithmic():
    np.testing.assert_allclose(Axis("x", -1, 3).position([-1, 0, 3]), [0, 0.25, 1])
    np.testing.assert_allclose(Axis("x", 0.01, 100, log=True).position([0.01, 1, 100]), [0, 0.5, 1])


def test_ticks_that_differ_have_texts_that_differ():
    texts = [text for _, text in Axis("y", 0.978901, 0.978907).marked()]
    assert len(set(texts)) == len(texts) > 2
    assert next(text for _, text in Axis("y", 1e-5, 1.0, log=True).marked()) == "1e-5"


def test_a_chart_is_xml_with_a_dot_for_each_value():
    x = np.linspace(0, 1, 7)
    marks = [_svg.dots(x, x), _svg.steps(x, x), _svg.crosses(x[:2], x[:2]), _svg.ring(0.5, 0.5)]
    root = ET.fromstring(_svg.chart(Axis("<a&b>", 0, 1), Axis("y", 0, 1), marks, 'l"<'))
    assert root.get("aria-label") == 'l"<'
    assert "<a&b>" in [text.text for text in root.iter("text")]
    dots = root.findall("path")[1].get("d")
    assert dots.count("h0") == 7
    first, last = (float(part.split()[0]) for part in dots.split("M")[1::6])
    assert (first, last) == (76, 426)
    assert len(root.findall("circle")) == 1
    assert _svg.dots(x[:0], x[:0]) + _svg.steps(x[:0], x[:0]) == ""


def test_bars():
    root = ET.fromstring(_svg.bars(["a<", "b"], [0.5, 0.0], [0.1, np.nan], "importance"))
    assert [text.text for text in root.iter("text")] == ["a<", "50 %", "b", "0 %"]
    widths = [float(bar.get("width")) for bar in root.findall("rect")]
    assert widths[0] == (440 - 64) / 2
    assert len(root.findall("path")) == 1  # one has an error


def test_labels_are_cut_to_their_space():
    assert _svg.shortened_to("pipeline__classifier__C", 8) == "…fier__C"
    assert _svg.fitting_texts(["short", "x" * 99])[0] == "short"
    assert all(len(text) < 8 for text in _svg.fitting_texts(["x" * 99] * 8))
