"""GradientSearchCV: what it finds, what it records, what it refuses."""

import pickle
import time

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhyper import BayesSearchCV, GradientSearchCV, SearchCV
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.hypergradient import Fold, InnerProblem, inner_problem, log_marginal_likelihood
from skhyper.space import When

X, y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)
y = (y - y.mean()) / y.std()
IRIS = load_iris(return_X_y=True)
ALPHA = {"alpha": (1e-4, 1e4, "log-uniform")}
C = {"C": (1e-3, 1e3, "log-uniform")}
TIGHT = {"tol": 1e-12, "max_iter": 100_000}
CV = KFold(4, shuffle=True, random_state=0)


def cv_loss(estimator, params, X=X, y=y, scoring=None, cv=CV):
    return -cross_val_score(
        clone(estimator).set_params(**params), X, y, scoring=scoring, cv=cv
    ).mean()


@parametrize_with_checks(
    [
        GradientSearchCV(LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=4, random_state=0),
        GradientSearchCV(Ridge(), {"alpha": (0.1, 1.0)}, n_iter=4, random_state=0),
    ]
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.fast_cases(6)
def test_check_estimator(estimator, check):
    name = getattr(check, "func", check).__name__
    if name == "check_supervised_y_2d" and is_regressor(estimator):
        pytest.skip("scikit-learn's own GridSearchCV(Ridge()) warns of nothing here either")
    check(estimator)


# ---- what it finds


@pytest.mark.parametrize(
    ("estimator", "name", "scoring"),
    [
        (Ridge(), "alpha", None),
        (Ridge(), "alpha", "neg_root_mean_squared_error"),
        (Lasso(**TIGHT), "alpha", "neg_mean_squared_error"),
        (KernelRidge(kernel="rbf", gamma=0.02), "alpha", None),
        (KernelRidge(kernel="rbf", alpha=0.5), "gamma", None),
        (make_pipeline(StandardScaler(), Ridge()), "ridge__alpha", "neg_mean_absolute_error"),
    ],
)
@pytest.mark.fast_cases(2)
def test_the_minimum_of_the_cross_validation_loss(estimator, name, scoring):
    search = GradientSearchCV(
        estimator, {name: (1e-4, 1e4, "log-uniform")}, scoring=scoring, cv=CV, random_state=0
    ).fit(X, y)
    # Reference by scikit-learn alone: a coarse grid of the whole range, then a local minimization.
    loss = lambda t: cv_loss(estimator, {name: 10**t}, scoring=scoring)  # noqa: E731
    grid = np.linspace(-4, 4, 17)
    best = grid[np.argmin([loss(t) for t in grid])]
    found = minimize_scalar(loss, bounds=(best - 0.5, best + 0.5), method="bounded")
    assert -search.best_score_ <= found.fun * (1 + np.sign(found.fun) * 1e-4)
    assert search.n_trials_ <= 25


@pytest.mark.parametrize("estimator", [ElasticNet(**TIGHT), KernelRidge(kernel="rbf")], ids=str)
@pytest.mark.slow
def test_two_hyperparameters(estimator):
    second = "l1_ratio" if isinstance(estimator, ElasticNet) else "gamma"
    prior = ("uniform",) if second == "l1_ratio" else ("log-uniform",)
    space = {"alpha": (1e-4, 1e2, "log-uniform"), second: (1e-3, 1.0, *prior)}
    search = GradientSearchCV(estimator, space, cv=CV, random_state=0).fit(X, y)
    grid = SearchCV(estimator, space, sampler="grid", cv=CV, n_iter=25).fit(X, y)
    assert search.best_score_ >= grid.best_score_
    trial = search.history_.best
    assert set(trial.gradient) == {"alpha", second}


def test_scores_are_those_of_scikit_learn():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=10_000))
    search = GradientSearchCV(
        pipeline,
        {"logisticregression__C": (1e-3, 1e3, "log-uniform")},
        scoring="neg_log_loss",
        cv=3,
        return_train_score=True,
        random_state=0,
    ).fit(*IRIS)
    for i, params in enumerate(search.cv_results_["params"]):
        expected = cross_val_score(
            clone(pipeline).set_params(**params), *IRIS, scoring="neg_log_loss", cv=3
        )
        found = [search.cv_results_[f"split{k}_test_score"][i] for k in range(3)]
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.all(search.cv_results_["mean_train_score"] < 0)
    assert search.best_estimator_.score(*IRIS) > 0.9


