"""Digests: texts that are equal for equal data, functions, classes, estimators and candidates.

:func:`digest` is the same in every process. It depends on

- the values, types and names of *data* (arrays, sparse matrices, data frames), but not on their
  memory layout or sparse format;
- the code of *functions and classes that are not installed*, such as those of a script or a
  notebook, with defaults, closures, base classes, and the functions and classes of this kind that
  they call; the name of those of installed packages;
- the class and the state of *all other objects*, such as estimators.

Of the data attributes of a class that is not installed, only constants that cannot be counters
(texts, floats, tuples) are used: a count of calls must not change the digest.
"""

import copyreg
import functools
import hashlib
import importlib
import sys
import sysconfig
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_CONSTANTS = (type(None), bool, float, complex, str, bytes, tuple, frozenset)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, np.ufunc)
_MOVING = (np.random.RandomState, np.random.Generator)
# Attributes that Python adds to every class.
_OF_EVERY_CLASS = {
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__static_attributes__",
    "__weakref__",
}


def digest(value: Any) -> str:
    """A text that is the same for equal values, in every process.

    Parameters
    ----------
    value : object
        Objects without readable state, such as open files, equal only themselves.

    Returns
    -------
    digest : str
        32 hexadecimal digits.
    """
    return _Digest().of(value)


def splitter_digest(cv: Any) -> str:
    """Digest of a splitter, without the state of its random generator, which splitting changes.

    Parameters
    ----------
    cv : cross-validation splitter
    """
    state = {
        name: type(value).__name__ if isinstance(value, _MOVING) else value
        for name, value in getattr(cv, "__dict__", {}).items()
    }
    return digest((type(cv), state))


def _hashed(*parts: str) -> str:
    return hashlib.blake2b(
        "\0".join(parts).encode(errors="surrogatepass"), digest_size=16
    ).hexdigest()


