"""Refits after a search: of the best candidate or any other, compared with plain fits."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.callbacks import Callback

X, y = load_iris(return_X_y=True)
C = [0.01, 1.0, 100.0]


def searches(estimator, **options):
    options = {"cv": 3, **options}
    space = {"C": (0.01, 100.0, "log-uniform")}
    return {
        "grid": GridSearchCV(estimator, {"C": C}, **options),
        "random": RandomizedSearchCV(estimator, {"C": C}, n_iter=3, random_state=0, **options),
        "bayes": BayesSearchCV(estimator, space, n_iter=3, random_state=0, **options),
        "sampled": SearchCV(estimator, space, n_iter=3, random_state=0, **options),
        "manual": SearchCV(estimator, sampler=[{"C": value} for value in C], **options),
    }


every_search = pytest.mark.parametrize("kind", searches(SVC()))


def assert_is_plain_fit(search, params, data=X, target=y, **metadata):
    plain = clone(search.estimator).set_params(**params).fit(data, target, **metadata)
    np.testing.assert_array_equal(
        search.best_estimator_.decision_function(data), plain.decision_function(data)
    )


@every_search
def test_a_refit_later_equals_the_refit_of_fit(kind):
    at_once = searches(SVC())[kind].fit(X, y)
    later = searches(SVC(), refit=False)[kind].fit(X, y)
    assert not hasattr(later, "predict")
    assert not hasattr(later, "best_estimator_")
    assert later.refit_best(X, y) is later
    for name in ("best_index_", "best_params_", "best_score_"):
        assert getattr(later, name) == getattr(at_once, name)
    assert later.refit_time_ > 0
    assert later.refit is False
    for method in ("predict", "decision_function"):
        found = getattr(later, method)(X)
        np.testing.assert_array_equal(found, getattr(at_once, method)(X))
    assert later.score(X, y) == at_once.score(X, y)
    np.testing.assert_array_equal(later.classes_, [0, 1, 2])
    assert later.n_features_in_ == 4
    assert not hasattr(later, "transform")  # SVC has none
    check_is_fitted(later)


@every_search
def test_any_candidate(kind):
    search = searches(SVC())[kind].fit(X, y)
    first = search.best_index_
    other = (first + 1) % 3
    search.refit_best(X, y, index=other)
    assert search.best_index_ == other
    assert search.best_params_ == search.cv_results_["params"][other]
    assert search.best_score_ == search.cv_results_["mean_test_score"][other]
    assert_is_plain_fit(search, search.cv_results_["params"][other])
    # The best one is not forgotten.
    assert search.history_.best.number == first
    assert search.refit_best(X, y).best_index_ == first
    assert_is_plain_fit(search, search.best_params_)


def test_a_gradient_search_selects_by_its_penalized_loss():
    rng = np.random.default_rng(0)
    data, target = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    space = {"alpha": (1e-3, 1e3, "log-uniform")}
    search = GradientSearchCV(Ridge(np.ones(2)), space, n_iter=4, prior=1.0, cv=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skhyper.search._prior.Prior.overfitting", lambda *args: ())
        best = search.fit(data, target).best_index_
    search.refit_best(data, target, 0)
    assert search.best_index_ == 0
    search.refit_best(data, target)
    assert search.best_index_ == best == search.cv_results_["penalized_loss"].argmin()


def test_other_data_and_names_of_features():
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = GridSearchCV(SVC(), {"C": C}, cv=3).fit(frame, y)
    search.refit_best(frame[["b", "c"]], y)
    np.testing.assert_array_equal(search.feature_names_in_, ["b", "c"])
    search.refit_best(X[::2], y[::2])
    assert not hasattr(search, "feature_names_in_")
    assert_is_plain_fit(search, search.best_params_, X[::2], y[::2])


def test_without_a_target():
    search = SearchCV(KMeans(random_state=0), sampler=[{"n_clusters": 2}, {"n_clusters": 3}], cv=2)
    search.set_params(refit=False).fit(X).refit_best(X, index=1)
    assert search.best_estimator_.n_clusters == 3
    assert search.transform(X).shape == (150, 3)


METRICS = {"accuracy": "accuracy", "smooth": lambda estimator, X, y: estimator.n_neighbors}


def several(refit):
    grid = {"n_neighbors": [1, 5, 30]}
    return GridSearchCV(KNeighborsClassifier(), grid, scoring=METRICS, refit=refit, cv=3)


def test_several_metrics():
    search = several("smooth").fit(X, y)
    by_smooth = search.best_index_
    search.set_params(refit="accuracy").refit_best(X, y)
    other = several("accuracy").fit(X, y)
    assert search.best_index_ == other.best_index_ != by_smooth
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"].max()
    assert search.score(X, y) == accuracy_score(y, search.predict(X))
    with pytest.raises(ValueError, match="refit"):
        search.set_params(refit="f1").refit_best(X, y)


def test_several_metrics_without_a_refit_go_by_the_first():
    search = several(False).fit(X, y)
    assert not hasattr(search, "best_index_")
    search.refit_best(X, y)
    assert search.best_index_ == search.cv_results_["rank_test_accuracy"].argmin()
    assert search.score(X, y) == accuracy_score(y, search.predict(X))


def test_a_callable_that_selects():
    search = several(lambda results: 2).fit(X, y)
    search.refit_best(X, y, index=0)
    assert search.best_params_ == {"n_neighbors": 1}
    assert not hasattr(search, "best_score_")
    assert search.refit_best(X, y).best_index_ == 2

    def scores(estimator, X, y):
        return {"a": estimator.score(X, y), "b": -estimator.C}

    search = GridSearchCV(SVC(), {"C": C}, scoring=scores, refit="b", cv=3).fit(X, y)
    assert search.best_params_ == {"C": 0.01}
    search.set_params(refit="a").refit_best(X, y)
    assert search.best_index_ == search.cv_results_["mean_test_a"].argmax()
    with pytest.raises(ValueError, match="refit"):
        search.set_params(refit="c").refit_best(X, y)


def test_metadata_are_those_of_fit():
    weight = np.linspace(0.1, 5, 150)
    groups = np.arange(150) % 5
    search = GridSearchCV(SVC(), {"C": C}, cv=GroupKFold(3), refit=False)
    search.fit(X, y, sample_weight=weight, groups=groups)
    search.refit_best(X, y, sample_weight=weight, groups=groups)
    assert_is_plain_fit(search, search.best_params_, sample_weight=weight)
    search.refit_best(X, y)  # weights are not remembered
    assert_is_plain_fit(search, search.best_params_)


def test_metadata_routing():
    weight = np.linspace(0.1, 5, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = SVC().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = searches(estimator, refit=False)["bayes"].fit(X, y, sample_weight=weight)
        search.refit_best(X, y, sample_weight=weight)
        assert_is_plain_fit(search, search.best_params_, sample_weight=weight)
        with pytest.raises(TypeError, match="other"):
            search.refit_best(X, y, other=weight)


@pytest.mark.parametrize("index", [-1, 3, 1.0, True, "best"])
def test_a_wrong_index(index):
    search = searches(SVC())["manual"].fit(X, y)
    model = search.best_estimator_
    with pytest.raises(ValueError, match=r"index must be a row of cv_results_, .* 0 to 2"):
        search.refit_best(X, y, index)
    assert search.best_estimator_ is model
    assert search.refit_best(X, y, np.int64(1)).best_index_ == 1


@every_search
def test_before_any_fit(kind):
    with pytest.raises(NotFittedError, match="has tried no candidate yet: call fit first"):
        searches(SVC())[kind].refit_best(X, y)


class Fragile(SVC):
    """Raises `error` in the fits on all data from the one numbered `at` on."""

    error, at, n_fits = None, 0, 0

    def fit(self, X, y, sample_weight=None):
        if len(X) == 150:
            Fragile.n_fits += 1
            if Fragile.error is not None and Fragile.n_fits >= Fragile.at:
                raise Fragile.error
        return super().fit(X, y, sample_weight)


@pytest.fixture
def fragile(monkeypatch):
    monkeypatch.setattr(Fragile, "n_fits", 0)

    def set_error(error, at=1):
        monkeypatch.setattr(Fragile, "error", error)
        monkeypatch.setattr(Fragile, "at", at)

    return set_error


@every_search
@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), ValueError("wrong")])
def test_a_refit_that_does_not_end(kind, error, fragile):
    search = searches(Fragile())[kind]
    fragile(error)
    with pytest.raises(type(error)):
        search.fit(X, y)
    with pytest.raises(NotFittedError, match=r"before a model was refitted.*refit_best\(X, y\)"):
        search.predict(X)
    with pytest.raises(NotFittedError, match="after 3 trials"):
        check_is_fitted(search)
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "refit_time_")
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    fragile(None)
    search.refit_best(X, y)
    assert search.predict(X).shape == y.shape
    model = vars(search).copy()
    # Then a second one that does not end changes nothing.
    fragile(error, at=0)
    with pytest.raises(type(error)):
        search.refit_best(X, y, (search.best_index_ + 1) % 3)
    assert vars(search) == model
    assert_is_plain_fit_of(search)


def assert_is_plain_fit_of(search):
    assert search.best_params_["C"] == search.best_estimator_.C
    check_is_fitted(search)


def test_a_refit_that_fails_after_one_that_did_not(fragile):
    """Nothing of the first model is left."""
    search = searches(Fragile())["manual"].fit(X, y)
    fragile(ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        search.fit(X, y)
    with pytest.raises(NotFittedError, match="not completed after 3 trials"):
        search.predict(X)


class AtTrial(Callback):
    def __init__(self, number):
        self.number = number
        self.calls = []

    def on_trial_end(self, search, trial):
        if trial.number == self.number:
            raise KeyboardInterrupt

    def setup(self, estimator, context):
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.calls.append(f"end {context.task_name}")

    def teardown(self, estimator, context):
        self.calls.append("teardown")


@every_search
@pytest.mark.parametrize("refit", [True, False])
def test_after_an_interruption(kind, refit):
    callback = AtTrial(1)
    search = searches(SVC(), refit=refit)[kind].set_callbacks(callback)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    callback.calls.clear()
    search.refit_best(X, y)
    assert callback.calls == [
        "setup",
        "begin fit",
        "begin refit-with-best-params",
        "end refit-with-best-params",
        "end fit",
        "teardown",
    ]
    assert search.stop_reason_ == "interrupted by KeyboardInterrupt"
    assert_is_plain_fit(search, search.history_.best.params)
    assert search.score(X, y) == search.best_estimator_.score(X, y)
    assert search.multimetric_ is False


def test_after_an_interruption_before_the_first_trial():
    class Interrupted(BaseEstimator):
        def fit(self, X, y):
            raise KeyboardInterrupt

        def score(self, X, y):
            return 0.0

    search = SearchCV(Interrupted(), sampler=[{}], cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    with pytest.raises(NotFittedError, match=r"interrupted .* before a trial was completed"):
        search.refit_best(X, y)


def test_without_any_score_a_candidate_must_be_named():
    class Fails(SVC):
        def fit(self, X, y):
            if len(X) < 150:
                raise ValueError("too few samples")
            return super().fit(X, y)

    search = SearchCV(Fails(), sampler=[{"C": 1}, {"C": 2}], cv=2).set_callbacks(AtTrial(1))
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    with pytest.raises(ValueError, match="None of 2 trials has a score"):
        search.refit_best(X, y)
    assert search.refit_best(X, y, index=1).best_estimator_.C == 2
