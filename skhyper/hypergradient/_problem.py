"""Interface through which the hyperparameters of an estimator are differentiated.

A *problem* belongs to an estimator; it knows which names can be differentiated, but no data.
``load`` returns its *fold*, with the training data; this is the only object with a cache.
``fold.fit(params)`` returns a *fit*, which holds the estimator that is scored;
``fit.predict(X, method)`` returns an *output*: a value and its vector-Jacobian product (VJP), from
the derivative of a loss L with respect to the value to those with respect to the hyperparameters
θ, the training data and the data predicted.

Training minimizes ``F(w, θ)`` over the parameters ``w``, so that at the solution
``G(w, θ) = ∂F/∂w = 0``. L depends on θ through the predictions, directly and through ``w``; by
the implicit function theorem

    dL/dθ = ∂L/∂θ - uᵀ ∂G/∂θ,    with u = H⁻ᵀ ∂L/∂w,  H = ∂G/∂w,

and likewise for the training data. This formula is :func:`implicit_vjp`.

Notation
--------
n, m : number of training samples, of samples to predict
w : solution of the training problem, of any shape
θ : hyperparameters, by name; a number or an array
u, dw : like w;  d_value : like the predictions;  dX : like the data
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial, singledispatch
from inspect import getattr_static
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import column_or_1d

from skhyper._numeric._data import as_weights, copy_rows
from skhyper._numeric._parts import SharedData
from skhyper._readonly import with_copies, with_protected

Gradient = dict[str, Any]


class NotDifferentiableError(ValueError):
    """An estimator, its hyperparameters or a fold have no hypergradient.

    Parameters
    ----------
    message : str
    names : collection of str, default=()
        Hyperparameters that cannot be differentiated; without them there would be a hypergradient.
        Empty if unknown.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from skhyper.hypergradient import inner_problem
    >>> inner_problem(KNeighborsRegressor())
    Traceback (most recent call last):
    skhyper.hypergradient._problem.NotDifferentiableError: KNeighborsRegressor has no hypergradient.
    """

    def __init__(self, message: str = "", names: Collection[str] = ()):
        super().__init__(message)
        self.names = tuple(names)


# ---- outputs and their derivatives


class Want(NamedTuple):
    """Derivatives requested from a VJP, which may omit all others.

    Attributes
    ----------
    names : collection of str
        Hyperparameters.
    data : bool
        Whether to include those with respect to the training data and the data predicted.

    Examples
    --------
    >>> from skhyper.hypergradient import Want
    >>> Want(["alpha"])
    Want(names=['alpha'], data=False)
    """

    names: Collection[str]
    data: bool = False


class Cotangents(NamedTuple):
    """Derivatives of a loss with respect to the inputs of an output.

    Attributes
    ----------
    params : dict
        With respect to the hyperparameters, by name: a float, an array of the
        hyperparameter's shape, or a dict of its keys.
    X_train, X_test : ndarray or None
        With respect to the training data and the data predicted; None if not requested or not
        supported.

    Examples
    --------
    >>> from skhyper.hypergradient import Cotangents
    >>> Cotangents({"alpha": 0.5})
    Cotangents(params={'alpha': 0.5}, X_train=None, X_test=None)
    """

    params: Gradient
    X_train: np.ndarray | None = None
    X_test: np.ndarray | None = None


VJP = Callable[[np.ndarray, Want], Cotangents]


@dataclass(frozen=True)
class Output:
    """Predictions with their vector-Jacobian product.

    Attributes
    ----------
    value : ndarray of shape (m,) or (m, K)
    vjp : callable
        ``vjp(d_value, want)`` takes ``∂L/∂value`` and a :class:`Want`, and returns
        :class:`Cotangents`.

    Examples
    --------
    The prediction ``2 * scale`` for one sample:

    >>> import numpy as np
    >>> from skhyper.hypergradient import Cotangents, Output, Want
    >>> output = Output(np.array([2.0]), lambda d_value, want: Cotangents({"scale": 2 * d_value}))
    >>> output.vjp(np.array([3.0]), Want(["scale"])).params
    {'scale': array([6.])}
    """

    value: np.ndarray
    vjp: VJP


def implicit_vjp(
    direct: Callable[[np.ndarray, Want], tuple[Any, Cotangents]],
    solve: Callable[[Any], Any],
    cross: Callable[[Any, Want], Cotangents],
) -> VJP:
    """VJP of an output by the implicit function theorem.

    Parameters
    ----------
    direct : callable
        From ``∂L/∂value`` to ``∂L/∂w``, and the cotangents at fixed w.
    solve : callable
        From ``∂L/∂w`` to ``u = H⁻ᵀ ∂L/∂w``.
    cross : callable
        From u to ``uᵀ ∂G/∂θ`` and ``uᵀ ∂G/∂X_train``, as cotangents.

    Returns
    -------
    vjp : callable

    References
    ----------
    Bengio (2000), "Gradient-based optimization of hyperparameters", Neural Computation 12.
    Pedregosa (2016), "Hyperparameter optimization with approximate gradient",
    arXiv:1602.02355.

    Examples
    --------
    Training minimizes ``(w - θ)² / 2``, and the prediction is w, so that its derivative is 1:

    >>> import numpy as np
    >>> from skhyper.hypergradient import Cotangents, Want, implicit_vjp
    >>> vjp = implicit_vjp(
    ...     direct=lambda d_value, want: (d_value, Cotangents({})),
    ...     solve=lambda dw: dw,  # H = 1
    ...     cross=lambda u, want: Cotangents({"theta": -float(u[0])}),  # ∂G/∂θ = -1
    ... )
    >>> vjp(np.array([1.0]), Want(["theta"])).params
    {'theta': 1.0}
    """

    def vjp(d_value: np.ndarray, want: Want) -> Cotangents:
        dw, held = direct(d_value, want)
        by_w = cross(solve(dw), want)
        names = {**held.params, **by_w.params}
        return Cotangents(
            {name: minus(held.params.get(name), by_w.params.get(name)) for name in names},
            None if by_w.X_train is None else minus(held.X_train, by_w.X_train),
            held.X_test,
        )

    return vjp


def minus(a: Any, b: Any) -> Any:
    """``a - b`` of numbers, arrays or dicts of numbers; None stands for 0."""
    if isinstance(a, Mapping) or isinstance(b, Mapping):
        keys = b if a is None else a
        return {k: minus((a or {}).get(k), (b or {}).get(k)) for k in keys}
    return (0.0 if a is None else a) - (0.0 if b is None else b)


# ---- problem -> fold -> fit


@dataclass(frozen=True)
class Traits:
    """Properties of a problem, known before any data.

    Attributes
    ----------
    why_not : str
        Reason why an expected hyperparameter is missing from `names`.
    solver_noise : float
        Relative error of the loss due to the solver's tolerance. Descents ignore smaller
        decreases.
    is_quasiconvex : bool
        Whether the criterion is (nearly) quasiconvex in each single hyperparameter: beyond a
        considerable increase there is no better value. Restarts then stay within that range, which
        saves expensive fits.
    passes_data : bool
        Whether VJPs give derivatives with respect to the data, so that the earlier steps of a
        pipeline can be differentiated.
    leaves_one_out : bool
        Whether fits may have leave-one-out predictions in closed form.
    is_forward : bool
        Whether the steps of training are differentiated rather than a solution: a tighter
        tolerance then changes the model.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import inner_problem
    >>> inner_problem(Ridge()).traits.passes_data
    True
    """

    why_not: str = ""
    solver_noise: float = 0.0
    is_quasiconvex: bool = False
    passes_data: bool = False
    leaves_one_out: bool = False
    is_forward: bool = False


class Fit(ABC):
    """A fitted estimator and its outputs; immutable.

    Attributes
    ----------
    estimator : estimator
        Fitted as by scikit-learn; used for scoring.
    is_exact : bool
        Whether the fitted estimator is the exact solution, so that its predictions are the
        values of ``predict``.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import inner_problem
    >>> X, y = load_diabetes(return_X_y=True)
    >>> fit = inner_problem(Ridge()).load(X[:400], y[:400]).fit({"alpha": 0.1})
    >>> fit.estimator
    Ridge(alpha=0.1)
    >>> fit.predict(X[400:], "predict").value.shape
    (42,)
    """

    estimator: Any
    is_exact: bool = False

    @abstractmethod
    def predict(self, X: Any, method: str) -> Output:
        """Output of ``method`` ("predict", "predict_proba" or "decision_function").

        At the exact solution, also where the estimator's own solver stops early.
        """

    def last_step(self, X: Any) -> tuple[Any, Any]:
        """The final model, and the data X as transformed for it."""
        return self.estimator, X

    def leave_one_out(self) -> Output | None:
        """Leave-one-out predictions of the training samples; None without a closed form."""
        return None


class Fold(ABC):
    """A problem with the training data of a fold, and the cache shared by its fits.

    Attributes
    ----------
    caches : bool
        Whether the next fit reuses results of earlier ones. If not, a search drops the fold
        after each fit, which saves memory.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import inner_problem
    >>> fold = inner_problem(Ridge()).load(*load_diabetes(return_X_y=True))
    >>> [fold.fit({"alpha": alpha}).estimator.alpha for alpha in (0.1, 1.0)]
    [0.1, 1.0]
    """

    caches: bool = True

    @abstractmethod
    def fit(self, params: Mapping[str, Any]) -> Fit:
        """Fit the estimator with hyperparameters set to `params`."""

    def trim(self) -> None:  # noqa: B027  (most have nothing to free)
        """Free memory that the next fit does not need, or can recompute cheaply."""


def _first_rows(X: Any, y: Any, n: int | None = None) -> tuple[Any, Any]:
    return (X, y) if n is None else (copy_rows(X, slice(n)), np.asarray(y)[:n])


def _nothing_shared() -> None: ...


@dataclass(frozen=True)
class TrainingPart:
    """Training data of a fold, as a part of the data of a search.

    Attributes
    ----------
    fit_params : dict
        Metadata of ``fit``.
    copied : callable
        ``copied()`` is the pair X, y as passed to ``load``; ``copied(n)`` its first n rows.
    fold : int
        Number of the fold in `shared`.
    shared : callable
        ``shared()`` is the pair of the shared data and the target of all folds; None
        if these are not a numerical table and target.
    scratch : callable or None
        ``scratch()`` is a new copy of X and y, which a fit may write to; None if the data of
        `copied` serve as well.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.hypergradient import TrainingPart
    >>> part = TrainingPart.of(np.ones((4, 2)), np.arange(4.0))
    >>> X, y = part.copied(3)
    >>> X.shape, y.shape
    ((3, 2), (3,))
    """

    fit_params: Mapping[str, Any]
    copied: Callable[..., tuple[Any, Any]]
    fold: int = 0
    shared: Callable[[], "tuple[SharedData, np.ndarray] | None"] = _nothing_shared
    scratch: Callable[[], tuple[Any, Any]] | None = None

    @classmethod
    def of(cls, X: Any, y: Any, **fit_params: Any) -> "TrainingPart":
        """A part that shares nothing."""
        return cls(fit_params, partial(_first_rows, X, y))

    def fitted(self, estimator: Any, params: Mapping[str, Any]) -> Any:
        """A clone with the hyperparameters, fitted by scikit-learn's own solver."""
        if self.scratch is None:
            return fitted_clone(estimator, params, *self.copied(), **self.fit_params)
        return unfitted(estimator, params).fit(*self.scratch(), **self.fit_params)


