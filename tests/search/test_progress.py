"""One line for each trial."""

import re

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, History, RandomizedSearchCV, SearchCV, Trial
from skhyper.search._progress import opening_line, trial_line

X, y = load_iris(return_X_y=True)
C = {"C": (0.1, 10.0)}


class Fails(SVC):
    def fit(self, X, y):
        if self.C > 5:
            raise ZeroDivisionError("more than five")
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "search",
    [
        BayesSearchCV(Fails(), C, n_iter=6, random_state=0),
        SearchCV(Fails(), C, n_iter=6, random_state=0),
        SearchCV(Fails(), sampler=[{"C": c} for c in range(1, 7)]),
    ],
    ids=["bayes", "sampled", "manual"],
)
def test_one_line_for_each_trial(search, capsys):
    search.set_params(verbose=1, cv=2).fit(X, y)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "Fitting 2 folds for each of 6 candidates, totalling 12 fits"
    assert len(lines) == 6
    best = -np.inf
    for number, (line, trial) in enumerate(zip(lines, search.history_, strict=True), start=1):
        best = max(best, -np.inf if np.isnan(trial.loss) else -trial.loss)
        score = "failed" if trial.state == "failed" else f"score={-trial.loss:.5g}"
        assert line.startswith(f"[{number}/6] {score}, best={best:.5g}, ")
        assert line.endswith(f"s: C={trial.params['C']:.5g}")
    assert {trial.state for trial in search.history_} == {"complete", "failed"}


def test_levels_beyond_are_scikit_learns(capsys):
    BayesSearchCV(SVC(), C, n_iter=3, cv=2, verbose=3, random_state=0).fit(X, y)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("Fitting 2 folds")
    assert len(lines) == 6
    assert all(re.match(r"\[CV [12]/2\] END .*score=", line) for line in lines)
    BayesSearchCV(SVC(), C, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", [1, 2, 10])
@pytest.mark.parametrize("name", ["GridSearchCV", "RandomizedSearchCV"])
def test_grid_and_randomized_search_print_what_scikit_learn_prints(name, verbose, capsys):
    ours = {"GridSearchCV": GridSearchCV, "RandomizedSearchCV": RandomizedSearchCV}[name]
    kwargs = {"cv": 2, "verbose": verbose}
    if name == "RandomizedSearchCV":
        kwargs.update(n_iter=2, random_state=0)
    printed = []
    for cls in (ours, getattr(model_selection, name)):
        cls(SVC(), {"C": [1, 2, 3]}, **kwargs).fit(X, y)
        printed.append(re.sub(r"\d+\.\d+s", "s", capsys.readouterr().out))
    assert printed[0] == printed[1]
    assert printed[0]


def test_a_search_that_goes_on_counts_what_was_there(tmp_path, capsys):
    for n_iter in (2, 4):
        search = BayesSearchCV(SVC(), C, n_iter=n_iter, cv=2, verbose=1, random_state=0)
        search.set_params(journal=tmp_path / "j").fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("]")[0] for line in lines[-2:]] == ["[3/4", "[4/4"]
    assert lines[-3] == "Fitting 2 folds for each of 2 candidates, totalling 4 fits"


def test_without_a_number_of_trials_none_is_shown(capsys):
    SearchCV(SVC(), C, max_time=0.1, cv=2, verbose=1, random_state=0).fit(X, y)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "Fitting 2 folds for each candidate, for max_time=0.1 seconds"
    assert second.startswith("[1] score=")
    assert opening_line(5, 3, 0.1) == "Fitting 5 folds for each of 3 candidates, totalling 15 fits"


def test_long_values_and_lines():
    trial = Trial(0, {"model": SVC(C=1 / 3, gamma=1 / 7, coef0=1 / 9)}, "failed", seconds=2.0)
    running = Trial(1, {})
    line = trial_line(History((trial, running)), trial, 9)
    assert line.startswith("[1/9] failed, no score yet, 2.0 s: model=SVC(C=0.333")
    assert line.endswith("...")
    assert len(line) < 120
