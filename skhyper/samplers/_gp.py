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
from skhyper.gp import GaussianProcess, fit_gp, log_expected_improvement, maximize_log_ei
from skhyper.samplers._base import Sampler, located_gradients, located_trials
from skhyper.samplers._cost import penalty_for_time, worth_most
from skhyper.samplers._regret import Regret, fold_noise, regret_bound
from skhyper.samplers._sobol import sobol_points
from skhyper.space import Space

__all__ = ["GPSampler"]

# Steps of local candidates around the best points, in units of the cube's side.
_LOCAL_STEPS = (0.2, 0.05, 0.01)
# Two different choices are as far apart as the two ends of a range.
_CATEGORY_HEIGHT = np.sqrt(0.5)
# Standard deviations of noise against which an improvement must be worth learning. Scores by
# cross-validation are steps: without it the search creeps along one of them.
_NOISE_WEIGHT = 2.0
# Complete trials before the regret is bounded, and before the search may end for want of any.
_MIN_REGRET_TRIALS = 10
_MIN_TRIALS_TO_STOP = 20
# One bound may be lucky: hyperparameters of the process move with each trial.
_NEGLIGIBLE_IN_A_ROW = 3
_NOTHING_TO_GAIN = "no better setting could be told from the best one: see sampler_.regret"
# Its square is a number yet.
_LARGEST_LOSS = 1e90


