"""Samples held out of a search, and the prior that is chosen by them."""

import math
import pickle
import time
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GradientSearchCV, SearchCV
from skhyper.evaluation import Objective
from skhyper.exceptions import OverfittingWarning, SkhyperWarning
from skhyper.linear_model import BandedLogisticRegression, BandedRidge
from skhyper.search import _held_out
from skhyper.search._held_out import HeldOut, HeldOutLosses, only, parts_of, without
from skhyper.space import Space

SPACE = {"alphas": (1e-2, 1e4, "log-uniform")}
CV = KFold(4, shuffle=True, random_state=0)
MSE = "neg_mean_squared_error"


def data(n=60, p=20, relevant=None, seed=0, n_test=1000):
    rng, relevant = np.random.default_rng(seed), p if relevant is None else relevant
    X = rng.standard_normal((n + n_test, p))
    w = np.r_[rng.standard_normal(relevant), np.zeros(p - relevant)] / np.sqrt(relevant)
    y = X @ w + rng.standard_normal(n + n_test)
    return X[:n], y[:n], X[n:], y[n:]


X, y, X_TEST, Y_TEST = data()


def search(model=None, space=SPACE, X=X, y=y, **options):
    model = BandedRidge(np.ones(X.shape[1])) if model is None else model
    options = {"cv": CV, "scoring": MSE, "random_state": 0} | options
    return GradientSearchCV(model, space, **options).fit(X, y)


# ---- which samples are held out, and of what


@dataclass(frozen=True)
class Data:
    """As much of an objective as is cut."""

    X: np.ndarray
    y: np.ndarray
    splits: list
    estimator: object = None
    fit_params: dict = None
    score_params: dict = None

    @classmethod
    def of(cls, cv, n=20):
        X = np.arange(n, dtype=float)[:, None]
        weights = {"sample_weight": np.arange(n, dtype=float)}
        return cls(X, X[:, 0], list(cv.split(X)), Ridge(), weights, {})


@pytest.mark.parametrize(
    "cv",
    [
        KFold(2),
        KFold(3),
        KFold(5, shuffle=True, random_state=0),
        KFold(10),
        LeaveOneOut(),
        RepeatedKFold(n_splits=4, n_repeats=2, random_state=0),
        ShuffleSplit(1, test_size=0.5, random_state=0),
        ShuffleSplit(4, test_size=0.3, random_state=0),
    ],
)
def test_held_out_samples_are_in_no_fold_and_no_model_has_seen_them(cv):
    objective = Data.of(cv)
    parts = list(parts_of(objective.splits))
    assert 2 <= len(parts) <= 5
    assert len(np.concatenate(parts)) == len(set(np.concatenate(parts).tolist()))
    for rows in parts:
        fewer, weights = without(objective, rows)
        assert len(fewer.splits) == len(weights) > 0
        assert not set(fewer.y) & set(rows)
        np.testing.assert_array_equal(fewer.fit_params["sample_weight"], fewer.y)
        for train, test in fewer.splits:
            assert len(train) and len(test) and not set(train) & set(test)
        # The rows that are left are the same ones as before, in their folds.
        before = [set(test) - set(rows) for _, test in objective.splits]
        after = [set(fewer.y[test].astype(int)) for _, test in fewer.splits]
        assert after == [fold for fold in before if fold]
        judge, weights = only(objective, rows)
        assert sorted(np.concatenate([test for _, test in judge.splits])) == sorted(rows)
        assert weights.sum() == len(rows)
        for train, _ in judge.splits:
            assert len(train) and not set(train) & set(rows)


def test_one_model_judges_all_samples_of_a_part_in_leave_one_out():
    objective = Data.of(LeaveOneOut())
    rows = next(parts_of(objective.splits))
    assert len(only(objective, rows)[0].splits) == 1


