"""ARD kernel ridge: hypergradients against differences, and searches."""

import numpy as np
import pytest
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import BayesSearchCV, GradientSearchCV
from skhyper.hypergradient import NotDifferentiableError, check_hypergradient, inner_problem
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 5))
y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=90)
Y = np.column_stack([y, X[:, 2] * y])
CLASSES = np.digitize(y, np.quantile(y, [0.4, 0.7]))
WEIGHT = rng.random(90)
WEIGHT[:3] = 0
BANDS = {"a": [0, 1], "b": [2, 3, 4]}
SPELLINGS = {
    "number": {"length_scales": 1.5},
    "feature": {"length_scales": np.linspace(0.8, 3, 5)},
    "dict": {"length_scales": {"b": 3.0, "a": 1.0}, "bands": BANDS},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("target", [y, Y], ids=["one", "two"])
@pytest.mark.parametrize("weighted", [False, True])
def test_regression(spelling, target, weighted):
    fit_params = {"sample_weight": WEIGHT} if weighted else {}
    ard = ARDKernelRidge(0.2, **SPELLINGS[spelling])
    check = check_hypergradient(ard, X, target, fit_params=fit_params)
    assert np.shape(check.gradient["length_scales"]) == np.shape(ard.length_scales)
    problem = Session(ard)
    problem.load(X, target, **fit_params)
    problem.fit({"alpha": 1.0})
    ours, theirs = problem.fit({"alpha": 0.2}), clone(ard).fit(X, target, **fit_params)
    assert vars(ours).keys() == vars(theirs).keys()
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    np.testing.assert_allclose(problem.predict(X, "predict"), theirs.predict(X), rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_classification(n_classes, weighted):
    fit_params = {"sample_weight": WEIGHT} if weighted else {}
    ard = ARDKernelRidgeClassifier(0.2, np.linspace(0.8, 3, 5))
    check_hypergradient(ard, X, np.minimum(CLASSES, n_classes - 1), fit_params=fit_params)


def test_by_alpha_alone():
    check_hypergradient(ARDKernelRidge(0.2), X, y, names=["alpha"])


def test_through_a_pipeline():
    check_hypergradient(
        make_pipeline(StandardScaler(), ARDKernelRidge(0.2, np.ones(5))), X, y, cv=KFold(3)
    )


@pytest.mark.parametrize("model", [ARDKernelRidge, ARDKernelRidgeClassifier])
def test_searches(model):
    target = y if model is ARDKernelRidge else CLASSES
    cv = KFold(4, shuffle=True, random_state=0)
    space = {"length_scales": (0.1, 100.0, "log-uniform"), "alpha": (1e-4, 1e2, "log-uniform")}
    ard = model(bands=BANDS)
    search = GradientSearchCV(ard, space, cv=cv, n_iter=25, random_state=0).fit(X, target)
    assert search.best_params_["length_scales"].keys() == BANDS.keys()
    assert search.best_score_ > cross_val_score(ard, X, target, cv=cv).mean()
    again = cross_val_score(search.best_estimator_, X, target, cv=cv).mean()
    assert again == pytest.approx(search.best_score_, rel=1e-7)
    bayes = BayesSearchCV(ard, space, n_iter=8, cv=cv, random_state=0).fit(X, target)
    assert bayes.best_params_["length_scales"].keys() == BANDS.keys()


def test_what_is_refused():
    class Halved(ARDKernelRidge):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict'"):
        inner_problem(Halved())
