"""Bootstrap bias-corrected cross-validation, compared with a plain loop over samples and rows."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer, log_loss, roc_auc_score
from sklearn.model_selection import KFold, RepeatedKFold, ShuffleSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from skhyper import GridSearchCV
from skhyper.search._pooled import out_of_bag, pooled_scores

N_SAMPLES = 20


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr("skhyper.search._pooled._N_SAMPLES", N_SAMPLES)
    monkeypatch.setattr("skhyper.search._pooled._N_SLOW", N_SAMPLES)


def reference(search, y, score, method="predict", candidates=None):
    """The estimate by its definition, with the same samples."""
    T = len(search.history_) if candidates is None else candidates
    order = range(T)
    if candidates is not None:
        order = np.argsort(-search.cv_results_["mean_test_score"], kind="stable")[:T]
    predictions = [getattr(search.oof_predictions_.of(int(t)), method) for t in order]
    rng, n, found = np.random.default_rng(0), len(y), []
    for counts in rng.multinomial(n, np.full(n, 1 / n), size=N_SAMPLES):
        rows, left = np.repeat(np.arange(n), counts), np.flatnonzero(counts == 0)
        best = np.argmax([score(y[rows], p[rows]) for p in predictions])
        found.append(score(y[left], predictions[best][left]))
    return max(score(y, p) for p in predictions) - np.mean(found)


def pooled(search, metric="score"):
    S = np.column_stack(
        [search.cv_results_[f"split{k}_test_{metric}"] for k in range(search.n_splits_)]
    )
    return pooled_scores(search, S, np.arange(len(S)), metric)


NEIGHBORS = {"n_neighbors": [1, 3, 7, 15]}


@pytest.mark.parametrize(
    "scoring", [None, "r2", "neg_mean_squared_error", "neg_root_mean_squared_error"]
)
def test_regression(scoring):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:60], y[:60]
    search = GridSearchCV(
        Ridge(), {"alpha": [0.1, 1, 10]}, scoring=scoring, cv=KFold(4), keep="predictions"
    ).fit(X, y)
    metric = get_scorer(scoring or "r2")

    def score(y, p):
        return metric._sign * metric._score_func(y, p)

    expected = reference(search, y, score)
    np.testing.assert_allclose(out_of_bag(pooled(search)).optimism, expected, rtol=1e-9)
    found = search.corrected_score()
    assert found.method == "predictions"
    np.testing.assert_allclose(found.estimate, search.best_score_ - expected, rtol=1e-9)
    assert found.interval[0] < found.estimate < found.interval[1]


def test_accuracy():
    X, y = make_classification(60, flip_y=0.3, random_state=0)
    y = np.array(["no", "yes"])[y]
    search = GridSearchCV(KNeighborsClassifier(), NEIGHBORS, keep="predictions").fit(X, y)
    expected = reference(search, y, lambda y, p: np.mean(y == p))
    np.testing.assert_allclose(out_of_bag(pooled(search)).optimism, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["roc_auc", "neg_log_loss"])
def test_metrics_of_many_rows(name):
    X, y = make_classification(40, flip_y=0.3, random_state=0)
    search = GridSearchCV(KNeighborsClassifier(), NEIGHBORS, scoring=name, keep="predictions").fit(
        X, y
    )
    scores = {
        "roc_auc": lambda y, p: roc_auc_score(y, p[:, 1]),
        "neg_log_loss": lambda y, p: -log_loss(y, p, labels=[0, 1]),
    }
    expected = reference(search, y, scores[name], "predict_proba", candidates=4)
    np.testing.assert_allclose(out_of_bag(pooled(search)).optimism, expected, rtol=1e-9)


def test_log_loss_of_three_classes():
    X, y = make_classification(60, n_classes=3, n_informative=4, random_state=0)
    y = np.array(["c", "a", "b"])[y]
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.01, 1, 100]}, scoring="neg_log_loss", keep="predictions"
    ).fit(X, y)
    expected = reference(
        search, y, lambda y, p: -log_loss(y, p, labels=["a", "b", "c"]), "predict_proba"
    )
    np.testing.assert_allclose(out_of_bag(pooled(search)).optimism, expected, rtol=1e-9)


def test_weighted_rows_and_repeats():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:60], y[:60]
    weight = np.random.default_rng(0).integers(1, 3, 60).astype(float)
    cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)

    metric = get_scorer("neg_mean_squared_error")
    with config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight=True)
        search = GridSearchCV(
            model,
            {"alpha": [0.1, 10]},
            scoring=metric.set_score_request(sample_weight=True),
            cv=cv,
            keep="predictions",
        ).fit(X, y, sample_weight=weight)
    errors = np.zeros((2, 60))
    for alpha, row in zip((0.1, 10), errors):
        for train, test in cv.split(X):
            fitted = Ridge(alpha=alpha).fit(X[train], y[train], sample_weight=weight[train])
            row[test] += (y[test] - fitted.predict(X[test])) ** 2 / 2
    found = pooled(search).on(np.ones((1, 60)))[0]
    np.testing.assert_allclose(found, -np.average(errors, weights=weight, axis=1), rtol=1e-9)


@pytest.mark.parametrize("scoring", ["neg_mean_squared_error", "r2"])
def test_samples_with_too_few_rows_for_the_metric_do_not_count(scoring):
    X, y = load_diabetes(return_X_y=True)
    X, y, weight = X[:24], y[:24], np.zeros(24)
    weight[[0, 5, 9, 13, 17, 20]] = 1
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            Ridge().set_fit_request(sample_weight=False),
            {"alpha": [0.1, 10]},
            scoring=get_scorer(scoring).set_score_request(sample_weight=True),
            cv=2,
            keep="predictions",
        ).fit(X, y, sample_weight=weight)
    found = out_of_bag(pooled(search)).scores
    assert 0 < len(found) < N_SAMPLES
    assert np.abs(found).max() < 1e5


def test_where_it_is_not_possible():
    X, y = make_classification(60, flip_y=0.3, random_state=0)
    search = GridSearchCV(KNeighborsClassifier(), NEIGHBORS).fit(X, y)
    assert search.corrected_score().method == "bootstrap"
    with pytest.raises(ValueError, match='method="predictions" is not possible: predictions were'):
        search.corrected_score(method="predictions")
    search.set_params(keep="predictions", scoring=lambda model, X, y: X[0, 0]).fit(X, y)
    assert search.corrected_score().method == "bootstrap"
    search.set_params(scoring="accuracy", refit="1se").fit(X, y)
    assert search.corrected_score().method == "bootstrap"
    with pytest.raises(ValueError, match="needs a search that selects the best score"):
        search.corrected_score(method="predictions")


def test_rows_that_are_never_tested_are_left_out():
    X, y = make_classification(60, flip_y=0.3, random_state=0)
    cv = ShuffleSplit(2, test_size=0.2, random_state=0)
    search = GridSearchCV(KNeighborsClassifier(), NEIGHBORS, cv=cv, keep="predictions").fit(X, y)
    assert pooled(search).n_rows == (search.oof_predictions_.n_tested > 0).sum() < 60
    assert search.corrected_score().method == "predictions"


def test_a_class_that_samples_lack():
    X, y = make_classification(60, n_informative=4, n_classes=3, random_state=0)
    y[y == 2] = np.where(np.arange((y == 2).sum()) < 4, 2, 0)
    scoring = {"auc": "roc_auc_ovr", "loss": "neg_log_loss"}
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [0.1, 1]},
        scoring=scoring,
        refit="auc",
        cv=StratifiedKFold(2),
        keep="predictions",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    for metric in scoring:
        assert np.isfinite(search.corrected_score(metric=metric).estimate)
