"""The acquisition function of Bayesian optimization, and its maximization.

Notation
--------
n, m, d, p : number of known points, of candidates, of dimensions, of features
known : (n, d) points of all trials, nan where inactive
centers : (k, d) points of the best trials
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from skhyper.gp import log_expected_improvement, maximize_log_ei
from skhyper.samplers._cost import maximize_by_steps
from skhyper.samplers._proposals import (
    along_lines,
    every_point,
    in_rarest_branch,
    local_steps,
    unknown,
)
from skhyper.samplers._rules import Rules
from skhyper.samplers._surrogate import GPSurrogate
from skhyper.space import Space

Penalty = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Acquisition:
    """Log expected improvement, minus a penalty for time or cost.

    The improvement is augmented by `noise_weight` standard deviations of the noise. `penalty` maps
    features (m, p) to values (m,). With `time_is_limited`, no trials are spent on rare branches.
    """

    surrogate: GPSurrogate
    noise_weight: float
    penalty: Penalty | None = None
    time_is_limited: bool = False

    @property
    def noise_std(self) -> float:
        return self.noise_weight * float(np.sqrt(self.surrogate.gp.noise_variance))

    def __call__(self, points: np.ndarray, std_scale: float = 1.0) -> np.ndarray:
        """Values (m,) at points (m, d), with standard deviations times `std_scale`."""
        F = self.surrogate.encoding.encode(points)
        mean, std = self.surrogate.gp.predict(F)
        best = self.surrogate.best
        value = log_expected_improvement(mean, std_scale * std, best, self.noise_std)[0]
        return value if self.penalty is None else value - self.penalty(F)

    def with_pending(self, points: np.ndarray) -> "Acquisition":
        """The acquisition given the predicted mean at points (m, d): nowhere larger."""
        surrogate, F = self.surrogate, self.surrogate.encoding.encode(points)
        gp = surrogate.gp.condition_on(F, surrogate.gp.predict_mean(F))
        return replace(self, surrogate=replace(surrogate, gp=gp))


@dataclass(frozen=True)
class Maximizer:
    """Maximization of the acquisition: in the rarest branch, on a line, or over the space."""

    rules: Rules
    n_candidates: int
    n_polish: int

    def next_points(
        self,
        acquisition: Acquisition,
        known: np.ndarray,
        centers: np.ndarray,
        rng: np.random.Generator,
        n_proposals: int,
        n: int,
    ) -> list[np.ndarray]:
        """The next `n` points (d,), each chosen as if those before were pending."""
        points = [self.next_point(acquisition, known, centers, rng, n_proposals)]
        n_kept = self.rules.n_shortlist
        ranked, bound = known[:0], np.inf  # the best candidates, and the value of the next one
        for n_made in range(n_proposals + 1, n_proposals + n):
            known = np.concatenate([known, points[-1:]])
            acquisition = acquisition.with_pending(points[-1][None])
            values = acquisition(ranked)
            if values.max(initial=-np.inf) < bound:
                ranked = self.candidates(acquisition.surrogate.space, centers, known, rng)
                ranked = unknown(ranked, known)
                values = acquisition(ranked)
                bound = -np.sort(-values)[n_kept:].max(initial=-np.inf)
            ranked = ranked[np.argsort(-values, kind="stable")[:n_kept]]
            points.append(self.next_point(acquisition, known, centers, rng, n_made, ranked))
        return points

    def next_point(
        self,
        acquisition: Acquisition,
        known: np.ndarray,
        centers: np.ndarray,
        rng: np.random.Generator,
        n_proposals: int | None = None,
        ranked: np.ndarray | None = None,
    ) -> np.ndarray:
        """The next point, (d,), none of the `known` ones, of which `n_proposals` were proposed.

        `ranked` are candidates, the best ones first; None draws them.
        """
        space, rules = acquisition.surrogate.space, self.rules
        n = len(known) if n_proposals is None else n_proposals
        may_branch = acquisition.penalty is None or not acquisition.time_is_limited
        if may_branch and n % rules.branch_period == 0:
            n_trials = rules.min_branch_trials
            points = in_rarest_branch(space, known, n_trials, self.n_candidates, rng)
            if len(points):
                return points[acquisition(points).argmax()]
        lines = n >= rules.first_line and n % rules.line_period == 0
        if lines and space.n_dims >= rules.min_line_dimensions:
            points = unknown(along_lines(space, centers[0], rng), known)
            if len(points):
                return points[acquisition(points, rules.line_std_scale).argmax()]
        if ranked is None:
            ranked = self.candidates(space, centers, known, rng)
            ranked = ranked[np.argsort(-acquisition(ranked), kind="stable")]
        return self._maximum(acquisition, ranked, known, rng)

    def candidates(
        self, space: Space, centers: np.ndarray, known: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """All points of a small space, else random points and steps from the centers, (m, d)."""
        if space.n_candidates <= self.n_candidates:
            return every_point(space)
        rules = self.rules
        share = max(rules.min_candidate_share, min(1.0, rules.n_full_candidates / len(known)))
        m = max(1, round(share * self.n_candidates))
        n_steps = int(np.ceil(rules.local_share * m / len(centers)))
        steps = local_steps(space, np.repeat(centers, n_steps, axis=0), rng)
        return np.concatenate([space.sample(m, rng, known), steps])

    def _maximum(
        self,
        acquisition: Acquisition,
        candidates: np.ndarray,
        known: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The point of largest acquisition that is not `known`; the best candidates come first."""
        surrogate, encoding = acquisition.surrogate, acquisition.surrogate.encoding
        space = surrogate.space
        # Comparing all candidates with the known points would take as long as predicting.
        top = unknown(candidates[: self.rules.n_top], known)
        if len(top) == 0:
            top = unknown(candidates, known)
        if len(top) == 0:  # a small space, nearly exhausted
            return space.sample(1, rng, known)[0]
        free = self._free(surrogate, top, len(known))
        if acquisition.penalty is None and not free.any():
            return top[0]
        found, _ = maximize_log_ei(
            surrogate.gp,
            surrogate.best,
            encoding.encode(top),
            free=free,
            n_polish=self.n_polish,
            max_iter=self.rules.max_polish_iterations,
            noise_std=acquisition.noise_std,
        )
        # After rounding they may be known, forbidden, or worse than a candidate.
        found = unknown(space.canonical(encoding.decode(found)), known)
        points = space.filter(np.concatenate([found, top]))
        if acquisition.penalty is None:
            points = points[: len(found) + 1]
            return points[acquisition(points).argmax()] if len(points) else top[0]

        def steps(starts: np.ndarray) -> np.ndarray:
            return unknown(local_steps(space, starts, rng), known)

        return maximize_by_steps(acquisition, points, steps)

    def _free(self, surrogate: GPSurrogate, points: np.ndarray, n_known: int) -> np.ndarray:
        """Features (n, p) over which the acquisition is maximized locally from points (n, d)."""
        free = surrogate.encoding.free(points)
        if surrogate.space.n_candidates <= self.n_candidates:
            return np.zeros_like(free)
        late = n_known >= self.rules.first_polish or surrogate.gp.derivatives is not None
        return free & (late | (free.sum(axis=1, keepdims=True) > self.rules.covered_dimensions))
