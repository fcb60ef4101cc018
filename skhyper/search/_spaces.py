"""The search space of a search, its initial points and phases, read and checked."""

import math
import numbers
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._sklearn import Interval
from skhyper.exceptions import InvalidSpaceError
from skhyper.search._validate import (
    check_candidates,
    check_values,
    listed,
    space_examples,
    vector_of,
)
from skhyper.search._warnings import warn
from skhyper.space import Space, check_space

DEFAULT_N_ITER = 50


def check_numbers(search: Any) -> None:
    """Reject booleans as numbers, and integers that overflow arrays or clocks."""
    for name, value in search.get_params(deep=False).items():
        allowed = search._parameter_constraints.get(name, ())
        if any(isinstance(constraint, Interval) for constraint in allowed):
            whole = isinstance(value, numbers.Integral)
            if isinstance(value, bool | np.bool_) or (whole and abs(value) > sys.maxsize):
                raise ValueError(
                    f"{name} must be a number, not bool, of at most {sys.maxsize}; got {value!r}."
                )


def read_space(search: Any, spaces: Any) -> Space:
    """The space that `spaces` describes, with vectors and defaults from the estimator.

    Raises if the estimator does not accept its names or values.
    """
    space = check_space(spaces, search.constraint)
    own = search.estimator.get_params(deep=True)
    templates = {name: vector_of(name, own) for name in space.names if name in own}
    vectors = {name: value for name, value in templates.items() if value is not None}
    space = (space.with_vectors(vectors) if vectors else space).with_defaults(own)
    check_candidates(search.estimator, space_examples(space))
    check_values(search.estimator, space)
    return space


def checked_space(search: Any, spaces: Any) -> Space:
    """The same, with points that its constraint accepts; raises if it rejects everything."""
    space = read_space(search, spaces)
    if space.constraint is not None:
        guesses = [{}, *listed(search.initial_points)]
        known = [space.locate(params) for params in guesses if space.contains(params)]
        space = space.with_accepted(np.array(known))
    return space.with_accepted(space.sample(1, np.random.default_rng(0)))


def checked_initial_points(search: Any, space: Space) -> list[Mapping[str, Any]]:
    """`initial_points`, each completed with a value for all names of the space."""
    points = listed(search.initial_points)
    return [_checked_point(search.estimator, params, space) for params in points]


def _checked_point(estimator: Any, params: Mapping[str, Any], space: Space) -> Mapping[str, Any]:
    check_candidates(estimator, [params])
    if space.contains(params):
        return space.fill_defaults(params)
    own = estimator.get_params(deep=True)
    left_out = {n: own[n] for n in space.names if n in own and n not in params}
    raise InvalidSpaceError(
        f"The initial point {dict(params)!r} does not lie in {space!r}. Names it does not contain "
        f"have the estimator's own values: {left_out!r}. Widen the space, give all values of the "
        "point, or evaluate it with SearchCV(estimator, sampler=[point])."
    )


def phases(
    space: Space, n_iter: int | None, max_time: float | None = None
) -> list[tuple[Space, float]]:
    """Spaces to search one after the other, with their numbers of trials.

    A number is inf if only `max_time` limits it.
    """
    n_trials = DEFAULT_N_ITER if n_iter is None else n_iter
    if all(budget is None for budget in space.budgets):
        only_time = n_iter is None and max_time is not None
        return [(space, math.inf if only_time else n_trials)]
    budgets = [n_trials if budget is None else budget for budget in space.budgets]
    return [(space.restrict(i), budget) for i, budget in enumerate(budgets)]


def own_params(search: Any, space: Space) -> list[Mapping[str, Any]]:
    """The estimator's own values, inside the space or not; empty if they cannot be tried.

    Outside of the space, unless `include_default` is True, they are not tried if that could end the
    search with an error.
    """
    if search.include_default is False:
        return []
    if space.contains({}):
        return [space.fill_defaults({})]
    own = search.estimator.get_params(deep=True)
    if space.locate({}) is not None:
        params = space.fill_defaults({})
    else:
        params = {name: own[name] for name in space.names if name in own}
    # A space with at most `n_iter` candidates is taken as a complete list.
    is_list = space.n_candidates <= (DEFAULT_N_ITER if search.n_iter is None else search.n_iter)
    if search.include_default is None and (search.error_score == "raise" or is_list):
        return []
    reason = _why_not_tried(search.estimator, params, space)
    if reason and search.include_default:
        warn(
            f"include_default: the candidate {params!r}, the estimator's own values, is not tried, "
            f"{reason}."
        )
    return [] if reason else [params]


def _why_not_tried(estimator: Any, params: Mapping[str, Any], space: Space) -> str:
    """Why values outside of the space cannot be tried; empty if they can."""
    try:
        allowed = space.accepts(params)
    except InvalidSpaceError:  # the constraint expects values from the space
        allowed = False
    if not allowed:
        return "as the constraint rejects it"
    example = clone(space_examples(space)[0], safe=False)
    in_space = clone(estimator).set_params(**example)
    if hasattr(in_space, "predict") and not hasattr(estimator, "predict"):
        return "as it is a placeholder that cannot predict"
    return ""
