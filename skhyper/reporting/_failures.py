"""Failed trials, grouped by message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skhyper._trial import Trial

_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)
_NO_MESSAGE = "the score is not finite; the search kept no message"


@dataclass(frozen=True)
class Failures:
    """Trials that failed with the same message, up to its numbers.

    `message` is the last line of the first one's traceback.
    """

    message: str
    trials: tuple[Trial, ...]


def failures_of(trials: Sequence[Trial]) -> list[Failures]:
    """Groups of the trials in which a fit failed or that have no score; the largest first."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.message.strip() or not np.isfinite(trial.loss):
            groups.setdefault(_NUMBER.sub("#", last_line(trial.message)), []).append(trial)
    found = [Failures(last_line(own[0].message), tuple(own)) for own in groups.values()]
    return sorted(found, key=lambda group: -len(group.trials))


def last_line(message: str) -> str:
    """The last line of a traceback that starts its exception's message.

    Examples
    --------
    >>> last_line("Traceback (most recent call last):\\n  ...\\nValueError: no:\\n  never")
    'ValueError: no:'
    """
    lines = [line for line in message.splitlines() if line.strip()]
    starts = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Warning|Exit)\b", line)]
    return (starts or lines or [_NO_MESSAGE])[-1].strip()
