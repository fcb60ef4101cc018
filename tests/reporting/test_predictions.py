"""Kept predictions in a report."""

import re

import numpy as np
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.svm import SVC

from skhyper import GridSearchCV
from skhyper.reporting._predictions import predictions
from skhyper.reporting._record import record_of
from skhyper.reporting._sections import whole_page


def fitted(model, grid, X, y, **options):
    return GridSearchCV(model, grid, **{"keep": "predictions", **options}).fit(X, y)


def test_a_confusion_matrix():
    X, y = load_iris(return_X_y=True)
    y = np.array(["<setosa>", "versicolor", "virginica"])[y]
    search = fitted(SVC(), {"C": [0.1, 1]}, X, y)
    found = predictions(record_of(search))
    cells = [int(cell) for cell in re.findall(r"<td>(\d+)", found)]
    expected = confusion_matrix(y, cross_val_predict(SVC(**search.best_params_), X, y))
    assert cells == expected.ravel().tolist()
    assert "&lt;setosa&gt;" in found
    assert "<setosa>" not in found
    assert found in whole_page(record_of(search))


def test_residuals_of_a_regression():
    X, y = load_diabetes(return_X_y=True)
    search = fitted(Ridge(), {"alpha": [0.1, 1]}, X, y)
    found = predictions(record_of(search))
    expected = cross_val_predict(Ridge(**search.best_params_), X, y)
    error = np.sqrt(np.mean((y - expected) ** 2))
    assert f"squared error {error:.4g}" in found
    assert found.count("h0") == len(y)
    constant = fitted(DummyRegressor(), {"strategy": ["mean"]}, X[:9], np.ones(9), cv=KFold(3))
    assert "squared error 0" in predictions(record_of(constant))


def test_where_there_are_none():
    X, y = load_diabetes(return_X_y=True)
    assert predictions(record_of(fitted(Ridge(), {"alpha": [1]}, X, y, keep=None))) == ""
    two = np.column_stack([y, y])
    assert predictions(record_of(fitted(Ridge(), {"alpha": [1]}, X, two))) == ""
    many = fitted(SVC(), {"C": [1]}, X[:60], np.arange(60) // 4, cv=KFold(3, shuffle=True))
    assert "<table" not in predictions(record_of(many))
    assert "predicted right out of fold" in predictions(record_of(many))