def test_trials_hold_the_gradient_of_the_minimised_loss():
    pipeline = Pipeline([("map", Nystroem(n_components=30, random_state=0)), ("ridge", Ridge())])
    space = {
        "map__gamma": (1e-4, 1e1, "log-uniform"),
        "ridge__alpha": (1e-4, 1e2, "log-uniform"),
    }
    search = GradientSearchCV(pipeline, space, cv=CV, n_iter=6, random_state=0).fit(X, y)
    for trial in search.history_[:3]:
        for name, value in trial.params.items():
            h = 1e-4 * value
            up, down = ({**trial.params, name: value + s} for s in (h, -h))
            slope = (cv_loss(pipeline, up) - cv_loss(pipeline, down)) / (2 * h)
            assert trial.gradient[name] * value == pytest.approx(slope * value, rel=1e-4, abs=1e-8)
        assert trial.criterion == pytest.approx(trial.loss)
    assert search.criterion_ == "-r2_score"


# ---- spaces


def test_vectors_have_a_range_for_each_component():
    kernel_ridge = KernelRidge(alpha=0.5, kernel=RBF(np.full(10, 5.0)))
    space = {"kernel__length_scale": (1.0, 1e3, "log-uniform"), "alpha": (1e-3, 1e1, "log-uniform")}
    search = GradientSearchCV(kernel_ridge, space, cv=CV, n_iter=30, random_state=0).fit(X, y)
    found = search.best_params_["kernel__length_scale"]
    assert found.shape == (10,)
    assert len(np.unique(np.round(found, 6))) > 5
    single = KernelRidge(alpha=0.5, kernel=RBF(5.0))
    shared = GradientSearchCV(single, space, cv=CV, n_iter=30, random_state=0).fit(X, y)
    assert search.best_score_ > shared.best_score_
    assert search.history_[0].gradient["kernel__length_scale"].shape == (10,)
    assert search.cv_results_["param_kernel__length_scale"][0].shape == (10,)


def test_weights_of_columns_are_a_dict():
    columns = ColumnTransformer([(f"x{i}", "passthrough", [i]) for i in range(10)])
    pipeline = Pipeline([("columns", columns), ("ridge", Ridge(alpha=10.0))])
    space = {"columns__transformer_weights": (1e-2, 1e2, "log-uniform")}
    search = GradientSearchCV(pipeline, space, cv=CV, n_iter=30, random_state=0).fit(X, y)
    weights = search.best_params_["columns__transformer_weights"]
    assert list(weights) == [f"x{i}" for i in range(10)]
    assert search.best_score_ > cross_val_score(pipeline, X, y, cv=CV).mean()
    assert search.best_estimator_.named_steps["columns"].transformer_weights == weights


def test_few_choices_are_all_descended():
    pipeline = Pipeline([("scale", StandardScaler()), ("svr", SVR())])
    space = {
        "scale": [StandardScaler(), "passthrough"],
        "svr__kernel": ["rbf", "linear"],
        "svr__C": (1e-2, 1e2, "log-uniform"),
        "svr__gamma": When((1e-4, 1e0, "log-uniform"), svr__kernel="rbf"),
    }
    search = GradientSearchCV(pipeline, space, cv=3, n_iter=40, random_state=0).fit(X, y)
    arms = {(str(t.params["scale"]), t.params["svr__kernel"]) for t in search.history_}
    assert len(arms) == 4
    for trial in search.history_:
        assert ("svr__gamma" in trial.gradient) == (trial.params["svr__kernel"] == "rbf")
    assert search.best_params_["svr__kernel"] == "rbf"


def test_many_choices_are_proposed():
    pipeline = make_pipeline(Nystroem(random_state=0, n_components=20), StandardScaler(), Ridge())
    space = {
        "nystroem__n_components": (5, 60),
        "nystroem__gamma": (1e-4, 1e1, "log-uniform"),
        "ridge__alpha": (1e-4, 1e3, "log-uniform"),
    }
    search = GradientSearchCV(pipeline, space, cv=3, n_iter=25, random_state=0).fit(X, y)
    assert search.n_trials_ == 25
    assert len({trial.params["nystroem__n_components"] for trial in search.history_}) >= 3
    random = SearchCV(pipeline, space, cv=3, n_iter=25, random_state=0).fit(X, y)
    assert search.best_score_ > random.best_score_


