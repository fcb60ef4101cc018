"""Methods of a fitted search that use its trials."""

import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

from skhyper import SearchCV
from skhyper.inspection import corrected_score

X, y = load_iris(return_X_y=True)


def test_corrected_score_is_that_of_the_function():
    search = SearchCV(SVC(), {"C": (0.01, 10.0, "log-uniform")}, n_iter=5, random_state=0)
    with pytest.raises(NotFittedError, match="not fitted"):
        search.corrected_score()
    search.fit(X, y)
    assert search.corrected_score(level=0.8) == corrected_score(search, level=0.8)
