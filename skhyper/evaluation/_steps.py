"""Steps of a pipeline that candidates can share, identified by their parameters.

A step is shared if its output depends only on its parameters and its input. This is assumed of
estimators of other packages, unless they have a parameter ``random_state`` that is None. Whether a
fit draws from the global generators, or changes its input, is detected when it runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from skhyper._identity import digest
from skhyper._readonly import works_in_place
from skhyper.evaluation._recurrence import Recurrence
from skhyper.reuse import SharedFit, shared_fit

_GENERATORS = (np.random.RandomState, np.random.Generator)
NO_KNOWN_INPUT = "it follows a step that is not shared"
_BY_STEPS = "its steps are shared one by one"


@dataclass(frozen=True)
class Step:
    """A transformer of a pipeline, or of a composition within it.

    Attributes
    ----------
    path : str
        Its name as a hyperparameter.
    key : str
        Digest of its class and parameters; empty if it is not shared.
    why_not : str
        Why it is not shared.
    changes_input : bool or None
        Whether it changes its input; None if that is found when it runs.
    parts : dict
        From names to steps of a pipeline, or branches of a ColumnTransformer or FeatureUnion.
    columns : tuple of str
        For the first step in a branch of a ColumnTransformer: path of the latter, and digest of the
        columns that the branch selects.
    before_shared : bool
        Whether only a step that is intercepted receives its output.
    rule : SharedFit or None
        How one fit answers for several values of a hyperparameter, as those of feature selection.
    kind : str
        Digest of its class and all other parameters, if there is a `rule`.
    """

    path: str
    key: str = ""
    why_not: str = ""
    changes_input: bool | None = False
    parts: Mapping[str, "Step"] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    before_shared: bool = False
    rule: SharedFit | None = None
    kind: str = ""

    @property
    def n_fits(self) -> int:
        """Number of transformers in it that are fitted."""
        return sum(part.n_fits for part in self.parts.values()) or 1

    @property
    def is_intercepted(self) -> bool:
        """Whether its calls, or those of all that it consists of, are intercepted."""
        if self.is_pipeline:
            return next(iter(self.parts.values())).is_intercepted
        return bool(self.key) or self.changes_input is not False or self.has_keys

    @property
    def is_pipeline(self) -> bool:
        return bool(self.parts) and self.why_not == _BY_STEPS

    @property
    def output_has_key(self) -> bool:
        """Whether its output can be recognized, so that steps behind it can be shared."""
        if self.is_pipeline:
            *_, last = self.parts.values()
            return last.output_has_key
        return bool(self.key)

    @property
    def has_keys(self) -> bool:
        """Whether it or a part of it is shared."""
        return bool(self.key) or any(part.has_keys for part in self.parts.values())

    def reasons(self) -> Iterator[tuple[str, str]]:
        """Paths and reasons of all parts that are not shared."""
        if self.why_not and not self.is_pipeline:
            yield self.path, self.why_not
        for part in self.parts.values():
            yield from part.reasons()


def steps_of(pipeline: Pipeline, recurrence: Recurrence) -> dict[str, Step]:
    """The steps of a pipeline before the last one, by their names; none if they are malformed."""
    try:
        return _chain(dict(pipeline.steps[:-1]), "", [], (), True, recurrence)
    except Exception:  # noqa: BLE001  (of any parameter's; a fit says what is wrong)
        return {}


def parts_of(estimator: Any) -> dict[str, Any]:
    """Estimators, and placeholders such as "drop", of a pipeline or another composition."""
    if isinstance(estimator, Pipeline):
        return dict(estimator.steps)
    if isinstance(estimator, FeatureUnion):
        return dict(estimator.transformer_list)
    named = {name: transformer for name, transformer, _ in estimator.transformers}
    return {**named, "remainder": estimator.remainder}


def _chain(
    steps: Mapping[str, Any],
    prefix: str,
    before: Sequence[str],
    columns: tuple[str, ...],
    has_known_input: bool,
    recurrence: Recurrence,
) -> dict[str, Step]:
    """Steps of a pipeline, by their names; `before` are the paths of those before its first."""
    found: dict[str, Step] = {}
    paths = list(before)
    for name, transformer in steps.items():
        if _is_estimator(transformer):
            paths.append(prefix + name)
            found[name] = _step(transformer, paths, columns, has_known_input, recurrence)
            has_known_input = found[name].output_has_key
            columns = ()
    before_shared = False
    for name in reversed(found):
        found[name] = _with_next(found[name], before_shared)
        before_shared = found[name].is_intercepted
    return found


def _with_next(step: Step, before_shared: bool) -> Step:
    """The step, whose output is passed on to one that is intercepted, or not."""
    if step.is_pipeline:
        *_, last = step.parts
        parts = {**step.parts, last: _with_next(step.parts[last], before_shared)}
        return replace(step, parts=parts)
    return replace(step, before_shared=before_shared)


def _step(
    transformer: Any,
    paths: Sequence[str],
    columns: tuple[str, ...],
    has_known_input: bool,
    recurrence: Recurrence,
) -> Step:
    """The last of `paths` as a step; it follows the others."""
    path = paths[-1]
    if type(transformer) is Pipeline and transformer.memory is None:
        steps = dict(transformer.steps)
        before = paths[:-1]
        parts = _chain(steps, f"{path}__", before, columns, has_known_input, recurrence)
        if parts:
            return Step(path, why_not=_BY_STEPS, parts=parts)
    why_not = _why_not(transformer)
    rule = None if why_not else _rule(transformer)
    free = None if rule is None else f"{path}__{rule.name}"
    if free is not None and not recurrence.may_vary(free):
        rule = free = None  # a fit for other values may take longer
    if not why_not and not recurrence.recurs(paths, free):
        why_not = "candidates rarely agree on it and on all steps before it"
    if not why_not and not has_known_input:
        why_not = NO_KNOWN_INPUT
    parts = _branches(transformer, paths, has_known_input, recurrence)
    return Step(
        path,
        "" if why_not else _key(transformer),
        why_not,
        # Branches are observed one by one.
        False if parts else _changes_input(transformer),
        parts,
        columns,
        rule=rule,
        kind="" if rule is None else _key(clone(transformer).set_params(**{rule.name: None})),
    )


def _rule(transformer: Any) -> SharedFit | None:
    """The rule of a transformer whose fits answer for all values of a hyperparameter, if any."""
    rule = shared_fit(transformer)
    own = getattr(type(transformer), "fit_transform", None)
    if rule is not None and own is not TransformerMixin.fit_transform and not rule.transformed:
        return None  # its output may differ from that of `transform`
    if rule is None or rule.why_not or rule.rtol or not (rule.whole_range and rule.is_certain):
        return None
    if rule.transformed and _output_config(transformer) != "default":
        return None  # columns are those of arrays
    return rule if rule.accepts(getattr(transformer, rule.name, None)) else None


def _output_config(transformer: Any) -> str:
    """Container that ``fit_transform`` returns, as set by ``set_output``."""
    own: dict[str, str] = getattr(transformer, "_sklearn_output_config", {})
    return str(own.get("transform", get_config()["transform_output"]))


def _branches(
    transformer: Any, paths: Sequence[str], has_known_input: bool, recurrence: Recurrence
) -> dict[str, Step]:
    """Branches of a composition that runs in this thread; empty for other transformers."""
    if type(transformer) not in (ColumnTransformer, FeatureUnion):
        return {}
    if effective_n_jobs(transformer.n_jobs) != 1:
        return {}
    path, selected = paths[-1], dict[str, Any]()
    if type(transformer) is ColumnTransformer:
        selected = {name: chosen for name, _, chosen in transformer.transformers}
        selected["remainder"] = list(selected.values())
    found = {}
    for name, branch in parts_of(transformer).items():
        if _is_estimator(branch):
            own = (path, digest(selected[name])) if selected else ()
            branch_paths = [*paths[:-1], f"{path}__{name}"]
            found[name] = _step(branch, branch_paths, own, has_known_input, recurrence)
    return found


def _is_estimator(transformer: Any) -> bool:
    return transformer is not None and not isinstance(transformer, str)


def _key(transformer: Any) -> str:
    functions = [
        f"{value.__module__}.{value.__qualname__}"
        for value in transformer.get_params(deep=True).values()
        if isinstance(value, FunctionType)
    ]
    return digest((transformer, functions))


def _why_not(transformer: Any) -> str:
    """Why a transformer cannot be shared; empty if it can."""
    if not hasattr(transformer, "get_params") or not hasattr(transformer, "__dict__"):
        return "it has no get_params"
    if type(transformer) is Pipeline and transformer.memory is not None:
        return "it has its own memory"
    params = transformer.get_params(deep=True)
    if works_in_place(transformer):
        return "copy=False lets it change its input"
    owners = {"": transformer} | {name: v for name, v in params.items() if hasattr(v, "get_params")}
    if any(getattr(owner, "_skl_callbacks", None) for owner in owners.values()):
        return "it has callbacks"
    unseeded = False
    for name, value in params.items():
        outer, _, last = name.rpartition("__")
        state = value if last == "random_state" else getattr(value, "random_state", 0)
        if isinstance(state, _GENERATORS) or isinstance(value, _GENERATORS):
            return f"{name} is a random generator, which a fit changes"
        unseeded |= state is None
        if last == "random_state" and value is None and not _is_sklearn(owners.get(outer)):
            return f"{name} is None"
    runs_elsewhere = any(
        name.rpartition("__")[2] == "n_jobs" and value not in (None, 1)
        for name, value in params.items()
    )
    return "it has n_jobs and no seed" if unseeded and runs_elsewhere else ""


def _changes_input(transformer: Any) -> bool | None:
    if not hasattr(transformer, "get_params"):
        return None
    if works_in_place(transformer):
        return True
    nested = transformer.get_params(deep=True).values()
    kinds = [type(v) for v in (transformer, *nested) if hasattr(v, "fit")]
    known = all(_is_sklearn(kind) and not issubclass(kind, FunctionTransformer) for kind in kinds)
    return False if known else None


def _is_sklearn(owner: Any) -> bool:
    kind = owner if isinstance(owner, type) else type(owner)
    return kind.__module__.partition(".")[0] == "sklearn"