def test_numbers_without_a_derivative_are_proposed_too():
    """The tolerance is a continuum that nothing is known of."""
    space = {"C": (1e-3, 1e3, "log-uniform"), "tol": (1e-8, 1e-2, "log-uniform")}
    search = GradientSearchCV(
        LogisticRegression(max_iter=1000), space, scoring="neg_log_loss", cv=3, n_iter=12
    )
    with pytest.warns(SkhyperWarning, match="stopped before the solution"):
        search.fit(*IRIS)  # by a large tolerance
    assert set(search.history_[0].gradient) == {"C"}
    assert len({trial.params["tol"] for trial in search.history_}) > 1


def test_sub_spaces():
    spaces = [
        {"svr__kernel": ["linear"], "svr__C": (1e-2, 1e1, "log-uniform")},
        {"svr__kernel": ["rbf"], "svr__C": (1e-2, 1e1, "log-uniform"), "svr__gamma": (1e-3, 1.0)},
    ]
    pipeline = make_pipeline(StandardScaler(), SVR())
    search = GradientSearchCV(pipeline, spaces, cv=3, n_iter=20, random_state=0).fit(X, y)
    assert {trial.params["svr__kernel"] for trial in search.history_} == {"linear", "rbf"}
    pairs = [(spaces[0], 3), (spaces[1], 4)]
    search = GradientSearchCV(pipeline, pairs, cv=3, random_state=0).fit(X, y)
    kernels = [trial.params["svr__kernel"] for trial in search.history_]
    assert kernels == ["linear"] * 3 + ["rbf"] * 4


def test_a_choice_without_derivatives_is_scored_among_the_others():
    pipeline = Pipeline([("model", LogisticRegression(max_iter=10_000))])
    forest = RandomForestClassifier(n_estimators=10, random_state=0)
    spaces = [{"model__C": (1e-3, 1e3, "log-uniform")}, {"model": [forest]}]
    search = GradientSearchCV(pipeline, spaces, cv=3, n_iter=20, random_state=0).fit(*IRIS)
    plain = [trial for trial in search.history_ if "model" in trial.params]
    assert len(plain) == 1
    assert plain[0].gradient == {}
    assert np.isfinite(plain[0].criterion)


# ---- starts and ends


def test_starts():
    guesses = [{"alpha": 7.0}, {"alpha": 0.3}]
    search = GradientSearchCV(Ridge(), ALPHA, initial_points=guesses, cv=CV, random_state=0).fit(
        X, y
    )
    assert [trial.params for trial in search.history_[:2]] == guesses
    search = GradientSearchCV(Ridge(), ALPHA, cv=CV, random_state=0).fit(X, y)
    first = [trial.params["alpha"] for trial in search.history_[:3]]
    assert first == sorted(first, reverse=True)  # from simple models to flexible ones
    assert first[2] == pytest.approx(1.0)  # the middle of the box


def test_the_best_of_another_search_is_a_start():
    bayes = BayesSearchCV(Ridge(), ALPHA, cv=CV, n_iter=5, random_state=0).fit(X, y)
    search = GradientSearchCV(Ridge(), ALPHA, cv=CV, history=bayes.history_, random_state=0)
    search.fit(X, y)
    assert search.history_[5].params["alpha"] == pytest.approx(bayes.best_params_["alpha"])
    assert search.best_score_ >= bayes.best_score_


@pytest.mark.parametrize(("low", "high", "at"), [(1e2, 1e4, "low"), (1e-7, 1e-3, "high")])
def test_an_optimum_at_the_end_of_the_range(low, high, at):
    noisy = y + np.random.default_rng(0).normal(size=len(y))
    scaled = X / np.sqrt(len(X))
    space = {"alpha": (low, high, "log-uniform")}
    search = GradientSearchCV(Ridge(), space, cv=CV, random_state=0).fit(scaled, noisy)
    assert search.best_params_["alpha"] == pytest.approx(low if at == "low" else high)
    assert search.n_trials_ < 15


