"""Knowledge of an estimator's hyperparameters, learned from finished searches, and its file."""

import json
import math
import numbers
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary
from zipfile import BadZipFile

import numpy as np

from skhyper._trial import History
from skhyper.evaluation import load_history
from skhyper.knowledge._coordinates import coordinate, have, matched
from skhyper.knowledge._functions import Task, TaskFunctions, fit_functions
from skhyper.knowledge._portfolio import portfolio
from skhyper.space import Space

_VERSION = 1
# Errors of reading a file with other content.
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, EOFError)
_ARRAYS = ("points", "scales", "factors", "weights", "means", "times")
# Numbers of candidates of the user's space from which a portfolio is selected: random ones, and
# best ones of data sets.
_N_DRAWN, _N_BEST = 250, 80
# Minimum ratio of the largest to the smallest number for a log scale.
_LOG_FROM = 30.0
_LEAST_TRIALS = 5
# Cache of portfolios, since a sampler requests them at each trial.
_STARTS: "WeakKeyDictionary[Space, WeakKeyDictionary]" = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Knowledge from searches on other data sets.

    Attributes
    ----------
    ranges : dict
        The space in whose unit cube the functions are: from names to ranges and choices.
    functions : TaskFunctions
    data_sets : tuple of str
        Names of the data sets.
    requires : dict
        Values that other hyperparameters had in all trials, such as the kernel of an SVC.
    scaled : bool
        Whether the features were standardized, without which the estimator performs poorly.
    source : str
        The file or package that contains it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris, load_wine
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV, SearchCV
    >>> from skhyper.knowledge import learn
    >>> space = {"C": (1e-2, 1e3, "log-uniform"), "gamma": (1e-4, 1e1, "log-uniform")}
    >>> searches = [
    ...     SearchCV(SVC(), space, n_iter=8, cv=3, random_state=0).fit(*load(return_X_y=True))
    ...     for load in (load_iris, load_wine)
    ... ]
    >>> knowledge = learn(searches, names=["iris", "wine"])
    >>> BayesSearchCV(SVC(), space, knowledge=knowledge).knowledge
    Knowledge(['C', 'gamma'], 2 data sets)
    """

    ranges: Mapping[str, Any]
    functions: TaskFunctions
    data_sets: tuple[str, ...]
    requires: Mapping[str, Any] = field(default_factory=dict)
    scaled: bool = False
    source: str = ""

    def __repr__(self) -> str:
        return f"Knowledge({list(self.ranges)}, {len(self.data_sets)} data sets)"

    def save(self, path: str | os.PathLike) -> None:
        """Write the knowledge to a ``.npz`` file, without pickles."""
        header = {
            "version": _VERSION,
            "ranges": dict(self.ranges),
            "data_sets": list(self.data_sets),
            "requires": dict(self.requires),
            "scaled": self.scaled,
        }
        arrays = {name: getattr(self.functions, name) for name in _ARRAYS}
        with open(path, "wb") as file:
            np.savez_compressed(file, header=json.dumps(header), **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Knowledge":
        """Read a file that :meth:`save` wrote.

        Raises
        ------
        ValueError
            If it is not such a file, is damaged, or has another version.
        """
        name = os.fspath(path)
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                header = json.loads(str(arrays["header"]))
                version = header["version"]
                found = _from_file(header, arrays, name) if version == _VERSION else None
        except (*_DAMAGED, BadZipFile, zlib.error) as error:
            raise ValueError(
                f"{name!r} is not a file of skhyper.knowledge, or is damaged. Knowledge is made "
                "from journals by skhyper.knowledge.learn(journals).save(path)."
            ) from error
        if found is None:
            raise ValueError(
                f"{name!r} has version {version}; this version of skhyper "
                f"reads version {_VERSION}. Learn it again from the searches."
            )
        return found

    @property
    def space(self) -> Space:
        """The space in whose unit cube the functions are."""
        return Space({name: _dimension(spec) for name, spec in self.ranges.items()})

    def adapted(self, prefix: str, units: Mapping[str, float | None]) -> "Knowledge | None":
        """The same for a part of an estimator, with ranges in the units of its data.

        Parameters
        ----------
        prefix : str
            Of the part's hyperparameters, such as ``"svc__"``.
        units : dict
            As from ``skhyper.knowledge._shipped.units_of``.

        Returns
        -------
        knowledge : Knowledge or None
            None if a unit is unknown for these data.
        """
        ranges = {}
        for name, spec in self.ranges.items():
            unit = units[spec["unit"]] if "unit" in spec else 1.0
            if unit is None:
                return None
            scaled = {} if unit == 1.0 else {end: spec[end] * unit for end in ("low", "high")}
            ranges[prefix + name] = {k: v for k, v in spec.items() if k != "unit"} | scaled
        requires = {prefix + name: value for name, value in self.requires.items()}
        return replace(self, ranges=ranges, requires=requires)

    def portfolio(
        self,
        space: Space,
        own: Mapping[str, Any],
        n: int = 8,
        fixed: Mapping[int, float] = MappingProxyType({}),
    ) -> list[dict[str, Any]]:
        """Candidates of a space that together did well on the data sets.

        Parameters
        ----------
        space : Space
            The space of the new search.
        own : dict
            The estimator's own values, for hyperparameters that are not searched or unknown.
        n : int, default=8
        fixed : dict, default={}
            From columns of the space to their coordinates in all candidates: those of one branch.

        Returns
        -------
        candidates : list of dict
            Empty if the space has no hyperparameter in common with the knowledge.
        """
        if not set(self.ranges) & set(space.names):
            return []
        reference = self.space
        points = self._points(space, reference, own, fixed)
        at = matched(space, points, reference, own)
        # False where nan.
        usable = np.all((at >= 0) & (at <= 1), axis=1) & have(space, points, self.requires, own)
        points, at = points[usable], at[usable]
        if not len(points):
            return []
        losses, log_seconds = self.functions.predict(reference, at)
        known = self.functions.predict(reference, self._anyway(space, reference, own, fixed))[0]
        chosen = portfolio(losses, log_seconds, n, known.min(axis=0))
        return space.from_unit(points[chosen])

    def _anyway(
        self,
        space: Space,
        reference: Space,
        own: Mapping[str, Any],
        fixed: Mapping[int, float],
    ) -> np.ndarray:
        """Candidates that are always tried: the estimator's own values, the middle of the space."""
        middle = np.full((1, space.n_dims), 0.5)
        middle[:, list(fixed)] = list(fixed.values())
        middle = space.canonical(middle)
        named = zip(reference.names, reference.dimensions)
        values = [coordinate(dimension, own, str(name)) for name, dimension in named]
        both = np.vstack([values, matched(space, middle, reference, own)])
        return np.clip(np.nan_to_num(both, nan=0.5), 0.0, 1.0)

    def _points(
        self,
        space: Space,
        reference: Space,
        own: Mapping[str, Any],
        fixed: Mapping[int, float],
    ) -> np.ndarray:
        """Points (n, d) of a space, with the estimator's own values of unknown hyperparameters."""
        # A constraint may be slow, and accept few of them.
        n = _N_DRAWN if space.constraint is None else 2 * _N_DRAWN
        points = np.random.default_rng(0).random((n, space.n_dims))
        if 0 in fixed or space.n_subspaces == 1:
            best = reference.canonical(self.functions.points[:_N_BEST].astype(float))
            found = matched(reference, best, space, own)
            points = np.vstack([found[~np.isnan(found).any(axis=1)], points])
        points[:, list(fixed)] = list(fixed.values())
        known = {*self.ranges, *self.requires}
        for column, (name, dimension) in enumerate(zip(space.names, space.dimensions)):
            if name is not None and name not in known and column not in fixed:
                points[:, column] = coordinate(dimension, own, name)
        points = space.canonical(np.clip(points, 0.0, 1.0))
        kept = space.filter(points)
        keys = dict(zip(reversed(space.keys(kept)), reversed(range(len(kept)))))
        return kept[sorted(keys.values())]


