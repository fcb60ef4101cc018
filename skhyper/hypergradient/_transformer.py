"""Interface through which a transformer is differentiated.

A transformer maps training data X to Z by statistics learned on X, and test data X' to Z' by the
same statistics. A *differentiable transformer* maps the derivatives of a loss with respect to Z
and Z' to those with respect to the transformer's hyperparameters, X and X', including the path
through the statistics.

Notation
--------
n, m : number of training samples, of test samples
X, Z : data before and after; training or test, as the name says
dZ : like Z, dense;  dX : like X, dense;  None stands for zeros
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import singledispatch
from typing import Any

import numpy as np
from scipy import sparse

from skhyper._readonly import with_copies, with_protected
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_inherited,
    unfitted,
)

Names = Collection[str]
Side = np.ndarray | None  # of the training or the test data
Pulled = tuple[Gradient, Side, Side]


class DifferentiableTransformer(ABC):
    """One transformer, on the training data of one fold.

    For each set of hyperparameters ``fit_transform`` is called, then ``transform``, then
    ``pull_back``. Earlier results stay in use, in shallow copies: set attributes anew, and do not
    change in place what they hold. For a transformer without nested ones, subclass
    :class:`LeafTransformer`, which leaves only ``pull_back`` to implement.

    Parameters
    ----------
    transformer : transformer
        Unfitted; never changed.

    Attributes
    ----------
    names : tuple of str
        Hyperparameters that can be differentiated, given the values of the others.
    passes_inputs : bool
        Whether ``pull_back`` gives derivatives with respect to the data, which earlier steps
        need.
    why_not : str
        Reason why an expected hyperparameter is missing from `names`.
    repeats : bool
        Whether ``transform`` of the training data equals the result of ``fit_transform``, to
        the last bit.
    inherits : tuple of str
        Methods that a subclass of the registered class may not override.
    fitted : transformer
        Set by ``fit_transform``; as scikit-learn would have fitted it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.kernel_approximation import Nystroem
    >>> from skhyper.hypergradient import transformer_vjp
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> vjp = transformer_vjp(Nystroem(gamma=0.1, n_components=5, random_state=0))
    >>> Z = vjp.fit_transform({"gamma": 0.2}, X)
    >>> gradient, dX_train, dX_test = vjp.pull_back(np.ones_like(Z), None, ["gamma"], True)
    >>> sorted(gradient), dX_train.shape
    (['gamma'], (30, 2))
    """

    names: tuple[str, ...] = ()
    passes_inputs: bool = True
    why_not: str = ""
    repeats: bool = False
    inherits: tuple[str, ...] = ()
    fitted: Any = None

    def __init__(self, transformer: Any):
        self.transformer = transformer
        check_inherited(transformer, transformer_vjp, self.inherits)

    @abstractmethod
    def fit_transform(
        self, params: Mapping[str, Any], X: Any, y: Any = None, **fit_params: Any
    ) -> Any:
        """Fit with the given hyperparameters and transform the training data."""

    @abstractmethod
    def transform(self, X: Any) -> Any:
        """Transform test data."""

    @abstractmethod
    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        """VJP: from derivatives with respect to the output to those with respect to the input.

        Parameters
        ----------
        dZ_train : ndarray of shape (n, q) or None
            Derivative of the loss with respect to the transformed training data.
        dZ_test : ndarray of shape (m, q) or None
            The same for the output of the last ``transform``.
        names : collection of str
            Hyperparameters to differentiate.
        inputs : bool
            Whether to compute `dX_train` and `dX_test`.

        Returns
        -------
        gradient : dict
            ``∂L/∂θ`` by name, without those of `names` that have no derivative.
        dX_train : ndarray of shape (n, p) or None
            Derivative with respect to the training data, including the effect of the
            statistics on the transformed test data.
        dX_test : ndarray of shape (m, p) or None
        """


class LeafTransformer(DifferentiableTransformer):
    """Base class for a transformer without nested ones.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from skhyper.hypergradient import LeafTransformer
    >>> class Scale(TransformerMixin, BaseEstimator):
    ...     def __init__(self, factor=1.0):
    ...         self.factor = factor
    ...     def fit(self, X, y=None):
    ...         return self
    ...     def transform(self, X):
    ...         return self.factor * X
    >>> class DifferentiableScale(LeafTransformer):
    ...     names = ("factor",)
    ...     def pull_back(self, dZ_train, dZ_test, names, inputs):
    ...         by_factor, dX = 0.0, [None, None]
    ...         for side, X, dZ in self.sides(dZ_train, dZ_test):
    ...             by_factor += (dZ * X).sum()
    ...             dX[side] = self.fitted.factor * dZ
    ...         return {"factor": by_factor}, *dX
    >>> import numpy as np
    >>> vjp = DifferentiableScale(Scale())
    >>> Z = vjp.fit_transform({"factor": 2.0}, np.ones((3, 1)))
    >>> float(vjp.pull_back(np.ones_like(Z), None, ["factor"], False)[0]["factor"])
    3.0
    """

    # Calls a function of data; they are read-only.
    call_with: Callable[..., Any] = staticmethod(with_protected)

    def fit_transform(
        self, params: Mapping[str, Any], X: Any, y: Any = None, **fit_params: Any
    ) -> Any:
        self.fitted = unfitted(self.transformer, params)
        self.X_train, self.fit_params = X, fit_params
        return self.call_with(self._fit_transform, X, y)

    def _fit_transform(self, X: Any, y: Any) -> Any:
        if hasattr(self.fitted, "fit_transform"):
            return self.fitted.fit_transform(X, y, **self.fit_params)
        return self.fitted.fit(X, y, **self.fit_params).transform(X)

    def transform(self, X: Any) -> Any:
        self.X_test = X
        return self.call_with(self.fitted.transform, X)

    def sides(self, dZ_train: Side, dZ_test: Side) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Index (0 for training, 1 for test), dense X, and dZ of each side that has a dZ."""
        if dZ_train is not None:
            yield 0, as_dense(self.X_train), dZ_train
        if dZ_test is not None:
            yield 1, as_dense(self.X_test), dZ_test


