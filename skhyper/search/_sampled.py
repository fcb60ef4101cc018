"""Plans of the searches with a search space: candidates from a sampler, or from a list."""

import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skhyper._sklearn import Interval
from skhyper._trial import History
from skhyper.evaluation import ListedCandidates, Racer, SampledCandidates, params_key, paths_of
from skhyper.exceptions import InvalidSpaceError
from skhyper.samplers import GPSampler, Sampler
from skhyper.search._fit import (
    BUDGET_CONSTRAINTS,
    KEEP_CONSTRAINTS,
    REUSE_CONSTRAINTS,
    BaseSearch,
    shares_fits,
)
from skhyper.search._given_spaces import given_spaces
from skhyper.search._plan import Plan, racer_of
from skhyper.search._reuse import reuse_options
from skhyper.search._spaces import (
    check_numbers,
    checked_initial_points,
    checked_space,
    own_params,
    phases,
    read_space,
)
from skhyper.search._task import Task
from skhyper.search._validate import check_candidates, check_listed_values, listed
from skhyper.space import Space

# Metadata of boosting by which a fit may choose its best round, or continue another one.
_CHOOSE_ROUNDS = {"eval_set", "eval_X", "callbacks", "init_model", "xgb_model"}


class SpaceSearch(BaseSearch):
    """Base class of searches over a space: parameters for earlier trials and time limits."""

    _parameter_constraints: ClassVar[dict] = {
        **BaseSearch._parameter_constraints,
        **BUDGET_CONSTRAINTS,
        **KEEP_CONSTRAINTS,
        "search_spaces": [dict, list, tuple, Space, None],
        "n_iter": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "initial_points": [dict, list, tuple, None],
        "constraint": [callable, None],
        "warm_start": ["boolean"],
        "history": [History, None],
        "journal": [str, os.PathLike, None],
        "random_state": ["random_state"],
    }


class SampledSearch(SpaceSearch):
    """Base class of searches whose candidates a sampler chooses, possibly in parallel."""

    _parameter_constraints: ClassVar[dict] = {
        **SpaceSearch._parameter_constraints,
        **REUSE_CONSTRAINTS,
        "include_default": ["boolean", None],
        "racing": ["boolean", Racer],
        "n_points": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "allow_repeats": ["boolean"],
    }


def seed_of(search: Any) -> int:
    """The seed of a search; its numeric parameters are checked first."""
    check_numbers(search)
    return int(check_random_state(search.random_state).randint(2**31 - 1))


def plan_for(search: Any, candidates: Any, space: Space | None, seed: int, **more: Any) -> Plan:
    """A plan with the parameters common to all searches over a space."""
    return Plan(
        candidates,
        space,
        seed,
        search.history,
        search.warm_start,
        search.journal,
        max_time=search.max_time,
        ordered=search.random_state is not None,
        racer=racer_of(search.racing),
        **more,
    )


def sampled_plan(
    search: Any, task: Task, sampler: Sampler, seed: int, follows: bool = True, **more: Any
) -> Plan:
    """A plan with candidates from a sampler, or all candidates of a small space.

    With `follows`, candidates that can share the fits of a proposal are added to it.
    """
    spaces = given_spaces(search.search_spaces, search.estimator, task.X, task.y)
    space = checked_space(search, spaces)
    in_phases = phases(space, search.n_iter, search.max_time)
    paths = None
    if follows and _may_follow(search, task):
        paths = paths_of(search.estimator, space, reuse_options(search.reuse).tolerance)
    if paths is not None and isinstance(sampler, GPSampler) and sampler.cost is None:
        sampler = sampler.per(paths.cost(space), max(n for _, n in in_phases))
    sampler.check(space)
    first = checked_initial_points(search, space)
    own = own_params(search, space)
    # Tried, but hidden from the sampler.
    outside = [params for params in own if not space.contains(params)]
    if search.include_default:
        first += own
    design = sampler.design(space)
    if design is not None:
        candidates: Any = _grid_candidates(search, space, first, design)
    elif _tries_everything(search, space, in_phases):
        candidates = _grid_candidates(search, space, first, space.grid(int(space.n_candidates)))
    else:
        if search.include_default is None and sampler.starts_from_default:
            # Of sub-spaces that are searched in turn, only the first one may give up a trial.
            part, _ = in_phases[0]
            first += [p for p in own if len(in_phases) == 1 or part.contains(p)]
        candidates = SampledCandidates(
            sampler, in_phases, first, search.allow_repeats, outside, paths, own
        )
    more["attributes"] = {"sampler_": sampler, "_outside": outside}
    more["shares_fits"] = shares_fits(search.reuse)
    return plan_for(search, candidates, space, seed, n_parallel=search.n_points, **more)


def _may_follow(search: Any, task: Task) -> bool:
    """Whether candidates may be added to proposals: not if they might have to be fitted."""
    limited = search.fit_timeout is not None or search.memory_limit is not None
    names = {name.rpartition("__")[2] for name in task.fit_params}
    return shares_fits(search.reuse) and not limited and not names & _CHOOSE_ROUNDS


def _tries_everything(search: Any, space: Space, in_phases: list[tuple[Space, float]]) -> bool:
    """Whether all candidates will be tried, so that their order does not matter."""
    every = len(in_phases) == 1 and space.n_candidates <= in_phases[0][1]
    return every and not search.allow_repeats and search.max_time is None


def _grid_candidates(
    search: Any, space: Space, first: list, points: Iterable[np.ndarray]
) -> ListedCandidates:
    grid = [params for point in points for params in space.from_unit([point])]
    distinct: dict[str, Mapping[str, Any]] = {}
    for params in [*first, *grid]:  # sub-spaces may overlap
        distinct.setdefault(params_key(params, space), params)
    reason = "every candidate was tried"
    listed_ones = list(distinct.values())
    return ListedCandidates(listed_ones, reason, search.allow_repeats, space, search.n_iter)


def listed_plan(search: Any, task: Task, params_list: Any, seed: int) -> Plan:
    """A plan with an explicit list of candidates."""
    candidates: Sequence[Mapping[str, Any]] = listed(params_list, "sampler")
    if not candidates:
        raise InvalidSpaceError("The list of candidates is empty.")
    spaces = search.search_spaces
    space = None
    if spaces is not None:
        space = read_space(search, given_spaces(spaces, search.estimator, task.X, task.y))
    candidates = [*listed(search.initial_points), *candidates]
    check_candidates(search.estimator, candidates)
    check_listed_values(search.estimator, candidates)
    for params in candidates:
        if search.constraint is not None and not search.constraint(dict(params)):
            raise InvalidSpaceError(f"The constraint rejects the candidate {dict(params)!r}.")
    reason = "every candidate of the list was tried"
    listing = ListedCandidates(candidates, reason, search.allow_repeats, space, search.n_iter)
    attributes = {"sampler_": params_list}
    return plan_for(
        search,
        listing,
        space,
        seed,
        n_parallel=search.n_points,
        attributes=attributes,
        shares_fits=shares_fits(search.reuse),
    )
