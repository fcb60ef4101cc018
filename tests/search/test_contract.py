"""What code written for ``GridSearchCV`` counts on, for each of our searches."""

import math
import pickle
import sys
from functools import partial

import joblib
import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

import skhyper
from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV

SEARCHES = ["grid", "random", "bayes", "sampled", "manual"]


def make_search(kind, estimator, values, n_iter=4, **kwargs):
    """A search of the given kind over choices `values` of each name."""
    if kind == "grid":
        return GridSearchCV(estimator, values, **kwargs)
    if kind == "random":
        n_iter = min(n_iter, math.prod(map(len, values.values())))
        return RandomizedSearchCV(estimator, values, n_iter=n_iter, random_state=0, **kwargs)
    if kind == "bayes":
        # A time limit keeps it from running the choices as a grid.
        return BayesSearchCV(
            estimator, values, n_iter=n_iter, max_time=1e6, random_state=0, **kwargs
        )
    if kind == "sampled":
        return SearchCV(estimator, values, n_iter=n_iter, max_time=1e6, random_state=0, **kwargs)
    settings = [dict(zip(values, row)) for row in zip(*values.values())]
    return SearchCV(estimator, sampler=settings, **kwargs)


every_search = pytest.mark.parametrize("kind", SEARCHES)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@parametrize_with_checks(
    [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}),
        RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1]}, n_iter=2, random_state=0),
        BayesSearchCV(LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=4, random_state=0),
        SearchCV(LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=3, random_state=0),
        BayesSearchCV(Ridge(), {"alpha": (0.1, 1.0)}, n_iter=4, random_state=0),
    ]
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.fast_cases(24)
def test_check_estimator(estimator, check):
    name = getattr(check, "func", check).__name__
    if name == "check_supervised_y_2d" and is_regressor(estimator):
        pytest.skip("scikit-learn's own GridSearchCV(Ridge()) warns of nothing here either")
    check(estimator)


@pytest.mark.parametrize("kind", ["grid", "random", "bayes", "sampled", "gradient"])
def test_every_parameter_is_validated(kind):
    """A check of scikit-learn that is not among those of ``check_estimator``."""
    gradient = kind == "gradient"
    search = GradientSearchCV if gradient else partial(make_search, kind)
    search = search(Ridge(), {"alpha": (0.1, 1.0) if gradient else [0.1, 1.0]})
    check_param_validation(type(search).__name__, search)


@every_search
def test_clone_and_pickle_before_and_after_fit(kind, iris):
    search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, cv=3)
    again = clone(search)
    assert again is not search
    assert repr(again) == repr(search)
    search.fit(*iris)
    restored = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(restored.predict(iris[0]), search.predict(iris[0]))
    assert restored.best_params_ == search.best_params_
    assert len(restored.history_) == search.n_trials_
    assert not hasattr(clone(search), "history_")


@every_search
def test_is_what_its_estimator_is(kind):
    assert is_classifier(make_search(kind, SVC(), {"C": [1, 2]}))
    assert is_regressor(make_search(kind, Ridge(), {"alpha": [1, 2]}))
    search = make_search(kind, SVC(kernel="precomputed"), {"C": [1, 2]})
    assert get_tags(search).input_tags.pairwise


@every_search
def test_nested_cross_validation_is_stratified(kind, iris):
    X, y = iris
    search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, cv=3)
    scores = cross_val_score(search, X, y, cv=5)
    # Iris is sorted by class: unstratified folds would score near zero.
    assert scores.min() > 0.8