class _Digest:
    """Digest of one value; remembers the objects around the current one, as there may be cycles."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}

    def of(self, value: Any) -> str:
        if isinstance(value, np.generic) and not isinstance(value, np.void):
            value = value.item()
        if type(value) in _PLAIN:
            return _hashed(type(value).__name__, repr(value))
        if id(value) in self._open:
            return _hashed("circle", str(len(self._open) - self._open[id(value)]))
        self._open[id(value)] = len(self._open)
        try:
            return self._of_composed(value)
        finally:
            del self._open[id(value)]

    def _of_composed(self, value: Any) -> str:
        for kinds, method in _METHODS.items():
            if isinstance(value, kinds):
                return method(self, value)
        if sparse.issparse(value):
            return self._of_sparse(value)
        module = type(value).__module__.partition(".")[0]
        if module in ("pandas", "polars") and hasattr(value, "shape"):
            return self._of_table(value)
        return self._of_object(value)

    def _of_items(self, value: Iterable) -> str:
        items = list(value)
        kind = type(value).__name__
        if {type(item) for item in items} <= set(_PLAIN):  # long lists of numbers or texts
            return _hashed(kind, repr(items))
        return _hashed(kind, *map(self.of, items))

    def _of_set(self, value: Iterable) -> str:
        return _hashed(type(value).__name__, *sorted(map(self.of, value)))

    def _of_mapping(self, value: Mapping) -> str:
        pairs = sorted(self.of(key) + self.of(item) for key, item in value.items())
        return _hashed(type(value).__name__, *pairs)

    def _of_array(self, value: np.ndarray) -> str:
        if isinstance(value, np.ma.MaskedArray):
            return _hashed("masked", self.of(value.filled()), self.of(np.ma.getmaskarray(value)))
        if value.dtype.hasobject:
            return _hashed("array", str(value.shape), self._of_items(value.ravel().tolist()))
        value = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        content = hashlib.blake2b(value.reshape(-1).view(np.uint8), digest_size=16).hexdigest()
        return _hashed("array", str(value.dtype), str(value.shape), content)

    def _of_sparse(self, value: Any) -> str:
        rows = sparse.csr_array(value, copy=True)
        rows.sum_duplicates()
        indices = (rows.indices.astype(np.int64), rows.indptr.astype(np.int64))
        return _hashed("sparse", str(rows.shape), *map(self.of, (rows.data, *indices)))

    def _of_table(self, value: Any) -> str:
        """A data frame, series or index of pandas or polars, column by column."""
        kind = type(value).__name__
        if hasattr(value, "columns"):
            columns = (value[c] for c in value.columns)
            if hasattr(value, "iloc"):  # where two columns may have the same name
                columns = (value.iloc[:, i] for i in range(value.shape[1]))
            return _hashed(kind, self.of(list(value.columns)), *map(self.of, columns))
        dtype = value.dtype
        # Time zones: one instant as one number, not as an object each.
        values = value.to_numpy("datetime64[ns]") if hasattr(dtype, "tz") else value.to_numpy()
        parts = [getattr(value, "name", None), values]
        parts += [list(dtype.categories)] if getattr(dtype, "ordered", None) is not None else []
        parts += [value.index.to_numpy()] if hasattr(value, "index") else []
        return _hashed(kind, str(dtype), *map(self.of, parts))

    def _of_function(self, value: Any) -> str:
        code = getattr(value, "__code__", None)
        if code is None or _is_installed(value):
            return _hashed(
                "function",
                str(value.__module__ if hasattr(value, "__module__") else ""),
                value.__name__,
            )
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        called = [value.__globals__.get(name) for name in sorted(_names(code))]
        parts = (code, value.__defaults__, value.__kwdefaults__, cells)
        own = [
            v for v in called if isinstance(v, types.FunctionType | type) and not _is_installed(v)
        ]
        return _hashed("code", *map(self.of, parts), *map(self.of, own))

    def _of_code(self, value: types.CodeType) -> str:
        names = (value.co_names, value.co_varnames[: value.co_argcount + value.co_kwonlyargcount])
        return _hashed("bytecode", value.co_code.hex(), repr(names), self.of(value.co_consts))

    def _of_class(self, value: type) -> str:
        if _is_installed(value):
            return _hashed("class", f"{value.__module__}.{value.__qualname__}")
        own = {
            name: attribute
            for name, attribute in vars(value).items()
            if name not in _OF_EVERY_CLASS and _is_definition(attribute)
        }
        return _hashed("class", value.__qualname__, *map(self.of, value.__bases__), self.of(own))

    def _of_method(self, value: types.MethodType) -> str:
        return _hashed("method", self.of(value.__func__), self.of(value.__self__))

    def _of_wrapper(self, value: Any) -> str:
        wrapped = (
            [value.__func__] if hasattr(value, "__func__") else [value.fget, value.fset, value.fdel]
        )
        return _hashed(type(value).__name__, *map(self.of, wrapped))

    def _of_module(self, value: types.ModuleType) -> str:
        return _hashed("module", value.__name__)

    def _of_object(self, value: Any) -> str:
        """Any other object by its class and its state, as pickle and copy see them."""
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001  (whatever an object says that cannot be copied)
            state = getattr(value, "__dict__", None) or repr(value)
            return _hashed("object", self.of(type(value)), self.of(state))
        if isinstance(reduced, str):
            wrapped = getattr(value, "__wrapped__", None)  # of functools.lru_cache
            return _hashed("name", str(type(value).__module__), reduced, self.of(wrapped))
        made_by, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if made_by in (copyreg.__newobj__, copyreg.__newobj_ex__):  # type: ignore[attr-defined]
            made_by = "new"
        if isinstance(state, dict):  # scikit-learn's estimators add its version
            state = {name: item for name, item in state.items() if name != "_sklearn_version"}
        contents = (list(items or ()), list(pairs or ()))
        return _hashed("object", *map(self.of, (made_by, arguments, state, *contents)))


_METHODS: dict[Any, Any] = {
    type: _Digest._of_class,
    _FUNCTIONS: _Digest._of_function,
    types.MethodType: _Digest._of_method,
    (property, staticmethod, classmethod, functools.cached_property): _Digest._of_wrapper,
    types.CodeType: _Digest._of_code,
    types.ModuleType: _Digest._of_module,
    np.ndarray: _Digest._of_array,
    (set, frozenset): _Digest._of_set,
    dict: _Digest._of_mapping,
    (list, tuple): _Digest._of_items,
}


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _names(code: types.CodeType) -> set[str]:
    """Global names that a function and those inside of it may use."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _is_definition(attribute: Any) -> bool:
    """Whether an attribute of a class is part of its definition, and not state that it stores."""
    if isinstance(attribute, _CONSTANTS):
        return True
    wrappers = (property, staticmethod, classmethod, functools.cached_property)
    return isinstance(attribute, (types.FunctionType, type, *wrappers))


def _is_installed(value: Any) -> bool:
    """Whether a function or class can be found by its name in an installed package."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ in ("__main__", "__mp_main__"):
        return False
    return _is_package(module.__name__.partition(".")[0]) and "<locals>" not in value.__qualname__


@functools.cache
def _is_package(name: str) -> bool:
    """Whether a top-level module belongs to Python or to an installed package."""
    if name in sys.stdlib_module_names or name == "skhyper":
        return True
    module = importlib.import_module(name)
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), None)
    if file is None:
        return False
    roots = [sysconfig.get_path(kind) for kind in ("purelib", "platlib", "stdlib")]
    return any(Path(file).resolve().is_relative_to(Path(root).resolve()) for root in roots)
