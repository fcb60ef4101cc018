"""The sampler of a search by hypergradients.

Its points come from a plan (see ``_descent``), a generator that yields points and receives their
results. The plan is a function of the history: a search that resumes from a journal repeats it with
the known results.
"""

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from skhyper._trial import History, Stop, Trial
from skhyper.samplers._arguments import check_flag, check_number
from skhyper.samplers._base import Sampler
from skhyper.samplers._descent import Strategy
from skhyper.samplers._descent_rules import RULES, DescentRules
from skhyper.samplers._local import Answer
from skhyper.space import Space

# Derivatives beyond it, and below its inverse, are from underflow, and make others overflow.
_LARGEST = 1e100


class GradientSampler(Sampler):
    """Local descents by the gradient of the criterion (``Trial.gradient``), and restarts.

    Parameters
    ----------
    names : collection of str
        Hyperparameters that have derivatives; descents keep all others fixed.
    n_iter : int, default=50
        Number of trials of the search. If they are too few for all combinations of the
        hyperparameters without derivatives, a Gaussian process proposes combinations.
    starts : sequence of dict, default=()
        Candidates to start from; by default the middle of the ranges, for each combination.
    n_restarts : int, default=3
        Number of consecutive restarts without improvement after which the search ends.
    tol : float, default=1e-5
        A descent ends when the decrease of the criterion by a step, actual or predicted from
        the gradient, is below this share of its distance from `least`.
    quasiconvex : bool, default=False
        Whether the criterion is (nearly) quasiconvex in one dimension: restarts then stay
        between the trials that are far above the best one and descend to it.
    least : float, default=0.0
        Value of the criterion without errors; relative decreases are of the distance from it.
    prior : float or callable, default=0.0
        Strength of the prior that shrinks the components of a vector towards their mean, or
        ``prior(space, point) -> float``, which is called once, at the best point with equal
        components.
    rules : DescentRules
        Constants of descents and restarts.

    Notes
    -----
    Descents use L-BFGS-B. A restart begins with a single trial. If the criterion decreases from
    there towards the best known point, both are taken to lie in one basin (for a pseudoconvex
    function they do), and there is no descent.

    In spaces of one or two dimensions, unless `n_restarts` is 0, a design of five or eleven points,
    at most half of `n_iter`, precedes the descents, from simple models to flexible ones. In
    one dimension its last point is left out if the others show a deep minimum and a steady
    increase towards it. Restarts maximize the expected improvement of the logarithm of the
    criterion, under integrated Brownian motion in one dimension and a Gaussian process (GP) in two,
    both conditioned on values and derivatives, among the points that are at least half as far from
    all trials as the farthest one, then a quarter, and so on.

    In more dimensions, or with vectors, a restart next to a trial from which the criterion
    decreases towards the best one is skipped, but counted. A restart from which it does not is
    followed by a descent; a GP that observes the derivatives then proposes the restarts.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995), "A limited memory algorithm for bound constrained
    optimization", SIAM Journal on Scientific Computing 16. Mangasarian (1965),
    "Pseudo-convex functions", SIAM Journal on Control 3.

    Examples
    --------
    ``GradientSearchCV`` creates one; its descents can be looked at.

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper import GradientSearchCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> space = {"alpha": (1e-4, 1e4, "log-uniform")}
    >>> search = GradientSearchCV(Ridge(), space, random_state=0).fit(X, y)
    >>> search.sampler_
    GradientSampler(['alpha'], n_restarts=3)
    """

    def __init__(
        self,
        names: Collection[str],
        n_iter: int = 50,
        starts: Sequence[Mapping[str, Any]] = (),
        n_restarts: int = 3,
        tol: float = 1e-5,
        quasiconvex: bool = False,
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
        check_flag("quasiconvex", quasiconvex)
        if not callable(prior):
            check_number("prior", prior, whole=False, low=0)
        self.names = names
        self.n_iter = n_iter
        self.starts = starts
        self.n_restarts = n_restarts
        self.tol = tol
        self.quasiconvex = quasiconvex
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

    def descents(self, space: Space, history: History) -> list[list[int]]:
        """Indices of the trials of each descent, in order; a restart begins a new one.

        Parameters
        ----------
        space : Space
        history : History
            Of a search with this sampler.

        Returns
        -------
        descents : list of list of int
            Trials of the coarse design are in none of them, unless a descent starts there.
        """
        located = [(i, space.locate(trial.params)) for i, trial in enumerate(history)]
        index = {Space.key(point): i for i, point in located if point is not None}
        samplers = [self]
        if space.vectors and not callable(self.prior):
            # A fitted search has the strength of the prior, which may have been selected during the
            # search.
            samplers.append(copy.copy(self))
            samplers[1].prior = lambda space, point: self.prior  # type: ignore[return-value,assignment]
        replays = []
        for sampler in samplers:
            follower = _Follower(sampler, space, history)
            follower.next_point(history)
            keys = [[Space.key(point) for point in run] for run in follower.strategy.descents]
            replays.append([[index[key] for key in run if key in index] for run in keys])
        return max(replays, key=lambda descents: sum(map(len, descents)))


class _Follower:
    """A plan, advanced by the results of a growing history."""

    def __init__(self, sampler: GradientSampler, space: Space, history: History):
        self._space = space
        self._least = sampler.least
        self._read: list[Trial] = []
        self._known: dict[bytes, Answer] = {}
        starts = [p for s in sampler.starts if (p := space.locate(s)) is not None]
        starts += _best_without_gradient(space, history)
        self.strategy = Strategy(space, sampler, starts, history.seed)
        self._plan = self.strategy.plan()
        self._point = next(self._plan)
        self.reason = ""

    def knows(self, space: Space, history: History) -> bool:
        """Whether a history extends the one read so far."""
        n = len(self._read)
        same = len(history) >= n and all(a is b for a, b in zip(history[:n], self._read))
        return space is self._space and same

    def next_point(self, history: History) -> np.ndarray | None:
        """The first untried point of the plan; None at its end."""
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
            # Trials of a search without derivatives are repeated.
            if point is None or _lacks_gradient(trial):
                continue
            value = trial.criterion - self._least if trial.state == "complete" else np.nan
            gradient = dict(trial.gradient or {})
            slope = _usable(self._space.gradient_to_unit(point, gradient))
            self._known[Space.key(point)] = Answer(value, slope, gradient)

    def _answer(self, point: np.ndarray) -> Answer | None:
        """The result at a point, None if untried; a failure if the constraint rejects it."""
        known = self._known.get(Space.key(point))
        if known is None and not self._space.accepts(self._space.from_unit(point[None])[0]):
            return Answer(np.nan, np.full(self._space.n_dims, np.nan), {})
        return known


def _usable(slope: np.ndarray) -> np.ndarray:
    """Derivatives: 0 if they are too small, nan if they are too large, to compute with."""
    size = np.abs(slope)
    return np.where(size > _LARGEST, np.nan, np.where(size < 1 / _LARGEST, 0.0, slope))


def _lacks_gradient(trial: Trial) -> bool:
    """Whether a trial has no gradient because none was computed, not because it failed."""
    failed = any(fold.get("gradient_error") for fold in trial.folds)
    return trial.state == "complete" and np.isnan(trial.criterion) and not failed


def _best_without_gradient(space: Space, history: History) -> list[np.ndarray]:
    """The best trial without gradients that is inside the space, if any."""
    found = [
        (trial.loss, trial.number, space.locate(trial.params))
        for trial in history
        if _lacks_gradient(trial) and space.contains(trial.params)
    ]
    return [min(found, key=lambda entry: entry[:2])[2]] if found else []  # type: ignore[list-item]
