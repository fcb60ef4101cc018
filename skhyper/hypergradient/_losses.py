"""Validation losses, and their derivatives with respect to predictions.

A scikit-learn scorer that is smooth (almost everywhere) becomes the loss ``-score``, equal to it
to rounding. Scores that are not smooth, such as accuracy, are replaced by a *surrogate loss*.

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

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
_TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Criterion:
    """Loss that is minimized for a scorer.

    Attributes
    ----------
    description : str
        Description in words.
    exact : bool
        Whether the loss is minus the score; else it is a surrogate.
    method : str
        Method of the estimator whose output the loss takes.
    depends_on : tuple of str
        Hyperparameters in the loss itself, which are then not differentiated.
    least : float
        Loss of a model without errors, from which relative changes of the loss are measured; 0
        where there is no such value.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.metrics import get_scorer
    >>> from skhyper.hypergradient import criterion_of
    >>> criterion = criterion_of(get_scorer("neg_mean_squared_error"), Ridge())
    >>> criterion.description, criterion.exact
    ('mean_squared_error', True)
    >>> loss = criterion.on([1.0, 2.0])
    >>> loss(np.array([1.0, 4.0]))
    (2.0, array([0., 2.]))
    """

    description: str
    exact: bool
    method: str
    _make: Callable[..., Loss]
    depends_on: tuple[str, ...] = ()
    least: float = 0.0

    def on(self, y: Any, sample_weight: Any = None, classes: Any = None) -> Loss:
        """Loss on one validation fold.

        Parameters
        ----------
        y : array-like of shape (m,) or (m, K)
            Classes may be a column, as in scorers.
        sample_weight : array-like of shape (m,), default=None
        classes : ndarray of shape (K,), default=None
            Classes of the fitted classifier.

        Returns
        -------
        loss : callable
            Maps predictions to the loss and its derivative, in the shape of the predictions.
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
    """Criterion for a scorer: minus the score if that is smooth, else a surrogate loss.

    Parameters
    ----------
    scorer : callable
        From ``sklearn.metrics.check_scoring``.
    estimator : estimator
        The scored estimator; its last step determines a default score.
    methods : collection of str, default=("predict", "predict_proba")
        Methods that can be differentiated; a score of any other has a surrogate.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import get_scorer
    >>> from skhyper.hypergradient import criterion_of
    >>> criterion_of(get_scorer("neg_log_loss"), LogisticRegression()).description
    'log_loss'
    >>> criterion_of(get_scorer("accuracy"), LogisticRegression()).description
    'log-loss of the calibrated decision values in place of accuracy_score'
    """
    parts = scorer_parts(scorer)
    if parts is None:
        name = "accuracy_score" if is_classifier(estimator) else "score"
        return _default_criterion(_last_step(estimator)) or _surrogate(name, estimator)
    function, sign, kwargs = parts
    if function is log_marginal_likelihood:
        description = "-log marginal likelihood of a training sample"
        return Criterion(description, True, function.__name__, _minus)
    name = getattr(function, "__name__", repr(function))
    # The sign shows that a loss was passed as a score, which is then maximized.
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
    """Scorer: evidence of a Gaussian process, divided by the number of training samples.

    Parameters
    ----------
    estimator : GaussianProcessRegressor, or Pipeline that ends with one
        Fitted.
    X, y : ignored
        For compatibility with scorers; the evidence is that of the training data.

    Returns
    -------
    score : float
        ``log_marginal_likelihood_value_`` divided by the number of training samples.

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
    """Minus the single number returned by the estimator's method."""
    return lambda output: (-float(output[0]), -np.ones(1))


def _default_criterion(estimator: Any) -> Criterion | None:
    """Criterion for the estimator's own ``score``."""
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


