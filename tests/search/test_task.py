"""What a search is given."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper.search._task import make_task, pick_score

X, y = load_iris(return_X_y=True)


def test_options_of_fit_are_no_metadata():
    weight = np.ones(150)
    search = BayesSearchCV(SVC(), {"C": (1.0, 2.0)}, fit_params={"sample_weight": weight})
    task = make_task(search, X, y, {"callback": print})
    assert task.options == {"callback": print}
    assert list(task.fit_params) == ["sample_weight"]
    assert task.seen["metadata"]["sample_weight"] is task.fit_params["sample_weight"]
    # Only where a class has them; and what fit is given comes before what __init__ was.
    assert "callback" in make_task(SearchCV(SVC()), X, y, {"callback": print}).fit_params
    task = make_task(search, X, y, {"sample_weight": 2 * weight})
    assert task.fit_params["sample_weight"][0] == 2
    with pytest.raises(TypeError, match="fit_params must have str as keys"):
        make_task(search.set_params(fit_params={1: 2}), X, y, {})


def test_the_estimator_is_a_copy():
    svc = SVC()
    task = make_task(SearchCV(svc), X, y, {})
    assert task.estimator is not svc
    assert task.objective(SearchCV(svc), [(1, 2)]).estimator is task.estimator


def test_the_score_that_is_optimized():
    scores = {"a": 1.0, "b": 2.0}
    assert pick_score(SearchCV(SVC()))(3.0) == 3.0
    assert pick_score(SearchCV(SVC(), refit="b"))(scores) == 2.0
    assert pick_score(SearchCV(SVC(), refit=False))(scores) == 1.0
    with pytest.raises(ValueError, match="refit"):
        pick_score(SearchCV(SVC(), scoring=print))(scores)
