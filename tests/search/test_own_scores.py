"""Scores that searches by derivatives report are scikit-learn's own: all kinds of data."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import DataConversionWarning, FitFailedWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import LeaveOneOut, check_cv, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from skhyper import BayesSearchCV, GradientSearchCV
from skhyper.exceptions import SkhyperWarning
from skhyper.hypergradient import inner_problem
from skhyper.kernel import ARDKernelRidgeClassifier
from skhyper.linear_model import BandedLogisticRegression, BandedRidge
from skhyper.neural_network import MLPClassifier

rng = np.random.default_rng(0)
N = 36
X = 10 + 3 * rng.normal(size=(N, 4))
T = (X - 10) @ [1.0, 2.0, -1.0, 0.5] + 0.5 * rng.normal(size=N)
FRAME = pd.DataFrame(X, columns=list("abcd"), index=np.arange(N) * 7 % 41)
SPARSE = sparse.random(N, 6, density=0.4, random_state=0, format="csr")
PENALTY = (1e-2, 1e2, "log-uniform")


def checked(estimator, space, X, y, cls=GradientSearchCV, scoring=None, cv=3, **kw):
    """A search whose scores are those of scikit-learn, and which leaves its data alone."""
    data = [(part, part.copy()) for part in (X, y)]
    options = {"n_restarts": 0, "prior": None} if cls is GradientSearchCV else {}
    search = cls(estimator, space, n_iter=2, cv=cv, scoring=scoring, **options, **kw).fit(X, y)
    for part, before in data:
        same = (part != before).nnz == 0 if sparse.issparse(part) else np.array_equal(part, before)
        assert same, "data were changed"
    results = search.cv_results_
    for row, params in enumerate(results["params"]):
        found = [results[f"split{k}_test_score"][row] for k in range(search.n_splits_)]
        own = clone(estimator).set_params(**params)
        splits = check_cv(cv, y, classifier=is_classifier(estimator))
        expected = cross_val_score(own, X, y, cv=splits, scoring=scoring)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    return search


def differentiated(search):
    """The search, all of whose trials have finite derivatives."""
    for trial in search.history_:
        for value in trial.gradient.values():
            assert np.all(np.isfinite(list(value.values()) if isinstance(value, dict) else value))
    return search


# ---- steps that work in place


def halve(Z):
    """Writes to arrays and to DataFrames."""
    if hasattr(Z, "iloc"):
        Z.iloc[:, 0] = Z.iloc[:, 0] / 2
        Z["new"] = 1.0
    else:
        Z /= 2
    return Z


class Doubles(TransformerMixin, BaseEstimator):
    """Writes to what it is fitted on, too."""

    def fit(self, X, y=None):
        X *= 2
        return self

    def transform(self, X):
        X *= 2
        return X


class Noted:
    """The identity, which keeps what it was called with; copies share its list."""

    def __init__(self, seen):
        self.seen = seen

    def __deepcopy__(self, memo):
        return self

    def __call__(self, Z):
        self.seen.append(Z)
        return Z


SCALER = StandardScaler(copy=False)
IN_PLACE = {
    "scaler": make_pipeline(SCALER, Ridge()),
    "ridge": make_pipeline(Ridge(copy_X=False)),
    "ridge lsqr": make_pipeline(Ridge(copy_X=False, solver="lsqr")),
    "lasso": make_pipeline(Lasso(copy_X=False, tol=1e-10)),
    "three": make_pipeline(MinMaxScaler(copy=False), MaxAbsScaler(copy=False), SCALER, Ridge()),
    "monomials": make_pipeline(SCALER, PolynomialFeatures(2), SCALER, Ridge(copy_X=False)),
    "imputer": make_pipeline(SimpleImputer(copy=False), Normalizer(copy=False), Ridge()),
    "power": make_pipeline(PowerTransformer(copy=False), Ridge()),
    "function": make_pipeline(FunctionTransformer(halve), Ridge()),
    "class": make_pipeline(Doubles(), Ridge()),
    "columns": make_pipeline(
        ColumnTransformer([("a", SCALER, slice(2)), ("b", FunctionTransformer(halve), [2, 3])]),
        Ridge(),
    ),
    # Here scikit-learn's own result is that both halves are scaled.
    "union": make_pipeline(FeatureUnion([("a", SCALER), ("b", "passthrough")]), Ridge()),
}


@pytest.mark.parametrize("kind", ["array", "frame"])
@pytest.mark.parametrize("case", IN_PLACE)
@pytest.mark.fast_cases(6)
def test_steps_that_work_in_place(case, kind):
    model = IN_PLACE[case]
    name = f"{model.steps[-1][0]}__alpha"
    data = (X if kind == "array" else FRAME).copy()
    space = {name: (1e-3, 1e-1, "log-uniform") if case == "lasso" else PENALTY}
    differentiated(checked(model, space, data, T, scoring="neg_mean_squared_error"))


@pytest.mark.parametrize("kind", ["array", "frame", "sparse"])
def test_functions_of_a_union_that_work_in_place(kind):
    """Here scikit-learn's own result is that the other half is changed, too: no derivatives."""
    data = {"array": X, "frame": FRAME, "sparse": SPARSE}[kind].copy()
    branch = Doubles() if kind == "sparse" else FunctionTransformer(halve)
    union = FeatureUnion([("a", branch), ("b", "passthrough"), ("c", FunctionTransformer())])
    with pytest.warns(SkhyperWarning, match="works in place"):
        search = checked(make_pipeline(union, Ridge()), {"ridge__alpha": PENALTY}, data, T)
    assert all(trial.gradient is None for trial in search.history_)


