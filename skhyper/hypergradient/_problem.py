"""What an estimator has to answer so that its hyperparameters can be differentiated.

Training minimises ``F(w, θ)`` over the parameters ``w``, so that at the solution
``G(w, θ) = ∂F/∂w = 0``. A validation loss ``L`` then depends on the hyperparameters ``θ``
through the predictions, directly and by way of ``w``; by the implicit function theorem

    dL/dθ = ∂L/∂θ - uᵀ ∂G/∂θ,    with u = H⁻ᵀ ∂L/∂w,  H = ∂G/∂w.

An *inner problem* answers the questions in this formula for one estimator on the training
data of one fold, and lives as long as the fold: what settings share, it computes once.

Notation
--------
n, m : number of training samples, of samples to predict
w : solution of the training problem, any shape the problem likes
θ : hyperparameters, by name; a number or an array
u, dw : like w;  d_output : like the predictions;  dX : like the data that were predicted
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from functools import partial, singledispatch
from inspect import getattr_static
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import column_or_1d

from skhyper._readonly import with_copies, with_protected

__all__ = [
    "InnerProblem",
    "LeftOut",
    "NotDifferentiableError",
    "PlainProblem",
    "as_target",
    "check_not_overridden",
    "fitted_clone",
    "inner_problem",
]

Gradient = dict[str, Any]


class NotDifferentiableError(ValueError):
    """An estimator, a setting or a fold has no hypergradient; the message says why.

    Parameters
    ----------
    message : str
    names : collection of str, default=()
        Hyperparameters without which there would be one, if that is known.
    """

    def __init__(self, message: str = "", names: Collection[str] = ()):
        super().__init__(message)
        self.names = tuple(names)


class LeftOut(NamedTuple):
    """Predictions of each training sample by the model of the others.

    Attributes
    ----------
    predictions : ndarray of shape (n,) or (n, n_outputs)
    pull_back : callable
        From ``∂L/∂predictions`` to ``dL/dθ`` by name.
    """

    predictions: np.ndarray
    pull_back: Callable[[np.ndarray], Gradient]


class InnerProblem(ABC):
    """One estimator, and the questions its hypergradient is made of.

    A subclass is made by ``inner_problem(estimator)``, before any training. For each fold
    ``load`` is called once; then, for each setting, ``fit``, ``predict``, ``pull_back``,
    ``solve`` and ``cross`` in this order. Each of them may rely on the ones before it.

    Parameters
    ----------
    estimator : estimator
        Unfitted; never changed.

    Attributes
    ----------
    names : tuple of str
        Hyperparameters that can be differentiated, given the estimator's other settings.
        Empty where there are none.
    methods : tuple of str
        What ``predict`` can be asked for.
    why_not : str
        Where a hyperparameter that one would expect is missing from `names`: the reason.
    wanted : collection of str or None
        Set by who asks: the `names` whose derivatives will be read, None for all. A problem
        may leave out the others.
    inputs_wanted : bool
        Set by who asks: whether derivatives by the data, `dX` and ``cross_inputs``, will be
        read. A problem may leave them out (None) where not.
    worth_keeping : bool
        Whether the next setting gains from what the last one has computed. If not, the problem
        and the fold's data are let go after each setting, which saves memory.
    is_exact : bool
        Whether the fitted estimator is the exact solution, so that it predicts what ``predict``
        does.
    noise : float
        The part of a loss that settings next to each other may differ by, for a solver that ends
        early. Descents do not look for less.
    one_valley : bool
        Whether the criterion by one hyperparameter has its minima side by side: beyond a rise
        that is more than small, there is no better one. Restarts then keep to the valley,
        which matters where fits beyond it are dear.
    passes_inputs : bool
        Whether derivatives by the data can be had, so that what stands before the estimator
        can be differentiated.
    """

    names: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("predict", "predict_proba", "decision_function")
    why_not: str = ""
    wanted: Collection[str] | None = None
    inputs_wanted: bool = False
    is_exact: bool = False
    noise: float = 0.0
    one_valley: bool = False

    def __init__(self, estimator: Any):
        self.estimator = estimator

    @property
    def worth_keeping(self) -> bool:
        return True

    @property
    def passes_inputs(self) -> bool:
        return type(self).cross_inputs is not InnerProblem.cross_inputs

    @abstractmethod
    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        """Take the fold's training data, and what ``fit`` gets with them.

        They are kept for all settings: a search makes arrays read-only.
        """

    @abstractmethod
    def fit(self, params: Mapping[str, Any]) -> Any:
        """The fitted estimator at a setting, as scikit-learn would fit it."""

    @abstractmethod
    def predict(self, X: Any, method: str) -> np.ndarray:
        """Output of ``method`` ("predict", "predict_proba" or "decision_function").

        At the exact solution: where the estimator's solver stops early, the problem goes on.
        """

    @abstractmethod
    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        """Derivatives of a loss whose derivative by the last ``predict`` is `d_output`.

        Returns
        -------
        dw : array
            ``∂L/∂w``.
        direct : dict
            ``∂L/∂θ`` with w held fixed; names without an entry have none.
        dX : ndarray of shape (m, p) or None
            ``∂L/∂X`` of the data predicted; None where that is not supported.
        """

    @abstractmethod
    def solve(self, dw: Any) -> Any:
        """``u = H⁻ᵀ dw``."""

    @abstractmethod
    def cross(self, u: Any) -> Gradient:
        """``uᵀ ∂G/∂θ`` for each name."""

    def cross_inputs(self, u: Any) -> np.ndarray | None:
        """``uᵀ ∂G/∂X``, shape (n, p), by the training data; None where not supported."""
        return None

    def leave_one_out(self) -> "LeftOut | None":
        """Predictions of each training sample without it, where they have a closed form."""
        return None


@singledispatch
def inner_problem(estimator: Any) -> InnerProblem:
    """The inner problem of an estimator, by its class.

    Third parties add theirs by ``inner_problem.register(TheirEstimator, TheirProblem)``.

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
        If none is registered for the class of the estimator, or for a base whose ``fit`` and
        predictions it keeps.
    """
    raise NotDifferentiableError(f"{type(estimator).__name__} has no hypergradient.")


def check_not_overridden(estimator: Any, base: type, *methods: str) -> None:
    """Check that a subclass fits and predicts as the class that the formulas are of.

    Raises
    ------
    NotDifferentiableError
        If it has methods of its own.
    """
    # Statically: a method that is available under a condition is a new object at each look.
    own = [m for m in methods if getattr_static(type(estimator), m) is not getattr_static(base, m)]
    if own:
        raise NotDifferentiableError(
            f"{type(estimator).__name__} overrides {own[0]!r} of {base.__name__}: register an "
            "inner problem of its own."
        )


def as_target(estimator: Any, y: Any) -> Any:
    """The target that `estimator` is fitted on: for a classifier a column is a vector.

    Warns
    -----
    DataConversionWarning
        As scikit-learn's classifiers do, where it is a column.
    """
    column = np.ndim(y) == 2 and np.shape(y)[1] == 1
    return column_or_1d(y, warn=True) if column and is_classifier(estimator) else y


class PlainProblem(InnerProblem):
    """An estimator without hypergradients: it is fitted and predicts, and that is all."""

    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        self._data, self._fit_params = (X, y), fit_params

    def fit(self, params: Mapping[str, Any]) -> Any:
        # It may be anybody's, and write to what it gets.
        fit = partial(_unfitted(self.estimator, params).fit, **self._fit_params)
        self._fitted = with_copies(fit, *self._data)
        return self._fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        if method == "decision_function" and not hasattr(self._fitted, method):
            P = self._fitted.predict_proba(X)
            return np.log(np.maximum(P, np.finfo(float).tiny))
        return getattr(self._fitted, method)(X)

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        return None, {}, None

    def solve(self, dw: Any) -> Any:
        return dw

    def cross(self, u: Any) -> Gradient:
        return {}


def fitted_clone(estimator: Any, params: Mapping[str, Any], X: Any, y: Any, **fit_params: Any):
    """A clone with the setting, fitted: what ``fit`` of most problems returns."""
    return with_protected(partial(_unfitted(estimator, params).fit, **fit_params), X, y)


def _unfitted(estimator: Any, params: Mapping[str, Any]) -> Any:
    return clone(estimator).set_params(**clone(dict(params), safe=False))
