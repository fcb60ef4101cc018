"""What is reported is scikit-learn's own: scores, and slopes by differences of its scores.

For each estimator of the table, data are drawn on which digits are easily lost: columns of scales
from 1e-8 to 1e8, powers of a raw variable, as many features as samples or more, several targets,
sample weights. To cover an estimator, add a row.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVR

from skhyper import GradientSearchCV
from skhyper.kernel import ARDKernelRidge
from skhyper.linear_model import BandedRidge

N, N_TRAIN = 36, 24
LOG = "log-uniform"
# What scikit-learn's solvers say of such data; the user hears of it as from any search.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*ll-conditioned matrix",
    "ignore:Singular matrix in solving dual problem",
    "ignore:.*is dominated by rounding",
    "ignore:The search overfits",
    "ignore:Fits of the estimator stopped before",
    "ignore:Objective did not converge",
    "ignore:lbfgs failed to converge",
    "ignore:Liblinear failed to converge",
    "ignore:Trials in a part of",
    "ignore:.* trials have scores and no gradient",
)


def scaled(X, rng):
    return X * 10 ** rng.uniform(-8, 8, size=X.shape[1])


def powers(rng, degree):
    return rng.uniform(0, 100, size=(N, 1)) ** np.arange(1, degree + 1)


DESIGNS = {
    "plain": lambda rng: rng.normal(size=(N, 5)),
    "scales": lambda rng: scaled(rng.normal(size=(N, 5)), rng),
    "a large column": lambda rng: rng.normal(size=(N, 3)) * [1e8, 1.0, 1.0],
    "powers": lambda rng: powers(rng, 5),
    "offset": lambda rng: rng.normal(size=(N, 4)) + 1e6,
    "equal columns": lambda rng: np.repeat(rng.normal(size=(N, 3)), 2, axis=1),
    "n - 1": lambda rng: rng.normal(size=(N, N_TRAIN - 1)),
    "n": lambda rng: rng.normal(size=(N, N_TRAIN)),
    "wide": lambda rng: rng.normal(size=(N, 50)),
    "wide, scales": lambda rng: scaled(rng.normal(size=(N, 50)), rng),
    "wide, large": lambda rng: 1e7 * rng.normal(size=(N, 50)),
    "float32": lambda rng: rng.normal(size=(N, 5)).astype(np.float32),
    "sparse": lambda rng: sparse.random(N, 12, density=0.4, random_state=0, format="csr"),
    "sparse, scales": lambda rng: sparse.csr_matrix(
        sparse.random(N, 6, density=0.5, random_state=0) @ sparse.diags(np.geomspace(1e-2, 1e2, 6))
    ),
}


@dataclass
class Covered:
    """An estimator and the candidates at which it is looked at.

    Attributes
    ----------
    space : dict
        Ranges; a candidate is drawn from them, and both ends are candidates.
    without : tuple of str
        Designs that are not for it.
    several : bool
        Whether it takes several targets.
    scoring : str
    exactly : float
        Largest relative difference of scores.
    weight : str
        What ``fit`` calls the sample weights.
    """

    estimator: Any
    space: dict
    without: tuple = ()
    several: bool = False
    scoring: str = "neg_mean_squared_error"
    exactly: float = 1e-8
    weight: str = "sample_weight"


ALPHA = {"alpha": (1e-8, 1e4, LOG)}
SPARSE = ("sparse", "sparse, scales")
TABLE = {
    "Ridge": Covered(Ridge(tol=1e-12), ALPHA, several=True),
    "Ridge, no intercept": Covered(Ridge(fit_intercept=False, tol=1e-12), ALPHA),
    "Ridge, svd": Covered(Ridge(solver="svd"), ALPHA, SPARSE),
    "Ridge, R2": Covered(Ridge(), ALPHA, SPARSE, scoring="r2"),
    "Ridge after a scaler": Covered(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": ALPHA["alpha"]},
        SPARSE,
        weight="ridge__sample_weight",
    ),
    "RidgeClassifier": Covered(RidgeClassifier(tol=1e-12), ALPHA, scoring="accuracy"),
    "BandedRidge": Covered(
        BandedRidge({"first": 1.0, "rest": 1.0}, {"first": [0], "rest": slice(1, None)}),
        {"alphas": (1e-8, 1e4, LOG)},
        several=True,
    ),
    "KernelRidge": Covered(
        KernelRidge(kernel="rbf"), {**ALPHA, "gamma": (1e-4, 1e0, LOG)}, ("scales",), several=True
    ),
    "KernelRidge, linear": Covered(KernelRidge(), ALPHA),
    "ARDKernelRidge": Covered(
        ARDKernelRidge(), {**ALPHA, "length_scales": (0.3, 1e2, LOG)}, SPARSE
    ),
    # On powers of a variable coordinate descent takes forever.
    "Lasso": Covered(
        Lasso(tol=1e-12, max_iter=5000), {"alpha": (1e-4, 1.0, LOG)}, ("powers",), exactly=1e-6
    ),
    "ElasticNet": Covered(
        ElasticNet(tol=1e-12, max_iter=5000),
        {"alpha": (1e-4, 1.0, LOG), "l1_ratio": (0.1, 0.5, LOG)},
        ("powers",),
        exactly=1e-6,
    ),
    "LogisticRegression": Covered(
        LogisticRegression(max_iter=500), {"C": (1e-3, 1e2, LOG)}, scoring="neg_log_loss"
    ),
    "LinearSVR": Covered(
        LinearSVR(loss="squared_epsilon_insensitive", dual=False),
        {"C": (1e-3, 1e2, LOG)},
        ("offset", "wide, large"),
    ),
    "HuberRegressor": Covered(
        HuberRegressor(), {"alpha": (1e-3, 1e2, LOG)}, (*SPARSE, "offset", "float32")
    ),
}
FAST = [("Ridge", design, False) for design in DESIGNS] + [
    ("Ridge", "powers", True),
    ("Ridge", "wide", True),
    ("Ridge after a scaler", "powers", False),
    ("RidgeClassifier", "powers", False),
    ("BandedRidge", "wide, large", True),
    ("KernelRidge", "powers", False),
    ("Lasso", "wide", False),
    ("Lasso", "wide, scales", False),
]
# The others with weights and without in turn.
SLOW = [
    (name, design, (i + j) % 2 == 1)
    for (i, name), (j, design) in product(enumerate(TABLE), enumerate(DESIGNS))
    if design not in TABLE[name].without
]
CASES = [pytest.param(*case, id="-".join(map(str, case))) for case in FAST] + [
    pytest.param(*case, id="-".join(map(str, case)), marks=pytest.mark.slow)
    for case in SLOW
    if case not in FAST
]


def target(X, several, classifier, rng):
    """A target that depends on all columns alike, with noise."""
    X = X.toarray() if sparse.issparse(X) else X
    columns = X / np.abs(X).max(axis=0)
    signal = columns @ rng.normal(size=(X.shape[1], 2))
    Y = signal / signal.std(axis=0) + 0.3 * rng.normal(size=(len(X), 2))
    if classifier:
        return np.where(Y[:, 0] > np.median(Y[:, 0]), "yes", "no")
    return Y if several else Y[:, 0]


def candidates(space, rng):
    """Both ends of the ranges and one within, on a scale of logarithms."""
    rows = []
    for share in (0.0, rng.uniform(0.2, 0.8), 1.0):
        rows.append({n: low ** (1 - share) * high**share for n, (low, high, _) in space.items()})
    return rows


def wide_space(row):
    """Ranges with room for differences at the ends of the row's own."""
    return {n: (low / 10, high * 10, prior) for n, (low, high, prior) in row.space.items()}


