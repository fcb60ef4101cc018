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
    """


class ExhaustedSpaceError(RuntimeError):
    """An optimizer has no candidate left to propose."""


class WorkerError(RuntimeError):
    """A worker process cannot start, cannot unpickle its data, or has died."""


class SkhyperWarning(UserWarning):
    """Base class of the warnings of skhyper."""


class HistoryMismatchWarning(SkhyperWarning):
    """Earlier trials were made on other data, folds or scoring and are not used."""


class OverfittingWarning(SkhyperWarning):
    """The cross-validation loss has decreased, but not the loss of held-out samples."""