@every_search
def test_attributes_and_delegation(kind, iris):
    X, y = iris
    search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, cv=3).fit(X, y)
    assert set(search.cv_results_) >= {
        "params",
        "param_C",
        "mean_test_score",
        "std_test_score",
        "rank_test_score",
        "split0_test_score",
        "split2_test_score",
        "mean_fit_time",
        "mean_score_time",
    }
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    assert search.n_splits_ == 3
    assert search.multimetric_ is False
    assert search.n_features_in_ == 4
    assert search.refit_time_ > 0
    np.testing.assert_array_equal(search.classes_, [0, 1, 2])
    np.testing.assert_array_equal(search.predict(X), search.best_estimator_.predict(X))
    assert search.decision_function(X).shape == (150, 3)
    assert not hasattr(search, "transform")
    assert search.score(X, y) == accuracy_score(y, search.predict(X))


@every_search
def test_what_fit_adds(kind, iris):
    search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, cv=3).fit(*iris)
    assert search.n_trials_ == len(search.history_) == len(search.cv_results_["params"]) == 3
    assert [trial.number for trial in search.history_] == [0, 1, 2]
    assert [dict(t.params) for t in search.history_] == search.cv_results_["params"]
    np.testing.assert_array_equal(search.history_.losses, -search.cv_results_["mean_test_score"])
    wanted = {
        "random": "n_iter=3 candidates were tried",
        "manual": "every candidate of the list was tried",
    }
    assert search.stop_reason_ == wanted.get(kind, "every candidate was tried")
    if kind != "manual":
        assert search.space_.contains({"C": 10})


@every_search
def test_scores_are_those_of_scikit_learn(kind, iris):
    X, y = iris
    search = make_search(
        kind, SVC(), {"C": [0.1, 1, 10]}, cv=KFold(4, shuffle=True, random_state=0)
    )
    search.fit(X, y)
    for i, params in enumerate(search.cv_results_["params"]):
        expected = cross_val_score(SVC(**params), X, y, cv=search.cv)
        got = [search.cv_results_[f"split{k}_test_score"][i] for k in range(4)]
        np.testing.assert_array_equal(got, expected)


@every_search
def test_unseeded_shuffling_folds_are_the_same_for_all_settings(kind, iris):
    X, y = iris
    # Candidates with the same model: equal folds give equal scores, to the last bit.
    values = {"C": [1, 1.0 + 1e-15, 1.0 + 2e-15, 1.0 + 3e-15]}
    search = make_search(kind, SVC(), values, cv=ShuffleSplit(3, test_size=0.2)).fit(X, y)
    assert search.n_trials_ == 4
    for k in range(3):
        assert len(set(search.cv_results_[f"split{k}_test_score"])) == 1


@every_search
def test_several_metrics(kind, iris):
    values = {"C": [1e-3, 1, 10]}
    scoring = {"acc": "accuracy", "ll": make_scorer(accuracy_score, greater_is_better=False)}
    search = make_search(kind, SVC(), values, scoring=scoring, refit="ll", cv=3).fit(*iris)
    assert search.multimetric_
    assert search.best_score_ == search.cv_results_["mean_test_ll"].max()
    assert search.best_params_ == {"C": 1e-3}
    np.testing.assert_array_equal(search.history_.losses, -search.cv_results_["mean_test_ll"])
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        make_search(kind, SVC(), values, scoring=scoring, cv=3).fit(*iris)
    search = make_search(kind, SVC(), values, scoring=scoring, refit=False, cv=3).fit(*iris)
    assert not hasattr(search, "best_params_")
    assert {"mean_test_acc", "mean_test_ll"} <= set(search.cv_results_)


def several(estimator, X, y):
    accuracy = accuracy_score(y, estimator.predict(X))
    return {"acc": accuracy, "err": accuracy - 1}


@every_search
def test_callable_scoring_and_callable_refit(kind, iris):
    def first(results):
        return 0

    search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, scoring=several, refit="err", cv=3)
    search.fit(*iris)
    assert search.best_score_ == search.cv_results_["mean_test_err"].max()
    search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, refit=first, cv=3).fit(*iris)
    assert search.best_index_ == 0
    assert not hasattr(search, "best_score_")
    assert search.cv_results_["params"][0] == {"C": search.best_estimator_.C}
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        make_search(kind, SVC(), {"C": [1, 2]}, scoring=several, refit="f1", cv=3).fit(*iris)