def _from_file(header: Any, arrays: Mapping[str, np.ndarray], path: str) -> Knowledge:
    """Knowledge from the content of a file; raises one of `_DAMAGED` unless it can predict."""
    found = Knowledge(
        header["ranges"],
        TaskFunctions(*(arrays[name] for name in _ARRAYS)),
        tuple(header["data_sets"]),
        dict(header.get("requires", {})),
        header.get("scaled", False),
        path,
    )
    middle = np.full((1, len(found.ranges)), 0.5)
    losses, log_seconds = found.functions.predict(found.space, middle)
    if losses.shape != (1, len(found.data_sets)) or not np.isfinite(losses).all():
        raise ValueError("The functions are not those of the data sets.")
    if found.functions.points.shape[1] != len(found.ranges) or not np.isfinite(log_seconds).all():
        raise ValueError("The functions are not those of the ranges.")
    return found


class Suggestions(list):
    """First candidates of a search, a list of dict, and their source.

    Attributes
    ----------
    source : str
        File of the knowledge; empty without.
    data_sets : tuple of str
        Data sets it was learned from.
    reason : str
        Reason why there are none; else empty.
    branches : tuple of (dict, Suggestions)
        For each branch of a space in which the last step is searched, what its candidates have in
        common, and these.
    """

    def __init__(
        self,
        candidates: Iterable[Any] = (),
        source: str = "",
        data_sets: Sequence[str] = (),
        reason: str = "",
        branches: Sequence[tuple[Mapping[str, Any], "Suggestions"]] = (),
    ) -> None:
        super().__init__(candidates)
        self.source, self.data_sets, self.reason = source, tuple(data_sets), reason
        self.branches = tuple(branches)


