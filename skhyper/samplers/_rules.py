"""The rules of Bayesian optimization in numbers: how often what is done, and from when on.

Each number is one field, with its quantity, its unit and where its value comes from. *Ablation* is
``benchmarks/ablation.py``, which varies these fields: its table is in ``benchmarks/REPORT.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skhyper.gp import Priors
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._losses import clip_outliers
from skhyper.space import Space

__all__ = ["Rules"]

_PRIORS = Priors()


@dataclass(frozen=True)
class Rules:
    """Rules of :class:`GPSampler`.

    Attributes
    ----------
    max_initial_points : int
        Maximum size of the initial design, in points. Ablation: d + 1 points are no better.
    starts_in_middle : bool
        Whether the middle of the space comes before the Sobol sequence. Ablation.
    encoding : callable
        From a space to its :class:`Encoding`. Ablation: an indicator of activity is no better.
    transform_losses : callable
        From losses, nan where failed, to finite ones. Ablation: unclipped; Yeo-Johnson.
    priors : Priors
        Priors on the GP's hyperparameters. Ablation: flat; longer length-scales.
    max_fitted_derivatives : int
        Maximum number of derivatives of the losses to which hyperparameters are fitted. Source:
        ``benchmarks/gradients_in_the_process.py``, with 0 and 300.
    refit_growth : int
        Hyperparameters are refitted when the history has grown by 1 / `refit_growth`. Ablation:
        at each trial.
    noise_weight : float
        Standard deviations of the noise by which the expected improvement is augmented.
        Ablation: 0; 1.
    n_full_candidates : int
        Number of trials up to which all candidates are drawn; beyond it their number is inversely
        proportional to that of the trials. Source: CPU (``benchmarks/bayesian_costs.py``).
    min_candidate_share : float
        Lower bound of the share of candidates that is left. Ablation: 1.
    local_share : float
        Number of candidates around the best trials per random one. Ablation: 0.
    n_top : int
        Number of best candidates that may start a local maximization. Source: CPU.
    max_polish_iterations : int
        Maximum number of L-BFGS-B iterations of the local maximization. Ablation: 0.
    covered_dimensions : int
        Number of continuous dimensions up to which the acquisition is maximized locally only after
        `first_polish` trials: random candidates cover them. Ablation: 0; 100.
    first_polish : int
        Number of trials; see `covered_dimensions`. Ablation: 10.
    first_line : int
        Number of trials after which proposals on lines begin. Ablation: 4.
    line_period : int
        Every `line_period`-th proposal differs from the best trial in one dimension only.
        Ablation: none.
    line_std_scale : float
        Factor of the standard deviation in these proposals. Ablation: 1.
    min_line_dimensions : int
        Minimum number of dimensions for proposals on lines. Source: two and three dimensions,
        without a difference.
    branch_period : int
        Every `branch_period`-th proposal is in the branch with the fewest trials, until each has
        `min_branch_trials`. Ablation: 1.
    min_branch_trials : int
        Number of trials; one bad trial of a model would otherwise exclude it. Ablation: 0.
    min_regret_trials : int
        Minimum number of complete trials for a bound of the regret. Source:
        ``benchmarks/early_stopping.py``, as of the two below.
    min_stop_trials : int
        Minimum number of complete trials for early stopping.
    n_negligible : int
        Number of consecutive negligible bounds for early stopping.
    """

    max_initial_points: int = 4
    starts_in_middle: bool = True
    encoding: Callable[[Space], Encoding] = Encoding.from_space
    transform_losses: Callable[[np.ndarray], np.ndarray] = clip_outliers
    priors: Priors = _PRIORS
    max_fitted_derivatives: int = 300
    refit_growth: int = 5
    noise_weight: float = 2.0
    n_full_candidates: int = 30
    min_candidate_share: float = 0.6
    local_share: float = 0.5
    n_top: int = 64
    max_polish_iterations: int = 5
    covered_dimensions: int = 6
    first_polish: int = 20
    first_line: int = 8
    line_period: int = 4
    line_std_scale: float = 2.0
    min_line_dimensions: int = 4
    branch_period: int = 2
    min_branch_trials: int = 4
    min_regret_trials: int = 10
    min_stop_trials: int = 20
    n_negligible: int = 3
