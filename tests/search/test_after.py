"""Methods of a fitted search that use its trials."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper.inspection import corrected_score

X, y = load_iris(return_X_y=True)


def test_corrected_score_is_that_of_the_function():
    search = SearchCV(SVC(), {"C": (0.01, 10.0, "log-uniform")}, n_iter=5, random_state=0)
    with pytest.raises(NotFittedError, match="not fitted"):
        search.corrected_score()
    search.fit(X, y)
    assert search.corrected_score(level=0.8) == corrected_score(search, level=0.8)


@pytest.mark.parametrize("kind", ["bayes", "random"])
def test_to_skopt_has_the_entries_of_its_results(kind):
    skopt = pytest.importorskip("skopt")
    space = {"C": (0.01, 10.0, "log-uniform"), "kernel": ["rbf", "linear"]}
    made = {
        "bayes": BayesSearchCV(SVC(), space, n_iter=8, random_state=0, cv=3),
        "random": SearchCV(SVC(), space, n_iter=8, random_state=0, cv=3),
    }
    search = made[kind].fit(X, y)
    result = search.to_skopt()
    assert result.fun == pytest.approx(-search.best_score_)
    assert dict(zip(sorted(space), result.x)) == search.best_params_
    assert len(result.x_iters) == len(result.func_vals) == search.n_trials_
    assert isinstance(result.space, skopt.space.Space)
    assert len(result.models) == 1
    transformed = result.space.transform(result.x_iters)
    assert np.isfinite(result.models[-1].predict(transformed)).all()


def test_to_skopt_needs_a_space():
    search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 2}], cv=3).fit(X, y)
    with pytest.raises(ValueError, match="need a search space"):
        search.to_skopt()
