"""Polished support vector machines: against the conditions of optimality and libsvm."""

import numpy as np
import pytest
from scipy import linalg
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.svm import SVC, SVR

from skhyper.hypergradient import _active_set
from skhyper.hypergradient._active_set import Bordered, Machine, polish

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
VALUES = np.sin(2 * X[:, 0]) + 0.3 * X[:, 1] + 0.2 * rng.normal(size=120)
LABELS = np.where(VALUES > 0.2, 1.0, -1.0)
KERNELS = {"rbf": rbf_kernel(X, gamma=0.5), "linear": linear_kernel(X)}
KERNELS["doubled"] = rbf_kernel(X[np.arange(120) % 40], gamma=0.5)


def libsvm(K, y, C, epsilon, tol):
    """Coefficients and intercept of scikit-learn."""
    if epsilon is None:
        fitted = SVC(C=C, kernel="precomputed", tol=tol).fit(K, y)
    else:
        fitted = SVR(C=C, epsilon=epsilon, kernel="precomputed", tol=tol).fit(K, y)
    beta = np.zeros(len(y))
    beta[fitted.support_] = fitted.dual_coef_[0]
    return beta, fitted.intercept_[0]


def check_conditions(machine, solution, tolerance=1e-8):
    """The Karush-Kuhn-Tucker conditions, written independently of the solver."""
    beta, C = solution.beta, machine.upper
    f = machine.K @ beta + solution.b
    assert abs(beta.sum()) < tolerance
    assert (np.abs(beta) <= C * (1 + tolerance)).all()
    if machine.epsilon is None:
        size, gap = machine.y * beta, machine.y * f - 1
        assert (size >= -tolerance).all()
        assert (gap[size < C * (1 - tolerance)] >= -tolerance).all()
        assert (gap[size > tolerance] <= tolerance).all()
        return
    error = machine.y - f
    assert (error[beta > tolerance] >= machine.epsilon - tolerance).all()
    assert (error[beta < -tolerance] <= tolerance - machine.epsilon).all()
    inside = np.abs(beta) < C * (1 - tolerance)
    assert (np.abs(error[inside]) <= machine.epsilon + tolerance).all()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("C", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("epsilon", [None, 0.0, 0.1, 5.0])
@pytest.mark.parametrize("tol", [1e-1, 1e-3])
def test_the_conditions_hold(kernel, C, epsilon, tol):
    K, y = KERNELS[kernel], LABELS if epsilon is None else VALUES
    machine = Machine(K, y, np.full(120, C), epsilon)
    beta, b = libsvm(K, y, C, epsilon, tol)
    solution = polish(machine, beta, b)
    assert solution.exact
    check_conditions(machine, solution)
    beta, b = libsvm(K, y, C, epsilon, 1e-10)
    np.testing.assert_allclose(K @ solution.beta + solution.b, K @ beta + b, atol=2e-4)


def test_it_gives_up_on_what_takes_too_long(monkeypatch):
    machine = Machine(KERNELS["rbf"], VALUES, np.full(120, 3.0), 0.1)
    beta, b = libsvm(machine.K, VALUES, 3.0, 0.1, 1.0)
    monkeypatch.setattr(_active_set, "_MAX_WORK", -(120.0**3) + 1)
    solution = polish(machine, beta, b)
    assert not solution.exact
    np.testing.assert_array_equal(solution.beta, beta)
    assert solution.b == b
    np.testing.assert_array_equal(solution.rows, np.flatnonzero(solution.free))
    assert solution.system is not None


def test_coefficients_at_their_bounds_that_do_not_sum_to_zero():
    machine = Machine(np.eye(3), np.array([1.0, 2.0, 3.0]), np.ones(3), 0.1)
    for beta in ([1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [1.0, 1.0, -1.0]):
        solution = polish(machine, np.array(beta), 0.5)
        assert solution.exact
        np.testing.assert_allclose(solution.beta, [-0.9, 0, 0.9], atol=1e-12)
        assert solution.b == pytest.approx(2.0)
    machine = Machine(np.eye(4), np.array([1.0, 1.0, -1.0, -1.0]), np.full(4, 5.0), None)
    solution = polish(machine, np.array([5.0, 0.0, 0.0, 0.0]), 0.5)
    assert solution.exact
    np.testing.assert_allclose(solution.beta, [1, 1, -1, -1])


@pytest.mark.parametrize("b, expected", [(1.0, 2.0), (-6.0, -6.0), (10.0, 10.0), (9.9, 10.0)])
def test_the_intercept_is_in_the_middle_or_at_the_end_where_it_was(b, expected):
    machine = Machine(np.eye(2), np.array([0.0, 4.0]), np.ones(2), 10.0)
    assert polish(machine, np.zeros(2), b).b == expected


def test_the_intercept_without_support_vectors_is_in_the_middle():
    y = np.array([0.0, 1.0, 4.0])
    solution = polish(Machine(np.eye(3), y, np.ones(3), 10.0), np.zeros(3), 0.0)
    assert solution.exact
    assert solution.b == 2.0
    assert sorted(solution.rows) == [0, 2]


def test_bordered_equations():
    K = KERNELS["rbf"][:20, :20]
    system = Bordered(K)
    p = rng.normal(size=20)
    x, c = system.solve(p, 0.7)
    np.testing.assert_allclose(K @ x + c, p, atol=1e-8)
    assert x.sum() == pytest.approx(0.7)
    assert not system.singular
    assert not system.unsolvable(p).any()


def test_bordered_equations_that_are_singular():
    K = KERNELS["linear"][:20, :20]
    system = Bordered(K)
    assert system.singular
    M = np.block([[K, np.ones((20, 1))], [np.ones((1, 20)), np.zeros((1, 1))]])
    side = M @ rng.normal(size=21)
    x, c = system.solve(side[:-1], side[-1])
    np.testing.assert_allclose(M @ np.append(x, c), side, atol=1e-9)
    assert np.abs(system.unsolvable(side[:-1])).max() < 1e-9
    # What is off the span of X and of the intercept is what has no solution.
    p = rng.normal(size=20)
    basis = linalg.orth(np.column_stack([X[:20], np.ones(20)]))
    np.testing.assert_allclose(system.unsolvable(p), p - basis @ (basis.T @ p), atol=1e-9)
