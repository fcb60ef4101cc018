"""What is kept of a fold, in the form in which results carry it."""

import cloudpickle
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring, get_scorer
from sklearn.svm import SVC

from skhyper import History
from skhyper._trial import Trial
from skhyper.evaluation._keep import FoldModels, Keep, compact, expanded, keep_of
from skhyper.evaluation._objective import FoldJob


@pytest.mark.parametrize(
    "values",
    [
        np.array([3, -1, 3]),
        np.array(["b", "a", "b"]),
        np.array([True, False]),
        np.array([[0, 1], [1, 1]]),
        np.array([0.1, np.nan]),
        np.arange(1000),
        np.empty((0,), dtype=int),
        [np.array([[0.2, 0.8]]), np.array([[1.0]])],
    ],
)
def test_predictions_are_expanded_to_what_they_were(values):
    found = expanded(compact(values))
    for one, expected in zip(*([x] if isinstance(x, np.ndarray) else x for x in (found, values))):
        np.testing.assert_array_equal(one, expected, strict=True)


def test_labels_take_a_byte_each():
    found = compact(np.array(["yes", "no"] * 50, dtype=object))
    assert found["codes"].nbytes == 100
    assert expanded(found).tolist() == ["yes", "no"] * 50
    assert compact(sparse.csr_array(np.eye(3, dtype=int)))["codes"].shape == (3, 3)


def test_methods_are_those_that_scorers_need():
    model = LogisticRegression()
    y = np.array(["a", "b"])
    methods = {
        name: keep_of("predictions", model, get_scorer(name), y).methods
        for name in ("accuracy", "neg_log_loss", "roc_auc")
    }
    assert methods == {
        "accuracy": (("predict",),),
        "neg_log_loss": (("predict",), ("predict_proba",)),
        "roc_auc": (("predict",), ("decision_function", "predict_proba")),
    }
    several = check_scoring(model, ["accuracy", "neg_log_loss"])
    assert keep_of(("predictions",), model, several, y).methods == methods["neg_log_loss"]
    assert keep_of("predictions", model, check_scoring(model), y).methods == (("predict",),)
    assert keep_of("predictions", model, lambda *args: 0, y).methods == (("predict",),)
    assert keep_of("models", model, None, y).methods == ()
    assert keep_of((), model, None, y) is None
    assert keep_of(None, model, None, y) is None


def test_columns_are_those_of_all_classes():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression().fit(X[50:], y[50:])
    keep = Keep((("predict_proba",),), False, np.unique(y))
    proba = keep.of(model, X)["predictions"]["predict_proba"]
    np.testing.assert_array_equal(proba[:, 0], 0)
    np.testing.assert_array_equal(proba[:, 1:], model.predict_proba(X))


def test_what_fails_is_missing_with_its_reason():
    X, y = load_iris(return_X_y=True)
    model = SVC().fit(X, y)
    kept = Keep((("predict_proba",),), True).of(model, X)
    assert "predict_proba" in kept["predictions"]["error"]
    model.lock = __import__("threading").Lock()
    assert Keep((), True).of(model, X) == {"model": None}


def test_models_of_worse_trials_are_dropped():
    models = FoldModels(first_job=2, by_score=True)
    trials = [Trial(0, {}), Trial(1, {})]
    for number, loss, state in [(2, 0.5, "complete"), (3, 0.4, "complete"), (4, 0.3, "stopped")]:
        result = {"model": cloudpickle.dumps(number), "test_scores": -loss}
        models.on_fold_end(FoldJob(number - 2, 0, {}, 1), result)
        assert "model" not in result
        scores = np.array([-loss])
        trials.append(Trial(number, {}, state=state, scores=scores, loss=loss))
        models.on_trial_end(trials[-1], History(tuple(trials)))
    assert [models.of(number) for number in range(5)] == [{}, {}, {}, {0: 3}, {}]
