"""Data of the pictures, and that they can be drawn in all cases."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from reporting.searches import search

from skhyper import History, Trial, When
from skhyper.inspection._results import results_of
from skhyper.reporting import _charts
from skhyper.space import Space


def trials_of(params, scores):
    return [
        Trial(i, p, "complete" if np.isfinite(s) else "failed", loss=-s)
        for i, (p, s) in enumerate(zip(params, scores, strict=True))
    ]


def test_convergence():
    trials = trials_of([{}] * 5, [np.nan, 0.5, 0.9, 0.7, 0.95])
    trials[2] = Trial(2, {}, "stopped", loss=-0.9)
    root = ET.fromstring(_charts.convergence(results_of(History(tuple(trials))), "accuracy"))
    dots = [path.get("d").count("h0") for path in root.findall("path")]
    assert (sum(dots), dots.count(1), dots.count(3)) == (4, 1, 1)  # small for the stopped one


def test_bad_scores_do_not_compress_the_axis():
    axis = _charts.score_axis(np.array([0.9, 0.91, 0.92, -1e9, np.nan]), "R²")
    assert 0.7 < axis.low < 0.9
    assert 0.92 < axis.high < 0.95
    assert (
        _charts.score_axis(np.array([0.5]), "").low
        < 0.5
        < _charts.score_axis(np.array([0.5]), "").high
    )


def scatters_of(trials, space=None):
    """Data of the pictures by name."""
    results = results_of(History(tuple(trials)))
    if space is not None:
        results = replace(results, space=space)
    return {data.axis.label: data for data in _charts.scatter_data(results)}


def test_numbers_choices_and_inactive_trials():
    space = Space(
        {
            "kernel": ["rbf", "linear"],
            "gamma": When((1e-3, 1e3, "log-uniform"), kernel="rbf"),
        }
    )
    params = [
        {"kernel": "rbf", "gamma": "scale"},
        {"kernel": "linear"},
        {"kernel": "rbf", "gamma": 0.1},
    ]
    trials = trials_of(params, [0.1, 0.2, 0.3])
    found = scatters_of(trials, space)
    gamma, kernel = found["gamma"], found["kernel"]
    assert (gamma.axis.log, gamma.is_choice) == (True, False)
    assert gamma.axis.low < 1e-3 < 1e3 < gamma.axis.high  # the whole range
    np.testing.assert_array_equal(gamma.x, [0.1])
    np.testing.assert_array_equal(gamma.numbers, [2])
    assert gamma.missing == {"scale": 1, "inactive": 1}
    np.testing.assert_array_equal(kernel.x, [0, 1, 0])
    assert [text for _, text in kernel.axis.ticks] == ["rbf", "linear"]
    for data in (gamma, kernel):
        ET.fromstring(_charts.scatter(data, results_of(History(tuple(trials))), "accuracy"))


def test_components_of_vectors_have_a_picture_each():
    space = Space({"alpha": (0.1, 10.0, "log-uniform")}).with_vectors({"alpha": np.ones(3)})
    trials = trials_of([{"alpha": np.array([1.0, 2.0, 3.0])}, {"alpha": np.ones(3)}], [0.1, 0.2])
    found = scatters_of(trials, space)
    assert list(found) == ["alpha[0]", "alpha[1]", "alpha[2]"]
    np.testing.assert_array_equal(found["alpha[2]"].x, [3.0, 1.0])


def test_too_many_choices_are_not_drawn():
    trials = trials_of([{"a": str(i), "b": i} for i in range(99)], range(99))
    assert list(scatters_of(trials)) == ["b"]


@pytest.mark.parametrize(
    "values", [[None, 3, True], [(50,), (50, 50)], [len, max], [2, 2], ["", "x"], ["$1$", "<"]]
)
def test_all_kinds_of_values_are_drawn(values):
    trials = trials_of([{"a": v} for v in values], np.linspace(0, 1, len(values)))
    data = scatters_of(trials)["a"]
    ET.fromstring(_charts.scatter(data, results_of(History(tuple(trials))), "m"))
    assert len(data.x) == len(values)
    if data.is_choice and "$1$" in values:
        assert [text for _, text in data.axis.ticks] == values


def test_failed_trials_are_crosses():
    trials = search("failures").history_
    data = scatters_of(trials)["C"]
    root = ET.fromstring(_charts.scatter(data, results_of(trials), "accuracy"))
    assert sum(path.get("d").count("l6 6") for path in root.findall("path")) == 4
