"""Interception of the transformers of one fold's pipeline, whose calls are looked up in a store.

The data of the fold have keys, and so has each output that was computed from data with keys by a
step with a key. Data are recognized by their identity. If a step receives anything else, it is run
as usual. Methods are replaced by attributes of the instances, during one fold; the classes are
unchanged, and scorers can inspect the fitted steps.
"""

import functools
import hashlib
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skhyper.evaluation._copies import is_equal, may_alias, same_copy
from skhyper.evaluation._reuse import Reuse
from skhyper.evaluation._steps import NO_KNOWN_INPUT, Step, parts_of
from skhyper.evaluation._store import Entry, Store

_METHODS = ("fit", "fit_transform", "transform")
_CLONE = "__sklearn_clone__"
# Attributes that do not belong to the fitted state; the last ones are of scikit-learn's callbacks.
_NOT_STATE = (
    *_METHODS,
    _CLONE,
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_parent_callback_ctx",
    "_callback_fit_ctx",
)


def _joined(*keys: str) -> str:
    return hashlib.blake2b("\0".join(keys).encode(), digest_size=16).hexdigest()


class Session:
    """The known data of one fold, and counts of what was shared.

    Parameters
    ----------
    store : Store
    fold : int
    """

    def __init__(self, store: Store, fold: int):
        self.store = store
        self._fold = fold
        self._thread = threading.get_ident()
        self._known: dict[int, tuple[Any, str, bool]] = {}
        # Keys of the input of steps that run, such as ColumnTransformers, by their paths.
        self.inside: dict[str, str | None] = {}
        self.n_forgotten = 0
        self.asked, self.made, self.seconds = 0, 0, 0.0
        self.why_not: dict[str, str] = {}
        self.interceptors: list[_Interceptor] = []

    def close(self) -> None:
        """Stop the interception."""
        for interceptor in self.interceptors:
            interceptor.remove()
        self._known.clear()

    @property
    def is_here(self) -> bool:
        """Whether the fold runs in this thread: another one may have received its fitted steps."""
        return threading.get_ident() == self._thread

    @property
    def report(self) -> Reuse:
        return Reuse(self.asked, self.made, self.seconds, self.why_not)

    def know_root(self, data: Any, name: str) -> None:
        """Register data of the fold under a name."""
        if data is not None:
            self.know(data, _joined("data", str(self._fold), name))

    def know(self, data: Any, key: str, stored: bool = False) -> None:
        """Register data under a key; `stored` if they belong to the store."""
        self._known[id(data)] = (data, key, stored)

    def forget(self) -> None:
        """Forget all data."""
        self._known.clear()
        self.n_forgotten += 1

    def key_of(self, data: Any) -> str | None:
        """Key of known data; None for others."""
        if data is None:
            return "none"
        known = self._known.get(id(data))
        return None if known is None or known[0] is not data else known[1]

    def key_of_all(self, named: Mapping[str, Any]) -> str | None:
        """Key of known metadata; None if one of them is not known."""
        keys = {name: self.key_of(value) for name, value in sorted(named.items())}
        if None in keys.values():
            return None
        return _joined(*(f"{name}={key}" for name, key in keys.items()))

    def owned(self, data: Any) -> Any:
        """Data that a step may change: a copy, if they belong to the store."""
        known = self._known.get(id(data))
        if known is None or known[0] is not data or not known[2]:
            return data
        own = same_copy(data)
        self.know(own, known[1])
        return own


def intercept(session: Session, estimator: Any, steps: Mapping[str, Step]) -> None:
    """Intercept the calls of the parts of a composition, as given by `steps`."""
    parts = parts_of(estimator)
    for name, step in steps.items():
        if step.parts:
            intercept(session, parts[name], step.parts)
        if step.is_intercepted and not step.is_pipeline:
            _Interceptor(session, parts[name], step)


