"""Linear models with one penalty per band of features, down to one per feature."""

from skhyper._lazy import public_dir
from skhyper.linear_model._elastic_net import WeightedElasticNet
from skhyper.linear_model._logistic import BandedLogisticRegression
from skhyper.linear_model._ridge import BandedRidge

__all__ = ["BandedLogisticRegression", "BandedRidge", "WeightedElasticNet"]

__dir__ = public_dir(__name__)
