"""Linear models with a penalty for each band of features, down to each feature."""

from skhyper.linear_model._ridge import BandedRidge

__all__ = ["BandedRidge"]
