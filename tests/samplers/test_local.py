"""One descent by gradients, driven by hand."""

import itertools

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from skhyper.samplers._local import Answer, _penalty_for_failure, descent


def drive(steps, function):
    """Points and values that a descent asks for, and what it returns."""
    seen = []
    point = next(steps)
    while True:
        value, slope = function(point)
        seen.append((point, value))
        try:
            point = steps.send(Answer(value, slope, {}))
        except StopIteration as end:
            return seen, end.value


def test_a_quadratic_function_inside_and_beyond_the_bounds():
    lowest, weights = np.array([0.3, 1.2]), np.array([1.0, 5.0])

    def function(u):
        return 1 + weights @ (u - lowest) ** 2, 2 * weights * (u - lowest)

    seen, end = drive(descent(np.array([0.8, 0.1]), np.ones(2, bool), 1e-8), function)
    best = min(seen, key=lambda pair: pair[1])[0]
    assert best == pytest.approx([0.3, 1.0], abs=1e-3)
    assert end == ""
    assert len(seen) < 15


def test_coordinates_that_do_not_move_stay():
    def function(u):
        return float((u**2).sum()), 2 * u

    seen, _ = drive(descent(np.array([0.8, 0.4]), np.array([True, False]), 1e-8), function)
    assert {point[1] for point, _ in seen} == {0.4}
    assert seen[-1][0][0] < 0.05


@pytest.mark.parametrize(
    ("value", "slope", "end"), [(1.0, 0.0, "flat"), (np.nan, 1.0, "failed"), (1.0, np.nan, "flat")]
)
def test_where_there_is_nothing_to_follow(value, slope, end):
    steps = descent(np.array([0.5]), np.ones(1, bool), 1e-5)
    seen, returned = drive(steps, lambda u: (value, np.array([slope])))
    assert returned == end
    assert len(seen) == 1


def test_steps_onto_failures_are_taken_back():
    def function(u):
        broken = u[0] < 0.45
        return (np.nan if broken else 1 + u[0]), np.array([np.nan if broken else 1.0])

    seen, _ = drive(descent(np.array([0.9]), np.ones(1, bool), 1e-5), function)
    finite = [point[0] for point, value in seen if np.isfinite(value)]
    assert len(finite) < len(seen)
    assert min(finite) == pytest.approx(0.45, abs=0.05)


def test_a_failure_is_the_value_of_a_quadratic_with_its_minimum_at_the_lowest_point():
    lowest, failed = np.array([1.0, 2.0, 0.5]), np.array([3.0, -1.0, 0.5])
    known = {b"lowest": (-2.0, np.zeros(3)), b"highest": (5.0, np.ones(3))}
    value, slope = _penalty_for_failure(failed, lowest, known)
    assert value > 5.0

    def quadratic(v):
        share = (v - lowest) @ (v - lowest) / ((failed - lowest) @ (failed - lowest))
        return -2.0 + (value + 2.0) * share

    differences = [(quadratic(failed + h) - quadratic(failed - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    assert slope == pytest.approx(differences, abs=1e-6)


def test_after_failures_a_line_search_interpolates_between_the_last_one_and_the_lowest_point():
    """SciPy's line search: a cubic, or its mean with a quadratic (Moré and Thuente, case 1)."""

    def function(u):
        broken = u[0] > 0.45
        return (np.nan if broken else 2.0 - u[0]), np.array([np.nan if broken else -1.0])

    seen, _ = drive(descent(np.array([0.1]), np.ones(1, bool), 1e-6), function)
    points = [point[0] for point, _ in seen]
    assert points[:4] == pytest.approx([0.1, 0.25, 0.4, 1.0])
    assert points[5] < 0.45 < points[4]
    low, above = 0.4, 1.9 - 1.6
    for failed, following in itertools.pairwise(points[3:6]):
        # A penalty exceeds the range of the values by the predicted gain of the first step.
        above += 0.15
        ends = [low, failed], [1.6, 1.6 + above], [-1.0, 2 * above / (failed - low)]
        (cubic,) = [x for x in CubicHermiteSpline(*ends).derivative().roots() if low < x < failed]
        quadratic = low + 0.5 * (failed - low) / (1 + above / (failed - low))
        expected = cubic if cubic < quadratic else (cubic + quadratic) / 2
        assert following == pytest.approx(expected, abs=1e-9)
