"""Bayesian optimization: a Gaussian process of the losses, and expected improvement."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skhyper._threads import threads_bounded
from skhyper._trial import History, Stop
from skhyper.samplers._acquisition import Acquisition, Maximizer
from skhyper.samplers._arguments import check_flag, check_number
from skhyper.samplers._base import Sampler
from skhyper.samplers._cost import penalty_for_cost, penalty_for_time
from skhyper.samplers._proposals import best_points, first_point
from skhyper.samplers._regret import Regret, fold_noise, regret_bound
from skhyper.samplers._rules import Rules
from skhyper.samplers._starts import KnownStarts, next_start
from skhyper.samplers._surrogate import GPSurrogate, Observations, SurrogateFit
from skhyper.space import Space

_NEGLIGIBLE_REGRET = "the remaining regret is below the noise"
_RULES = Rules()


class GPSampler(Sampler):
    """Bayesian optimization with a Gaussian process (GP).

    Parameters
    ----------
    n_initial_points : int, default=None
        Size of the initial design: the middle of the space, then points of a Sobol sequence;
        existing trials count. By default four, or d + 1 in fewer than three dimensions; each
        derivative that is used counts as one, but there are at least three points.
    n_candidates : int, default=1000
        Number of random candidates at which the acquisition is evaluated; half as many are drawn
        around the best trials. Beyond 30 trials the number falls, to three fifths at 50. A
        space of at most `n_candidates` candidates is enumerated.
    n_polish : int, default=4
        Number of candidates from which the acquisition is maximized locally, by its gradient. In at
        most six continuous dimensions this begins after 20 trials, or with derivatives of the
        losses.
    use_gradients : bool, default=False
        Whether the GP observes the derivatives of the losses (``Trial.gradient``) too, where trials
        have them.
    max_time : float, default=None
        Time limit of all trials in seconds; promising and quick candidates then come first.
        Searches set it to their own `max_time`.
    early_stopping : bool, default=False
        Whether to end the search when the regret is indistinguishable from zero: after 20 trials,
        when :meth:`regret` was negligible after each of the last three.
    max_points : int, default=400
        Maximum number of trials the GP is conditioned on: the best half, plus others evenly spaced
        in time. ``model(space, history).gp.X`` shows which.
    deterministic : bool, default=False
        Whether the losses are smooth and free of noise, so that small differences matter.
        Cross-validation scores are neither.
    starts : callable, default=None
        ``starts(space) -> list of dict``: candidates that did well on other data sets, such as
        those of :class:`skhyper.knowledge.Knowledge`. Two of them come first, then the middle of
        the space; if one of the two was as good as the middle, the others follow, as every second
        trial.
    cost : str, default=None
        Name of a hyperparameter to which the time of a trial is proportional, such as the number
        of trees: the acquisition is the expected improvement over its value. Used if it is a range
        of positive numbers, always active, and there is no `max_time`. Searches that
        share fits along a hyperparameter set it; they raise the value to a power that falls from 1
        to 0 with the number of proposals.
    rules : Rules
        Constants of the method, such as the period of proposals on lines.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of these types.

    Notes
    -----
    The kernel is a Matérn 5/2 with one length-scale per dimension, its hyperparameters at their
    maximum a posteriori. Choices have one column each and a common length-scale; inactive
    dimensions are in the middle of their range. Failed trials count as the worst loss seen.
    The GP is conditioned on its own mean at pending trials, and at earlier points of a batch.
    The acquisition is the logarithm of
    the expected improvement over the best predicted value, augmented for noise unless
    `deterministic`. In four or more dimensions, from the eighth trial on, every fourth trial
    differs from the best one in one dimension only, chosen with doubled standard deviations:
    an overconfident GP then still explores. If the values of a choice have hyperparameters of their
    own, such as the models of a pipeline, every second trial is in the branch with the fewest
    trials, until each has four; not with `max_time`.

    The cost of a proposal is bounded: hyperparameters are fitted to at most 200 trials, from
    25 trials on at every fifth one, and the posterior is conditioned on `max_points`.

    Derivatives with respect to real hyperparameters are used one by one, where they are known.
    Those of failed trials and of clipped losses are not. See ``skhyper.gp.fit_gp`` for their
    cost and the limit of their number.

    With `max_time`, the acquisition is the expected improvement over the predicted seconds to a
    power, the share of remaining time: 1 at the start, 0 at the end. Seconds are predicted by ridge
    regression of their logarithm; if they do not depend significantly on the candidate, or little
    time has been used, the acquisition is the expected improvement itself.

    References
    ----------
    Snoek, Larochelle and Adams (2012), arXiv:1206.2944. Ament, Daulton, Eriksson, Balandat
    and Bakshy (2023), arXiv:2310.20708. Huang, Allen, Notz and Zeng (2006), Journal of Global
    Optimization 34 (the augmentation). Ginsbourger, Le Riche and Carraro (2010), "Kriging
    is well-suited to parallelize optimization" (for pending trials). Lee, Perrone, Archambeau
    and Seeger (2020), arXiv:2003.10870 (for `max_time`).

    Examples
    --------
    >>> from skhyper import minimize
    >>> from skhyper.samplers import GPSampler
    >>> found = minimize(
    ...     lambda params: (params["x"] - 0.3) ** 2,
    ...     {"x": (0.0, 1.0)},
    ...     n_iter=12,
    ...     sampler=GPSampler(deterministic=True),
    ...     random_state=0,
    ... )
    >>> print(f"{found.x['x']:.2f}")
    0.30
    """

    starts_from_default = True

    def __init__(
        self,
        n_initial_points: int | None = None,
        n_candidates: int = 1000,
        n_polish: int = 4,
        use_gradients: bool = False,
        max_time: float | None = None,
        early_stopping: bool = False,
        max_points: int = 400,
        deterministic: bool = False,
        starts: KnownStarts | None = None,
        cost: str | None = None,
        *,
        rules: Rules = _RULES,
    ):
        check_number("n_initial_points", n_initial_points, whole=True, low=1, optional=True)
        check_number("n_candidates", n_candidates, whole=True, low=1)
        check_number("n_polish", n_polish, whole=True, low=0)
        check_number("max_points", max_points, whole=True, low=1)
        check_number("max_time", max_time, whole=False, low=0, above=True, optional=True)
        check_flag("use_gradients", use_gradients)
        check_flag("early_stopping", early_stopping)
        check_flag("deterministic", deterministic)
        self.n_initial_points = n_initial_points
        self.n_candidates = n_candidates
        self.n_polish = n_polish
        self.use_gradients = use_gradients
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.max_points = max_points
        self.deterministic = deterministic
        if starts is not None and not callable(starts):
            raise TypeError(f"starts must be a callable or None, got {starts!r}.")
        self.starts = starts
        if cost is not None and not isinstance(cost, str):
            raise TypeError(f"cost must be a name or None, got {cost!r}.")
        self.cost, self._n_iter = cost, np.inf
        if not isinstance(rules, Rules):
            raise TypeError(f"rules must be Rules, got {rules!r}.")
        self.rules = rules
        self._fit = SurrogateFit(rules, max_points)

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray | Stop:
        answer = self.ask_batch(space, history, rng, 1)
        return answer if isinstance(answer, Stop) else answer[0]

    def ask_batch(
        self, space: Space, history: History, rng: np.random.Generator, n: int
    ) -> Sequence[np.ndarray] | Stop:
        if self.early_stopping and self._may_stop(space, history):
            return Stop(_NEGLIGIBLE_REGRET)
        # For matrices this small, synchronizing BLAS threads costs more than they gain.
        with threads_bounded(1, openmp=False):
            return self._ask(space, history, rng, n)

    def per(self, cost: str | None, n_iter: float = np.inf) -> "GPSampler":
        """This sampler with another `cost`, which counts less and less until `n_iter` proposals."""
        new = copy.copy(self)
        new.cost, new._n_iter = cost, max(1.0, n_iter)
        return new

    def model(self, space: Space, history: History) -> GPSurrogate | None:
        """The GP of the losses; None during the initial design.

        Parameters
        ----------
        space : Space
        history : History
            Pending trials are left out.

        Returns
        -------
        surrogate : GPSurrogate or None

        Examples
        --------
        >>> from skhyper import minimize
        >>> from skhyper.samplers import GPSampler
        >>> sampler, space = GPSampler(), {"x": (0.0, 4.0)}
        >>> result = minimize(lambda p: p["x"] ** 2, space, 9, sampler=sampler, random_state=0)
        >>> surrogate = sampler.model(result.space, result.history)
        >>> mean, std = surrogate.predict([{"x": 1.0}, {"x": 3.0}], return_std=True)
        >>> bool(mean[0] < mean[1]), std.shape
        (True, (2,))
        """
        observed = Observations.from_history(space, history, self.use_gradients)
        return self._model(space, observed)

    def regret(self, space: Space, history: History) -> Regret:
        """Bound of the regret: the possible improvement on the best trial.

        Parameters
        ----------
        space : Space
        history : History

        Returns
        -------
        regret : Regret
            ``bound``, its upper bound, nan before 2 (d + 1) and 10 complete trials;
            ``noise``, the standard error of the best trial's loss; ``negligible``, whether the
            bound is below the noise.

        References
        ----------
        Makarova et al., "Automatic termination for hyperparameter optimization", AutoML
        Conference 2022, arXiv:2104.08166.
        """
        observed = Observations.from_history(space, history, use_gradients=False)
        noise = np.nan if history.best is None else fold_noise(history.best, history.splits)
        if observed.n_complete < max(self.rules.min_regret_trials, 2 * (space.n_dims + 1)):
            return Regret(np.nan, noise)
        rng = np.random.default_rng([history.seed, len(history), 1])
        with threads_bounded(1, openmp=False):
            surrogate = self._fit(space, observed, refit=True)
            centers = best_points(observed.points, observed.losses)
            elsewhere = self._maximizer.candidates(space, centers, observed.points, rng)
            trials = surrogate.predict_points(observed.points[np.isfinite(observed.losses)])
            bound = regret_bound(trials, surrogate.predict_points(elsewhere), space.n_dims)
        own_noise = float(np.sqrt(surrogate.gp.noise_variance))
        return Regret(bound, own_noise if np.isnan(noise) else noise)

    @property
    def _maximizer(self) -> Maximizer:
        return Maximizer(self.rules, self.n_candidates, self.n_polish)

    def _may_stop(self, space: Space, history: History) -> bool:
        """Whether the regret was negligible after each of the last trials."""
        observed = Observations.from_history(space, history, use_gradients=False)
        if observed.n_complete < self.rules.min_stop_trials:
            return False
        ends = [len(history) - back for back in range(self.rules.n_negligible)]
        parts = (replace(history, trials=history.trials[:end]) for end in ends)
        return all(self.regret(space, part).negligible for part in parts)

    def _ask(
        self, space: Space, history: History, rng: np.random.Generator, n: int
    ) -> Sequence[np.ndarray]:
        observed = Observations.from_history(space, history, self.use_gradients)
        start = next_start(space, self.starts, observed)
        if start is not None:
            return [start]
        surrogate, points = self._model(space, observed), observed.points
        if surrogate is None:
            in_middle = self.rules.starts_in_middle
            n_made = observed.n_proposals
            return [first_point(space, points, history.seed, rng, in_middle, n_made)]
        encode = surrogate.encoding.encode
        penalty = None
        if self.max_time is not None:
            penalty = penalty_for_time(space, history, self.max_time, encode)
        elif self.cost is not None:
            power = 1.0 - observed.n_proposals / self._n_iter
            penalty = penalty_for_cost(surrogate.encoding, self.cost, power)
        weight = 0.0 if self.deterministic else self.rules.noise_weight
        acquisition = Acquisition(surrogate, weight, penalty, self.max_time is not None)
        if observed.pending.any():
            pending = points[observed.pending]
            if len(pending) > self.rules.max_pending:
                likely = np.argsort(-acquisition(pending), kind="stable")
                pending = pending[likely[: self.rules.max_pending]]
            acquisition = acquisition.with_pending(pending)
        centers = best_points(points, observed.losses)
        n_made = observed.n_proposals
        return self._maximizer.next_points(acquisition, points, centers, rng, n_made, n)

    def _model(self, space: Space, observed: Observations) -> GPSurrogate | None:
        if observed.n_proposals < self._n_initial(space, observed) or observed.n_complete < 2:
            return None
        return self._fit(space, observed)

    def _n_initial(self, space: Space, observed: Observations) -> int:
        """Size of the initial design."""
        if self.n_initial_points is not None:
            return self.n_initial_points
        n = min(space.n_dims + 1, self.rules.max_initial_points)
        if observed.gradients is None:
            return n
        return max(min(n, 3), n - int(np.isfinite(observed.gradients).sum()))
