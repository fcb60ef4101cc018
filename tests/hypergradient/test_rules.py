"""The implicit rule on a problem whose solution is known: w = θ² y̅, prediction θ w."""

import numpy as np
import pytest
from hypergradient.problems import Session, target
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from skhyper import GradientSearchCV
from skhyper.hypergradient import (
    Cotangents,
    Fit,
    NotDifferentiableError,
    Output,
    Want,
    finite_output,
    forward_vjp,
    hypergradient,
    implicit_vjp,
    inner_problem,
)
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier
from skhyper.linear_model import BandedLogisticRegression, BandedRidge, WeightedElasticNet
from skhyper.neural_network import MLPClassifier, MLPRegressor


class Squares(Fit):
    """``G = w - θ² mean(y)``; the prediction ``θ w`` depends on θ directly too."""

    def __init__(self, theta, mean):
        self.theta, self.mean, self.w = theta, mean, theta**2 * mean

    estimator = None

    def predict(self, X, method):
        def direct(d, want):
            return self.theta * d.sum(), Cotangents({"theta": self.w * d.sum()})

        def cross(u, want):
            return Cotangents({"theta": -u * 2 * self.theta * self.mean})

        value = np.full(len(X), self.theta * self.w)
        return Output(value, implicit_vjp(direct, lambda dw: dw, cross))


def test_direct_and_implicit_parts_add_up():
    fit = Squares(1.5, 2.0)
    # L = Σ_i (θ³ · 2)² over four samples, dL/dθ = 4 · 2 · (2 θ³) · 6 θ².
    value, gradient = hypergradient(
        fit, np.zeros(4), "predict", lambda p: (float(p @ p), 2 * p), ["theta"]
    )
    assert value == pytest.approx(4 * (2 * 1.5**3) ** 2)
    assert gradient == {"theta": pytest.approx(8 * 2 * 1.5**3 * 6 * 1.5**2)}


def test_a_name_that_is_forgotten_is_said():
    fit = Squares(1.5, 2.0)
    with pytest.raises(NotDifferentiableError, match=r"\['forgotten'\]"):
        hypergradient(
            fit, np.zeros(4), "predict", lambda p: (float(p @ p), 2 * p), ["theta", "forgotten"]
        )


ESTIMATORS = {
    "real": [
        Ridge(),
        Lasso(alpha=0.1),
        HuberRegressor(),
        LinearSVR(loss="squared_epsilon_insensitive"),
        SVR(gamma=0.1),
        KernelRidge(kernel="rbf", gamma=0.1),
        GaussianProcessRegressor(optimizer=None, alpha=0.1),
        TransformedTargetRegressor(Ridge()),
        make_pipeline(Nystroem(gamma=0.1, n_components=5, random_state=0), Ridge()),
        WeightedElasticNet(alpha=0.1),
        BandedRidge(),
        ARDKernelRidge(),
        MLPRegressor(max_iter=2),
    ],
    "binary": [
        RidgeClassifier(),
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LinearSVC(),
        SVC(gamma=0.1),
        OneVsRestClassifier(LogisticRegression()),
        BandedLogisticRegression(),
        ARDKernelRidgeClassifier(),
        MLPClassifier(max_iter=2),
    ],
    "positive": [PoissonRegressor(), GammaRegressor(), TweedieRegressor(power=1.5)],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("kind", "estimator"),
    [(kind, estimator) for kind, several in ESTIMATORS.items() for estimator in several],
    ids=lambda v: type(v).__name__,
)
def test_nan_and_infinity_fail_as_in_scikit_learn_and_print_nothing(kind, estimator, bad, capfd):
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = target(X, kind)
    X[3, 1] = bad
    own = estimator.get_params()
    name = next(n for n in inner_problem(estimator).names if isinstance(own[n], float))
    # The row is in the test fold, in the training fold, in neither.
    a, b = np.arange(20), np.arange(20, 40)
    folds = [(b, a), (a, b), (b[:15], b[15:])]
    search = GradientSearchCV(estimator, {name: (0.1, 1.0)}, cv=folds, n_iter=1, refit=False)
    results = search.fit(X, y).cv_results_
    ours = [results[f"split{k}_test_score"][0] for k in range(3)]
    at = clone(estimator).set_params(**results["params"][0])
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(cross_val_score(at, X, y, cv=folds)))
    assert np.isnan(ours).sum() == 2
    search.set_params(error_score="raise")
    for part in (folds[:1], folds[1:]):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            search.set_params(cv=part).fit(X, y)
    assert "On entry" not in "".join(capfd.readouterr())


def test_output_that_is_not_finite():
    problem = Session(Ridge())
    problem.load(np.eye(3), np.arange(3.0))
    problem.fit({})
    with pytest.raises(ValueError, match="contains NaN or infinity"):
        finite_output(problem.fitted, np.full((2, 3), np.nan), "predict")


def test_steps_of_training_are_differentiated():
    # n steps of w ← w - η (w - 1) from 0
    w = slope = 0.0
    for _ in range(5):
        residual = w - 1
        slope -= residual + 0.3 * slope
        w -= 0.3 * residual
    vjp = forward_vjp(lambda d, want: (d, Cotangents({})), lambda dw, want: {"rate": dw * slope})
    w = 1 - 0.7**5
    assert vjp(2 * w, Want(["rate"])).params == {"rate": pytest.approx(2 * w * 5 * 0.7**4)}
