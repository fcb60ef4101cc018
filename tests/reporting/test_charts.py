"""Data of the pictures, and that they can be drawn in all cases."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from reporting.searches import search

from skhyper import Trial, When
from skhyper.reporting import _charts
from skhyper.space import Space


def trials_of(params, scores):
    return [
        Trial(i, p, "complete" if np.isfinite(s) else "failed", loss=-s)
        for i, (p, s) in enumerate(zip(params, scores, strict=True))
    ]


def test_convergence():
    trials = trials_of([{}] * 5, [np.nan, 0.5, 0.9, 0.7, 0.95])
    trials[2] = Trial(2, {}, "stopped", loss=-0.9)  # is not the best of all folds
    data = _charts.convergence_data(trials)
    np.testing.assert_array_equal(data.best_so_far, [np.nan, 0.5, 0.5, 0.7, 0.95])
    np.testing.assert_array_equal(data.scores, [np.nan, 0.5, 0.9, 0.7, 0.95])
    ET.fromstring(_charts.convergence(trials, "accuracy"))


def test_bad_scores_do_not_compress_the_axis():
    axis = _charts.score_axis(np.array([0.9, 0.91, 0.92, -1e9, np.nan]), "R²")
    assert 0.7 < axis.low < 0.9
    assert 0.92 < axis.high < 0.95
    assert (
        _charts.score_axis(np.array([0.5]), "").low
        < 0.5
        < _charts.score_axis(np.array([0.5]), "").high
    )


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
    gamma = _charts.scatter_data(trials, "gamma", space)
    assert (gamma.axis.log, gamma.is_choice) == (True, False)
    np.testing.assert_array_equal(gamma.x, [0.1])
    np.testing.assert_array_equal(gamma.numbers, [2])
    kernel = _charts.scatter_data(trials, "kernel", space)
    np.testing.assert_array_equal(kernel.x, [0, 1, 0])
    assert [text for _, text in kernel.axis.ticks] == ["rbf", "linear"]
    # Without a space, numbers and texts are choices.
    assert _charts.scatter_data(trials, "gamma").is_choice
    for data in (gamma, kernel):
        ET.fromstring(_charts.scatter(data, trials, trials[2], "accuracy"))


@pytest.mark.parametrize(
    "values, log",
    [([1, 2, 3], False), ([0.01, 1, 100], True), ([-1, 1000], False), ([0.0, 1e6], False)],
)
def test_without_a_space_wide_ranges_of_positive_numbers_are_logarithmic(values, log):
    trials = trials_of([{"a": v} for v in values], range(len(values)))
    assert _charts.scatter_data(trials, "a").axis.log == log


def test_a_range_of_the_space_says_the_scale():
    trials = trials_of([{"a": v} for v in (1, 900)], [1, 2])
    assert not _charts.scatter_data(trials, "a", Space({"a": (1, 1000)})).axis.log


@pytest.mark.parametrize("values", [[np.ones(3), np.zeros(3)], [str(i) for i in range(99)]])
def test_arrays_and_too_many_choices_are_not_drawn(values):
    assert (
        _charts.scatter_data(trials_of([{"a": v} for v in values], range(len(values))), "a") is None
    )


@pytest.mark.parametrize(
    "values", [[None, 3, True], [(50,), (50, 50)], [len, max], [2, 2], ["", "x"]]
)
def test_all_kinds_of_values_are_drawn(values):
    trials = trials_of([{"a": v} for v in values], np.linspace(0, 1, len(values)))
    ET.fromstring(_charts.scatter(_charts.scatter_data(trials, "a"), trials, trials[0], "m"))


def test_failed_trials_are_crosses():
    trials = search("failures").history_
    data = _charts.scatter_data(trials, "C")
    root = ET.fromstring(_charts.scatter(data, trials, None, "accuracy"))
    assert sum(path.get("d").count("l6 6") for path in root.findall("path")) == 4
