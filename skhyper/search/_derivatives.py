"""What in a search space has a derivative, and what is differentiated."""

import math
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
from skhyper.search._validate import space_examples
from skhyper.space import Space

__all__ = ["criterion_and_names"]


def criterion_and_names(
    estimator: Any, space: Space, scorers: Any, refit_metric: str
) -> tuple[Criterion, frozenset[str]]:
    """What is minimised for a score, and the ranges of the space that have derivatives.

    Parameters
    ----------
    estimator : estimator
    space : Space
    scorers, refit_metric
        As ``BaseSearchCV._get_scorers`` returns them.

    Raises
    ------
    InvalidSpaceError
        If nothing has a derivative.
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
        reasons = sorted({problem.why_not for problem in problems if problem.why_not})
        raise InvalidSpaceError(
            f"Nothing in {space!r} has a derivative. {_advice(estimator, offered)} "
            f"{' '.join(reasons)} For spaces without derivatives there is BayesSearchCV."
        )
    return criterion, frozenset(ranges & offered)


def _problems(estimator: Any, space: Space) -> list[InnerProblem]:
    """Inner problems of settings that between them have all choices of the space.

    Raises
    ------
    InvalidSpaceError
        If no setting's estimator has one.
    """
    found, errors = [], []
    for params in space_examples(space):
        setting = clone(estimator).set_params(**clone(dict(params), safe=False))
        try:
            found.append(inner_problem(setting))
        except NotDifferentiableError as error:
            errors.append(str(error))
    if not found:
        raise InvalidSpaceError(
            f"{errors[0]} Hypergradients are there for ridge, lasso, logistic regression and other "
            "linear models, kernel ridge, Gaussian processes, support vector machines, the "
            "networks of skhyper.neural_network, and pipelines that end with one of them. Use "
            "BayesSearchCV for "
            f"{type(estimator).__name__}."
        )
    return found


def _advice(estimator: Any, offered: set[str]) -> str:
    name = type(estimator).__name__
    if not offered:
        return f"{name} has no hyperparameter with one at these settings."
    return f"Those of {name} that have one are {sorted(offered)}: give a range (low, high) to one."
