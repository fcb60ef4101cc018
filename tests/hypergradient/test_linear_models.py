"""Linear models of scikit-learn: hypergradients against differences of its own fits."""

import warnings

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target, weights
from scipy import sparse
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR

from skhyper._sklearn import sklearn_version
from skhyper.hypergradient import NotDifferentiableError, check_hypergradient, inner_problem

DATA = designs()


def logistic(ratio=None, **settings):
    """LogisticRegression with an l1 ratio, as each version of scikit-learn spells it."""
    if ratio is None:
        return LogisticRegression(**settings)
    if sklearn_version >= (1, 8):
        return LogisticRegression(l1_ratio=ratio, **settings)
    penalty = "l1" if ratio == 1 else "elasticnet"
    return LogisticRegression(penalty=penalty, l1_ratio=None if ratio == 1 else ratio, **settings)


def check(estimator, design, kind, weighted=False, **options):
    X = DATA[design]
    y = target(X, kind)
    with warnings.catch_warnings():
        # Tight tolerances are for differences to mean something; not all solvers reach them.
        warnings.filterwarnings("ignore", category=UserWarning)
        return check_hypergradient(estimator, X, y, fit_params=weights(len(y), weighted), **options)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_logistic_regression(design, weighted, class_weight, kind):
    estimator = logistic(C=0.7, class_weight=class_weight)
    check(estimator, design, kind, weighted, scoring="neg_log_loss")


@pytest.mark.parametrize("ratio", [None, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_regression_of_liblinear_penalises_the_intercept(ratio, weighted):
    estimator = logistic(ratio, C=0.7, solver="liblinear", intercept_scaling=2.0)
    check(estimator, "tall", "binary", weighted, scoring="neg_log_loss")


@pytest.mark.parametrize(
    ("design", "kind"), [("tall", "binary"), ("tall", "classes"), ("wide", "binary")]
)
def test_logistic_regression_with_an_elastic_net(design, kind):
    estimator = logistic(0.4, C=0.7, solver="saga")
    found = check(estimator, design, kind, scoring="neg_log_loss", n_directions=1)
    assert set(found.gradient) == {"C", "l1_ratio"}


def test_logistic_regression_without_an_intercept():
    check(logistic(C=0.7, fit_intercept=False), "tall", "binary", scoring="neg_log_loss")


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "roc_auc", "f1_macro"])
def test_surrogates_of_scores_that_have_steps(scoring):
    found = check(logistic(C=0.7), "tall", "binary", scoring=scoring)
    assert "in place of" in found.criterion


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("estimator", "kind", "scoring"),
    [
        (PoissonRegressor(alpha=0.1), "count", None),
        (GammaRegressor(alpha=0.1), "positive", "neg_mean_gamma_deviance"),
        (TweedieRegressor(alpha=0.1, power=1.5), "positive", "neg_mean_squared_error"),
        (TweedieRegressor(alpha=0.1, power=0), "real", None),
    ],
    ids=["Poisson", "Gamma", "Tweedie", "normal"],
)
def test_generalised_linear_models(design, weighted, estimator, kind, scoring):
    found = check(estimator, design, kind, weighted, scoring=scoring)
    assert ("power" in found.gradient) == (kind == "positive" and scoring.endswith("error"))


