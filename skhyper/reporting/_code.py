"""Lines of Python that repeat a search.

What cannot be written as code, such as a lambda, becomes a name that the reader has to define.
"""

import ast
import inspect
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from skhyper.space import Categorical, When

# Arrays with more elements are not written out.
_MAX_ELEMENTS = 100
_LINE = 80
# Names that the text of an object may contain, beside its class.
_BUILTIN = {"True", "False", "None"}


class Code:
    """Collects the imports and the missing definitions of expressions.

    Attributes
    ----------
    imports : dict
        From modules to the set of names imported from them.
    missing : dict
        From names that the reader has to define to what they were.
    """

    def __init__(self) -> None:
        self.imports: dict[str, set[str]] = {}
        self.missing: dict[str, str] = {}

    def of(self, value: Any) -> str:
        """Expression of a value."""
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return f"float('{value}')"
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return repr(value)
        for types, write in _WRITERS:
            if isinstance(value, types):
                return write(self, value)
        if hasattr(value, "dist") and hasattr(value, "kwds"):  # a frozen scipy.stats distribution
            arguments = [self.of(a) for a in value.args]
            arguments += [f"{name}={self.of(v)}" for name, v in value.kwds.items()]
            name = value.dist.name
            if hasattr(sys.modules.get("scipy.stats"), name):
                return f"{self._imported('scipy.stats', name)}({', '.join(arguments)})"
        if hasattr(value, "get_params") and not isinstance(value, type):
            return self._estimator(value)
        return self._named(value) or self._printed(value) or self._lacking(value)

    def call(self, name: str, arguments: Mapping[str, str]) -> str:
        """A call with keywords, whose values are expressions."""
        return enclosed(f"{name}(", [f"{key}={value}" for key, value in arguments.items()], ")")

    def header(self) -> list[str]:
        """Lines with the imports, and the names to define."""
        lines = []
        if any(name.startswith("Halving") for names in self.imports.values() for name in names):
            lines.append("from sklearn.experimental import enable_halving_search_cv")
        for module, imported in sorted(self.imports.items()):
            plain = f"from {module} import {', '.join(sorted(imported))}"
            lines.append("import numpy as np" if module == "numpy" else plain)
        lines += [f"{name} = ...  # replace: {what}" for name, what in self.missing.items()]
        return lines

    def _imported(self, module: str, name: str) -> str:
        self.imports.setdefault(module, set()).add(name)
        return name

    def _sequence(self, value: Iterable[Any]) -> str:
        parts = [self.of(v) for v in value]
        if isinstance(value, tuple):
            return f"({parts[0]},)" if len(value) == 1 else enclosed("(", parts, ")")
        if isinstance(value, set):
            return enclosed("{", parts, "}") if value else "set()"
        return enclosed("[", parts, "]")

    def _ufunc(self, value: np.ufunc) -> str:
        if getattr(np, value.__name__, None) is not value:
            return self._lacking(value)
        self._imported("numpy", "np")
        return f"np.{value.__name__}"

    def _mapping(self, value: Mapping[Any, Any]) -> str:
        return enclosed("{", [f"{self.of(k)}: {self.of(v)}" for k, v in value.items()], "}")

    def _array(self, value: np.ndarray) -> str:
        if value.size > _MAX_ELEMENTS:
            return self._lacking(value)
        self._imported("numpy", "np")
        return f"np.array({self.of(value.tolist())})"

    def _when(self, value: When) -> str:
        self._imported("skhyper.space", "When")
        return f"When({self.of(value.values)}, {self.of(value.conditions)})"

    def _categorical(self, value: Categorical) -> str:
        self._imported("skhyper.space", "Categorical")
        options = {"ordered": value.ordered, "weights": value.weights}
        more = [f", {k}={self.of(v)}" for k, v in options.items() if v is not None]
        return f"Categorical({self.of(list(value.choices))}{''.join(more)})"

    def _estimator(self, value: Any) -> str:
        name = self._named(type(value))
        if not name:
            return self._lacking(value)
        return self.call(name, {k: self.of(v) for k, v in changed_params(value).items()})

    def _named(self, value: Any) -> str:
        """Name of a class or function that can be imported; empty otherwise."""
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(name, str) or not name.isidentifier():
            return ""
        if module == "builtins":
            return name
        for place in _places(module):
            if getattr(sys.modules.get(place), name, None) is value:
                return self._imported(place, name)
        if module == "__main__":
            self.missing.setdefault(name, "your own definition")
            return name
        return ""

    def _printed(self, value: Any) -> str:
        """The text of an object that looks like a call of its class; empty otherwise."""
        text, cls = " ".join(repr(value).split()), type(value).__name__
        if not text.startswith(f"{cls}("):
            return ""
        try:
            tree = ast.parse(text, mode="eval")
        except SyntaxError:
            return ""
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        known = names <= {cls, *_BUILTIN} and isinstance(tree.body, ast.Call)
        return text if known and self._named(type(value)) else ""

    def _lacking(self, value: Any) -> str:
        """A name that the reader has to define."""
        name = f"value_{len(self.missing) + 1}"
        text = " ".join(repr(value).split())
        self.missing[name] = text if len(text) <= _LINE else text[: _LINE - 1] + "…"
        return name


_WRITERS: list[tuple[Any, Any]] = [
    (dict, Code._mapping),
    (list | tuple | set, Code._sequence),
    (np.ufunc, Code._ufunc),
    (np.ndarray, Code._array),
    (When, Code._when),
    (Categorical, Code._categorical),
]


def enclosed(start: str, parts: Sequence[str], end: str) -> str:
    """Expressions within brackets, on one line if that is short."""
    line = f"{start}{', '.join(parts)}{end}"
    if len(line) <= _LINE and "\n" not in line:
        return line
    inner = (part.replace("\n", "\n    ") for part in parts)
    return f"{start}\n" + "".join(f"    {part},\n" for part in inner) + end


def _places(module: str) -> list[str]:
    """Public modules from which a name may be imported, the shortest first."""
    parts = module.split(".")
    n_public = next((i for i, part in enumerate(parts) if part.startswith("_")), len(parts))
    return [".".join(parts[:n]) for n in range(1, n_public + 1) if parts[0] != "__main__"]


def changed_params(estimator: Any) -> dict[str, Any]:
    """Params of an estimator that differ from the defaults of its class."""
    signature = inspect.signature(type(estimator).__init__).parameters
    found = {}
    for name, value in estimator.get_params(deep=False).items():
        default = signature[name].default if name in signature else inspect.Parameter.empty
        if value is not default and repr(value) != repr(default):
            found[name] = value
    return found


def code_of(search: Any, best_params: Mapping[str, Any] | None = None) -> str:
    """A script that repeats a search; then, how to fit the best candidate without searching."""
    code = Code()
    name = code._named(type(search)) or type(search).__name__
    params = changed_params(search)
    estimator = code.of(params.pop("estimator", None))
    arguments = {"estimator": "estimator"} | {key: code.of(v) for key, v in params.items()}
    lines = [f"estimator = {estimator}", f"search = {code.call(name, arguments)}"]
    lines += ["search.fit(X, y)"]
    if best_params:
        code._imported("sklearn.base", "clone")
        lines += [
            "",
            "# The best candidate, without searching:",
            f"best_params = {code.of(dict(best_params))}",
            "model = clone(estimator).set_params(**best_params).fit(X, y)",
        ]
    return "\n".join([*code.header(), "", *lines])