def test_functions_of_a_union_share_one_copy():
    seen = []
    union = FeatureUnion([(name, FunctionTransformer(Noted(seen))) for name in "abc"])
    differentiated(checked(make_pipeline(union, Ridge()), {"ridge__alpha": PENALTY}, X, T))
    assert np.shares_memory(seen[0], seen[1])
    assert not np.shares_memory(seen[0], X)


def test_targets_that_are_transformed_in_place():
    model = TransformedTargetRegressor(
        make_pipeline(SCALER, Ridge()), transformer=StandardScaler(copy=False)
    )
    for data in (X, FRAME):
        search = checked(model, {"regressor__ridge__alpha": PENALTY}, data.copy(), T)
        plain = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), Ridge()), transformer=StandardScaler()
        )
        expected = checked(plain, {"regressor__ridge__alpha": PENALTY}, data.copy(), T)
        for trial, other in zip(differentiated(search).history_, expected.history_, strict=True):
            assert trial.gradient == pytest.approx(other.gradient)


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_leave_one_out_and_threads(kind):
    data = (X if kind == "array" else FRAME).copy()
    for model, name in ((Ridge(copy_X=False), "alpha"), (BandedRidge(), "alphas")):
        options = {"scoring": "neg_mean_squared_error", "cv": LeaveOneOut()}
        differentiated(checked(model, {name: PENALTY}, data[:12], T[:12], **options))
    differentiated(checked(IN_PLACE["scaler"], {"ridge__alpha": PENALTY}, data, T, n_jobs=2))


def test_sparse_data_in_place():
    model = make_pipeline(MaxAbsScaler(copy=False), Normalizer(copy=False), KernelRidge())
    for data in (SPARSE, SPARSE.tocsc()):
        differentiated(checked(model, {"kernelridge__alpha": PENALTY}, data.copy(), T))


def test_the_bayesian_search_with_derivatives():
    options = {"cls": BayesSearchCV, "use_gradients": True, "random_state": 0}
    search = checked(IN_PLACE["scaler"], {"ridge__alpha": PENALTY}, FRAME.copy(), T, **options)
    differentiated(search)


# ---- kinds of targets and of data

CLASSES = np.digitize(T, np.quantile(T, [0.3, 0.7]))
CLASSIFIERS = [
    (LogisticRegression(max_iter=1000), "C"),
    (LinearSVC(), "C"),
    (SVC(), "C"),
    (RidgeClassifier(), "alpha"),
    (BandedLogisticRegression(), "alphas"),
    (ARDKernelRidgeClassifier(), "alpha"),
    (MLPClassifier((3,), max_iter=5, random_state=0), "alpha"),
]


@pytest.mark.filterwarnings("ignore:lbfgs failed", "ignore:Liblinear", "ignore:.*onverge")
@pytest.mark.parametrize(("model", "name"), CLASSIFIERS, ids=lambda v: str(v)[:12])
@pytest.mark.fast_cases(2)
def test_classes_in_one_column(model, name):
    Z = (X - 10) / 3
    flat = differentiated(checked(model, {name: PENALTY}, Z, CLASSES))
    for y in (CLASSES[:, None], pd.DataFrame({"t": np.array(list("abc"))[CLASSES]})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)
            search = checked(model, {name: PENALTY}, Z, y)
        for trial, other in zip(differentiated(search).history_, flat.history_, strict=True):
            assert trial.gradient == pytest.approx(other.gradient)