def as_given(estimator, params):
    """A candidate with a number for each band where the estimator has them."""
    own = estimator.get_params()
    return {
        n: dict.fromkeys(own[n], v) if isinstance(own[n], dict) else v for n, v in params.items()
    }


def searched(row, X, y, cv, given, points):
    """The trials at some candidates."""
    search = GradientSearchCV(
        clone(row.estimator),
        wide_space(row),
        n_iter=len(points),
        initial_points=[as_given(row.estimator, point) for point in points],
        scoring=row.scoring,
        cv=cv,
        refit=False,
        prior=None,
    ).fit(X, y, **given)
    assert len(search.history_) == len(points)
    return search.history_


@pytest.mark.parametrize(("name", "design", "weighted"), CASES)
def test_scores_and_slopes(name, design, weighted):
    row, rng = TABLE[name], np.random.default_rng(list(DESIGNS).index(design))
    X, classifier = DESIGNS[design](rng), is_classifier(row.estimator)
    y = target(X, row.several and weighted, classifier, rng)
    splitter = StratifiedKFold if classifier else KFold
    cv = splitter(3, shuffle=True, random_state=0)
    given = {row.weight: rng.uniform(0.5, 2, size=N)} if weighted else {}
    for trial in searched(row, X, y, cv, given, candidates(row.space, rng)):
        (theirs,) = own_scores(row, X, y, cv, given, [trial.params])
        np.testing.assert_allclose(trial.scores, theirs, rtol=row.exactly, atol=1e-300)
        if trial.gradient is not None and not classifier:
            check_slopes(row, X, y, cv, given, trial)


