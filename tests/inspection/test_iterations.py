"""Scores over iterations, compared with fits of as many iterations."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedKFold, validation_curve
from sklearn.neural_network import MLPClassifier as TheirMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GridSearchCV
from skhyper.inspection import iteration_curve
from skhyper.neural_network import MLPClassifier

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
CV = StratifiedKFold(3, shuffle=True, random_state=0)
SEED = {"random_state": 0}


@pytest.mark.parametrize(
    ("model", "name", "other"),
    [
        (GradientBoostingClassifier(n_estimators=8, **SEED), "n_estimators", "max_depth"),
        (HistGradientBoostingClassifier(max_iter=8, **SEED), "max_iter", "max_depth"),
        (RandomForestClassifier(n_estimators=8, **SEED), "n_estimators", "max_depth"),
        (MLPClassifier((4,), max_iter=8, learning_rate=0.1, **SEED), "max_iter", "batch_size"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.fast_cases(4)
def test_scores_are_those_of_shorter_fits(model, name, other, in_pipeline):
    prefix = ""
    if in_pipeline:
        prefix = f"{type(model).__name__.lower()}__"
        model = make_pipeline(StandardScaler(), model)
    grid = {prefix + other: [2, 50]}
    search = GridSearchCV(model, grid, cv=CV, keep="models", scoring="neg_log_loss").fit(X, y)
    curve = iteration_curve(search, X, y, n_points=4)
    assert (curve.name, curve.iterations.tolist()) == (prefix + name, [1, 2, 4, 8])
    model.set_params(**search.best_params_)
    options = {"param_name": curve.name, "param_range": curve.iterations, "cv": CV}
    train, test = validation_curve(model, X, y, scoring="neg_log_loss", **options)
    np.testing.assert_allclose(curve.train, train.T, rtol=1e-12)
    np.testing.assert_allclose(curve.test, test.T, rtol=1e-12)
    assert curve.best == curve.iterations[np.argmax(test.mean(axis=1))]
    assert curve.fitted_again == (name == "max_iter" and "MLP" in repr(model))
    frame = curve.to_frame()
    np.testing.assert_allclose(frame["test_std"], test.std(axis=1), rtol=1e-9, atol=1e-12)
    assert f"Scores over {curve.name}, best {curve.best}" in repr(curve)


@pytest.mark.parametrize(
    "model",
    [
        SGDClassifier(max_iter=6, tol=None, **SEED),
        make_pipeline(StandardScaler(), TheirMLPClassifier((4,), max_iter=6, tol=0, **SEED)),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partial_fit(model):
    names = {SGDClassifier: "alpha"}
    grid = {names.get(type(model), "mlpclassifier__alpha"): [1e-4, 1e-3]}
    search = GridSearchCV(model, grid, cv=CV, keep="models").fit(X, y)
    curve = iteration_curve(search, X, y)
    assert curve.iterations.tolist() == [1, 2, 3, 4, 5, 6]
    assert curve.fitted_again
    own = model.set_params(**search.best_params_)
    for k, (train, test) in enumerate(CV.split(X, y)):
        data, last = X, own
        if hasattr(own, "steps"):
            scaler = StandardScaler().fit(X[train])
            data, last = scaler.transform(X), own[-1]
        stage = type(last)(**last.get_params())
        for i in range(6):
            stage.partial_fit(data[train], y[train], classes=np.unique(y))
            assert curve.test[k, i] == stage.score(data[test], y[test])


def test_what_has_no_curve():
    search = GridSearchCV(LogisticRegression(solver="newton-cg"), {"C": [1]}, keep="models")
    with pytest.raises(ValueError, match="LogisticRegression has no known number"):
        iteration_curve(search.fit(X, y), X, y)
    with pytest.raises(ValueError, match='keep="models"'):
        iteration_curve(search.set_params(keep=None).fit(X, y), X, y)
