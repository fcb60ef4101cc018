"""Ridge regression and classification: against scikit-learn's fits and differences of them."""

import numpy as np
import pytest
from hypergradient.problems import Session
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.model_selection import KFold, cross_val_score

from skhyper import GradientSearchCV
from skhyper._numeric import _shifted
from skhyper.exceptions import SkhyperWarning
from skhyper.hypergradient import NotDifferentiableError, _ridge, check_hypergradient, inner_problem

rng = np.random.default_rng(0)
TALL = rng.normal(size=(90, 12)) + 1
WIDE = rng.normal(size=(60, 150)) * np.geomspace(1, 10, 150)
SPARSE = sparse.random(90, 40, density=0.2, random_state=0, format="csr")


def target(X, n_outputs=None):
    W = rng.normal(size=(X.shape[1], n_outputs or 1))
    Y = X @ W + rng.normal(size=(X.shape[0], n_outputs or 1))
    return Y if n_outputs else Y[:, 0]


@pytest.mark.parametrize("X", [TALL, WIDE, SPARSE], ids=["tall", "wide", "sparse"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("n_outputs", [None, 3])
def test_ridge(X, intercept, weighted, n_outputs):
    y = target(X, n_outputs)
    fit_params = {"sample_weight": rng.random(len(y))} if weighted else {}
    ridge = Ridge(alpha=2.0, fit_intercept=intercept, tol=1e-12)
    check_hypergradient(ridge, X, y, fit_params=fit_params)
    problem = Session(ridge)
    problem.load(X, y, **fit_params)
    ours, theirs = problem.fit({"alpha": 0.3}), clone(ridge).set_params(alpha=0.3)
    theirs.fit(X, y, **fit_params)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(problem.predict(X, "predict"), theirs.predict(X), rtol=1e-7)


def test_one_penalty_for_each_output():
    check = check_hypergradient(Ridge(alpha=np.array([0.5, 5.0])), TALL, target(TALL, 2))
    assert check.gradient["alpha"].shape == (2,)


@pytest.mark.parametrize("scoring", [None, "balanced_accuracy"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_ridge_classifier(scoring, n_classes, class_weight):
    values = target(TALL)
    y = np.digitize(values, np.quantile(values, [0.4, 0.7][: n_classes - 1]))
    classifier = RidgeClassifier(alpha=20.0, class_weight=class_weight)
    check_hypergradient(classifier, TALL, y, scoring=scoring)


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="positive=True"):
        inner_problem(Ridge(positive=True))

    class Halved(Ridge):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict' of Ridge"):
        inner_problem(Halved())


@pytest.mark.parametrize("alpha", [1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_small_penalties_with_more_features_than_samples(alpha, scale):
    X = scale * np.random.default_rng(0).normal(size=(40, 100))
    y = X[:, 0] / scale + np.random.default_rng(1).normal(size=40)
    problem = Session(Ridge())
    problem.load(X[:30], y[:30])
    problem.fit({"alpha": alpha})
    expected = Ridge(alpha=alpha, solver="svd").fit(X[:30], y[:30]).predict(X[30:])
    np.testing.assert_allclose(problem.predict(X[30:], "predict"), expected, rtol=1e-6)
    check_hypergradient(Ridge(alpha=1e-2), X, y)


def test_solvers_that_stop_are_left_to_stop():
    y = target(TALL)
    loose = Ridge(solver="lsqr", tol=0.5)
    problem = Session(loose)
    problem.load(TALL, y)
    fitted, theirs = problem.fit({"alpha": 1.0}), clone(loose).fit(TALL, y)
    np.testing.assert_array_equal(fitted.coef_, theirs.coef_)
    exact = Ridge().fit(TALL, y).predict(TALL)
    np.testing.assert_allclose(problem.predict(TALL, "predict"), exact, rtol=1e-8)


@pytest.mark.parametrize("n_outputs", [None, 2])
def test_large_sparse_data_by_conjugate_gradients(monkeypatch, n_outputs):
    monkeypatch.setattr(_ridge, "_LARGEST_SPARSE_GRAM", 0)
    y = target(SPARSE, n_outputs)
    check_hypergradient(Ridge(alpha=2.0, tol=1e-12), SPARSE, y)
    problem = Session(Ridge())
    problem.load(SPARSE, y)
    fitted, theirs = problem.fit({"alpha": 0.3}), Ridge(0.3).fit(SPARSE, y)
    np.testing.assert_array_equal(fitted.coef_, theirs.coef_)
    exact = Ridge(0.3).fit(SPARSE.toarray(), y).predict(SPARSE.toarray())
    np.testing.assert_allclose(problem.predict(SPARSE, "predict"), exact, rtol=1e-6, atol=1e-8)
    assert not problem.fold.caches


@pytest.mark.parametrize("largest", [0, 1000])
@pytest.mark.parametrize("alpha", [1e-4, 1e-2])
def test_sparse_columns_of_very_different_scales(monkeypatch, largest, alpha):
    """The slope was up to 27 times too small, by conjugate gradients that did not end."""
    monkeypatch.setattr(_ridge, "_LARGEST_SPARSE_GRAM", largest)
    X = sparse.csr_matrix(SPARSE @ sparse.diags(np.geomspace(1e-2, 1e2, 40)))
    y = np.random.default_rng(0).normal(size=90)
    slopes = []
    for data in (X, X.toarray()):
        problem = Session(Ridge())
        problem.load(data[:60], y[:60])
        problem.fit({"alpha": alpha})
        residuals = problem.predict(data[60:], "predict") - y[60:]
        slopes.append(problem.vjp(residuals).params["alpha"])
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-6)


def test_conjugate_gradients_that_do_not_end_say_so(monkeypatch):
    monkeypatch.setattr(_ridge, "_LARGEST_SPARSE_GRAM", 0)
    powers = np.linspace(0, 1, 60)[:, None] ** np.arange(1, 25)
    problem = Session(Ridge())
    problem.load(sparse.csr_matrix(powers), np.arange(60.0) % 7)
    problem.fit({"alpha": 0.0})
    with pytest.raises(NotDifferentiableError, match="dominated by rounding"):
        problem.predict(powers, "predict")


@pytest.mark.parametrize("X", [TALL, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize("inputs", [True, False])
def test_every_way_to_many_penalties(X, inputs):
    """Cholesky's at first, then an eigendecomposition: against the system written out."""
    y, test, v = target(X), rng.normal(size=(30, X.shape[1])), rng.normal(size=30)
    problem = Session(Ridge())
    problem.load(X, y)
    Xc, dw = X - X.mean(axis=0), (test - X.mean(axis=0)).T @ v[:, None]
    for alpha in np.geomspace(1e-3, 1e3, 2 * _shifted.MAX_FACTORS):
        K = Xc @ Xc.T + alpha * np.eye(len(X))  # the way that loses no digits to small penalties
        c, s = np.linalg.solve(K, np.column_stack([y - y.mean(), Xc @ dw])).T
        w = Xc.T @ c
        fitted = problem.fit({"alpha": alpha})
        np.testing.assert_allclose(fitted.coef_, w, rtol=1e-6, atol=1e-8)
        problem.predict(test, "predict")
        slope = problem.vjp(v, data=inputs).params["alpha"]
        u = np.linalg.norm(dw) / alpha  # at most the length of the adjoint
        assert slope == pytest.approx(-c @ s, rel=1e-6, abs=1e-9 * u)


def test_penalties_are_checked():
    problem = Session(Ridge())
    problem.load(TALL, target(TALL))
    with pytest.raises(ValueError, match="'alpha' parameter of Ridge"):
        problem.fit({"alpha": -1.0})


RAW = np.random.default_rng(0).uniform(0, 100, size=(80, 1)) ** np.arange(1, 6)
WAVE = np.sin(RAW[:, 0] / 20) + 0.05 * np.random.default_rng(1).normal(size=80)
EQUAL = np.repeat(np.random.default_rng(0).normal(size=(80, 3)), 2, axis=1)


@pytest.mark.filterwarnings("ignore:.*ll-conditioned", "ignore:Singular matrix")
@pytest.mark.parametrize(
    ("X", "y", "alpha"),
    [
        (RAW, WAVE, 1e-4),
        (RAW, WAVE, 1e3),
        (RAW[:, [0, 0, 0]] * [1e8, 1, 1] + RAW[:, :3] ** 0.5, WAVE, 1e-3),
        (EQUAL, EQUAL @ np.arange(6.0), 0.0),
    ],
    ids=["powers", "powers, penalised", "scales", "equal columns"],
)
def test_what_a_gram_matrix_loses(X, y, alpha):
    """Scores are scikit-learn's own, slopes those of a solution by QR."""
    problem = Session(Ridge())
    problem.load(X[:60], y[:60])
    fitted = problem.fit({"alpha": alpha})
    theirs = Ridge(alpha).fit(X[:60], y[:60]).predict(X[60:])
    np.testing.assert_allclose(fitted.predict(X[60:]), theirs, rtol=1e-9)
    mean, scale = X[:60].mean(axis=0), X[:60].std(axis=0)

    def exact(alpha):
        """By QR of columns of the same length."""
        rows = np.vstack([(X[:60] - mean) / scale, np.sqrt(alpha) * np.diag(1 / scale)])
        target = np.concatenate([y[:60] - y[:60].mean(), np.zeros(len(mean))])
        w = np.linalg.lstsq(rows, target, rcond=1e-13)[0]
        return (X[60:] - mean) / scale @ w + y[:60].mean()

    predictions = problem.predict(X[60:], "predict")
    np.testing.assert_allclose(predictions, exact(alpha), rtol=1e-7, atol=1e-9)
    slope = problem.vjp(np.ones(20)).params["alpha"]
    h = 1e-3 * (alpha or 1)
    low = exact(alpha - h) if alpha else exact(0.0)
    between = (alpha or h / 2), (h if not alpha else 2 * h)
    expected = (exact(alpha + h) - low).sum() / between[1]
    assert slope == pytest.approx(expected, rel=1e-3)
    by_data = problem.vjp(np.ones(20), data=True)
    assert by_data.params["alpha"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("kind", ["sparse", "float32", "n x 1"])
def test_data_that_scikit_learn_solves_in_another_way(kind):
    y = target(TALL)
    X = {"sparse": SPARSE, "float32": TALL.astype("float32"), "n x 1": TALL}[kind]
    y = y[:, None] if kind == "n x 1" else y
    problem = Session(Ridge())
    problem.load(X, y)
    ours, theirs = problem.fit({"alpha": 0.3}), Ridge(0.3).fit(X, y)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.coef_.dtype == theirs.coef_.dtype
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)


def test_a_fold_of_one_class():
    problem = Session(RidgeClassifier())
    problem.load(TALL, np.full(90, "a"))
    assert set(problem.fit({"alpha": 0.3}).predict(TALL)) == {"a"}
    np.testing.assert_array_equal(problem.predict(TALL, "decision_function"), np.full(90, -1.0))


def test_folds_of_one_class_have_scores():
    y = np.repeat(["a", "b"], 45)
    options = {"cv": KFold(2), "scoring": "accuracy"}
    search = GradientSearchCV(RidgeClassifier(), {"alpha": (0.1, 10.0)}, n_iter=2, **options)
    with pytest.warns(SkhyperWarning, match="scores and no gradient"):
        search.fit(TALL, y)
    for trial in search.history_:
        theirs = cross_val_score(RidgeClassifier(**trial.params), TALL, y, **options)
        np.testing.assert_array_equal(trial.scores, theirs)