@dataclass(frozen=True, eq=False)
class KnowledgeStarts:
    """Up to n candidates with which a search begins, as a function of its space.

    Attributes
    ----------
    knowledge : Knowledge
    own : dict
        The estimator's own values, for hyperparameters that are not searched.
    n : int
    n_hidden : int
        Number of trials that the sampler does not see.
    """

    knowledge: Knowledge
    own: Mapping[str, Any]
    n: int
    n_hidden: int = 0

    def __repr__(self) -> str:
        return f"KnowledgeStarts({self.knowledge!r}, n={self.n})"

    def __call__(self, space: Space) -> list[dict[str, Any]]:
        return _computed_once(
            space, self, lambda: self.knowledge.portfolio(space, self.own, self.n)
        )


@dataclass(frozen=True, eq=False)
class BranchStarts:
    """Candidates of several branches with which a search begins.

    Attributes
    ----------
    candidates : tuple of dict
        The best one of each branch, then the second one of each, and so on.
    n_branches : int
        Number of branches that have some.
    n_hidden : int
        As for :class:`KnowledgeStarts`.
    """

    candidates: tuple[Mapping[str, Any], ...]
    n_branches: int
    n_hidden: int = 0

    def __repr__(self) -> str:
        return f"BranchStarts({len(self.candidates)} candidates, {self.n_branches} branches)"

    def __call__(self, space: Space) -> list[Mapping[str, Any]]:
        return _computed_once(
            space, self, lambda: [params for params in self.candidates if space.contains(params)]
        )


def _computed_once(space: Space, starts: Any, compute: Callable[[], list]) -> list:
    if space not in _STARTS:
        _STARTS[space] = WeakKeyDictionary()
    known = _STARTS[space]
    if starts not in known:
        known[starts] = compute()
    return known[starts]


def learn(
    histories: Iterable[Any],
    *,
    names: Sequence[str] | None = None,
    rank: int = 8,
    n_inducing: int = 150,
) -> Knowledge:
    """Knowledge from finished searches of one estimator, or pipeline, on several data sets.

    Parameters
    ----------
    histories : iterable of History, path or fitted search
        One for each data set; paths are those of journals. The searches should be scored by the
        same metric.
    names : sequence of str, default=None
        Names of the data sets; by default paths, or numbers.
    rank : int, default=8
        Number of functions of which those of the data sets are combinations.
    n_inducing : int, default=150
        Number of candidates at which they are stored.

    Returns
    -------
    knowledge : Knowledge

    Raises
    ------
    ValueError
        If there are fewer than two searches with at least five complete trials, or if they have no
        hyperparameter in common.
    TypeError
        If `histories` is no list of searches, or if `rank` or `n_inducing` is no integer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris, load_wine
    >>> from sklearn.svm import SVC
    >>> from skhyper import SearchCV
    >>> from skhyper.knowledge import learn
    >>> spaces = {"C": (1e-2, 1e3, "log-uniform"), "gamma": (1e-4, 1e1, "log-uniform")}
    >>> searches = [
    ...     SearchCV(SVC(), spaces, n_iter=8, cv=3, random_state=0).fit(*load(return_X_y=True))
    ...     for load in (load_iris, load_wine)
    ... ]
    >>> learn(searches, names=["iris", "wine"])
    Knowledge(['C', 'gamma'], 2 data sets)
    """
    single = isinstance(histories, str | os.PathLike | Mapping | History)
    if single or not isinstance(histories, Iterable):
        raise TypeError(f"Expected a list of searches or journals, got {histories!r}.")
    if not all(isinstance(n, numbers.Integral) for n in (rank, n_inducing)):
        raise TypeError(f"rank and n_inducing must be integers, got {rank!r} and {n_inducing!r}.")
    if rank < 1 or n_inducing < 1:
        raise ValueError(f"rank and n_inducing must be at least 1, got {rank} and {n_inducing}.")
    given = list(histories)
    found = [_history(item) for item in given]
    paths = [os.fspath(x) if isinstance(x, str | os.PathLike) else i for i, x in enumerate(given)]
    labels = [str(label) for label in (paths if names is None else names)]
    if len(labels) != len(found):
        raise ValueError(f"{len(labels)} names were given for {len(found)} searches.")
    ended = [[t for t in history if t.state in ("complete", "failed")] for history in found]
    kept = [
        (label, trials)
        for label, trials in zip(labels, ended)
        if sum(trial.state == "complete" for trial in trials) >= _LEAST_TRIALS
    ]
    if len(kept) < 2:
        raise ValueError(
            f"At least two searches with {_LEAST_TRIALS} complete trials are needed, "
            f"got {len(kept)}."
        )
    ranges = _common_ranges([trials for _, trials in kept])
    space = Space({name: _dimension(spec) for name, spec in ranges.items()})
    tasks = [_task(space, trials, ranges) for _, trials in kept]
    for (label, _), task in zip(kept, tasks):
        if not len(task.points):
            raise ValueError(f"No trial of {label!r} has values in all of the ranges {ranges}.")
    functions = fit_functions(space, tasks, rank, n_inducing)
    return Knowledge(ranges, functions, tuple(label for label, _ in kept))


