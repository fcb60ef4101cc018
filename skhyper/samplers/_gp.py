"""Bayesian optimisation: a Gaussian process of the losses, maximal expected improvement.

Notation
--------
points : (n, d) points of the unit cube, nan where inactive
F : (n, p) features; a category becomes one column for each of its choices
y : (n,) losses, failed ones replaced
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import ThreadpoolController

from skhyper._trial import History
from skhyper.gp import (
    GaussianProcess,
    Hyperparameters,
    fit_gp,
    gp_posterior,
    least_and_spread,
    log_expected_improvement,
    maximize_log_ei,
)
from skhyper.samplers._arguments import check_flag, check_number
from skhyper.samplers._base import Sampler, located_gradients, located_trials
from skhyper.samplers._cost import penalty_for_time, worth_most
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._proposals import (
    along_lines,
    best_points,
    every_point,
    first_points,
    in_rarest_branch,
    local_steps,
    unknown,
)
from skhyper.samplers._regret import Regret, fold_noise, regret_bound
from skhyper.space import Space

__all__ = ["GPSampler"]

Penalty = Callable[[np.ndarray], np.ndarray]

# Standard deviations of noise against which an improvement must be worth learning. Scores by
# cross-validation are steps: without it the search creeps along one of them.
_NOISE_WEIGHT = 2.0
# Up to so many numbers, the candidates cover the space. Among so few trials the acquisition is then
# not climbed: it is highest in corners, where nothing is known and little is to be found.
_COVERED_DIMENSIONS, _FIRST_CLIMB = 6, 20
# From the eighth trial on each fourth differs from the best one in one hyperparameter, with doubled
# standard deviations: a length-scale that is too short makes the process sure of what nobody tried,
# and most hyperparameters act each on its own.
_FIRST_LINES, _LINES_EACH, _DOUBT = 8, 4, 2.0
# In so few dimensions such trials are wasted: length-scales are soon known.
_FEW_DIMENSIONS = 3
# Each second trial is in the branch that was tried least, until all were tried so often: a model
# that was bad with one of its settings is else left alone, and the search may end in the wrong one.
# Where time counts, what is promising and quick comes first instead.
_BRANCHES_EACH, _TRIALS_OF_BRANCH = 2, 4
# Points before the first model. One of d + 1 points is no better than one of four.
_MOST_INITIAL = 4
# Hyperparameters are kept until the history has grown by one part in so many.
_KEPT_FOR = 5
# Each candidate is compared with each trial: beyond so many trials there are fewer, down to that
# part of them. Climbed from, they find as much.
_FULL_CANDIDATES, _FEWEST_CANDIDATES = 30, 0.6
# So many of the best candidates are compared with what is known, and may be climbed from.
_TOP = 64
_POLISH_ITERATIONS = 5
# Complete trials before the regret is bounded, and before the search may end for want of any.
_MIN_REGRET_TRIALS = 10
_MIN_TRIALS_TO_STOP = 20
# One bound may be lucky: hyperparameters of the process move with each trial.
_NEGLIGIBLE_IN_A_ROW = 3
_NOTHING_TO_GAIN = "the remaining regret is below the noise"
# Its square is a number yet.
_LARGEST_LOSS = 1e90


@dataclass(frozen=True)
class Model:
    """What is believed of the losses.

    Attributes
    ----------
    process : GaussianProcess
        Posterior of the loss, of features; ``process.X`` are the trials that it was told of.
    encoding : Encoding
        From points to features.
    best : float
        Least predicted loss of these trials.
    """

    process: GaussianProcess
    encoding: Encoding
    best: float

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (n,) of the loss at points (n, d), nan where inactive."""
        return self.process.predict(self.encoding.encode(points))


@dataclass(frozen=True)
class _Acquisition:
    """Log expected improvement of points, less the penalty for the time they take."""

    model: Model
    penalty: Penalty | None
    noise_weight: float

    @property
    def noise_std(self) -> float:
        return self.noise_weight * float(np.sqrt(self.model.process.noise_variance))

    def __call__(self, points: np.ndarray, doubt: float = 1.0) -> np.ndarray:
        """Values (m,) at points (m, d), with standard deviations times `doubt`."""
        F = self.model.encoding.encode(points)
        mean, std = self.model.process.predict(F)
        value = log_expected_improvement(mean, doubt * std, self.model.best, self.noise_std)[0]
        return value if self.penalty is None else value - self.penalty(F)


