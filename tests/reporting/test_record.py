"""Records of searches of skhyper and of scikit-learn agree."""

import numpy as np
import pytest
from reporting.searches import search
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.svm import SVC

import skhyper
from skhyper.inspection import compare, corrected_score
from skhyper.reporting._record import if_possible, record_of


def test_scikit_learns_own_search_has_the_same_record():
    X, y = load_iris(return_X_y=True)
    fitted = search("sklearn grid")
    ours = skhyper.GridSearchCV(**fitted.get_params(deep=False)).fit(X, y)
    one, other = record_of(fitted), record_of(ours)
    assert [t.params for t in one.trials] == [t.params for t in other.trials]
    for a, b in zip(one.trials, other.trials, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)
        assert a.loss == pytest.approx(b.loss, abs=1e-12)
    assert (one.best.number, one.metric) == (other.best.number, other.metric) == (2, "accuracy")
    assert one.space is None
    assert other.space.names == ("svc__C",)


def test_several_metrics_and_training_scores():
    record = record_of(search("sklearn random"))
    assert record.metric == "accuracy"
    assert list(record.metrics) == ["balanced_accuracy", "training score"]
    results = search("sklearn random").cv_results_
    np.testing.assert_array_equal(record.metrics["training score"], results["mean_train_accuracy"])
    np.testing.assert_allclose([-t.loss for t in record.trials], results["mean_test_accuracy"])
    assert record.names == ["C", "kernel", "max_iter"]


def test_failed_and_scored_trials():
    record = record_of(search("failures"))
    assert [t.params["C"] for t in record.failed] == [9.5, 9.5, 10.25, 10.25]
    assert len(record.scored) == 4


@pytest.mark.parametrize(
    "scoring, name",
    [("f1_macro", "f1_macro"), (make_scorer(accuracy_score), "score"), (None, "accuracy")],
)
def test_names_of_scores(scoring, name):
    grid = skhyper.GridSearchCV(SVC(), {"C": [1]}, scoring=scoring)
    assert record_of(grid.fit(*load_iris(return_X_y=True))).metric == name
    assert record_of(search("gradient")).metric == "R²"


def test_a_callable_refit_names_the_best():
    grid = skhyper.GridSearchCV(SVC(), {"C": [1, 2, 3]}, refit=lambda results: 2)
    assert record_of(grid.fit(*load_iris(return_X_y=True))).best.params == {"C": 3}


def test_what_cannot_be_corrected_or_compared():
    X, y = load_iris(return_X_y=True)
    one_fold = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    for grid in ({"C": [1]}, {"C": [1, 2]}):
        record = record_of(skhyper.GridSearchCV(SVC(), grid, cv=one_fold).fit(X, y))
        assert if_possible(corrected_score, record) is None
        assert if_possible(compare, record) is None
    record = record_of(search("sklearn grid"))
    corrected = if_possible(corrected_score, record)
    assert corrected.estimate <= search("sklearn grid").best_score_
    assert len(if_possible(compare, record)) == 3