def test_plains():
    # Above alpha_max no feature is in, and the gradient is exactly zero.
    noise = np.random.default_rng(0).normal(size=(len(y), 40))
    wide = np.column_stack([X, noise])
    space = {"alpha": (1e-3, 1e6, "log-uniform")}
    search = GradientSearchCV(Lasso(), space, cv=CV, random_state=0).fit(wide, y)
    assert search.history_[0].gradient == {"alpha": 0.0}
    assert 1e-2 < search.best_params_["alpha"] < 1
    assert search.best_score_ > 0.4
    space = {"alpha": (1e3, 1e6, "log-uniform")}
    search = GradientSearchCV(Lasso(), space, cv=CV, random_state=0).fit(wide, y)
    assert search.stop_reason_.startswith("the criterion is flat")


def test_several_basins():
    """Two scales of a function, and a start in the worse basin."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0, 10, size=150))
    z = np.sin(t) + 0.7 * np.sin(40 * t) + 0.05 * rng.normal(size=150)
    space = {"gamma": (1e-3, 1e4, "log-uniform")}
    fine = GradientSearchCV(
        KernelRidge(kernel="rbf", alpha=0.05), space, cv=CV, n_iter=40, random_state=0
    )
    fine.fit(t[:, None], z)
    grid = SearchCV(
        KernelRidge(kernel="rbf", alpha=0.05),
        sampler=[{"gamma": g} for g in np.geomspace(1e-3, 1e4, 60)],
        cv=CV,
    ).fit(t[:, None], z)
    assert fine.best_score_ >= grid.best_score_ - 1e-3


def test_budget_time_and_reasons():
    search = GradientSearchCV(KernelRidge(kernel="rbf"), {**ALPHA, "gamma": (1e-4, 10.0)}, n_iter=3)
    search.fit(X, y)
    assert (search.n_trials_, search.stop_reason_) == (3, "n_iter=3 candidates were tried")
    search.set_params(n_iter=50, max_time=1e-9).fit(X, y)
    assert search.n_trials_ == 1
    assert "max_time" in search.stop_reason_
    search = GradientSearchCV(Ridge(), ALPHA, n_restarts=0).fit(X, y)
    assert search.stop_reason_ == "the descent is at its end"


# ---- scoring


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "roc_auc", "f1"])
@pytest.mark.fast_cases(1)
def test_the_best_by_score_wins_where_a_surrogate_is_minimised(scoring):
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), SVC())
    space = {"svc__C": (1e-3, 1e3, "log-uniform"), "svc__gamma": (1e-5, 1.0, "log-uniform")}
    search = GradientSearchCV(
        pipeline, space, scoring=scoring, cv=3, n_iter=15, random_state=0
    ).fit(X, y)
    assert "in place of" in search.criterion_
    assert search.best_score_ == max(-search.history_.losses)
    assert search.best_score_ > 0.96
    first, *_ = search.history_
    assert first.criterion != pytest.approx(first.loss)


def test_several_metrics_and_a_callable():
    several = GradientSearchCV(
        Ridge(), ALPHA, scoring=["r2", "neg_mean_squared_error"], refit="neg_mean_squared_error"
    ).fit(X, y)
    assert several.criterion_ == "mean_squared_error"
    assert "mean_test_r2" in several.cv_results_
    scorer = make_scorer(mean_squared_error, greater_is_better=False)
    again = GradientSearchCV(Ridge(), ALPHA, scoring=scorer, random_state=0).fit(X, y)
    assert again.criterion_ == "mean_squared_error"

    def by_hand(estimator, X, y):
        return -float(np.median(np.abs(estimator.predict(X) - y)))

    search = GradientSearchCV(Ridge(), ALPHA, scoring=by_hand, random_state=0).fit(X, y)
    assert search.criterion_ == "mean_squared_error in place of by_hand"
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])


def test_the_power_of_the_deviance_is_not_tuned_by_its_own_score():
    counts = np.exp(y) + 0.1
    space = {"alpha": (1e-3, 10.0), "power": (1.1, 1.9)}
    search = GradientSearchCV(TweedieRegressor(power=1.5, max_iter=1000), space, n_iter=6)
    assert set(search.fit(X, counts).history_[0].gradient) == {"alpha"}
    search.set_params(scoring="neg_mean_squared_error")
    assert set(search.fit(X, counts).history_[0].gradient) == {"alpha", "power"}


def test_evidence_of_a_gaussian_process():
    process = GaussianProcessRegressor(RBF(1.0), alpha=0.3, optimizer=None)
    rows = np.arange(120)
    search = GradientSearchCV(
        process,
        {"kernel__length_scale": (0.1, 100.0, "log-uniform")},
        scoring=log_marginal_likelihood,
        cv=[(rows, rows)],
        tol=1e-7,
        random_state=0,
    ).fit(X[rows], y[rows])
    own = GaussianProcessRegressor(RBF(1.0, (0.1, 100.0)), alpha=0.3, n_restarts_optimizer=2)
    own.fit(X[rows], y[rows])
    assert search.best_params_["kernel__length_scale"] == pytest.approx(
        own.kernel_.length_scale, rel=1e-2
    )
    assert search.best_score_ == pytest.approx(own.log_marginal_likelihood_value_ / 120, rel=1e-5)


# ---- data


def test_sparse_data_frames_weights_and_groups():
    pd = pytest.importorskip("pandas")
    search = GradientSearchCV(Ridge(), ALPHA, cv=CV, random_state=0)
    dense = search.fit(X, y).best_params_["alpha"]
    search.fit(sparse.csr_matrix(X), y)
    assert search.best_params_["alpha"] == pytest.approx(dense, rel=1e-2)
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(10)])
    search.fit(frame, pd.Series(y))
    assert search.best_params_["alpha"] == pytest.approx(dense, rel=1e-6)
    assert list(search.feature_names_in_) == list(frame.columns)
    w = np.random.default_rng(0).random(len(y)) ** 4
    assert search.fit(X, y, sample_weight=w).best_params_["alpha"] != pytest.approx(dense, rel=1e-2)
    search.set_params(cv=GroupKFold(3)).fit(X, y, groups=np.arange(len(y)) % 5)
    assert search.n_splits_ == 3


def test_held_out_splits():
    search = GradientSearchCV(Ridge(), ALPHA, cv=ShuffleSplit(1, random_state=0), random_state=0)
    assert search.fit(X, y).n_splits_ == 1


class Counting(TransformerMixin, BaseEstimator):
    n_fits = 0

    def fit(self, X, y=None):
        Counting.n_fits += 1
        return self

    def transform(self, X):
        return X


def test_a_prefix_is_fitted_once_a_fold():
    Counting.n_fits = 0
    pipeline = Pipeline([("count", Counting()), ("ridge", Ridge())])
    space = {"ridge__alpha": (1e-4, 1e4, "log-uniform")}
    search = GradientSearchCV(pipeline, space, cv=4, random_state=0).fit(X, y)
    assert search.n_trials_ > 3
    assert Counting.n_fits == 4 + 1  # each fold, and the refit


@pytest.mark.parametrize("n_jobs", [2])
def test_threads_give_the_same_search(n_jobs):
    pipeline = make_pipeline(StandardScaler(), SVR())
    space = {"svr__C": (1e-2, 1e2, "log-uniform"), "svr__gamma": (1e-4, 1.0, "log-uniform")}
    one = GradientSearchCV(pipeline, space, n_iter=12, random_state=0).fit(X, y)
    two = GradientSearchCV(pipeline, space, n_iter=12, random_state=0, n_jobs=n_jobs).fit(X, y)
    assert [t.params for t in one.history_] == [t.params for t in two.history_]
    np.testing.assert_array_equal(one.history_.losses, two.history_.losses)


def test_pickle_clone_and_seed():
    search = GradientSearchCV(Ridge(), ALPHA, random_state=3).fit(X, y)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert again.history_.best.gradient == search.history_.best.gradient
    other = clone(search).fit(X, y)
    assert [t.params for t in other.history_] == [t.params for t in search.history_]


# ---- faults


class Fragile(Ridge):
    """Cannot be fitted with little regularisation."""

    def fit(self, X, y):
        if self.alpha < 3.0:
            raise ZeroDivisionError("too little alpha")
        return super().fit(X, y)


class FragileProblem(InnerProblem):
    names = ("alpha",)

    def load(self, X, y):
        ridge = Ridge(**self.estimator.get_params())
        return FragileFold(self.estimator, inner_problem(ridge).load(X, y))


class FragileFold(Fold):
    def __init__(self, fragile, ridge):
        self.fragile, self.ridge = fragile, ridge

    def fit(self, params):
        clone(self.fragile).set_params(**params).fit([[0.0], [1.0]], [0.0, 1.0])
        return self.ridge.fit(params)


inner_problem.register(Fragile, FragileProblem)


@pytest.mark.filterwarnings("ignore")
def test_failed_settings_are_steps_too_far():
    # The best alpha of a ridge here lies below what can be fitted.
    space = {"alpha": (1e-4, 1e6, "log-uniform")}
    scaled = X / 10
    search = GradientSearchCV(Fragile(), space, cv=CV, n_iter=30, random_state=0)
    search.fit(scaled, y)
    failed = [trial for trial in search.history_ if trial.state == "failed"]
    assert failed
    assert all(trial.gradient is None for trial in failed)
    assert 3.0 <= search.best_params_["alpha"] < 3.5
    search.set_params(error_score="raise", initial_points={"alpha": 0.1})
    with pytest.raises(ZeroDivisionError, match="too little alpha"):
        search.fit(X, y)


def test_a_constraint_is_a_wall():
    free = GradientSearchCV(Ridge(), ALPHA, cv=CV, random_state=0).fit(X, y)
    wall = free.best_params_["alpha"] / 10
    search = GradientSearchCV(
        Ridge(),
        ALPHA,
        constraint=lambda params: params["alpha"] < wall,
        initial_points={"alpha": wall / 100},
        tol=1e-10,  # the loss is all but flat there
        cv=CV,
        random_state=0,
    ).fit(X, y)
    assert all(trial.params["alpha"] < wall for trial in search.history_)
    assert search.best_params_["alpha"] > wall / 2


def test_a_class_that_is_missing_from_a_fold():
    X, y = IRIS
    train = np.concatenate([np.arange(0, 40), np.arange(50, 90)])
    folds = [(train, np.arange(90, 150)), (np.arange(0, 150, 2), np.arange(1, 150, 2))]
    search = GradientSearchCV(LogisticRegression(max_iter=1000), C, cv=folds, random_state=0)
    search.fit(X, y)
    # Its samples count in the score, and are left out of the surrogate.
    assert all(np.isfinite(trial.gradient["C"]) for trial in search.history_)
    assert search.best_score_ < 0.9


def test_data_that_a_problem_cannot_read_are_left_to_the_estimator():
    search = GradientSearchCV(Ridge(), ALPHA, cv=3, error_score="raise")
    with pytest.raises(ValueError, match="Input X contains NaN"):
        search.fit(np.where(X > 2, np.nan, X), y)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        search.fit(X, np.where(y > 1, np.nan, y))
    search = GradientSearchCV(Ridge(), ALPHA, cv=3, random_state=0)
    assert search.fit(X.tolist(), y.tolist()).best_score_ > 0.4


@pytest.mark.filterwarnings("ignore")
def test_settings_that_scikit_learn_refuses_fail():
    space = {"alpha": (-1.0, 1.0)}
    search = GradientSearchCV(Ridge(), space, cv=3, initial_points={"alpha": -0.5}, random_state=0)
    search.fit(X, y)
    assert search.history_[0].state == "failed"
    assert "The 'alpha' parameter of Ridge" in search.history_[0].message
    assert search.best_params_["alpha"] >= 0


def test_it_goes_on_where_a_journal_ends(tmp_path):
    path = tmp_path / "journal"
    kernel_ridge = KernelRidge(kernel="rbf")
    space = {"alpha": (1e-4, 1e2, "log-uniform"), "gamma": (1e-4, 1e1, "log-uniform")}
    whole = GradientSearchCV(kernel_ridge, space, n_iter=30, random_state=0).fit(X, y)

    class Killed(BaseException):
        pass

    class Kill:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...
        def on_trial_end(self, search, trial):
            if trial.number == 6:
                raise Killed

    first = GradientSearchCV(kernel_ridge, space, n_iter=30, random_state=0, journal=path)
    with pytest.raises(Killed):
        first.set_callbacks(Kill()).fit(X, y)
    again = GradientSearchCV(kernel_ridge, space, n_iter=30, random_state=0, journal=path)
    again.fit(X, y)
    assert [t.params for t in again.history_] == [t.params for t in whole.history_]


def test_warm_start_goes_on():
    search = GradientSearchCV(
        KernelRidge(kernel="rbf"),
        {"alpha": (1e-4, 1e2, "log-uniform"), "gamma": (1e-4, 1e1, "log-uniform")},
        n_iter=22,
        n_restarts=20,
        warm_start=True,
        random_state=0,
    ).fit(X[:100], y[:100])
    whole = clone(search).set_params(n_iter=44).fit(X[:100], y[:100])
    search.fit(X[:100], y[:100])
    assert len(whole.history_) > 30
    assert [t.params for t in search.history_] == [t.params for t in whole.history_]


# ---- what it refuses


@pytest.mark.parametrize(
    ("estimator", "space", "match"),
    [
        (RandomForestClassifier(), {"max_features": (0.1, 1.0)}, "RandomForestClassifier has no"),
        (Ridge(), {"solver": ["svd", "lsqr"]}, r"Ridge are \['alpha'\].*BayesSearchCV"),
        (Ridge(), {"alpha": [0.1, 1.0]}, r"give a range \(low, high\)"),
        (Ridge(), {"alhpa": (0.1, 1.0)}, "Did you mean 'alpha'"),
        (make_pipeline(Ridge()), {"alpha": (0.1, 1.0)}, "Did you mean 'ridge__alpha'"),
        (GaussianProcessRegressor(RBF()), {"alpha": (1e-3, 1.0)}, "optimizer=None"),
        (Ridge(positive=True), {"alpha": (1e-3, 1.0)}, "positive=True"),
        (
            make_pipeline(Nystroem(), FunctionTransformer(np.sign), Ridge()),
            {"nystroem__gamma": (1e-3, 1.0)},
            "functiontransformer",
        ),
    ],
)
def test_spaces_without_derivatives(estimator, space, match):
    with pytest.raises(InvalidSpaceError, match=match):
        GradientSearchCV(estimator, space).fit(*IRIS)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"n_iter": 0}, "'n_iter' parameter"),
        ({"n_restarts": -1}, "'n_restarts' parameter"),
        ({"tol": 0}, "'tol' parameter"),
        ({"max_time": -1}, "'max_time' parameter"),
        ({"initial_points": {"alpha": 1e9}}, "does not lie in"),
        ({"constraint": lambda p: False}, "rejected all"),
    ],
)
def test_wrong_arguments(wrong, match):
    with pytest.raises(ValueError, match=match):
        GradientSearchCV(Ridge(), ALPHA, **wrong).fit(X, y)


@pytest.mark.parametrize("estimator", [RidgeClassifier(), PoissonRegressor(), SVC()], ids=str)
def test_other_estimators_run_as_they_are(estimator):
    target = np.exp(y) if isinstance(estimator, PoissonRegressor) else np.digitize(y, [-0.5, 0.7])
    name = "C" if isinstance(estimator, SVC) else "alpha"
    search = GradientSearchCV(
        estimator, {name: (1e-3, 1e3, "log-uniform")}, cv=3, n_iter=12, random_state=0
    ).fit(X, target)
    assert np.isfinite(search.best_score_)
    assert search.history_.best.gradient is not None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fits_that_stop_early_have_derivatives_and_are_warned_of():
    """The wine data as they are: scikit-learn's own scores, and slopes at the solution."""
    wine, C = load_wine(return_X_y=True), (1e-3, 1e3, "log-uniform")
    search = GradientSearchCV(LogisticRegression(), {"C": C}, scoring="neg_log_loss", n_iter=6)
    with pytest.warns(SkhyperWarning, match=r"stopped before the solution.* Increase max_iter"):
        search.fit(*wine)
    for trial in search.history_:
        model = LogisticRegression(**trial.params)
        scores = cross_val_score(model, *wine, scoring="neg_log_loss")
        np.testing.assert_allclose(trial.scores, scores, rtol=1e-6)
        assert np.isfinite(trial.gradient["C"])
    criteria = [trial.criterion for trial in search.history_]
    assert min(criteria) < criteria[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skhyper.exceptions.SkhyperWarning")
def test_ten_classes_cost_few_cross_validations():
    """In CPU time, against scikit-learn's scores of the same candidates."""
    digits, space = load_digits(return_X_y=True), {"C": (1e-4, 1e4, "log-uniform")}
    search = GradientSearchCV(
        LogisticRegression(), space, scoring="neg_log_loss", n_iter=5, refit=False
    )

    def ratio():
        start = time.process_time()
        search.fit(*digits)
        middle = time.process_time()
        for trial in search.history_:
            cross_val_score(LogisticRegression(**trial.params), *digits, scoring="neg_log_loss")
        return (middle - start) / (time.process_time() - middle)

    # About 2; one of both may run while other processes slow the machine down.
    assert any(ratio() < 3 for _ in range(4))
