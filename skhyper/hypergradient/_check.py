"""Check of hypergradients by central differences of scikit-learn's own CV loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv

from skhyper._readonly import private_copy
from skhyper._sklearn import safe_split
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._elementwise import STENCIL
from skhyper.hypergradient._losses import Criterion, criterion_of
from skhyper.hypergradient._rules import hypergradient
from skhyper.space import as_vector, is_vector, like
from skhyper.space._ranges import is_number


@dataclass(frozen=True)
class HypergradientCheck:
    """Result of :func:`check_hypergradient`.

    Attributes
    ----------
    criterion : str
        Description of the differentiated criterion.
    gradient : dict
        The hypergradient: a number or an array for each name.
    directional : ndarray of shape (n_directions,)
        Derivatives along the random directions, from the hypergradient.
    differences : ndarray of shape (n_directions,)
        Derivatives along the same directions, by central differences.
    errors : ndarray of shape (n_directions,)
        Absolute difference of the two, relative to the norm of the hypergradient.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import check_hypergradient
    >>> check = check_hypergradient(Ridge(), *load_diabetes(return_X_y=True))
    >>> sorted(check.gradient), check.max_error < 1e-6
    (['alpha'], True)
    """

    criterion: str
    gradient: Mapping[str, Any]
    directional: np.ndarray
    differences: np.ndarray
    errors: np.ndarray

    @property
    def max_error(self) -> float:
        """The largest relative error."""
        return float(self.errors.max())


def check_hypergradient(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    names: Sequence[str] | None = None,
    scoring: Any = None,
    cv: Any = 3,
    fit_params: Mapping[str, Any] | None = None,
    n_directions: int = 3,
    step: float = 1e-3,
    rtol: float = 1e-5,
    tighten: bool = True,
    random_state: int = 0,
) -> HypergradientCheck:
    """Check the hypergradient of an estimator at its current hyperparameters.

    Along random directions, the directional derivative of the mean CV loss from the
    hypergradient is compared with central differences of the loss of scikit-learn's own fits.

    Parameters
    ----------
    estimator : estimator
        The check is made at its hyperparameters, which must be positive numbers, or arrays or
        dicts of numbers.
    X, y : array-like
        Data.
    names : sequence of str, default=None
        Hyperparameters to differentiate; by default all that can be.
    scoring : str or callable, default=None
        Score to differentiate, through its surrogate loss if it is not smooth; by default the
        estimator's own.
    cv : int, splitter or iterable, default=3
        Cross-validation splitter.
    fit_params : dict, default=None
        Metadata for ``fit``, split with the folds: ``{"sample_weight": w}``.
    n_directions : int, default=3
        Number of random directions.
    step : float, default=1e-3
        Relative step of the differences. Where they disagree with the hypergradient, further
        steps from a hundredth to ten times of it are tried, and the best is used: a long step may
        cross a kink, and a short one is dominated by the noise of the solver.
    rtol : float, default=1e-5
        Largest accepted relative error.
    tighten : bool, default=True
        Whether to tighten `tol` and `max_iter` of the estimator and of nested estimators, so
        that differences of fits are accurate.
    random_state : int, default=0
        Seed of the directions.

    Returns
    -------
    check : HypergradientCheck

    Raises
    ------
    AssertionError
        If a relative error is larger than `rtol`.
    NotDifferentiableError
        If none of the hyperparameters can be differentiated.

    Notes
    -----
    Differences are of order 4, ``(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12 h``. At a kink
    (absolute errors, the lasso) there is no derivative: check at other hyperparameters.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import check_hypergradient
    >>> X, y = load_diabetes(return_X_y=True)
    >>> check_hypergradient(Ridge(alpha=0.1), X, y).max_error < 1e-7
    True
    """
    estimator = _tightened(estimator) if tighten else clone(estimator)
    own = estimator.get_params(deep=True)
    folds = _Folds(estimator, X, y, scoring, cv, fit_params or {})
    names = _checked_names(estimator, names, own, folds.criterion)
    gradient = folds.gradient({name: own[name] for name in names})
    rng = np.random.default_rng(random_state)
    slopes = np.concatenate([as_vector(gradient[name]) for name in names])
    center = np.concatenate([as_vector(own[name]) for name in names])
    scale = np.where(center == 0, 1.0, np.abs(center))
    directions = rng.standard_normal((n_directions, len(center)))
    directions *= scale / np.linalg.norm(directions, axis=1, keepdims=True)

    def loss(vector: np.ndarray) -> float:
        return folds.loss(_rebuilt(names, own, vector))

    found, refused = None, ""
    for length in (step, step / 10, step * 10, step / 100):
        try:
            differences = _differences(loss, center, directions * length) / length
        except ValueError as error:  # step to an invalid value
            refused = str(error)
            continue
        # Error of the differences from rounding alone; not counted.
        noise = 16 * np.finfo(float).eps * abs(folds.level) / length
        size = max(float(np.linalg.norm(slopes * scale)), float(np.abs(differences).max()), 1e-300)
        errors = np.maximum(np.abs(directions @ slopes - differences) - noise, 0.0) / size
        now = HypergradientCheck(
            folds.criterion.description, gradient, directions @ slopes, differences, errors
        )
        found = now if found is None or now.max_error < found.max_error else found
        if found.max_error <= rtol:
            return found
    raise _failure(estimator, names, found, rtol, refused)


def _failure(
    estimator: Any, names: list[str], found: HypergradientCheck | None, rtol: float, refused: str
) -> Exception:
    if found is None:
        return hg.NotDifferentiableError(
            f"Differences need values on both sides of those of {names}: {refused}"
        )
    return AssertionError(
        f"The hypergradient of {estimator!r} is off by {found.max_error:.2g} of its norm, more "
        f"than rtol={rtol:g}: along random directions it gives {found.directional}, differences "
        f"of the {found.criterion} give {found.differences}."
    )


def _checked_names(
    estimator: Any, names: Sequence[str] | None, own: Mapping[str, Any], criterion: Criterion
) -> list[str]:
    """Names to differentiate: by default those with numeric values."""
    problem = hg.inner_problem(estimator)
    usable = [n for n in problem.names if n.rpartition("__")[2] not in criterion.depends_on]
    if names is None:
        names = [name for name in usable if is_vector(own[name]) or is_number(own[name])]
    unknown = [name for name in names if name not in usable]
    if unknown or not names:
        raise hg.NotDifferentiableError(
            f"{type(estimator).__name__} has no hypergradient with respect to {unknown} for the "
            f"{criterion.description}; it has one with respect to {usable}, if they are numbers. "
            f"{problem.traits.why_not}".rstrip()
        )
    return list(names)


def _differences(
    loss: Callable[[np.ndarray], float], center: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Change of the loss along each step, from its derivative."""
    return np.array(
        [sum(c * loss(center + k * step) for k, c in STENCIL.items()) for step in steps]
    )


def _rebuilt(names: Sequence[str], own: Mapping[str, Any], vector: np.ndarray) -> dict[str, Any]:
    """Hyperparameters with the numbers of `vector`, in the shapes of `own`."""
    ends = np.cumsum([len(as_vector(own[name])) for name in names])[:-1]
    return {name: like(own[name], part) for name, part in zip(names, np.split(vector, ends))}


def _is_forward(estimator: Any) -> bool:
    try:
        return hg.inner_problem(estimator).traits.is_forward
    except hg.NotDifferentiableError:
        return False


def _tightened(estimator: Any) -> Any:
    """Clone with tightened solver tolerances, nested estimators included.

    Unchanged where the steps of training are differentiated: a tolerance is part of the model.
    """
    estimator = clone(estimator)
    tight: dict[str, Any] = {}
    params = {"": estimator, **estimator.get_params(deep=True)}
    for name, value in params.items():
        owner, _, last = name.rpartition("__")
        if _is_forward(params.get(owner)):
            continue
        if last == "tol" and isinstance(value, float):
            tight[name] = min(value, 1e-12)
        elif last == "max_iter" and isinstance(value, int) and value > 0:
            tight[name] = max(value, 100_000)
        elif last == "decision_function_shape":
            tight[name] = "ovo"  # the votes in "ovr" have derivative 0
        elif last == "solver" and value == "lbfgs":  # its noise is about 1e-6
            tight[name] = "newton-cholesky"
    return estimator.set_params(**tight)


class _Folds:
    """Mean loss over folds, and its hypergradient."""

    def __init__(
        self, estimator: Any, X: Any, y: Any, scoring: Any, cv: Any, fit_params: Mapping[str, Any]
    ):
        self._estimator = estimator
        self._scorer = check_scoring(estimator, scoring)
        self.criterion: Criterion = criterion_of(self._scorer, estimator)
        self._folds = []
        splitter = check_cv(cv, y, classifier=is_classifier(estimator))
        for train, test in splitter.split(X, y):
            parts = (
                safe_split(estimator, X, y, train),
                safe_split(estimator, X, y, test, train),
                {name: np.asarray(value)[train] for name, value in fit_params.items()},
            )
            self._folds.append(parts)

    def gradient(self, params: Mapping[str, Any]) -> dict[str, Any]:
        total = {name: np.zeros_like(as_vector(value)) for name, value in params.items()}
        for (X_train, y_train), (X_test, y_test), fit_params in self._folds:
            y_train = hg.as_target(self._estimator, y_train)
            fit = hg.inner_problem(self._estimator).load(X_train, y_train, **fit_params).fit(params)
            loss = self.criterion.on(y_test, classes=getattr(fit.estimator, "classes_", None))
            _, gradient = hypergradient(fit, X_test, self.criterion.method, loss, params)
            for name, value in gradient.items():
                total[name] += as_vector(value) / len(self._folds)
        return {name: like(value, total[name]) for name, value in params.items()}

    def loss(self, params: Mapping[str, Any]) -> float:
        """Mean loss of scikit-learn's own fits."""
        losses = []
        for (X_train, y_train), (X_test, y_test), fit_params in self._folds:
            fold = hg.PlainProblem(self._estimator).load(X_train, y_train, **fit_params)
            fitted, X_test = fold.fit(params).estimator, private_copy(X_test)
            if self.criterion.exact:
                losses.append(-self._scorer(fitted, X_test, y_test))
            else:
                output: Callable = getattr(fitted, self.criterion.method)
                loss = self.criterion.on(y_test, classes=getattr(fitted, "classes_", None))
                losses.append(loss(output(X_test))[0])
        self.level = float(np.mean(losses))
        return self.level
