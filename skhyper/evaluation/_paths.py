"""The candidates that a search adds to a proposal because they can share its fits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skhyper.evaluation._fit_groups import rule_of
from skhyper.reuse import SharedFit, shared_fit
from skhyper.space import Dimension, Space

# Number of values that are added to a proposal. Source: benchmarks/shared_fits.py.
_N_VALUES = 8


class Paths:
    """Values of the hyperparameter for which an estimator can share fits.

    Parameters
    ----------
    estimator : estimator
        The one whose hyperparameters are set.
    n_values : int or None
        Maximum number of values that are added to a proposal, unless they are all of a choice.
    tolerance : bool
        Whether results may differ from those of plain fits within the tolerance of a rule.
    """

    def __init__(self, estimator: Any, n_values: int | None = None, tolerance: bool = False):
        self._tolerance = tolerance
        self._estimator = estimator
        self._rule = shared_fit(estimator)
        self._n_values = _N_VALUES if n_values is None else n_values

    def followers(self, params: Mapping[str, Any], space: Space) -> list[dict[str, Any]]:
        """Candidates of the space that can share the fits of `params`, in ascending order."""
        replaces = any(hasattr(value, "get_params") for value in params.values())
        if not replaces and (self._rule is None or self._rule.along(params) is None):
            return []  # a cheap test of most
        rule = rule_of(self._estimator, params)
        if rule is None or rule.why_not_with(self._tolerance) or not rule.is_certain:
            return []
        if not rule.accepts(params.get(rule.name)):
            return []
        found = [{**params, rule.name: value} for value in self._values(rule, params, space)]
        return [candidate for candidate in found if space.contains(candidate)]

    def cost(self, space: Space) -> str | None:
        """Name of the hyperparameter to which times of fits are proportional; None if unknown."""
        rule = None if self._rule is None else self._rule.along(space.names)
        if rule is None or rule.why_not_with(self._tolerance):
            return None
        return None if rule.whole_range or not rule.is_certain else rule.name

    def _values(self, rule: SharedFit, params: Mapping[str, Any], space: Space) -> list[Any]:
        point, own = space.locate(params), params[rule.name]
        columns = [i for i, name in enumerate(space.names) if name == rule.name]
        active = [] if point is None else [i for i in columns if not np.isnan(point[i])]
        if point is None or not active or not 0.0 <= point[active[0]] <= 1.0:
            return []
        dimension = space.dimensions[active[0]]
        values = self._along(dimension, 1.0 if rule.whole_range else point[active[0]])
        free = [value for value in dict.fromkeys(values) if rule.accepts(value) and value != own]
        return [v for v in free if rule.whole_range or rule.longest([own, v]) == own]

    def _along(self, dimension: Dimension, end: float) -> list[Any]:
        """All choices, or values that are evenly spaced from the start of a range to `end`."""
        if dimension.kind in ("categorical", "ordinal"):
            places: Sequence[float] = list(dimension.grid(0))
        else:
            n = self._n_values
            places = [end * i / n for i in range(n)]
        return [dimension.from_unit(float(u)) for u in places]


def paths_of(estimator: Any, space: Space, tolerance: bool = False) -> Paths | None:
    """The paths of the candidates of a space; None if there can be none."""
    rule = shared_fit(estimator)
    choices = [c for d in space.dimensions for c in getattr(d, "choices", ())]
    replaces_steps = any(hasattr(choice, "get_params") for choice in choices)
    is_searched = rule is not None and rule.along(space.names) is not None
    return Paths(estimator, None, tolerance) if is_searched or replaces_steps else None
