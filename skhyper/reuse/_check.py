"""Check of a rule for shared fits by comparison with separate fits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skhyper.reuse._rules import SharedFit, shared_fit

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


def check_shared_fit(
    estimator: Any,
    X: Any,
    y: Any,
    values: Sequence[Any],
    *,
    fit_params: Mapping[str, Any] | None = None,
    X_test: Any = None,
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

    Returns
    -------
    rule : SharedFit

    Raises
    ------
    AssertionError
        If a prediction differs by more than the rule's `rtol`, or the fitted estimator has changed.
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
    whole = fitted(longest)
    before = _outputs(whole, X_test, data)
    for value in values:
        where = f"{rule.name}={value!r} derived from {rule.name}={longest!r}"
        derived = _outputs(rule.derive(whole, value), X_test, data)
        _compare(derived, _outputs(fitted(value), X_test, data), rule, where)
    _compare(_outputs(whole, X_test, data), before, rule, "the estimator that was derived from")
    return rule


def _outputs(model: Any, X_test: Any, data: tuple) -> dict[str, Any]:
    with np.errstate(divide="ignore"):  # logarithms of 0
        found = {name: getattr(model, name)(X_test) for name in _METHODS if hasattr(model, name)}
    if hasattr(model, "score"):
        found["score"] = model.score(*data)
    return found


def _compare(found: dict[str, Any], expected: dict[str, Any], rule: SharedFit, where: str) -> None:
    assert found.keys() == expected.keys(), f"{where}: has other methods than a plain fit"
    for name, output in found.items():
        for one, other in zip(_arrays(output), _arrays(expected[name]), strict=True):
            message = f"{where}: {name} differs from that of a plain fit"
            if rule.rtol and one.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=rule.rtol, err_msg=message)
            else:
                np.testing.assert_array_equal(one, other, err_msg=message)


def _arrays(output: Any) -> list[np.ndarray]:
    """The output as arrays: several for several targets."""
    if sparse.issparse(output):
        return [output.toarray()]
    return [np.asarray(part) for part in (output if isinstance(output, list) else [output])]
