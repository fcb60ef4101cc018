"""The house as ARCHITECTURE.md has it: which way imports go, and how long files are."""

import ast
from pathlib import Path

import pytest

import skhyper

ROOT = Path(skhyper.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Each may import from itself and from what stands before it. Packages on one floor may not
# import one another, unless the floor is named in FRIENDS.
FLOORS = [
    {"_readonly"},
    {"exceptions", "_sklearn", "_numeric", "_lazy", "_identity"},
    {"_bands"},
    {"_trial", "space", "callbacks"},
    {"gp", "linear_model", "kernel", "neural_network"},
    {"samplers", "hypergradient"},
    {"evaluation"},
    {"search", "functions"},
    {"inspection"},
]
FRIENDS = {("callbacks", "_trial")}
# Who may know what: the evaluation receives a sampler and never imports one.
_NUMERIC = ("gp", "linear_model", "kernel", "neural_network")
FORBIDDEN = {("evaluation", "samplers")} | {
    (part, other) for part in _NUMERIC for other in ("space", "_trial")
}
PRIVATE_OK = ROOT / "_sklearn.py"


def part_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    """Modules imported anywhere in a file, functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def floor(part):
    return next(i for i, parts in enumerate(FLOORS) if part in parts)


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
        assert floor(other) < floor(own) or (own, other) in FRIENDS, f"{path.name} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_names_of_scikit_learn_are_imported_in_one_module(path):
    if path == PRIVATE_OK:
        return
    for module, name in imports(path):
        if module.split(".")[0] != "sklearn":
            continue
        dotted = f"{module}.{name}" if name else module
        assert "._" not in dotted, f"{path.name} imports {dotted}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_sizes(path):
    text = path.read_text()
    assert text.count("\n") <= 600
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            doc = (ast.get_docstring(node, clean=False) or "").count("\n")
            lines = node.end_lineno - node.lineno + 1 - doc
            # A signature with a keyword a line is read, not followed.
            limit = 75 if node.name == "__init__" else 50
            assert lines <= limit, f"{path.name}: {node.name} has {lines} lines"
    if path.name == "__init__.py" and path.parent == ROOT:
        assert text.count("\n") < 60


def test_only_two_samplers_import_gp():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        for module, _ in imports(path)
        if module.startswith("skhyper.gp") and part_of(path) != "gp"
    }
    assert users == {"samplers/_gp.py", "samplers/_overview.py"}


def test_heavy_packages_are_imported_where_they_are_used():
    heavy = {"skopt", "matplotlib", "pandas", "dask", "distributed", "ray", "polars"}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names.append(getattr(node, "module", None) or "")
                assert not {n.split(".")[0] for n in names} & heavy, path


def test_the_tests_mirror_the_package():
    here = Path(__file__).parent
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if not path.name.startswith("__")
        and not list(here.rglob(f"test_{path.stem.lstrip('_')}*.py"))
    ]
    assert missing == []
