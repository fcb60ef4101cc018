"""Newton's steps from the solutions of scikit-learn's solvers."""

import numpy as np
from hypergradient.problems import Session, designs, target
from sklearn.linear_model import LogisticRegression

from skhyper.hypergradient import _linear_newton

X = designs()["tall"]


def test_a_solution_that_stopped_early_is_polished():
    y = target(X, "binary")
    loose, tight = (
        LogisticRegression(tol=tol, solver=s)
        for tol, s in ((1e-1, "lbfgs"), (1e-12, "newton-cholesky"))
    )
    problem = Session(loose)
    problem.load(X, y)
    early = problem.fit({"C": 1.0}).predict_proba(X)
    tight = LogisticRegression(tol=1e-12, solver="newton-cholesky")
    exact = tight.fit(X, y).predict_proba(X)
    assert np.abs(early - exact).max() > 1e-4
    np.testing.assert_allclose(problem.predict(X, "predict_proba"), exact, atol=1e-10)


def test_settings_next_to_each_other_share_a_factor(monkeypatch):
    made = []
    factor = _linear_newton.softmax_preconditioner
    monkeypatch.setattr(
        _linear_newton, "softmax_preconditioner", lambda *system: made.append(1) or factor(*system)
    )
    problem = Session(LogisticRegression())
    problem.load(X, target(X, "classes"))
    for C in (1.0, 1.2, 0.8):
        problem.fit({"C": C})
        P = problem.predict(X, "predict_proba")
        problem.vjp(np.arange(float(P.size)).reshape(P.shape))
    assert len(made) == 1
