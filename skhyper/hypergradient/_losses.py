"""Validation losses with their derivatives by the predictions.

A scorer of scikit-learn that is smooth (almost everywhere) becomes the loss ``-score``, equal
to it to rounding. For one that is not, such as accuracy, a smooth *surrogate* stands in.

Notation
--------
m, K : number of samples, of classes or outputs
y : true target;  p : prediction, probabilities or decision values
w : weight of each sample, summing to 1
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax, xlogy
from sklearn import metrics
from sklearn.base import is_classifier
from sklearn.svm import SVC

from skhyper._sklearn import scorer_parts

__all__ = ["Criterion", "criterion_of", "log_marginal_likelihood"]

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
_TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Criterion:
    """What is minimised for a scorer.

    Attributes
    ----------
    description : str
        In words.
    exact : bool
        Whether it is minus the score; else a surrogate of it.
    method : str
        Method of the estimator whose output the loss is a function of.
    depends_on : tuple of str
        Hyperparameters that are in the loss itself, which is then not differentiated by them.
    least : float
        What a model without errors has: relative changes are those of the distance from it.
        0 where there is no such value.
    """

    description: str
    exact: bool
    method: str
    _make: Callable[..., Loss]
    depends_on: tuple[str, ...] = ()
    least: float = 0.0

    def on(self, y: Any, sample_weight: Any = None, classes: Any = None) -> Loss:
        """The loss on one validation fold.

        Parameters
        ----------
        y : array-like of shape (m,) or (m, K)
            Classes may be a column, as scorers take them.
        sample_weight : array-like of shape (m,), default=None
        classes : ndarray of shape (K,), default=None
            The fitted classifier's.

        Returns
        -------
        loss : callable
            From predictions to the loss and its derivative, of the predictions' shape.
        """
        y = np.asarray(y)
        if classes is not None and y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        w = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        if not w.sum() > 0:
            raise ValueError("All sample weights of a test fold are zero.")
        return self._make(y, w / w.sum(), classes)


def criterion_of(
    scorer: Any, estimator: Any, methods: Collection[str] = ("predict", "predict_proba")
) -> Criterion:
    """The criterion for a scorer: minus the score where that is smooth, else a surrogate.

    Parameters
    ----------
    scorer : callable
        As ``sklearn.metrics.check_scoring`` returns it.
    estimator : estimator
        The one that is scored; its last step is what has a default score.
    methods : collection of str, default=("predict", "predict_proba")
        What can be differentiated: of a score that needs more there is a surrogate.
    """
    parts = scorer_parts(scorer)
    if parts is None:
        default = _default_criterion(_last_step(estimator))
        return (
            default
            if default is not None
            else _surrogate("accuracy_score" if is_classifier(estimator) else "score", estimator)
        )
    function, sign, kwargs = parts
    if function is log_marginal_likelihood:
        description = "-log marginal likelihood of a training sample"
        return Criterion(description, True, function.__name__, _minus)
    name = getattr(function, "__name__", repr(scorer))
    # A loss that was passed as a score is maximised: its sign says so.
    if function in _CLASSIFICATION and sign == -1 and not set(kwargs) - {"labels"}:
        if "predict_proba" not in methods:
            return _surrogate(name, estimator)
        return Criterion(name, True, "predict_proba", _CLASSIFICATION[function])
    if is_classifier(estimator):
        return _surrogate(name, estimator)
    try:
        make = _REGRESSION[function](**kwargs)
    except (KeyError, TypeError):
        return _surrogate(name, estimator)
    relative = function in _GREATER_IS_BETTER
    if (sign == 1) != relative:
        return _surrogate(name, estimator)
    return Criterion(f"{'-' * relative}{name}", True, "predict", make, least=-1.0 * relative)


def _last_step(estimator: Any) -> Any:
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def log_marginal_likelihood(estimator: Any, X: Any = None, y: Any = None) -> float:
    """The evidence of a Gaussian process, for each of its training samples: a scorer.

    Parameters
    ----------
    estimator : GaussianProcessRegressor, or Pipeline that ends with one
        Fitted.
    X, y : ignored
        What a scorer is called with; the evidence is that of the training data.

    Returns
    -------
    score : float
        ``log_marginal_likelihood_value_`` over the number of training samples.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skhyper.hypergradient import check_hypergradient, log_marginal_likelihood
    >>> X, y = load_diabetes(return_X_y=True)
    >>> process = GaussianProcessRegressor(alpha=0.1, optimizer=None, normalize_y=True)
    >>> check = check_hypergradient(process, X, y, scoring=log_marginal_likelihood)
    >>> check.max_error < 1e-7
    True
    """
    process = _last_step(estimator)
    if not hasattr(process, "log_marginal_likelihood_value_"):
        raise TypeError(
            "log_marginal_likelihood scores a fitted GaussianProcessRegressor; got "
            f"{type(process).__name__}."
        )
    return float(process.log_marginal_likelihood_value_) / len(process.y_train_)


def _minus(y: np.ndarray, w: np.ndarray, classes: Any) -> Loss:
    """Minus the one number that the estimator's method returns."""
    return lambda output: (-float(output[0]), -np.ones(1))


