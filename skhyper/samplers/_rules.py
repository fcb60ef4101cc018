"""Constants of Bayesian optimization; see :class:`Rules`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skhyper.gp import Priors
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._losses import clip_outliers
from skhyper.space import Space

_PRIORS = Priors()


@dataclass(frozen=True)
class Rules:
    """Constants of :class:`GPSampler`.

    *Ablation* is ``benchmarks/ablation.py``, which varies these fields; its table is in
    ``benchmarks/REPORT.md``.

    Attributes
    ----------
    max_initial_points : int
        Maximum size of the initial design, in points. Ablation: d + 1 points are no better.
    starts_in_middle : bool
        Whether the middle of the space comes before the Sobol sequence. Ablation.
    encoding : callable
        From a space to its encoding. Ablation: no better with an indicator of activity.
    transform_losses : callable
        From losses, nan where failed, to finite ones. Ablation: unclipped; Yeo-Johnson.
    priors : Priors
        Priors on the GP's hyperparameters. Ablation: flat; longer length-scales.
    max_fitted_derivatives : int
        Maximum number of derivatives of the losses to which hyperparameters are fitted. Source:
        ``benchmarks/gradients_in_the_process.py``, with 0 and 300.
    refit_growth : int
        With r = `refit_growth`, hyperparameters are refitted at every r-th trial from r² trials on;
        earlier, at every k-th trial from k r trials on. Ablation: refitted at each trial.
    noise_weight : float
        Standard deviations of the noise by which the expected improvement is augmented.
        Ablation: 0; 1.
    max_pending : int
        Maximum number of pending trials that the GP is conditioned on: those of the largest
        acquisition. Source: CPU and quality (``benchmarks/cluster_simulation.py``).
    n_full_candidates : int
        Number of trials up to which all candidates are drawn; then the number of candidates is
        inversely proportional to that of trials. Source: CPU (``benchmarks/bayesian_costs.py``).
    min_candidate_share : float
        Minimum share of the candidates that is drawn. Ablation: 1.
    local_share : float
        Number of candidates around the best trials per random one. Ablation: 0.
    n_shortlist : int
        Number of best candidates from which the later points of a batch are chosen, as long as no
        other candidate may be better. Source: CPU (``benchmarks/cluster_simulation.py``).
    n_top : int
        Number of best candidates that may start a local maximization. Source: CPU.
    max_polish_iterations : int
        Maximum number of L-BFGS-B iterations of the local maximization. Ablation: 0.
    covered_dimensions : int
        Maximum number of continuous dimensions that random candidates cover: in these, local
        maximization starts only after `first_polish` trials. Ablation: 0; 100.
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
        Minimum number of dimensions for proposals on lines. Source: no difference in two and three
        dimensions.
    branch_period : int
        Every `branch_period`-th proposal is in the branch with the fewest trials, until each has
        `min_branch_trials`. Ablation: 1.
    min_branch_trials : int
        Number of trials of each branch; with one, a bad trial could exclude a model. Ablation: 0.
    min_regret_trials : int
        Minimum number of complete trials for a bound of the regret. Source of this and the next
        two: ``benchmarks/early_stopping.py``.
    min_stop_trials : int
        Minimum number of complete trials for early stopping.
    n_negligible : int
        Number of consecutive negligible bounds for early stopping.

    Examples
    --------
    >>> from skhyper.samplers import GPSampler, Rules
    >>> GPSampler(rules=Rules(line_period=2)).rules.line_period
    2
    """

    max_initial_points: int = 4
    starts_in_middle: bool = True
    encoding: Callable[[Space], Encoding] = Encoding.from_space
    transform_losses: Callable[[np.ndarray], np.ndarray] = clip_outliers
    priors: Priors = _PRIORS
    max_fitted_derivatives: int = 300
    refit_growth: int = 5
    noise_weight: float = 2.0
    max_pending: int = 100
    n_full_candidates: int = 30
    min_candidate_share: float = 0.6
    local_share: float = 0.5
    n_shortlist: int = 200
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
