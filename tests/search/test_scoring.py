"""Budgets that would be spent for nothing: wrong scoring, wrong metadata, trials that all fail."""

import functools
import warnings

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, adjusted_rand_score, f1_score, make_scorer
from sklearn.metrics import mean_pinball_loss as pinball
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.exceptions import SkhyperWarning

X, y = load_iris(return_X_y=True)
C = {"C": (0.1, 10.0)}


class Never(SVC):
    def fit(self, X, y, sample_weight=None):
        raise AssertionError("a model was trained before the error was found")


def searches(estimator, **kwargs):
    return {
        "grid": GridSearchCV(estimator, {"C": [1, 2]}, **kwargs),
        "random": RandomizedSearchCV(estimator, {"C": [1, 2]}, n_iter=2, **kwargs),
        "bayes": BayesSearchCV(estimator, C, n_iter=9, random_state=0, **kwargs),
        "sampled": SearchCV(estimator, C, n_iter=9, random_state=0, **kwargs),
        "manual": SearchCV(estimator, sampler=[{"C": 1}, {"C": 2}], **kwargs),
    }


KINDS = sorted(searches(SVC()))
every_search = pytest.mark.parametrize("kind", KINDS)


def mine(y_true, y_pred):
    return np.mean(y_true == y_pred)


METRICS = {
    "named": (accuracy_score, "scoring='accuracy' or scoring=make_scorer"),
    "without a name": (pinball, r"scoring=make_scorer\(mean_pinball_loss\)"),
    "mine": (mine, r"scoring=mine is a metric.*make_scorer\(mine\), with greater_is_better"),
    "lambda": (lambda y, y_hat: 0.0, "is a metric"),
    "two": (lambda a, b: 0.0, "cannot be called with 3 arguments"),
    "partial": (functools.partial(f1_score, average="macro"), "is a metric"),
    "dict": ({"acc": make_scorer(mine), "f": mine}, r"scoring\['f'\] is a metric"),
    "dict of sklearn's": ({"f": accuracy_score}, "is a metric"),
    "list": ([mine], r"scoring\[0\] is a metric"),
    "tuple": (("accuracy", accuracy_score), r"scoring\[1\] is a metric"),
}

WARNED = {"mine", "lambda", "dict", "list"}


@every_search
@pytest.mark.parametrize("metric", METRICS)
def test_metrics_are_no_scorers(kind, metric):
    scoring, said = METRICS[metric]
    if kind in ("grid", "random") and metric in WARNED:
        pytest.skip("scikit-learn takes it")
    with pytest.raises(ValueError, match=said):
        searches(Never(), scoring=scoring, refit=False)[kind].fit(X, y)


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test scores")
@pytest.mark.parametrize("kind", ["grid", "random"])
def test_metrics_that_scikit_learns_searches_take(kind):
    search = searches(SVC(), scoring=mine, refit=False)[kind]
    with pytest.warns(SkhyperWarning, match=METRICS["mine"][1]):
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).all()


def test_metrics_of_clusterings_and_in_gradient_searches():
    space = {"n_clusters": [2, 3]}
    with pytest.raises(ValueError, match="scoring='adjusted_rand_score'"):
        SearchCV(KMeans(), space, scoring=adjusted_rand_score).fit(X)
    with pytest.raises(ValueError, match="is a metric"):
        GradientSearchCV(Ridge(), {"alpha": (0.1, 1.0)}, scoring=mine).fit(X, y)


class CallableScorer:
    def __call__(self, estimator, X, y):
        return accuracy_score(y, estimator.predict(X))


@pytest.mark.parametrize(
    "scoring",
    [
        lambda estimator, X, y: 1.0,
        lambda est, data, y_true=None, flag=3: 1.0,
        lambda *args: 1.0,
        CallableScorer(),
        CallableScorer().__call__,
        functools.partial(lambda weight, estimator, X, y: 1.0, 0.5),
        make_scorer(mine),
        make_scorer(functools.partial(f1_score, average="macro")),
        max,  # has no signature; wrong, but that is not known
        {"a": make_scorer(mine), "b": CallableScorer()},
        "accuracy",
        ["accuracy", "f1_macro"],
        None,
    ],
)
def test_scorers_are_taken_as_they_are(scoring):
    from skhyper.search._scoring import check_scoring_signature

    check_scoring_signature(scoring, y)


def test_metrics_without_a_name():
    scorer = make_scorer(functools.partial(f1_score, average="macro"))
    space = {"C": (0.1, 10.0, "log-uniform")}
    options = {"scoring": scorer, "cv": 2, "n_iter": 2}
    search = SearchCV(LogisticRegression(max_iter=1000), space, **options).fit(X, y)
    plain = cross_val_score(search.best_estimator_, X, y, scoring="f1_macro", cv=2)
    assert search.best_score_ == plain.mean()
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    GradientSearchCV(scaled, {"logisticregression__C": space["C"]}, **options).fit(X, y)


def test_unsupervised_scorers_get_two_arguments():
    from skhyper.search._scoring import check_scoring_signature

    check_scoring_signature(lambda estimator, X: 1.0, None)
    with pytest.raises(ValueError, match="cannot be called with 3 arguments"):
        check_scoring_signature(lambda estimator, X: 1.0, y)


def always_fails(estimator, X, y):
    always_fails.n += 1
    raise ZeroDivisionError("always the same")


class Fails(SVC):
    n_fits = 0

    def fit(self, X, y, sample_weight=None):
        Fails.n_fits += 1
        raise ZeroDivisionError("always the same")


