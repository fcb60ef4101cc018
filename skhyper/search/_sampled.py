"""What the searches that sample a space share: first settings, phases, the sampler."""

import numbers
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skhyper._sklearn import Interval
from skhyper._trial import History
from skhyper.evaluation import ListedCandidates, SampledCandidates, setting_key
from skhyper.exceptions import InvalidSpaceError
from skhyper.samplers import (
    GPSampler,
    GridSampler,
    RandomSampler,
    Sampler,
    SkoptSampler,
)
from skhyper.search._base import BaseSearch, Plan
from skhyper.search._validate import (
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

    # Whether spaces may have been written for scikit-optimize, where [low, high] is a range.
    _reads_scikit_optimize: ClassVar[bool] = False

    @abstractmethod
    def _sampler(self) -> Sampler | Sequence[Mapping[str, Any]]:
        """The sampler, or the list of settings of a manual search."""

    def _plan(self) -> Plan:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.sampler_ = self._sampler()
        if not isinstance(self.sampler_, Sampler):
            return self._manual_plan(listed(self.sampler_), seed)
        if self.search_spaces is None:
            raise InvalidSpaceError(
                "search_spaces is needed, unless sampler is a list of settings."
            )
        space = self._checked_space()
        guesses = [self._checked_guess(params, space) for params in listed(self.initial_points)]
        phases = self._phases(space)
        if self.include_default:
            guesses += self._own_setting(space)
        if isinstance(self.sampler_, GridSampler):
            candidates = self._grid_candidates(space, guesses, self.sampler_.n_values)
        elif self._tries_everything(space, phases):
            candidates = self._grid_candidates(space, guesses, int(space.n_settings))
        else:
            if self.include_default is None and isinstance(self.sampler_, _START_FROM_OWN):
                guesses += self._own_setting(space)
            candidates = SampledCandidates(self.sampler_, phases, guesses, self.allow_repeats)
        return Plan(candidates, space, seed)

    def _tries_everything(self, space: Space, phases: list[tuple[Space, int]]) -> bool:
        """Whether all settings will be tried, so that no order of them is better."""
        every = len(phases) == 1 and space.n_settings <= phases[0][1]
        return every and not self.allow_repeats and self.max_time is None

    def _manual_plan(self, settings: Sequence[Mapping[str, Any]], seed: int) -> Plan:
        if not settings:
            raise InvalidSpaceError("The list of settings to try is empty.")
        space = None if self.search_spaces is None else self._space()
        settings = [*listed(self.initial_points), *settings]
        check_settings(self.estimator, settings)
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
        return (space.expanded(vectors) if vectors else space).completed_by(own)

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
            space.accepted = np.array(known).reshape(len(known), space.n_dims)
        # Raises if the constraint rejects everything; else there is a point to go on from.
        space.accepted = space.sample(1, np.random.default_rng(0))
        return space

    def _grid_candidates(self, space: Space, guesses: list, n_values: int) -> ListedCandidates:
        grid = [params for point in space.grid(n_values) for params in space.from_unit([point])]
        settings: dict[str, Mapping[str, Any]] = {}
        for params in [*guesses, *grid]:  # sub-spaces may overlap
            settings.setdefault(setting_key(params, space), params)
        reason = "every setting was tried"
        return ListedCandidates(
            list(settings.values()), reason, self.allow_repeats, space, self.n_iter
        )

    def _phases(self, space: Space) -> list[tuple[Space, int]]:
        n_iter = 50 if self.n_iter is None else self.n_iter
        if all(budget is None for budget in space.budgets):
            return [(space, n_iter)]
        budgets = [n_iter if budget is None else budget for budget in space.budgets]
        return [(space.restrict(i), budget) for i, budget in enumerate(budgets)]

    def _own_setting(self, space: Space) -> list[Mapping[str, Any]]:
        """The estimator's own setting, if it lies in the space."""
        return [space.complete({})] if space.contains({}) else []

    def _checked_guess(self, params: Mapping[str, Any], space: Space) -> Mapping[str, Any]:
        check_settings(self.estimator, [params])
        if space.contains(params):
            return space.complete(params)
        own = self.estimator.get_params(deep=True)
        left_out = {n: own[n] for n in space.names if n in own and n not in params}
        raise InvalidSpaceError(
            f"The initial point {dict(params)!r} does not lie in {space!r}. What it leaves out "
            f"has the estimator's own values: {left_out!r}. Widen the space, say the point "
            "in full, or try it by SearchCV(estimator, sampler=[point])."
        )
