"""The reason why a hyperparameter is inactive."""

from collections.abc import Mapping
from typing import Any

from skhyper.space import is_deprecated_default, requirements_of


def inactive_because(estimator: Any, name: str, own: Mapping[str, Any]) -> str:
    """What a hyperparameter lacks to be active; empty if it is, or if no requirement is known.

    Parameters
    ----------
    estimator : estimator
        The one that has it.
    name : str
    own : mapping
        ``get_params(deep=False)`` of the estimator.
    """
    if is_deprecated_default(own.get(name)):
        return "deprecated"
    unmet = [
        requirement.text
        for requirement in requirements_of(estimator, name)
        if requirement.parent in own and not requirement.is_met(own[requirement.parent])
    ]
    return f"needs {' and '.join(unmet)}" if unmet else ""
