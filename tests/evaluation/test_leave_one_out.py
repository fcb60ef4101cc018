"""Leave-one-out in closed form: against scikit-learn's n fits."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GradientSearchCV
from skhyper.kernel import ARDKernelRidge
from skhyper.linear_model import BandedRidge

X, y = load_diabetes(return_X_y=True)
X, y = X[:60] * 20, (y[:60] - 150) / 77
WIDE = np.random.default_rng(0).normal(size=(60, 90))
ALPHA = {"alpha": (1e-3, 1e3, "log-uniform")}
ARD = RBF(np.full(10, 5.0))


@pytest.mark.parametrize(
    ("estimator", "X", "space"),
    [
        (Ridge(), X, ALPHA),
        (Ridge(fit_intercept=False), X, ALPHA),
        (Ridge(), WIDE, ALPHA),
        (KernelRidge(kernel="rbf"), X, {**ALPHA, "gamma": (1e-3, 10.0, "log-uniform")}),
        (
            ARDKernelRidge(length_scales=np.full(10, 5.0)),
            X,
            {**ALPHA, "length_scales": (1.0, 100.0, "log-uniform")},
        ),
        (BandedRidge(np.ones(10)), X, {"alphas": (1e-3, 1e3, "log-uniform")}),
        (KernelRidge(kernel=ARD), X, {"kernel__length_scale": (1.0, 100.0, "log-uniform")}),
        (ARDKernelRidge(), X, {**ALPHA, "length_scales": (1.0, 100.0, "log-uniform")}),
        (ARDKernelRidge(0.1, np.full(10, 5.0)), X, {"length_scales": (1.0, 100.0, "log-uniform")}),
        (ARDKernelRidge(), X, ALPHA),
    ],
)
@pytest.mark.parametrize("scoring", ["neg_mean_squared_error", "neg_mean_absolute_error"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.fast_cases(2)
def test_scores_and_gradients(estimator, X, space, scoring, weighted):
    given = {"sample_weight": np.linspace(0.5, 2, 60)} if weighted else {}
    search = GradientSearchCV(estimator, space, scoring=scoring, cv=LeaveOneOut(), n_iter=2)
    search.fit(X, y, **given)

    def loss(params):
        model = clone(estimator).set_params(**params)
        return -cross_val_score(model, X, y, scoring=scoring, cv=LeaveOneOut(), params=given)

    trial = search.history_[1]
    np.testing.assert_allclose(-trial.scores, loss(trial.params), rtol=1e-6, atol=1e-8)
    rng = np.random.default_rng(0)
    steps = {n: 1e-5 * v * rng.normal(size=np.shape(v)) for n, v in trial.params.items()}
    up = {n: v + steps[n] for n, v in trial.params.items()}
    down = {n: v - steps[n] for n, v in trial.params.items()}
    expected = loss(up).mean() - loss(down).mean()
    found = 2 * sum(np.sum(trial.gradient[n] * steps[n]) for n in steps)
    assert found == pytest.approx(expected, rel=1e-4)


def test_one_fit_serves_all_folds():
    search = GradientSearchCV(
        Ridge(), ALPHA, scoring="neg_mean_squared_error", cv=LeaveOneOut(), random_state=0
    )
    assert search.fit(X, y).n_splits_ == 60
    # With a scaler the statistics are of the fold: then there are n fits.
    pipeline = make_pipeline(StandardScaler(), Ridge())
    space = {f"ridge__{name}": spec for name, spec in ALPHA.items()}
    scaled = clone(search).set_params(estimator=pipeline, search_spaces=space, n_iter=3).fit(X, y)
    np.testing.assert_allclose(
        scaled.history_[0].scores,
        cross_val_score(
            clone(pipeline).set_params(**scaled.history_[0].params),
            X,
            y,
            scoring="neg_mean_squared_error",
            cv=LeaveOneOut(),
        ),
        rtol=1e-8,
    )


def test_several_outputs_of_kernels():
    Y = np.column_stack([y, y**2])
    ard = ARDKernelRidge(length_scales={"a": 1.0, "b": 2.0}, bands={"a": [0, 1], "b": slice(2, 10)})
    space = {"length_scales": (1.0, 100.0, "log-uniform")}
    options = {"scoring": "neg_mean_squared_error", "cv": LeaveOneOut()}
    trial = GradientSearchCV(ard, space, n_iter=2, **options).fit(X, Y).history_[-1]
    scores = cross_val_score(clone(ard).set_params(**trial.params), X, Y, **options)
    np.testing.assert_allclose(trial.scores, scores, rtol=1e-8)


def test_several_outputs_and_an_alpha_for_each():
    Y = np.column_stack([y, y**2])
    search = GradientSearchCV(
        Ridge(alpha=np.ones(2)),
        ALPHA,
        scoring="neg_mean_squared_error",
        cv=LeaveOneOut(),
        random_state=0,
    ).fit(X, Y)
    for column in range(2):
        one = GradientSearchCV(
            Ridge(), ALPHA, scoring="neg_mean_squared_error", cv=LeaveOneOut(), random_state=0
        ).fit(X, Y[:, column])
        assert search.best_params_["alpha"][column] == pytest.approx(
            one.best_params_["alpha"], rel=0.1
        )


@pytest.mark.parametrize("alpha", [1e-10, 1e-6, 1e-3])
def test_small_penalties_with_more_features_than_samples(alpha):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 50)), rng.normal(size=20)
    search = GradientSearchCV(
        Ridge(),
        {"alpha": (1e-12, 1e3, "log-uniform")},
        initial_points={"alpha": alpha},
        scoring="neg_mean_squared_error",
        cv=LeaveOneOut(),
        n_iter=1,
    ).fit(X, y)
    expected = cross_val_score(
        Ridge(alpha=alpha, solver="svd"), X, y, scoring="neg_mean_squared_error", cv=LeaveOneOut()
    )
    np.testing.assert_allclose(search.history_[0].scores, expected, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_scores_that_one_sample_may_not_have():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 4)), np.abs(rng.normal(size=30))
    search = GradientSearchCV(
        Ridge(), ALPHA, scoring="neg_mean_poisson_deviance", cv=LeaveOneOut(), n_iter=2
    ).fit(X, y)
    assert np.isnan(search.history_[0].scores).any()