@pytest.mark.parametrize("design", ["tall", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_linear_svc(design, weighted, class_weight, kind):
    estimator = LinearSVC(C=0.4, class_weight=class_weight, intercept_scaling=2.0)
    # liblinear's own tolerance shows in the differences of a small slope.
    check(estimator, design, kind, weighted, rtol=1e-3)


@pytest.mark.slow
def test_linear_svc_with_an_l1_penalty():
    check(LinearSVC(C=0.3, penalty="l1", dual=False), "tall", "binary", rtol=1e-4)


@pytest.mark.parametrize("design", ["tall", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
def test_linear_svr(design, weighted):
    estimator = LinearSVR(loss="squared_epsilon_insensitive", C=0.7, epsilon=0.2)
    check(estimator, design, "real", weighted, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Liblinear failed")
@pytest.mark.parametrize("model", [LinearSVC, LinearSVR])
def test_samples_at_the_kink_of_the_loss(model):
    """At a weak penalty of features near 1e4, samples are within rounding of the kink."""
    rng = np.random.default_rng(0)
    X = sparse.random(40, 80, 0.3, format="csr", random_state=0, data_rvs=rng.standard_normal)
    y = (X @ rng.standard_normal(80) > 0).astype(int)
    loss = {} if model is LinearSVC else {"loss": "squared_epsilon_insensitive", "epsilon": 0.1}
    for scale, C, is_known in ((1.0, 1.0, True), (1e4, 1.0, False), (1e4, 1e-8, True)):
        problem = Session(model(C=C, **loss))
        problem.load(X * scale, y)
        problem.fit({"C": C})
        problem.predict(X * scale, "decision_function" if model is LinearSVC else "predict")
        if is_known:
            assert np.isfinite(problem.vjp(np.ones(40)).params["C"])
        else:
            with pytest.raises(NotDifferentiableError, match="determine the samples with loss 0"):
                problem.vjp(np.ones(40))


def test_weights_of_zero_are_samples_left_out():
    X, y = DATA["tall"], target(DATA["tall"], "binary")
    w = np.repeat([1.0, 0.0], [100, 20])
    gradients = []
    for rows, weight in ((slice(None), w), (slice(100), w[:100])):
        problem = Session(LogisticRegression())
        problem.load(X[rows], y[rows], sample_weight=weight)
        problem.fit({"C": 0.5})
        problem.predict(X, "predict_proba")
        cotangents = problem.vjp(np.column_stack([np.ones(120), np.zeros(120)]))
        gradients.append(cotangents.params["C"])
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-6)


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="loss='squared_hinge'"):
        inner_problem(LinearSVC(loss="hinge"))
    with pytest.raises(NotDifferentiableError, match="squared_epsilon_insensitive"):
        inner_problem(LinearSVR())
    problem = Session(LogisticRegression(solver="liblinear"))
    X = DATA["tall"]
    problem.load(X, target(X, "classes"))
    with warnings.catch_warnings(), pytest.raises(Exception, match=r"liblinear"):
        warnings.simplefilter("ignore")
        problem.fit({"C": 1.0})


@pytest.mark.parametrize(
    ("sgd", "same"),
    [
        (SGDRegressor(alpha=0.1), lambda n: Ridge(alpha=0.1 * n)),
        (
            SGDRegressor(alpha=0.1, penalty="elasticnet", l1_ratio=0.4),
            lambda n: ElasticNet(0.1, l1_ratio=0.4),
        ),
        (
            SGDClassifier(loss="log_loss", alpha=0.1),
            lambda n: LogisticRegression(C=1 / (0.1 * n)),
        ),
        (SGDClassifier(alpha=0.1), lambda n: SVC(kernel="linear", C=1 / (0.1 * n))),
    ],
    ids=["ridge", "elastic net", "logistic", "hinge"],
)
def test_stochastic_descent_names_what_has_its_solution(sgd, same):
    X = DATA["tall"]
    y = target(X, "real" if isinstance(sgd, SGDRegressor) else "binary")
    own = same(len(X)).fit(X, y)
    name = type(own).__name__
    with pytest.raises(NotDifferentiableError, match=rf"order of the samples.* {name}\("):
        inner_problem(sgd)
    # An average keeps what an l1 penalty has set to zero on the way.
    sgd.set_params(tol=None, max_iter=300, average=sgd.penalty == "l2", random_state=0).fit(X, y)
    np.testing.assert_allclose(sgd.coef_.ravel(), own.coef_.ravel(), atol=0.02)


def test_stochastic_descent_on_a_loss_of_its_own():
    with pytest.raises(NotDifferentiableError, match=r"not a smooth function of alpha\.$"):
        inner_problem(SGDClassifier(loss="modified_huber"))
