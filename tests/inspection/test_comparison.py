"""Candidates that cannot be distinguished from the best."""

import numpy as np
import pytest
from scipy import stats
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.model_selection import ShuffleSplit
from sklearn.svm import SVC

from skhyper import GridSearchCV
from skhyper.inspection import compare

X, y = load_iris(return_X_y=True)
grid = {"C": [0.001, 0.01, 0.1, 1.0, 10.0], "kernel": ["rbf"]}


def test_the_test_of_nadeau_and_bengio():
    cv = ShuffleSplit(8, test_size=0.25, random_state=0)
    search = GridSearchCV(SVC(), grid, cv=cv).fit(X, y)
    found = compare(search)
    S = np.column_stack([search.cv_results_[f"split{k}_test_score"] for k in range(8)])
    assert found.rows[0] == S.mean(axis=1).argmax()
    assert (np.diff(found.mean) <= 0).all()
    worse = found.rows[-1]
    D = S[found.rows[0]] - S[worse]
    train, test = search.history_.splits[0]
    t = D.mean() / np.sqrt((1 / 8 + len(test) / len(train)) * D.var(ddof=1))
    assert found.p_value[-1] == pytest.approx(stats.t.sf(t, 7))
    assert found.tied[0]
    assert not found.tied[-1]
    np.testing.assert_array_equal(found.tied, found.p_value > 0.1)
    assert found.params[-1] == search.cv_results_["params"][worse]


def test_frame_and_text():
    search = GridSearchCV(SVC(), grid).fit(X, y)
    found = compare(search)
    frame = found.to_frame()
    assert list(frame.index) == list(found.rows)
    assert list(frame)[:3] == ["param_C", "param_kernel", "mean"]
    title, header, _, first = repr(found).splitlines()[:4]
    assert title.startswith(
        f"{found.tied.sum()} of 5 candidates cannot be distinguished from the best"
    )
    assert header.split() == ["row", "score", "difference", "+-", "p", "tied", "params"]
    assert f"C={found.params[0]['C']:g}, kernel='rbf'" in first
    assert len(found) == 5


def test_searches_of_scikit_learn():
    theirs = model_selection.GridSearchCV(SVC(), grid).fit(X, y)
    ours = GridSearchCV(SVC(), grid).fit(X, y)
    np.testing.assert_allclose(compare(theirs).p_value, compare(ours).p_value)
    np.testing.assert_allclose(compare(theirs.cv_results_).p_value, compare(ours).p_value)


def test_wrong_arguments():
    search = GridSearchCV(SVC(), grid, cv=ShuffleSplit(1, random_state=0)).fit(X, y)
    with pytest.raises(ValueError, match="at least two splits"):
        compare(search)
    with pytest.raises(ValueError, match="level must be"):
        compare(search, level=0.1)
