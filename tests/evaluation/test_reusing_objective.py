"""Scores of searches that share fitted steps are those of ``reuse=None``, to the last bit."""

import time
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA, FastICA, KernelPCA, TruncatedSVD
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, SelectPercentile, chi2
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from skhyper import BayesSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV

X, y = make_classification(120, 8, random_state=0)
WITH_GAPS = np.where(np.random.default_rng(0).random(X.shape) < 0.05, np.nan, X)
TEXTS = [" ".join(f"w{abs(int(3 * v))}" for v in row) + f" c{k}" for row, k in zip(X, y)]
C = {"clf__C": [0.01, 1.0, 100.0]}


def scores_of(search):
    return {
        name: values
        for name, values in search.cv_results_.items()
        if "time" not in name and name != "params"
    }


def assert_same(make, X=X, y=y, *, n_shared=None, **fit_params):
    """Compare a search with and without sharing; returns the former."""
    plain = make(reuse=None).fit(X, y, **fit_params)
    shared = make(reuse="auto").fit(X, y, **fit_params)
    expected, got = scores_of(plain), scores_of(shared)
    assert list(got) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values, err_msg=name)
    assert plain.reuse_.fits_asked == plain.reuse_.fits_made == 0
    reuse = shared.reuse_
    if n_shared is not None:
        assert reuse.fits_asked - reuse.fits_made == n_shared, reuse
    return shared


def grid(estimator, space=C, **kwargs):
    kwargs = {"cv": 3, "refit": False, "return_train_score": True, **kwargs}
    return lambda reuse: GridSearchCV(estimator, space, reuse=reuse, **kwargs)


def with_logistic(*steps):
    named = [(f"s{i}", step) for i, step in enumerate(steps)]
    return Pipeline([*named, ("clf", LogisticRegression())])


