"""Why a setting does not lie in a space, in words."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._space import Space

__all__ = ["why_not"]


def why_not(space: Space, params: Mapping[str, Any]) -> str:
    """Why `params` does not lie in `space`, empty if it does.

    Of several sub-spaces the one it comes nearest to is spoken of.

    Examples
    --------
    >>> from skhyper.space import Space, why_not
    >>> why_not(Space({"alpha": (0.0, 1.0)}), {"alpa": 0.5})
    "it has no 'alpa'; did you mean 'alpha'? Its names are ['alpha']"
    """
    if space.contains(params):
        return ""
    found = [list(_complaints(space, sub, params)) for sub in space._subspaces]
    nearest = min(found, key=len)
    if nearest:
        return nearest[0]
    return f"the constraint {space.constraint!r} rejects it"


def _complaints(space: Space, sub: Any, params: Mapping[str, Any]) -> Iterator[str]:
    for name in params:
        if name not in sub.columns:
            near = [known for known in sub.columns if known.lower() == str(name).lower()]
            near += difflib.get_close_matches(str(name), list(sub.columns), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            yield f"it has no {name!r}{hint} Its names are {list(sub.columns)}"
    point = np.full(space.n_dims, np.nan)
    for name, tests in sub.tests.items():
        if any(np.isnan(point[parent]) or not test(point[[parent]])[0] for parent, test in tests):
            continue
        if name not in params:
            yield f"{name!r} is missing"
            continue
        dimension = space.dimensions[sub.columns[name][0]]
        try:
            parts = sub.split(name, params[name])
            inside = [space.dimensions[c].to_unit(v) for c, v in zip(sub.columns[name], parts)]
        except InvalidSpaceError as error:
            yield f"{name!r}: {str(error).rstrip('.')}"
            continue
        point[sub.columns[name]] = inside
        if min(inside) < -1e-9 or max(inside) > 1 + 1e-9:
            yield f"{name!r}: {params[name]!r} is out of the range {dimension!r}"
