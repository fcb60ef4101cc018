"""The picture of scores over iterations."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier

from skhyper import GridSearchCV
from skhyper.inspection import IterationCurve
from skhyper.plotting import IterationCurveDisplay


def test_lines_are_the_mean_scores():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=6, random_state=0)
    search = GridSearchCV(model, {"max_depth": [1, 2]}, cv=3, keep="models", scoring="accuracy")
    display = IterationCurveDisplay.from_search(search.fit(X, y), X, y)
    data = display.data
    train, test, best = display.ax_.lines
    np.testing.assert_array_equal(train.get_ydata(), data.train.mean(axis=0))
    np.testing.assert_array_equal(test.get_ydata(), data.test.mean(axis=0))
    np.testing.assert_array_equal(test.get_xdata(), [1, 2, 3, 4, 5, 6])
    assert list(best.get_xdata()) == [data.best] * 2
    assert display.ax_.get_xscale() == "linear"
    assert display.ax_.get_ylabel() == "accuracy"
    assert display.figure_ is display.ax_.figure


def test_many_iterations_and_early_stopping():
    table = np.array([[0.5, 0.7, np.nan], [0.6, 0.6, 0.9]])
    data = IterationCurve("max_iter", np.array([1, 10, 100]), table, table, "accuracy", True)
    display = IterationCurveDisplay(data).plot()
    assert display.ax_.get_xscale() == "log"
    assert display.data.best == 10
    empty = IterationCurve("n", np.array([1]), table[:, :1] * np.nan, table[:, :1], "r2", True)
    assert len(IterationCurveDisplay(empty).plot().ax_.lines) == 2
