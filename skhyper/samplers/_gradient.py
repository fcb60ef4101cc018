"""Descent by hypergradients: where the next point of a search with derivatives comes from.

What to try is a plan (see ``_descent``), a generator that asks for points and is sent what
came of them. As it sees nothing else, it is a function of the history: a search that goes on
from a journal goes through the plan again, with the answers that are known.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from skhyper._trial import History, Stop, Trial
from skhyper.samplers._arguments import check_flag, check_number
from skhyper.samplers._base import Sampler
from skhyper.samplers._descent import Strategy
from skhyper.samplers._descent_rules import RULES, DescentRules
from skhyper.samplers._local import Answer
from skhyper.samplers._shrinkage import Shrinkage
from skhyper.space import Space

__all__ = ["GradientSampler"]


class GradientSampler(Sampler):
    """Local descents by the gradient of the criterion (``Trial.gradient``), and restarts.

    Parameters
    ----------
    names : collection of str
        Hyperparameters that have derivatives; what else is in the space is tried around them.
    n_iter : int, default=50
        Number of trials that the search has. If they are too few for all combinations of what
        has no derivative, a Gaussian process proposes combinations.
    starts : sequence of dict, default=()
        Settings to start from; by default the middle of the ranges, for each combination.
    n_restarts : int, default=3
        Number of restarts in a row that may find nothing better.
    tol : float, default=1e-5
        A descent ends when a step lowers the criterion, or by the slope can be expected to
        lower it, by less than this part of its distance from `least`.
    one_valley : bool, default=False
        Whether, in one dimension, minima lie side by side: restarts then keep between the
        trials that are far above the best and fall towards it.
    least : float, default=0.0
        What the criterion has without errors; its parts are those of the distance from it.
    prior : float or callable, default=0.0
        Strength with which the components of a vector are held together, or
        ``prior(space, point) -> float``, which is asked once, at the best point of equal
        components.
    rules : DescentRules
        The numbers that descents and restarts follow.

    Notes
    -----
    Descents are by L-BFGS-B. A restart is first a single trial. If the criterion falls from
    there towards the best point known, both lie in one basin as far as can be told (for a
    pseudoconvex function it is so), and there is no descent.

    In spaces of one or two dimensions, unless `n_restarts` is 0, a design of five or eleven points,
    at most half of `n_iter`, comes before the descents, from simple models to flexible ones. In
    one dimension its last point is left out if the others show a deep minimum and a steady rise
    towards it. Restarts begin where the largest improvement of the logarithm of the criterion is
    expected: by integrated Brownian motion in one dimension, by a Gaussian process (GP) in two,
    both conditioned on values and derivatives; at points that are at least half as far from all
    trials as the farthest one, then a quarter, and so on.

    In more dimensions, or with vectors, a restart that would begin next to a trial from which the
    criterion falls towards the best one counts without being made. Points that disprove that
    start a descent; restarts are then placed by a GP that observes the derivatives.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995), "A limited memory algorithm for bound constrained
    optimization", SIAM Journal on Scientific Computing 16. Mangasarian (1965),
    "Pseudo-convex functions", SIAM Journal on Control 3.
    """

    def __init__(
        self,
        names: Collection[str],
        n_iter: int = 50,
        starts: Sequence[Mapping[str, Any]] = (),
        n_restarts: int = 3,
        tol: float = 1e-5,
        one_valley: bool = False,
        least: float = 0.0,
        prior: float | Callable[[Space, np.ndarray], float] = 0.0,
        *,
        rules: DescentRules = RULES,
    ):
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"names must be a collection of str, got {names!r}.")
        check_number("n_iter", n_iter, whole=True, low=1)
        check_number("n_restarts", n_restarts, whole=True, low=0)
        check_number("tol", tol, whole=False, low=0, above=True)
        check_flag("one_valley", one_valley)
        if not callable(prior):
            check_number("prior", prior, whole=False, low=0)
        self.names = names
        self.n_iter = n_iter
        self.starts = starts
        self.n_restarts = n_restarts
        self.tol = tol
        self.one_valley = one_valley
        self.least = least
        self.prior = prior
        if not isinstance(rules, DescentRules):
            raise TypeError(f"rules must be DescentRules, got {rules!r}.")
        self.rules = rules
        self._follower: _Follower | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_follower": None}  # a generator cannot be pickled

    def __repr__(self) -> str:
        return f"GradientSampler({sorted(self.names)}, n_restarts={self.n_restarts!r})"

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray | Stop:
        if self._follower is None or not self._follower.knows(space, history):
            self._follower = _Follower(self, space, history)
        point = self._follower.next_point(history)
        return Stop(self._follower.reason) if point is None else point


class _Follower:
    """Follows a plan through a history that grows."""

    def __init__(self, sampler: GradientSampler, space: Space, history: History):
        self._space = space
        self._least = sampler.least
        self._read: list[Trial] = []
        self._known: dict[bytes, Answer] = {}
        starts = [p for s in sampler.starts if (p := space.locate(s)) is not None]
        starts += _best_without_gradient(space, history)
        self._plan = Strategy(
            space,
            names=frozenset(sampler.names),
            starts=starts,
            n_iter=sampler.n_iter,
            n_restarts=sampler.n_restarts,
            tol=sampler.tol,
            seed=history.seed,
            one_valley=sampler.one_valley,
            rules=sampler.rules,
            shrinkage=Shrinkage.of(space, sampler.names),
            strength=None if callable(sampler.prior) else sampler.prior,
            strength_at=lambda point: sampler.prior(space, point),  # type: ignore[operator]
        ).plan()
        self._point = next(self._plan)
        self.reason = ""

    def knows(self, space: Space, history: History) -> bool:
        """Whether a history is the one that was read so far, with more trials."""
        n = len(self._read)
        same = len(history) >= n and all(a is b for a, b in zip(history[:n], self._read))
        return space is self._space and same

    def next_point(self, history: History) -> np.ndarray | None:
        """The first point of the plan that has not been tried; None at its end."""
        self._learn(history)
        while not self.reason:
            answer = self._answer(self._point)
            if answer is None:
                return self._point
            try:
                self._point = self._plan.send(answer)
            except StopIteration as end:
                self.reason = end.value
                scored = [trial for trial in self._read if trial.state == "complete"]
                if scored and all(np.isnan(trial.criterion) for trial in scored):
                    self.reason = "no trial has a gradient"
        return None

    def _learn(self, history: History) -> None:
        for trial in history[len(self._read) :]:
            if trial.state == "running":
                return
            self._read.append(trial)
            point = self._space.locate(trial.params)
            # What another search has tried without derivatives is tried again.
            if point is None or _is_bare(trial):
                continue
            value = trial.criterion - self._least if trial.state == "complete" else np.nan
            gradient = dict(trial.gradient or {})
            slope = self._space.gradient_to_unit(point, gradient)
            self._known[Space.key(point)] = Answer(value, slope, gradient)

    def _answer(self, point: np.ndarray) -> Answer | None:
        """What is known of a point; what the constraint rejects counts as failed."""
        known = self._known.get(Space.key(point))
        if known is None and not self._space.accepts(self._space.from_unit(point[None])[0]):
            return Answer(np.nan, np.full(self._space.n_dims, np.nan), {})
        return known


def _is_bare(trial: Trial) -> bool:
    """Whether a trial is of a search that asked for no gradient, not one where it failed."""
    failed = any(fold.get("gradient_error") for fold in trial.folds)
    return trial.state == "complete" and np.isnan(trial.criterion) and not failed


def _best_without_gradient(space: Space, history: History) -> list[np.ndarray]:
    """The best trial inside the space of a search that had no derivatives, if there is one."""
    found = [
        (trial.loss, trial.number, space.locate(trial.params))
        for trial in history
        if _is_bare(trial) and space.contains(trial.params)
    ]
    return [min(found, key=lambda entry: entry[:2])[2]] if found else []  # type: ignore[list-item]
