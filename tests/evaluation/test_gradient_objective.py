"""One fold's score and hypergradient: against scikit-learn's own fold."""

import dataclasses
import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sklearn.metrics import check_scoring, make_scorer, mean_pinball_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import GradientSearchCV
from skhyper._sklearn import MultimetricScorer
from skhyper.evaluation import GradientObjective, Objective
from skhyper.evaluation._memory import Kept, size_in_memory
from skhyper.evaluation._objective import FoldJob
from skhyper.hypergradient import criterion_of, inner_problem

X, y = load_iris(return_X_y=True)
SPLITS = list(StratifiedKFold(3).split(X, y))
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression())


def objectives(estimator=PIPELINE, scoring="neg_log_loss", names=("logisticregression__C",), **kw):
    scorer = kw.pop("scorer", None) or check_scoring(estimator, scoring)
    plain = Objective(
        estimator=estimator,
        X=X,
        y=y,
        splits=SPLITS,
        scorer=scorer,
        fit_params={},
        score_params={},
        **{"error_score": np.nan, "return_train_score": False, "verbose": 0, **kw},
    )
    criterion = criterion_of(check_scoring(estimator, scoring), estimator)
    return plain, GradientObjective(plain, criterion, frozenset(names))


def same(found, expected):
    for name in ("test_scores", "train_scores", "n_test_samples", "fit_error"):
        if name in expected:
            close = pytest.approx(expected[name], rel=1e-12) if "scores" in name else expected[name]
            assert found[name] == close, name


@pytest.mark.parametrize("return_train_score", [False, True])
def test_scores_are_those_of_the_plain_objective(return_train_score):
    plain, told = objectives(return_train_score=return_train_score)
    for fold in range(3):
        for C in (0.1, 10.0, 0.1):
            job = FoldJob(0, fold, {"logisticregression__C": C}, 1)
            found = told.run(job)
            same(found, plain.run(job))
            # At its tolerance LogisticRegression stops before the solution.
            assert found["criterion"] == pytest.approx(-found["test_scores"], rel=1e-2)
            assert set(found["gradient"]) == {"logisticregression__C"}


def test_several_metrics_and_scorers_that_look_at_the_model():
    def n_steps(estimator, X, y):
        return float(len(estimator.steps) * len(X))

    scorers = {"loss": check_scoring(PIPELINE, "neg_log_loss"), "steps": n_steps}
    plain, told = objectives(scorer=MultimetricScorer(scorers=scorers))
    job = FoldJob(0, 0, {"logisticregression__C": 1.0}, 1)
    assert told.run(job)["test_scores"] == plain.run(job)["test_scores"]
    assert told.run(job)["test_scores"]["steps"] == 2 * 50


class Rowwise(TransformerMixin, BaseEstimator):
    """Counts the rows that it transforms."""

    n_rows = 0

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        Rowwise.n_rows += len(X)
        return X


def test_test_data_are_transformed_once():
    pipeline = make_pipeline(Rowwise(), LogisticRegression(max_iter=1000))
    _, told = objectives(pipeline)
    Rowwise.n_rows = 0
    for C in (0.1, 1.0, 10.0):
        told.run(FoldJob(0, 0, {"logisticregression__C": C}, 1))
    assert Rowwise.n_rows == len(X)  # the training and the test samples of the fold


def test_a_fit_that_fails():
    plain, told = objectives(error_score=-7.0)
    job = FoldJob(0, 0, {"logisticregression__C": -1.0}, 1)
    found = told.run(job)
    same({**found, "fit_error": None}, {**plain.run(job), "fit_error": None})
    assert found["gradient"] is None
    assert "'C' parameter" in found["fit_error"]
    _, strict = objectives(error_score="raise")
    with pytest.raises(ValueError, match="'C' parameter"):
        strict.run(job)
    assert np.isfinite(told.run(FoldJob(0, 0, {"logisticregression__C": 1.0}, 1))["criterion"])


def test_steps_that_are_exchanged_have_problems_of_their_own():
    _, told = objectives(PIPELINE, "accuracy", ("logisticregression__C",))
    tree = {"logisticregression": DecisionTreeClassifier(random_state=0)}
    linear = {"logisticregression": LogisticRegression(), "logisticregression__C": 1.0}
    ridge = {"logisticregression": RidgeClassifier()}
    found = [told.run(FoldJob(i, 0, p, 3)) for i, p in enumerate([tree, linear, ridge, tree])]
    assert [set(f["gradient"]) for f in found] == [set(), {"logisticregression__C"}, set(), set()]
    assert found[0]["test_scores"] == found[3]["test_scores"]
    assert all(np.isfinite(f["criterion"]) for f in found)


