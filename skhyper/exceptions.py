"""Errors and warnings of skhyper."""

__all__ = [
    "ExhaustedSpaceError",
    "HistoryMismatchWarning",
    "InvalidSpaceError",
    "OverfittingWarning",
    "SkhyperWarning",
    "WorkerError",
]


class InvalidSpaceError(ValueError):
    """A search space, or a candidate that must lie in it, is invalid.

    Raised by ``fit`` before any model is trained.

    Examples
    --------
    >>> from skhyper.space import check_dimension
    >>> check_dimension((10, 1))
    Traceback (most recent call last):
    skhyper.exceptions.InvalidSpaceError: ...the range is inverted; write low before high.
    """


class ExhaustedSpaceError(RuntimeError):
    """An optimizer has no candidate left to propose.

    Examples
    --------
    >>> from skhyper import Optimizer
    >>> optimizer = Optimizer({"x": [1]}, random_state=0)
    >>> _ = optimizer.tell(optimizer.ask(), 0.0)
    >>> optimizer.ask()
    Traceback (most recent call last):
    skhyper.exceptions.ExhaustedSpaceError: ...
    """


class WorkerError(RuntimeError):
    """A worker process cannot start, cannot unpickle its data, or has died.

    Examples
    --------
    >>> from skhyper.exceptions import WorkerError
    >>> issubclass(WorkerError, RuntimeError)
    True
    """


class SkhyperWarning(UserWarning):
    """Base class of the warnings of skhyper.

    Examples
    --------
    Turn all of them into errors:

    >>> import warnings
    >>> from skhyper.exceptions import SkhyperWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SkhyperWarning)
    """


class HistoryMismatchWarning(SkhyperWarning):
    """Earlier trials were made on other data, folds or scoring and are not used.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhyper import SearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = SearchCV(LogisticRegression(max_iter=1000), sampler=[{"C": 1}], warm_start=True)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = search.fit(X, y).fit(X[:90], y[:90])
    >>> [warning.category.__name__ for warning in caught]
    ['HistoryMismatchWarning']
    """


class OverfittingWarning(SkhyperWarning):
    """The cross-validation loss has decreased, but not the loss of held-out samples.

    Examples
    --------
    Ignore it:

    >>> import warnings
    >>> from skhyper.exceptions import OverfittingWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", OverfittingWarning)
    """
