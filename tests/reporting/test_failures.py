"""Groups of failed trials."""

from reporting.searches import search

from skhyper import Trial
from skhyper.reporting._failures import failures_of, last_line


def test_messages_that_differ_in_numbers_only_are_one_group():
    found = failures_of(search("failures").history_)
    assert [len(group.trials) for group in found] == [4]
    assert found[0].message.startswith("ValueError: C=9.5 ")


def test_the_largest_group_is_first_and_a_missing_score_has_no_message():
    trials = [
        Trial(0, {}, "failed", message="Traceback\nTypeError: a"),
        Trial(1, {}, "failed"),
        Trial(2, {}, "failed"),
        Trial(3, {}, "complete", loss=1.0),
        Trial(4, {}, "complete", loss=1.0, message="Traceback\nTypeError: b"),  # error_score=-1
    ]
    found = failures_of(trials)
    assert [[t.number for t in group.trials] for group in found] == [[1, 2], [0], [4]]
    assert "kept no message" in found[0].message


def test_the_line_of_the_exception():
    assert last_line("a worker died") == "a worker died"
    trace = "Traceback (most recent call last):\nsklearn.exceptions.NotFittedError: x\n  more"
    assert last_line(trace) == "sklearn.exceptions.NotFittedError: x"
    assert last_line("") == last_line(" \n")
