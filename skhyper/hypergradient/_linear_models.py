"""scikit-learn's linear models as training problems; see ``_linear`` for the notation."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils.class_weight import compute_class_weight

from skhyper._numeric._data import as_weights
from skhyper._numeric._families import (
    binomial,
    multinomial,
    squared_epsilon_insensitive,
    squared_hinge,
    tweedie,
)
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._linear import LinearFold, LinearProblem, Training

_WEIGHTED = "sample_weight" in inspect.signature(compute_class_weight).parameters


def _class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray, weight: Any) -> Any:
    """Weight of each class; "balanced" uses sample weights where scikit-learn does."""
    if class_weight is None:  # scikit-learn's function takes a tenth of the time of a small fit
        return np.ones(len(classes))
    extra = {"sample_weight": np.asarray(weight, float)} if _WEIGHTED and weight is not None else {}
    return compute_class_weight(class_weight, classes=classes, y=y, **extra)


def _signed(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """1 for the class of each column, -1 for all others; one column for two classes."""
    Y = np.where(y[:, None] == classes, 1.0, -1.0)
    return Y[:, 1:] if len(classes) == 2 else Y


def _penalties(
    fitted: Any, fold: LinearFold, ratio: float, liblinear: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """l2 and l1 penalties; liblinear has the intercept as the coefficient of one more feature."""
    q, p = fold.n_coefs, fold.n_features
    l2, l1 = np.full(q, 1 - ratio), np.full(q, ratio)
    l2[p:] *= liblinear / fitted.intercept_scaling**2
    l1[p:] *= liblinear / fitted.intercept_scaling
    return l2, l1


def _product_with(slope: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """``(u, V) -> uᵀ ∂G/∂θ`` from ``V -> ∂G/∂θ``."""
    return lambda u, V: float((u * slope(V)).sum())


def _by_C(fitted: Any, l2: np.ndarray, l1: np.ndarray) -> Callable:
    return _product_with(lambda V: -(l2[:, None] * V + l1[:, None] * np.sign(V)) / fitted.C)


@hg.inner_problem.register(LogisticRegression)
class LogisticProblem(LinearProblem):
    """LogisticRegression with respect to `C` and, with the elastic net, `l1_ratio`."""

    inherits = ("fit", "predict_proba", "decision_function")

    def __init__(self, estimator: LogisticRegression):
        super().__init__(estimator)
        if getattr(estimator, "multi_class", "deprecated") == "ovr":
            raise hg.NotDifferentiableError(
                "LogisticRegression(multi_class='ovr') fits one model for each class, which is not "
                "supported: leave the deprecated multi_class at its default."
            )
        self.penalizes_intercept = estimator.solver == "liblinear"
        penalty = getattr(estimator, "penalty", "deprecated")
        if penalty is None:
            self.traits = hg.Traits("LogisticRegression(penalty=None) has no C.", passes_data=True)
            return
        # From scikit-learn 1.8 on, l1_ratio alone determines the penalty.
        mixed = penalty == "elasticnet" or (penalty == "deprecated" and estimator.solver == "saga")
        self.names = ("C", "l1_ratio") if mixed else ("C",)
        if not mixed:
            why_not = "LogisticRegression has an l1_ratio with solver='saga' only."
            self.traits = hg.Traits(why_not, passes_data=True)

    def _l1_ratio(self, fitted: LogisticRegression) -> float:
        penalty = getattr(fitted, "penalty", "deprecated")
        if penalty in ("l1", "l2"):
            return float(penalty == "l1")
        return float(fitted.l1_ratio or 0.0)

    def training(self, fitted: LogisticRegression, fold: LinearFold) -> Training:
        y, classes, liblinear = fold.y, fitted.classes_, fitted.solver == "liblinear"
        if liblinear and len(classes) > 2:
            raise hg.NotDifferentiableError(
                "LogisticRegression(solver='liblinear') with more than two classes fits one "
                "model for each class; use another solver."
            )
        if getattr(fitted, "multi_class", "") == "multinomial" and len(classes) == 2:
            raise hg.NotDifferentiableError(
                "LogisticRegression(multi_class='multinomial') fits two classes by another model "
                "than the default: leave the deprecated multi_class at its default."
            )
        a = np.array(as_weights(fold.sample_weight, len(y)))
        weight = _class_weights(fitted.class_weight, classes, y, fold.sample_weight)
        a *= weight[np.searchsorted(classes, y)]
        l2, l1 = _penalties(fitted, fold, self._l1_ratio(fitted), liblinear)
        free = getattr(fitted, "penalty", "deprecated") is None or np.isinf(fitted.C)
        if free:
            l2, l1 = np.zeros_like(l2), np.zeros_like(l1)
        binary = len(classes) == 2
        Y = (y[:, None] == (classes[1:] if binary else classes)).astype(float)
        penalized = (l1 + l2 > 0)[:, None]
        by_ratio = _product_with(lambda V: penalized * (np.sign(V) - V))
        return Training(
            binomial if binary else multinomial,
            Y,
            a[:, None],
            1.0 if free else float(fitted.C),
            l2,
            l1,
            {"C": _by_C(fitted, l2, l1), "l1_ratio": by_ratio},
            fitted.tol,
        )


@hg.inner_problem.register(PoissonRegressor)
@hg.inner_problem.register(GammaRegressor)
@hg.inner_problem.register(TweedieRegressor)
class GLMProblem(LinearProblem):
    """Generalized linear models with respect to `alpha` and, for Tweedie's, `power`."""

    inherits = ("fit", "predict")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        tweedies = isinstance(estimator, TweedieRegressor)
        # At these powers the form of the deviance changes, and the link may too.
        by_power = tweedies and estimator.power not in (0, 1, 2) and estimator.power > 0
        self.names = ("alpha", "power") if by_power else ("alpha",)

    def _family(self, fitted: Any) -> tuple[float, bool]:
        """Power of the deviance, and whether the link is the logarithm."""
        if isinstance(fitted, TweedieRegressor):
            log_link = fitted.link == "log" or (fitted.link == "auto" and fitted.power > 0)
            return float(fitted.power), log_link
        return (1.0 if isinstance(fitted, PoissonRegressor) else 2.0), True

    def training(self, fitted: Any, fold: LinearFold) -> Training:
        a = as_weights(fold.sample_weight, len(fold.y))
        l2 = np.full(fold.n_coefs, float(fitted.alpha))
        l2[fold.n_features :] = 0.0
        penalized = (np.arange(len(l2)) < fold.n_features)[:, None]
        return Training(
            tweedie(*self._family(fitted)),
            np.asarray(fold.y, dtype=float)[:, None],
            a[:, None],
            1 / a.sum(),
            l2,
            np.zeros_like(l2),
            {"alpha": _product_with(lambda V: penalized * V)},
            fitted.tol,
        )

    def link(self, fitted: Any, Z: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        if not self._family(fitted)[1]:
            return super().link(fitted, Z, method)
        mean = np.exp(Z[:, 0])
        return mean, lambda d: (d * mean)[:, None]


@hg.inner_problem.register(LinearSVC)
class LinearSVCProblem(LinearProblem):
    """LinearSVC with the squared hinge loss, with respect to `C`."""

    names = ("C",)
    inherits = ("fit", "decision_function")
    penalizes_intercept = True

    def __init__(self, estimator: LinearSVC):
        super().__init__(estimator)
        if estimator.loss != "squared_hinge" or estimator.multi_class != "ovr":
            raise hg.NotDifferentiableError(
                "LinearSVC has a hypergradient with loss='squared_hinge' and multi_class='ovr'; "
                f"got {estimator!r}."
            )

    def training(self, fitted: LinearSVC, fold: LinearFold) -> Training:
        y, classes = fold.y, fitted.classes_
        Y = _signed(y, classes)
        weight = _class_weights(fitted.class_weight, classes, y, fold.sample_weight)
        a = as_weights(fold.sample_weight, len(y))[:, None]
        # With more than two classes liblinear applies class weights to the positive class only.
        a = a * (weight[np.searchsorted(classes, y)][:, None] if len(classes) == 2 else 1.0)
        a = a * np.where(Y > 0, weight, 1.0) if len(classes) > 2 else a
        l2, l1 = _penalties(fitted, fold, float(fitted.penalty == "l1"))
        by = {"C": _by_C(fitted, l2, l1)}
        return Training(squared_hinge, Y, a, float(fitted.C), l2, l1, by)


@hg.inner_problem.register(LinearSVR)
class LinearSVRProblem(LinearProblem):
    """LinearSVR with the squared loss, with respect to `C` and `epsilon`."""

    names = ("C", "epsilon")
    inherits = ("fit", "predict")
    penalizes_intercept = True

    def __init__(self, estimator: LinearSVR):
        super().__init__(estimator)
        if estimator.loss != "squared_epsilon_insensitive":
            raise hg.NotDifferentiableError(
                "LinearSVR has a hypergradient with loss='squared_epsilon_insensitive'; "
                f"got {estimator!r}."
            )

    def training(self, fitted: LinearSVR, fold: LinearFold) -> Training:
        l2, l1 = _penalties(fitted, fold, 0.0)
        return Training(
            squared_epsilon_insensitive(float(fitted.epsilon)),
            np.asarray(fold.y, dtype=float)[:, None],
            as_weights(fold.sample_weight, len(fold.y))[:, None],
            float(fitted.C),
            l2,
            l1,
            {"C": _by_C(fitted, l2, l1)},
        )


# Estimators with the solution that SGD approximates, by loss and whether there is an l1 penalty.
_SAME_AS_SGD = {
    ("log_loss", False): "LogisticRegression(C=1 / (alpha * n_samples))",
    (
        "log_loss",
        True,
    ): "LogisticRegression(solver='saga', C=1 / (alpha * n_samples), l1_ratio=...)",
    ("hinge", False): "SVC(kernel='linear', C=1 / (alpha * n_samples))",
    ("squared_hinge", False): "LinearSVC(C=1 / (alpha * n_samples))",
    ("squared_error", False): "Ridge(alpha=alpha * n_samples)",
    ("squared_error", True): "ElasticNet(alpha, l1_ratio=...)",
    ("epsilon_insensitive", False): "SVR(kernel='linear', C=1 / (alpha * n_samples))",
    ("squared_epsilon_insensitive", False): "LinearSVR(C=1 / (alpha * n_samples))",
}


@hg.inner_problem.register(SGDClassifier)
@hg.inner_problem.register(SGDRegressor)
def _refused(estimator: Any) -> hg.InnerProblem:
    name = type(estimator).__name__
    same = _SAME_AS_SGD.get((estimator.loss, estimator.penalty in ("l1", "elasticnet")))
    advice = f" {same} has the same solution, or nearly, and a hypergradient." if same else ""
    raise hg.NotDifferentiableError(
        f"{name} has no hypergradient: it stops before the solution, at a point that depends on "
        "the order of the samples, so its score is not a smooth function of alpha."
        f"{advice}"
    )