class Frame(BaseEstimator, TransformerMixin):
    """Makes a data frame with columns of several types."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        import pandas

        frame = pandas.DataFrame(np.asarray(X)[:, :4], columns=list("abcd"))
        return frame.assign(e=np.arange(len(X)) % 3, f=["x", "y"] * (len(X) // 2))


# Number of shared fits with 3 candidates and 3 folds: 2 of 3 candidates, 3 folds, each step.
SHARED = 6


@pytest.mark.parametrize(
    ("steps", "n_shared"),
    [
        ([StandardScaler()], SHARED),
        ([StandardScaler(), PCA(3)], 2 * SHARED),  # the output of PCA is a view with gaps
        ([StandardScaler(with_mean=False), "passthrough", SelectKBest(k=3)], 2 * SHARED),
        ([QuantileTransformer(n_quantiles=20, random_state=0)], SHARED),
        ([KernelPCA(3, kernel="rbf")], SHARED),
        ([SelectFromModel(DecisionTreeClassifier(random_state=0))], SHARED),
        ([Pipeline([("a", StandardScaler()), ("b", PCA(3))]), MinMaxScaler()], 3 * SHARED),
        ([make_union(PCA(2), make_pipeline(StandardScaler(), SelectKBest(k=2)))], 3 * SHARED),
    ],
    ids=str,
)
def test_steps_are_shared(steps, n_shared):
    assert_same(grid(with_logistic(*steps)), n_shared=n_shared)


@pytest.mark.slow
def test_a_composition_that_runs_in_other_processes_is_shared_as_a_whole():
    union = FeatureUnion([("a", SelectKBest(k=2)), ("b", MinMaxScaler())], n_jobs=2)
    assert_same(grid(with_logistic(union)), n_shared=SHARED)


def test_texts_and_sparse_data():
    pipeline = with_logistic(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
    assert_same(grid(pipeline), TEXTS, n_shared=2 * SHARED)
    assert_same(grid(with_logistic(TfidfVectorizer())), np.array(TEXTS), n_shared=SHARED)
    rows = sparse.csr_array(np.where(X > 0, X, 0))
    assert_same(grid(with_logistic(StandardScaler(with_mean=False))), rows, n_shared=SHARED)


@pytest.mark.parametrize(
    ("selection", "space"),
    [
        (SelectKBest(), {"s1__k": [1, 2, "all"]}),
        (
            SelectFromModel(DecisionTreeClassifier(random_state=0)),
            {"s1__threshold": ["mean", 0.1, None]},
        ),
        (SelectPercentile(), {"s1__percentile": [60, 30], "clf__C": [0.1, 1.0]}),
    ],
)
def test_one_fit_answers_for_all_selections(selection, space):
    search = assert_same(grid(with_logistic(StandardScaler(), selection), space))
    assert search.reuse_.fits_made == 6
    random = with_logistic(make_union(StandardScaler(), selection))
    name = next(iter(space)).rpartition("__")[2]
    space = {f"s0__{type(selection).__name__.lower()}__{name}": next(iter(space.values()))}
    assert assert_same(grid(random, space)).reuse_.fits_made == 6


@pytest.mark.parametrize("values", [[0.9, 0.5, 0.7], [2, 5, 0.9, None, 1]])
@pytest.mark.parametrize("solver", ["auto", "full", "covariance_eigh"])
@pytest.mark.parametrize("last", [SVC(), LogisticRegression()])
def test_one_decomposition_answers_for_all_numbers_of_components(values, solver, last):
    pipeline = Pipeline([("pca", PCA(svd_solver=solver, whiten=True)), ("clf", last)])
    search = assert_same(grid(pipeline, {"pca__n_components": values}))
    assert (search.reuse_.fits_asked, search.reuse_.fits_made) == (3 * len(values), 3)
    two = make_union(PCA(2), PCA(svd_solver=solver, random_state=0))
    two = Pipeline([("union", two), ("scale", StandardScaler()), ("clf", last)])
    assert_same(grid(two, {"union__pca-2__n_components": values}))


@pytest.mark.parametrize("random_state", [None, 0])
def test_components_by_the_randomized_solver_have_their_own_fits(random_state):
    pipeline = with_logistic(PCA(random_state=random_state))
    wide, target = make_classification(90, 600, random_state=0)
    values = [2, 30, 55, 59, None, 0.9]
    search = grid(pipeline, {"s0__n_components": values}, return_train_score=False)
    if random_state is None:
        values = [55, 59, None, 0.9]  # the solver draws no random number
        search = grid(pipeline, {"s0__n_components": values}, return_train_score=False)
    found = assert_same(search, wide, target)
    assert found.reuse_.fits_made == 3 * (1 if random_state is None else 3)


def test_components_of_tables_and_too_many():
    pca = PCA(svd_solver="full").set_output(transform="pandas")
    pytest.importorskip("pandas")
    assert_same(grid(with_logistic(pca), {"s0__n_components": [1, 2]}))
    options = {"error_score": 0.0, "return_train_score": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        space = {"s0__n_components": [2, 9, 1]}
        search = assert_same(grid(with_logistic(PCA(svd_solver="full")), space, **options))
    assert search.cv_results_["mean_test_score"][1] == 0.0


def test_selections_of_sparse_data_in_a_search_by_bayes():
    rows = sparse.csr_array(np.where(X > 0, X, 0))
    space = {"s0__percentile": (1.0, 99.0), "clf__C": (0.1, 1.0)}
    estimator = with_logistic(SelectPercentile(chi2))
    search = assert_same(
        lambda reuse: BayesSearchCV(
            estimator, space, n_iter=6, cv=3, random_state=0, reuse=reuse, refit=False
        ),
        rows,
    )
    assert (search.reuse_.fits_asked, search.reuse_.fits_made) == (18, 3)


@pytest.mark.filterwarnings("ignore:k=9")
def test_invalid_selections_have_their_own_errors():
    space = {"s0__k": [2, -1, 9, 3]}
    options = {"error_score": 0.0, "return_train_score": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        search = assert_same(grid(with_logistic(SelectKBest()), space, **options))
    assert (search.reuse_.fits_asked, search.reuse_.fits_made) == (9, 6)
    assert search.cv_results_["mean_test_score"][1] == 0.0


def mixed_columns():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [("num", numbers, ["a", "b"]), ("cat", OneHotEncoder(), ["f"])], remainder=MinMaxScaler()
    )


def test_data_frames():
    pytest.importorskip("pandas")
    frame = Frame().transform(WITH_GAPS).assign(c=X[:, 2], d=X[:, 3])
    assert_same(grid(with_logistic(mixed_columns())), frame, n_shared=4 * SHARED)
    assert_same(grid(with_logistic(Frame(), mixed_columns())), X, n_shared=5 * SHARED)
    selected = ColumnTransformer(
        [("n", StandardScaler(), make_column_selector(dtype_include=float))]
    )
    assert_same(grid(with_logistic(Frame(), selected)), X, n_shared=2 * SHARED)


@pytest.mark.fast_cases(1)
@pytest.mark.parametrize(
    "step", [PCA(3), StandardScaler(), Nystroem(n_components=5, random_state=0)]
)
def test_output_of_pandas(step):
    pytest.importorskip("pandas")
    pipeline = with_logistic(step, MinMaxScaler()).set_output(transform="pandas")
    assert_same(grid(pipeline), n_shared=2 * SHARED)
    with config_context(transform_output="pandas"):
        assert_same(grid(with_logistic(step)), n_shared=SHARED)


def test_branches_are_shared_where_others_vary():
    union = FeatureUnion([("pca", PCA(random_state=0)), ("best", SelectKBest())])
    space = {"s0__best__k": [1, 2, 3]}
    assert_same(grid(with_logistic(union), space), n_shared=2 * SHARED)
    columns = ColumnTransformer(
        [("a", make_pipeline(StandardScaler(), PCA()), [0, 1, 2]), ("b", SelectKBest(), [3, 4, 5])]
    )
    space = {"s0__b__k": [1, 2, 3]}
    assert_same(grid(with_logistic(columns), space), n_shared=3 * SHARED)
    nested = Pipeline([("scale", StandardScaler()), ("best", SelectKBest())])
    assert_same(grid(with_logistic(nested), {"s0__best__k": [1, 2, 3]}), n_shared=2 * SHARED)


def test_steps_that_are_replaced():
    space = {"s0": [StandardScaler(), MinMaxScaler(), "passthrough"], "clf__C": [0.1, 1.0, 10.0]}
    assert_same(grid(with_logistic(StandardScaler(), PCA(2)), space), n_shared=2 * 6 + 3 * 6)
    space = {"clf": [GaussianNB(), KNeighborsClassifier(), SVC(), KMeans(2, random_state=0)]}
    assert_same(grid(with_logistic(StandardScaler()), space, scoring="accuracy"), n_shared=9)


def test_metadata_reach_the_steps():
    weights = np.random.default_rng(0).random(len(X))
    pipeline = with_logistic(StandardScaler(), PCA(2))
    metadata = {"s0__sample_weight": weights, "clf__sample_weight": weights}
    assert_same(grid(pipeline), n_shared=2 * SHARED, **metadata)
    with config_context(enable_metadata_routing=True):
        routed = Pipeline(
            [
                ("s0", StandardScaler().set_fit_request(sample_weight=True)),
                ("clf", LogisticRegression().set_fit_request(sample_weight=True)),
            ]
        )
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        search = grid(routed, scoring=scorer)
        assert_same(search, n_shared=SHARED, sample_weight=weights)


def test_groups_several_metrics_and_own_scorers():
    groups = np.arange(len(X)) % 7
    scoring = {"acc": "accuracy", "auc": "roc_auc", "f1": "f1"}
    pipeline = with_logistic(StandardScaler())
    search = grid(pipeline, scoring=scoring, cv=GroupKFold(3))
    assert_same(search, groups=groups, n_shared=SHARED)

    def spoils_the_data(estimator, X, y):
        X *= 2.0
        return estimator.score(X, y)

    assert_same(grid(pipeline, scoring=spoils_the_data), n_shared=SHARED)
    assert_same(grid(pipeline, scoring={"a": spoils_the_data, "b": "f1"}), n_shared=SHARED)

    def inspects(estimator, X, y):
        copy = clone(estimator).fit(X, y)
        return (
            estimator[0].mean_.sum() + copy[0].mean_.sum() + type(estimator[0]).__name__.count("S")
        )

    assert_same(grid(pipeline, scoring=inspects), n_shared=SHARED)


def test_other_searches():
    pipeline = with_logistic(StandardScaler(), PCA())
    ranges = {"clf__C": (1e-2, 1e2, "log-uniform"), "s1__n_components": [2, 4]}
    fixed = {"n_iter": 8, "random_state": 0, "cv": 3, "refit": False}
    for kind in (BayesSearchCV, SearchCV):
        search = assert_same(partial(kind, pipeline, ranges, **fixed))
        assert search.reuse_.fits_made <= 3 + 6 + 3
    lists = {"clf__C": [0.1, 1.0, 10.0, 20.0], "s1__n_components": [2, 4]}
    assert_same(lambda reuse: RandomizedSearchCV(pipeline, lists, reuse=reuse, **fixed))


def test_worker_processes():
    pipeline = with_logistic(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
    serial = grid(pipeline)("auto").fit(TEXTS, y)
    search = assert_same(grid(pipeline, n_jobs=2), TEXTS)
    assert scores_of(search).keys() == scores_of(serial).keys()
    reuse = search.reuse_
    assert reuse.fits_asked == 18
    assert 6 <= reuse.fits_made <= 12


class Slow(BaseEstimator, TransformerMixin):
    """Takes 20 ms to fit and 10 ms to transform."""

    def fit(self, X, y=None):
        time.sleep(0.02)
        return self

    def transform(self, X):
        time.sleep(0.01)
        return X + 1.0


@pytest.mark.parametrize("step", [Slow(), make_union(Slow(), StandardScaler())], ids=["", "union"])
def test_times_are_those_of_each_candidate_alone(step):
    search = grid(with_logistic(step), cv=2)("auto").fit(X, y)
    assert np.all(search.cv_results_["mean_fit_time"] >= 0.03)
    assert np.all(search.cv_results_["mean_score_time"] >= 0.01)
    # Two folds of two candidates: one fit, and outputs on training data (twice) and on test data.
    assert search.reuse_.seconds_saved >= 2 * 2 * 0.05
    spent = sum(out["seconds"] for trial in search.history_ for out in trial.folds)
    assert spent < sum(trial.seconds for trial in search.history_)


def test_threads_share_one_store():
    pipeline = with_logistic(StandardScaler(), PCA(2))
    with joblib.parallel_config("threading"):
        search = assert_same(grid(pipeline, n_jobs=2))
    assert search.reuse_.fits_made <= 2 * 2 * 3


@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_a_fit_that_lacks_memory_is_run_again_without_anything_kept(error_score):
    calls = []

    class LacksMemory(LogisticRegression):
        def fit(self, X, y):
            calls.append(1)
            if len(calls) == 3:
                raise MemoryError("what is kept takes too much")
            return super().fit(X, y)

    pipeline = Pipeline([("s0", StandardScaler()), ("clf", LacksMemory())])
    search = grid(pipeline, error_score=error_score)("auto").fit(X, y)
    plain = grid(with_logistic(StandardScaler()))(None).fit(X, y)
    np.testing.assert_equal(scores_of(search), scores_of(plain))
    assert len(calls) == 10


# What is not shared


class CountsFits(BaseEstimator, TransformerMixin):
    """A transformer of another package; the class counts the fits."""

    n_fits = 0

    def __init__(self, seed=None):
        self.seed = seed

    def fit(self, X, y=None):
        type(self).n_fits += 1
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_


class ChangesInput(CountsFits):
    def transform(self, X):
        X -= self.mean_
        return X


class ChangesAndCopies(CountsFits):
    def transform(self, X):
        X -= self.mean_
        return X[:, ::2].copy()


class ReturnsView(CountsFits):
    def transform(self, X):
        return X[:, :5]


class Draws(CountsFits):
    def transform(self, X):
        return X + np.random.normal(size=X.shape)


class Unseeded(CountsFits):
    def __init__(self, random_state=None):
        self.random_state = random_state


def test_transformers_of_others():
    CountsFits.n_fits = 0
    assert_same(grid(with_logistic(CountsFits(), PCA(2))), n_shared=2 * SHARED)
    assert CountsFits.n_fits == 9 + 3


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (ChangesInput(), "it changes its input, or may change it"),
        (ChangesAndCopies(), "it changes its input, or may change it"),
        (FunctionTransformer(ChangesInput.transform), "it changes its input"),
        (StandardScaler(copy=False), "copy=False lets it change its input"),
        (ReturnsView(), "its output may be a view of its input"),
        (Unseeded(), "random_state is None"),
        (FastICA(2, random_state=np.random.RandomState(0)), "a random generator"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_not_shared(step, reason):
    if isinstance(step, FunctionTransformer):

        def minus_one(X):
            X -= 1.0
            return X

        step.func = minus_one
    for pipeline in (with_logistic(step, PCA(2)), with_logistic(make_union(step, PCA(2)))):
        search = assert_same(grid(pipeline))
        reasons = {path.split("__")[-1]: text for path, text in search.reuse_.why_not.items()}
        named = "s0" if "s1" in pipeline.named_steps else type(step).__name__.lower()
        assert reason in reasons[named]


def test_steps_behind_an_unshared_one_are_not_shared():
    search = assert_same(grid(with_logistic(Unseeded(), PCA(2))), n_shared=0)
    assert search.reuse_.why_not["s1"] == "it follows a step that is not shared"


@pytest.mark.parametrize("step", [Draws(), FastICA(2, max_iter=5, tol=1.0)], ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_draws_from_the_global_generator_are_the_same(step):
    def seeded(reuse):
        np.random.seed(0)
        return grid(with_logistic(StandardScaler(), step))(reuse)

    search = assert_same(seeded, n_shared=SHARED)
    assert search.reuse_.why_not["s1"] == "it draws from a global random generator"


def test_steps_without_need_of_a_seed_are_shared():
    pca = PCA(2, svd_solver="full")
    assert_same(grid(with_logistic(pca)), n_shared=SHARED)


@pytest.mark.parametrize("final", [Lasso(copy_X=False), Ridge(copy_X=False)])
def test_a_last_step_that_changes_its_input(final):
    pipeline = Pipeline([("s0", StandardScaler()), ("s1", PCA(3)), ("clf", final)])
    assert_same(grid(pipeline, {"clf__alpha": [0.01, 0.1, 1.0]}), n_shared=2 * SHARED)


def test_an_estimator_of_others_that_changes_its_input():
    class Spoils(LogisticRegression):
        def fit(self, X, y):
            super().fit(X, y)
            X[:] = 0.0
            return self

        def predict(self, X):
            predicted = super().predict(X)
            X[:] = 0.0
            return predicted

    pipeline = Pipeline([("s0", StandardScaler()), ("clf", Spoils())])
    assert_same(grid(pipeline), n_shared=SHARED)


class Fails(CountsFits):
    def fit(self, X, y=None):
        if X[0, 0] > 0:
            raise ValueError("the first number is positive")
        return super().fit(X, y)


def test_a_step_that_fails_fails_in_the_same_way():
    search = grid(with_logistic(StandardScaler(), Fails()))
    messages = []
    for reuse in (None, "auto"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            results = search(reuse).fit(X, y)
        messages.append([str(w.message) for w in caught if w.category is FitFailedWarning])
        assert (
            np.isnan(results.cv_results_["split0_test_score"]).sum()
            + np.isnan(results.cv_results_["split1_test_score"]).sum()
            + np.isnan(results.cv_results_["split2_test_score"]).sum()
            > 0
        )
    assert messages[0] == messages[1]
    assert len(messages[0]) == 1


def test_a_memory_of_the_user_is_respected(tmp_path):
    pipeline = Pipeline(with_logistic(StandardScaler()).steps, memory=str(tmp_path))
    search = assert_same(grid(pipeline), n_shared=0)
    assert search.reuse_.why_not == {"": "it has its own memory"}
    nested = with_logistic(Pipeline([("a", StandardScaler())], memory=str(tmp_path)), PCA(2))
    search = assert_same(grid(nested), n_shared=0)
    assert search.reuse_.why_not["s0"] == "it has its own memory"


def test_a_cap_too_small_for_anything():
    pipeline = with_logistic(StandardScaler())
    plain = grid(pipeline)(None).fit(X, y)
    search = grid(pipeline)(1).fit(X, y)
    np.testing.assert_equal(scores_of(search), scores_of(plain))
    assert search.reuse_.fits_made == search.reuse_.fits_asked == 9
    assert search.reuse_.why_not == {"s0": "it takes more memory than reuse allows"}


def all_transformers():
    """Transformers of scikit-learn, with what they transform."""
    dicts = [{f"a{i}": float(v) for i, v in enumerate(row)} for row in X]
    others = {"CountVectorizer": TEXTS, "HashingVectorizer": TEXTS, "TfidfVectorizer": TEXTS}
    others |= {"DictVectorizer": dicts, "FeatureHasher": dicts}
    for name, kind in all_estimators(type_filter="transformer"):
        try:
            transformer = kind()
        except TypeError:  # arguments without a default
            continue
        if name != "MiniBatchDictionaryLearning" and hasattr(transformer, "n_components"):
            transformer.set_params(n_components=3)
        yield pytest.param(transformer, others.get(name, np.abs(X[:90])), id=name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("transformer", "data"), all_transformers())
@pytest.mark.parametrize("random_state", [None, 0])
def test_all_transformers_of_scikit_learn(transformer, data, random_state):
    if hasattr(transformer, "random_state"):
        transformer.set_params(random_state=random_state)
    final = SGDClassifier(random_state=0, max_iter=5)

    def make(reuse):
        np.random.seed(0)
        pipeline = Pipeline([("s0", transformer), ("s1", MaxAbsScaler()), ("clf", final)])
        return grid(pipeline, {"clf__alpha": [1e-4, 1e-2]}, cv=2)(reuse)

    try:
        make(None).fit(data, y[: len(data)])
    except ValueError:  # it does not transform such data
        return
    search = assert_same(make, data, y[: len(data)])
    if (
        getattr(transformer, "random_state", 0) == 0
        and type(transformer) is not FunctionTransformer
    ):
        assert search.reuse_.fits_made == search.reuse_.fits_asked / 2