class InnerProblem(ABC):
    """Training problem of one estimator, without data.

    Parameters
    ----------
    estimator : estimator
        Unfitted; never changed.

    Attributes
    ----------
    names : tuple of str
        Hyperparameters that can be differentiated, given the values of the others; may be
        empty.
    methods : tuple of str
        Methods accepted by ``predict`` of a fit.
    traits : Traits
    inherits : tuple of str
        Methods that a subclass of the registered class may not override.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import InnerProblem, inner_problem
    >>> problem = inner_problem(Ridge())
    >>> isinstance(problem, InnerProblem), problem.names
    (True, ('alpha',))
    """

    names: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("predict", "predict_proba", "decision_function")
    traits: Traits = Traits()
    inherits: tuple[str, ...] = ()

    def __init__(self, estimator: Any):
        self.estimator = estimator
        check_inherited(estimator, inner_problem, self.inherits)

    @abstractmethod
    def load(self, X: Any, y: Any, **fit_params: Any) -> Fold:
        """The fold with the given training data and metadata of ``fit``.

        The data are shared by all fits: a search makes arrays read-only.
        """

    def load_part(self, part: TrainingPart) -> Fold:
        """The same as ``load``; by default of a copy of the training part."""
        return self.load(*part.copied(), **part.fit_params)