def _default_criterion(estimator: Any) -> Criterion | None:
    """The criterion for the estimator's own ``score``."""
    score = getattr(type(estimator), "score", None)
    module = getattr(score, "__module__", "")
    if module.startswith("sklearn.linear_model._glm"):
        power = {"PoissonRegressor": 1.0, "GammaRegressor": 2.0}.get(
            type(estimator).__name__, getattr(estimator, "power", None)
        )
        if power is None:
            return None
        make = partial(_relative, partial(_tweedie, power=power))
        return Criterion("-D2 of the deviance", True, "predict", make, ("power",), least=-1.0)
    if module == "sklearn.base" and not is_classifier(estimator):
        return Criterion("-r2_score", True, "predict", partial(_relative, _squared), least=-1.0)
    return None


# ---- regression: a value and a derivative for each sample and output


def _squared(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r = p - y
    return r * r, 2 * r


def _absolute(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.abs(p - y), np.sign(p - y)


def _pinball(y: np.ndarray, p: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    r = y - p
    return np.maximum(alpha * r, (alpha - 1) * r), np.where(r > 0, -alpha, (1 - alpha) * (r < 0))


def _percentage(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = 1 / np.maximum(np.abs(y), np.finfo(float).eps)
    return np.abs(p - y) * scale, np.sign(p - y) * scale


def _squared_log(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.any(p <= -1):
        raise ValueError("The squared logarithmic error needs predictions above -1.")
    r = np.log1p(p) - np.log1p(y)
    return r * r, 2 * r / (1 + p)


def _tweedie(y: np.ndarray, p: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit deviance and its derivative ``2 (p - y) / p^power``."""
    if power == 0:
        return _squared(y, p)
    if np.any(p <= 0):
        raise ValueError(f"The deviance of power {power:g} needs positive predictions.")
    if power == 1:
        value = 2 * (xlogy(y, y / p) - y + p)
    elif power == 2:
        value = 2 * (np.log(p / y) + y / p - 1)
    else:
        a, b = 1 - power, 2 - power
        value = 2 * (np.maximum(y, 0) ** b / (a * b) - y * p**a / a + p**b / b)
    return value, 2 * (p - y) * p**-power


def _columns(y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Target and weights as float columns, (m, K) and (m, 1)."""
    return np.asarray(y, dtype=float).reshape(len(y), -1), w[:, None]


def _mean(
    pointwise: Callable, y: np.ndarray, w: np.ndarray, classes: Any, root: bool = False
) -> Any:
    """Mean of a pointwise loss over samples (its root, if asked for), then over outputs."""
    Y, W = _columns(y, w)

    def loss(output: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = pointwise(Y, output.reshape(Y.shape))
        means, d = (W * value).sum(axis=0), W * slope
        if root:
            means = np.sqrt(means)
            d = d / (2 * np.maximum(means, _TINY))
        return float(means.mean()), (d / Y.shape[1]).reshape(output.shape)

    return loss


def _relative(pointwise: Callable, y: np.ndarray, w: np.ndarray, classes: Any) -> Loss:
    """The loss over that of the best constant, less 1: minus R², D²."""
    Y, W = _columns(y, w)
    null = (W * pointwise(Y, np.broadcast_to((W * Y).sum(axis=0), Y.shape))[0]).sum(axis=0)
    # Of a constant target rounding may leave something: it is no scale.
    counted = Y[w > 0]
    usable = (counted.max(axis=0) > counted.min(axis=0)) & (null > 0)

    def loss(output: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = pointwise(Y, output.reshape(Y.shape))
        mean = (W * value).sum(axis=0)
        # As scikit-learn has it for a constant target: 1 where it is met, 0 where not.
        score = np.where(usable, 1 - mean / np.where(usable, null, 1), mean == 0)
        d = np.where(usable, W * slope / np.where(usable, null, 1), 0.0) / Y.shape[1]
        return -float(score.mean()), d.reshape(output.shape)

    return loss


_GREATER_IS_BETTER = {metrics.r2_score, metrics.d2_tweedie_score}
# Each entry takes the scorer's keywords, and fails on one that changes what it computes.
_REGRESSION: dict[Any, Callable] = {
    metrics.mean_squared_error: lambda: partial(_mean, _squared),
    metrics.root_mean_squared_error: lambda: partial(_mean, _squared, root=True),
    metrics.mean_absolute_error: lambda: partial(_mean, _absolute),
    metrics.mean_absolute_percentage_error: lambda: partial(_mean, _percentage),
    metrics.mean_squared_log_error: lambda: partial(_mean, _squared_log),
    metrics.root_mean_squared_log_error: lambda: partial(_mean, _squared_log, root=True),
    metrics.mean_pinball_loss: lambda alpha=0.5: partial(_mean, partial(_pinball, alpha=alpha)),
    metrics.mean_poisson_deviance: lambda: partial(_mean, partial(_tweedie, power=1.0)),
    metrics.mean_gamma_deviance: lambda: partial(_mean, partial(_tweedie, power=2.0)),
    metrics.mean_tweedie_deviance: lambda power=0.0: partial(_mean, partial(_tweedie, power=power)),
    metrics.r2_score: lambda: partial(_relative, _squared),
    metrics.d2_tweedie_score: lambda power=0.0: partial(_relative, partial(_tweedie, power=power)),
}


# ---- classification


def _one_hot(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Indicators (m, K) of the classes."""
    return (y[:, None] == classes).astype(float)


def _checked_one_hot(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Indicators (m, K) of the classes, to which all samples must belong."""
    hot = _one_hot(y, classes)
    missing = hot.sum(axis=1) == 0
    if missing.any():
        which = y[missing].tolist()[0]
        raise ValueError(f"The class {which!r} is in a test fold and not in its training.")
    return hot


def _log_loss(y: np.ndarray, w: np.ndarray, classes: np.ndarray) -> Loss:
    T = _checked_one_hot(y, classes)

    def loss(P: np.ndarray) -> tuple[float, np.ndarray]:
        eps = np.finfo(P.dtype).eps
        clipped = np.clip((P * T).sum(axis=1), eps, 1 - eps)
        inside = (P * T).sum(axis=1) >= eps
        return -float(w @ np.log(clipped)), -T * (w * inside / clipped)[:, None]

    return loss


def _brier(y: np.ndarray, w: np.ndarray, classes: np.ndarray) -> Loss:
    T = _checked_one_hot(y, classes)
    half = 0.5 if len(classes) == 2 else 1.0

    def loss(P: np.ndarray) -> tuple[float, np.ndarray]:
        R = P - T
        return half * float(w @ (R * R).sum(axis=1)), 2 * half * w[:, None] * R

    return loss


_CLASSIFICATION: dict[Any, Callable] = {
    metrics.log_loss: _log_loss,
    metrics.brier_score_loss: _brier,
}


# ---- surrogates

# Scores in which every class counts alike, however many samples it has.
_BALANCED = {"balanced_accuracy_score", "roc_auc_score", "average_precision_score"}


def _surrogate(name: str, estimator: Any) -> Criterion:
    if not is_classifier(estimator):
        return Criterion(
            f"mean_squared_error in place of {name}", False, "predict", partial(_mean, _squared)
        )
    balanced = name in _BALANCED
    what = "class-balanced " * balanced + "log-loss of the calibrated decision values"
    paired = isinstance(_last_step(estimator), SVC)
    make = partial(_calibrated_log_loss, balanced=balanced, paired=paired)
    return Criterion(f"{what} in place of {name}", False, "decision_function", make)


def class_pairs(n_classes: int) -> list[tuple[int, int]]:
    """Pairs of classes in the order in which SVC has its machines."""
    return [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]


def _calibrated_log_loss(
    y: np.ndarray, w: np.ndarray, classes: np.ndarray, balanced: bool, paired: bool
) -> Loss:
    """Log-loss of ``softmax(A f + b)`` with the best A and b for these samples (Platt 1999).

    Decision values have no scale of their own (those of an SVM grow with C), and scores such
    as accuracy do not see it. At the best A and b the derivative by f needs no more than
    their values (envelope theorem). Targets are smoothed as Platt has it, so that A stays
    finite where the classes are separated. Decisions of pairs of classes (`paired`) are added
    up, so that each class has one. Samples of other classes, which every model gets wrong, are
    left out.
    """
    T = _one_hot(y, classes)
    known = T.any(axis=1)
    if not known.all():
        if not w[known].sum() > 0:
            raise ValueError("No sample of a test fold is of a class of its training.")
        w = w * known / w[known].sum()
    sums = np.eye(len(classes))
    if paired and len(classes) > 2:
        sums = np.array([sums[i] - sums[j] for i, j in class_pairs(len(classes))])
    if balanced:
        share = T.T @ w
        w = w / np.where(share > 0, share, 1)[T.argmax(axis=1)]
        w = w / w.sum()
    counts = T.sum(axis=0)
    low = 1 / (counts.sum() - counts + len(classes))
    high = (counts + 1) / (counts + len(classes))
    S = T * high + (1 - T) * low
    S /= S.sum(axis=1, keepdims=True)
    start = [np.zeros(0)]

    def loss(f: np.ndarray) -> tuple[float, np.ndarray]:
        F = np.column_stack([np.zeros(len(f)), f]) if f.ndim == 1 else f @ sums
        scale = max(float(np.abs(F - F.mean(axis=0)).mean()), _TINY)
        value, A, Z = _calibrate(F / scale, S, w, start)
        d = A / scale * w[:, None] * (softmax(Z, axis=1) - S)
        return value, d[:, 1] if f.ndim == 1 else d @ sums.T

    return loss


def _calibrate(
    F: np.ndarray, S: np.ndarray, w: np.ndarray, start: list[np.ndarray]
) -> tuple[float, float, np.ndarray]:
    """Least log-loss over ``A >= 0`` and b; A and ``A F + b`` with it."""
    K = F.shape[1]
    if not len(start[0]):
        start[0] = np.concatenate([[1.0], np.zeros(K)])

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        Z = v[0] * F + v[1:]
        R = w[:, None] * (softmax(Z, axis=1) - S)
        value = -float((w[:, None] * S * log_softmax(Z, axis=1)).sum())
        return value, np.concatenate([[(R * F).sum()], R.sum(axis=0)])

    bounds = [(0.0, None)] + [(None, None)] * K
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 200}
    found = minimize(
        objective, start[0], jac=True, bounds=bounds, method="L-BFGS-B", options=options
    )
    start[0] = v = _newton(found.x, F, S, w) if found.x[0] > 0 else found.x
    return objective(v)[0], float(v[0]), v[0] * F + v[1:]


def _newton(v: np.ndarray, F: np.ndarray, S: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Two steps more, to where the envelope theorem holds to rounding."""
    for _ in range(2):
        P = softmax(v[0] * F + v[1:], axis=1)
        wP, R = w[:, None] * P, w[:, None] * (P - S)
        spread = F - (P * F).sum(axis=1, keepdims=True)
        H = np.empty((len(v), len(v)))
        H[0, 0] = (wP * spread * F).sum()
        H[0, 1:] = H[1:, 0] = (wP * spread).sum(axis=0)
        H[1:, 1:] = np.diag(wP.sum(axis=0)) - P.T @ wP
        g = np.concatenate([[(R * F).sum()], R.sum(axis=0)])
        new = v - np.linalg.lstsq(H, g, rcond=1e-12)[0]
        if not new[0] > 0:
            return v
        v = new
    return v


def sigmoid_pull_back(z: np.ndarray, d_proba: np.ndarray) -> np.ndarray:
    """From ``∂L/∂(1-p, p)`` with ``p = sigmoid(z)`` to ``∂L/∂z``, (m,)."""
    p = expit(z)
    return p * (1 - p) * (d_proba[:, 1] - d_proba[:, 0])


def softmax_pull_back(Z: np.ndarray, d_proba: np.ndarray) -> np.ndarray:
    """From ``∂L/∂P`` with ``P = softmax(Z)`` to ``∂L/∂Z``, (m, K)."""
    P = softmax(Z, axis=1)
    return P * (d_proba - (P * d_proba).sum(axis=1, keepdims=True))
