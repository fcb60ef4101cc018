"""Tables as text and HTML."""

import types

import numpy as np
import pytest

from skhyper._text import Printed, Table, as_html, as_text, duration, shortened, value_text

TABLE = Table(
    "Title",
    ["name", "n", "nothing"],
    [["a", "1", ""], ["long name", "100", ""]],
    "see there",
    frozenset({"n"}),
)


def test_text():
    assert as_text(TABLE) == (
        "Title\n  name         n\n  ---------  ---\n  a            1\n  long name  100"
    )


def test_cells_that_are_cut_say_so():
    cut = as_text(Table("Title", ["a", "b"], [["x" * 50, "y" * 50]], "see there"), max_width=10)
    assert f"{'x' * 9}…  {'y' * 14}…" in cut
    assert cut.endswith("  … is cut: see there")


def test_rows_that_are_left_out_are_counted():
    many = Table("Title", ["i"], [[str(i)] for i in range(10)], "see there")
    assert as_text(many, max_rows=3).endswith("  2\n  … and 7 more rows: see there")
    assert "… and 7 more rows: see there" in as_html(many, max_rows=3)
    assert "more rows" not in as_text(many, max_rows=10)


def test_a_table_without_rows_is_its_title():
    empty = Table("Title", ["a"], [])
    assert as_text(empty) == "Title"
    assert as_html(empty) == "<p><b>Title</b></p>"


def test_html_is_escaped_everywhere():
    page = as_html(Table("<t>", ["<c>"], [["<v> & '"]]))
    assert "<t>" not in page
    assert "<c>" not in page
    assert "<v>" not in page
    assert "&lt;v&gt; &amp; &#x27;" in page


def test_html_leaves_out_empty_columns():
    assert "nothing" not in as_html(TABLE)


def test_shortened():
    assert shortened("a\n   b", 10) == "a b"
    assert shortened("abcdefgh", 5) == "abcd…"
    assert shortened("abcde", 5) == "abcde"


def test_widths_of_single_columns():
    table = Table("Title", ["a", "b"], [["x" * 500, "y" * 500]], "see there", widths={"a": 500})
    for shown in (as_text(table), as_html(table)):
        assert "x" * 500 in shown
        assert "y" * 500 not in shown
        assert "… is cut: see there" in shown


def test_floats_of_hyperparameters_have_four_digits():
    assert [value_text(v) for v in (0.123456, 10.0, "a", None)] == ["0.1235", "10", "'a'", "None"]
    assert [value_text(v) for v in (np.float64(0.123456), np.int64(3))] == ["0.1235", "3"]


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.0, "0 s"),
        (0.123, "0.12 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (3599.7, "1 h 0 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_ipython_shows_the_table_of_an_object_alone():
    class Both(Printed):
        def __repr__(self):
            return "short"

        def __str__(self):
            return "table"

    shown = []
    for depth in (1, 2):
        printer = types.SimpleNamespace(stack=[None] * depth, text=shown.append)
        Both()._repr_pretty_(printer, cycle=False)
    assert shown == ["table", "short"]
