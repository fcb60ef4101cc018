"""The strategy of a search by gradients: local descents, their order and their starts.

A *run* is one local descent over the coordinates that have derivatives; all others, its
*configuration*, are fixed. A `Plan` is a generator that yields points and receives their results.

Notation
--------
u : point of the unit cube, (d,), nan where inactive
f, g : criterion at a point and its gradient with respect to u, (d,), nan where unknown
"""

import itertools
import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skhyper._trial import History, Stop, Trial
from skhyper.samplers._gp import GPSampler
from skhyper.samplers._local import Answer, Plan, descent, tied_descent
from skhyper.samplers._overview import (
    LARGEST_DIMENSION,
    bracket,
    coarse_design,
    cuts_off,
    first_step,
    is_unpromising,
    regular_grid,
    restart_point,
)
from skhyper.samplers._shrinkage import Shrinkage
from skhyper.samplers._sobol import sobol_point
from skhyper.space import Space

if TYPE_CHECKING:
    from skhyper.samplers._gradient import GradientSampler

# Hyperparameters that make a model more flexible as they increase; the others do the opposite.
_FLEXIBLE_AT_TOP = frozenset({"C", "gamma"})


@dataclass
class _Run:
    """A descent: its current point, all points so far, and the best one."""

    point: np.ndarray
    points: list[np.ndarray] = field(default_factory=list)
    steps: Plan = field(init=False)
    best: float = math.inf
    best_point: np.ndarray | None = None
    n_trials: int = 0
    flat: bool = False
    done: bool = False