def _history(item: Any) -> History:
    if isinstance(item, History):
        return item
    if hasattr(item, "history_"):
        return item.history_
    if isinstance(item, str | os.PathLike):
        return load_history(item)
    raise TypeError(
        f"Expected histories, paths of journals or fitted searches of skhyper, got {item!r}."
    )


def _common_ranges(histories: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Ranges and choices of the hyperparameters that all searches tried."""
    names = set.intersection(
        *({name for trial in trials for name in trial.params} for trials in histories)
    )
    ranges = {}
    for name in sorted(names):
        values = [[t.params[name] for t in trials if name in t.params] for trials in histories]
        spec = _range([value for own in values for value in own])
        if spec is None:
            continue
        space = Space({name: _dimension(spec)})
        # Of a search with gamma in ["scale", "auto"], say, none is in the range of the others.
        if all(any(space.locate({name: v}) is not None for v in own) for own in values):
            ranges[name] = spec
    if not ranges:
        raise ValueError("The searches have no hyperparameter in common that has several values.")
    return ranges


def _range(values: Sequence[Any]) -> dict[str, Any] | None:
    """A range that contains numbers, or the choices; None without two values, or not for JSON."""
    found: list[Any] = [
        v
        for v in values
        if isinstance(v, numbers.Real) and not isinstance(v, bool) and math.isfinite(v)
    ]
    # Others, such as the default "scale", or an infinite C without penalty, are left out.
    if 2 * len(found) > len(values):
        low, high = min(found), max(found)
        if low == high:
            return None
        log = bool(low > 0 and high / low > _LOG_FROM)
        whole = all(isinstance(v, numbers.Integral) for v in found)
        if whole:
            return {"kind": "integer", "low": int(low), "high": int(high), "log": log}
        return {"kind": "real", "low": float(low), "high": float(high), "log": log}
    choices = list(dict.fromkeys(v for v in values if isinstance(v, str | bool | int | float)))
    if len(choices) < 2:
        return None
    return {"kind": "choices", "choices": choices}


def _dimension(spec: Mapping[str, Any]) -> Any:
    if spec["kind"] == "choices":
        return [tuple(v) if isinstance(v, list) else v for v in spec["choices"]]
    prior = "log-uniform" if spec["log"] else "uniform"
    number = int if spec["kind"] == "integer" else float
    return (number(spec["low"]), number(spec["high"]), prior)


def _task(space: Space, trials: Sequence[Any], ranges: Mapping[str, Any]) -> Task:
    middle = {
        name: dimension.from_unit(coordinate(dimension, {}, name))
        for name, dimension in zip(map(str, space.names), space.dimensions)
    }
    full = space.with_defaults(middle)  # for trials that lack some
    params = [{n: v for n, v in trial.params.items() if n in ranges} for trial in trials]
    located = zip(map(full.locate, params), trials)
    kept = [(point, trial) for point, trial in located if point is not None]
    return Task(
        np.clip([point for point, _ in kept], 0.0, 1.0),
        np.array([trial.loss for _, trial in kept]),
        np.array([trial.seconds for _, trial in kept]),
    )
