"""Parameters and hyperparameters of an estimator: what it learned, and what was set before."""

from skhyper._lazy import public_dir
from skhyper.inspection._hyperparameters import Hyperparameter
from skhyper.inspection._inspection import Inspection, inspect
from skhyper.inspection._parameters import Parameter

__all__ = ["Hyperparameter", "Inspection", "Parameter", "inspect"]

__dir__ = public_dir(__name__)
