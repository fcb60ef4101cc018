"""Tables of the parameters and hyperparameters of an estimator."""

import textwrap
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any

import numpy as np

from skhyper._text import Table, as_html, as_text, shortened
from skhyper.inspection._hyperparameters import Hyperparameter, hyperparameters
from skhyper.inspection._measure import number
from skhyper.inspection._parameters import Parameter, learned, learns
from skhyper.space import Distribution, Integer, Real, When

_TABLES = ("parameters", "hyperparameters")
# Maximum widths of columns, in characters: names are never cut, values are short.
_WIDTHS = {"name": 500, "where": 500, "range from": 100, "value": 24, "default": 20}


def inspect(estimator: Any, X: Any = None, y: Any = None) -> "Inspection":
    """The parameters and the hyperparameters of an estimator and of all those inside.

    *Parameters* are learned from data by ``fit``; *hyperparameters* are set before.

    Parameters
    ----------
    estimator : estimator
        Any object with ``get_params``, fitted or not: a pipeline, a column transformer, a search,
        an ensemble. It is not changed.
    X, y : array-like, default=None
        Training data: some default search ranges depend on them.

    Returns
    -------
    inspection : Inspection
        Print it, show it in a notebook, or use its tables.

    Raises
    ------
    TypeError
        If it is not an estimator, or a class.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skhyper.inspection import inspect
    >>> line = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> found = inspect(line)
    >>> found.n_parameters
    2
    >>> [(p.name, p.size) for p in found.parameters if p.kind == "parameter"]
    [('coef_', 1), ('intercept_', 1)]
    >>> [h.name for h in found.hyperparameters if h.active][:2]
    ['copy_X', 'fit_intercept']

    Before ``fit`` there are hyperparameters only:

    >>> inspect(LinearRegression()).n_parameters
    0
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"inspect needs an instance, got the class {estimator.__name__}; "
            f"write {estimator.__name__}()."
        )
    if not hasattr(estimator, "get_params"):
        raise TypeError(
            "inspect needs an estimator, an object with get_params; "
            f"got {type(estimator).__name__}: {shortened(repr(estimator), 80)}."
        )
    return Inspection(
        name=type(estimator).__name__,
        parameters=learned(estimator),
        hyperparameters=hyperparameters(estimator, X, y),
        learns=learns(estimator),
    )


class Inspection:
    """The result of :func:`inspect`, shown as two tables.

    Parameters
    ----------
    name : str
        Class of the estimator.
    parameters : sequence of Parameter
    hyperparameters : sequence of Hyperparameter
    learns : bool, default=True
        Whether ``fit`` learns anything.

    Attributes
    ----------
    n_parameters : int
        Number of numbers that ``fit`` learned: the sizes of kind ``"parameter"``.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skhyper.inspection import inspect
    >>> found = inspect(LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]))
    >>> found.name, found.n_parameters
    ('LinearRegression', 2)
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        hyperparameters: Sequence[Hyperparameter],
        learns: bool = True,
    ):
        self.name = name
        self.parameters = tuple(parameters)
        self.hyperparameters = tuple(hyperparameters)
        self.learns = learns

    @cached_property
    def n_parameters(self) -> int:
        return sum(p.size for p in self.parameters if p.kind == "parameter")

    def to_frame(self, table: str = "hyperparameters") -> Any:
        """One of the tables as a pandas DataFrame, in full.

        Parameters
        ----------
        table : {"parameters", "hyperparameters"}, default="hyperparameters"

        Returns
        -------
        frame : DataFrame
            With a row for each, and a column for each attribute of :class:`Parameter` or
            :class:`Hyperparameter`.
        """
        import pandas as pd

        if table not in _TABLES:
            raise ValueError(f"table must be one of {_TABLES}, got {table!r}.")
        row_type = Parameter if table == "parameters" else Hyperparameter
        rows = getattr(self, table)
        columns = {f.name: _column([getattr(r, f.name) for r in rows]) for f in fields(row_type)}
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        tables = [as_text(table) for table in (_learned_table(self), _set_table(self))]
        parts = [self._headline(), tables[0], *_others(self), tables[1], *_folded(self)]
        if any(h.changed for h in self.hyperparameters):
            parts.append("  * not at the default")
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        others = [p for p in self.parameters if p.kind == "bookkeeping"]
        folded = [h for h in self.hyperparameters if _is_folded(h)]
        parts = [Table(self._headline(), (), ()), _learned_table(self), _set_table(self)]
        headline, learned_part, set_part = map(as_html, parts)
        details = _details("other fitted attributes", _parameter_table("", others))
        options = _details("options of the search at their defaults", _setting_table("", folded))
        return f"<div>{headline}{learned_part}{details}{set_part}{options}</div>"

    def _headline(self) -> str:
        changed = sum(h.changed for h in self.hyperparameters)
        learned_text = "not fitted"
        if self.parameters or not self.learns:
            learned_text = _counted(self.n_parameters, "parameter")
            if any(p.kind == "unknown" for p in self.parameters):
                known = f"{learned_text}, and others" if self.n_parameters else "parameters"
                learned_text = f"{known} not known"
        set_text = _counted(len(self.hyperparameters), "hyperparameter")
        return f"{self.name}: {learned_text}, {set_text} ({changed} not at the default)"


