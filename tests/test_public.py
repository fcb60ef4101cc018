"""The public API: what docs/api.md lists, no more and no less, and what each name needs."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import skhyper

ROOT = Path(__file__).parents[1]
API = (ROOT / "docs" / "api.md").read_text()
# In prose on that page, as they have no docstring.
IN_PROSE = {("skhyper", "__version__"), ("skhyper.samplers", "SAMPLERS")}
# In two packages; the page lists them in the first.
ALIASES = {("skhyper.space", "When"), ("skhyper.space", "default_space")}
# Packages whose names skhyper exports itself, or that are private.
INTERNAL = {f"skhyper.{name}" for name in ("evaluation", "functions", "gp", "reporting", "search")}


def listed():
    """The names that the page lists, by module."""
    found = {}
    for block in re.findall(r"```{eval-rst}\n(.*?)```", API, re.DOTALL):
        module = re.search(r"currentmodule:: (\S+)", block).group(1)
        names = re.findall(r"^   (\w+)$", block, re.MULTILINE)
        assert len(names) == len(set(names)), module
        found[module] = set(names)
    return found


LISTED = listed()


@pytest.mark.parametrize("module", LISTED)
def test_all_is_what_the_page_lists(module):
    package = importlib.import_module(module)
    special = {name for place, name in IN_PROSE | ALIASES if place == module}
    modules = {name for name in package.__all__ if inspect.ismodule(getattr(package, name))}
    assert set(package.__all__) == LISTED[module] | special | modules
    assert all(f"`{name}`" in API or f".{name}`" in API for name in special)


def test_the_page_has_every_public_module():
    modules = {f"skhyper.{module.name}" for module in pkgutil.iter_modules(skhyper.__path__)}
    public = {name for name in modules - INTERNAL if not name.startswith("skhyper._")}
    assert set(LISTED) == public | {"skhyper"}


NAMES = [(module, name) for module, names in LISTED.items() for name in sorted(names)]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_public_names_are_documented(module, name):
    assert not name.startswith("_")
    value = getattr(importlib.import_module(module), name)
    doc = inspect.getdoc(value)
    assert doc and doc.splitlines()[0].endswith((".", ":"))
    assert ">>>" in doc, "no runnable example"
    if inspect.isclass(value):
        for method, member in vars(value).items():
            is_method = inspect.isfunction(member) and member.__qualname__.startswith(f"{name}.")
            if is_method and not method.startswith("_"):
                assert inspect.getdoc(getattr(value, method)), method
