"""Checks of a range: two finite ends, a prior, a step."""

import difflib
import math
import numbers
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError

# From accepted spellings of a prior to its name.
PRIORS = {
    "uniform": "uniform",
    "log-uniform": "log-uniform",
    "loguniform": "log-uniform",
    "log": "log-uniform",
}
# Largest rounding error of a value, relative to the step.
STEP_ROUNDING = 1e-9


def check_range(
    name: str, low: Any, high: Any, prior: Any, step: Any, log: Any, number: type
) -> str:
    """Check the arguments of a range; return the name of the prior."""
    what = f"{name}(low={_shown(low)}, high={_shown(high)}, prior={prior!r})"
    kind = "integers" if number is numbers.Integral else "numbers"
    for end in (low, high):
        if not is_number(end, number):
            raise InvalidSpaceError(f"{what}: both ends must be {kind}, got {end!r}.")
        if not is_finite(end):
            raise InvalidSpaceError(
                f"{what}: both ends must be finite floating-point numbers, got {_shown(end)}."
            )
    if low > high:
        raise InvalidSpaceError(f"{what}: the range is inverted; write low before high.")
    if low == high:
        raise InvalidSpaceError(f"{what}: the range is empty; write [{low!r}] for a single value.")
    if not math.isfinite(float(high) - float(low)):
        raise InvalidSpaceError(f"{what}: the range is too wide for floating-point numbers.")
    prior = _check_prior(what, prior, log)
    if prior == "log-uniform" and low <= 0:
        raise InvalidSpaceError(
            f"{what}: a log-uniform range needs low > 0; use a small positive low, "
            "or the prior 'uniform'."
        )
    if step is not None:
        _check_step(what, high - low, prior, step, number)
    return prior


def _check_prior(what: str, prior: Any, log: Any) -> str:
    if not isinstance(log, bool | np.bool_):
        raise InvalidSpaceError(f"{what}: log must be True or False, got {log!r}.")
    if not isinstance(prior, str) or prior not in PRIORS:
        near = difflib.get_close_matches(str(prior), PRIORS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Did you mean log=True?"
        hint = hint if near or isinstance(prior, bool) else ""
        raise InvalidSpaceError(
            f"{what}: the prior must be one of {tuple(PRIORS)}, got {prior!r}.{hint}"
        )
    return "log-uniform" if log else PRIORS[prior]


def _check_step(what: str, width: Any, prior: str, step: Any, number: type) -> None:
    if not is_number(step, number) or not 0 < step <= width * (1 + STEP_ROUNDING):
        kind = "an integer" if number is numbers.Integral else "a number"
        raise InvalidSpaceError(
            f"{what}: step must be {kind} above 0 and at most high - low, got {step!r}."
        )
    if prior == "log-uniform":
        raise InvalidSpaceError(
            f"{what}: a range with a step is uniform; write a list of values for another scale, "
            "such as list(np.geomspace(low, high, 10))."
        )


def _shown(end: Any) -> str:
    """The end of a range for a message; Python refuses to print integers of many digits."""
    long = isinstance(end, int) and end.bit_length() > 256
    return f"an integer of {end.bit_length()} bits" if long else repr(end)


def is_number(value: Any, number: type = numbers.Real) -> bool:
    return isinstance(value, number) and not isinstance(value, bool | np.bool_)


def is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the largest float
        return False
