"""Checks of `scoring` and metadata, which scikit-learn makes only at the first fit."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from sklearn import get_config
from sklearn.metrics import get_scorer, get_scorer_names

from skhyper._sklearn import InvalidParameterError, scorer_parts
from skhyper._trial import History
from skhyper.search._warnings import warn

# Names of the first parameter of a metric; a scorer's is an estimator.
_TARGET = re.compile(
    r"y|y_?(true|test|val|obs|pred|score|prob|hat|actual|real).*|labels_(true|pred)"
)


def check_scoring_signature(scoring: Any, y: Any, as_sklearn: bool = False) -> None:
    """Check that callables in `scoring` can be called as scorers, (estimator, X, y).

    Without a target they are called with (estimator, X). With `as_sklearn`, metrics that
    scikit-learn's searches accept, with scores that are all nan, only cause a warning.
    """
    n_arguments = 2 if y is None else 3
    for name, function in _callables(scoring):
        if scorer_parts(function) != (function, 1, {}):
            continue  # a scorer of scikit-learn
        what = f"scoring={name}" if scoring is function else f"scoring[{name}]"
        if _is_metric(function):
            said = (
                f"{what} is a metric, (y_true, y_pred), not a scorer, (estimator, X, y). "
                f"{_advice(function)}"
            )
            if not as_sklearn or _is_sklearn_metric(function):
                raise ValueError(said)
            warn(said)
        elif not _takes(function, n_arguments):
            raise ValueError(
                f"{what} cannot be called with {n_arguments} arguments, as the scorer "
                f"(estimator, X{', y' if n_arguments == 3 else ''}); its signature is "
                f"{inspect.signature(function)}. To use a metric, make a scorer with "
                "sklearn.metrics.make_scorer."
            )


def _callables(scoring: Any) -> Iterator[tuple[str, Callable]]:
    """Callables of `scoring`, with their names in messages."""
    if callable(scoring):
        # repr of scikit-learn 1.6's scorers raises where the metric is a `functools.partial`.
        is_function = scorer_parts(scoring) == (scoring, 1, {})
        yield getattr(scoring, "__name__", repr(scoring) if is_function else "scorer"), scoring
    elif isinstance(scoring, Mapping):
        yield from ((repr(name), value) for name, value in scoring.items() if callable(value))
    elif isinstance(scoring, list | tuple | set | frozenset):
        yield from ((str(i), value) for i, value in enumerate(scoring) if callable(value))


def _is_metric(function: Callable) -> bool:
    first = next(iter(_parameters(function)), "")
    return _is_sklearn_metric(function) or bool(_TARGET.fullmatch(first))


def _is_sklearn_metric(function: Callable) -> bool:
    module = getattr(getattr(function, "func", function), "__module__", None) or ""
    is_scorer = module.startswith("sklearn.metrics._scorer")
    return module.startswith("sklearn.metrics.") and not is_scorer and "tests" not in module


def _parameters(function: Callable) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions of extension modules have no signature
        return {}


def _takes(function: Callable, n_arguments: int) -> bool:
    """Whether a function accepts this number of positional arguments."""
    kinds = [p.kind for p in _parameters(function).values()]
    if not kinds or inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    parameters = [
        p
        for p in _parameters(function).values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return n_arguments <= len(parameters)


def _advice(function: Callable) -> str:
    """How to write the scorer of a metric: scikit-learn's name if any, or ``make_scorer``."""
    name = getattr(function, "__name__", repr(function))
    known = [n for n in get_scorer_names() if _is_plain(get_scorer(n), function)]
    by_name = f"scoring={min(known, key=len)!r} or " if known else ""
    loss = "" if known else ", with greater_is_better=False for a loss"
    return f"Write {by_name}scoring=make_scorer({name}){loss}."


def _is_plain(scorer: Any, function: Callable) -> bool:
    parts = scorer_parts(scorer)
    return parts is not None and parts[0] is function and not parts[2]


def check_fit_metadata(estimator: Any, names: Collection[str], searched: Collection[str]) -> None:
    """Check that the estimator's ``fit`` accepts metadata of these names.

    Steps that are `searched` are not checked, as they will be replaced. Where metadata are routed,
    scikit-learn has checked them.
    """
    if get_config()["enable_metadata_routing"]:
        return
    parameters = _parameters(estimator.fit)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    steps = dict(estimator.steps) if hasattr(estimator, "steps") else None
    for name in names:
        step, _, inner = name.partition("__")
        wrong = bool(parameters) and not takes_any and name not in parameters
        if steps is not None and takes_any:
            wrong = step not in steps or not inner
            if not wrong and step not in searched and hasattr(steps[step], "fit"):
                check_fit_metadata(steps[step], [inner], ())
        if wrong:
            hint = f" Name a step, such as {list(steps)[-1]}__{name}." if steps else ""
            raise TypeError(
                f"{type(estimator).__name__}.fit does not accept {name!r}, which was passed to fit "
                f"(or in fit_params).{hint}"
            )


def warn_or_raise_about_scores(history: History, error_score: Any, gave_up: bool) -> None:
    """Give one warning about all failed scores; raise if the search stopped because of them."""
    folds = [fold for trial in history for fold in trial.folds]
    errors: Counter[str] = Counter()
    for fold in folds:
        error = fold.get("score_error")
        errors.update([e for e in error.values() if e] if isinstance(error, dict) else [error])
    del errors[None]  # type: ignore[arg-type]
    if not errors:
        return
    details = "\n".join(f"{n} times:\n{error}" for error, n in errors.most_common())
    if gave_up:
        raise InvalidParameterError(
            f"Scoring failed in all folds of the first {len(history)} trials with the same error, "
            f"so the search was stopped. Details:\n{details}"
        )
    warn(
        f"Scoring failed {errors.total()} times in {len(folds)} folds; the score there is "
        f"{error_score}. Details:\n{details}",
        UserWarning,
    )