class GPSampler(Sampler):
    """Bayesian optimisation with a Gaussian process.

    Parameters
    ----------
    n_initial_points : int, default=None
        Trials before the process is asked: points of a Sobol sequence, less those that
        were tried already. By default one more than there are dimensions, at most 20; each
        derivative that is used counts as one, but there are three points at least.
    n_candidates : int, default=1000
        Random candidates at which the acquisition is evaluated; half as many are drawn
        around the best trials.
    n_polish : int, default=4
        Number of candidates from which the acquisition is climbed by its gradient.
    use_gradients : bool, default=False
        Whether the process is told the derivatives of the losses (``Trial.gradient``) too,
        where trials have them.
    max_time : float, default=None
        Seconds that the trials may take in all, if they are what counts: what is promising and
        quick then comes first. Searches that have a `max_time` of their own set it.
    early_stopping : bool, default=False
        Whether to end the search where no better setting could be told from the best one: after
        20 trials, when :meth:`regret` was negligible after each of the last three.

    Notes
    -----
    Matérn 5/2 kernel with one length-scale for each dimension, hyperparameters at their
    maximum a posteriori; choices as one column each, with a common length-scale; what is
    inactive lies in the middle of its range. Failed trials count as the worst loss seen.
    Trials still running are believed to have the value predicted for them. The acquisition
    is the logarithm of the expected improvement over the best predicted value, augmented for
    noise.

    Derivatives by real hyperparameters are used, one after the other as they are known; the others
    of a trial may be missing. Of failed trials, and of those so bad that their loss is drawn in,
    none are. See :func:`skhyper.gp.fit_gp` for what it costs and where it is capped.

    With `max_time`, the acquisition is the expected improvement over the predicted seconds to a
    power, which is the part of the time that is left: 1 at the start, 0 at the end. Seconds are
    predicted by ridge regression of their logarithm; where they do not depend on the setting
    beyond noise, the acquisition is the expected improvement itself.

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
    ):
        self.n_initial_points = n_initial_points
        self.n_candidates = n_candidates
        self.n_polish = n_polish
        self.use_gradients = use_gradients
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.stop_reason = ""

    def __repr__(self) -> str:
        extra = ", use_gradients=True" if self.use_gradients else ""
        extra += "" if self.max_time is None else f", max_time={self.max_time!r}"
        extra += ", early_stopping=True" if self.early_stopping else ""
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
        encoding = _Encoding.of(space)
        rng = np.random.default_rng([history.seed, len(history), 1])
        with _threads().limit(limits=1, user_api="blas"):
            F = encoding.encode(points)[~pending]
            gp = fit_gp(F, _finite_losses(losses[~pending]), groups=encoding.groups)
            elsewhere = encoding.encode(self._candidates(space, points, losses, rng))
            observed = gp.predict(F[np.isfinite(losses[~pending])])
            bound = regret_bound(observed, gp.predict(elsewhere), space.n_dims)
        return Regret(bound, float(np.sqrt(gp.noise_variance)) if np.isnan(noise) else noise)

    def _ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        points, losses, pending = located_trials(space, history)
        gradients = located_gradients(space, history) if self.use_gradients else None
        if len(points) < self._n_initial(space, gradients) or np.isfinite(losses).sum() < 2:
            return sobol_points(space, len(history), n_points, history.seed, rng)
        encoding = _Encoding.of(space)
        F = encoding.encode(points)
        y = _finite_losses(losses[~pending])
        if gradients is not None:
            gradients = gradients[~pending]
            gradients[y != losses[~pending]] = np.nan  # failed, or drawn in
            gradients[np.abs(gradients) > _LARGEST_LOSS] = np.nan
            gradients = encoding.encode_gradients(gradients)
        gp = fit_gp(F[~pending], y, groups=encoding.groups, gradients=gradients)
        best = float(gp.predict(F[~pending])[0].min())
        gp = _believe(gp, F[pending])
        penalty = None
        if self.max_time is not None:
            penalty = penalty_for_time(space, history, self.max_time, encoding.encode)
        asked: list[np.ndarray] = []
        for _ in range(n_points):
            known = np.concatenate([points, *[p[None] for p in asked]])
            asked.append(self._next(space, encoding, gp, best, known, losses, penalty, rng))
            gp = _believe(gp, encoding.encode(asked[-1][None]))
        return np.array(asked)

    def _n_initial(self, space: Space, gradients: np.ndarray | None) -> int:
        """Number of points before the process is asked."""
        if self.n_initial_points is not None:
            return self.n_initial_points
        n = min(space.n_dims + 1, 20)
        return n if gradients is None else max(min(n, 3), n - int(np.isfinite(gradients).sum()))

    def _next(
        self,
        space: Space,
        encoding: "_Encoding",
        gp: GaussianProcess,
        best: float,
        known: np.ndarray,
        losses: np.ndarray,
        penalty: Callable[[np.ndarray], np.ndarray] | None,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The point of largest expected improvement that is not `known`."""
        candidates = _unknown(self._candidates(space, known, losses, rng), known)
        if len(candidates) == 0:  # a small space, all but used up: the search finds the rest
            return space.sample(1, rng)[0]
        free = encoding.free(candidates)
        noise_std = _NOISE_WEIGHT * float(np.sqrt(gp.noise_variance))
        found, _ = maximize_log_ei(
            gp,
            best,
            encoding.encode(candidates),
            free=free,
            n_polish=self.n_polish,
            noise_std=noise_std,
        )
        points = space.filter(_unknown(space.activate(encoding.decode(found)), known))
        if penalty is not None:

            def worth(points: np.ndarray) -> np.ndarray:
                F = encoding.encode(points)
                mean, std = gp.predict(F)
                return log_expected_improvement(mean, std, best, noise_std)[0] - penalty(F)

            def steps(starts: np.ndarray) -> np.ndarray:
                near = space.filter(space.activate(_steps(space, starts, rng)))
                return _unknown(near, known)

            return worth_most(worth, np.concatenate([points, candidates]), steps)
        if len(points):
            return points[0]
        # Snapped to a known or forbidden point: the best candidate that is neither.
        held, _ = maximize_log_ei(
            gp, best, encoding.encode(candidates), free=np.zeros_like(free), n_polish=64
        )
        points = space.filter(_unknown(space.activate(encoding.decode(held)), known))
        return points[0] if len(points) else candidates[0]

    def _candidates(
        self, space: Space, known: np.ndarray, losses: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Random points, and random steps from the best ones, (m, d)."""
        n = self.n_candidates
        centres = known[np.argsort(losses)[:3]]  # nan, failed or pending, sorts last
        starts = np.repeat(centres, -(-n // (2 * len(centres))), axis=0)
        return np.concatenate(
            [space.sample(n, rng), space.filter(space.activate(_steps(space, starts, rng)))]
        )


@functools.cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _steps(space: Space, starts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random steps from `starts`: a few dimensions each, numbers near, choices anywhere."""
    moves = rng.random(starts.shape) < min(1.0, 2.0 / space.n_dims)
    moves[np.arange(len(starts)), rng.integers(space.n_dims, size=len(starts))] = True
    sizes = rng.choice(_LOCAL_STEPS, size=(len(starts), 1))
    near = starts + sizes * rng.standard_normal(starts.shape)
    anywhere = rng.random(starts.shape)
    categorical = np.array([d.kind == "categorical" for d in space.dimensions])
    moved = np.where(categorical | np.isnan(starts), anywhere, np.clip(near, 0.0, 1.0))
    return np.where(moves | np.isnan(starts), moved, np.clip(starts, 0.0, 1.0))


def _unknown(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The points that are not among the known ones."""
    seen = {row.tobytes() for row in np.round(known, 9)}
    keep = [row.tobytes() not in seen for row in np.round(points, 9)]
    return points[np.array(keep, dtype=bool)]


def _believe(gp: GaussianProcess, F: np.ndarray) -> GaussianProcess:
    """The process after its own predictions at F have come true."""
    return gp.condition_on(F, gp.predict(F)[0]) if len(F) else gp


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


@dataclass(frozen=True)
class _Encoding:
    """Points as features of the process: numbers as they are, a column for each choice."""

    space: Space
    columns: list[slice]
    groups: np.ndarray

    @classmethod
    def of(cls, space: Space) -> "_Encoding":
        widths = [int(d.n_values) if d.kind == "categorical" else 1 for d in space.dimensions]
        ends = np.cumsum(widths)
        columns = [slice(int(end - width), int(end)) for end, width in zip(ends, widths)]
        return cls(space, columns, np.repeat(np.arange(len(widths)), widths))

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Features (n, p) of points (n, d)."""
        F = np.empty((len(points), len(self.groups)))
        for dimension, u, columns in zip(self.space.dimensions, points.T, self.columns):
            active = ~np.isnan(u)
            if dimension.kind == "categorical":
                F[:, columns] = _CATEGORY_HEIGHT / dimension.n_values
                F[active, columns] = 0.0
                rows = np.flatnonzero(active)
                F[rows, columns.start + dimension.index(u[active])] = _CATEGORY_HEIGHT
            else:
                F[:, columns.start] = np.where(active, u, 0.5)
        return F

    def encode_gradients(self, gradients: np.ndarray) -> np.ndarray:
        """Derivatives by the features (n, p), of those by the coordinates (n, d)."""
        by_feature = np.full((len(gradients), len(self.groups)), np.nan)
        for dimension, slopes, columns in zip(self.space.dimensions, gradients.T, self.columns):
            if dimension.kind != "categorical":
                by_feature[:, columns.start] = slopes
        return by_feature

    def decode(self, F: np.ndarray) -> np.ndarray:
        """Points (n, d) of features (n, p); what is inactive comes out active."""
        points = np.empty((len(F), self.space.n_dims))
        for i, (dimension, columns) in enumerate(zip(self.space.dimensions, self.columns)):
            if dimension.kind == "categorical":
                points[:, i] = dimension.grid(0)[F[:, columns].argmax(axis=1)]
            else:
                points[:, i] = F[:, columns.start]
        return points

    def free(self, points: np.ndarray) -> np.ndarray:
        """Features (n, p) that the acquisition may be climbed in: active real numbers."""
        free = np.zeros((len(points), len(self.groups)), dtype=bool)
        for dimension, u, columns in zip(self.space.dimensions, points.T, self.columns):
            if np.isinf(dimension.n_values):
                free[:, columns.start] = ~np.isnan(u)
        return free