class FailsAtTen(SVC):
    def fit(self, X, y, sample_weight=None):
        if self.C == 10:
            raise RuntimeError("ten is too many")
        return super().fit(X, y)


@every_search
@pytest.mark.parametrize("error_score", [np.nan, -7.0])
def test_one_failing_setting_is_one_row(kind, error_score, iris):
    search = make_search(kind, FailsAtTen(), {"C": [0.1, 10, 1]}, error_score=error_score, cv=3)
    with pytest.warns(Warning) as caught:
        search.fit(*iris)
    messages = " ".join(str(w.message) for w in caught)
    assert "3 fits failed out of a total of 9" in messages
    row = [p["C"] for p in search.cv_results_["params"]].index(10)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"][row], error_score)
    assert np.isfinite(np.delete(search.cv_results_["mean_test_score"], row)).all()
    assert search.history_[row].state == "failed"
    assert "ten is too many" in search.history_[row].message
    assert search.best_params_["C"] != 10


@every_search
def test_error_score_raise_and_all_fits_failing(kind, iris):
    search = make_search(kind, FailsAtTen(), {"C": [0.1, 10]}, error_score="raise", cv=3)
    with pytest.raises(RuntimeError, match="ten is too many"):
        search.fit(*iris)
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        make_search(kind, FailsAtTen(), {"C": [10]}, cv=3).fit(*iris)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_scores_that_are_not_finite_do_not_break_the_surrogate(bad):
    X, y = load_diabetes(return_X_y=True)

    def scoring(estimator, X, y):
        return bad if estimator.alpha > 1 else -abs(np.log10(estimator.alpha) + 2)

    space = {"alpha": (1e-4, 1e4, "log-uniform")}
    search = BayesSearchCV(Ridge(), space, n_iter=25, scoring=scoring, cv=2, random_state=0)
    search.fit(X, y)
    good = [t for t in search.history_ if t.params["alpha"] <= 1]
    assert all(t.state == "complete" for t in good)
    best = max(good, key=lambda t: -t.loss)
    # As long as half of the space is bad, it must find the good half's peak at 0.01.
    assert abs(np.log10(best.params["alpha"]) + 2) < 0.2


@every_search
def test_train_scores(kind, iris):
    search = make_search(kind, SVC(), {"C": [0.1, 1]}, cv=3, return_train_score=True).fit(*iris)
    assert np.isfinite(search.cv_results_["mean_train_score"]).all()
    assert "split2_train_score" in search.cv_results_


@every_search
def test_cv_as_generator_and_list_of_splits(kind, iris):
    X, y = iris
    splits = list(StratifiedKFold(3).split(X, y))
    values = {"C": [0.1, 1, 10]}
    results = [
        make_search(kind, SVC(), values, cv=cv).fit(X, y).cv_results_["mean_test_score"]
        for cv in (3, splits, iter(splits))
    ]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@every_search
def test_groups_go_to_the_splitter(kind, iris):
    X, y = iris
    groups = np.arange(150) % 5
    search = make_search(kind, SVC(), {"C": [1, 10]}, cv=GroupKFold(5)).fit(X, y, groups=groups)
    assert search.n_splits_ == 5
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        make_search(kind, SVC(), {"C": [1]}, cv=GroupKFold(5)).fit(X, y)


@every_search
def test_precomputed_kernel(kind, iris):
    X, y = iris
    K = rbf_kernel(X)
    values = {"C": [0.1, 1, 10]}
    search = make_search(kind, SVC(kernel="precomputed"), values, cv=3).fit(K, y)
    direct = make_search(kind, SVC(gamma=1 / 4), values, cv=3).fit(X, y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], direct.cv_results_["mean_test_score"]
    )