def test_pickles_before_it_runs():
    _, told = objectives()
    again = pickle.loads(pickle.dumps(told))
    job = FoldJob(0, 0, {"logisticregression__C": 1.0}, 1)
    assert again.run(job)["test_scores"] == told.run(job)["test_scores"]
    assert not told.portable


def test_choices_that_look_the_same_are_not_taken_for_each_other():
    process = GaussianProcessRegressor(optimizer=None, alpha=0.1)
    _, told = objectives(process, "neg_mean_squared_error", ("alpha",))
    kernels = [RBF(1.0), RBF(1.004)]
    assert repr(kernels[0]) == repr(kernels[1])
    scores = [
        told.run(FoldJob(i, 0, {"kernel": kernel, "alpha": 0.1}, 2))["test_scores"]
        for i, kernel in enumerate(kernels)
    ]
    assert scores[0] != scores[1]


def test_large_sparse_data_are_not_kept():
    rng = np.random.default_rng(0)
    S = sparse.random(300, 9000, density=0.01, random_state=0, format="csr")
    t = (rng.random(300) < 0.5).astype(int)
    splits = list(StratifiedKFold(3).split(S, t))
    model = LogisticRegression()
    scorer = check_scoring(model, "neg_log_loss")
    plain = Objective(model, S, t, splits, scorer, {}, {}, np.nan, False, 0)
    told = GradientObjective(plain, criterion_of(scorer, model), frozenset({"C"}))
    for C in (0.1, 1.0):
        found = told.run(FoldJob(0, 0, {"C": C}, 1))
        same(found, plain.run(FoldJob(0, 0, {"C": C}, 1)))
        assert np.isfinite(found["gradient"]["C"])
        assert not hasattr(told._folds[0], "X_train")