@singledispatch
def inner_problem(estimator: Any) -> InnerProblem:
    """Inner problem of an estimator, by its class.

    Third parties register theirs with ``inner_problem.register(TheirEstimator, TheirProblem)``.

    Parameters
    ----------
    estimator : estimator
        Unfitted.

    Returns
    -------
    problem : InnerProblem

    Raises
    ------
    NotDifferentiableError
        If none is registered for the class of the estimator, or for a base class whose ``fit``
        and predictions it inherits.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from skhyper.hypergradient import inner_problem
    >>> inner_problem(SVC(gamma=0.1)).names
    ('C', 'gamma')
    """
    raise NotDifferentiableError(f"{type(estimator).__name__} has no hypergradient.")


def check_inherited(estimator: Any, registered: Any, methods: Collection[str]) -> None:
    """``check_not_overridden`` for the class by which a single-dispatch function finds it."""
    if methods:
        base = next(cls for cls in type(estimator).__mro__ if cls in registered.registry)
        check_not_overridden(estimator, base, *methods)


def check_not_overridden(estimator: Any, base: type | None, *methods: str) -> None:
    """Raise NotDifferentiableError if a subclass overrides methods that the formulas hold for."""
    # Static lookup: conditionally available methods are new objects at each access.
    own = [m for m in methods if getattr_static(type(estimator), m) is not getattr_static(base, m)]
    if own and base is not None:
        raise NotDifferentiableError(
            f"{type(estimator).__name__} overrides {own[0]!r} of {base.__name__}: register an "
            "inner problem for it with inner_problem.register."
        )