@every_search
def test_sparse_input(kind, iris):
    X, y = iris
    for container in (sparse.csr_matrix, sparse.csr_array):
        search = make_search(kind, SVC(), {"C": [1, 10]}, cv=3).fit(container(X), y)
        assert search.score(container(X), y) > 0.9


@every_search
@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.fast_cases(3)
def test_data_frames_feature_names_and_set_output(kind, library, iris):
    frames = pytest.importorskip(library)
    names = ["a", "b", "c", "d"]
    X = frames.DataFrame(iris[0], columns=names) if library == "pandas" else None
    if X is None:
        X = frames.DataFrame(dict(zip(names, iris[0].T)))
    by_name = ColumnTransformer([("s", StandardScaler(), ["a", "c"])])
    # scikit-learn 1.6 finds no columns of today's polars by name.
    pipe = make_pipeline(by_name if library == "pandas" else StandardScaler(), SVC())
    search = make_search(kind, pipe, {"svc__C": [1, 10]}, cv=3).fit(X, iris[1])
    if hasattr(StandardScaler().fit(X), "feature_names_in_"):  # 1.6 sees none in polars 2
        np.testing.assert_array_equal(search.feature_names_in_, names)
    assert search.predict(X).shape == (150,)
    scaled = Pipeline([("pca", PCA())]).set_output(transform="pandas")
    pytest.importorskip("pandas")
    search = make_search(kind, scaled, {"pca__n_components": [1, 2]}, scoring=score_of_nothing)
    out = search.fit(X, iris[1]).transform(X)
    assert next(iter(out.columns)) == "pca0"


def score_of_nothing(estimator, X, y=None):
    return float(estimator.get_params()["pca__n_components"])


@every_search
def test_without_a_target(kind, iris):
    values = {"n_clusters": [2, 3, 4]}
    search = make_search(kind, KMeans(n_init=1, random_state=0), values, cv=3).fit(iris[0])
    assert search.best_params_ == {"n_clusters": 4}


@every_search
def test_search_over_steps(kind, iris):
    X, y = iris
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    scaler, knn = MinMaxScaler(), KNeighborsClassifier()
    values = {
        "scale": ["passthrough", scaler, None],
        "clf": [SVC(), knn, LogisticRegression(max_iter=1000)],
    }
    with np.errstate(all="ignore"):
        search = make_search(kind, pipe, values, n_iter=9, cv=3).fit(X, y)
    assert search.n_trials_ == (3 if kind == "manual" else 9)
    assert not hasattr(knn, "classes_"), "the user's own objects are never fitted"
    assert not hasattr(scaler, "scale_")
    assert search.best_estimator_.named_steps["clf"] is not search.best_params_["clf"]


@every_search
@pytest.mark.fast_cases(2)
def test_inside_other_estimators(kind, iris):
    X, y = iris
    search = make_search(kind, SVC(), {"C": [0.1, 10]}, cv=3)
    plain = LogisticRegression(max_iter=1000)
    for outer in (
        make_pipeline(StandardScaler(), search),
        VotingClassifier([("s", search), ("l", plain)]),
        StackingClassifier([("s", search)], plain, cv=3),
        CalibratedClassifierCV(search, cv=3),
    ):
        assert outer.fit(X, y).score(X, y) > 0.9
    outer = make_search(
        kind,
        make_pipeline(StandardScaler(), search),
        {"standardscaler__with_mean": [True, False]},
        cv=3,
    )
    assert outer.fit(X, y).best_score_ > 0.9


