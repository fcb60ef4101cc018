"""Newton's steps from the solutions of scikit-learn's solvers."""

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.svm import LinearSVC

from skhyper._numeric import Design, _softmax
from skhyper.hypergradient import _linear

X = designs()["tall"]
ITERATED = [
    (LogisticRegression(), "binary"),
    (LogisticRegression(fit_intercept=False), "binary"),
    (LogisticRegression(solver="liblinear"), "binary"),
    (LogisticRegression(), "classes"),
    (LinearSVC(), "classes"),
    (PoissonRegressor(), "count"),
]


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
    factor = _softmax.softmax_preconditioner
    monkeypatch.setattr(
        _softmax, "softmax_preconditioner", lambda *system: made.append(1) or factor(*system)
    )
    problem = Session(LogisticRegression())
    problem.load(X, target(X, "classes"))
    for C in (1.0, 1.2, 0.8):
        problem.fit({"C": C})
        P = problem.predict(X, "predict_proba")
        problem.vjp(np.arange(float(P.size)).reshape(P.shape))
    assert len(made) == 1


@pytest.mark.filterwarnings("ignore:Liblinear failed")
@pytest.mark.parametrize(("tol", "accuracy"), [(1e-4, 2e-4), (1e-10, 1e-6)])
@pytest.mark.parametrize("shape", [(120, 40), (60, 200)])
@pytest.mark.parametrize(("estimator", "kind"), ITERATED)
def test_iterations_are_as_exact_as_the_estimator_is_asked_to_be(
    monkeypatch, estimator, kind, shape, tol, accuracy
):
    data = sparse.random(*shape, density=0.1, random_state=0, format="csr")
    estimator, y = clone(estimator).set_params(tol=tol), target(data, kind)
    values, slopes = [], []
    for largest in (_linear._SMALL, 0):  # by factorizations of dense copies, by iterations
        monkeypatch.setattr(_linear, "_SMALL", largest)
        problem = Session(estimator)
        problem.load(data, y)
        problem.fit({})
        method = "predict" if kind == "count" else "decision_function"
        values.append(problem.predict(data, method))
        d = np.random.default_rng(0).normal(size=values[-1].shape)
        slopes.append(problem.vjp(d).params["alpha" if kind == "count" else "C"])
    # Though scikit-learn's solution with a tolerance of 1e-4 may be 1e-2 from the exact one.
    np.testing.assert_allclose(values[1], values[0], atol=accuracy / 100 * np.abs(values[0]).max())
    assert slopes[1] == pytest.approx(slopes[0], rel=accuracy)


def test_data_with_more_features_than_samples_take_few_iterations(monkeypatch):
    # 50 with the Hessian: it has n large eigenvalues and p - n small ones.
    own, products, apply = np.random.default_rng(0), [], Design.apply
    data = sparse.random(400, 4000, density=0.02, random_state=0, format="csr")
    y = np.asarray(data @ own.normal(size=4000)).ravel() + own.normal(size=400) > 0
    monkeypatch.setattr(_linear, "_SMALL", 0)
    monkeypatch.setattr(Design, "apply", lambda *args: products.append(1) or apply(*args))
    problem = Session(LogisticRegression(C=1e3, max_iter=1000))
    problem.load(data, y)
    problem.fit({})
    P = problem.predict(data, "predict_proba")
    products.clear()
    problem.vjp(np.ones(P.shape) * [1.0, 0.0])
    assert len(products) < 25
