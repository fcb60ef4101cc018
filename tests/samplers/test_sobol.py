"""Sobol sequences: one through the whole search, evener than random points."""

import numpy as np
import pytest
from scipy.stats import qmc

from skhyper._trial import History, Trial
from skhyper.samplers import SobolSampler
from skhyper.space import Space

SQUARE = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})


def ask(space, n, start=0, seed=5):
    rng, trials = np.random.default_rng(0), tuple(Trial(i, {}) for i in range(start + n))
    histories = [History(trials[:i], seed=seed) for i in range(start, start + n)]
    return np.array([SobolSampler().ask(space, history, rng) for history in histories])


def test_equals_scipys_sequence():
    sequence = qmc.Sobol(2, scramble=True, seed=5).random(8)
    np.testing.assert_array_equal(ask(SQUARE, 8), sequence)


@pytest.mark.parametrize("start", [1, 3, 4, 7])
def test_goes_on_where_the_history_ends(start):
    np.testing.assert_array_equal(ask(SQUARE, 8)[start:], ask(SQUARE, 8 - start, start))


def test_each_seed_has_a_sequence_of_its_own():
    assert not np.any(ask(SQUARE, 8, seed=1) == ask(SQUARE, 8, seed=2))


def test_is_evener_than_random_points():
    # Every 2^k points from the start: one in each of 2^k equal boxes.
    points = ask(SQUARE, 16)
    for rows, columns in ((16, 1), (8, 2), (4, 4), (1, 16)):
        boxes = np.floor(points * [rows, columns])
        assert len(np.unique(boxes, axis=0)) == 16
    discrepancies = [qmc.discrepancy(np.random.default_rng(i).random((64, 2))) for i in range(20)]
    assert qmc.discrepancy(ask(SQUARE, 64)) < min(discrepancies)


def test_choices_come_equally_often():
    space = Space({"k": list("abcd"), "n": (1, 2)})
    settings = space.from_unit(ask(space, 16))
    counts = {(k, n): 0 for k in "abcd" for n in (1, 2)}
    for setting in settings:
        counts[setting["k"], setting["n"]] += 1
    assert set(counts.values()) == {2}


def test_rejected_points_are_replaced_and_the_others_kept():
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)}, lambda params: params["a"] < params["b"])
    points = ask(space, 16)
    assert points.shape == (16, 2)
    assert np.all(points[:, 0] < points[:, 1])
    sequence = ask(SQUARE, 16)
    kept = sequence[sequence[:, 0] < sequence[:, 1]]
    np.testing.assert_array_equal(points[sequence[:, 0] < sequence[:, 1]], kept)
