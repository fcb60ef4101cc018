"""The rules of descents by gradients in numbers; see :class:`DescentRules`."""

from dataclasses import dataclass

__all__ = ["RULES", "DescentRules"]


@dataclass(frozen=True)
class DescentRules:
    """Rules of :class:`GradientSampler`.

    Values without another source are from the tasks of ``benchmarks/gradient_search.py`` and
    ``benchmarks/whole_range.py``.

    Attributes
    ----------
    steps : tuple of float
        Length of the first step of a descent in the coordinate of the steepest slope, in the unit
        cube; then of the new attempts that follow where it ended at a kink.
    max_trials : tuple of int
        Maximum number of trials of each of these attempts.
    min_gain_at_kink : float
        Relative decrease of the criterion, in units of `tol`, above which there is a next attempt.
    level : float
        A descent is stationary when its gradient has shrunk to this share of the first one.
    trials_per_configuration : int
        All configurations are tried if each can have that many trials.
    max_enumerated : int
        Maximum number of configurations that are enumerated.
    max_draws : int
        Random draws per configuration in search of a point that the constraint accepts.
    max_points_per_trial : int
        Points per trial that the constraint may reject before a search ends.
    first_trials : int
        Trials of each descent before the best of them continues alone.
    likely_trials : int
        A restart is abandoned after this number of consecutive trials whose gradient points to the
        best point.
    near : float
        Restarts within this max-norm distance of such a trial are skipped, in the unit cube.
    max_gp_dimensions : int
        Maximum number of dimensions in which the GP observes derivatives.
    wall : float
        Rise of the criterion above the best, relative to its value or to the range of all values,
        from which a trial that descends to the best point bounds the restarts.
    reach : float
        Width by which the outermost gaps are extended beyond the trials, in the unit cube.
    rough_tol : float
        `tol` of a descent that only finds a start.
    restarts_on_plains : int
        Number of restarts if all trials had a gradient of zero.
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
    wall: float = 0.1
    reach: float = 0.3
    rough_tol: float = 1e-3
    restarts_on_plains: int = 10


RULES = DescentRules()
