"""Public names of a package: what ``dir`` shows, and what is imported on first access (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any


def public_dir(package: str, more: Collection[str] = ()) -> Callable[[], list[str]]:
    """``__dir__`` of a package: ``__all__``, `more`, and the names that all modules have."""

    def dir_() -> list[str]:
        found = vars(sys.modules[package])
        special = {name for name in found if name.startswith("__")}
        return sorted({*special, *found.get("__all__", found), *more})

    return dir_


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package with names that are slow to import.

    `modules` goes from each name to the module that defines it; to itself for a sub-package.
    """

    def getattr_(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(modules[name])
        value = module if modules[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return getattr_, public_dir(package, modules)
