"""Penalized linear regressions from one decomposition or path are those of plain fits."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, make_regression
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskLasso, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.reuse import check_shared_fit, shared_fit
from skhyper.reuse._training_data import recorded_training_data

X, y = load_diabetes(return_X_y=True)
X = X * 20
WIDE = make_regression(60, 100, noise=5.0, random_state=0)
CLASSES = load_breast_cancer(return_X_y=True)
TWO = np.column_stack([y, y[::-1] + X[:, 0]])
WEIGHTS = np.random.default_rng(0).random(len(y))
PENALTIES = [1.0, 1e-3, 30.0, 1e3]


def path(estimator, values, X, y, **params):
    """The fitted estimator, and those that are derived from it, by their values."""
    rule = shared_fit(estimator)
    assert rule.why_not == ""
    fitted = clone(estimator).set_params(**{rule.name: max(values)})
    with recorded_training_data(fitted, rule) as data:
        fitted.fit(X, y, **params)
    others = [value for value in values if value != max(values)]
    return fitted, dict(rule.fit_path(fitted, others, data[-1]))


@pytest.mark.parametrize("solver", ["auto", "svd"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "data", [(X, y), (X, TWO), (X, y[:, None]), WIDE], ids=["one", "two", "column", "wide"]
)
def test_ridge(data, fit_intercept, solver):
    model = Ridge(solver=solver, fit_intercept=fit_intercept)
    check_shared_fit(model, *data, PENALTIES)
    weights = WEIGHTS[: len(data[0])]
    check_shared_fit(model, *data, PENALTIES, fit_params={"sample_weight": weights})
    check_shared_fit(model, *data, PENALTIES, fit_params={"sample_weight": 2.0})


def test_classes():
    several = np.digitize(y, [100, 200])
    labels = np.column_stack([y > 100, y > 200]).astype(int)
    texts = np.array(["good", "bad"])[CLASSES[1]]
    for data in (CLASSES, (CLASSES[0], texts), (X, several), (X, labels)):
        check_shared_fit(make_pipeline(StandardScaler(), RidgeClassifier()), *data, PENALTIES)
    weights = {"sample_weight": np.random.default_rng(0).random(len(texts))}
    for class_weight in ("balanced", {"good": 3, "bad": 1}):
        model = RidgeClassifier(class_weight=class_weight)
        scaled = StandardScaler().fit_transform(CLASSES[0])
        check_shared_fit(model, scaled, texts, PENALTIES)
        check_shared_fit(model, scaled, texts, PENALTIES, fit_params=weights)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("options", [{}, {"positive": True}, {"precompute": True}], ids=str)
@pytest.mark.parametrize("model", [Lasso(tol=1e-7), ElasticNet(tol=1e-7)], ids=str)
def test_lasso(model, options, fit_intercept):
    model.set_params(**options, fit_intercept=fit_intercept, max_iter=10_000)
    values = [1.0, 0.1, 5.0, 100.0]
    for data in ((X, y), (X, TWO), WIDE):
        weights = {"sample_weight": WEIGHTS[: len(data[0])]}
        check_shared_fit(model, *data, values)
        check_shared_fit(model, *data, values, fit_params=weights)
    mixed = sparse.random(len(y), 60, 0.1, "csr", random_state=0)
    check_shared_fit(model, mixed, y, values)
    check_shared_fit(model, mixed, TWO, values, fit_params={"sample_weight": WEIGHTS})


def test_compositions_and_tables():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    for model in (Ridge(), Lasso(tol=1e-7)):
        check_shared_fit(model, table, pandas.Series(y), PENALTIES)
        logs = TransformedTargetRegressor(make_pipeline(StandardScaler(), model), func=np.log1p)
        logs.set_params(inverse_func=np.expm1, check_inverse=False)
        rule = check_shared_fit(make_pipeline(StandardScaler(), logs), table, y, [1.0, 0.1])
        assert rule.name.endswith("__alpha")


@pytest.mark.parametrize(
    "model", [Ridge(), RidgeClassifier(), Lasso(), ElasticNet(), Lasso(precompute=True)], ids=str
)
def test_attributes_are_those_of_a_plain_fit(model):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    targets = (y > 150,) if isinstance(model, RidgeClassifier) else (y, TWO)
    for target in targets:
        before = clone(model).set_params(alpha=2.0).fit(table, target)
        fitted, derived = path(model, [2.0, 0.5, 0.1], table, target)
        assert vars(fitted).keys() == vars(before).keys()
        np.testing.assert_array_equal(fitted.coef_, before.coef_)
        for value, found in derived.items():
            plain = clone(model).set_params(alpha=value).fit(table, target)
            assert vars(found).keys() == vars(plain).keys()
            assert found.get_params() == plain.get_params()
            for name, attribute in vars(plain).items():
                own = getattr(found, name)
                assert type(own) is type(attribute), name
                assert np.shape(own) == np.shape(attribute), name
                assert getattr(own, "dtype", None) == getattr(attribute, "dtype", None), name


def test_points_have_the_duality_gap_of_the_tolerance():
    tol = 1e-4
    _, derived = path(Lasso(tol=tol), [5.0, 1.0, 0.1], X, y)
    centered = y - y.mean()
    for value, found in derived.items():
        residual = centered - (X - X.mean(axis=0)) @ found.coef_
        correlations = np.abs((X - X.mean(axis=0)).T @ residual).max()
        dual = residual * min(1.0, len(y) * value / correlations)
        primal = residual @ residual / 2 + len(y) * value * np.abs(found.coef_).sum()
        gap = primal - (centered @ dual - dual @ dual / 2)
        assert 0 <= gap + 1e-9 <= 1.01 * tol * (centered @ centered)
        assert found.dual_gap_ * len(y) == pytest.approx(gap, abs=1e-6 * (centered @ centered))


def test_single_precision_is_that_of_a_plain_fit():
    single = X.astype(np.float32)
    assert path(Ridge(), [1.0, 2.0], single, y)[1] == {}
    _, derived = path(Lasso(), [1.0, 0.5], single, y)
    assert derived[0.5].coef_.dtype == np.float32
    assert derived[0.5].predict(single) == pytest.approx(
        Lasso(0.5).fit(single, y).predict(single), rel=0.03
    )


def test_ill_conditioned_and_sparse_ridges_are_fitted():
    assert path(Ridge(), [1.0, 0.1], sparse.csr_matrix(X), y)[1] == {}
    copies = np.column_stack([X, X])
    assert [*path(Ridge(), [1.0, 1e-9, 2.0], copies, y)[1]] == [1.0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_path_ends_where_it_does_not_converge():
    wide = make_regression(60, 100, noise=1.0, random_state=0)
    _, derived = path(Lasso(max_iter=20), [50.0, 20.0, 1e-4, 1e-5], *wide)
    assert [*derived] == [20.0]


@pytest.mark.parametrize(
    ("estimator", "why_not"),
    [
        (Ridge(solver="lsqr"), "solver='lsqr' is iterative"),
        (Ridge(positive=True), "positive=True"),
        (Ridge(copy_X=False), "copy_X=False"),
        (Lasso(copy_X=False), "copy_X=False"),
        (Lasso(warm_start=True), "warm_start=True"),
        (Lasso(precompute=np.eye(2)), "Gram"),
        (ElasticNet(selection="random"), "at random"),
    ],
    ids=str,
)
def test_why_not(estimator, why_not):
    assert why_not in shared_fit(estimator).why_not


def test_invalid_penalties_and_other_classes():
    assert not any(map(shared_fit(Ridge()).accepts, [0.0, -1.0, np.inf, np.ones(2), "1", True]))
    assert shared_fit(MultiTaskLasso()) is None
    for tol in (0.0, "none", None, np.nan):
        assert shared_fit(Lasso(tol=tol)).rtol > 0
