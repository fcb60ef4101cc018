"""Rules of refit: the simplest and the fastest candidate within one standard error."""

import pickle
import time

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.inspection import fastest, one_standard_error
from skhyper.linear_model import BandedLogisticRegression

X, y = load_iris(return_X_y=True)
C = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]


def expected_row(search, costs):
    """The rule written out from cv_results_, with the sizes of the splits."""
    results = search.cv_results_
    K = search.n_splits_
    S = np.column_stack([results[f"split{k}_test_score"] for k in range(K)])
    best = S[S.mean(axis=1).argmax()]
    train, test = search.history_.splits[0]
    error = np.sqrt((1 / K + len(test) / len(train)) * best.var(ddof=1))
    near = S.mean(axis=1) >= best.mean() - error
    return min(np.flatnonzero(near), key=lambda row: (costs[row], -S[row].mean()))


@pytest.mark.parametrize("kind", ["grid", "random", "bayes", "sampled", "gradient"])
def test_one_standard_error_in_every_search(kind):
    space = {"C": (1e-3, 1e2, "log-uniform")}
    options = {"refit": "1se", "cv": 5}
    made = {
        "grid": lambda: GridSearchCV(SVC(), {"C": C}, **options),
        "random": lambda: RandomizedSearchCV(SVC(), {"C": C}, n_iter=4, random_state=0, **options),
        "bayes": lambda: BayesSearchCV(SVC(), space, n_iter=8, random_state=0, **options),
        "sampled": lambda: SearchCV(SVC(), space, n_iter=8, random_state=0, **options),
        "gradient": lambda: GradientSearchCV(
            BandedLogisticRegression(), {"alphas": (1e-3, 1e3, "log-uniform")}, n_iter=4, **options
        ),
    }
    search = made[kind]().fit(X, y)
    sign = -1 if kind == "gradient" else 1
    costs = [sign * np.sum(next(iter(p.values()))) for p in search.cv_results_["params"]]
    row = expected_row(search, costs)
    assert search.best_index_ == row
    assert search.best_params_ == search.cv_results_["params"][row]
    assert search.best_score_ == search.cv_results_["mean_test_score"][row]
    assert search.score(X, y) == accuracy_score(y, search.predict(X))


def test_simpler_is_given_and_scikit_learn_may_use_it():
    rule = one_standard_error(simpler=lambda params: -params["C"])
    ours = GridSearchCV(SVC(), {"C": C}, refit=rule).fit(X, y)
    theirs = model_selection.GridSearchCV(SVC(), {"C": C}, refit=rule).fit(X, y)
    assert ours.best_params_ == theirs.best_params_ == {"C": 100.0}
    assert clone(ours).get_params()["refit"] == rule
    assert pickle.loads(pickle.dumps(one_standard_error())) == one_standard_error()


class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, seconds=0.0, max_depth=3):
        self.seconds = seconds
        self.max_depth = max_depth

    def fit(self, X, y):
        time.sleep(self.seconds)
        self.tree_ = DecisionTreeClassifier(max_depth=self.max_depth).fit(X, y)
        self.classes_ = self.tree_.classes_
        return self

    def predict(self, X):
        return self.tree_.predict(X)


@pytest.mark.usefixtures("virtual_time")
def test_the_fastest_within_noise():
    candidates = [
        {"seconds": 0.06, "max_depth": 4},
        {"seconds": 0.03, "max_depth": 3},
        {"seconds": 0.0, "max_depth": 1},  # the fastest, and worse beyond noise
    ]
    search = SearchCV(Slow(), sampler=candidates, refit="fastest", cv=5).fit(X, y)
    assert search.best_index_ == 1


def test_several_metrics():
    options = {"scoring": ["accuracy", "f1_macro"], "cv": 3}
    search = GridSearchCV(SVC(), {"C": C}, refit="1se", **options)
    with pytest.raises(ValueError, match=r"needs one of the metrics .*one_standard_error\(metric"):
        search.fit(X, y)
    search.set_params(refit=one_standard_error(metric="f1_macro")).fit(X, y)
    assert search.best_score_ == search.cv_results_["mean_test_f1_macro"][search.best_index_]
    assert search.history_.best.loss == -search.cv_results_["mean_test_f1_macro"].max()
    search.set_params(refit=fastest(metric="accuracy")).fit(X, y)
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"][search.best_index_]
    # A metric may have the name of a rule.
    named = GridSearchCV(SVC(), {"C": C}, scoring={"1se": "accuracy", "b": "f1_macro"}, refit="1se")
    named.fit(X, y)
    assert named.best_score_ == named.cv_results_["mean_test_1se"].max()


def test_what_is_simpler_is_not_known():
    search = GridSearchCV(SVC(), {"kernel": ["rbf", "linear"]}, refit="1se", cv=3)
    with pytest.raises(ValueError, match="unknown what makes a model simpler"):
        search.fit(X, y)


def test_refit_best_and_a_callable_of_the_user():
    search = GridSearchCV(SVC(), {"C": C}, refit="1se").fit(X, y)
    row = search.best_index_
    assert search.refit_best(X, y, index=5).best_index_ == 5
    assert search.refit_best(X, y).best_index_ == row
    other = GridSearchCV(SVC(), {"C": C}, refit=lambda results: 2).fit(X, y)
    assert other.best_index_ == 2
    assert not hasattr(other, "best_score_")


def test_a_journal_continues_with_another_rule(tmp_path):
    path = tmp_path / "journal"
    GridSearchCV(SVC(), {"C": C}, journal=path).fit(X, y)
    search = GridSearchCV(SVC(), {"C": C}, refit="1se", journal=path).fit(X, y)
    assert search.best_params_ == GridSearchCV(SVC(), {"C": C}, refit="1se").fit(X, y).best_params_
