"""The criterion of a search by gradients, and the hyperparameters it is differentiable in."""

import math
import numbers
from collections.abc import Collection, Mapping
from typing import Any

from sklearn.base import clone

from skhyper._sklearn import MultimetricScorer
from skhyper.exceptions import InvalidSpaceError
from skhyper.hypergradient import (
    Criterion,
    InnerProblem,
    NotDifferentiableError,
    criterion_of,
    inner_problem,
)
from skhyper.search._given_spaces import given_spaces
from skhyper.search._validate import space_examples
from skhyper.search._warnings import warn
from skhyper.space import Space, When


def criterion_and_names(
    estimator: Any, space: Space, scorers: Any, refit_metric: str
) -> tuple[Criterion, frozenset[str]]:
    """The criterion minimized for a score, and the differentiable hyperparameters of the space.

    `scorers` and `refit_metric` are as ``BaseSearchCV._get_scorers`` returns them. Raises
    InvalidSpaceError if no hyperparameter is differentiable.
    """
    problems = _problems(estimator, space)
    if isinstance(scorers, MultimetricScorer):
        named = scorers._scorers
        scorers = named.get(refit_metric, next(iter(named.values())))
    methods = set.intersection(*[set(problem.methods) for problem in problems])
    criterion = criterion_of(scorers, estimator, methods)
    offered = {name for problem in problems for name in problem.names}
    offered = {name for name in offered if name.rpartition("__")[2] not in criterion.depends_on}
    columns = zip(space.names, space.dimensions)
    ranges = {name for name, d in columns if name is not None and math.isinf(d.n_values)}
    if not ranges & offered:
        reasons = sorted({p.traits.why_not for p in problems if p.traits.why_not})
        raise InvalidSpaceError(
            f"No hyperparameter of {space!r} is differentiable. {_advice(estimator, offered)} "
            f"{' '.join(reasons)} For spaces without derivatives use BayesSearchCV."
        )
    _warn_of_noise(estimator, sorted(ranges & offered))
    return criterion, frozenset(ranges & offered)


def landscape(estimator: Any, space: Space) -> tuple[bool, float]:
    """Whether all estimators of a space are quasiconvex, and their maximum solver noise."""
    traits = [problem.traits for problem in _problems(estimator, space)]
    return all(t.is_quasiconvex for t in traits), max(t.solver_noise for t in traits)


def with_real_ranges(spaces: Any, estimator: Any) -> Any:
    """Search spaces with ``(1, 100)`` as ``(1.0, 100.0)`` for differentiable hyperparameters.

    Objects such as ``Integer(1, 100)`` are unchanged. A hyperparameter is differentiable if it is
    for one of the choices of the space, which may swap steps.
    """
    if isinstance(spaces, list):
        return [with_real_ranges(part, estimator) for part in spaces]
    if isinstance(spaces, tuple) and len(spaces) == 2:  # a sub-space and its budget
        return with_real_ranges(spaces[0], estimator), spaces[1]
    if not isinstance(spaces, Mapping) or not any(map(_is_whole, spaces.values())):
        return spaces
    try:
        problems = _problems(estimator, Space(spaces))
    except (InvalidSpaceError, ValueError):  # raised again where the space is checked
        return spaces
    names = {name for problem in problems for name in problem.names}
    return {name: _real(spec) if name in names else spec for name, spec in spaces.items()}


def real_spaces(spaces: Any, estimator: Any, X: Any, y: Any) -> Any:
    """Search spaces with real ranges; None is the differentiable part of the default space."""
    found = given_spaces(spaces, estimator, X, y)
    return with_real_ranges(
        _differentiable(found, estimator) if spaces is None else found, estimator
    )


def _differentiable(ranges: Mapping[str, Any], estimator: Any) -> Mapping[str, Any]:
    try:
        names = set(inner_problem(clone(estimator)).names)
    except NotDifferentiableError:  # raised again where the space is checked
        return ranges
    values = {n: spec.values if isinstance(spec, When) else spec for n, spec in ranges.items()}
    kept = {n: spec for n, spec in values.items() if n in names and not isinstance(spec, list)}
    return kept or ranges


def _is_whole(spec: Any) -> bool:
    """Whether a specification is a tuple that begins with two integers."""
    if isinstance(spec, When):
        return _is_whole(spec.values)
    whole = isinstance(spec, tuple) and len(spec) >= 2
    return whole and all(isinstance(end, numbers.Integral) for end in spec[:2])


def _real(spec: Any) -> Any:
    if isinstance(spec, When):
        return When(_real(spec.values), spec.conditions)
    return (float(spec[0]), float(spec[1]), *spec[2:]) if _is_whole(spec) else spec


def _warn_of_noise(estimator: Any, names: Collection[str]) -> None:
    """Warn of random features that differ between candidates."""
    own = estimator.get_params(deep=True)
    for name in names:
        outer = name.rpartition("__")[0]
        seed = own.get(f"{outer}__random_state", 0)
        if seed is None and hasattr(own.get(outer), "transform"):
            warn(
                f"{name!r}: {own[outer]!r} draws new random numbers for each candidate, so the "
                f"loss is not a smooth function of it. Set {outer}__random_state to an integer."
            )


def _problems(estimator: Any, space: Space) -> list[InnerProblem]:
    """Inner problems of candidates that together contain all choices of the space."""
    found, errors = [], []
    for params in space_examples(space):
        setting = clone(estimator).set_params(**clone(dict(params), safe=False))
        try:
            found.append(inner_problem(setting))
        except NotDifferentiableError as error:
            errors.append(str(error))
    if not found:
        raise InvalidSpaceError(
            f"{errors[0]} Hypergradients are available for ridge, lasso, logistic regression and "
            "other linear models, kernel ridge, Gaussian processes, support vector machines, the "
            "networks of skhyper.neural_network, and pipelines that end with one of them. Use "
            "BayesSearchCV for "
            f"{type(estimator).__name__}."
        )
    return found


def _advice(estimator: Any, offered: set[str]) -> str:
    name = type(estimator).__name__
    if not offered:
        return f"{name} has no differentiable hyperparameter for these candidates."
    return f"Those of {name} are {sorted(offered)}: give a range (low, high) for one of them."