class GPSampler(Sampler):
    """Bayesian optimisation with a Gaussian process.

    Parameters
    ----------
    n_initial_points : int, default=None
        Trials before the process is asked: the middle of the space, then points of a Sobol
        sequence, less those that were tried already. By default four, in fewer than three
        dimensions one more than these; each derivative that is used counts as one, but there
        are three points at least.
    n_candidates : int, default=1000
        Random candidates at which the acquisition is evaluated; half as many are drawn
        around the best trials. Beyond 30 trials there are fewer, from 50 on three fifths. A
        space of no more than `n_candidates` settings is looked at as a whole.
    n_polish : int, default=4
        Number of candidates from which the acquisition is climbed by its gradient. With six
        numbers or fewer, only once there are 20 trials, or derivatives of the losses.
    use_gradients : bool, default=False
        Whether the process is told the derivatives of the losses (``Trial.gradient``) too,
        where trials have them.
    max_time : float, default=None
        Seconds that the trials may take in all, if they are what counts: what is promising and
        quick then comes first. Searches that have a `max_time` of their own set it.
    early_stopping : bool, default=False
        Whether to end the search where no better setting could be told from the best one: after
        20 trials, when :meth:`regret` was negligible after each of the last three.
    max_points : int, default=400
        The process is told of so many trials at most: those of least losses, and as many of the
        others, evenly spaced in time. ``model(space, history).process.X`` shows which.
    deterministic : bool, default=False
        Whether the losses are without noise, and smooth: their smallest differences then count.
        Scores by cross-validation are neither.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.

    Notes
    -----
    Matérn 5/2 kernel with one length-scale for each dimension, hyperparameters at their
    maximum a posteriori; choices as one column each, with a common length-scale; what is
    inactive lies in the middle of its range. Failed trials count as the worst loss seen.
    Trials still running are believed to have the value predicted for them. The acquisition
    is the logarithm of the expected improvement over the best predicted value, augmented for
    noise unless `deterministic`. In four dimensions or more, from the eighth trial on, each
    fourth differs from the best one in one dimension only, and is chosen with standard
    deviations doubled: a search that is sure too soon gets out again. Where values of a choice
    have hyperparameters of their own, such as the models of a pipeline, each second trial is in
    the one that was tried least, until each was tried four times; not so where seconds count.

    What an answer costs is bounded: at most 200 trials decide on the hyperparameters, which are
    found anew when the history has grown by a fifth, and `max_points` make the posterior.

    Derivatives by real hyperparameters are used, one after the other as they are known; the others
    of a trial may be missing. Of failed trials, and of those so bad that their loss is drawn in,
    none are. See :func:`skhyper.gp.fit_gp` for what it costs and where it is capped.

    With `max_time`, the acquisition is the expected improvement over the predicted seconds to a
    power, which is the part of the time that is left: 1 at the start, 0 at the end. Seconds are
    predicted by ridge regression of their logarithm; where they do not depend on the setting
    beyond noise, or hardly any of the time is used, it is the expected improvement itself.

    References
    ----------
    Snoek, Larochelle and Adams (2012), arXiv:1206.2944. Ament, Daulton, Eriksson, Balandat
    and Bakshy (2023), arXiv:2310.20708. Huang, Allen, Notz and Zeng (2006), Journal of Global
    Optimization 34 (the augmentation). Ginsbourger, Le Riche and Carraro (2010), "Kriging
    is well-suited to parallelize optimization" (for running trials). Lee, Perrone, Archambeau
    and Seeger (2020), arXiv:2003.10870 (for `max_time`).
    """

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
        self.stop_reason = ""
        self._fitted: tuple[tuple[bytes, ...], Hyperparameters] | tuple[None, None] = None, None

    def __repr__(self) -> str:
        extra = ", use_gradients=True" if self.use_gradients else ""
        extra += "" if self.max_time is None else f", max_time={self.max_time!r}"
        extra += ", early_stopping=True" if self.early_stopping else ""
        extra += ", deterministic=True" if self.deterministic else ""
        return (
            f"GPSampler(n_initial_points={self.n_initial_points!r}, "
            f"n_candidates={self.n_candidates!r}, n_polish={self.n_polish!r}{extra})"
        )

    def ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        self.stop_reason = ""
        if self.early_stopping and self._may_stop(space, history):
            self.stop_reason = _NOTHING_TO_GAIN
            return np.empty((0, space.n_dims))
        # On matrices this small, threads of BLAS wait for one another longer than they work.
        with _threads().limit(limits=1, user_api="blas"):
            return self._ask(space, history, n_points, rng)

    def _may_stop(self, space: Space, history: History) -> bool:
        """Whether the regret was negligible after each of the last trials."""
        _, losses, _ = located_trials(space, history)
        if np.isfinite(losses).sum() < _MIN_TRIALS_TO_STOP:
            return False
        ends = [len(history) - back for back in range(_NEGLIGIBLE_IN_A_ROW)]
        parts = (replace(history, trials=history.trials[:end]) for end in ends)
        return all(self.regret(space, part).negligible for part in parts)

    def regret(self, space: Space, history: History) -> Regret:
        """How much better than the best trial another could still be.

        Parameters
        ----------
        space : Space
        history : History

        Returns
        -------
        regret : Regret
            ``bound``, an upper bound of that, nan before there are 2 (d + 1) trials and 10;
            ``noise``, below which cross-validation tells nothing; ``negligible``, whether the
            bound is below the noise.

        References
        ----------
        Makarova et al., "Automatic termination for hyperparameter optimization", AutoML
        Conference 2022, arXiv:2104.08166.
        """
        points, losses, pending = located_trials(space, history)
        noise = np.nan if history.best is None else fold_noise(history.best, history.splits)
        if np.isfinite(losses).sum() < max(_MIN_REGRET_TRIALS, 2 * (space.n_dims + 1)):
            return Regret(np.nan, noise)
        encoding = Encoding.of(space)
        rng = np.random.default_rng([history.seed, len(history), 1])
        with _threads().limit(limits=1, user_api="blas"):
            F = encoding.encode(points)[~pending]
            gp = fit_gp(F, _finite_losses(losses[~pending]), groups=encoding.groups)
            centres = best_points(points, losses)
            elsewhere = encoding.encode(self._candidates(space, centres, points, rng))
            observed = gp.predict(F[np.isfinite(losses[~pending])])
            bound = regret_bound(observed, gp.predict(elsewhere), space.n_dims)
        return Regret(bound, float(np.sqrt(gp.noise_variance)) if np.isnan(noise) else noise)

    def _ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        points, losses, pending = located_trials(space, history)
        model = self._model(space, history, points, losses, pending)
        if model is None:
            return first_points(space, points, n_points, history.seed, rng)
        centres = best_points(points, losses)
        encode = model.encoding.encode
        gp = _believe(model.process, encode(points[pending]))
        penalty = None
        if self.max_time is not None:
            penalty = penalty_for_time(space, history, self.max_time, encode)
        asked = points[:0]
        for _ in range(n_points):
            gp = _believe(gp, encode(asked[-1:]))
            known = np.concatenate([points, asked])
            point = self._next(replace(model, process=gp), known, centres, penalty, rng)
            asked = np.concatenate([asked, point[None]])
        return asked

    def model(self, space: Space, history: History) -> "Model | None":
        """What the sampler believes of the losses; None while it follows its first points.

        Parameters
        ----------
        space : Space
        history : History
            Trials that are still running are left out.

        Returns
        -------
        model : Model or None
        """
        return self._model(space, history, *located_trials(space, history))

    def _model(
        self,
        space: Space,
        history: History,
        points: np.ndarray,
        losses: np.ndarray,
        pending: np.ndarray,
    ) -> "Model | None":
        """The model of the trials of the history that have a place in the space."""
        gradients = located_gradients(space, history) if self.use_gradients else None
        if len(points) < self._n_initial(space, gradients) or np.isfinite(losses).sum() < 2:
            return None
        encoding = Encoding.of(space)
        F = encoding.encode(points[~pending])
        losses = losses[~pending]
        if gradients is None:
            process = self._process(F, losses, encoding.groups)
        else:
            y, gradients = _finite_losses(losses), gradients[~pending]
            gradients[y != losses] = np.nan  # failed, or drawn in
            gradients[np.abs(gradients) > _LARGEST_LOSS] = np.nan
            slopes = encoding.encode_gradients(gradients)
            process = fit_gp(F, y, groups=encoding.groups, gradients=slopes)
        return Model(process, encoding, float(process.predict(process.X)[0].min()))

    def _process(self, F: np.ndarray, losses: np.ndarray, groups: np.ndarray) -> GaussianProcess:
        """The process of all losses, with the hyperparameters of four fifths or more of them."""
        n = max(len(losses) - len(losses) % max(1, len(losses) // _KEPT_FOR), _first_two(losses))
        key = (groups.tobytes(), F[:n].tobytes(), losses[:n].tobytes())
        if key != self._fitted[0]:
            fitted = fit_gp(F[:n], _finite_losses(losses[:n]), groups=groups)
            self._fitted = key, fitted.hyperparameters
        y = _finite_losses(losses)
        kept = least_and_spread(y, self.max_points)
        return gp_posterior(F[kept], y[kept], self._fitted[1], groups=groups)

    def _n_initial(self, space: Space, gradients: np.ndarray | None) -> int:
        """Number of points before the process is asked."""
        if self.n_initial_points is not None:
            return self.n_initial_points
        n = min(space.n_dims + 1, _MOST_INITIAL)
        return n if gradients is None else max(min(n, 3), n - int(np.isfinite(gradients).sum()))

    def _next(
        self,
        model: "Model",
        known: np.ndarray,
        centres: np.ndarray,
        penalty: Penalty | None,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The next point, none of the `known` ones."""
        weight = 0.0 if self.deterministic else _NOISE_WEIGHT
        acquisition = _Acquisition(model, penalty, weight)
        space = model.encoding.space
        if penalty is None and len(known) % _BRANCHES_EACH == 0:
            points = in_rarest_branch(space, known, _TRIALS_OF_BRANCH, self.n_candidates, rng)
            if len(points):
                return points[acquisition(points).argmax()]
        lines = len(known) >= _FIRST_LINES and len(known) % _LINES_EACH == 0
        if lines and space.n_dims > _FEW_DIMENSIONS:
            points = unknown(along_lines(space, centres[0], rng), known)
            if len(points):
                return points[acquisition(points, _DOUBT).argmax()]
        return self._maximum(acquisition, known, centres, rng)

    def _maximum(
        self,
        acquisition: "_Acquisition",
        known: np.ndarray,
        centres: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The point of largest acquisition that is not `known`."""
        model, encoding = acquisition.model, acquisition.model.encoding
        space = encoding.space
        candidates = self._candidates(space, centres, known, rng)
        candidates = candidates[np.argsort(-acquisition(candidates), kind="stable")]
        # The first that are new will do; to compare all of them takes as long as to predict.
        top = unknown(candidates[:_TOP], known)
        if len(top) == 0:
            top = unknown(candidates, known)
        if len(top) == 0:  # a small space, all but used up: the search finds the rest
            return space.sample(1, rng, known)[0]
        free = self._free(model, top, len(known))
        if acquisition.penalty is None and not free.any():
            return top[0]
        found, _ = maximize_log_ei(
            model.process,
            model.best,
            encoding.encode(top),
            free=free,
            n_polish=self.n_polish,
            max_iter=_POLISH_ITERATIONS,
            noise_std=acquisition.noise_std,
        )
        # Rounded, they may be known, forbidden, or worse than a candidate.
        found = unknown(space.canonical(encoding.decode(found)), known)
        points = space.filter(np.concatenate([found, top]))
        if acquisition.penalty is None:
            points = points[: len(found) + 1]
            return points[acquisition(points).argmax()] if len(points) else top[0]

        def steps(starts: np.ndarray) -> np.ndarray:
            return unknown(local_steps(space, starts, rng), known)

        return worth_most(acquisition, points, steps)

    def _free(self, model: "Model", points: np.ndarray, n_known: int) -> np.ndarray:
        """Features (n, p) in which the acquisition is climbed from the points (n, d)."""
        space, free = model.encoding.space, model.encoding.free(points)
        if space.n_settings <= self.n_candidates:
            return np.zeros_like(free)
        late = n_known >= _FIRST_CLIMB or model.process.derivatives is not None
        return free & (late | (free.sum(axis=1, keepdims=True) > _COVERED_DIMENSIONS))

    def _candidates(
        self, space: Space, centres: np.ndarray, known: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """All points of a small space; else random ones and steps from the centres, (m, d)."""
        if space.n_settings <= self.n_candidates:
            return every_point(space)
        part = max(_FEWEST_CANDIDATES, min(1.0, _FULL_CANDIDATES / len(known)))
        m = max(1, round(part * self.n_candidates))
        steps = local_steps(space, np.repeat(centres, -(-m // (2 * len(centres))), axis=0), rng)
        return np.concatenate([space.sample(m, rng, known), steps])


@functools.cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _believe(gp: GaussianProcess, F: np.ndarray) -> GaussianProcess:
    """The process after its own predictions at F have come true."""
    return gp.condition_on(F, gp.predict(F)[0]) if len(F) else gp


def _first_two(losses: np.ndarray) -> int:
    """Number of trials with which the second one succeeded: the least that say anything."""
    return int(np.flatnonzero(np.isfinite(losses))[1]) + 1


def _finite_losses(losses: np.ndarray) -> np.ndarray:
    """Losses with the worst seen in place of failures, and far outliers drawn in.

    A loss of 1e300 says "bad" and no more; taken as it is, it would leave no other
    difference visible.
    """
    finite = np.isfinite(losses)
    losses = np.clip(losses, -_LARGEST_LOSS, _LARGEST_LOSS)
    known = losses[finite]
    middle, low = np.median(known), known.min()
    high = min(known.max(), middle + 5 * (middle - low)) if middle > low else known.max()
    return np.minimum(np.where(finite, losses, high), high)