@pytest.mark.parametrize("copy_X", [True, False])
def test_fits_of_scikit_learn_to_sparse_data_make_one_copy_of_the_rows(copy_X):
    S = sparse.random(2000, 2000, density=0.05, random_state=0, format="csr")
    S = S[:, np.random.default_rng(0).permutation(2000)]  # indices are not sorted
    assert not S.has_sorted_indices
    before, t = S.copy(), np.asarray(S[:, :3].sum(axis=1)).ravel()
    model = Lasso(tol=0.01, copy_X=copy_X)  # tolerance at which its own fit is visible
    scorer, splits = check_scoring(model, "neg_mean_squared_error"), list(KFold(2).split(S))
    plain = Objective(model, S, t, splits, scorer, {}, {}, np.nan, False, 0)
    told = GradientObjective(plain, criterion_of(scorer, model), frozenset({"alpha"}))
    told.run(FoldJob(0, 0, {"alpha": 0.01}, 1))
    tracemalloc.start()
    found = told.run(FoldJob(0, 0, {"alpha": 0.005}, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    same(found, plain.run(FoldJob(0, 0, {"alpha": 0.005}, 1)))
    assert (before != S).nnz == 0
    assert peak < 2.6 * size_in_memory([S[splits[0][0]]])  # rows, and their columns


def test_steps_that_are_exchanged_keep_their_own_score():
    """The default score of a ridge is R², that of a Poisson regression D²."""
    counts = np.random.default_rng(0).poisson(np.exp(X[:, 0] - 5)).astype(float)
    pipeline = make_pipeline(StandardScaler(), Ridge())
    scorer = check_scoring(pipeline, None)
    plain = Objective(pipeline, X, counts, SPLITS, scorer, {}, {}, np.nan, False, 0)
    names = frozenset({"ridge__alpha"})
    told = GradientObjective(plain, criterion_of(scorer, pipeline), names)
    for model in (Ridge(), PoissonRegressor(), Ridge()):
        for alpha in (1.0, 2.0):
            job = FoldJob(0, 0, {"ridge": model, "ridge__alpha": alpha}, 1)
            same(told.run(job), plain.run(job))


class CountedRidge(Ridge):
    """Has inner problems that are counted while they are alive."""


ALIVE = weakref.WeakSet()


class CountedProblem(type(inner_problem(Ridge()))):
    def __init__(self, estimator):
        super().__init__(estimator)
        ALIVE.add(self)


inner_problem.register(CountedRidge, CountedProblem)


def test_few_problems_are_kept_however_many_combinations_there_are():
    """One for each combination of what has no derivative; the latest four are kept."""
    _, objective = objectives(CountedRidge(), "neg_mean_squared_error", ["alpha"])
    for tol in np.logspace(-9, -2, 8):
        result = objective.run(FoldJob(0, 0, {"alpha": 1.0, "tol": tol}, 1))
        assert result["gradient"]["alpha"] != 0
    gc.collect()
    assert len(ALIVE) == 4


def test_in_a_worker_process_caches_are_made_anew():
    _, target = objectives()
    job = FoldJob(0, 1, {"logisticregression__C": 2.0}, 1)
    expected = target.run(job)  # a fold has a lock, which cannot be pickled
    found = pickle.loads(pickle.dumps(target)).run(job)
    same(found, expected)
    assert found["gradient"] == expected["gradient"]
    failed = target.failed(job, TimeoutError("late"), 1.0)
    assert set(failed) == set(expected)
    assert failed["fit_error"] == "TimeoutError: late"


MASKS = [np.arange(len(X)) % 3 != k for k in range(3)]


@pytest.mark.parametrize("small", [0, 2**22])
@pytest.mark.parametrize("return_train_score", [False, True])
@pytest.mark.parametrize(
    ("X", "y", "splits", "fit_params"),
    [
        (X, y, SPLITS, {}),
        (pd.DataFrame(X, columns=list("abcd")), y, SPLITS, {}),
        (X, y[:, None], SPLITS, {"sample_weight": 1.0 + np.arange(len(X)) % 4}),
        (X, y, [(mask, ~mask) for mask in MASKS], {}),
        (sparse.csr_matrix(X), y, list(KFold(4, shuffle=True, random_state=0).split(X)), {}),
    ],
    ids=["array", "frame", "weights", "masks", "sparse"],
)
def test_folds_that_share_their_data(
    X, y, splits, fit_params, return_train_score, small, monkeypatch
):
    monkeypatch.setattr("skhyper.evaluation._gradient_objective._SMALL_DATA", small)
    data = {"X": X, "y": y, "splits": splits, "fit_params": fit_params}
    estimator = Lasso(tol=1e-12, max_iter=20_000)
    plain, told = objectives(estimator, "r2", return_train_score=return_train_score)
    plain = dataclasses.replace(plain, **data)
    told = GradientObjective(plain, told.criterion, frozenset({"alpha"}))
    for fold in range(len(splits)):
        for alpha in (0.1, 0.01):
            found, own = (o.run(FoldJob(0, fold, {"alpha": alpha}, 1)) for o in (told, plain))
            for name in ("test_scores", "train_scores")[: 1 + return_train_score]:
                assert found[name] == pytest.approx(own[name], rel=1e-6), name
            assert np.isfinite(found["gradient"]["alpha"])
    assert told._shared[0] is not None
    assert all(fold._train is None for fold in told._folds.values())


@pytest.mark.parametrize(
    ("scorer", "bad", "message"),
    [
        (
            make_scorer(mean_pinball_loss, alpha=2, greater_is_better=False),
            0.0,
            "'alpha' parameter",
        ),
        (check_scoring(Ridge()), np.nan, "contains NaN"),
        (check_scoring(Ridge()), np.inf, "contains infinity"),
    ],
)
def test_a_score_reports_what_scikit_learn_would(scorer, bad, message):
    plain, objective = objectives(Ridge(), scoring=scorer, names=("alpha",))
    data = X.copy()
    data[SPLITS[0][1][0], 0] += bad
    for o in (
        dataclasses.replace(plain, X=data),
        dataclasses.replace(objective, objective=dataclasses.replace(plain, X=data)),
    ):
        with pytest.warns(UserWarning, match=message):
            result = o.run(FoldJob(0, 0, {"alpha": 1.0}, 1))
        assert message in result["score_error"]
        assert np.isnan(result["test_scores"])


def test_wrong_data_are_reported_by_the_estimator():
    wrong = np.where(np.arange(4) == 2, np.nan, X)
    _, told = objectives(Lasso(), "r2", names=("alpha",), error_score=np.nan)
    told = GradientObjective(
        dataclasses.replace(told.objective, X=wrong), told.criterion, frozenset({"alpha"})
    )
    result = told.run(FoldJob(0, 0, {"alpha": 0.1}, 1))
    assert "Input X contains NaN" in result["fit_error"]


MODELS = {
    "pipeline": (PIPELINE, "logisticregression__C", "neg_log_loss"),
    "scaled ridge": (make_pipeline(StandardScaler(), Ridge()), "ridge__alpha", "r2"),
    "ridge": (Ridge(), "alpha", "r2"),
    "lasso": (Lasso(), "alpha", "r2"),
    "features": (
        make_pipeline(Nystroem(gamma=0.1, n_components=9, random_state=0), Ridge()),
        "nystroem__gamma",
        "r2",
    ),
    "ill-conditioned": (make_pipeline(PolynomialFeatures(4), Ridge()), "ridge__alpha", "r2"),
    "kernel": (SVC(), "C", "accuracy"),
}


@pytest.mark.parametrize("n_kept", [0, 1, 3])
@pytest.mark.parametrize(("estimator", "name", "scoring"), MODELS.values(), ids=MODELS)
def test_results_do_not_depend_on_what_is_kept(estimator, name, scoring, n_kept, monkeypatch):
    def results():
        _, told = objectives(estimator, scoring, {name}, return_train_score=True)
        jobs = [FoldJob(0, fold, {name: v}, 1) for v in (0.5, 0.01, 0.1) for fold in range(3)]
        found = [told.run(job) for job in jobs]
        keys = ("test_scores", "train_scores", "criterion")
        return told, [[*(r[key] for key in keys), r["gradient"][name]] for r in found]

    _, expected = results()
    monkeypatch.setattr("skhyper.evaluation._gradient_objective._SMALL_DATA", 0)
    monkeypatch.setattr(Kept, "admits", lambda self, fold, size: size > 0 and fold < n_kept)
    told, found = results()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert [bool(fold._folds) for fold in told._folds.values()] == [k < n_kept for k in range(3)]
    # A fold that is not kept has no data.
    known = (told.objective.X, told.objective.y)
    freed = [
        size_in_memory([vars(fold)], (*known, vars(fold)["_whole"]))
        for fold in told._folds.values()
    ]
    assert all(size < 1000 for size in freed[n_kept:])


def test_only_test_data_and_matrices_are_kept_of_large_data(monkeypatch):
    monkeypatch.setattr("skhyper.evaluation._gradient_objective._SMALL_DATA", 0)
    _, told = objectives(make_pipeline(StandardScaler(), Ridge()), "r2", {"ridge__alpha"})
    rng = np.random.default_rng(0)
    n, p = 3000, 20
    splits = list(KFold(3).split(range(n)))
    large = {"X": rng.normal(size=(n, p)), "y": rng.normal(size=n), "splits": splits}
    told = GradientObjective(
        dataclasses.replace(told.objective, **large), told.criterion, told.names
    )
    told.run(FoldJob(0, 0, {"ridge__alpha": 1.0}, 1))
    test = 2 * 8 * (n // 3) * p  # as given, and scaled
    assert test < told._folds[0]._size() < test + 8 * (10 * n + 10 * p**2)


def test_folds_are_kept_up_to_a_share_of_memory(monkeypatch):
    monkeypatch.setattr("skhyper.evaluation._memory.available_memory", lambda: 1000)
    kept = Kept()
    assert [kept.admits(0, 200), kept.admits(1, 60), kept.admits(2, 101)] == [True, True, False]
    assert [kept.admits(2, 40), kept.admits(0, 201), kept.admits(1, 260)] == [True, False, True]


def large_as(value):
    """A step that replaces large values."""
    return FunctionTransformer(lambda X: np.where(X > 100, value, X))


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (make_pipeline(large_as(np.inf), MinMaxScaler(clip=True), Ridge()), "ridge__alpha"),
        (
            make_pipeline(large_as(np.inf), KernelRidge(kernel="laplacian", gamma=0.1)),
            "kernelridge__alpha",
        ),
        (
            TransformedTargetRegressor(
                make_pipeline(large_as(np.inf), MinMaxScaler(clip=True), Ridge())
            ),
            "regressor__ridge__alpha",
        ),
        (make_pipeline(large_as(np.nan), SplineTransformer(), Ridge()), "ridge__alpha"),
    ],
)
def test_test_data_that_scikit_learn_refuses_have_no_finite_score(estimator, name):
    X_large = X.copy()
    X_large[0] = 1000.0
    search = GradientSearchCV(
        estimator,
        {name: (0.1, 1.0)},
        n_iter=1,
        cv=[(np.arange(50, 150), np.arange(50)), (np.arange(50, 100), np.arange(100, 150))],
        refit=False,
        error_score=-7.0,
    )
    with pytest.warns(UserWarning, match="Scoring failed|score|fits"):
        search.fit(X_large, y)
    assert search.cv_results_["split0_test_score"] == -7.0
    assert search.cv_results_["split1_test_score"] != -7.0
