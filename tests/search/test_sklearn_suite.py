"""scikit-learn's own ``test_search.py`` with our classes substituted.

Every case that is left out is listed here with its reason.
"""

import pytest
from search.sklearn_suite import cases_of, load_suite

pytestmark = [
    # scikit-learn's tests provoke warnings on purpose and do not always catch them.
    pytest.mark.filterwarnings("ignore"),
]

LISTED = "from skhyper import GridSearchCV, RandomizedSearchCV"
BAYES = "from search.bayes_like import GridSearchCV, RandomizedSearchCV"
# Never a whole grid: trials are proposed one by one, whatever the size of the space.
SEQUENTIAL = """
from search.bayes_like import SequentialGridSearchCV as GridSearchCV
from search.bayes_like import SequentialRandomizedSearchCV as RandomizedSearchCV
"""

TWICE = "asserts that a choice that is written twice is tried twice"
EXCLUDED_BAYES = {
    "test_unsupported_sample_weight_scorer": "gives a metric as scoring, which is refused",
    "test_grid_search_bad_param_grid": "asserts the wording of ParameterGrid's errors",
    "test_search_with_2d_array": "asserts which settings one seed of ParameterSampler draws",
    "test_grid_search_classifier_all_fits_fail": TWICE,
    "test_callable_multimetric_clf_all_fits_fail": TWICE,
    "test_grid_search_cv_splits_consistency": TWICE,
}
IN_ORDER = "asserts results in the order of ParameterGrid"
OF_METRICS = "asserts that searches that optimize different metrics try the same candidates"
EXCLUDED_SEQUENTIAL = {
    **EXCLUDED_BAYES,
    "test_grid_search": IN_ORDER,
    "test_grid_search_pipeline_steps": IN_ORDER,
    "test_grid_search_when_param_grid_includes_range": IN_ORDER,
    "test_refit_callable": IN_ORDER,
    "test_refit_callable_multi_metric": IN_ORDER,
    "test_search_cv_timing": IN_ORDER,
    "test_search_default_iid": IN_ORDER,
    "test_search_cv_results_rank_tie_breaking": IN_ORDER,
    "test_search_cv_results_none_param": IN_ORDER,
    "test_grid_search_correct_score_results": IN_ORDER,
    "test_grid_search_failing_classifier": IN_ORDER,
    "test_custom_run_search": IN_ORDER,
    "test_random_search_cv_results_multimetric": OF_METRICS,
    "test_grid_search_cv_results_multimetric": OF_METRICS,
    "test_callable_multimetric_error_failing_clf": IN_ORDER,
}


def _suite(name, substitutes, excluded=()):
    """A namespace class of the cases, as pytest collects them."""
    cases = cases_of(load_suite(f"sklearn_suite_{name}", substitutes))
    newer = {"test_unsupported_sample_weight_scorer"}  # than the oldest scikit-learn
    unknown = set(excluded) - set(cases) - newer
    assert not unknown, f"excluded, but not in scikit-learn's tests: {unknown}"
    cases["test_search_with_2d_array"] = pytest.mark.slow(cases["test_search_with_2d_array"])
    return {k: staticmethod(case) for k, case in cases.items() if k not in excluded}


def _slow_suite(*args):
    return {"pytestmark": pytest.mark.slow, **_suite(*args)}


TestListed = type("TestListed", (), _suite("listed", LISTED))
TestBayes = type("TestBayes", (), _slow_suite("bayes", BAYES, EXCLUDED_BAYES))
TestSequential = type(
    "TestSequential", (), _slow_suite("sequential", SEQUENTIAL, EXCLUDED_SEQUENTIAL)
)