def test_masks_are_rows():
    train = np.arange(20) < 15
    objective = Data(np.zeros((20, 1)), np.arange(20.0), [(train, ~train)], Ridge(), {}, {})
    rows = next(parts_of(objective.splits))
    assert set(rows) <= set(range(15, 20))
    np.testing.assert_array_equal(only(objective, rows)[0].splits[0][0], np.arange(15))


# ---- the rule


def test_the_best_strength_unless_equal_components_are_nearly_as_good():
    strengths = np.array([math.inf, 1.0, 0.1])
    zero = np.zeros((2, 3))
    clear = np.array([[3.0, 2.0, 1.0], [3.1, 2.0, 1.0]])
    assert HeldOutLosses(strengths, zero, clear).chosen == 0.1
    doubtful = np.array([[1.3, 1.1, 1.0], [0.8, 0.95, 1.0]])
    assert HeldOutLosses(strengths, zero, doubtful).chosen == math.inf
    single = np.array([[1.0, 0.9, 0.95]])
    assert HeldOutLosses(strengths, zero[:1], single).chosen == 1.0
    assert HeldOutLosses(np.empty(0), np.empty((0, 0)), np.empty((0, 0))).chosen == 0.0


def test_held_out_losses_are_those_of_scikit_learns_fits():
    found = search(cv=KFold(3))
    losses = found.held_out_
    # One value for all, chosen on the other two folds of samples, scored on the first.
    folds = list(KFold(3).split(X))
    rows = folds[0][1]
    fewer = np.setdiff1d(np.arange(len(X)), rows)
    inner = [(np.setdiff1d(train, rows), np.setdiff1d(test, rows)) for train, test in folds[1:]]

    def cv_loss(log_alpha):
        scores = []
        for train, test in inner:
            model = Ridge(np.exp(log_alpha[0])).fit(X[train], y[train])
            scores.append(mean_squared_error(y[test], model.predict(X[test])))
        return np.mean(scores)

    best = minimize(cv_loss, [3.0], method="Nelder-Mead")
    assert losses.cv[0, 0] == pytest.approx(best.fun, rel=1e-3)
    model = Ridge(np.exp(best.x[0])).fit(X[fewer], y[fewer])
    held_out = mean_squared_error(y[rows], model.predict(X[rows]))
    assert losses.held_out[0, 0] == pytest.approx(held_out, rel=1e-2)


def test_two_weaker_strengths_in_a_row_that_are_no_better_end_the_choice(monkeypatch):
    """One is not enough: what is no better may come between two that are."""
    scores = [1.0, 1.1, 0.5, 0.6, 0.7, 0.1]

    class Scripted:
        is_finite = True
        best = SimpleNamespace(slope=np.array([1.0, -1.0, 0.5]))

        def __init__(self, *args):
            self.cv, self.held_out = [], []

        def start_tied(self, point):
            return self.continue_with(math.inf)

        def continue_with(self, strength):
            self.held_out.append(scores[len(self.held_out)])
            self.cv.append(0.0)
            return self

    monkeypatch.setattr(_held_out, "_Search", Scripted)
    space = Space(SPACE).with_vectors({"alphas": np.ones(3)})
    objective = Objective(Ridge(), X, y, list(CV.split(X)), None, {}, {}, np.nan, False, 0)
    found = HeldOut(objective, None, frozenset({"alphas"})).choose(space, np.full(3, 0.5))
    np.testing.assert_array_equal(found.held_out.mean(axis=0), scores[:5])
    assert len(found.strengths) == 5 and found.chosen == found.strengths[2]


# ---- searches


