"""Names of a package that are imported when they are first asked for (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package, some of whose names are heavy.

    ``dir`` shows what is public: the names in ``__all__``, and those that all modules have.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    modules : dict
        From each name to the module that has it; to itself for a sub-package.

    Returns
    -------
    getattr_, dir_ : callable
    """

    def getattr_(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(modules[name])
        value = module if modules[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def dir_() -> list[str]:
        found = vars(sys.modules[package])
        special = {name for name in found if name.startswith("__")}
        return sorted({*special, *found.get("__all__", found), *modules})

    return getattr_, dir_
