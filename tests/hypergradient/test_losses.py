"""Validation losses: values against scikit-learn's scorers, slopes against differences."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.metrics import (
    check_scoring,
    d2_tweedie_score,
    make_scorer,
    mean_pinball_loss,
    mean_squared_error,
    mean_tweedie_deviance,
    r2_score,
)
from sklearn.pipeline import make_pipeline

from skhyper.hypergradient import criterion_of

rng = np.random.default_rng(0)
SMOOTH = [
    "neg_mean_squared_error",
    "neg_root_mean_squared_error",
    "neg_mean_absolute_error",
    "neg_mean_absolute_percentage_error",
    "neg_mean_squared_log_error",
    "neg_root_mean_squared_log_error",
    "neg_mean_poisson_deviance",
    "neg_mean_gamma_deviance",
    "r2",
    None,
    make_scorer(mean_pinball_loss, alpha=0.2, greater_is_better=False),
    make_scorer(mean_tweedie_deviance, power=1.4, greater_is_better=False),
    make_scorer(mean_tweedie_deviance, power=3, greater_is_better=False),
    make_scorer(d2_tweedie_score, power=1.6),
]


class Fixed:
    """A fitted regressor with given predictions."""

    _estimator_type = "regressor"

    def __init__(self, output, classes=None):
        self.output, self.classes_ = output, classes

    def predict(self, X):
        return self.output

    predict_proba = decision_function = predict


def check_slope(loss, output):
    value, d = loss(output)
    step = rng.normal(size=output.shape) * 1e-6
    assert np.sum(d * step) * 2 == pytest.approx(
        loss(output + step)[0] - loss(output - step)[0], rel=1e-5, abs=1e-13
    )
    return value


@pytest.mark.parametrize("scoring", SMOOTH, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_smooth_scores_of_regression(scoring, weighted):
    y, p = rng.gamma(2, size=30) + 0.1, rng.gamma(2, size=30) + 0.1
    w = rng.random(30) if weighted else None
    scorer = check_scoring(LinearRegression(), scoring)
    criterion = criterion_of(scorer, LinearRegression())
    assert criterion.exact
    value = check_slope(criterion.on(y, w), p)
    if scoring is None:
        scorer = check_scoring(LinearRegression(), "r2")
    assert value == pytest.approx(
        -scorer._sign * scorer._score_func(y, p, sample_weight=w, **scorer._kwargs)
    )


@pytest.mark.parametrize("scoring", ["neg_root_mean_squared_error", "r2"])
def test_several_outputs(scoring):
    y, p = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    scorer = check_scoring(LinearRegression(), scoring)
    value = check_slope(criterion_of(scorer, LinearRegression()).on(y), p)
    assert value == pytest.approx(-scorer._sign * scorer._score_func(y, p))


@pytest.mark.parametrize("level", [0.0, 0.1, 1e8 / 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_r2_of_a_constant_target(level, weighted):
    # Rounding of the mean must not become the scale of what is differentiated.
    criterion = criterion_of(check_scoring(LinearRegression(), "r2"), LinearRegression())
    y, w = np.full(7, level), rng.random(7) if weighted else None
    value, slope = criterion.on(y, w)(y + 1.0)
    assert value == 0.0
    assert not slope.any()
    assert criterion.on(y, w)(y)[0] == -1.0
    # One of two outputs is constant, and so is what counts of a third.
    Y, P = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    Y[:, 0], Y[1:, 2], w = level, level, np.ones(20)
    w[0] = 0
    value, slope = criterion.on(Y, w)(P)
    assert value == pytest.approx(-r2_score(Y[1:, 1], P[1:, 1]) / 3)
    assert not slope[:, [0, 2]].any()
    assert slope[1:, 1].all()


def test_what_the_least_value_is():
    for scoring, least in [("r2", -1), (None, -1), ("neg_mean_squared_error", 0)]:
        criterion = criterion_of(check_scoring(LinearRegression(), scoring), LinearRegression())
        assert criterion.least == least
        assert criterion.on(np.arange(5.0))(np.arange(5.0))[0] == least
    assert criterion_of(check_scoring(PoissonRegressor(), None), PoissonRegressor()).least == -1


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy"])
def test_classes_in_a_column(scoring):
    y, classes = np.array(["a", "b", "a", "b"]), np.array(["a", "b"])
    criterion = criterion_of(check_scoring(LogisticRegression(), scoring), LogisticRegression())
    output = rng.dirichlet([1, 1], size=4) if scoring == "neg_log_loss" else rng.normal(size=4)
    value, slope = criterion.on(y, None, classes)(output)
    in_column, slope_in_column = criterion.on(y[:, None], None, classes)(output)
    assert in_column == value
    np.testing.assert_array_equal(slope_in_column, slope)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "neg_brier_score"])
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities(scoring, weighted):
    y, P = rng.integers(2, size=30), rng.dirichlet([1, 1], size=30)
    w = rng.random(30) if weighted else None
    scorer = check_scoring(LogisticRegression(), scoring)
    value = check_slope(criterion_of(scorer, LogisticRegression()).on(y, w, np.arange(2)), P)
    score = scorer._score_func(y, P if scoring == "neg_log_loss" else P[:, 1], sample_weight=w)
    assert value == pytest.approx(-scorer._sign * score)


def test_log_loss_of_three_classes():
    y, P = np.tile(["a", "b", "c"], 10), rng.dirichlet([1, 1, 1], size=30)
    scorer = check_scoring(LogisticRegression(), "neg_log_loss")
    criterion = criterion_of(scorer, LogisticRegression())
    value = check_slope(criterion.on(y, None, np.array(["a", "b", "c"])), P)
    assert value == pytest.approx(scorer._score_func(y, P))


def test_the_default_score_of_a_glm_in_a_pipeline():
    y, p = rng.poisson(2.0, size=30), rng.gamma(2, size=30)
    pipeline = make_pipeline(PoissonRegressor())
    criterion = criterion_of(check_scoring(pipeline, None), pipeline)
    assert check_slope(criterion.on(y), p) == pytest.approx(-d2_tweedie_score(y, p, power=1))


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy"])
def test_surrogate_of_decisions_knows_no_scale(shape, scoring):
    K = shape[1] if len(shape) > 1 else 2
    y = rng.integers(K, size=40)
    f = rng.normal(size=shape) + (y if K == 2 else np.eye(3)[y])
    criterion = criterion_of(check_scoring(LogisticRegression(), scoring), LogisticRegression())
    assert not criterion.exact
    loss = criterion.on(y, None, np.arange(K))
    value = check_slope(loss, f)
    assert loss(100 * f)[0] == pytest.approx(value, rel=1e-6)
    assert value < np.log(K)
    # Values that separate the classes leave a finite loss, and those that mislead no slope.
    separated = (y - 0.5) * 2 if K == 2 else np.eye(3)[y]
    assert 0 < loss(separated)[0] < value
    assert not np.any(loss(-separated)[1])


@pytest.mark.parametrize(
    ("scoring", "what"),
    [
        ("neg_max_error", "max_error"),
        (make_scorer(mean_squared_error), "mean_squared_error in place of mean_squared_error"),
        (lambda estimator, X, y: 0.0, "mean_squared_error in place of <lambda>"),
    ],
)
def test_what_cannot_be_differentiated_is_said(scoring, what):
    # The second would maximize a loss, which must be a mistake.
    scorer = check_scoring(LinearRegression(), scoring)
    criterion = criterion_of(scorer, LinearRegression())
    assert not criterion.exact
    assert what in criterion.description


def test_bad_predictions_and_classes():
    scorer = check_scoring(LinearRegression(), "neg_mean_poisson_deviance")
    with pytest.raises(ValueError, match="needs positive predictions"):
        criterion_of(scorer, LinearRegression()).on(np.ones(3))(np.array([1.0, -1.0, 2.0]))
    scorer = check_scoring(LogisticRegression(), "neg_log_loss")
    with pytest.raises(ValueError, match="class 'c' is in a test fold"):
        criterion_of(scorer, LogisticRegression()).on(
            np.array(["a", "c"]), None, np.array(["a", "b"])
        )