@pytest.mark.filterwarnings("ignore::skhyper.exceptions.OverfittingWarning")
def test_a_prior_is_in_what_is_minimised_and_not_in_the_scores():
    found = search(prior=0.05, n_iter=60, tol=1e-9)
    results = found.cv_results_
    scores = [
        cross_val_score(clone(found.estimator).set_params(**p), X, y, cv=CV, scoring=MSE).mean()
        for p in results["params"]
    ]
    np.testing.assert_allclose(results["mean_test_score"], scores, rtol=1e-8)
    logs = np.log([params["alphas"] for params in results["params"]])
    spread = np.sum((logs - logs.mean(axis=1, keepdims=True)) ** 2, axis=1)
    np.testing.assert_allclose(results["penalized_loss"], 0.025 * spread - scores, rtol=1e-7)
    assert found.best_index_ == np.argmin(results["penalized_loss"])
    assert found.best_score_ == results["mean_test_score"][found.best_index_]
    assert found.prior_ == 0.05

    def penalized(t):
        loss = -cross_val_score(BandedRidge(np.exp(t)), X, y, cv=CV, scoring=MSE).mean()
        return loss + 0.025 * np.sum((t - t.mean()) ** 2)

    best = np.log(found.best_params_["alphas"])
    slopes = [(penalized(best + h) - penalized(best - h)) / 2e-4 for h in 1e-4 * np.eye(20)]
    assert np.abs(slopes).max() < 2e-3


def test_an_infinite_prior_is_a_search_for_one_value():
    found = search(prior=math.inf, tol=1e-9)
    alphas = found.best_params_["alphas"]
    assert np.ptp(alphas) < 1e-9 * alphas[0]
    one = search(Ridge(), {"alpha": SPACE["alphas"]}, tol=1e-9)
    assert found.best_score_ == pytest.approx(one.best_score_, rel=1e-6)


def test_no_prior_is_the_search_as_it_was_and_single_numbers_have_none():
    ranges = {"alpha": SPACE["alphas"]}
    for prior in ("auto", 1.0, math.inf):
        one, other = search(Ridge(), ranges, prior=prior), search(Ridge(), ranges, prior=None)
        assert [t.params for t in one.history_] == [t.params for t in other.history_]
        assert "penalized_loss" not in one.cv_results_
        assert one.best_index_ == np.argmax(one.cv_results_["mean_test_score"])


def test_auto_is_no_worse_than_one_value_where_plain_descent_overfits():
    """All penalties should be equal here."""
    with pytest.warns(OverfittingWarning, match="lowered .* held-out samples went from"):
        plain = search(prior=None)
    one, auto = search(prior=math.inf), search()
    loss = {
        name: mean_squared_error(Y_TEST, found.predict(X_TEST))
        for name, found in {"plain": plain, "one": one, "auto": auto}.items()
    }
    assert loss["plain"] > 1.05 * loss["one"]
    assert loss["auto"] <= 1.01 * loss["one"]
    assert plain.best_score_ > auto.best_score_
    # The evidence: what was chosen by, and it is what was said.
    held_out = auto.held_out_.held_out.mean(axis=0)
    assert auto.prior_ == auto.held_out_.chosen and np.isinf(auto.held_out_.strengths[0])
    assert held_out[-1] > held_out.min()


def test_auto_sets_free_where_that_helps():
    X, y, X_test, y_test = data(n=60, p=30, relevant=10, seed=1)
    model = BandedRidge(np.ones(3), np.repeat(np.arange(3), 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error", OverfittingWarning)
        one, auto, plain = (
            search(model, X=X, y=y, prior=prior) for prior in (math.inf, "auto", None)
        )
    losses = [mean_squared_error(y_test, s.predict(X_test)) for s in (one, auto, plain)]
    assert losses[1] < 0.95 * losses[0]
    assert auto.prior_ < math.inf
    assert losses[1] < 1.1 * losses[2]


def test_many_samples_need_no_prior():
    X, y, *_ = data(n=50, p=4, relevant=2)
    model = BandedRidge(np.ones(2), [0, 0, 1, 1])
    found = search(model, X=X, y=y, n_iter=10)
    assert found.prior_ == 0 and found.held_out_ is None
    assert search(model, X=X[:30], y=y[:30], n_iter=10).held_out_ is not None


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), BandedLogisticRegression(np.ones(6))),
        BandedLogisticRegression(np.ones(6)),
    ],
)
def test_classes_surrogates_and_pipelines(model):
    X, y, *_ = data(n=60, p=6)
    name = next(n for n in model.get_params() if n.endswith("alphas"))
    found = search(model, {name: SPACE["alphas"]}, X, y > 0, scoring="accuracy", n_iter=12)
    assert found.held_out_.held_out.shape[0] == 4
    losses = found.cv_results_.get("penalized_loss")
    if losses is not None:
        assert found.best_index_ == np.nanargmin(losses)


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(1, random_state=0), KFold(2), LeaveOneOut(), GroupKFold(4)]
)
def test_other_splitters(cv):
    kwargs = {"groups": np.arange(len(X)) % 7} if isinstance(cv, GroupKFold) else {}
    found = GradientSearchCV(
        BandedRidge(np.ones(20)), SPACE, n_iter=12, cv=cv, scoring=MSE, random_state=0
    ).fit(X, y, **kwargs)
    assert len(found.held_out_.held_out) >= 4
    assert np.all(np.isfinite(found.held_out_.held_out))