def own_scores(row, X, y, cv, given, points):
    """scikit-learn's scores of each fold, (n_points, n_folds)."""
    grid = [{n: [v] for n, v in point.items()} for point in points]
    search = GridSearchCV(clone(row.estimator), grid, scoring=row.scoring, cv=cv, refit=False)
    results = search.fit(X, y, **given).cv_results_
    return np.column_stack([results[f"split{k}_test_score"] for k in range(search.n_splits_)])


def check_slopes(row, X, y, cv, given, trial):
    """Directional derivative along the logarithms of all hyperparameters."""

    def moved(value, step):
        if isinstance(value, dict):
            return {key: moved(v, step) for key, v in value.items()}
        return float(value * np.exp(step))

    def along(gradient, value):
        if isinstance(value, dict):
            return sum(along(gradient[key], v) for key, v in value.items())
        return gradient * value

    slope = sum(along(trial.gradient[n], trial.params[n]) for n in trial.gradient)
    # Where scikit-learn's own solution is far from the exact one, it is the latter's slope.
    exact = abs(trial.criterion + trial.scores.mean()) <= 1e-6 * abs(trial.criterion)
    errors = []
    # The longer ones where rounding is large, the shortest one where there are kinks.
    for h in (1e-2, 1e-1, 3e-1, 1e-3):
        steps = [k * h for k in (-2, -1, 1, 2)]
        points = [{n: moved(v, step) for n, v in trial.params.items()} for step in steps]
        if exact:
            values = -own_scores(row, X, y, cv, given, points).mean(axis=1)
        else:
            values = np.array([t.criterion for t in searched(row, X, y, cv, given, points)])
        difference = np.dot([1, -8, 8, -1], values) / (12 * h)
        size = 1e-3 * max(abs(slope), abs(difference)) + 1e-5 * np.abs(values).mean()
        errors.append(abs(slope - difference) / size)
        if errors[-1] < 1:
            return
    raise AssertionError(f"{trial.params}: {slope} and {difference}, {errors}")


LEFT_OUT = [
    pytest.param(name, p, marks=() if p in (14, 15) else pytest.mark.slow)
    for name in ("Ridge", "BandedRidge")
    for p in (12, 13, 14, 15, 25)
]


@pytest.mark.parametrize(("name", "n_features"), LEFT_OUT)
def test_leave_one_out(name, n_features):
    row, rng, cv = TABLE[name], np.random.default_rng(n_features), LeaveOneOut()
    X = rng.normal(size=(15, n_features))
    y = target(X, False, False, rng)
    for trial in searched(row, X, y, cv, {}, candidates(row.space, rng)):
        (theirs,) = own_scores(row, X, y, cv, {}, [trial.params])
        atol = 1e-8 * np.abs(theirs).mean()
        np.testing.assert_allclose(trial.scores, theirs, rtol=row.exactly, atol=atol)
        if trial.gradient is not None:
            check_slopes(row, X, y, cv, {}, trial)
