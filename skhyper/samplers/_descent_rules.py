"""Constants of the search by gradients; see :class:`DescentRules`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DescentRules:
    """Constants of :class:`GradientSampler`.

    Values without another source were chosen on the tasks of ``benchmarks/gradient_search.py`` and
    ``benchmarks/whole_range.py``.

    Attributes
    ----------
    steps : tuple of float
        Length of the first step of a descent along the coordinate of the steepest slope, in the
        unit cube; then that of each attempt that follows if the descent ended at a kink.
    max_trials : tuple of int
        Maximum number of trials of each of these attempts.
    min_gain_at_kink : float
        Relative decrease of the criterion, in units of `tol`, above which another attempt is made.
    level : float
        A descent is stationary when its gradient has shrunk to this share of the first one.
    trials_per_configuration : int
        Trials per configuration with which all configurations are tried one by one.
    max_enumerated : int
        Maximum number of configurations that are enumerated.
    max_draws : int
        Maximum number of random draws per configuration to find a point that the constraint
        accepts.
    max_points_per_trial : int
        Proposals per trial after which a search ends whose constraint rejects them.
    first_trials : int
        Number of trials of each descent before only the best one continues.
    likely_trials : int
        A restart is abandoned after this number of consecutive trials that descend to the best
        point: the criterion decreases from there towards it.
    near : float
        Restarts within this max-norm distance of such a trial are skipped, in the unit cube.
    max_gp_dimensions : int
        Maximum number of dimensions in which the GP observes derivatives.
    bracket_rise : float
        Increase of the criterion over the best one, relative to the best or to the range of all
        values, above which a trial that descends to the best point bounds the restarts.
    reach : float
        Width by which the outermost gaps are extended beyond the trials, in the unit cube.
    rough_tol : float
        `tol` of a descent that only provides the start of another.
    restarts_on_plains : int
        Number of restarts if all trials had a gradient of zero.

    Examples
    --------
    >>> from skhyper.samplers import DescentRules, GradientSampler
    >>> GradientSampler(["C"], rules=DescentRules(likely_trials=3)).rules.likely_trials
    3
    """

    steps: tuple[float, ...] = (0.15, 0.03, 0.006)
    max_trials: tuple[int, ...] = (15_000, 6, 6)
    min_gain_at_kink: float = 10.0
    level: float = 0.02
    trials_per_configuration: int = 5
    max_enumerated: int = 10_000
    max_draws: int = 64
    max_points_per_trial: int = 20
    first_trials: int = 3
    likely_trials: int = 2
    near: float = 0.05
    max_gp_dimensions: int = 12
    bracket_rise: float = 0.1
    reach: float = 0.3
    rough_tol: float = 1e-3
    restarts_on_plains: int = 10


RULES = DescentRules()
