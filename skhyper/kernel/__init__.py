"""Kernel machines with a length-scale for each band of features, down to each feature."""

from skhyper.kernel._ard import ARDKernelRidge, ARDKernelRidgeClassifier

__all__ = ["ARDKernelRidge", "ARDKernelRidgeClassifier"]


def __dir__() -> list[str]:
    return __all__
