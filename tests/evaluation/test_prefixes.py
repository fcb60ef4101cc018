"""Interception of the steps of one pipeline."""

import copy
import pickle
import threading

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.evaluation._prefixes import Session, intercept
from skhyper.evaluation._recurrence import Recurrence
from skhyper.evaluation._steps import steps_of
from skhyper.evaluation._store import Store

rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 4)), np.arange(30) % 2
RECURS = Recurrence(frozenset({"clf__C"}), frozenset({"clf__C"}))


def pipeline(*steps):
    named = [(f"s{i}", step) for i, step in enumerate(steps)]
    return Pipeline([*named, ("clf", LogisticRegression())])


def opened(estimator, store, fold=0):
    session = Session(store, fold)
    intercept(session, estimator, steps_of(estimator, RECURS))
    session.know_root(X, "train")
    session.know_root(y, "target")
    return session


def test_the_second_candidate_runs_no_shared_step():
    store = Store(10**6)
    for made in (2, 0):
        estimator = pipeline(StandardScaler(), PCA(2))
        session = opened(estimator, store)
        estimator.fit(X, y)
        expected = pipeline(StandardScaler(), PCA(2)).fit(X, y)
        np.testing.assert_array_equal(estimator.predict_proba(X), expected.predict_proba(X))
        assert (session.report.fits_asked, session.report.fits_made) == (2, made)
        assert estimator[0].n_samples_seen_ == 30
    assert session.report.seconds_saved > 0


def test_other_data_other_folds_and_other_targets_are_not_mixed_up():
    store = Store(10**6)
    first = pipeline(StandardScaler())
    session = opened(first, store)
    first.fit(X, y)
    for fold, data, target in ((1, X, y), (0, X.copy(), y), (0, X, y.copy())):
        estimator = pipeline(StandardScaler())
        session = opened(estimator, store, fold)
        estimator.fit(data, target)
        assert session.report.fits_made == 1


def test_own_methods_are_back_after_the_session():
    columns = ColumnTransformer([("a", make_pipeline(StandardScaler(), PCA(1)), [0, 1])])
    estimator = pipeline(columns, PCA(1))
    session = opened(estimator, Store(10**6))
    estimator.fit(X, y)
    branch = estimator[0].named_transformers_["a"]
    assert "transform" in vars(estimator[1])
    assert "transform" in vars(branch[0])
    session.close()
    for step in (*estimator[:2], branch[0], branch[1]):
        assert not {"fit", "fit_transform", "transform", "__sklearn_clone__"} & set(vars(step))


def test_copies_of_intercepted_estimators_work():
    estimator = pipeline(StandardScaler(), PCA(2))
    session = opened(estimator, Store(10**6))
    estimator.fit(X, y)
    expected = estimator.predict_proba(X)
    made = session.report.fits_made
    for other in (copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))):
        assert other[0] is not estimator[0]
        np.testing.assert_array_equal(other.predict_proba(X), expected)
        other.fit(X[:10], y[:10])
        assert other[0].n_samples_seen_ == 10
    assert estimator[0].n_samples_seen_ == 30
    other = clone(estimator).fit(X[:20], y[:20])
    assert other[0].n_samples_seen_ == 20
    assert session.report.fits_made == made + 2


def test_stored_outputs_are_not_those_that_were_handed_out():
    store = Store(10**6)
    for _ in range(3):
        estimator = pipeline(StandardScaler())
        session = opened(estimator, store)
        output = estimator[0].fit_transform(X, y)
        np.testing.assert_array_equal(output, StandardScaler().fit_transform(X))
        output[:] = 0.0
    assert session.report.fits_made == 0


class Embedding(BaseEstimator, TransformerMixin):
    """Returns its own attribute, as Isomap does."""

    def fit_transform(self, X, y=None):
        self.embedding_ = X + 1.0
        return self.embedding_

    def transform(self, X):
        return X + self.embedding_.mean()


def test_attributes_that_are_kept_are_not_handed_out():
    store = Store(10**6)
    for _ in range(3):
        estimator = pipeline(Embedding())
        session = opened(estimator, store)
        output = estimator[0].fit_transform(X, y)
        np.testing.assert_array_equal(output, X + 1.0)
        np.testing.assert_array_equal(estimator[0].embedding_, X + 1.0)
        output[:] = 0.0
    assert session.report.fits_made == 0


def test_another_thread_does_not_use_the_data_of_a_session():
    store = Store(10**6)
    estimator = pipeline(StandardScaler())
    session = opened(estimator, store)
    estimator.fit(X, y)
    session.know_root(X, "test")
    scaler, transformed = estimator[0], []
    thread = threading.Thread(target=lambda: transformed.append(scaler.transform(X)))
    before = session.seconds
    scaler.transform(X)
    scaler.transform(X)
    assert session.seconds > before
    before = session.seconds
    thread.start()
    thread.join()
    np.testing.assert_array_equal(transformed[0], StandardScaler().fit_transform(X))
    assert session.seconds == before


def test_without_its_session_nothing_is_intercepted():
    estimator = pipeline(StandardScaler())
    session = opened(estimator, Store(10**6))
    del session
    assert estimator.fit(X, y)[0].n_samples_seen_ == 30