sequential = pytest.mark.parametrize("kind", ["bayes", "sampled"])


@sequential
@pytest.mark.parametrize("error_score", [np.nan, 0.0])
def test_a_search_whose_scores_all_fail_stops_and_says_why_once(kind, error_score):
    always_fails.n = 0
    search = searches(SVC(), scoring=always_fails, cv=3, error_score=error_score)[kind]
    with pytest.raises(ValueError, match="Scoring failed in all folds") as caught:
        search.fit(X, y)
    assert always_fails.n == 9
    assert str(caught.value).count("ZeroDivisionError: always the same") == 1
    assert "9 times" in str(caught.value)
    assert search.stop_reason_ == "all of the first 3 trials failed with the same error"
    assert [trial.state for trial in search.history_] == ["failed"] * 3
    assert all("always the same" in trial.message for trial in search.history_)
    assert not hasattr(search, "best_params_")


@sequential
def test_a_search_whose_fits_all_fail_stops_with_scikit_learns_error(kind):
    Fails.n_fits = 0
    with pytest.raises(ValueError, match="All the 9 fits failed") as caught:
        searches(Fails(), cv=3)[kind].fit(X, y)
    assert Fails.n_fits == 9
    assert str(caught.value).count("ZeroDivisionError: always the same") == 1


@pytest.mark.filterwarnings("ignore:Scoring failed")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("kind", ["grid", "random", "manual"])
def test_what_is_listed_is_tried_to_the_end(kind):
    always_fails.n = 0
    values = list(range(1, 6))
    search = {
        "grid": GridSearchCV(SVC(), {"C": values}),
        "random": RandomizedSearchCV(SVC(), {"C": values}, n_iter=5),
        "manual": SearchCV(SVC(), sampler=[{"C": c} for c in values]),
    }[kind]
    search.set_params(scoring=always_fails, cv=2, refit=False).fit(X, y)
    assert always_fails.n == 10
    assert search.n_trials_ == 5


@sequential
def test_different_messages_or_one_good_fold_go_on(kind):
    class Differs(SVC):
        def fit(self, X, y):
            raise ZeroDivisionError(f"C={self.C}")

    with pytest.raises(ValueError, match="All the 18 fits failed"):
        searches(Differs(), cv=2)[kind].fit(X, y)
    folds = []

    def sometimes(estimator, X, y):
        folds.append(0)
        if len(folds) % 2:
            raise ZeroDivisionError("one fold of two")
        return 1.0

    search = searches(SVC(), scoring=sometimes, cv=2, refit=False)[kind]
    with pytest.warns(UserWarning) as caught:
        search.fit(X, y)
    assert search.n_trials_ == 9
    said = [str(w.message) for w in caught if "Scoring failed" in str(w.message)]
    assert len(said) == 1, "one warning, and not one for each fold"
    assert "Scoring failed 9 times in 18 folds" in said[0]
    assert said[0].count("Traceback") == 1


@sequential
def test_a_metric_that_is_not_optimised_may_fail(kind):
    scoring = {"good": make_scorer(mine), "bad": always_fails}
    search = searches(SVC(), scoring=scoring, refit="good", cv=2)[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
        assert search.n_trials_ == 9
        assert search.best_score_ > 0.9
        assert np.isnan(search.cv_results_["mean_test_bad"]).all()
        with pytest.raises(ValueError, match="Scoring failed in all folds of the first 3"):
            search.set_params(refit="bad").fit(X, y)


def test_error_score_raise_raises_the_scorers_error():
    with pytest.raises(ZeroDivisionError, match="always the same"):
        searches(SVC(), scoring=always_fails, error_score="raise")["bayes"].fit(X, y)


@pytest.mark.filterwarnings("ignore")
def test_with_workers_and_after_a_restart(tmp_path):
    with parallel_config("threading", n_jobs=2):
        search = BayesSearchCV(Fails(), C, n_iter=40, cv=2, n_points=2, random_state=0)
        with pytest.raises(ValueError, match=r"All the [678] fits failed"):
            search.fit(X, y)
    journal = tmp_path / "j"
    # Two trials are there: the third is the last.
    for n_iter in (2, 40):
        search = BayesSearchCV(Fails(), C, n_iter=n_iter, cv=2, journal=journal, random_state=0)
        with pytest.raises(ValueError, match="All the"):
            search.fit(X, y)
    assert search.n_trials_ == 3


@every_search
def test_metadata_that_fit_does_not_take(kind):
    with pytest.raises(TypeError, match=r"Never.fit does not accept 'nope'"):
        searches(Never())[kind].fit(X, y, nope=1)


def test_metadata_of_steps():
    from skhyper.search._scoring import check_fit_metadata

    pipe = make_pipeline(StandardScaler(), SVC())
    check_fit_metadata(pipe, ["svc__sample_weight", "standardscaler__sample_weight"], ())
    check_fit_metadata(pipe, ["svc__sample_weights"], ["svc"])
    for name, said in [
        ("sample_weight", "Pipeline.fit does not accept 'sample_weight'.*svc__sample_weight"),
        ("svm__sample_weight", "Pipeline.fit does not accept 'svm__sample_weight'"),
        ("svc__sample_weights", "SVC.fit does not accept 'sample_weights'"),
    ]:
        with pytest.raises(TypeError, match=said):
            check_fit_metadata(pipe, [name], ())
    with pytest.raises(TypeError, match="does not accept 'nope'"):
        BayesSearchCV(Never(), C, fit_params={"nope": 1}).fit(X, y)
    check_fit_metadata(LogisticRegression(), ["sample_weight"], ())
