"""Support vector machines: against differences of exact solutions, and of libsvm's.

libsvm stores its kernel matrix in single precision: scikit-learn's coefficients are those of a
kernel that is off by 6e-8, whatever the tolerance, and differences of its fits are off by 1e-4
to 1e-2. So what is compared with differences of scikit-learn's fits is so to 2e-2; to 1e-6 it is
with differences of the problem's own solutions, which are scikit-learn's to that precision and
fulfil the conditions of optimality (test_active_set.py).
"""

import numpy as np
import pytest
from hypergradient.problems import Session
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from skhyper.hypergradient import (
    NotDifferentiableError,
    _active_set,
    check_hypergradient,
    inner_problem,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
VALUES = np.sin(2 * X[:, 0]) + 0.3 * X[:, 1] ** 2 + 0.2 * rng.normal(size=90)
TWO = np.array(["no", "yes"])[(VALUES > 0.2).astype(int)]
FOUR = np.digitize(VALUES, [-0.5, 0.1, 0.8])
WEIGHTS = rng.uniform(0.5, 1.5, 90)
WEIGHTS[[0, 7, 30]] = 0
TRAIN, TEST = slice(0, 60), slice(60, 90)
SETTINGS = {
    "rbf": {"gamma": 0.3},
    "poly": {"gamma": 0.2, "coef0": 0.7},
    "sigmoid": {"gamma": 0.02, "coef0": 0.3},
    "linear": {},
}


def method_of(estimator):
    return "decision_function" if is_classifier(estimator) else "predict"


def check_exactly(estimator, X, y, params, rtol=1e-6, **fit_params):
    """The gradient against differences of the problem's own solutions, name by name."""
    method, v = method_of(estimator), None
    problem = Session(estimator)
    problem.load(X[TRAIN], y[TRAIN], **{k: w[TRAIN] for k, w in fit_params.items()})
    test = X[TEST]

    def output(params):
        fitted = problem.fit(params)
        assert all(solution.exact for solution in problem.fitted.solutions)
        found = problem.predict(test, method)
        if is_classifier(fitted):
            fitted.set_params(decision_function_shape="ovo")
        theirs = getattr(fitted, method)(test)
        np.testing.assert_allclose(found, theirs, atol=1e-2 if fitted.tol > 1e-4 else 1e-5)
        return found

    v = rng.normal(size=output(params).shape)
    gradient = problem.vjp(v).params
    assert set(gradient) == set(problem.names)
    size = max(abs(gradient[n] * params[n]) for n in params)
    for name, value in params.items():
        h = 1e-6 * value
        ends = [np.vdot(v, output({**params, name: value + step})) for step in (h, -h)]
        found = gradient[name]
        expected = (ends[0] - ends[1]) / (2 * h)
        assert found * value == pytest.approx(expected * value, rel=rtol, abs=rtol * size + 1e-7)
    return problem


@pytest.mark.parametrize("kernel", SETTINGS)
@pytest.mark.parametrize("weighted", [True, False])
def test_svr(kernel, weighted):
    fit_params = {"sample_weight": WEIGHTS} if weighted else {}
    settings = SETTINGS[kernel]
    svr = SVR(kernel=kernel, C=1.5, epsilon=0.15, tol=1e-10, **settings)
    assert inner_problem(svr).names == ("C", "epsilon", *settings)
    check_exactly(svr, X, VALUES, {"C": 1.5, "epsilon": 0.15, **settings}, **fit_params)
    check_hypergradient(svr, X, VALUES, fit_params=fit_params, step=1e-4, rtol=2e-2)


@pytest.mark.parametrize("kernel", SETTINGS)
@pytest.mark.parametrize("y", [TWO, FOUR], ids=["two", "four"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_svc(kernel, y, class_weight):
    # A sigmoid with less gamma has machines without free samples, and class weights then let
    # rounding decide on the intercept.
    settings = {**SETTINGS[kernel], "gamma": 0.1} if kernel == "sigmoid" else SETTINGS[kernel]
    svc = SVC(kernel=kernel, C=2.5, class_weight=class_weight, tol=1e-10, **settings)
    assert inner_problem(svc).names == ("C", *settings)
    check_exactly(svc, X, y, {"C": 2.5, **settings})
    if kernel in ("rbf", "poly"):
        check = check_hypergradient(svc, X, y, step=1e-4, rtol=2e-2)
        assert "log-loss of the calibrated decision values" in check.criterion


@pytest.mark.parametrize("y", [TWO, FOUR], ids=["two", "four"])
def test_decisions_of_pairs(y):
    svc = SVC(gamma=0.3, tol=1e-10)
    problem = check_exactly(svc, X, y, {"C": 0.7, "gamma": 0.2}, sample_weight=WEIGHTS)
    problem.load(X, y)
    fitted = problem.fit({}).set_params(decision_function_shape="ovo")
    found = problem.predict(X, "decision_function")
    np.testing.assert_allclose(found, fitted.decision_function(X), atol=1e-4)


@pytest.mark.parametrize("estimator", [SVR(), SVC()], ids=["svr", "svc"])
def test_libsvm_at_its_usual_tolerance(estimator):
    y = FOUR if is_classifier(estimator) else VALUES
    check_exactly(estimator, X, y, {"C": 3.0, "gamma": 0.2})


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("estimator", [SVR(tol=1e-6), SVC(tol=1e-6)], ids=["svr", "svc"])
def test_sparse_data(kernel, estimator):
    y = FOUR if is_classifier(estimator) else VALUES
    S = sparse.csr_matrix(X * (np.abs(X) > 0.5))
    settings = SETTINGS[kernel]
    estimator = estimator.set_params(kernel=kernel)
    check_exactly(estimator, S, y, {"C": 1.5, **settings}, sample_weight=WEIGHTS)
    problems = [Session(estimator) for _ in range(2)]
    for problem, data in zip(problems, [S, S.toarray()]):
        problem.load(data, y)
        problem.fit({})  # gamma="scale" of sparse data
    found = [p.predict(S, method_of(estimator)) for p in problems[:1]]
    found.append(problems[1].predict(S.toarray(), method_of(estimator)))
    np.testing.assert_allclose(found[0], found[1], atol=1e-7)


def test_gamma_that_is_learned_is_a_constant_or_a_number():
    for gamma, number in (("scale", 1 / (4 * X.var())), ("auto", 1 / 4)):
        learned, given = Session(SVR(gamma=gamma)), Session(SVR())
        learned.load(X, VALUES)
        given.load(X, VALUES)
        learned.fit({})
        given.fit({"gamma": number})
        outputs = [p.predict(X, "predict") for p in (learned, given)]
        np.testing.assert_allclose(*outputs, rtol=1e-10)


def test_kernels_of_which_nothing_is_known():
    def own(A, B):
        return rbf_kernel(A, B, gamma=0.3)

    known = Session(SVR(gamma=0.3, tol=1e-10))
    callable_, given = Session(SVR(kernel=own)), Session(SVR(kernel="precomputed"))
    assert callable_.names == given.names == ("C", "epsilon")
    assert "is not supported" in callable_.traits.why_not
    K = own(X, X)
    gradients = []
    for problem, A in ((known, X), (callable_, X), (given, K)):
        train = A[:60, :60] if problem is given else A[:60]
        problem.load(train, VALUES[:60])
        problem.fit({"C": 2.0})
        problem.predict(A[60:, :60] if problem is given else A[60:], "predict")
        gradient, d_train, _ = problem.vjp(np.ones(30), data=True)
        gradients.append([gradient[n] for n in ("C", "epsilon")])
        assert (d_train is None) == (problem is not known)
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-8)
    np.testing.assert_allclose(gradients[2], gradients[0], rtol=1e-8)


@pytest.mark.parametrize("estimator", [SVC(), SVR(epsilon=0.5)], ids=["svc", "svr"])
def test_without_free_support_vectors(estimator):
    # Balanced and with a small C every coefficient is at its bound.
    A = np.vstack([X[:30] + 2, X[:30] - 2]) + 0.1 * rng.normal(size=(60, 4))
    y = np.repeat([3.0, -3.0], 30) + 0.5 * rng.normal(size=60)
    y = np.sign(y) if is_classifier(estimator) else y
    order = rng.permutation(60)
    train, test, v = A[order], X[:30], rng.normal(size=30)
    problem = Session(estimator)
    problem.load(train, y[order])
    params = {"C": 1e-3, "gamma": 0.1}
    if not is_classifier(estimator):
        params["epsilon"] = 0.5

    def value(params):
        problem.fit(params)
        (solution,) = problem.fitted.solutions
        assert solution.exact
        assert not solution.free.any()
        return v @ problem.predict(test, method_of(estimator))

    value(params)
    gradient = problem.vjp(v).params
    for name, own in params.items():
        ends = [value({**params, name: own * (1 + h)}) for h in (1e-6, -1e-6)]
        found = own * gradient[name]
        assert found == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_class_weights_that_balance_the_bounds():
    # All coefficients are at their bounds, up to rounding: libsvm takes one of them as free.
    svc = SVC(kernel="sigmoid", C=0.5, class_weight="balanced", **SETTINGS["sigmoid"])
    svc.set_params(decision_function_shape="ovo", tol=1e-8)
    problem = Session(svc)
    problem.load(X[TRAIN], FOUR[TRAIN])
    fitted = problem.fit({})
    assert not any(solution.free.any() for solution in problem.fitted.solutions)
    assert all(solution.exact for solution in problem.fitted.solutions)
    found = problem.predict(X[TEST], "decision_function")
    np.testing.assert_allclose(found, fitted.decision_function(X[TEST]), atol=1e-5)


def test_without_support_vectors():
    svr = SVR(epsilon=10.0, gamma=0.3)
    problem = check_exactly(svr, X, VALUES, {"C": 1.0, "epsilon": 10.0, "gamma": 0.3})
    assert not problem.fitted.solutions[0].beta.any()


def test_the_same_points_twice():
    A, y = np.vstack([X[:30], X[:30], X[30:60]]), np.concatenate([VALUES[:60], VALUES[30:60]])
    check_exactly(SVR(tol=1e-10), A, y, {"C": 1.0, "epsilon": 0.1, "gamma": 0.3})


def test_a_solution_that_is_not_polished(monkeypatch):
    def gradient():
        problem = Session(SVR(gamma=0.3, tol=1e-8))
        problem.load(X, VALUES)
        problem.fit({})
        problem.predict(X, "predict")
        gradient = problem.vjp(VALUES).params
        return problem, [gradient[n] for n in problem.names]

    _, expected = gradient()
    monkeypatch.setattr(_active_set, "_MAX_WORK", -1e9)
    problem, found = gradient()
    assert not problem.fitted.solutions[0].exact
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("kernel", SETTINGS)
@pytest.mark.parametrize("estimator", [SVC(), SVR()], ids=["svc", "svr"])
def test_derivatives_by_the_data(kernel, estimator):
    y = FOUR if is_classifier(estimator) else VALUES
    settings = {**SETTINGS[kernel], "gamma": "scale"}
    estimator = estimator.set_params(kernel=kernel, **settings)

    def solve(train, test):
        problem = Session(estimator)
        problem.load(train, y[TRAIN], sample_weight=WEIGHTS[TRAIN])
        problem.fit({})
        assert all(solution.exact for solution in problem.fitted.solutions)
        return problem, problem.predict(test, method_of(estimator))

    problem, output = solve(X[TRAIN], X[TEST])
    v = rng.normal(size=output.shape)
    _, d_train, d_test = problem.vjp(v, data=True)
    E, F, h = rng.normal(size=X[TRAIN].shape), rng.normal(size=X[TEST].shape), 1e-6
    ends = [solve(X[TRAIN] + s * E, X[TEST] + s * F)[1] for s in (h, -h)]
    expected = np.vdot(v, ends[0] - ends[1]) / (2 * h)
    assert np.sum(d_train * E) + np.sum(d_test * F) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_what_is_refused():
    problem = Session(SVC())
    problem.load(X, TWO)
    problem.fit({})
    with pytest.raises(NotDifferentiableError, match="but not of 'predict_proba'"):
        problem.predict(X, "predict_proba")

    class Halved(SVR):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict' of SVR"):
        inner_problem(Halved())
    assert inner_problem(make_pipeline(StandardScaler(), SVR())).names[0] == "svr__C"
