"""Rules for shared fits: registration, and the values that a rule accepts."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from skhyper.reuse import SharedFit, shared_fit


def test_an_estimator_without_a_rule_has_none():
    assert shared_fit(SVC()) is None
    assert shared_fit(None) is None


def test_third_parties_register_estimators_of_their_own():
    class Own(BaseEstimator):
        pass

    @shared_fit.register(Own)
    def rule(estimator):
        return SharedFit("n_steps", lambda fitted, value: fitted)

    assert shared_fit(Own()).name == "n_steps"


def test_a_subclass_of_a_forest_may_fit_in_another_way():
    class Own(RandomForestClassifier):
        pass

    assert shared_fit(Own(random_state=0)) is None


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_counts_are_accepted(value):
    assert shared_fit(RandomForestClassifier(random_state=0)).accepts(value)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "10", None])
def test_what_is_no_count_is_fitted_as_ever(value):
    assert not shared_fit(RandomForestClassifier(random_state=0)).accepts(value)


def test_rules_are_imported_with_the_estimators_only():
    code = (
        "import sys, skhyper.search, skhyper.reuse; from sklearn.svm import SVC\n"
        "assert skhyper.reuse.shared_fit(SVC()) is None\n"
        "print('sklearn.ensemble' in sys.modules, 'skhyper.reuse._ensembles' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