class OpaqueTransformer(LeafTransformer):
    """A transformer without a registered VJP: fitted and applied, never differentiated."""

    passes_inputs = False

    # Unknown third-party code may write to its input.
    call_with = staticmethod(with_copies)

    def pull_back(self, dZ_train: Side, dZ_test: Side, names: Names, inputs: bool) -> Pulled:
        if inputs:
            raise NotDifferentiableError(
                f"{type(self.transformer).__name__} has no derivatives with respect to its "
                "data, which earlier steps need: register a VJP with transformer_vjp.register."
            )
        return {}, None, None


@singledispatch
def transformer_vjp(transformer: Any) -> DifferentiableTransformer:
    """VJP of a transformer, by its class.

    Third parties register theirs with ``transformer_vjp.register(TheirTransformer, TheirMap)``.

    Parameters
    ----------
    transformer : transformer
        Unfitted.

    Returns
    -------
    map : DifferentiableTransformer

    Raises
    ------
    NotDifferentiableError
        If none is registered for the class of the transformer.

    Examples
    --------
    >>> from sklearn.kernel_approximation import Nystroem
    >>> from skhyper.hypergradient import transformer_vjp
    >>> transformer_vjp(Nystroem(gamma=0.1)).names
    ('gamma',)
    >>> transformer_vjp(Nystroem()).names  # gamma=None is no number
    ()
    """
    raise NotDifferentiableError(
        f"{type(transformer).__name__} cannot be differentiated: no VJP is registered."
    )


def differentiable_or_opaque(transformer: Any) -> DifferentiableTransformer:
    """``transformer_vjp``, or an opaque transformer if none is registered."""
    try:
        return transformer_vjp(transformer)
    except NotDifferentiableError as error:
        opaque = OpaqueTransformer(transformer)
        dispatch = transformer_vjp.dispatch
        registered = dispatch(type(transformer)) is not dispatch(object)
        # Users expect derivatives of registered classes only.
        opaque.why_not = str(error) if registered else ""
        return opaque


def as_dense(X: Any) -> np.ndarray:
    """Data as a dense float64 array; memory is not a concern, since dZ is dense anyway."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float64)