# ---- regression: value and derivative for each sample and output


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
    """Mean of a pointwise loss over samples (or its root), then over outputs."""
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
    """Loss divided by that of the best constant, less 1: minus R², D²."""
    Y, W = _columns(y, w)
    null = (W * pointwise(Y, np.broadcast_to((W * Y).sum(axis=0), Y.shape))[0]).sum(axis=0)
    # For a constant target this may be a rounding error, which is not a valid scale.
    counted = Y[w > 0]
    usable = (counted.max(axis=0) > counted.min(axis=0)) & (null > 0)

    def loss(output: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = pointwise(Y, output.reshape(Y.shape))
        mean = (W * value).sum(axis=0)
        # As in scikit-learn for a constant target: 1 for perfect predictions, else 0.
        score = np.where(usable, 1 - mean / np.where(usable, null, 1), mean == 0)
        d = np.where(usable, W * slope / np.where(usable, null, 1), 0.0) / Y.shape[1]
        return -float(score.mean()), d.reshape(output.shape)

    return loss


_GREATER_IS_BETTER = {metrics.r2_score, metrics.d2_tweedie_score}
# Entries accept the scorer's keywords and raise for those that change what it computes.
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


def _one_hot(y: np.ndarray, classes: np.ndarray, strict: bool = True) -> np.ndarray:
    """Indicators (m, K) of the classes; unless not `strict`, raises for samples of others."""
    hot = (y[:, None] == classes).astype(float)
    missing = hot.sum(axis=1) == 0
    if strict and missing.any():
        which = y[missing].tolist()[0]
        raise ValueError(f"The class {which!r} is in a test fold but not in its training fold.")
    return hot


def _log_loss(y: np.ndarray, w: np.ndarray, classes: np.ndarray) -> Loss:
    T = _one_hot(y, classes)

    def loss(P: np.ndarray) -> tuple[float, np.ndarray]:
        eps = np.finfo(P.dtype).eps
        clipped = np.clip((P * T).sum(axis=1), eps, 1 - eps)
        inside = (P * T).sum(axis=1) >= eps
        return -float(w @ np.log(clipped)), -T * (w * inside / clipped)[:, None]

    return loss


def _brier(y: np.ndarray, w: np.ndarray, classes: np.ndarray) -> Loss:
    T = _one_hot(y, classes)
    half = 0.5 if len(classes) == 2 else 1.0

    def loss(P: np.ndarray) -> tuple[float, np.ndarray]:
        R = P - T
        return half * float(w @ (R * R).sum(axis=1)), 2 * half * w[:, None] * R

    return loss


_CLASSIFICATION: dict[Any, Callable] = {
    metrics.log_loss: _log_loss,
    metrics.brier_score_loss: _brier,
}


# ---- surrogate losses

# Scores in which all classes have equal weight, whatever their numbers of samples.
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
    """Pairs of classes in the order of SVC's machines."""
    return [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]


def _calibrated_log_loss(
    y: np.ndarray, w: np.ndarray, classes: np.ndarray, balanced: bool, paired: bool
) -> Loss:
    """Log-loss of ``softmax(A f + b)`` with the best A and b for these samples (Platt 1999).

    Decision values have an arbitrary scale (those of an SVM grow with C), to which scores such as
    accuracy are invariant. By the envelope theorem, the derivative with respect to f is that at
    fixed A and b. Targets are smoothed as in Platt (1999), so that A stays finite for separated
    classes. Decision values of pairs of classes (`paired`) are summed, one sum for each class.
    Samples of classes unknown to the model, always misclassified, are left out.
    """
    T = _one_hot(y, classes, strict=False)
    known = T.any(axis=1)
    if not known.all():
        if not w[known].sum() > 0:
            raise ValueError("A test fold has no sample of any class of its training fold.")
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
    """Minimizer of the log-loss over ``A >= 0`` and b: A, and ``A F + b``."""
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
    """Two Newton steps, after which the envelope theorem holds to rounding."""
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


def probability_pull_back(Z: np.ndarray, d_proba: np.ndarray) -> np.ndarray:
    """Pull-back of ``∂L/∂P`` with ``P = softmax(Z)`` to ``∂L/∂Z``, (m, K).

    If K is 1, P is (1 - p, p) with ``p = sigmoid(Z)``.
    """
    if Z.shape[1] == 1:
        p = expit(Z)
        return p * (1 - p) * (d_proba[:, 1:] - d_proba[:, :1])
    P = softmax(Z, axis=1)
    return P * (d_proba - (P * d_proba).sum(axis=1, keepdims=True))
