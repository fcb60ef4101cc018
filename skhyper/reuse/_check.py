"""Check of a rule for shared fits by comparison with separate fits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skhyper.reuse._rules import SharedFit, shared_fit
from skhyper.reuse._training_data import TrainingData, recorded_training_data

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


def check_shared_fit(
    estimator: Any,
    X: Any,
    y: Any,
    values: Sequence[Any],
    *,
    fit_params: Mapping[str, Any] | None = None,
    X_test: Any = None,
    name: str | None = None,
) -> SharedFit:
    """Compare estimators derived from one fit with separate fits.

    Compared are all of ``predict``, ``predict_proba``, ``predict_log_proba``,
    ``decision_function``, ``transform`` and ``score`` that the estimator has.

    Parameters
    ----------
    estimator : estimator
        An estimator with a rule, such as a pipeline whose last step has one.
    X, y : array-like
        Training data.
    values : sequence
        Values of the rule's hyperparameter.
    fit_params : dict, default=None
        Metadata for ``fit``.
    X_test : array-like, default=None
        Data to predict; X by default.
    name : str, default=None
        The hyperparameter, if the estimator has a rule for another one, too.

    Returns
    -------
    rule : SharedFit

    Raises
    ------
    AssertionError
        If a prediction differs by more than the rule's `rtol` (relative to the largest one), an
        estimator is missing, or the fitted estimator has changed.
    ValueError
        If the estimator has no rule, or the rule says why its fits cannot be shared.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import ExtraTreesClassifier
    >>> from skhyper.reuse import check_shared_fit
    >>> X, y = load_iris(return_X_y=True)
    >>> check_shared_fit(ExtraTreesClassifier(random_state=0), X, y, [1, 5, 20]).name
    'n_estimators'
    """
    rule = shared_fit(estimator)
    if rule is not None and name is not None:
        rule = rule.along([name])
    if rule is None or rule.why_not:
        why = "it has no rule" if rule is None else rule.why_not
        raise ValueError(f"Fits of {estimator!r} are not shared: {why}.")
    refused = [value for value in values if not rule.accepts(value)]
    if refused:
        raise ValueError(f"{rule.name}={refused[0]!r} cannot be derived from another fit.")
    data = (X,) if y is None else (X, y)
    X_test = X if X_test is None else X_test

    def fitted(value: Any) -> Any:
        model = clone(estimator).set_params(**{rule.name: value})
        return model.fit(*data, **(fit_params or {}))

    longest = rule.longest(list(values))
    whole = clone(estimator).set_params(**{rule.name: longest})
    with recorded_training_data(whole, rule) as recorded:
        whole.fit(*data, **(fit_params or {}))
    before = _outputs(whole, X_test, data)
    plain = {value: _outputs(fitted(value), X_test, data) for value in values}
    scales = {name: max(_largest(outputs[name]) for outputs in plain.values()) for name in before}
    missing = dict.fromkeys(values)
    for value, derived in _derived(rule, whole, values, recorded[-1]):
        where = f"{rule.name}={value!r} derived from {rule.name}={longest!r}"
        if derived is not None:
            missing.pop(value, None)
            _compare(_outputs(derived, X_test, data), plain[value], rule, where, scales)
    assert not missing, f"{rule.name}={[*missing]!r} not derived from {rule.name}={longest!r}"
    exact = replace(rule, rtol=0.0)
    _compare(_outputs(whole, X_test, data), before, exact, "the estimator that was derived from")
    return rule


def _derived(
    rule: SharedFit, fitted: Any, values: Sequence[Any], data: TrainingData
) -> Iterable[tuple[Any, Any]]:
    if rule.fit_path is not None:
        return rule.fit_path(fitted, values, data)
    return ((value, rule.derive(fitted, value)) for value in values)


def _outputs(model: Any, X_test: Any, data: tuple) -> dict[str, Any]:
    with np.errstate(divide="ignore"):  # logarithms of 0
        found = {name: getattr(model, name)(X_test) for name in _METHODS if hasattr(model, name)}
    if hasattr(model, "score"):
        found["score"] = model.score(*data)
    return found


def _compare(
    found: dict[str, Any],
    expected: dict[str, Any],
    rule: SharedFit,
    where: str,
    scales: Mapping[str, float] | None = None,
) -> None:
    """Compare outputs; errors are relative to `scales`, scores may differ by twice as much."""
    assert found.keys() == expected.keys(), f"{where}: has other methods than a plain fit"
    for name, output in found.items():
        atol = rule.rtol * (scales or {}).get(name, 0.0) * (2 if name == "score" else 1)
        for one, other in zip(_arrays(output), _arrays(expected[name]), strict=True):
            message = f"{where}: {name} differs from that of a plain fit"
            if rule.rtol and one.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=0, atol=atol, err_msg=message)
            else:
                np.testing.assert_array_equal(one, other, err_msg=message)


def _largest(output: Any) -> float:
    """The largest absolute value of an output; 0 for texts."""
    arrays = [array for array in _arrays(output) if array.dtype.kind in "iuf"]
    return max((float(np.max(np.abs(array))) for array in arrays), default=0.0)


def _arrays(output: Any) -> list[np.ndarray]:
    """The output as arrays: several for several targets."""
    if sparse.issparse(output):
        return [output.toarray()]
    return [np.asarray(part) for part in (output if isinstance(output, list) else [output])]