def test_a_column_is_warned_of_as_scikit_learn_does():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        GradientSearchCV(RidgeClassifier(), {"alpha": PENALTY}, cv=3, refit=False).fit(
            X, CLASSES[:, None]
        )


POSITIVE = np.exp(T / 9)
REGRESSORS = [
    (Ridge(), "alpha"),
    (SVR(), "C"),
    (LinearSVR(loss="squared_epsilon_insensitive", max_iter=10_000), "C"),
    (KernelRidge(kernel="laplacian", gamma=0.1), "alpha"),
    (GaussianProcessRegressor(RBF(3.0), optimizer=None), "alpha"),
    (HuberRegressor(max_iter=1000), "alpha"),
    (BandedRidge(), "alphas"),
    (TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), "regressor__alpha"),
]


@pytest.mark.filterwarnings("ignore:A column-vector y", "ignore:lbfgs failed", "ignore:Liblinear")
@pytest.mark.parametrize(("model", "name"), REGRESSORS, ids=lambda v: str(v)[:12])
def test_targets_of_all_kinds(model, name):
    for y in (
        pd.DataFrame({"t": POSITIVE}),
        pd.Series(POSITIVE.astype(object), index=FRAME.index),
        np.round(9 * POSITIVE).astype(int) + 1,
    ):
        differentiated(checked(model, {name: PENALTY}, (X - 10) / 3, y))


@pytest.mark.parametrize(
    "data",
    [
        np.round(X).astype(int).astype(object),
        X > 10,
        pd.DataFrame(
            {"a": X[:, 0], "b": X[:, 1].astype("f4"), "c": np.round(X[:, 2]).astype(int)}
        ).assign(d=X[:, 3] > 10),
    ],
    ids=["int", "bool", "mixed"],
)
def test_data_of_all_kinds(data):
    for model, name in (
        (make_pipeline(SCALER, Ridge()), "ridge__alpha"),
        (make_pipeline(StandardScaler(), SVR()), "svr__C"),
        (PoissonRegressor(max_iter=1000, tol=1e-8), "alpha"),
    ):
        differentiated(checked(model, {name: PENALTY}, data.copy(), POSITIVE))


# ---- folds on which something is not defined

NARROW = {"ridge__alpha": PENALTY}


# scikit-learn's score of that fold, if not 0, is rounding: the criterion is another.
@pytest.mark.filterwarnings("ignore:Fits of the estimator stopped before")
def test_a_test_fold_with_a_constant_target():
    y = T.copy()
    y[:12] = 0.1
    search = differentiated(checked(Ridge(), {"alpha": PENALTY}, X, y))
    for trial in search.history_:
        assert abs(trial.gradient["alpha"]) < 1
        values, steps = [], trial.params["alpha"] * np.array([-1e-4, 1e-4])
        for step in steps:
            model = Ridge(alpha=trial.params["alpha"] + step)
            values.append(cross_val_score(model, X, y, cv=3)[1:].sum() / 3)
        assert trial.gradient["alpha"] == pytest.approx(
            -np.diff(values)[0] / np.diff(steps)[0], rel=1e-4, abs=1e-10
        )


@pytest.mark.parametrize(
    ("model", "name"),
    [(LogisticRegression(), "C"), (SVC(), "C"), (LinearSVC(), "C")],
    ids=["logistic", "svc", "linear svc"],
)
def test_a_training_fold_of_one_class(model, name):
    y = (np.arange(N) < 12).astype(int)
    y[:3] = 0
    splits = [(np.arange(12, 36), np.arange(12)), (np.arange(24), np.arange(24, 36))]
    options = {"n_iter": 6, "cv": splits, "refit": False}
    with pytest.warns(FitFailedWarning, match="fits failed"):
        search = GradientSearchCV(model, {name: PENALTY}, error_score=0.25, **options)
        search.fit((X - 10) / 3, y)
    for row, params in enumerate(search.cv_results_["params"]):
        expected = cross_val_score(
            clone(model).set_params(**params), (X - 10) / 3, y, cv=splits[1:]
        )
        assert search.cv_results_["split0_test_score"][row] == 0.25
        assert search.cv_results_["split1_test_score"][row] == expected[0]
    assert all(np.isfinite(trial.gradient[name]) for trial in search.history_)
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    # As in GridSearchCV, nan is the mean of all candidates.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GradientSearchCV(model, {name: PENALTY}, **options).fit((X - 10) / 3, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()


