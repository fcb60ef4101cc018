"""Meta-estimators: their own fits and scores, gradients against differences."""

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target
from sklearn import config_context
from sklearn.base import clone
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from skhyper import GradientSearchCV
from skhyper.hypergradient import (
    NotDifferentiableError,
    check_hypergradient,
    criterion_of,
    hypergradient,
    inner_problem,
)
from skhyper.linear_model import BandedRidge

X = designs()["tall"]
Y = {kind: target(X, kind) for kind in ("outputs", "classes", "binary")}
logistic = LogisticRegression(solver="newton-cholesky")


@pytest.mark.parametrize(
    ("estimator", "kind", "scoring"),
    [
        (MultiOutputRegressor(Ridge(alpha=3.0)), "outputs", None),
        (MultiOutputRegressor(BandedRidge(alphas=np.ones(8))), "outputs", None),
        (OneVsRestClassifier(logistic), "classes", None),
        (OneVsRestClassifier(logistic), "classes", "neg_log_loss"),
        (OneVsRestClassifier(logistic), "binary", "neg_log_loss"),
        (OneVsRestClassifier(logistic), "binary", None),
        (OneVsRestClassifier(RidgeClassifier()), "classes", None),
        (OneVsRestClassifier(make_pipeline(StandardScaler(), logistic)), "classes", None),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_gradients(estimator, kind, scoring):
    check_hypergradient(estimator, X, Y[kind], scoring=scoring)


def test_derivatives_pass_through_to_the_steps_before():
    nystroem = Nystroem(gamma=0.1, n_components=10, random_state=0)
    pipeline = make_pipeline(nystroem, MultiOutputRegressor(Ridge()))
    assert inner_problem(pipeline).names == (
        "nystroem__gamma",
        "multioutputregressor__estimator__alpha",
    )
    check_hypergradient(pipeline, X, Y["outputs"])
    problem = Session(make_pipeline(nystroem, OneVsOneClassifier(logistic)))
    assert problem.names == ("onevsoneclassifier__estimator__C",)
    assert "has no derivatives with respect to its data" in problem.traits.why_not


@pytest.mark.parametrize(
    ("kind", "pairs"), [("classes", [(0, 1), (0, 2), (1, 2)]), ("binary", [(0, 1)])]
)
def test_pairs_of_classes(kind, pairs):
    """The calibrated log-loss of decision values added up, against differences of it."""
    estimator, y = OneVsOneClassifier(clone(logistic).set_params(tol=1e-12)), Y[kind]
    problem = Session(estimator)
    problem.load(X, y)
    criterion = criterion_of(check_scoring(estimator), estimator, problem.methods)
    loss = criterion.on(y, classes=np.unique(y))

    def by_hand(C):
        fitted = clone(estimator).set_params(estimator__C=C).fit(X, y)
        F = np.zeros((len(y), len(fitted.classes_)))
        for (i, j), model in zip(pairs, fitted.estimators_, strict=True):
            F[:, j] += model.decision_function(X)
            F[:, i] -= model.decision_function(X) * (kind == "classes")
        return loss(F if kind == "classes" else F[:, 1])[0]

    own = clone(estimator).set_params(estimator__C=0.7).fit(X, y)
    ours = problem.fit({"estimator__C": 0.7})
    np.testing.assert_array_equal(ours.decision_function(X), own.decision_function(X))
    value, gradient = hypergradient(problem.fitted, X, criterion.method, loss, ["estimator__C"])
    assert value == pytest.approx(by_hand(0.7), rel=1e-9)
    difference = (by_hand(0.701) - by_hand(0.699)) / 0.002
    assert gradient["estimator__C"] == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (MultiOutputRegressor(SVR(), n_jobs=1), "outputs"),
        (OneVsRestClassifier(SVC(), n_jobs=1), "classes"),
        (OneVsOneClassifier(logistic, n_jobs=1), "classes"),
        (OneVsRestClassifier(Ridge()), "classes"),
    ],
    ids=lambda v: None if isinstance(v, str) else repr(v),
)
def test_a_search_has_scikit_learns_own_scores_and_estimators(estimator, kind):
    name = inner_problem(estimator).names[0]
    space = {name: (0.1, 10.0, "log-uniform")}
    search = GradientSearchCV(estimator, space, cv=3, n_iter=4, random_state=0).fit(X, Y[kind])
    assert all(trial.gradient is not None for trial in search.history_)
    own = clone(estimator).set_params(**search.best_params_)
    assert search.best_score_ == pytest.approx(cross_val_score(own, X, Y[kind], cv=3).mean())
    problem = Session(estimator)
    problem.load(X, Y[kind])
    ours, theirs = problem.fit(search.best_params_), own.fit(X, Y[kind])
    assert ours.get_params(deep=False)["n_jobs"] == estimator.n_jobs
    assert ours.n_features_in_ == theirs.n_features_in_
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X))


def test_sample_weights_are_routed():
    w = np.random.default_rng(0).random(len(X)) + 0.5
    check_hypergradient(
        MultiOutputRegressor(Ridge()), X, Y["outputs"], fit_params={"sample_weight": w}
    )
    with config_context(enable_metadata_routing=True):
        model = OneVsRestClassifier(clone(logistic).set_fit_request(sample_weight=True))
        check_hypergradient(model, X, Y["classes"], fit_params={"sample_weight": w})


def test_what_has_no_hypergradient_says_why():
    labels = (Y["outputs"] > 0).astype(int)
    problem = Session(OneVsRestClassifier(logistic))
    with pytest.raises(NotDifferentiableError, match="multilabel targets"):
        problem.load(X, labels)
    with (
        pytest.raises(NotDifferentiableError, match="has one value only"),
        pytest.warns(UserWarning, match="present in all training"),
    ):
        problem.load(X, np.column_stack([labels, np.ones(len(X), dtype=int)]))
    for estimator, why in [
        (MultiOutputClassifier(logistic), "all outputs correct"),
        (OutputCodeClassifier(logistic), "code word"),
        (ClassifierChain(logistic), "earlier ones"),
        (RegressorChain(Ridge()), "earlier ones"),
        (OneVsRestClassifier(RegressorChain(Ridge())), "RegressorChain has no hypergradient"),
    ]:
        with pytest.raises(NotDifferentiableError, match=why):
            inner_problem(estimator)
