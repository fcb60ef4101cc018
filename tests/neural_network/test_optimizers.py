"""Optimizers on a quadratic: closed forms, the formulas of the papers, finite differences."""

import numpy as np
import pytest

from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES, Step

VALUES = {"momentum": 0.8, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}
CURVATURE = np.array([1.0, 3.0, 0.2])
START = np.array([1.0, -2.0, 0.5])
RATE = 0.1


def descend(name, values, n_steps=7, d_values=None):
    """w after steps on ``Σ curvature w² / 2``, and its derivatives."""
    optimizer = OPTIMIZERS[name]
    k = len(next(iter(d_values.values()))) if d_values else 1
    w, dw = START.copy(), np.zeros((k, 3))
    S, dS = np.zeros((optimizer.n_slots, 3)), np.zeros((optimizer.n_slots, k, 3))
    for t in range(1, n_steps + 1):
        g, dg = CURVATURE * w, CURVATURE * dw
        kept = S.copy(), g.copy()
        d, S_new = optimizer.step(S, g, t, values)
        dd, dS = optimizer.d_step(Step(S, S_new, g, d, t, values), dS, dg, d_values or {})
        np.testing.assert_array_equal(S, kept[0])
        np.testing.assert_array_equal(g, kept[1])
        w, dw, S = w - RATE * d, dw - RATE * dd, S_new
    return w, dw


@pytest.mark.parametrize("name", ["gd", "sgd"])
def test_gradient_descent_in_closed_form(name):
    w, dw = descend(name, VALUES)
    np.testing.assert_allclose(w, (1 - RATE * CURVATURE) ** 7 * START)
    assert not dw.any()


def test_momentum_in_closed_form():
    """The recurrence ``w⁺ = (1 + μ - η c) w - μ w⁻`` by its characteristic roots."""
    w, _ = descend("momentum", VALUES)
    for i, curvature in enumerate(CURVATURE):
        step = 1 + VALUES["momentum"] - RATE * curvature
        roots = np.roots([1, -step, VALUES["momentum"]]).astype(complex)
        first = np.array([START[i], (1 - RATE * curvature) * START[i]])
        weights = np.linalg.solve(np.array([[1, 1], roots]), first)
        assert w[i] == pytest.approx((weights @ roots**7).real)


def test_adam_and_adagrad_as_published():
    w, m, v = START.copy(), 0.0, 0.0
    for t in range(1, 8):
        g = CURVATURE * w
        m, v = 0.7 * m + 0.3 * g, 0.9 * v + 0.1 * g**2
        # ε is added to the root before its correction, as in section 2 and scikit-learn
        unbiased = m / (1 - 0.7**t) * np.sqrt(1 - 0.9**t)
        w = w - RATE * unbiased / (np.sqrt(v) + 1e-3)
    np.testing.assert_allclose(descend("adam", VALUES)[0], w)
    w, total = START.copy(), 0.0
    for _ in range(7):
        g = CURVATURE * w
        total = total + g**2
        w = w - RATE * g / (np.sqrt(total) + 1e-3)
    np.testing.assert_allclose(descend("adagrad", VALUES)[0], w)


@pytest.mark.parametrize(
    ("optimizer", "name"), [(o, name) for o in OPTIMIZERS for name in OPTIMIZERS[o].names]
)
def test_derivatives(optimizer, name):
    h = 1e-6
    ends = [descend(optimizer, VALUES | {name: VALUES[name] + s})[0] for s in (h, -h)]
    _, dw = descend(optimizer, VALUES, d_values={name: np.array([1.0, 0.0, -2.0])})
    expected = np.outer([1, 0, -2], (ends[0] - ends[1]) / (2 * h))
    np.testing.assert_allclose(dw, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["adam", "adagrad"])
def test_a_weight_without_gradient_has_no_derivative(name):
    optimizer = OPTIMIZERS[name]
    S, dS = np.zeros((optimizer.n_slots, 1)), np.zeros((optimizer.n_slots, 1, 1))
    g, dg = np.zeros(1), np.zeros((1, 1))
    d, S_new = optimizer.step(S, g, 1, VALUES)
    at = Step(S, S_new, g, d, 1, VALUES)
    dd, _ = optimizer.d_step(at, dS, dg, {"beta_1": np.ones(1)})
    assert d == 0
    assert dd == 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    schedule = SCHEDULES[name]
    rates = [schedule.factor(e, 0.3, 10) for e in range(10)]
    assert rates[0] == 1
    assert np.all(np.diff(rates) <= 0)
    assert min(rates) > 0
    for e in range(10):
        slope = (schedule.factor(e, 0.3 + 1e-6, 10) - schedule.factor(e, 0.3 - 1e-6, 10)) / 2e-6
        assert schedule.slope(e, 0.3, 10) == pytest.approx(slope, abs=1e-8)
        assert bool(schedule.names) or slope == 0
