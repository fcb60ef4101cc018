"""The reason why params do not lie in a space, in words."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from skhyper.space._points import is_inside, place
from skhyper.space._space import Space


def why_not(space: Space, params: Mapping[str, Any]) -> str:
    """The reason why `params` do not lie in `space`, empty if they do.

    With several sub-spaces, the reason is that of the nearest one.

    Examples
    --------
    >>> from skhyper.space import Space, why_not
    >>> why_not(Space({"alpha": (0.0, 1.0)}), {"alpa": 0.5})
    "it has no 'alpa'; did you mean 'alpha'? Its names are ['alpha']"
    """
    if space.contains(params):
        return ""
    reasons = [list(_reasons(space, index, params)) for index in range(space.n_subspaces)]
    nearest = min(reasons, key=len)
    if nearest:
        return nearest[0]
    return f"the constraint {space.constraint!r} rejects it"


def _reasons(space: Space, index: int, params: Mapping[str, Any]) -> Iterator[str]:
    subspace = space._columns.subspaces[index]
    for name in space._unknown(index, params):
        near = [known for known in subspace.columns if known.lower() == str(name).lower()]
        near += difflib.get_close_matches(str(name), list(subspace.columns), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        yield f"it has no {name!r}{hint} Its names are {list(subspace.columns)}"
    values = {**space._defaults, **params}
    point, wrong = place(space._columns, index, values)
    for name in subspace.conditions:
        if name in wrong:
            reason = wrong[name].rstrip(".")
            yield f"{name!r}: {reason}" if reason else f"{name!r} is missing"
        elif not is_inside(point[subspace.columns[name]]):
            dimension = space.dimensions[subspace.columns[name][0]]
            yield f"{name!r}: {values[name]!r} is out of the range {dimension!r}"
