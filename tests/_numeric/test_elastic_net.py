"""The solver of one and of several outputs, against scikit-learn's."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet

from skhyper._numeric import Centered, ElasticNetSolver

rng = np.random.default_rng(0)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csc_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_solutions_and_adjoints(n_outputs, kind):
    X = rng.normal(size=(50, 90)) * (rng.random((50, 90)) < 0.5)
    Y = X[:, :5] @ rng.normal(size=(5, n_outputs)) + 0.5 * rng.normal(size=(50, n_outputs))
    Yc = Y - Y.mean(axis=0)
    solver = ElasticNetSolver.from_data(Centered.from_data(kind(X), np.ones(50), True), Yc, True)
    assert not solver_at(solver, 1.01 * solver.largest_correlation, 0.0).W.any()
    for alpha in (0.3, 0.05):
        W = solver_at(solver, 0.7 * alpha, 0.3 * alpha).W
        assert solver.exact
        model = (MultiTaskElasticNet if n_outputs > 1 else ElasticNet)(
            alpha, l1_ratio=0.7, tol=1e-13, max_iter=1_000_000
        ).fit(X, Y if n_outputs > 1 else Y[:, 0])
        np.testing.assert_allclose(W, np.atleast_2d(model.coef_).T, atol=1e-7)
    # The derivative of W by a linear term of the objective, on the support, is -H⁻¹.
    S, step = solver.support, 1e-6
    V = np.zeros_like(W)
    V[S] = rng.normal(size=(len(S), n_outputs))
    U = solver.solve(V)

    def gradient(W_S):
        Xc = X[:, S] - X[:, S].mean(axis=0)
        N = W_S / np.linalg.norm(W_S, axis=1, keepdims=True)
        return Xc.T @ (Xc @ W_S - Yc) / 50 + 0.015 * W_S + 0.035 * N

    HU = (gradient(W[S] + step * U[S]) - gradient(W[S] - step * U[S])) / (2 * step)
    np.testing.assert_allclose(HU, V[S], atol=1e-3)


def solver_at(solver, l1, l2):
    solver.minimize(np.full(90, l1), np.full(90, l2))
    return solver


def test_coordinate_descent_is_scikit_learns_where_it_converges():
    X, y = rng.normal(size=(60, 5)), rng.normal(size=60)
    yc = (y - y.mean())[:, None]
    solver = ElasticNetSolver.from_data(Centered.from_data(X, np.ones(60), True), yc, True)
    solver.minimize(np.full(5, 1e-3), np.zeros(5))
    coef = Lasso(1e-3, tol=1e-6).fit(X, y).coef_
    np.testing.assert_allclose(
        solver.coordinate_descent(1e-3, 1.0, 1e-6, 1000)[:, 0], coef, rtol=1e-12
    )
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        assert solver.coordinate_descent(1e-3, 1.0, 1e-12, 2) is None
