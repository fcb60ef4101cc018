"""Hyperparameters that are vectors: arrays or dicts of several numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skhyper.space._ranges import is_number


def is_vector(value: Any) -> bool:
    """Whether a value is a non-empty array, list or dict of numbers."""
    if isinstance(value, Mapping):
        return bool(value) and all(is_number(v) for v in value.values())
    if isinstance(value, list):
        return bool(value) and all(is_number(v) for v in value)
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind in "fiu"


def as_vector(value: Any) -> np.ndarray:
    """The numbers in a number, an array or a dict, shape (size,)."""
    if isinstance(value, Mapping):
        return np.array(list(value.values()), dtype=float)
    return np.atleast_1d(np.asarray(value, dtype=float)).ravel()


def like(template: Any, vector: np.ndarray) -> Any:
    """The numbers of `vector` as a value of the type and shape of `template`."""
    if isinstance(template, Mapping):
        return dict(zip(template, map(float, vector), strict=True))
    if np.ndim(template) == 0:
        return float(vector[0])
    return np.array(vector, dtype=float).reshape(np.shape(template))
