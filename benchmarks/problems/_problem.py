"""What a problem is, and its space in words that every package can be told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skhyper.space import When, check_space

__all__ = ["Problem", "plain_space"]


@dataclass(frozen=True)
class Problem:
    """A loss over a space.

    Attributes
    ----------
    name : str
    part : {"tune", "report"}
    space : dict
        As in skhyper's searches: ranges as tuples, choices as lists, either in a ``When``.
    value : callable
        From a setting (what is inactive left out) to its loss, without noise.
    noise : float
        Standard deviation of what is added to it at each evaluation.
    optimum : float or None
        Least loss, where it is known exactly.
    """

    name: str
    part: str
    space: dict[str, Any]
    value: Callable[[dict], float] = field(repr=False)
    noise: float = 0.0
    optimum: float | None = None

    @property
    def conditional(self) -> bool:
        """Whether there are conditions or choices in the space."""
        return any(isinstance(spec, When | list) for spec in self.space.values())

    @property
    def n_dims(self) -> int:
        return len(self.space)

    def observe(self, value: float, seed: int, trial: int) -> float:
        """What a search is told of a loss: the same noise at the same trial of the same seed."""
        if not self.noise:
            return value
        return value + self.noise * float(np.random.default_rng([seed, trial]).standard_normal())

    def draw(self, n: int, seed: int) -> list[dict]:
        """Random settings."""
        space = check_space(self.space)
        return space.from_unit(space.sample(n, np.random.default_rng(seed)))


def plain_space(space: dict) -> list[dict]:
    """The space as a list of plain dicts, parents before children, choices as labels.

    Each has ``name``, ``kind`` ("real", "integer" or "categorical"), ``low``, ``high`` and ``log``
    or ``labels``, and ``when``: from names of parents to the labels under which it is active.
    """
    plain: dict[str, dict] = {}
    waiting = dict(space)
    while waiting:
        ready = {n: s for n, s in waiting.items() if set(_conditions(s)) <= set(plain)}
        for name, spec in ready.items():
            del waiting[name]
            plain[name] = {"name": name, "when": _conditions(spec), **_dimension(spec)}
    return list(plain.values())


def _conditions(spec):
    if not isinstance(spec, When):
        return {}
    listed = {n: v if isinstance(v, list) else [v] for n, v in spec.conditions.items()}
    return {name: [str(value) for value in values] for name, values in listed.items()}


def _dimension(spec):
    values = spec.values if isinstance(spec, When) else spec
    if isinstance(values, list):
        return {"kind": "categorical", "labels": [str(value) for value in values]}
    low, high, *prior = values
    kind = "integer" if isinstance(low, int) and isinstance(high, int) else "real"
    return {"kind": kind, "low": low, "high": high, "log": prior == ["log-uniform"]}


def from_plain(space: dict, params: dict) -> dict:
    """A setting from one in labels: choices as they were written, inactive ones left out."""
    setting: dict[str, Any] = {}
    for dim in plain_space(space):
        name = dim["name"]
        if all(p in setting and str(setting[p]) in ls for p, ls in dim["when"].items()):
            setting[name] = _value(space[name], dim, params[name])
    return setting


def _value(spec, dim, value):
    if dim["kind"] == "categorical":
        choices = spec.values if isinstance(spec, When) else spec
        return choices[dim["labels"].index(value)]
    number = int(value) if dim["kind"] == "integer" else float(value)
    return min(max(number, dim["low"]), dim["high"])
