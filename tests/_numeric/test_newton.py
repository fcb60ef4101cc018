"""Newton's method: the derivative of what it minimises is zero, from hard starts too."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric import Design, binomial, multinomial, newton
from skhyper._numeric._curvature import break_even_iterations
from skhyper._numeric._newton import step_length

rng = np.random.default_rng(0)


@pytest.mark.parametrize("family", [binomial, multinomial], ids=["binomial", "multinomial"])
@pytest.mark.parametrize("shape", [(60, 4), (20, 50)])
@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_optimality(family, shape, size, make):
    X, ones = size * rng.normal(size=shape), np.ones((shape[0], 1))
    classes = rng.integers(3, size=shape[0])
    Y = (classes[:, None] == (range(3) if family is multinomial else [1])).astype(float)
    a, penalties = rng.random(shape[0]), np.append(rng.uniform(0.1, 10, shape[1]), 0.0)
    Q = Design.from_blocks(make(X), ones)
    V, _, converged = newton(Q, Y, a, penalties, family, tol=1e-12, max_iter=50)
    assert converged
    G = Q.adjoint(a[:, None] * family.slope(Y, Q.apply(V))) + penalties[:, None] * V
    np.testing.assert_allclose(G, 0.0, atol=1e-6 * size)


@pytest.mark.parametrize("family", [binomial, multinomial], ids=["binomial", "multinomial"])
@pytest.mark.parametrize("conditioned", [True, False], ids=["well", "ill"])
@pytest.mark.parametrize("shape", [(400, 100), (60, 300)])
def test_rough_steps_arrive_too(family, conditioned, shape):
    # Iterations suffice, or what they may cost is spent and the system is factorized.
    own = np.random.default_rng(1)
    X = own.normal(size=shape)
    if not conditioned:
        X = X + 30 * own.normal(size=(1, shape[1])) + 10 * X[:, :1]
    y = X[:, 0] + own.logistic(size=shape[0]) - X[:, 0].mean()
    classes = np.digitize(y, [-0.5, 0.5])
    Y = (classes[:, None] == (range(3) if family is multinomial else [1])).astype(float)
    penalties = np.append(10 ** own.uniform(-1, 2, shape[1]), 0.0)
    Q, a = Design.from_blocks(X, np.ones((shape[0], 1))), own.random(shape[0])
    V, _, converged = newton(Q, Y, a, penalties, family, tol=1e-14, max_iter=100)
    assert converged
    G = Q.adjoint(a[:, None] * family.slope(Y, Q.apply(V))) + penalties[:, None] * V
    start = Q.adjoint(a[:, None] * family.slope(Y, np.zeros_like(Y)))
    assert np.abs(G).max() < 1e-7 * np.abs(start).max()


def test_the_budget_of_iterations():
    ones = np.ones((400, 1))
    small, large = (Design.from_blocks(rng.normal(size=(400, p)), ones) for p in (10, 300))
    assert break_even_iterations(small, np.ones(11), 1) == 0
    assert 1 < break_even_iterations(large, np.ones(301), 1) < 1000
    assert break_even_iterations(large, np.ones(301), 10) == np.inf


def test_it_says_where_it_does_not_arrive():
    Q = Design.from_blocks(rng.normal(size=(60, 4)), np.ones((60, 1)))
    Y = (rng.random((60, 1)) < 0.3).astype(float)
    _, n_iter, converged = newton(Q, Y, np.ones(60), np.zeros(5), binomial, tol=1e-12, max_iter=1)
    assert (n_iter, converged) == (1, False)


@pytest.mark.parametrize("seed", range(5))
def test_weights_that_leave_few_digits_of_the_minimum(seed):
    rng = np.random.default_rng(seed)
    X, classes = 20 * rng.normal(size=(50, 2)), rng.integers(3, size=50)
    a = np.where(classes == 0, 1e3, 1e-4)
    penalties = np.array([1.0, 1.0, 0.0])
    Q, Y = Design.from_blocks(X, np.ones((50, 1))), np.eye(3)[classes]
    V, _, converged = newton(Q, Y, a, penalties, multinomial, tol=1e-12, max_iter=40)
    assert converged
    residual = a[:, None] * multinomial.slope(Y, Q.apply(V))
    np.testing.assert_allclose(Q.adjoint(residual) + penalties[:, None] * V, 0.0, atol=1e-6)


def test_separated_classes_have_no_minimum():
    Q = Design.from_blocks(np.arange(10.0)[:, None], np.ones((10, 1)))
    Y = (np.arange(10.0)[:, None] > 4).astype(float)
    *_, converged = newton(Q, Y, np.ones(10), np.zeros(2), binomial, tol=1e-12, max_iter=100)
    assert not converged


@pytest.mark.parametrize(
    ("slope", "least", "most"),
    [
        (lambda t: t - 1, 1.0, 1.0),  # a parabola: Newton's step is right
        (lambda t: 1e6 * t - 1, 0.0, 2e-6),  # much too long
        (lambda t: t / 40 - 1, 20.0, 60.0),  # much too short
        (lambda t: np.inf if t > 0.3 else 10 * t - 1, 0.05, 0.15),  # beyond what is defined
    ],
)
def test_step_length(slope, least, most):
    t, decrement = step_length(slope, 64.0)
    assert decrement == 1.0
    assert least <= t <= most
    assert slope(t) <= 0.5


def test_no_step_uphill():
    assert step_length(lambda t: 1.0 + t) == (0.0, 0.0)