def test_a_class_that_only_a_test_fold_has():
    y = np.repeat([0, 1, 2], 12)
    y[[0, 13]] = [1, 0]
    splits = [(np.arange(24), np.arange(20, 36)), (np.arange(12, 36), np.arange(12))]
    search = checked(SVC(), {"C": PENALTY, "gamma": (1e-3, 1.0, "log-uniform")}, X, y, cv=splits)
    differentiated(search)


# ---- derivatives that are not there


def test_square_roots_at_zero_behind_weights():
    Z = np.abs(X)
    Z[::5, 0] = 0
    weights = ColumnTransformer(
        [("a", "passthrough", [0, 1]), ("b", "passthrough", [2, 3])],
        transformer_weights={"a": 1.0, "b": 1.0},
    )
    model = make_pipeline(weights, FunctionTransformer(np.sqrt), Ridge())
    space = {"columntransformer__transformer_weights": (0.1, 10.0, "log-uniform")}
    search = differentiated(checked(model, space, Z, T, scoring="neg_mean_squared_error"))
    for trial in search.history_:
        own = trial.params["columntransformer__transformer_weights"]
        for key in own:
            values = [
                cross_val_score(
                    clone(model).set_params(
                        columntransformer__transformer_weights={**own, key: own[key] * factor}
                    ),
                    Z,
                    T,
                    cv=3,
                    scoring="neg_mean_squared_error",
                ).mean()
                for factor in (1 - 1e-5, 1 + 1e-5)
            ]
            expected = -(values[1] - values[0]) / (2e-5 * own[key])
            found = trial.gradient["columntransformer__transformer_weights"][key]
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kernel", ["laplacian", "chi2"])
def test_weights_before_a_kernel(kernel):
    Z = np.abs(X) / 10
    weights = FeatureUnion([("a", "passthrough")], transformer_weights={"a": 1.0})
    model = make_pipeline(weights, KernelRidge(kernel=kernel, gamma=0.5))
    space = {
        "featureunion__transformer_weights": (0.5, 2.0, "log-uniform"),
        "kernelridge__alpha": PENALTY,
    }
    search = differentiated(checked(model, space, Z, T))
    assert all(trial.gradient.keys() == space.keys() for trial in search.history_)


def test_what_a_model_does_not_pass_on_is_not_offered():
    for model in (
        KernelRidge(kernel="precomputed"),
        KernelRidge(kernel=lambda a, b: float(a @ b)),
        SVC(kernel="precomputed"),
        SVR(kernel=np.dot),
    ):
        problem = inner_problem(make_pipeline(Nystroem(gamma=0.1), model))
        assert "nystroem__gamma" not in problem.names
        assert "has no derivatives with respect to its data" in problem.traits.why_not


def test_what_a_fold_cannot_give_leaves_the_rest():
    # Of sparse data the linear kernel has no derivative by the points.
    weights = FeatureUnion([("a", "passthrough")], transformer_weights={"a": 1.0})
    for model in (
        make_pipeline(weights, KernelRidge()),
        TransformedTargetRegressor(make_pipeline(weights, KernelRidge())),
    ):
        prefix = "regressor__" if isinstance(model, TransformedTargetRegressor) else ""
        names = [f"{prefix}featureunion__transformer_weights", f"{prefix}kernelridge__alpha"]
        space = dict.fromkeys(names, (0.1, 10.0, "log-uniform"))
        with pytest.warns(SkhyperWarning, match="no derivative with respect to some"):
            search = checked(model, space, SPARSE, T)
        assert np.isnan(search.history_[0].gradient[names[0]])
        assert np.isfinite(search.history_[0].gradient[names[1]])
        assert len({trial.params[names[1]] for trial in search.history_}) > 1


# ---- where a descent ends


@pytest.mark.slow
def test_r2_without_noise_is_searched_as_far_as_squared_errors():
    Z = np.random.default_rng(0).uniform(-2, 2, size=(80, 2))
    f = np.sin(2 * Z[:, 0]) + Z[:, 1] ** 2
    model = GaussianProcessRegressor(RBF(1.0), optimizer=None)
    space = {
        "alpha": (1e-10, 1e-1, "log-uniform"),
        "kernel__length_scale": (1e-1, 1e2, "log-uniform"),
    }
    errors = {}
    for scoring in (None, "neg_mean_squared_error"):
        search = GradientSearchCV(model, space, cv=3, scoring=scoring, random_state=0).fit(Z, f)
        own = cross_val_score(search.best_estimator_, Z, f, cv=3, scoring="neg_mean_squared_error")
        errors[scoring] = -own.mean()
    assert errors[None] <= 1.5 * errors["neg_mean_squared_error"]