def _details(what: str, table: Table) -> str:
    """A collapsed table; empty if it has no rows."""
    if not table.rows:
        return ""
    summary = f"{what}: {len(table.rows)}"
    return f"<details><summary>{summary}</summary>{as_html(table)}</details>"


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _column(values: list[Any]) -> Any:
    """A column of objects, as pandas would split values that have a length."""
    if values and all(type(v) is type(values[0]) and isinstance(v, bool | int) for v in values):
        return values
    column = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        column[i] = value
    return column


def _learned_table(found: Inspection) -> Table:
    title = "Parameters (learned by fit)"
    if not found.parameters and found.learns:
        return Table(f"{title}: none yet, the estimator is not fitted", (), ())
    shown = [p for p in found.parameters if p.kind != "bookkeeping"]
    if not shown:
        return Table(f"{title}: none, this estimator learns nothing", (), ())
    return _parameter_table(title, shown)


def _parameter_table(title: str, parameters: Sequence[Parameter]) -> Table:
    kinds = {p.kind for p in parameters}
    kind = [] if kinds <= {"parameter"} or kinds <= {"bookkeeping"} else ["kind"]
    columns = ["where", "name", *kind, "shape", "size", "dtype", "summary"]
    rows = []
    for p in parameters:
        kinds_text = [p.kind] if kind else []
        rows.append([p.where, p.name, *kinds_text, _shape(p), f"{p.size:,}", p.dtype, p.summary])
    hint = '.to_frame("parameters")'
    return Table(title, columns, rows, hint, frozenset({"size"}), _WIDTHS)


def _shape(p: Parameter) -> str:
    shape = "" if p.shape is None else str(p.shape)
    return f"{p.count} x {shape}".removesuffix(" x ") if p.count > 1 else shape


def _others(found: Inspection) -> list[str]:
    """Lines with the names of other attributes, each name once."""
    names = dict.fromkeys(p.name for p in found.parameters if p.kind == "bookkeeping")
    return _in_lines(f"other fitted attributes: {', '.join(names)}") if names else []


def _is_folded(h: Hyperparameter) -> bool:
    """Whether it is an option of a search at its default."""
    return h.option and not h.changed


def _folded(found: Inspection) -> list[str]:
    names = [h.name for h in found.hyperparameters if _is_folded(h)]
    if not names:
        return []
    return _in_lines(
        f"and {len(names)} options of the search at their defaults: {', '.join(names)}"
    )


def _in_lines(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="    ")


def _set_table(found: Inspection) -> Table:
    title = "Hyperparameters (set before fit)"
    shown = [h for h in found.hyperparameters if not _is_folded(h)]
    return _setting_table(title if shown else f"{title}: none", shown)


def _setting_table(title: str, hyperparameters: Sequence[Hyperparameter]) -> Table:
    columns = [
        "",
        "name",
        "value",
        "default",
        "allowed",
        "active",
        "differentiable",
        "search range",
        "range from",
    ]
    rows = []
    for h in hyperparameters:
        active = "yes" if h.active else f"no, {h.note}"
        active += f", {h.note}" if h.active and h.note else ""
        rows.append(
            [
                "*" if h.changed else "",
                h.name,
                _value(h.value),
                _value(h.default),
                h.allowed,
                active,
                "yes" if h.differentiable else "",
                _range(h.search_range),
                h.range_source,
            ]
        )
    return Table(title, columns, rows, '.to_frame("hyperparameters")', widths=_WIDTHS)


def _value(value: Any) -> str:
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        return value.__name__
    if hasattr(value, "shape") and getattr(value, "size", 0) != 1:
        return f"{type(value).__name__} of shape {value.shape}"
    return _compact(value)


def _compact(value: Any) -> str:
    """The text of a value on one line; compositions without their parts."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        inside = any(hasattr(v, "get_params") for v in value.get_params(deep=True).values())
        return f"{type(value).__name__}(...)" if inside else " ".join(repr(value).split())
    if isinstance(value, list | tuple) and value:
        inner = ", ".join(map(_compact, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    return repr(value)


def _range(spec: Any) -> str:
    """Text of a search range: ``0.01 to 100, log``."""
    if spec is None:
        return ""
    if isinstance(spec, When):
        needs = (
            f"{name}={' or '.join(map(repr, wanted))}" for name, wanted in spec.conditions.items()
        )
        return f"{_range(spec.values)} if {' and '.join(needs)}"
    if isinstance(spec, Real | Integer):
        spec = (spec.low, spec.high, *(["log"] if spec.prior == "log-uniform" else []))
    if isinstance(spec, tuple):
        low, high, *prior = spec
        return f"{number(low)} to {number(high)}" + (", log" if prior else "")
    if isinstance(spec, list):
        return ", ".join(map(_compact, spec))
    return repr(Distribution(spec)) if hasattr(spec, "dist") else _value(spec)