@pytest.mark.slow
def test_threads_journal_and_pickle(tmp_path):
    """The same search, with the same strength, however it is run or gone on with."""
    X, y, *_ = data(p=10, relevant=2)
    whole = search(X=X, y=y, n_iter=16)
    assert 0 < whole.prior_ < math.inf and whole.n_trials_ > 12
    threads = search(X=X, y=y, n_iter=16, n_jobs=2)
    assert threads.prior_ == whole.prior_
    np.testing.assert_array_equal(threads.held_out_.held_out, whole.held_out_.held_out)
    half = search(X=X, y=y, n_iter=12, journal=tmp_path / "trials")
    assert half.n_trials_ == 12
    again = search(X=X, y=y, n_iter=16, journal=tmp_path / "trials")
    assert [t.criterion for t in again.history_] == [t.criterion for t in whole.history_]
    assert again.best_index_ == whole.best_index_
    copy = pickle.loads(pickle.dumps(whole))
    assert copy.prior_ == whole.prior_ and copy.sampler_.prior == whole.prior_


@pytest.mark.filterwarnings("ignore::skhyper.exceptions.OverfittingWarning")
def test_trials_of_other_searches_are_weighed_with_the_prior():
    other = SearchCV(
        BandedRidge(np.ones(20)),
        SPACE,
        sampler="random",
        n_iter=3,
        cv=CV,
        scoring=MSE,
        random_state=0,
        refit=False,
    ).fit(X, y)
    found = search(prior=10.0, history=other.history_, n_iter=12)
    losses = found.cv_results_["penalized_loss"]
    for trial, loss in zip(found.history_[:3], losses):
        logs = np.log(trial.params["alphas"])
        assert loss == pytest.approx(trial.loss + 5 * np.sum((logs - logs.mean()) ** 2))
    assert found.best_index_ == np.nanargmin(losses)


def test_a_search_that_ends_before_components_are_set_apart():
    found = search(n_iter=2)
    assert found.held_out_ is None and math.isinf(found.prior_)
    assert np.ptp(found.best_params_["alphas"]) == pytest.approx(0, abs=1e-9)


def test_time():
    start = time.monotonic()
    found = search(max_time=1e-3)
    assert time.monotonic() - start < 60
    assert found.n_trials_ >= 1


def test_mixed_spaces_have_one_strength():
    spaces = {**SPACE, "fit_intercept": [True, False]}
    found = search(space=spaces, n_iter=30)
    assert found.held_out_ is not None
    assert {trial.params["fit_intercept"] for trial in found.history_} == {True, False}


@pytest.mark.parametrize("prior", [-1.0, "strong", math.nan, [1.0]])
def test_wrong_priors(prior):
    with pytest.raises(ValueError, match="prior"):
        search(prior=prior)


def test_a_user_who_has_no_vectors_or_time_is_not_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error", SkhyperWarning)
        search(KernelRidge(kernel="rbf"), {"gamma": (1e-3, 1e1, "log-uniform")}, prior=None)
        search(prior=math.inf)
