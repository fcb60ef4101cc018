"""Search for the least value of any function, without estimator or cross-validation."""

from skhyper.functions._minimize import minimize
from skhyper.functions._optimizer import Optimizer

__all__ = ["Optimizer", "minimize"]


def __dir__() -> list[str]:
    return __all__
