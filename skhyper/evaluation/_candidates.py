"""Candidates of a search: an explicit list, or the proposals of a sampler."""

import functools
import numbers
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from skhyper._identity import digest
from skhyper._trial import History, Stop, StopReason, Trial
from skhyper.space import Space, evenly

# Number of random draws of a new candidate before a space is enumerated; maximum size of such a
# space, in candidates.
_MAX_REDRAWS = 200
_MAX_ENUMERATED = 20_000
_EVERY_ONE = "every candidate was tried"


class Candidates(Protocol):
    """Source of the candidates of a search.

    Attributes
    ----------
    known_ahead : bool
        Whether all candidates are known before the first trial.
    n_candidates : float
        Maximum number of candidates; ``inf`` if only time limits it.
    exhausted_reason : StopReason
        Why ``ask`` returned None.
    has_followers : bool
        Whether ``followers`` may return any.
    """

    known_ahead: bool
    n_candidates: float
    exhausted_reason: StopReason
    has_followers: bool

    @property
    def uses_losses(self) -> bool:
        """Whether candidates depend on the losses of earlier trials."""

    @property
    def listed(self) -> Sequence[Mapping[str, Any]]:
        """The candidates that were given explicitly."""

    @property
    def remaining(self) -> Sequence[Mapping[str, Any]]:
        """Remaining candidates, as far as they are known."""

    def followers(self, params: Mapping[str, Any], history: History) -> Sequence[Mapping[str, Any]]:
        """Candidates that can share the fits of the last proposal, without those of `history`."""

    def ask(self, history: History, n_ahead: int = 1) -> Mapping[str, Any] | None:
        """Params of the next candidate; None if there is none.

        It may have been chosen together with those of the last `n_ahead` - 1 calls.
        """

    def start_from(self, history: History, n_made: int) -> None:
        """Continue after earlier trials, `n_made` of which were made by this search."""


class ListedCandidates:
    """An explicit list of candidates, in its order, of which at most `n_iter` are tried.

    `reason` is the stop reason after the last one. Without `allow_repeats`, candidates of earlier
    trials are omitted; repeats within the list are not, as in scikit-learn. Candidates at the same
    point of `space` are equal.
    """

    known_ahead = True
    uses_losses = False
    has_followers = False

    def __init__(
        self,
        listed: Sequence[Mapping[str, Any]],
        reason: str,
        allow_repeats: bool = True,
        space: Space | None = None,
        n_iter: int | None = None,
    ):
        self._listed = list(listed)
        self._allow_repeats = allow_repeats
        self._space = space
        self._n_iter = len(self._listed) if n_iter is None else n_iter
        self.exhausted_reason = StopReason(reason, "candidates")
        self.start_from(History(), 0)

    @property
    def listed(self) -> Sequence[Mapping[str, Any]]:
        return self._listed

    @property
    def remaining(self) -> Sequence[Mapping[str, Any]]:
        return list(self._left)

    def followers(self, params: Mapping[str, Any], history: History) -> Sequence[Mapping[str, Any]]:
        return []

    def start_from(self, history: History, n_made: int) -> None:
        left = self._listed
        if not self._allow_repeats:
            tried = {params_key(trial.params, self._space) for trial in history}
            left = [p for p in self._listed if params_key(p, self._space) not in tried]
        elif n_made:
            left = self._without(history[len(history) - n_made :])
        n_left = max(0, self._n_iter - n_made)
        if n_left < len(left):
            reason = f"n_iter={self._n_iter} candidates were tried"
            self.exhausted_reason = StopReason(reason, "candidates")
        self._left = deque(left[:n_left])
        self.n_candidates = len(self._left)

    def _without(self, made: Sequence[Trial]) -> list[Mapping[str, Any]]:
        """The list without the candidates of earlier trials of the same search."""
        n_tried = Counter(params_key(trial.params, self._space) for trial in made)
        left = []
        for params in self._listed:
            key = params_key(params, self._space)
            if n_tried[key]:
                n_tried[key] -= 1
            else:
                left.append(params)
        return left

    def ask(self, history: History, n_ahead: int = 1) -> Mapping[str, Any] | None:
        return self._left.popleft() if self._left else None


