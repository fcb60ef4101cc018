"""Default search spaces of commonly used estimators.

``_default_tables`` has the hyperparameters to tune, ``_default_ranges`` the ranges that depend on
the data, and ``_requirements`` the conditions on other hyperparameters.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sklearn.utils import check_consistent_length

from skhyper.space._choices import equal
from skhyper.space._conditions import When
from skhyper.space._default_data import Data
from skhyper.space._default_ranges import LEAST_SHARE
from skhyper.space._default_sources import dependencies
from skhyper.space._default_tables import PACKAGES, WEAK_LEARNER, class_with_table, table_of
from skhyper.space._requirements import Requirement, requirements_of

# Compositions that fit their inner estimators to modified data.
_SAME_DATA = {
    "AdaBoostClassifier",
    "AdaBoostRegressor",
    "CalibratedClassifierCV",
    "ClassifierChain",
    "FeatureUnion",
    "FixedThresholdClassifier",
    "MultiOutputClassifier",
    "MultiOutputRegressor",
    "OneVsRestClassifier",
    "OutputCodeClassifier",
    "RFE",
    "RFECV",
    "RegressorChain",
    "SelectFromModel",
    "SequentialFeatureSelector",
    "StackingClassifier",
    "StackingRegressor",
    "TunedThresholdClassifierCV",
    "VotingClassifier",
    "VotingRegressor",
}
_SEARCHES = ("param_grid", "param_distributions", "search_spaces")
# Hyperparameters with choices that can predict, but not transform.
_NOT_IN_TRANSFORMERS = {"LinearDiscriminantAnalysis": {"solver"}}


def default_space(
    estimator: Any, X: Any = None, y: Any = None, *, size: str = "full"
) -> dict[str, Any]:
    """A default search space, for an estimator and all estimators inside of it.

    Parameters
    ----------
    estimator : estimator
        Fitted or not; a pipeline or another composition, too. It is not changed.
    X, y : array-like, default=None
        The training data: some ranges depend on the number of samples, or on the scale or
        correlation of the features, as they reach the part of the estimator; quick transformers of
        scikit-learn before it are fitted to 500 samples. By default features are assumed to be
        standardized.
    size : {"full", "small"}, default="full"
        "small" omits hyperparameters that hardly matter in most studies.

    Returns
    -------
    space : dict
        From (nested) names of hyperparameters to ranges, choices and conditions, for the
        searches of skhyper. Empty for unknown estimators.

    Notes
    -----
    A choice that differs from the estimator's default (``kernel="poly"``) is kept, and
    hyperparameters that are inactive with it are left out. What a search inside of the estimator
    tunes is left to that search.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> from skhyper.space import default_space
    >>> default_space(Ridge())
    {'alpha': (0.0001, 10000.0, 'log-uniform')}
    >>> default_space(make_pipeline(StandardScaler(), SVC(kernel="linear")))
    {'svc__C': (0.01, 10000.0, 'log-uniform')}
    >>> default_space(StandardScaler())
    {}
    """
    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        raise TypeError(f"default_space needs an estimator, an instance; got {estimator!r}.")
    if size not in ("full", "small"):
        raise ValueError(f"size must be 'full' or 'small', got {size!r}.")
    if X is not None:
        check_consistent_length(X, y)
    known = Data.from_data(X, y)
    space: dict[str, Any] = {}
    for prefix, part, data, table in _parts(estimator, known, size):
        for name, spec in _resolved(part, table, data).items():
            space[prefix + name] = _with_prefix(spec, prefix)
    return space


def range_sources(estimator: Any) -> dict[str, tuple[str, str]]:
    """Where each range of the default space comes from.

    Returns
    -------
    sources : dict
        From (nested) names of hyperparameters, also of those that are not searched with the
        estimator's present values, to the class whose table has it, and what its range depends on.
    """
    sources = {}
    for prefix, part, data, table in _parts(estimator, Data(), "full"):
        own = part.get_params(deep=False)
        for name, spec in table.items():
            needs = dependencies(spec, data, own) if callable(spec) else ""
            sources[prefix + name] = class_with_table(part), needs
    return sources


def _parts(
    estimator: Any, data: Data, size: str, prefix: str = "", transforms: bool = False
) -> Iterator[tuple[str, Any, Data, dict[str, Any]]]:
    """Every estimator in an estimator: its prefix, itself, its data and its table.

    `transforms` says that the estimator's ``transform`` is called.
    """
    own = estimator.get_params(deep=False)
    table = table_of(estimator, size)
    if transforms:
        left_out = _NOT_IN_TRANSFORMERS.get(class_with_table(estimator), ())
        table = {key: spec for key, spec in table.items() if key not in left_out}
    yield prefix, estimator, data, table
    if any(name in own for name in _SEARCHES):
        return
    names = _class_names(estimator)
    if "FrozenEstimator" in names:  # it lets nobody set hyperparameters
        return
    for name, part in _inside(estimator, own):
        inner = f"{prefix}{name}__"
        if names & {"AdaBoostClassifier", "AdaBoostRegressor"} and "max_depth" in table_of(part):
            yield inner, part, data, WEAK_LEARNER
        else:
            reaching = _reaching(estimator, name, data)
            yield from _parts(part, reaching, size, inner, _transforms(estimator, name, transforms))


def _inside(estimator: Any, own: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and estimators one level below, those of lists such as ``steps`` included."""
    values = estimator.get_params(deep=True)
    return [
        (name, value)
        for name, value in values.items()
        if "__" not in name and hasattr(value, "get_params") and not isinstance(value, type)
    ]