# ---- estimators without derivatives


class PlainProblem(InnerProblem):
    """Problem of an estimator without hypergradients: only fits and predicts.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from skhyper.hypergradient import PlainProblem
    >>> X, y = load_diabetes(return_X_y=True)
    >>> problem = PlainProblem(KNeighborsRegressor())
    >>> problem.names
    ()
    >>> problem.load(X, y).fit({"n_neighbors": 3}).predict(X[:2], "predict").value.shape
    (2,)
    """

    def load(self, X: Any, y: Any, **fit_params: Any) -> Fold:
        return _PlainFold(self.estimator, X, y, fit_params)


@dataclass(frozen=True)
class _PlainFold(Fold):
    estimator: Any
    X: Any
    y: Any
    fit_params: Mapping[str, Any]

    def fit(self, params: Mapping[str, Any]) -> Fit:
        # Unknown third-party code may write to its input.
        fit = partial(unfitted(self.estimator, params).fit, **self.fit_params)
        return _PlainFit(with_copies(fit, self.X, self.y))


@dataclass(frozen=True)
class _PlainFit(Fit):
    estimator: Any

    def predict(self, X: Any, method: str) -> Output:
        return Output(self._value(X, method), lambda d_value, want: Cotangents({}))

    def _value(self, X: Any, method: str) -> np.ndarray:
        if method == "decision_function" and not hasattr(self.estimator, method):
            P = self.estimator.predict_proba(X)
            return np.log(np.maximum(P, np.finfo(float).tiny))
        return getattr(self.estimator, method)(X)


# ---- helpers


def as_target(estimator: Any, y: Any) -> Any:
    """The target that `estimator` is fitted on: for classifiers a column becomes a vector.

    Warns
    -----
    DataConversionWarning
        As in scikit-learn's classifiers, for a column.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.hypergradient import as_target
    >>> as_target(Ridge(), np.ones((3, 1))).shape  # only classifiers need a vector
    (3, 1)
    """
    column = np.ndim(y) == 2 and np.shape(y)[1] == 1
    return column_or_1d(y, warn=True) if column and is_classifier(estimator) else y


def template_of(estimator: Any, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Any:
    """A clone fitted on few samples, for the fitted attributes that do not depend on the others.

    It is fitted with `params` on two samples, or on one of each class (with positive weight).
    """
    y = np.asarray(y)
    rows: Any = slice(0, 2)
    if is_classifier(estimator):
        counted = np.flatnonzero(as_weights(sample_weight, len(y)))
        rows = counted[np.unique(y[counted], return_index=True)[1]]
    own = {name: getattr(estimator, name) for name in params}
    fitted = clone(estimator).set_params(**params).fit(copy_rows(X, rows), y[rows])
    return fitted.set_params(**own)


def fitted_clone(
    estimator: Any, params: Mapping[str, Any], X: Any, y: Any, **fit_params: Any
) -> Any:
    """A clone with the hyperparameters, fitted by scikit-learn's own solver."""
    return with_protected(partial(unfitted(estimator, params).fit, **fit_params), X, y)


def unfitted(estimator: Any, params: Mapping[str, Any]) -> Any:
    """A clone with the hyperparameters."""
    return clone(estimator).set_params(**clone(dict(params), safe=False))


def prefixed(step: str, gradient: Mapping[str, Any]) -> Gradient:
    """Gradient with names prefixed by that of the step."""
    return {f"{step}__{name}": value for name, value in gradient.items()}


def stripped(names: Collection[str], step: str) -> list[str]:
    """Names of a step's hyperparameters, without the prefix."""
    start = f"{step}__"
    return [name[len(start) :] for name in names if name.startswith(start)]
