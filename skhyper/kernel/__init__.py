"""Kernel models with one length-scale per band of features, down to one per feature."""

from skhyper._lazy import public_dir
from skhyper.kernel._ard import ARDKernelRidge, ARDKernelRidgeClassifier

__all__ = ["ARDKernelRidge", "ARDKernelRidgeClassifier"]

__dir__ = public_dir(__name__)