class SampledCandidates:
    """Initial candidates, then proposals of a sampler, without repeats unless allowed.

    Parameters
    ----------
    sampler : object with ``ask(space, history, rng)``
    phases : sequence of (Space, float)
        Spaces to search one after the other, with the number of trials of each; ``inf`` if only
        time limits it.
    first : sequence of dict
        Candidates that come before those of the sampler; they count towards the number of trials.
    allow_repeats : bool
    outside : sequence of dict
        Candidates that lie outside of the space; their trials are hidden from the sampler.
    paths : object with ``followers(params, space)``, or None
        Adds candidates to each proposal, which do not count.
    own : sequence of dict
        The estimator's own values: the first trial of searches that an earlier version began, even
        if they lie in a later space.
    """

    known_ahead = False

    def __init__(
        self,
        sampler: Any,
        phases: Sequence[tuple[Space, float]],
        first: Sequence[Mapping[str, Any]] = (),
        allow_repeats: bool = False,
        outside: Sequence[Mapping[str, Any]] = (),
        paths: Any = None,
        own: Sequence[Mapping[str, Any]] = (),
    ):
        self._sampler = sampler
        self._phases = list(phases)
        self._first = list(first)
        self._outside = list(outside)
        self._own = list(own)
        self._paths = paths
        self.has_followers = paths is not None
        self._allow_repeats = allow_repeats
        self._asked_in_phase = 0
        self._batch: deque[np.ndarray] = deque()  # points that the sampler chose ahead
        self._end = StopReason("")  # why no candidate is left in a phase
        self._early_ends: list[StopReason] = []  # of phases that ended before their budget
        self._n_phases = len(self._phases)
        self._keys: list[str] = []  # of the trials so far, computed once each
        self._key_set: set[str] = set()
        self.n_candidates = sum(n for _, n in self._phases)
        reason = f"n_iter={self.n_candidates} candidates were tried"
        self.exhausted_reason = StopReason(reason, "candidates")

    @property
    def uses_losses(self) -> bool:
        return self._sampler.uses_losses

    @property
    def listed(self) -> Sequence[Mapping[str, Any]]:
        return [*self._first, *self._outside]

    @property
    def n_hidden(self) -> int:
        """Number of initial candidates whose trials are hidden from the sampler."""
        return sum(params in self._first for params in self._outside)

    @property
    def remaining(self) -> Sequence[Mapping[str, Any]]:
        return []

    def followers(self, params: Mapping[str, Any], history: History) -> Sequence[Mapping[str, Any]]:
        if self._paths is None:
            return []
        space = self._phases[0][0]
        tried = self._tried(space, history)
        found = self._paths.followers(params, space)
        return [one for one in found if params_key(one, space) not in tried]

    def start_from(self, history: History, n_made: int) -> None:
        made = [trial for trial in history[len(history) - n_made :] if not trial.shared]
        n_made = len(made)
        self.n_candidates = max(0, self.n_candidates - n_made)
        if self._allow_repeats:  # otherwise tried candidates are omitted, as by `ask`
            self._first = self._first[n_made:]
        phase, done = 0, 0
        for trial in made:
            while phase < len(self._phases) - 1 and self._is_over(phase, done, trial):
                if done < self._phases[phase][1]:
                    self._end = StopReason(_EVERY_ONE, "candidates")
                    self._end_early()
                phase, done = phase + 1, 0
            done += 1
        (space, budget), *later = self._phases[phase:]
        self._phases = [(space, max(0, budget - done)), *later]

    def _is_over(self, phase: int, n_done: int, trial: Trial) -> bool:
        """Whether a phase had ended at a proposal, after `n_done` trials of this phase."""
        space, budget = self._phases[phase]
        first = [*self.listed, *(self._own if phase == n_done == 0 else ())]
        is_first = any(params == trial.params for params in first)
        return n_done >= budget or not (is_first or space.contains(trial.params))

    def ask(self, history: History, n_ahead: int = 1) -> Mapping[str, Any] | None:
        while self._phases:
            space, budget = self._phases[0]
            if self._asked_in_phase < budget:
                n_ahead = int(min(n_ahead, budget - self._asked_in_phase))
                params = self._next(space, history, self._tried(space, history), n_ahead)
                if params is not None:
                    self._asked_in_phase += 1
                    return params
                self._end_early()
            self._phases.pop(0)
            self._asked_in_phase = 0
            self._batch.clear()
            self._keys, self._key_set = [], set()  # of another space
        return None

    def _end_early(self) -> None:
        """Record that a phase ran out of candidates, and update the stop reason."""
        self._early_ends.append(self._end)
        self.exhausted_reason = self._end
        if self._n_phases > 1:
            n, text = len(self._early_ends), " or ".join(dict.fromkeys(self._early_ends))
            which = f"{n} of {self._n_phases} sub-spaces; the others reached their n_iter"
            which = "all sub-spaces" if n == self._n_phases else which
            self.exhausted_reason = StopReason(f"{text} in {which}", self._end.kind)

    def _tried(self, space: Space, history: History) -> set[str]:
        new = [params_key(trial.params, space) for trial in history[len(self._keys) :]]
        self._keys += new
        self._key_set.update(new)
        return self._key_set

    def _next(
        self, space: Space, history: History, tried: set, n_ahead: int
    ) -> Mapping[str, Any] | None:
        while self._first:
            params = self._first.pop(0)
            if self._is_new(params, space, tried):
                return params
        rng = np.random.default_rng([history.seed, len(history)])
        self._end = StopReason(_EVERY_ONE, "candidates")
        answer = self._answer(space, history, rng, n_ahead)
        if isinstance(answer, Stop):
            if answer.reason:
                self._end = StopReason(answer.reason)
            elif self._another(space, history, rng, tried) is not None:
                self._end = StopReason("the sampler has no further candidate", "candidates")
            return None
        (params,) = space.from_unit(self._checked(answer, space)[None])
        if self._is_new(params, space, tried) and space.accepts(params):
            return params
        return self._another(space, history, rng, tried)

    def _answer(
        self, space: Space, history: History, rng: np.random.Generator, n_ahead: int
    ) -> Any:
        """The sampler's next point, possibly of an earlier batch."""
        if self._batch:
            return self._batch.popleft()
        seen = self._seen(space, history)
        if n_ahead == 1:
            return self._sampler.ask(space, seen, rng)
        answer = self._sampler.ask_batch(space, seen, rng, n_ahead)
        if isinstance(answer, Stop):
            return answer
        self._batch.extend(answer)
        return self._batch.popleft()

    def _seen(self, space: Space, history: History) -> History:
        """The trials that the sampler observes."""
        if not self._outside:
            return history
        hidden = {params_key(params, space) for params in self._outside}
        seen = (trial for trial, key in zip(history, self._keys) if key not in hidden)
        return replace(history, trials=tuple(seen))

    def _checked(self, point: Any, space: Space) -> np.ndarray:
        """The proposal of a sampler (possibly the user's own), after a check of its shape."""
        try:
            array = np.asarray(point, dtype=float)
        except (TypeError, ValueError):
            array = np.empty(())
        if array.shape != (space.n_dims,):
            raise TypeError(
                f"{type(self._sampler).__name__}.ask must return a point of the unit cube, an "
                f"array of shape ({space.n_dims},), or skhyper.samplers.Stop; got {point!r}."
            )
        return array

    def _is_new(self, params: Mapping[str, Any], space: Space, tried: set) -> bool:
        return self._allow_repeats or params_key(params, space) not in tried

    def _another(self, space: Space, history: History, rng: np.random.Generator, tried: set) -> Any:
        """A random new candidate in place of a repeated one; None if there is none."""
        random = functools.partial(space.sample, starts=_constrained_points(space, history))
        for draw in (random, functools.partial(evenly, space)):
            for params in space.from_unit(draw(_MAX_REDRAWS, rng)):
                if self._is_new(params, space, tried):
                    return params
        if space.n_candidates > _MAX_ENUMERATED:
            which = "" if space.constraint is None else " that the constraint accepts"
            reason = f"no new candidate{which} was found in {2 * _MAX_REDRAWS} draws"
            self._end = StopReason(reason, "candidates")
            return None
        every = space.from_unit(np.array(list(space.grid(_MAX_ENUMERATED))))
        untried = [params for params in every if self._is_new(params, space, tried)]
        return untried[rng.integers(len(untried))] if untried else None


def _constrained_points(space: Space, history: History) -> np.ndarray | None:
    """Points (n, d) of earlier trials if there is a constraint, for :meth:`Space.sample`."""
    if space.constraint is None:
        return None
    points = [p for trial in history if (p := space.locate(trial.params)) is not None]
    return np.array(points).reshape(len(points), space.n_dims)


def params_key(params: Mapping[str, Any], space: Space | None = None) -> str:
    """A key of params, equal for equal values.

    Within a space, params at the same point are equal: 1 and 1.0 in a range of reals, but not
    among choices, since they differ for scikit-learn's ``max_features``, for example.
    """
    point = None if space is None else space.locate(params)
    if point is not None:
        return Space.key(point).hex()
    return "\n".join(f"{name}={_value_key(params[name])}" for name in sorted(params))


def _value_key(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str | numbers.Real):
        return f"{type(value).__name__}:{value!r}"
    return digest(value)
