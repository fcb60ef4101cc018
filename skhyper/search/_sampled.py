"""What the searches that sample a space share: first settings, phases, the sampler."""

import math
import numbers
import os
import sys
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skhyper._sklearn import Interval
from skhyper._trial import History
from skhyper.evaluation import ListedCandidates, SampledCandidates, setting_key
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.samplers import (
    GPSampler,
    GridSampler,
    RandomSampler,
    Sampler,
    SkoptSampler,
)
from skhyper.search._base import BaseSearch, Plan
from skhyper.search._validate import (
    check_listed_values,
    check_settings,
    check_values,
    listed,
    space_examples,
    vector_of,
    warn_about_pairs,
)
from skhyper.space import Space, check_space

__all__ = ["SampledSearch"]

# Samplers that start, unless told otherwise, from the estimator's own setting.
_START_FROM_OWN = (RandomSampler, GPSampler, SkoptSampler)
_N_ITER = 50


class SampledSearch(BaseSearch):
    """A search whose settings come from a sampler, or from a list that a person wrote."""

    _parameter_constraints: ClassVar[dict] = {
        **BaseSearch._parameter_constraints,
        "search_spaces": [dict, list, tuple, Space, None],
        "n_iter": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "initial_points": [dict, list, tuple, None],
        "include_default": ["boolean", None],
        "constraint": [callable, None],
        "max_time": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "n_points": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "allow_repeats": ["boolean"],
        "warm_start": ["boolean"],
        "history": [History, None],
        "journal": [str, os.PathLike, None],
        "random_state": ["random_state"],
    }

    _is_sequential = True

    # Whether spaces may have been written for scikit-optimize, where [low, high] is a range.
    _reads_scikit_optimize: ClassVar[bool] = False

    @abstractmethod
    def _sampler(self) -> Sampler | Sequence[Mapping[str, Any]]:
        """The sampler, or the list of settings of a manual search."""

    def _plan(self) -> Plan:
        self._check_numbers()
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.sampler_ = self._sampler()
        if not isinstance(self.sampler_, Sampler):
            return self._manual_plan(listed(self.sampler_, "sampler"), seed)
        if self.search_spaces is None:
            raise InvalidSpaceError(
                "search_spaces is needed, unless sampler is a list of settings."
            )
        space = self._checked_space()
        self.sampler_.check(space)
        guesses = [
            self._checked_guess(params, space)
            for params in listed(self.initial_points, "initial_points")
        ]
        phases = self._phases(space)
        own = self._own_setting(space)
        # Tried, and not seen by the sampler.
        self._outside = [params for params in own if not space.contains(params)]
        if self.include_default:
            guesses += own
        if isinstance(self.sampler_, GridSampler):
            candidates = self._grid_candidates(space, guesses, self.sampler_.n_values)
        elif self._tries_everything(space, phases):
            candidates = self._grid_candidates(space, guesses, int(space.n_settings))
        else:
            if self.include_default is None and isinstance(self.sampler_, _START_FROM_OWN):
                guesses += own
            candidates = SampledCandidates(
                self.sampler_, phases, guesses, self.allow_repeats, self._outside
            )
        return Plan(candidates, space, seed)

    def _check_numbers(self) -> None:
        """Refuse True as a number, and integers that no array or clock can hold."""
        for name in self._get_param_names():
            value, allowed = getattr(self, name), self._parameter_constraints.get(name, ())
            if any(isinstance(constraint, Interval) for constraint in allowed):
                whole = isinstance(value, numbers.Integral)
                if isinstance(value, bool | np.bool_) or (whole and abs(value) > sys.maxsize):
                    raise ValueError(f"{name} must be a number of a usual size, got {value!r}.")

    def _tries_everything(self, space: Space, phases: list[tuple[Space, float]]) -> bool:
        """Whether all settings will be tried, so that no order of them is better."""
        every = len(phases) == 1 and space.n_settings <= phases[0][1]
        return every and not self.allow_repeats and self.max_time is None

    def _manual_plan(self, settings: Sequence[Mapping[str, Any]], seed: int) -> Plan:
        if not settings:
            raise InvalidSpaceError("The list of settings to try is empty.")
        space = None if self.search_spaces is None else self._space()
        settings = [*listed(self.initial_points, "initial_points"), *settings]
        check_settings(self.estimator, settings)
        check_listed_values(self.estimator, settings)
        for params in settings:
            if self.constraint is not None and not self.constraint(dict(params)):
                raise InvalidSpaceError(f"The constraint rejects the setting {dict(params)!r}.")
        reason = "every setting of the list was tried"
        return Plan(
            ListedCandidates(settings, reason, self.allow_repeats, space, self.n_iter), space, seed
        )

    def _spaces(self) -> Any:
        """The search spaces as they are read."""
        return self.search_spaces

    def _space(self) -> Space:
        space = check_space(self._spaces(), self.constraint)
        own = self.estimator.get_params(deep=True)
        templates = {name: vector_of(name, own) for name in space.names if name in own}
        vectors = {name: value for name, value in templates.items() if value is not None}
        return (space.with_vectors(vectors) if vectors else space).with_defaults(own)

    def _checked_space(self) -> Space:
        """The space, after a look at whether the estimator takes what is in it."""
        space = self._space()
        check_settings(self.estimator, space_examples(space))
        check_values(self.estimator, space)
        if self._reads_scikit_optimize:
            warn_about_pairs(self.search_spaces)
        if space.constraint is not None:
            guesses = [{}, *listed(self.initial_points)]
            known = [space.locate(params) for params in guesses if space.contains(params)]
            space = space.with_accepted(np.array(known))
        # Raises if the constraint rejects everything; else there is a point to go on from.
        return space.with_accepted(space.sample(1, np.random.default_rng(0)))

    def _grid_candidates(self, space: Space, guesses: list, n_values: int) -> ListedCandidates:
        grid = [params for point in space.grid(n_values) for params in space.from_unit([point])]
        settings: dict[str, Mapping[str, Any]] = {}
        for params in [*guesses, *grid]:  # sub-spaces may overlap
            settings.setdefault(setting_key(params, space), params)
        reason = "every setting was tried"
        return ListedCandidates(
            list(settings.values()), reason, self.allow_repeats, space, self.n_iter
        )

    def _phases(self, space: Space) -> list[tuple[Space, float]]:
        """Spaces to search one after the other, and trials in each: inf if only time counts."""
        n_iter = _N_ITER if self.n_iter is None else self.n_iter
        if all(budget is None for budget in space.budgets):
            only_time = self.n_iter is None and self.max_time is not None
            return [(space, math.inf if only_time else n_iter)]
        budgets = [n_iter if budget is None else budget for budget in space.budgets]
        return [(space.restrict(i), budget) for i, budget in enumerate(budgets)]

    def _own_setting(self, space: Space) -> list[Mapping[str, Any]]:
        """The estimator's own setting, in the space or not; empty if it cannot be tried.

        Outside of the space, and unless it is asked for, it must not end the search by an error.
        """
        if self.include_default is False:
            return []
        if space.contains({}):
            return [space.fill_defaults({})]
        own = self.estimator.get_params(deep=True)
        if space.locate({}) is not None:
            params = space.fill_defaults({})
        else:
            params = {name: own[name] for name in space.names if name in own}
        if self.include_default is None and (self.error_score == "raise" or self._is_list(space)):
            return []
        reason = self._why_not_tried(params, space)
        if reason and self.include_default:
            warnings.warn(
                f"include_default: the estimator's own setting {params!r} is not tried, {reason}.",
                SkhyperWarning,
                stacklevel=6,
            )
        return [] if reason else [params]

    def _is_list(self, space: Space) -> bool:
        """Whether the space has no more settings than a search has trials: it is then meant so."""
        return space.n_settings <= (_N_ITER if self.n_iter is None else self.n_iter)

    def _why_not_tried(self, params: Mapping[str, Any], space: Space) -> str:
        """Why the estimator's own setting, outside of the space, cannot be tried."""
        try:
            allowed = space.accepts(params)
        except InvalidSpaceError:  # made for settings of the space
            allowed = False
        if not allowed:
            return "as the constraint rejects it"
        example = clone(space_examples(space)[0], safe=False)
        in_space = clone(self.estimator).set_params(**example)
        if hasattr(in_space, "predict") and not hasattr(self.estimator, "predict"):
            return "as it is a placeholder that cannot predict"
        return ""

    def _checked_guess(self, params: Mapping[str, Any], space: Space) -> Mapping[str, Any]:
        check_settings(self.estimator, [params])
        if space.contains(params):
            return space.fill_defaults(params)
        own = self.estimator.get_params(deep=True)
        left_out = {n: own[n] for n in space.names if n in own and n not in params}
        raise InvalidSpaceError(
            f"The initial point {dict(params)!r} does not lie in {space!r}. What it leaves out "
            f"has the estimator's own values: {left_out!r}. Widen the space, say the point "
            "in full, or try it by SearchCV(estimator, sampler=[point])."
        )
