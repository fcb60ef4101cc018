"""Requirements of hyperparameters; test_active.py checks them by fitting."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from skhyper.space import is_deprecated_default, requirements_of
from skhyper.space._requirements import _is, _is_not, _on


def test_of_an_estimator_and_of_its_bases():
    class MySVC(SVC):
        pass

    (degree,) = requirements_of(MySVC(), "degree")
    assert (degree.parent, degree.text) == ("kernel", "kernel='poly'")
    assert degree.is_met("poly")
    assert not degree.is_met("rbf")
    assert requirements_of(SVC(), "C") == requirements_of(object(), "gamma") == ()
    assert requirements_of(Ridge(), "alpha") == ()


def test_several():
    both = requirements_of(LogisticRegression(), "intercept_scaling")
    assert [r.parent for r in both] == ["solver", "fit_intercept"]


@pytest.mark.parametrize(
    ("requirement", "met", "unmet"),
    [
        (_is("a", 1, "x"), [1, "x"], [True, 1.0, "y", None, np.array([1, 1])]),
        (_is_not("a", None), [0, "none", np.zeros(2)], [None]),
        (_on("a"), [True, 1, "yes", np.zeros(2)], [False, None, "deprecated"]),
    ],
)
def test_values(requirement, met, unmet):
    """An array has no truth value: it may be active."""
    assert all(requirement.is_met(value) for value in met)
    assert not any(requirement.is_met(value) for value in unmet)


def test_the_mark_of_deprecated_hyperparameters():
    assert is_deprecated_default("deprecated")
    assert not is_deprecated_default(None)
    assert not is_deprecated_default(np.array(["deprecated"]))
