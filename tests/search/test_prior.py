"""The strength of the prior as a value, and the warning about overfitting."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from skhyper._trial import History, StopReason, Trial
from skhyper.exceptions import OverfittingWarning
from skhyper.search import _prior
from skhyper.search._held_out import HeldOutLosses
from skhyper.search._prior import Prior
from skhyper.space import Space

SPACE = Space({"alphas": (1e-2, 1e2, "log-uniform")}).with_vectors({"alphas": np.ones(3)})
CRITERION = SimpleNamespace(exact=True)
DONE = StopReason("the descent is at its end")
POINT = np.array([0.5, 0.25, 0.5])
STRENGTHS = np.array([math.inf, 2.0])


def losses(cv, held_out):
    """Of two held-out parts: equal components, then free ones."""
    return HeldOutLosses(STRENGTHS, np.array([cv, cv]), np.array([held_out, held_out]))


class HeldOut:
    n_calls = 0

    def __init__(self, found):
        self._found = found

    def choose(self, space, point):
        HeldOut.n_calls += 1
        return self._found

    def check(self, space, point, strength):
        return self._found


def prior(given, found=None, n_samples=30, **options):
    made = Prior(given, CRITERION, SPACE, frozenset({"alphas"}), n_samples, **options)
    made._without_samples = lambda: HeldOut(found)
    return made


def history(criterion=1.0):
    (params,) = SPACE.from_unit(POINT[None])
    return History((Trial(0, params, "complete", loss=2.0, criterion=criterion),))


@pytest.mark.parametrize(
    ("given", "n_samples", "strength"),
    # Two more numbers than one value for all: 20 samples each, and for that one.
    [(None, 30, 0.0), (3, 30, 3.0), (math.inf, 30, math.inf), ("auto", 60, 0.0)],
)
def test_a_strength_that_is_known(given, n_samples, strength):
    known = prior(given, n_samples=n_samples)
    assert known.is_chosen and known.strength == known(SPACE, POINT) == strength
    assert known.losses is None


def test_a_strength_that_is_chosen_once(monkeypatch):
    monkeypatch.setattr(_prior, "GradientObjective", SimpleNamespace(of=lambda *args: args[0]))
    found = losses([2.0, 1.0], [2.0, 1.0])
    chosen = prior("auto", found, n_samples=59)
    assert (chosen.strength, chosen.is_chosen) == (math.inf, False)
    assert chosen.wrap("objective") == "objective"
    HeldOut.n_calls = 0
    assert [chosen(SPACE, POINT), chosen(SPACE, 1 - POINT)] == [2.0, 2.0]
    assert (chosen.strength, chosen.losses, HeldOut.n_calls) == (2.0, found, 1)


def test_what_is_minimized():
    t = POINT * math.log(1e4)
    expected = 1.0 + 3.0 / 2 * np.sum((t - t.mean()) ** 2)
    assert prior(3.0).selection_losses(history()) == pytest.approx([expected])
    # Without a criterion, minus the score takes its place where both are the same.
    assert prior(3.0).selection_losses(history(math.nan)) == pytest.approx([expected + 1.0])
    assert prior(None).selection_losses(history()) is None


@pytest.mark.parametrize(
    ("cv", "held_out", "overfits"),
    [
        ([2.0, 1.0], [2.0, 2.5], True),
        ([2.0, 1.0], [2.0, 1.5], False),
        ([2.0, 1.99], [2.0, 2.5], False),  # a decrease by less than 1 % is none
        ([2.0, 1.97], [2.0, 2.0], True),
        ([2.0, 2.1], [2.0, 2.5], False),
    ],
)
def test_overfitting(cv, held_out, overfits):
    given = prior(2.0, losses(cv, held_out))
    found = list(given.overfitting(history(), DONE))
    assert [finding.category for finding in found] == [OverfittingWarning] * overfits
    assert given.losses is given._without_samples().check(SPACE, POINT, 2.0)


def test_overfitting_is_not_checked_in_vain():
    bad = losses([2.0, 1.0], [2.0, 2.5])
    late = StopReason("max_time=1 seconds have passed", "max_time")
    for made in (
        prior("auto", bad),
        prior(math.inf, bad),
        prior(None, bad, n_samples=60),
        prior(None, HeldOutLosses(STRENGTHS[:1], np.ones((2, 1)), np.ones((2, 1)))),
    ):
        assert list(made.overfitting(history(), DONE)) == []
    assert list(prior(None, bad, max_time=1.0).overfitting(history(), late)) == []
    assert list(prior(None, bad).overfitting(History(), DONE)) == []
    assert len(list(prior(None, bad, max_time=1.0).overfitting(history(), DONE))) == 1
