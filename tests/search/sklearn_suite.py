"""scikit-learn's own tests of its searches, with our classes in the place of its own.

The source of ``sklearn/model_selection/tests/test_search.py`` ships in the wheel. It is
compiled with one more import, which rebinds the names of the classes under test.
"""

import ast
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path


def load_suite(name: str, substitutes: str) -> types.ModuleType:
    """The module of scikit-learn's tests after the statement `substitutes`."""
    spec = importlib.util.find_spec("sklearn.model_selection.tests.test_search")
    source = Path(spec.origin).read_text()
    tree = ast.parse(source)
    last = max(
        i for i, node in enumerate(tree.body) if isinstance(node, ast.Import | ast.ImportFrom)
    )
    tree.body[last + 1 : last + 1] = ast.parse(substitutes).body
    module = types.ModuleType(name)
    module.__file__ = spec.origin
    _allow_our_attributes(tree)
    # Workers unpickle the classes that the tests define by the name of their module.
    sys.modules[name] = module
    exec(compile(tree, spec.origin, "exec"), module.__dict__)
    return module


def _allow_our_attributes(tree: ast.Module) -> None:
    """Let ``test_custom_run_search`` pass over the attributes that only our searches have.

    It compares all public attributes with those of a search class of its own.
    """
    ours = (
        "history_",
        "space_",
        "n_trials_",
        "stop_reason_",
        "sampler_",
        "optimizer_results_",
        "regret_",
        "reuse_",
        "knowledge_",
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Set) and "refit_time_" in [
            getattr(e, "value", "") for e in node.elts
        ]:
            node.elts += [ast.copy_location(ast.Constant(name), node) for name in ours]


def cases_of(module: types.ModuleType) -> dict:
    """The tests of a module, their parameters as lists: pytest 9 warns of generators."""
    cases = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    for case in cases.values():
        for mark in getattr(case, "pytestmark", []):
            if mark.name == "parametrize" and isinstance(mark.args[1], Iterator):
                object.__setattr__(mark, "args", (mark.args[0], list(mark.args[1])))
    return cases
