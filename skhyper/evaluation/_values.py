"""Lossless conversion of values to JSON; objects without a JSON form are stored by position.

A value without a JSON type is an object with a single key that begins with ``$``, such as
``{"$tuple": [50, 100]}``. Nothing is executed when it is read. An object that cannot be written,
such as an estimator, is referred to by its position among the known values of its hyperparameter,
with a digest that is compared on look-up.
"""

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skhyper._identity import digest

_MAX_BITS = 10_000  # of an integer; Python converts longer ones slowly, or refuses to
_REPR_LENGTH = 80  # of a choice that cannot be written, in characters


@dataclass(frozen=True)
class StoredChoice:
    """A value that a journal does not contain, such as an estimator, where its search is unknown.

    Attributes
    ----------
    index : int or None
        Position among the choices of the hyperparameter; None if it was not one of them.
    digest : str
        Equal for equal values, see :func:`skhyper._identity.digest`.
    text : str
        The beginning of its ``repr``.
    """

    index: int | None
    digest: str
    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"


class KnownValues:
    """Values that hyperparameters may have: those of the search space, of lists and of defaults.

    `values` are pairs of a name and a value. Positions are counted for each name.
    """

    def __init__(self, values: Iterable[tuple[str, Any]] = ()):
        self._values: dict[str, list[Any]] = {}
        self._digests: dict[str, list[str]] = {}
        for name, value in values:
            self._values.setdefault(name, []).append(value)

    def place(self, name: str, value: Any) -> tuple[int | None, str]:
        """Position of a value, None if it is not known, and its digest."""
        for i, known in enumerate(self._values.get(name, ())):
            if known is value:
                return i, self._digests_of(name)[i]
        found = digest(value)
        digests = self._digests_of(name)
        return (digests.index(found) if found in digests else None), found

    def find(self, name: str, choice: StoredChoice) -> Any:
        """The value of a stored choice; the choice itself if it is not known."""
        digests = self._digests_of(name)
        index = choice.index
        if index is not None and index < len(digests) and digests[index] == choice.digest:
            return self._values[name][index]
        if choice.digest in digests:
            return self._values[name][digests.index(choice.digest)]
        return choice

    def _digests_of(self, name: str) -> list[str]:
        if name not in self._digests:
            self._digests[name] = [digest(value) for value in self._values.get(name, ())]
        return self._digests[name]


def encoded(value: Any, arrays: bool = True) -> Any:
    """A value as JSON.

    Raises
    ------
    TypeError
        If it cannot be written; with ``arrays=False``, arrays cannot.
    """
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is int and value.bit_length() < _MAX_BITS:
        return value
    if isinstance(value, np.generic):
        return {"$numpy": _encoded_scalar(value)}
    if kind is list:
        return [encoded(item, arrays) for item in value]
    if kind is tuple:
        return {"$tuple": [encoded(item, arrays) for item in value]}
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: encoded(item, arrays) for key, item in value.items()}
        return {"$dict": [[encoded(k, arrays), encoded(v, arrays)] for k, v in value.items()]}
    if kind is complex:
        return {"$complex": [encoded(value.real), encoded(value.imag)]}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    if kind is np.ndarray and arrays and value.dtype.kind in "biufcSUmM":
        little = value.astype(value.dtype.newbyteorder("<"), copy=False)
        return {"$array": [little.dtype.str, list(value.shape), _text(little.tobytes())]}
    raise TypeError(f"{kind.__name__} cannot be written to a journal")


def _encoded_scalar(value: np.generic) -> list:
    kind, item = value.dtype.name, value.item()
    if value.dtype.kind in "biu" or (value.dtype.kind == "f" and value.itemsize <= 8):
        return [kind, encoded(item)["$float"] if not math.isfinite(item) else item]
    if value.dtype.hasobject or value.dtype.kind == "V":
        raise TypeError(f"{type(value).__name__} cannot be written to a journal")
    return [value.dtype.newbyteorder("<").str, {"$bytes": _text(np.asarray(value).tobytes())}]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decoded(data: Any, choice: Callable[[StoredChoice], Any] = lambda found: found) -> Any:
    """The value that :func:`encoded` wrote; `choice` looks up values that were not written.

    Raises
    ------
    ValueError
        If it was not written by it.
    """
    if isinstance(data, list):
        return [decoded(item, choice) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1 or not next(iter(data)).startswith("$"):
        return {key: decoded(item, choice) for key, item in data.items()}
    ((tag, content),) = data.items()
    if tag == "$choice":
        return choice(StoredChoice(*content))
    if tag not in _DECODERS:
        raise ValueError(f"unknown type {tag!r}")
    try:
        return _DECODERS[tag](content, choice)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"invalid value of type {tag!r}: {error}") from error


def _decoded_scalar(content: list, choice: Callable) -> np.generic:
    kind, item = content
    if isinstance(item, dict):
        return np.frombuffer(base64.b64decode(item["$bytes"]), dtype=kind)[0]
    return np.dtype(kind).type(float(item) if isinstance(item, str) else item)


def _decoded_array(content: list, choice: Callable) -> np.ndarray:
    kind, shape, data = content
    return np.frombuffer(base64.b64decode(data), dtype=kind).reshape(shape).copy()


_DECODERS: dict[str, Callable[[Any, Callable], Any]] = {
    "$float": lambda content, choice: float(content),
    "$numpy": _decoded_scalar,
    "$tuple": lambda content, choice: tuple(decoded(item, choice) for item in content),
    "$dict": lambda content, choice: {
        decoded(key, choice): decoded(item, choice) for key, item in content
    },
    "$complex": lambda content, choice: complex(*map(decoded, content)),
    "$bytes": lambda content, choice: base64.b64decode(content),
    "$array": _decoded_array,
}


def encoded_params(params: Mapping[str, Any], known: KnownValues) -> dict[str, Any]:
    """Params as JSON, with places for values that are not numbers or texts, or made of them."""
    return {name: _encoded_param(name, value, known) for name, value in params.items()}


def _encoded_param(name: str, value: Any, known: KnownValues) -> Any:
    try:
        return encoded(value, arrays=False)
    except TypeError:
        index, found = known.place(name, value)
    if index is None:
        try:
            return encoded(value)
        except TypeError:
            pass
    return {"$choice": [index, found, _short(value)]}


def decoded_params(data: Mapping[str, Any], known: KnownValues) -> dict[str, Any]:
    """Params; values that were not written are looked up, or are :class:`StoredChoice`."""
    return {name: decoded(item, partial(known.find, name)) for name, item in data.items()}


def _short(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  (a repr may raise anything)
        text = type(value).__name__
    return text if len(text) <= _REPR_LENGTH else text[: _REPR_LENGTH - 3] + "..."
