"""Lines for folds whose fits are shared, against those that scikit-learn prints."""

import re

import pytest
from sklearn import model_selection
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from skhyper import GridSearchCV
from skhyper.evaluation import FoldJob
from skhyper.evaluation._fold_lines import fold_lines

X, y = load_iris(return_X_y=True)
FOREST = RandomForestClassifier(random_state=0)
TREES = {"n_estimators": [1, 3, 2], "max_depth": [1, 2]}
PRUNED = DecisionTreeClassifier(random_state=0)  # followers are derived from a tree of no candidate


def without_times(lines):
    return [re.sub(r"\d+\.\d+s$", "s", line) for line in lines]


def printed(search, capsys):
    """Lines without times, sorted: the order of shared fits differs."""
    search.fit(X, y)
    lines = without_times(capsys.readouterr().out.splitlines())
    return sorted(line for line in lines if not line.startswith("Shared "))


@pytest.mark.parametrize(
    ("estimator", "grid", "more"),
    [
        (FOREST, TREES, {"verbose": 2}),
        (FOREST, TREES, {"verbose": 3, "scoring": ["accuracy", "f1_macro"], "refit": "accuracy"}),
        (FOREST, TREES, {"verbose": 10, "return_train_score": True}),
        (PRUNED, {"ccp_alpha": [0.01, 0.1]}, {"verbose": 10}),
    ],
)
def test_shared_fits_print_what_scikit_learn_prints(estimator, grid, more, capsys):
    ours = printed(GridSearchCV(estimator, grid, cv=2, **more), capsys)
    assert ours == printed(model_selection.GridSearchCV(estimator, grid, cv=2, **more), capsys)


class Scored(BaseEstimator):
    """Scores of a table by the parameter, without a shared fit."""

    def __init__(self, a=None, long_name=None):
        self.a, self.long_name = a, long_name

    def fit(self, X, y=None):
        return self


def scores(estimator, X, y):
    return {"b": 1 / 3, "a": -2.0}


@pytest.mark.parametrize("verbose", [1, 2, 3, 10])
@pytest.mark.parametrize("scoring", [scores, lambda estimator, X, y: 0.25])
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("params", [{}, {"long_name": "l" * 80, "a": None}])
def test_lines(verbose, scoring, trained, params, capsys):
    search = model_selection.GridSearchCV(
        Scored(),
        {name: [value] for name, value in params.items()},
        scoring=scoring,
        refit=False,
        cv=2,
        verbose=verbose,
        return_train_score=trained,
    ).fit(X, y)
    _, *expected = capsys.readouterr().out.splitlines()
    value = scoring(None, X, y)
    result = {"test_scores": value, "fit_time": 0.0, "score_time": 0.01}
    result |= {"train_scores": value} if trained else {}
    jobs = [FoldJob(0, fold, params, 1) for fold in range(2)]
    lines = [line for job in jobs for line in fold_lines(job, result, verbose, search.n_splits_)]
    assert without_times(lines) == without_times(expected)
