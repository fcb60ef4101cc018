"""Groups of candidates that share one fit, and the pool that fits each group once."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import clone

from skhyper._trial import Trial
from skhyper.evaluation._candidates import params_key
from skhyper.evaluation._executor import Pool
from skhyper.evaluation._objective import FoldJob, Followers
from skhyper.evaluation._observers import Observer
from skhyper.evaluation._reuse import COUNTS, Reuse
from skhyper.evaluation._shared_fits import FOLLOWERS, N_FITS, SHARED
from skhyper.reuse import SharedFit, shared_fit

_NOT_DERIVED = "some estimators could not be derived from a shared fit: the data do not allow it"
_NOT_ADDED = "no candidates are added to proposals: it depends on the data if they can share a fit"


def rule_of(estimator: Any, params: Mapping[str, Any]) -> SharedFit | None:
    """The rule along one of `params` of an estimator with these set; None without one."""
    try:
        rule = shared_fit(clone(estimator).set_params(**clone(dict(params), safe=False)))
    except Exception:  # noqa: BLE001  (the fit will report it)
        return None
    return None if rule is None else rule.along(params)


@dataclass(eq=False)
class _Group:
    """Candidates that differ in one hyperparameter, by their keys: its values."""

    rule: SharedFit
    values: dict[str, Any] = field(default_factory=dict)


class FitGroups(Observer):
    """The candidates of a search, grouped by fits that they can share.

    Parameters
    ----------
    estimator : estimator
        The one whose hyperparameters are set.
    grows : bool
        Whether candidates are added as they are proposed.
    tolerance : bool
        Whether results may differ from those of plain fits within the tolerance of a rule.

    Attributes
    ----------
    why_not : dict
        From the empty name to the reason why candidates are fitted singly, as in :class:`Reuse`.
    finished : set of (str, int)
        Keys of candidates and folds whose results are known.
    """

    def __init__(self, estimator: Any, grows: bool = False, tolerance: bool = False):
        self.grows = grows
        self._tolerance = tolerance
        self._estimator = estimator
        self._rule = shared_fit(estimator)
        self._groups: dict[str, _Group] = {}
        self._of_candidate: dict[str, _Group] = {}
        self._n_equal: Counter[str] = Counter()
        self.why_not: dict[str, str] = {}
        self.finished: set[tuple[str, int]] = set()

    def __len__(self) -> int:
        """Number of candidates in groups."""
        return len(self._of_candidate)

    def on_trial_start(self, trial: Trial) -> None:
        if self.grows:
            self.add([trial.params])

    def add(
        self,
        listed: Iterable[Mapping[str, Any]],
        finished: Iterable[tuple[Mapping[str, Any], Iterable[int]]] = (),
    ) -> None:
        """Add candidates that will be submitted, before they are.

        Candidates that share fits with no other one are omitted, unless others may follow.
        `finished` are params, each with the folds whose results are known from an earlier process.
        """
        self.finished.update((params_key(p), fold) for p, folds in finished for fold in folds)
        found: defaultdict[tuple[int, str], list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
        names: dict[tuple[int, str], str] = {}
        for params in listed:
            for rank, rule in enumerate(self._named_rules(params)):
                others = {name: value for name, value in params.items() if name != rule.name}
                key = rank, f"{rule.name}\n{params_key(others)}"
                names[key] = rule.name
                found[key].append((params_key(params), params))
        for key in sorted(found):  # a candidate is in a group of its first rule with several values
            own = None, self._groups.get(key[1])
            members = [one for one in found[key] if self._of_candidate.get(one[0]) in own]
            if members and (self.grows or len(dict(members)) > 1):
                self._add_group(key[1], names[key], members)

    def _add_group(self, key: str, name: str, members: list[tuple[str, Mapping[str, Any]]]) -> None:
        if key not in self._groups:
            rule = rule_of(self._estimator, members[0][1])
            rule = None if rule is None else rule.along([name])
            why_not = rule.why_not_with(self._tolerance) if rule else "its values cannot be set"
            adds_none = self.grows and rule is not None and not (rule.is_certain or rule.why_not)
            if adds_none:
                self.why_not[""] = _NOT_ADDED
            elif why_not:
                self.why_not[""] = why_not
            if rule is None or why_not:
                return
            self._groups[key] = _Group(rule)
        group = self._groups[key]
        for member, params in members:
            group.values[member] = params[group.rule.name]
            self._of_candidate[member] = group
            self._n_equal[member] += 1

    def _named_rules(self, params: Mapping[str, Any]) -> Iterator[SharedFit]:
        """The rules of an estimator with `params` along one of them, which accept its value."""
        rule = self._named_rule(params)
        while rule is not None:
            if rule.accepts(params[rule.name]):
                yield rule
                if self.grows:
                    return
            rule = rule.otherwise and rule.otherwise.along(params)

    def _named_rule(self, params: Mapping[str, Any]) -> SharedFit | None:
        """A rule with the name of that of the estimator with `params`, which is one of them."""
        if any(hasattr(value, "get_params") for value in params.values()):
            return rule_of(self._estimator, params)  # steps may be replaced
        return None if self._rule is None else self._rule.along(params)

    def of(self, candidate: str) -> _Group | None:
        """The group of a candidate with this key."""
        return self._of_candidate.get(candidate)

    def share(self, candidate: str, job: FoldJob) -> float:
        """Estimated time of a fit of a candidate, relative to the one that a job made for it."""
        group = self._of_candidate[candidate]
        if group.rule.whole_range or job.followers is None:
            return 1.0
        return group.values[candidate] / job.followers.longest

    def is_repeated(self, candidate: str) -> bool:
        """Whether candidates with this key will be submitted more than once."""
        return self._n_equal[candidate] > 1


class SharingPool:
    """Pool in which one fit serves the same fold of all candidates of a group.

    The first submitted fold of a group is fitted, with the others as its followers. Their results
    are kept until they are submitted, and then returned at once.

    Parameters
    ----------
    pool : Pool
        Runs the folds; its objective is a :class:`SharedFits`.
    groups : FitGroups
    show : callable, default=None
        ``show(job, result)`` is called with each fold whose fit is shared.
    """

    def __init__(
        self,
        pool: Pool,
        groups: FitGroups,
        show: Callable[[FoldJob, dict[str, Any]], None] = lambda job, result: None,
    ):
        self.n_workers = pool.n_workers
        self.gives_up = pool.gives_up
        self.in_process = pool.in_process
        self._pool = pool
        self._groups = groups
        self._show = show
        self._carried: dict[tuple[int, int], list[str]] = {}  # followers of (trial, fold)
        self._awaited: dict[tuple[str, int], list[FoldJob]] = {}  # submitted jobs of followers
        self._known: dict[tuple[str, int], dict[str, Any]] = {}
        self._settled = set(groups.finished)  # no longer carried
        self._cancelled: set[str] = set()
        self._keys: dict[int, str] = {}  # of trials
        self._ready: deque[tuple[FoldJob, dict[str, Any]]] = deque()

    @property
    def began(self) -> float:
        return self._pool.began

    @property
    def has_room(self) -> bool:
        return not self._ready and self._pool.has_room

    def submit(self, job: FoldJob) -> None:
        key = self._keys.setdefault(job.trial, params_key(job.params))
        place = key, job.fold
        if place in self._known:
            is_repeated = self._groups.is_repeated(key)
            self._answer(job, self._known[place] if is_repeated else self._known.pop(place))
        elif place in self._awaited:
            self._awaited[place].append(job)
        else:
            self._fit(job, key)

    def _fit(self, job: FoldJob, key: str) -> None:
        """Submit a fold to the pool, with all of its group that have no result."""
        group, fold = self._groups.of(key), job.fold
        self._settled.add((key, fold))
        others = [] if group is None else [k for k in group.values if self._is_open(k, fold)]
        if group is None or not others:
            self._pool.submit(job)
            return
        values = [group.values[other] for other in others]
        longest = group.rule.longest([group.values[key], *values])
        self._carried[job.trial, fold] = others
        for other in others:
            self._awaited[other, fold] = []
        followers = Followers(group.rule.name, tuple(values), longest)
        self._pool.submit(replace(job, followers=followers))

    def _is_open(self, key: str, fold: int) -> bool:
        place = key, fold
        known = place in self._settled or place in self._known or place in self._awaited
        return not known and key not in self._cancelled

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        if self._ready:
            yield from self._drained()
            return
        for job, result in self._pool.wait(timeout):
            others = self._carried.pop((job.trial, job.fold), [])
            found, n_made = result.pop(FOLLOWERS, None), result.pop(N_FITS, 1)
            if others and found is None and not _is_longest(job):
                # The worker died while it fitted another candidate.
                self._pool.submit(replace(job, followers=None))
            else:
                if self._groups.of(self._keys[job.trial]) is not None:
                    why_not = {"": _NOT_DERIVED} if _has_missing(result, found) else {}
                    counts = Reuse(1, n_made, 0.0, why_not)
                    result[COUNTS] = result.get(COUNTS, Reuse()).plus(counts)
                found = found or [None] * len(others)
                longest = max([result["fit_time"], *(one["fit_time"] for one in found if one)])
                if result.get(SHARED):
                    result["fit_time"] = longest * self._groups.share(self._keys[job.trial], job)
                if others:
                    self._show(job, result)
                yield job, result
            found = found or [None] * len(others)
            for other, one in zip(others, found, strict=True):
                if one is None and self._groups.grows and _has_failed(result):
                    one = {**result, SHARED: True}  # not submitted yet
                if one is not None:
                    one |= self._times(one, longest, other, job) | {"started": result["started"]}
                self._settle(other, job.fold, one)
            yield from self._drained()

    def _times(
        self, result: Mapping[str, Any], longest: float, key: str, job: FoldJob
    ) -> dict[str, Any]:
        """Times of a follower: of its fit without sharing, and the seconds spent and saved."""
        alone, spent = longest * self._groups.share(key, job), result["fit_time"]
        counts = Reuse(1, 0, max(0.0, alone - spent))
        fit_time = alone if result.get(SHARED) else spent
        return {"fit_time": fit_time, "seconds": spent + result["score_time"], COUNTS: counts}

    def _settle(self, key: str, fold: int, result: dict[str, Any] | None) -> None:
        """Return the result of a follower; without a result, it must be fitted."""
        jobs = self._awaited.pop((key, fold))
        self._settled.add((key, fold))
        if result is None:
            for job in jobs:
                self._pool.submit(job)
            return
        if not jobs or self._groups.is_repeated(key):
            self._known[key, fold] = result
        for job in jobs:
            self._answer(job, result)

    def _answer(self, job: FoldJob, result: dict[str, Any]) -> None:
        if job.context is not None:  # of scikit-learn's callbacks
            job.context.call_on_fit_task_begin(estimator=job.caller)
            job.context.call_on_fit_task_end(estimator=job.caller)
        self._ready.append((job, dict(result)))

    def _drained(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        while self._ready:
            job, result = self._ready.popleft()
            self._show(job, result)
            yield job, result

    def cancel(self, trial: int) -> None:
        key = self._keys.get(trial, "")
        if not self._groups.is_repeated(key):
            self._cancelled.add(key)  # no longer fitted together with others
        self._ready = deque(pair for pair in self._ready if pair[0].trial != trial)
        for place, jobs in self._awaited.items():
            self._awaited[place] = [job for job in jobs if job.trial != trial]
        if not any(of == trial for of, _ in self._carried):  # otherwise followers need its fits
            self._pool.cancel(trial)

    def close(self, kill: bool = False) -> None:
        self._ready.clear()
        self._pool.close(kill)


def _has_missing(result: Mapping[str, Any], found: list[Any] | None) -> bool:
    """Whether results of followers are missing although the fit succeeded."""
    return not _has_failed(result) and any(one is None for one in found or ())


def _has_failed(result: Mapping[str, Any]) -> bool:
    return result["fit_error"] is not None or result.get("score_error") is not None


def _is_longest(job: FoldJob) -> bool:
    """Whether the fit that a fold shares is its own."""
    followers = job.followers
    return followers is None or job.params[followers.name] == followers.longest