@dataclass
class Strategy:
    """The strategy: which run continues, and where the next one starts.

    `options` are the arguments of the search. The strength of the prior is None until a callable
    `prior` is called, once, at the best point with tied components.
    """

    space: Space
    options: "GradientSampler"
    starts: list[np.ndarray]
    seed: int
    _seen: list[tuple[np.ndarray, Answer]] = field(default_factory=list)
    _runs: list[_Run] = field(default_factory=list)
    _design: dict[bytes, Answer] = field(default_factory=dict)
    # End of the range that the design omits, by configuration.
    _unpromising: dict[bytes, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        space, o = self.space, self.options
        self.rules, self.tol = o.rules, o.tol
        self.shrinkage = Shrinkage.from_space(space, o.names)
        self.strength = None if callable(o.prior) else o.prior
        few = space.n_dims <= LARGEST_DIMENSION and not self.shrinkage.vectors
        self._sees_whole_range = few and o.n_restarts > 0
        columns = zip(space.names, space.dimensions)
        # Mask of the differentiable coordinates, (d,).
        self._moves = np.array([n in o.names and math.isinf(d.n_values) for n, d in columns])

    def plan(self) -> Plan:
        """The points of the whole search; returns the stop reason."""
        configurations = self._configurations()
        if configurations is None:
            yield from self._propose_configurations()
            return "the constraint rejects all proposals"
        for point in self.starts:
            yield from self._start(point)
        if self._sees_whole_range:
            yield from self._overview(configurations)
        else:
            taken = {self._key(start) for start in self.starts}
            for configuration in configurations:
                if Space.key(configuration) not in taken:
                    yield from self._start(configuration)
        yield from self._descend()
        return (yield from self._restart())

    # ---- configurations: the coordinates that are fixed in a run

    def _middle(self, point: np.ndarray) -> np.ndarray:
        """The point with its differentiable coordinates at 0.5: it identifies the configuration."""
        return self.space.canonical(np.where(self._moves, 0.5, point))[0]

    def _key(self, point: np.ndarray) -> bytes:
        """A key of the configuration of a point."""
        return Space.key(self._middle(point))

    def _configurations(self) -> list[np.ndarray] | None:
        """The middle of each configuration; None if there are too many to try one by one."""
        columns = list(zip(self._moves, self.space.dimensions))
        size = math.prod(1 if moves else d.n_values for moves, d in columns)
        if size > self.rules.max_enumerated:
            return None
        axes = [[0.5] if moves else d.grid(int(d.n_values)) for moves, d in columns]
        middles = (self._middle(np.array(point)) for point in itertools.product(*axes))
        found = list({Space.key(middle): middle for middle in middles}.values())
        if self.space.constraint is not None:
            found = [point for middle in found if (point := self._allowed(middle)) is not None]
        most = max(1, self.options.n_iter // self.rules.trials_per_configuration)
        return found if len(found) <= most else None

    def _allowed(self, middle: np.ndarray) -> np.ndarray | None:
        """The middle of a configuration, or a random point of it if the constraint rejects that."""
        rng = np.random.default_rng(self.seed)
        others = rng.random((self.rules.max_draws, self.space.n_dims))
        points = [middle, *np.where(self._moves & ~np.isnan(middle), others, middle)]
        allowed = (p for p in points if len(self.space.filter(self.space.canonical(p[None]))))
        return next(allowed, None)

    def _propose_configurations(self) -> Plan:
        """Starts proposed by a GP over all configurations, each followed by a descent.

        A descent continues while its best value is at most the median of all runs'.
        """
        for point in self.starts or [self._middle(np.full(self.space.n_dims, 0.5))]:
            yield from self._start(point)
        while len(self._seen) < self.rules.max_points_per_trial * self.options.n_iter:
            run = self._runs[-1]
            while not run.done and run.best <= np.median([other.best for other in self._runs]):
                yield from self._advance(run)
            start = self._gp_proposal()
            yield from self._start(start if self.strength == 0 else self.shrinkage.tied(start))

    # ---- one or two hyperparameters: a design over their whole range

    def _overview(self, configurations: list[np.ndarray]) -> Plan:
        """A coarse design of each configuration, and a run from its best point.

        The designs take at most half of the trials in total.
        """
        most = self.options.n_iter // (2 * len(configurations))
        for configuration in configurations:
            columns, U, f, G = self._trials_of(configuration)
            tried = []
            for u in self._design_of(configuration, most):
                if is_unpromising(U, f, G, u):
                    self._unpromising[self._key(configuration)] = float(u[0])
                    continue
                point = self._at(configuration, columns, u)
                tried.append((point, (yield point)))
                self._design[Space.key(point)] = tried[-1][1]
                self._seen.append(tried[-1])
                columns, U, f, G = self._trials_of(configuration)
            # If the gradient of the best is zero, also start from the best one with a nonzero one.
            sloped = [(p, a) for p, a in tried if np.any(np.nan_to_num(a.slope[columns]))]
            starts = [_least(some) for some in (tried, sloped) if some]
            for point in starts[: 1 + (starts[-1] is not starts[0])] if starts else []:
                yield from self._start(point)

    def _design_of(self, point: np.ndarray, most: int) -> np.ndarray:
        """Coordinates of the coarse design of a point's configuration, without tried ones."""
        columns, U, *_ = self._trials_of(point)
        names = [self.space.names[k].rpartition("__")[2] for k in columns]
        ascending = np.array([name in _FLEXIBLE_AT_TOP for name in names], dtype=bool)
        design = coarse_design(len(columns), most, ascending)
        tried = [any(np.allclose(U_i, u) for U_i in U) for u in design]
        return design[~np.array(tried, dtype=bool)]

    def _at(self, point: np.ndarray, columns: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The point with the coordinates `u` in `columns`."""
        point = point.copy()
        point[columns] = u
        return self.space.canonical(point[None])[0]

    def _trials_of(self, point: np.ndarray) -> tuple[np.ndarray, ...]:
        """Differentiable columns of a point; coordinates, f and g of its trials there."""
        columns = np.flatnonzero(self._moves & ~np.isnan(point))
        key = self._key(point)
        seen = [(p[columns], a) for p, a in self._seen if self._key(p) == key]
        U = np.array([u for u, _ in seen]).reshape(len(seen), len(columns))
        G = np.array([a.slope[columns] for _, a in seen]).reshape(U.shape)
        return columns, U, np.array([a.value for _, a in seen]), G

    def _candidates(self, point: np.ndarray, columns: np.ndarray, U: np.ndarray) -> np.ndarray:
        """Coordinates of possible restarts, (m, len(columns))."""
        grid = regular_grid(len(columns))
        points = np.repeat(point[None], len(grid), axis=0)
        points[:, columns] = grid
        points = self.space.filter(self.space.canonical(points))[:, columns]
        if (end := self._unpromising.get(self._key(point))) is not None:
            outermost = U.max() if end > 0.5 else U.min()
            points = points[(points[:, 0] - outermost) * (end - outermost) <= 0]
        return points

    def _promising(self, best: _Run, n_failed: int) -> np.ndarray:
        """The point of the best configuration with the largest expected improvement."""
        point = self._seen[0][0] if best.best_point is None else best.best_point
        columns, U, f, G = self._trials_of(point)
        points = self._candidates(point, columns, U)
        if not len(points):
            points = self.space.sample(1, self._rng())[:, columns]
        share = 0.5 ** (n_failed + 1)
        best_u = restart_point(U, f, G, points, share, self.options.quasiconvex)
        return self._at(point, columns, best_u)

    def _first_step(self, point: np.ndarray) -> float:
        """Length of the first step from a point: by the surrogate, if it is of the design."""
        columns, U, f, G = self._trials_of(point)
        answer = self._design.get(Space.key(point))
        if answer is None or not np.any(np.nan_to_num(answer.slope[columns])):
            return self.rules.steps[0]
        start = int(np.abs(U - point[columns]).sum(axis=1).argmin())
        return first_step(U, f, G, start, self.rules.steps[-1], self.rules.steps[0])

    # ---- runs

    @property
    def descents(self) -> list[list[np.ndarray]]:
        """Points of each run so far, in order."""
        return [run.points for run in self._runs]

    def _start(self, point: np.ndarray) -> Generator[np.ndarray, Answer, _Run]:
        """Start a new run with its first trial."""
        run = _Run(point)
        run.steps = self._steps(point, run)
        self._runs.append(run)
        run.point = next(run.steps)
        yield from self._advance(run)
        return run

    def _steps(self, point: np.ndarray, run: _Run) -> Plan:
        """A descent with tied components, then one with free components.

        The first one takes few trials, is insensitive to noise in single components, and leaves the
        flat ends of the ranges. Its tolerance is `rough_tol`, unless the prior ties components.
        """
        shrinkage = self.shrinkage
        if self.strength == 0 or not shrinkage.vectors:
            step = self._first_step(point) if self._sees_whole_range else self.rules.steps[0]
            return (yield from descent(point, self._moves, self.tol, step, self.rules))
        start = self.space.canonical(shrinkage.tied(point))[0]
        rough = self.tol if self.strength == math.inf else max(self.tol, self.rules.rough_tol)
        end = yield from tied_descent(shrinkage, start, self._moves, rough, self.rules)
        if end or run.best_point is None:
            return end
        if self.strength is None:
            self.strength = self.options.prior(self.space, run.best_point)  # type: ignore[operator]
        if math.isfinite(self.strength):
            best = run.best_point if shrinkage.is_tied(point) else point
            yield from descent(best, self._moves, self.tol, rules=self.rules)
        elif rough > self.tol:
            yield from tied_descent(shrinkage, run.best_point, self._moves, self.tol, self.rules)
        return ""

    def _advance(self, run: _Run) -> Plan:
        """Run one trial of a run; points of the design have been evaluated."""
        answer = self._design.get(Space.key(run.point))
        if answer is None:
            # The prior's penalty is 0 for tied components.
            penalty = self.shrinkage.penalty(run.point, self.strength or 0.0)
            answer = (yield run.point).plus(*penalty)
            self._seen.append((run.point, answer))
        run.points.append(run.point)
        run.n_trials += 1
        if answer.value < run.best:
            run.best, run.best_point = answer.value, run.point
        try:
            run.point = run.steps.send(answer)
        except StopIteration as end:
            run.done, run.flat = True, end.value == "flat"

    def _descend(self) -> Plan:
        """Finish all runs: after `first_trials` of each, the best one first."""
        while active := [run for run in self._runs if not run.done]:
            young = [run for run in active if run.n_trials < self.rules.first_trials]
            yield from self._advance((young or sorted(active, key=lambda run: run.best))[0])

    # ---- restarts

    def _restart(self) -> Plan:
        """Restart until `_patience` consecutive restarts have found no improvement."""
        n_failed = n_known = n_skipped = 0
        basins = False
        while n_failed < self._patience():
            best = min(self._runs, key=lambda run: run.best)
            if self._sees_whole_range:
                start = self._promising(best, n_failed)
            else:
                start = self._new_start(best, basins, n_known)
                start = start if self.strength == 0 else self.shrinkage.tied(start)
                if not basins and self._is_known(start, best):
                    n_failed, n_known, n_skipped = n_failed + 1, n_known + 1, n_skipped + 1
                    continue
            run = yield from self._start(start)
            n_towards = self.rules.likely_trials * (run.done or self._descends_to(best))
            basins |= n_towards == 0
            while not run.done and n_towards < self.rules.likely_trials:
                yield from self._advance(run)
                n_towards = n_towards + 1 if self._descends_to(best) else 0
            run.done = True
            lowered = best.best - run.best
            better = math.isinf(best.best) or lowered > self.tol * abs(best.best)
            if better and math.isfinite(run.best) and not run.flat:
                n_failed = n_skipped = 0
            else:
                n_failed += 1
        return self._reason(n_failed - n_skipped, n_skipped)

    def _reason(self, n_made: int, n_skipped: int) -> str:
        """Why the search ends: `n_made` restarts without improvement, `n_skipped` not made."""
        if all(math.isinf(run.best) for run in self._runs):
            return "no candidate could be fitted and scored"
        if all(run.flat for run in self._runs):
            return "the criterion is flat: its gradient was zero in all trials"
        reason = "the descent is at its end"
        if n_made:
            restarts = "1 restart" if n_made == 1 else f"{n_made} restarts in a row"
            reason += f", and {restarts} found nothing better"
        if n_skipped:
            reason += f"; {n_skipped} {'more' if n_made else 'restarts'} were skipped, next to "
            reason += "trials from which the criterion decreases towards the best one"
        return reason

    def _patience(self) -> int:
        """Number of restarts without improvement; more if no run had a nonzero gradient."""
        lost = all(run.flat or run.best_point is None for run in self._runs)
        n_on_plains = self.rules.restarts_on_plains - max(0, len(self._design) - 1)
        return max(self.options.n_restarts, n_on_plains) if lost else self.options.n_restarts

    def _descends_to(self, best: _Run, trial: int = -1) -> bool:
        """Whether a trial is worse than the best point, and f decreases from there towards it."""
        point, answer = self._seen[trial]
        if best.best_point is None or not answer.value > best.best:
            return False
        if self._key(point) != self._key(best.best_point):
            return False
        moves = np.isfinite(answer.slope) & self._moves
        rise = float(answer.slope[moves] @ (best.best_point - point)[moves])
        if not rise <= self.tol * abs(answer.value):
            return False
        columns, U, f, G = self._trials_of(point)
        if len(columns) != 1 or not self._sees_whole_range:
            return True
        # Another trial may show a minimum in between.
        k = columns[0]
        return not cuts_off(U[:, 0], f, G[:, 0], point[k], best.best_point[k])

    def _is_known(self, start: np.ndarray, best: _Run) -> bool:
        """Whether a trial within `near` of `start` descends to the best point."""
        return any(
            np.all(np.abs(point - start)[self._moves & ~np.isnan(start)] <= self.rules.near)
            and self._descends_to(best, number)
            for number, (point, _) in enumerate(self._seen)
        )

    def _new_start(self, best: _Run, basins: bool, n_known: int) -> np.ndarray:
        """The next start: by a GP if there are several `basins`, else by a Sobol sequence."""
        if (inside := self._inside_bracket(best)) is not None:
            return inside
        if basins and self.space.n_dims <= self.rules.max_gp_dimensions:
            return self._gp_proposal()
        rng = self._rng()
        spread = sobol_point(self.space, len(self._runs) + n_known, self.seed, rng)
        if best.best_point is None:
            return spread
        spread = np.where(np.isnan(spread), rng.random(len(spread)), spread)
        moves = self._moves & ~np.isnan(best.best_point)
        return self.space.canonical(np.where(moves, spread, best.best_point))[0]

    def _inside_bracket(self, best: _Run) -> np.ndarray | None:
        """The middle of the widest gap of the bracket; None without `quasiconvex`."""
        if not self.options.quasiconvex or best.best_point is None or best.flat:
            return None
        columns, U, f, G = self._trials_of(best.best_point)
        if len(columns) != 1:
            return None
        k, x, reach = columns[0], U[:, 0], self.rules.reach
        scale = max(abs(best.best), np.ptp(f[np.isfinite(f)]))
        height = best.best + self.rules.bracket_rise * scale
        low, high = bracket(x, f, G[:, 0], best.best_point[k], height)
        low, high = max(low, x.min() - reach, 0.0), min(high, x.max() + reach, 1.0)
        marks = np.unique([low, high, *x[(low < x) & (x < high)]])
        widest = int(np.argmax(np.diff(marks)))
        point = best.best_point.copy()
        point[k] = marks[widest : widest + 2].mean()
        return self.space.canonical(point)[0]

    def _gp_proposal(self) -> np.ndarray:
        """The proposal of a :class:`GPSampler` conditioned on all trials."""
        trials = [
            Trial(
                number,
                params,
                "complete" if math.isfinite(answer.value) else "failed",
                loss=answer.value - self.shrinkage.penalty(point, self.strength or 0.0)[0],
                gradient=answer.gradient,
            )
            for number, (point, answer) in enumerate(self._seen)
            for params in self.space.from_unit(point[None])
        ]
        sampler = GPSampler(use_gradients=self.space.n_dims <= self.rules.max_gp_dimensions)
        point = sampler.ask(self.space, History(tuple(trials), self.seed), self._rng())
        assert not isinstance(point, Stop)  # only with early_stopping
        return point

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, len(self._seen)])


def _least(tried: list[tuple[np.ndarray, Answer]]) -> np.ndarray:
    """The point with the smallest value."""
    values = [a.value if math.isfinite(a.value) else math.inf for _, a in tried]
    return tried[int(np.argmin(values))][0]
