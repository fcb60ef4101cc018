"""Sections of a report."""

import numpy as np
import pytest
from reporting.searches import search
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import SearchCV
from skhyper.reporting import _sections
from skhyper.reporting._record import record_of


@pytest.mark.parametrize(
    "value, expected",
    [
        (0.123456789, "0.123457"),
        ("rbf", "rbf"),
        (SVC, "SVC"),
        (np.linspace(0, 1, 40), "40 numbers, 0 to 1"),
        ("x" * 99, "x" * 59 + "…"),
    ],
)
def test_values(value, expected):
    assert _sections.value_text(value) == expected


def test_the_best_value_at_an_end_of_its_range_is_noted():
    space = {"C": (1e-6, 1e-3, "log-uniform"), "tol": (1e-4, 1e-2), "kernel": ["rbf"]}
    candidates = [{"C": 1e-3, "tol": 5e-3, "kernel": "rbf"}]
    fitted = SearchCV(SVC(), space, sampler=candidates).fit(*load_iris(return_X_y=True))
    assert _sections.answer(record_of(fitted)).count("at the upper end of its range") == 1
    fitted = SearchCV(SVC(), space, sampler=[{"C": 1.0}]).fit(*load_iris(return_X_y=True))
    assert "outside of the search space" in _sections.answer(record_of(fitted))


def test_trials_are_listed_best_first_with_failed_ones_last():
    record = record_of(search("bayes"))
    listed = _sections.trials(record)
    scores = sorted((-t.loss for t in record.trials), reverse=True)
    positions = [listed.index(f"<td class=n>{s:.5g}") for s in dict.fromkeys(scores)]
    assert positions == sorted(positions)
    assert "state" not in listed  # all are complete


def test_what_is_not_shown_is_said():
    record = record_of(search("conditional"))
    n = sum("gamma" not in t.params for t in record.trials)
    assert f"Not shown: {n} trials where it is inactive" in _sections.pictures(record)
    assert "1 with scale" in _sections.pictures(record)
    assert "kernel=&#x27;rbf&#x27;" in _sections.question(record)


def test_versions_and_repeatability():
    text = _sections.repetition(record_of(search("bayes")))
    assert f"numpy {np.__version__}" in text
    assert "random_state, other" not in text
    no_seed = search("bayes").get_params(deep=False) | {"random_state": None}
    fitted = SearchCV(SVC(), {"C": (1.0, 2.0)}, n_iter=1).fit(*load_iris(return_X_y=True))
    assert no_seed["random_state"] is fitted.random_state is None
    assert "other candidates are tried each time" in _sections.repetition(record_of(fitted))