@every_search
def test_metadata_routing(kind, iris):
    X, y = iris
    weight = np.where(y == 0, 1e-9, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        svc = SVC().set_fit_request(sample_weight=True)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        search = make_search(kind, svc, {"C": [0.1, 1, 10]}, scoring=scorer, cv=3)
        search.fit(X, y, sample_weight=weight)
        for i, params in enumerate(search.cv_results_["params"]):
            for k, (train, test) in enumerate(StratifiedKFold(3).split(X, y)):
                model = SVC(**params).fit(X[train], y[train], sample_weight=weight[train])
                expected = accuracy_score(
                    y[test], model.predict(X[test]), sample_weight=weight[test]
                )
                assert search.cv_results_[f"split{k}_test_score"][i] == expected
        # Out through a pipeline, to the search inside of it.
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        svc.set_score_request(sample_weight=True)
        outer = make_pipeline(scaler, make_search(kind, svc, {"C": [1, 10]}, cv=3))
        outer.fit(X, y, sample_weight=weight)
        assert not (outer.predict(X) == 0).any(), "class 0 has no weight"
        # Groups are asked for by the splitter.
        search = make_search(kind, SVC(), {"C": [1, 10]}, cv=GroupKFold(3))
        outer = make_pipeline(StandardScaler(), search)
        outer.fit(X, y, groups=np.arange(150) % 3)


@every_search
def test_sample_weight_without_routing(kind, iris):
    X, y = iris
    weight = np.where(y == 0, 1e-9, 1.0)
    search = make_search(kind, SVC(), {"C": [1, 10]}, cv=3).fit(X, y, sample_weight=weight)
    assert not (search.predict(X) == 0).any()


@every_search
@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.fast_cases(2)
def test_workers_give_the_same_search(kind, backend):
    X, y = load_breast_cancer(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), SVC())
    values = {"svc__C": [0.01, 0.1, 1, 10], "svc__gamma": [0.001, 0.01, 0.1, 1]}
    alone = make_search(kind, pipe, values, n_iter=5, cv=3).fit(X, y)
    with joblib.parallel_config(backend, n_jobs=2):
        together = make_search(kind, pipe, values, n_iter=5, cv=3).fit(X, y)
    assert alone.cv_results_["params"] == together.cv_results_["params"]
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("kind", ["grid", "bayes"])
@pytest.mark.filterwarnings("ignore")
def test_dask(kind, iris):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.Client(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ),
        joblib.parallel_config("dask"),
    ):
        search = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, cv=3, n_jobs=2).fit(*iris)
    alone = make_search(kind, SVC(), {"C": [0.1, 1, 10]}, cv=3).fit(*iris)
    assert alone.cv_results_["params"] == search.cv_results_["params"]
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_workers_see_scikit_learns_configuration_and_classes_of_the_script(iris):
    class Local(SVC):  # cannot be pickled by name
        def fit(self, X, y):
            self.seen_ = sklearn.get_config()["assume_finite"]
            return super().fit(X, y)

        def score(self, X, y):
            return float(self.seen_)

    with sklearn.config_context(assume_finite=True):
        search = BayesSearchCV(
            Local(), {"C": (0.1, 10.0)}, n_iter=2, cv=2, n_jobs=2, random_state=0
        ).fit(*iris)
    assert search.best_score_ == 1.0


@pytest.mark.parametrize("kind", ["random", "bayes", "sampled"])
def test_random_state_gives_the_same_search(kind, iris):
    values = {"C": list(np.logspace(-3, 3, 50)), "gamma": list(np.logspace(-3, 3, 50))}
    one, two = (make_search(kind, SVC(), values, n_iter=8, cv=3).fit(*iris) for _ in range(2))
    assert one.cv_results_["params"] == two.cv_results_["params"]
    other = make_search(kind, SVC(), values, n_iter=8, cv=3).set_params(random_state=1).fit(*iris)
    assert one.cv_results_["params"] != other.cv_results_["params"]


@pytest.mark.slow
def test_import_brings_in_nothing_heavy():
    import subprocess

    code = (
        "import sys, sklearn.model_selection; before = set(sys.modules); import skhyper; "
        "new = {m.split('.')[0] for m in set(sys.modules) - before}; "
        "print(sorted(new & {'skopt', 'matplotlib', 'pandas', 'dask', 'ray', 'polars'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_version_and_public_names():
    for name in skhyper.__all__:
        assert hasattr(skhyper, name)
