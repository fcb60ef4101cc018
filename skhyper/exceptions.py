"""Typed errors and warnings, so that a caller can catch what skhyper says."""

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
    """An optimizer was asked, but has no further candidate."""


class WorkerError(RuntimeError):
    """A worker process cannot start, cannot read what it is sent, or has died."""


class SkhyperWarning(UserWarning):
    """Base class of the warnings that skhyper gives."""


class HistoryMismatchWarning(SkhyperWarning):
    """Earlier trials were made on other data, folds or scoring and are not used."""


class OverfittingWarning(SkhyperWarning):
    """The cross-validation loss has fallen, and that of samples held out of it has not."""
