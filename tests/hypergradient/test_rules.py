"""The implicit rule on a problem whose solution is known: w = θ² y̅, prediction θ w."""

import numpy as np
import pytest

from skhyper.hypergradient import InnerProblem, NotDifferentiableError, implicit_gradient


class Squares(InnerProblem):
    """``G = w - θ² mean(y)``; the prediction ``θ w`` depends on θ directly too."""

    names = ("theta", "forgotten")

    def load(self, X, y):
        self.mean = np.mean(y)

    def fit(self, params):
        self.theta = params["theta"]
        self.w = self.theta**2 * self.mean

    def predict(self, X, method):
        return np.full(len(X), self.theta * self.w)

    def pull_back(self, d_output):
        return self.theta * d_output.sum(), {"theta": self.w * d_output.sum()}, None

    def solve(self, dw):
        return dw

    def cross(self, u):
        return {"theta": -u * 2 * self.theta * self.mean}


def test_direct_and_implicit_parts_add_up():
    problem = Squares(None)
    problem.load(None, [1.0, 3.0])
    problem.fit({"theta": 1.5})
    # L = Σ_i (θ³ · 2)² over four samples, dL/dθ = 4 · 2 · (2 θ³) · 6 θ².
    value, gradient = implicit_gradient(
        problem, np.zeros(4), "predict", lambda p: (float(p @ p), 2 * p), ["theta"]
    )
    assert value == pytest.approx(4 * (2 * 1.5**3) ** 2)
    assert gradient == {"theta": pytest.approx(8 * 2 * 1.5**3 * 6 * 1.5**2)}
    assert problem.cross_inputs(1.0) is None


def test_a_name_that_is_forgotten_is_said():
    problem = Squares(None)
    problem.load(None, [1.0, 3.0])
    problem.fit({"theta": 1.5})
    with pytest.raises(NotDifferentiableError, match=r"\['forgotten'\]"):
        implicit_gradient(
            problem, np.zeros(4), "predict", lambda p: (float(p @ p), 2 * p), problem.names
        )


def _covered():
    """An estimator of each kind, by what its target is."""
    kernel = RBF()
    regressors = [
        Ridge(),
        Lasso(alpha=0.1),
        HuberRegressor(),
        LinearSVR(loss="squared_epsilon_insensitive"),
        SVR(gamma=0.1),
        KernelRidge(kernel="rbf", gamma=0.1),
        GaussianProcessRegressor(kernel, optimizer=None, alpha=0.1),
        TransformedTargetRegressor(Ridge()),
        make_pipeline(Nystroem(gamma=0.1, n_components=5, random_state=0), Ridge()),
        WeightedElasticNet(alpha=0.1),
        BandedRidge(),
        ARDKernelRidge(),
        MLPRegressor(max_iter=2),
        MultiOutputRegressor(Ridge()),
    ]
    classifiers = [
        RidgeClassifier(),
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LinearSVC(),
        SVC(gamma=0.1),
        BandedLogisticRegression(),
        ARDKernelRidgeClassifier(),
        MLPClassifier(max_iter=2),
        OneVsRestClassifier(LogisticRegression()),
    ]
    counts = [PoissonRegressor(), GammaRegressor(), TweedieRegressor(power=1.5)]
    pairs = {"real": regressors, "binary": classifiers, "positive": counts}
    return [(kind, estimator) for kind, list_ in pairs.items() for estimator in list_]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("kind", "estimator"), _covered(), ids=repr)
def test_nan_and_infinity_fail_as_in_scikit_learn_and_print_nothing(kind, estimator, bad, capfd):
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = target(X, kind)
    X[3, 1] = bad
    if kind == "binary" and isinstance(estimator, OneVsRestClassifier):
        y = target(np.where(np.isfinite(X), X, 0), "classes")
    names = [n for n in inner_problem(estimator).names if isinstance(estimator.get_params()[n], float)]
    name = names[0]
    folds = [(np.r_[20:40], np.r_[0:20]), (np.r_[0:20], np.r_[20:40]), (np.r_[10:30], np.r_[30:40])]
    for cv in (folds, folds[::2]):
        search = GradientSearchCV(
            estimator, {name: (0.1, 1.0)}, cv=cv, n_iter=1, refit=False, random_state=0
        ).fit(X, y)
        (params,) = search.cv_results_["params"]
        own = clone(estimator).set_params(**params)
        expected = cross_val_score(own, X, y, cv=cv)
        ours = [search.cv_results_[f"split{k}_test_score"][0] for k in range(len(cv))]
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))
    assert "On entry" not in "".join(capfd.readouterr())
    raising = GradientSearchCV(estimator, {name: (0.1, 1.0)}, cv=folds, error_score="raise")
    with pytest.raises(ValueError, match="NaN|infinity"):
        raising.fit(X, y)


def test_output_that_is_not_finite():
    problem = inner_problem(Ridge())
    problem.load(np.eye(3), np.arange(3.0))
    problem.fit({})
    with pytest.raises(ValueError, match="contains NaN or infinity"):
        finite_output(problem, np.full((2, 3), np.nan), "predict")
