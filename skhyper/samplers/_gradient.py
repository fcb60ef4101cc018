"""Descent by hypergradients: L-BFGS-B runs, restarts, and a choice between what has no slope.

A *run* goes downhill in the numbers that have derivatives; all else, its *arm*, stays as it
is. The plan of all runs is a generator: it asks for points and is sent what came of them. As
it sees nothing else, it is a function of the history: where a search goes on from a journal,
the plan is gone through again with the answers that are known.

Notation
--------
u : point of the unit cube, (d,), nan where inactive
f, g : criterion at a point and its derivative by the coordinates, (d,), nan where unknown
v : coordinates of a run that move, in units of its first step
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize

from skhyper._trial import History, Trial
from skhyper.samplers._base import Sampler
from skhyper.samplers._gp import GPSampler
from skhyper.samplers._sobol import sobol_points
from skhyper.space import Space

__all__ = ["GradientSampler"]

Answer = tuple[float, np.ndarray]
Plan = Generator[np.ndarray, Answer, Any]

# First step of a run in the coordinate of the steepest slope.
_FIRST_STEP = 0.15
# All combinations of choices are tried if each can have so many trials.
_TRIALS_AN_ARM = 5
_MAX_ENUMERATED = 1000
# Trials of each run before the best of them goes on alone.
_FIRST_TRIALS = 3
# Up to so many dimensions restarts are placed by a Gaussian process, where there are basins.
_MAX_PROCESS_DIMS = 12


class GradientSampler(Sampler):
    """Local descents by the gradient of the criterion, from several starts.

    Parameters
    ----------
    n_iter : int
        Number of trials the search has: with many combinations of choices for it, they are
        proposed by a Gaussian process instead of being tried one by one.
    starts : sequence of ndarray of shape (d,)
        Points to start from; by default the middle of each combination's ranges.
    n_restarts : int, default=3
        Number of restarts in a row that may find nothing better.
    tol : float, default=1e-5
        A run ends when a step lowers the criterion by less than this part of it.

    Attributes
    ----------
    stop_reason : str
        Why no more points are asked for.

    Notes
    -----
    The first run goes to its end. A restart is first a single trial: if the criterion rises
    from the best point known towards it, and falls back from it, both lie in one basin as far
    as can be told (for a pseudoconvex function it is so), and no run is made. Points that
    disprove it start runs.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995), "A limited memory algorithm for bound constrained
    optimization", SIAM Journal on Scientific Computing 16. Mangasarian (1965),
    "Pseudo-convex functions", SIAM Journal on Control 3.
    """

    def __init__(
        self,
        n_iter: int,
        starts: Sequence[np.ndarray] = (),
        n_restarts: int = 3,
        tol: float = 1e-5,
    ):
        self.n_iter = n_iter
        self.starts = starts
        self.n_restarts = n_restarts
        self.tol = tol
        self.stop_reason = ""
        self._plan: _Planned | None = None

    def __repr__(self) -> str:
        return f"GradientSampler(n_restarts={self.n_restarts!r}, tol={self.tol!r})"

    def ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        if self._plan is None or not self._plan.goes_on_to(space, history):
            self._plan = _Planned(self, space, history)
        point = self._plan.next_point(history)
        self.stop_reason = self._plan.reason
        return np.empty((0, space.n_dims)) if point is None else point[None]


class _Planned:
    """The plan of one search, and what it has been told."""

    def __init__(self, sampler: GradientSampler, space: Space, history: History):
        self._space = space
        self._n_read = 0
        self._first: Trial | None = history[0] if len(history) else None
        self._known: dict[bytes, Answer] = {}
        self._bare = [t for t in history if t.state == "complete" and t.gradient is None]
        self._strategy = _Strategy(sampler, space, history.seed, self._best_bare())
        self._plan = self._strategy.plan()
        self._point: np.ndarray | None = None
        self.reason = ""

    def _best_bare(self) -> np.ndarray | None:
        """The best trial of a search without gradients that this one starts from."""
        located = [(t.loss, i, self._space.locate(t.params)) for i, t in enumerate(self._bare)]
        inside = [entry for entry in located if entry[2] is not None and _inside(entry[2])]
        return min(inside, key=lambda entry: entry[:2])[2] if inside else None

    def goes_on_to(self, space: Space, history: History) -> bool:
        """Whether a history is the one that the plan has seen, with more trials."""
        same = len(history) >= self._n_read and space is self._space
        return same and (self._first is None or history[0] is self._first)

    def next_point(self, history: History) -> np.ndarray | None:
        """The first point that the plan asks for and that has not been tried."""
        self._read(history)
        while self.reason == "":
            try:
                if self._point is None:
                    self._point = next(self._plan)
                elif (answer := self._known.get(_key(self._point))) is not None:
                    self._point = self._plan.send(answer)
                elif not self._space.accepts(self._space.from_unit(self._point[None])[0]):
                    self._point = self._plan.send(_FAILED(self._space))
                else:
                    return self._point
            except StopIteration as stop:
                self.reason = stop.value
        return None

    def _read(self, history: History) -> None:
        if self._first is None and len(history):
            self._first = history[0]
        for trial in history[self._n_read :]:
            if trial.state == "running":
                break
            self._n_read += 1
            point = self._space.locate(trial.params)
            if point is None or (trial.gradient is None and trial.state == "complete"):
                continue
            slope = self._space.by_coordinate(point, trial.gradient or {})
            self._known[_key(point)] = trial.criterion, slope


def _FAILED(space: Space) -> Answer:
    return np.nan, np.full(space.n_dims, np.nan)


def _key(point: np.ndarray) -> bytes:
    return (np.round(point, 10) + 0.0).tobytes()


def _inside(point: np.ndarray) -> bool:
    return bool(np.all((point[~np.isnan(point)] >= 0) & (point[~np.isnan(point)] <= 1)))


@dataclass
class _Run:
    """A descent: where it has been, and whether it has come to its end."""

    steps: Plan
    point: np.ndarray
    n_trials: int = 0
    best: float = np.inf
    best_point: np.ndarray | None = None
    flat: bool = False
    done: bool = False

    def saw(self, value: float) -> None:
        self.n_trials += 1
        if value < self.best:
            self.best, self.best_point = value, self.point


@dataclass
class _Strategy:
    """Which run goes on, and where the next one starts."""

    sampler: GradientSampler
    space: Space
    seed: int
    extra_start: np.ndarray | None
    seen: list[tuple[np.ndarray, float, np.ndarray]] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)

    def plan(self) -> Plan:
        """Ask for points, be sent answers; returns the reason to end."""
        arms = self._arms()
        starts = [np.asarray(s, dtype=float) for s in self.sampler.starts]
        if self.extra_start is not None:
            starts.append(self.extra_start)
        if arms is None:
            return (yield from self._propose_arms(starts))
        given = {_key(self._arm(start)) for start in starts}
        starts += [arm for arm in arms if _key(self._arm(arm)) not in given]
        for start in starts:
            yield from self._start(start)
        yield from self._descend()
        return (yield from self._restart(len(arms)))

    # ---- what stays as it is in a run

    def _is_smooth(self) -> np.ndarray:
        """Columns, (d,), of numbers from a continuum."""
        return np.array([np.isinf(d.n_values) for d in self.space.dimensions])

    def _arm(self, point: np.ndarray) -> np.ndarray:
        """A point with the numbers of a run in their middle: the same for all of an arm."""
        return self.space.activate(np.where(self._is_smooth(), 0.5, point))[0]

    def _arms(self) -> list[np.ndarray] | None:
        """Middles of all combinations of choices; None where they are too many."""
        limit = max(1, self.sampler.n_iter // _TRIALS_AN_ARM)
        middles: dict[bytes, np.ndarray] = {}
        for i, point in enumerate(self.space.grid(1)):
            # A grid of one value for each continuum has all choices, but of long ranges one.
            middles[_key(self._arm(point))] = self._arm(point)
            if len(middles) > limit or i > _MAX_ENUMERATED:
                return None
        choices = [d for d in self.space.dimensions if not np.isinf(d.n_values)]
        if any(d.kind in ("integer",) for d in choices):
            return self._integer_arms(limit)
        return list(middles.values())

    def _integer_arms(self, limit: int) -> list[np.ndarray] | None:
        n = int(min(self.space.discrete_settings, limit + 1))
        if n > limit:
            return None
        middles = {}
        for point in self.space.grid(limit):
            middles[_key(self._arm(point))] = self._arm(point)
        return list(middles.values())

    # ---- runs

    def _start(self, point: np.ndarray) -> Plan:
        """A new run, with its first trial."""
        run = _Run(_descent(point, self._is_smooth(), self.sampler.tol), point)
        self.runs.append(run)
        next(run.steps)
        yield from self._advance(run)
        return run

    def _advance(self, run: _Run) -> Plan:
        """One trial of a run."""
        value, slope = yield run.point
        self.seen.append((run.point, value, slope))
        run.saw(value)
        try:
            run.point = run.steps.send((value, slope))
        except StopIteration as stop:
            run.done, run.flat = True, stop.value == "flat"

    def _descend(self) -> Plan:
        """Runs to their ends: a few trials of each, then the best one first."""
        while active := [run for run in self.runs if not run.done]:
            young = [run for run in active if run.n_trials < _FIRST_TRIALS]
            yield from self._advance(young[0] if young else min(active, key=lambda r: r.best))

    def _best(self) -> _Run | None:
        found = [run for run in self.runs if run.best_point is not None]
        return min(found, key=lambda run: run.best) if found else None

    def _restart(self, n_arms: int) -> Plan:
        """Look for other basins until some restarts in a row have found nothing better."""
        n_vain = n_probes = 0
        basins = False
        while n_vain < self._patience():
            best = self._best()
            before = np.inf if best is None else best.best
            point = self._new_start(best, n_probes, basins)
            n_probes += 1
            run = yield from self._start(point)
            if best is not None and (run.done or self._same_basin(best)):
                run.done = True
                better = run.best < before
            else:
                basins = True
                yield from self._descend()
                better = run.best < before - self.sampler.tol * abs(before)
            n_vain = 0 if better else n_vain + 1
        if not any(np.isfinite(value) for _, value, _ in self.seen):
            return "no setting could be fitted"
        if all(run.flat for run in self.runs):
            return "the criterion is flat: its gradient is zero wherever it was looked at"
        return f"the gradient vanishes, and {n_vain} restarts in a row found nothing better"

    def _patience(self) -> int:
        """Restarts that may fail; more where nothing but plains has been seen."""
        lost = all(run.flat or run.best_point is None for run in self.runs)
        return max(self.sampler.n_restarts, 10) if lost else self.sampler.n_restarts

    def _same_basin(self, best: _Run) -> bool:
        """Whether the last trial falls back towards the best one, or does not fall at all."""
        point, value, slope = self.seen[-1]
        if not np.isfinite(value) or value <= best.best or best.best_point is None:
            return not np.isfinite(value)
        if _key(self._arm(point)) != _key(self._arm(best.best_point)):
            return False
        moves = np.isfinite(slope)
        return bool(slope[moves] @ (best.best_point - point)[moves] <= 0)

    def _new_start(self, best: _Run | None, number: int, basins: bool) -> np.ndarray:
        """A point of the best arm: from a process where there are basins, else spread out."""
        rng = np.random.default_rng([self.seed, len(self.seen), 1])
        if best is None or best.best_point is None:
            return self.space.sample(1, rng)[0]
        if basins and self.space.n_dims <= _MAX_PROCESS_DIMS:
            return self._from_process(rng)
        smooth = self._is_smooth() & ~np.isnan(best.best_point)
        spread = sobol_points(self.space, 1 + number, 1, self.seed, rng)[0]
        point = best.best_point.copy()
        point[smooth] = np.where(np.isnan(spread), rng.random(len(spread)), spread)[smooth]
        return self.space.activate(point)[0]

    def _from_process(self, rng: np.random.Generator) -> np.ndarray:
        """Where a Gaussian process of all that was seen expects an improvement."""
        trials = []
        for i, (point, value, slope) in enumerate(self.seen):
            (params,) = self.space.from_unit(point[None])
            state = "complete" if np.isfinite(value) else "failed"
            trials.append(Trial(i, params, state, loss=value, criterion=value))
        history = History(tuple(trials), self.seed)
        return GPSampler().ask(self.space, history, 1, rng)[0]

    def _propose_arms(self, starts: list[np.ndarray]) -> Plan:
        """Many combinations of choices: a process proposes them, promising ones are descended.

        A run goes on while its best is among the better half of all starts.
        """
        for start in starts or [self._arm(np.full(self.space.n_dims, 0.5))]:
            yield from self._start(start)
        while True:
            run = self.runs[-1]
            while not run.done and self._promises(run):
                yield from self._advance(run)
            rng = np.random.default_rng([self.seed, len(self.seen), 2])
            yield from self._start(self._from_process(rng))

    def _promises(self, run: _Run) -> bool:
        values = np.array([other.best for other in self.runs])
        return run.best <= np.median(values[np.isfinite(values)], initial=np.inf)


def _descent(start: np.ndarray, smooth: np.ndarray, tol: float) -> Plan:
    """L-BFGS-B from a point, as a generator; "flat" if no slope is there to follow."""
    value, slope = yield start
    while True:
        value, slope = yield start
        break
    return "flat"
