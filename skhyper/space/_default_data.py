"""Properties of data on which default ranges depend: size and scale at a part of an estimator."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skhyper._sklearn import take_rows

# Number of rows to which the transformers before a part are fitted: enough to estimate scales.
_N_SAMPLE = 500
# Modules of transformers that are fast to fit.
_QUICK = (
    "sklearn.preprocessing.",
    "sklearn.impute._base",
    "sklearn.feature_extraction.",
    "sklearn.feature_selection._univariate_selection",
    "sklearn.feature_selection._variance_threshold",
    "sklearn.decomposition._pca",
    "sklearn.decomposition._truncated_svd",
    "sklearn.kernel_approximation",
    "sklearn.random_projection",
    "sklearn.compose._column_transformer",
    "sklearn.pipeline",
)


@dataclass(frozen=True)
class Data:
    """Known properties of the training data of an estimator; None if unknown.

    Attributes
    ----------
    n, p : int or None
        Numbers of samples and features.
    variance : float or None
        Of all entries of X.
    y_std : float or None
        Standard deviation of the target; the quadratic mean of those of several targets.
    alpha_max : float or None
        The smallest penalty at which all coefficients of a lasso are 0.
    sample : tuple (X, y) or None
        Some of the rows.
    path : tuple of str
        Names of the transformers before the estimator.
    y : array-like or None
        The whole target.
    """

    n: int | None = None
    p: int | None = None
    variance: float | None = None
    y_std: float | None = None
    alpha_max: float | None = None
    sample: tuple[Any, Any] | None = None
    path: tuple[str, ...] = ()
    y: Any = field(default=None, compare=False)

    @classmethod
    def from_data(cls, X: Any, y: Any) -> "Data":
        if X is None:
            return cls()
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        matrix, target = _as_floats(X, 2), _as_targets(y)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is unknown
            known = cls(n=n, y_std=std_of_target(y), sample=_sample(X, y, n), y=y)
            if matrix is None:
                return known
            mean = float(matrix.mean())
            square = matrix.multiply(matrix) if sparse.issparse(matrix) else (matrix - mean) ** 2
            variance = float(square.mean()) - (mean**2 if sparse.issparse(matrix) else 0.0)
            known = replace(known, p=matrix.shape[1], variance=_positive(variance))
            if target is None:
                return known
            products = matrix.T @ (target - target.mean(axis=0)) / n
            largest = np.sqrt((products**2).sum(axis=1).max(initial=0.0))
            return replace(known, alpha_max=_positive(largest))

    @property
    def is_sparse(self) -> bool:
        return self.sample is not None and sparse.issparse(self.sample[0])

    def unscaled(self) -> "Data":
        """The properties that are known after an unknown transformer."""
        return Data(n=self.n, y_std=self.y_std, path=self.path, y=self.y)

    def after(self, steps: Sequence[Any]) -> "Data":
        """The properties after transformers, which are fitted to some rows if that is fast.

        All of them are cloned.
        """
        steps = [step for step in steps if step not in (None, "passthrough")]
        if not steps:
            return self
        names = [type(s).__name__ + ("" if _is_quick(s) else " (not fitted)") for s in steps]
        return replace(self._after(steps), path=(*self.path, *names))

    def _after(self, steps: Sequence[Any]) -> "Data":
        if self.sample is None or not all(map(_is_quick, steps)):
            return self.unscaled()
        X, y = self.sample
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fits to all rows warn, where there is a reason
            try:
                for step in steps:
                    X = clone(step).fit_transform(X, y)
            except Exception:  # noqa: BLE001  (raised again where the estimator is fitted)
                return self.unscaled()
        return replace(Data.from_data(X, y), n=self.n, y_std=self.y_std, y=self.y)

    def part(self, share: float) -> "Data":
        """The properties of a share of the samples."""
        return self if self.n is None else replace(self, n=int(share * self.n))

    def of_two_classes(self) -> "Data":
        """The properties of the samples of the two smallest classes."""
        return self._where(lambda y: np.sort(np.unique(y, return_counts=True)[1])[:2].sum())

    def labeled(self) -> "Data":
        """The properties without the samples of class -1."""
        return self._where(lambda y: (y.astype(object) != -1).sum())  # texts, too

    def _where(self, count: Callable[[np.ndarray], Any]) -> "Data":
        """The properties of the counted samples; the number is unknown if `y` cannot be counted."""
        if self.y is None:
            return replace(self, n=None)
        try:
            return replace(self, n=int(count(np.asarray(self.y))), y=None)
        except (TypeError, ValueError):
            return replace(self, n=None, y=None)

    def predictions(self, n_models: int, is_target: bool, passthrough: bool = False) -> "Data":
        """What is known of predictions as features; `is_target` if they are about y itself.

        With `passthrough` the features of X follow; other predictions are few, and left out.
        """
        path = (*self.path, "predictions")
        if passthrough:
            return replace(self._with_target(n_models if is_target else 0), path=path)
        if not is_target or self.y_std is None:
            return Data(n=self.n, y_std=self.y_std, path=path)
        variance = self.y_std**2
        return Data(self.n, n_models, variance, self.y_std, alpha_max=variance, path=path)

    def _with_target(self, n_models: int) -> "Data":
        """The properties with `n_models` copies of the target before the features."""
        X, y = self.sample or (None, None)
        matrix, target = _as_floats(X, 2), _as_targets(y)
        if n_models == 0 or matrix is None or target is None:
            return self if n_models == 0 else self.unscaled()
        stack = sparse.hstack if sparse.issparse(matrix) else np.hstack
        known = Data.from_data(stack([target] * n_models + [matrix]), y)
        return replace(known, n=self.n, y_std=self.y_std, y=self.y)

    def with_target_of(self, estimator: Any) -> "Data":
        """The properties of the data that a TransformedTargetRegressor fits its regressor to."""
        if estimator.func is None and estimator.transformer is None:
            return self
        target = None if self.sample is None else transformed_target(estimator, self.sample[1])
        if self.sample is None or target is None:
            return replace(self, y_std=None, alpha_max=None)
        return replace(Data.from_data(self.sample[0], target), n=self.n, path=self.path, y=None)


def std_of_target(y: Any) -> float | None:
    """Standard deviation of a target, the quadratic mean of several; None if unknown or 0."""
    target = _as_targets(y)
    if target is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is unknown
        return _positive(np.sqrt(target.var(axis=0).mean()))


def transformed_target(estimator: Any, y: Any) -> Any:
    """The target to which a TransformedTargetRegressor fits its regressor; None if unknown."""
    from sklearn.preprocessing import FunctionTransformer  # `import skhyper` does without it

    if estimator.func is None and estimator.transformer is None:
        return y
    step = estimator.transformer
    step = FunctionTransformer(estimator.func) if step is None else step
    if y is None or not _is_quick(step):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            target = np.asarray(y)
            found = clone(step).fit_transform(target.reshape(len(target), -1))
        except Exception:  # noqa: BLE001  (raised again where the estimator is fitted)
            return None
    return found.ravel() if target.ndim == 1 and found.shape[1] == 1 else found


def _sample(X: Any, y: Any, n: int) -> tuple[Any, Any] | None:
    """At most `_N_SAMPLE` rows, evenly spaced."""
    if n <= _N_SAMPLE:
        return X, y
    rows = np.unique(np.linspace(0, n - 1, _N_SAMPLE).astype(int))
    try:
        return take_rows(X, rows), None if y is None else take_rows(y, rows)
    except Exception:  # noqa: BLE001  (rows of an unknown type)
        return None


def _is_quick(transformer: Any) -> bool:
    """Whether a transformer and all its parts are fast, and run no user-defined code."""
    if not hasattr(transformer, "get_params") or isinstance(transformer, type):
        return False
    values = transformer.get_params(deep=True).values()
    parts = [v for v in values if hasattr(v, "get_params") and not isinstance(v, type)]
    functions = [v for v in values if callable(v) and not hasattr(v, "get_params")]
    # Functions are those of numpy, or scores of features of the same modules (`f_classif`).
    kinds = [v for v in functions if not isinstance(v, np.ufunc | type)]
    kinds += [type(part) for part in [transformer, *parts]]
    return all(f"{getattr(kind, '__module__', '')}.".startswith(_QUICK) for kind in kinds)


def _as_targets(y: Any) -> np.ndarray | None:
    """Targets (n, k) as finite numbers, None if they are not."""
    target = _as_floats(y, 1)
    target = _as_floats(y, 2) if target is None else target[:, None]
    return target if isinstance(target, np.ndarray) else None


def _as_floats(values: Any, ndim: int) -> Any:
    """`values` as a matrix or vector of finite numbers, None if they are not."""
    if getattr(getattr(values, "dtype", None), "kind", "") == "c":
        return None
    if sparse.issparse(values):
        return (
            values if ndim == 2 and np.isfinite(values.data).all() and min(values.shape) else None
        )
    if values is None:
        return None
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):  # text, categories, lists of unequal length
        return None
    return array if array.ndim == ndim and array.size and np.isfinite(array).all() else None


def _positive(value: Any) -> float | None:
    return float(value) if 0 < value < np.inf else None
