"""A search space as a table of text."""

from collections.abc import Iterator
from typing import Any

from skhyper._text import Table, as_text
from skhyper.space._categorical import Categorical
from skhyper.space._dimensions import Dimension

COLUMNS = ("sub-space", "name", "values", "scale", "condition")
_MAX_ROWS = 20


def rows(space: Any) -> Iterator[tuple[str, ...]]:
    """Sub-space, name, values, scale and condition of each hyperparameter.

    The number of the sub-space is empty if there is only one.

    Examples
    --------
    >>> from skhyper.space import Space, When
    >>> gamma = When((0.1, 10.0, "log-uniform"), kernel="rbf")
    >>> for row in rows(Space({"kernel": ["linear", "rbf"], "gamma": gamma})):
    ...     print(row)
    ('', 'kernel', "'linear', 'rbf'", 'choices', '')
    ('', 'gamma', '0.1 to 10', 'log', "kernel='rbf'")
    """
    subspaces = space._columns.subspaces
    for number, subspace in enumerate(subspaces):
        which = str(number) if len(subspaces) > 1 else ""
        for name, columns in subspace.columns.items():
            values, scale = _texts(space.dimensions[columns[0]])
            if len(columns) > 1:
                values += f" ({len(columns)} components)"
            conditions = (condition.text for _, condition in subspace.conditions[name])
            yield which, name, values, scale, " and ".join(conditions)


def space_text(space: Any) -> str:
    """A space as a table."""
    lines = list(rows(space))
    title = f"Space of {len(lines)} hyperparameter{'s' * (len(lines) != 1)}"
    if space.n_subspaces > 1:
        title = f"Space of {space.n_subspaces} sub-spaces"
    text = as_text(Table(title, COLUMNS, lines, "repr(space)"), max_rows=_MAX_ROWS, max_width=50)
    return text if space.constraint is None else f"{text}\n  constraint: {space.constraint!r}"


def _texts(dimension: Dimension) -> tuple[str, str]:
    """Values and scale of a dimension."""
    if isinstance(dimension, Categorical):
        return ", ".join(map(_choice, dimension.choices)), "choices"
    if not hasattr(dimension, "prior"):
        text = repr(dimension)
        return text.removeprefix("Distribution(").removesuffix(")"), "distribution"
    ends = f"{dimension.low:.4g} to {dimension.high:.4g}"  # type: ignore[attr-defined]
    if dimension.kind == "integer":
        ends = f"{dimension.low} to {dimension.high}"  # type: ignore[attr-defined]
    step = getattr(dimension, "step", None)
    scale = "log" if dimension.prior == "log-uniform" else "linear"
    return ends + ("" if step is None else f", step {step}"), scale


def _choice(value: Any) -> str:
    named = getattr(value, "__name__", None)
    return named if isinstance(named, str) else " ".join(repr(value).split())
