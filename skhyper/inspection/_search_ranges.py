"""Ranges of hyperparameters and their sources: default ranges, and those of searches."""

import numbers
from collections.abc import Iterator, Mapping
from typing import Any

from skhyper.space import Space, When, default_space, range_sources

# Params of searches that contain their spaces.
SPACES = ("param_grid", "param_distributions", "search_spaces")

Range = tuple[Any, str]


def default_ranges(estimator: Any, X: Any = None, y: Any = None) -> dict[str, Range]:
    """From names to ranges of the default space and their sources."""
    sources = range_sources(estimator)
    return {
        name: (spec, default_source(*sources[name], is_known=X is not None))
        for name, spec in default_space(estimator, X, y).items()
    }


def default_source(table: str, needs: str, is_known: bool) -> str:
    """Text of the source of a default range."""
    if not needs:
        return f"default for {table}"
    on_data = any(text in needs for text in ("n_", " of "))
    unknown = " (no data given)" if on_data and not is_known else ""
    return f"default for {table}, by {needs}{unknown}"


def ranges_of_searches(owners: Mapping[str, Any]) -> tuple[dict[str, Range], dict[str, str]]:
    """From nested names that searches set to ranges and their sources, and to notes that say so.

    `owners` are the estimators by their prefixes, among which the searches are.
    """
    ranges: dict[str, Range] = {}
    notes = {}
    for prefix, owner in owners.items():
        for name, found_range in _ranges_of(owner):
            inner = f"{prefix}__estimator__{name}" if prefix else f"estimator__{name}"
            ranges.setdefault(inner, found_range)
            notes[inner] = f"searched by {type(owner).__name__}"
    return ranges, notes


def _ranges_of(search: Any) -> Iterator[tuple[str, Range]]:
    """Names, ranges and sources of a search; empty if the estimator is not a search."""
    param = next((name for name in SPACES if hasattr(search, name)), None)
    if param is None or not hasattr(search, "estimator"):
        return
    given, space = getattr(search, param), getattr(search, "space_", None)
    fitted = {} if space is None else dict(zip(space.names, space.dimensions, strict=True))
    entries = dict(_entries(given))
    defaults = {}
    if given is None or any(map(_is_auto, entries.values())):
        defaults = default_ranges(search.estimator)
        sources = range_sources(search.estimator)
    names = entries or fitted or defaults
    for name in names:
        if name in entries and not _is_auto(entries[name]):
            yield name, (_shown(entries[name], param), f"{param} of {type(search).__name__}")
            continue
        spec, source = defaults.get(name, (None, ""))
        if name in fitted and name in sources:
            spec, source = fitted[name], default_source(*sources[name], is_known=True)
        yield name, (spec, source)


def _shown(spec: Any, param: str) -> Any:
    """A tuple of choices as a list; only in a search space may a tuple be a range."""
    if not isinstance(spec, tuple):
        return spec
    is_range = len(spec) == 2 or (len(spec) > 2 and isinstance(spec[2], str))
    is_range = is_range and all(isinstance(end, numbers.Real) for end in spec[:2])
    return spec if is_range and param == "search_spaces" else list(spec)


def _is_auto(spec: Any) -> bool:
    return _is_auto(spec.values) if isinstance(spec, When) else isinstance(spec, str)


def _entries(space: Any) -> Iterator[tuple[str, Any]]:
    """Names and values in a dict, a Space, a list of dicts or of (dict, n_iter) pairs."""
    if isinstance(space, Mapping):
        yield from ((str(name), spec) for name, spec in space.items())
    elif isinstance(space, Space):
        yield from zip(map(str, space.names), space.dimensions, strict=True)
    elif isinstance(space, list | tuple):
        for part in space:
            yield from _entries(part)
