"""Samplers: search strategies, as pure functions from the history to the next point."""

from skhyper._lazy import public_dir
from skhyper._trial import Stop
from skhyper.samplers._base import Sampler, Surrogate, located_gradients, located_trials
from skhyper.samplers._descent_rules import DescentRules
from skhyper.samplers._gp import GPSampler
from skhyper.samplers._gradient import GradientSampler
from skhyper.samplers._grid import GridSampler
from skhyper.samplers._local import Answer, descent, tied_descent  # noqa: F401
from skhyper.samplers._names import SAMPLERS, check_sampler
from skhyper.samplers._random import RandomSampler
from skhyper.samplers._regret import Regret
from skhyper.samplers._rules import Rules
from skhyper.samplers._shrinkage import Shrinkage  # noqa: F401
from skhyper.samplers._skopt import SkoptSampler
from skhyper.samplers._skopt_result import skopt_result  # noqa: F401
from skhyper.samplers._sobol import SobolSampler

# Names imported above and not listed here are for other packages of skhyper.
__all__ = [
    "SAMPLERS",
    "DescentRules",
    "GPSampler",
    "GradientSampler",
    "GridSampler",
    "RandomSampler",
    "Regret",
    "Rules",
    "Sampler",
    "SkoptSampler",
    "SobolSampler",
    "Stop",
    "Surrogate",
    "check_sampler",
    "located_gradients",
    "located_trials",
]

__dir__ = public_dir(__name__)