class _Interceptor:
    """Calls of one transformer, which are looked up as long as its session exists."""

    def __init__(self, session: Session, transformer: Any, step: Step):
        self._session = weakref.ref(session)
        self.transformer = transformer
        self._step = step
        self._is_busy = False
        self._fitted: str | None = None
        session.interceptors.append(self)
        self.real = {m: getattr(transformer, m) for m in _METHODS if hasattr(transformer, m)}
        vars(transformer).update({name: _Method(self, name) for name in self.real})
        if hasattr(type(transformer), _CLONE):
            vars(transformer)[_CLONE] = _Method(self, _CLONE)

    def remove(self) -> None:
        """Restore the original methods of the transformer."""
        for name in (*_METHODS, _CLONE):
            vars(self.transformer).pop(name, None)

    def clone(self) -> Any:
        """A clone of the transformer, which is intercepted, too."""
        new = getattr(type(self.transformer), _CLONE)(self.transformer)
        session = self._session()
        if session is not None:
            _Interceptor(session, new, self._step)
        return new

    def call(self, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call a method, or look its result up."""
        session = self._session()
        if session is None or not session.is_here or self._is_busy or not args or len(args) > 2:
            return self.real[method](*args, **kwargs)
        X, *rest = args
        X_key = self._key_of_input(session, X)
        kwargs_key = session.key_of_all(kwargs)
        y_key = session.key_of(rest[0]) if rest else "none"
        own_key = self._fitted if method == "transform" else self._step.key
        key = None
        if own_key and X_key and kwargs_key and y_key:
            key = _joined(method, own_key, X_key, y_key, kwargs_key)
        is_fit = method != "transform"
        if is_fit:
            self._fitted = None
        if key and (entry := session.store.get(key)) is not None:
            return self._restored(session, entry, key, is_fit)
        if is_fit and own_key and not key:
            session.why_not[self._step.path] = NO_KNOWN_INPUT
        kind = None
        rule = self._step.rule
        if key and is_fit and rule is not None and rule.suits(self.transformer, X):
            # Other than the key of a candidate, whose value may be None, too.
            kind = _joined("all", method, self._step.kind, str(X_key), str(y_key), str(kwargs_key))
        session.inside[self._step.path] = X_key
        try:
            return self._run(session, method, (session.owned(X), *rest), kwargs, key, kind)
        finally:
            del session.inside[self._step.path]

    def _key_of_input(self, session: Session, X: Any) -> str | None:
        """Key of the input; that of a branch of a ColumnTransformer becomes known here."""
        key = session.key_of(X)
        if key is None and self._step.columns:
            path, columns = self._step.columns
            whole = session.inside.get(path)
            if whole is not None:
                key = _joined("columns", whole, columns)
                session.know(X, key)
        return key

    def _restored(self, session: Session, entry: Entry, key: str, is_fit: bool) -> Any:
        """Result of a call that is in the store."""
        session.seconds += entry.seconds
        if is_fit:
            vars(self.transformer).update(entry.state or {})
            self._fitted = key
            session.asked += self._step.n_fits
        if entry.output is None:
            return self.transformer
        if self._step.before_shared:
            session.know(entry.output, key, stored=True)
            return entry.output
        output = same_copy(entry.output)
        session.know(output, key)
        return output

    def _run(
        self,
        session: Session,
        method: str,
        args: tuple,
        kwargs: dict[str, Any],
        key: str | None,
        kind: str | None,
    ) -> Any:
        """Run the method of the transformer; the result is stored if it has a key.

        `kind` is the key of fits with other values of the hyperparameter of the step's rule.
        """
        is_fit = method != "transform"
        X, changes = args[0], self._step.changes_input
        before = same_copy(X) if changes is None else None
        generators, n_forgotten = _global_generators(), session.n_forgotten
        start, shared_before, is_derived = time.perf_counter(), session.seconds, False
        self._is_busy = True
        try:
            whole = None if kind is None else session.store.get(kind)
            derived = None if whole is None else self._derived(whole, method, X)
            if whole is not None and derived is not None:
                output, is_derived = derived, True
                session.seconds += whole.seconds
            elif kind is not None and whole is None:
                output = self._fit_whole(session, kind, method, args, kwargs)
            else:
                output = self.real[method](*args, **kwargs)
        finally:
            self._is_busy = False
        # As if it had shared no part.
        seconds = time.perf_counter() - start + session.seconds - shared_before
        if is_fit and not self._step.parts:
            session.asked += 1
            session.made += not is_derived
        why_not = ""
        if changes is None and (before is None or not is_equal(X, before)):
            changes, why_not = True, "it changes its input, or may change it"
        if changes:
            session.forget()
        elif key and _global_generators() != generators:
            why_not = "it draws from a global random generator"
        elif key and session.n_forgotten == n_forgotten:
            output, why_not = self._stored(session, method, output, X, key, seconds)
        if why_not:
            session.why_not[self._step.path] = why_not
        return output

    @property
    def _state(self) -> dict[str, Any]:
        """Attributes of the transformer, its parameters included."""
        attributes = vars(self.transformer).items()
        return {name: value for name, value in attributes if name not in _NOT_STATE}

    def _fit_whole(
        self, session: Session, kind: str, method: str, args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        """Fit with the value that answers for the others, store it, and return the own output."""
        rule, own, generators = self._step.rule, self._state, _global_generators()
        assert rule is not None
        longest = rule.longest([own[rule.name]])
        setattr(self.transformer, rule.name, longest)
        start = time.perf_counter()
        output = self.real[method](*args, **kwargs)
        seconds = time.perf_counter() - start
        kept = same_copy(output) if rule.transformed and method != "fit" else None
        whole = Entry(self._state, kept, seconds)
        if _global_generators() == generators:
            session.store.put(kind, whole, whole.size(args[0]))
        if longest is own[rule.name]:
            return output
        setattr(self.transformer, rule.name, own[rule.name])
        derived = self._derived(whole, method, args[0])
        if derived is None:
            self._reset(own)
            return self.real[method](*args, **kwargs)
        return derived

    def _derived(self, whole: Entry, method: str, X: Any) -> Any:
        """Output for the own value from another fit, whose state the transformer gets, or None."""
        rule, own = self._step.rule, self._state
        assert rule is not None
        if rule.transformed and method != "fit" and whole.output is None:
            return None
        value = own[rule.name]
        vars(self.transformer).update(whole.state or {})
        derived = rule.derive(self.transformer, value)
        if derived is None:
            self._reset(own)
            return None
        self._reset({n: v for n, v in vars(derived).items() if n not in _NOT_STATE})
        if method == "fit":
            return self.transformer
        output = None
        if rule.transformed is not None:
            output = same_copy(rule.transformed(self.transformer, whole.output))
        return self.real["transform"](X) if output is None else output

    def _reset(self, state: Mapping[str, Any]) -> None:
        """Set all attributes of the transformer."""
        for name in self._state.keys() - state.keys():
            delattr(self.transformer, name)
        vars(self.transformer).update(state)

    def _stored(
        self, session: Session, method: str, output: Any, X: Any, key: str, seconds: float
    ) -> tuple[Any, str]:
        """Store the result of a call; return the output, and the reason if it was not stored."""
        state = copy = None
        if method != "transform":
            state = self._state
        if method != "fit":
            if may_alias(output, X):
                return output, "its output may be a view of its input"
            copy = same_copy(output)
            if copy is None:
                return output, f"its output, {type(output).__name__}, cannot be copied exactly"
            # The next step may change its input, which must not be an attribute that is kept.
            if any(may_alias(output, value) for value in (state or {}).values()):
                output = same_copy(copy)
            session.know(output, key)
        if state is not None:
            self._fitted = key
        entry = Entry(state, copy, seconds)
        if not session.store.put(key, entry, entry.size(X)):
            return output, "it takes more memory than reuse allows"
        return output, ""


class _Method:
    """A method of a transformer, as an attribute of its instance; a copy is the plain method."""

    is_interception = True  # it is not written to disk

    def __init__(self, owner: _Interceptor, name: str):
        self._owner = owner
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._name == _CLONE:
            return self._owner.clone()
        return self._owner.call(self._name, args, kwargs)

    def __reduce__(self) -> tuple:
        return _plain, (self._owner.transformer, self._name)


def _plain(transformer: Any, name: str) -> Callable[..., Any]:
    return functools.partial(getattr(type(transformer), name), transformer)


def _global_generators() -> tuple:
    """States of the global generators of NumPy and Python."""
    _, numbers, *position = np.random.get_state(legacy=True)
    return bytes(numbers), *position, random.getstate()  # type: ignore[arg-type]