def _transforms(estimator: Any, name: str, outer: bool) -> bool:
    """Whether ``transform`` of the part `name` is called; `outer` if that of `estimator` is."""
    classes = _class_names(estimator)
    if "Pipeline" in classes:
        steps = [step for step, _ in estimator.steps]
        return name in steps and (outer or name != steps[-1])
    return bool(classes & {"FeatureUnion", "ColumnTransformer"})


def _reaching(estimator: Any, name: str, data: Data) -> Data:
    """Known properties of the data that the part `name` is fitted to."""
    classes = _class_names(estimator)
    if "Pipeline" in classes:
        steps = [step for step, _ in estimator.steps]
        if name in steps:
            return data.after([step for _, step in estimator.steps[: steps.index(name)]])
    if "ColumnTransformer" in classes and data.sample is not None:
        from sklearn.compose import ColumnTransformer  # `import skhyper` does without it

        columns = [
            (part, "passthrough", c) for part, _, c in estimator.transformers if part == name
        ]
        return data.after([ColumnTransformer(columns)]) if columns else data.unscaled()
    if "TransformedTargetRegressor" in classes:
        return data.with_target_of(estimator)
    if "OneVsOneClassifier" in classes:
        return data.of_two_classes()
    if "SelfTrainingClassifier" in classes:
        return data.labeled()
    if "BaseBagging" in classes:
        return data.part(LEAST_SHARE)
    if name == "final_estimator":
        n_models = sum(not isinstance(model, str) for _, model in estimator.estimators)  # "drop"
        is_target = "StackingRegressor" in classes
        return data.predictions(n_models, is_target, passthrough=estimator.passthrough)
    return data if classes & _SAME_DATA else Data(n=data.n)


def _class_names(estimator: Any) -> set[str]:
    """Names of its class and base classes in the packages of the tables."""
    return {
        cls.__name__
        for cls in type(estimator).__mro__
        if cls.__module__.partition(".")[0] in PACKAGES
    }


def _resolved(estimator: Any, table: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """The entries of a table for hyperparameters that this estimator has and that may be active."""
    own = estimator.get_params(deep=False)
    signature = inspect.signature(type(estimator).__init__).parameters
    space: dict[str, Any] = {}
    for name, spec in table.items():
        # CatBoost's get_params returns only explicitly set values.
        if name not in own and "CatBoost" not in type(estimator).__name__:
            continue
        spec = spec(data, own) if callable(spec) else spec
        if spec is None or (isinstance(spec, list) and _is_changed(name, own, signature)):
            continue
        conditions = _conditions(requirements_of(estimator, name), own, space)
        if conditions is not None:
            space[name] = When(spec, conditions) if conditions else spec
    return space


def _is_changed(name: str, own: Mapping[str, Any], signature: Mapping[str, Any]) -> bool:
    return name in own and name in signature and not equal(own[name], signature[name].default)


def _conditions(
    requirements: Sequence[Requirement], own: Mapping[str, Any], space: Mapping[str, Any]
) -> dict[str, list] | None:
    """From searched parents to the values that meet requirements; None if a fixed one does not."""
    conditions: dict[str, list] = {}
    for requirement in requirements:
        parent = requirement.parent
        if parent not in space:
            if parent in own and not requirement.is_met(own[parent]):
                return None
        elif isinstance(space[parent], list):
            conditions[parent] = [value for value in space[parent] if requirement.is_met(value)]
    return conditions


def _with_prefix(spec: Any, prefix: str) -> Any:
    if not isinstance(spec, When):
        return list(spec) if isinstance(spec, list) else spec
    return When(spec.values, {prefix + name: wanted for name, wanted in spec.conditions.items()})
