"""Kernel machines with a length-scale for each band of features, down to each feature."""

from skhyper._lazy import public_dir
from skhyper.kernel._ard import ARDKernelRidge, ARDKernelRidgeClassifier

__all__ = ["ARDKernelRidge", "ARDKernelRidgeClassifier"]

__dir__ = public_dir(__name__)
