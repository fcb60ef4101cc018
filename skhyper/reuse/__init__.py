"""Shared fits: rules by which one fit of an estimator serves several candidates.

``shared_fit(estimator)`` returns the rule of an estimator; ``shared_fit.register`` adds third-party
estimators, and ``check_shared_fit`` compares a rule with plain fits.
"""

from skhyper._lazy import public_dir
from skhyper.reuse._check import check_shared_fit
from skhyper.reuse._options import ReuseOptions
from skhyper.reuse._rules import SharedFit, shared_fit

__all__ = ["ReuseOptions", "SharedFit", "check_shared_fit", "shared_fit"]

__dir__ = public_dir(__name__)
