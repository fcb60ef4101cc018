"""Structure of the package: directions of imports, sizes, and a test module for each module."""

import ast
from functools import cache
from pathlib import Path

import pytest

import skhyper

ROOT = Path(skhyper.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# A part may import from itself and from earlier layers; parts of one layer may import one another
# only if the pair is listed in WITHIN_LAYER.
LAYERS = [
    {"_readonly", "_lazy", "_text", "_threads", "_progress"},
    {"exceptions", "_sklearn", "_numeric", "_identity"},
    {"_bands", "_splits", "_trial_pickle", "_trial_text"},
    {"_banded"},
    {"_trial", "space", "callbacks"},
    {"gp", "linear_model", "kernel", "neural_network"},
    {"samplers", "hypergradient", "reuse"},
    {"evaluation"},
    {"knowledge"},
    {"search", "functions"},
    {"inspection"},
    {"plotting"},
    {"reporting"},
]
WITHIN_LAYER = {("callbacks", "_trial")}
# The evaluation receives a sampler and never imports one; numeric packages know arrays only.
_NUMERIC = ("gp", "linear_model", "kernel", "neural_network")
FORBIDDEN = {("evaluation", "samplers")} | {
    (part, other) for part in _NUMERIC for other in ("space", "_trial")
}
IMPORTS_PRIVATE_NAMES = ROOT / "_sklearn.py"
# Exceptions that a split in progress needs; remove each with its module.
WITHOUT_TESTS: set = set()
LONG_FUNCTIONS: set = set()


def part_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def imports(path):
    """Modules imported anywhere in a file, functions included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [(node.module, alias.name) for alias in node.names]
    return found


def layer(part):
    return next(i for i, parts in enumerate(LAYERS) if part in parts)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    own = part_of(path)
    if own == "__init__":
        return
    for module, name in imports(path):
        if module.split(".")[0] != "skhyper":
            continue
        parts = module.split(".")
        other = parts[1] if len(parts) > 1 else name
        if other == own:
            continue
        assert (own, other) not in FORBIDDEN, f"{path.name} imports {other}"
        assert layer(other) < layer(own) or (own, other) in WITHIN_LAYER, (
            f"{path.name} imports {other}"
        )


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_names_of_scikit_learn_are_imported_in_one_module(path):
    if path == IMPORTS_PRIVATE_NAMES:
        return
    for module, name in imports(path):
        if module.split(".")[0] != "sklearn":
            continue
        dotted = f"{module}.{name}" if name else module
        assert "._" not in dotted, f"{path.name} imports {dotted}"


def n_lines(function):
    """Lines of a function without its docstring."""
    first = function.body[0]
    is_doc = ast.get_docstring(function) is not None
    doc = first.end_lineno - first.lineno + 1 if is_doc else 0
    return function.end_lineno - function.lineno + 1 - doc


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_sizes(path):
    text = path.read_text()
    assert text.count("\n") <= 600
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = path.relative_to(ROOT).as_posix(), node.name
            if where not in LONG_FUNCTIONS:
                assert n_lines(node) <= 50, f"{where}: {n_lines(node)} lines"
    if path.name == "__init__.py" and path.parent == ROOT:
        assert text.count("\n") < 60


def test_docstrings_are_not_counted():
    (function,) = ast.parse('def f(\n    a,\n):\n    """One.\n\n    Two."""\n    return a\n').body
    assert n_lines(function) == 4


def test_few_modules_import_gp():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        for module, _ in imports(path)
        if module.startswith("skhyper.gp") and part_of(path) != "gp"
    }
    names = ("acquisition", "overview", "rules", "surrogate")
    assert users == {f"samplers/_{name}.py" for name in names} | {"knowledge/_functions.py"}


def test_heavy_packages_are_imported_where_they_are_used():
    heavy = {"skopt", "matplotlib", "pandas", "dask", "distributed", "ray", "polars"}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names.append(getattr(node, "module", None) or "")
                assert not {n.split(".")[0] for n in names} & heavy, path


def mirror(path):
    """The test module of a module of the package."""
    name = path.relative_to(ROOT)
    return Path(__file__).parent / name.parent / f"test_{name.stem.lstrip('_')}.py"


def test_the_tests_mirror_the_package_folder_for_folder():
    missing = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if not path.name.startswith("__") and not mirror(path).exists()
    }
    assert missing <= WITHOUT_TESTS
