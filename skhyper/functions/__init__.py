"""Minimization of functions, without estimator or cross-validation."""

from skhyper._lazy import public_dir
from skhyper.functions._minimize import minimize
from skhyper.functions._optimizer import Optimizer

__all__ = ["Optimizer", "minimize"]

__dir__ = public_dir(__name__)
