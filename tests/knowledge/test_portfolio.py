"""Greedy selection of a portfolio of candidates."""

from itertools import combinations

import numpy as np

from skhyper.knowledge import portfolio

LOSSES = np.array(
    [
        [0.2, 0.2, 0.9, 0.9],
        [0.9, 0.9, 0.1, 0.1],
        [0.5, 0.5, 0.5, 0.5],
        [0.0, 1.0, 1.0, 1.0],
    ]
)


def test_candidates_complete_each_other():
    assert portfolio(LOSSES, np.zeros(4), 2) == [1, 0]
    assert sorted(portfolio(LOSSES, np.zeros(4))) == [0, 1, 2, 3]


def test_slow_candidates_are_left_out():
    assert 1 not in portfolio(LOSSES, np.log([1.0, 9.0, 1.0, 1.0]))


def test_it_is_nearly_as_good_as_the_best_one():
    rng = np.random.default_rng(0)
    for _ in range(20):
        losses = rng.random((12, 6))
        best = min(losses[list(c)].min(axis=0).mean() for c in combinations(range(12), 3))
        chosen = losses[portfolio(losses, np.zeros(12), 3)].min(axis=0).mean()
        assert 1 - chosen >= (1 - 1 / np.e) * (1 - best) - 0.05
