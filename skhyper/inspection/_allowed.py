"""Allowed values of hyperparameters in words, from ``_parameter_constraints``."""

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from skhyper._sklearn import HasMethods, Hidden, Interval, MissingValues, Options, StrOptions

_WORDS = {
    "array-like": "array",
    "boolean": "True or False",
    "cv_object": "cv splitter or number of folds",
    "no_validation": "anything",
    "random_state": "seed, RandomState or None",
    "sparse matrix": "sparse matrix",
    "verbose": "verbosity",
    None: "None",
    callable: "function",
}
_TYPES = {
    np.ndarray: "array",
    str: "text",
    numbers.Integral: "integer",
    numbers.Real: "number",
    int: "integer",
    float: "number",
}


def allowed_values(estimator: Any, name: str) -> str:
    """The allowed values of a hyperparameter; empty if the estimator does not declare them."""
    constraints = getattr(estimator, "_parameter_constraints", {}).get(name)
    if constraints is None:
        return ""
    if isinstance(constraints, str):
        return _WORDS.get(constraints, constraints)
    words: list[str] = []
    for constraint in constraints:
        word = _word(constraint)
        if word and word not in words:
            words.append(word)
    if "None" in words and any(word.endswith("or None") for word in words):
        words.remove("None")
    return "; ".join(words)


def _word(constraint: Any) -> str:
    for kind, describe in _DESCRIBE.items():
        if isinstance(constraint, kind):
            return describe(constraint)
    try:
        if constraint in _WORDS:
            return _WORDS[constraint]
    except TypeError:  # not hashable, so none of them
        return str(constraint)
    if isinstance(constraint, type):
        return _TYPES.get(constraint, constraint.__name__)
    return str(constraint)


def _interval(interval: Any) -> str:
    kind = "integer" if issubclass(interval.type, numbers.Integral) else "number"
    low, high = _end(interval.left), _end(interval.right)
    above = ">=" if interval.closed in ("left", "both") else ">"
    below = "<=" if interval.closed in ("right", "both") else "<"
    if low is None and high is None:
        return kind
    if high is None:
        return f"{kind} {above} {low}"
    if low is None:
        return f"{kind} {below} {high}"
    left = "[" if above == ">=" else "("
    right = "]" if below == "<=" else ")"
    return f"{kind} in {left}{low}, {high}{right}"


def _end(end: Any) -> str | None:
    """The end of an interval, None if it is unbounded."""
    return None if end is None or math.isinf(end) else f"{end:.10g}"


def _options(options: Any) -> str:
    deprecated: set = getattr(options, "deprecated", set())
    kept = [o for o in options.options if o not in deprecated]
    return ", ".join(sorted(o.__name__ if isinstance(o, type) else repr(o) for o in kept))


def _methods(constraint: Any) -> str:
    methods = constraint.methods
    return "object with " + ", ".join([methods] if isinstance(methods, str) else methods)


# Kinds of constraints and their words; StrOptions are Options, and come first.
_DESCRIBE: dict[type, Callable[[Any], str]] = {
    Hidden: lambda constraint: "",
    Interval: _interval,
    StrOptions: _options,
    Options: _options,
    HasMethods: _methods,
    MissingValues: lambda constraint: "a marker of missing values",
}
