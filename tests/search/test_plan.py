"""Plans are values."""

from dataclasses import FrozenInstanceError, replace

import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper._trial import History, StopReason
from skhyper.evaluation import ListedCandidates, SampledCandidates
from skhyper.search._plan import Plan
from skhyper.search._task import make_task

RANGE = {"alpha": (1e-3, 1e3, "log-uniform")}


@pytest.mark.parametrize(
    ("search", "kind"),
    [
        (GridSearchCV(Ridge(), {"alpha": [1, 2]}), ListedCandidates),
        (RandomizedSearchCV(Ridge(), {"alpha": [1, 2]}, n_iter=2), ListedCandidates),
        (SearchCV(Ridge(), sampler=[{"alpha": 1}]), ListedCandidates),
        (SearchCV(Ridge(), RANGE, n_iter=3), SampledCandidates),
        (BayesSearchCV(Ridge(), RANGE, n_iter=3), SampledCandidates),
        (GradientSearchCV(Ridge(), RANGE, n_iter=3), SampledCandidates),
    ],
)
def test_a_plan_leaves_the_search_as_it_is(search, kind):
    X, y = load_diabetes(return_X_y=True)
    before = dict(vars(search))
    plan = search._plan(make_task(search, X, y, {}))
    assert isinstance(plan.candidates, kind)
    assert vars(search) == before
    with pytest.raises(FrozenInstanceError, match="seed"):
        plan.seed = 1


def test_defaults_add_nothing():
    plan = Plan(ListedCandidates([{}], "all"), None)
    history = History()
    assert (plan.history, plan.warm_start, plan.journal) == (None, False, None)
    assert plan.wrap_objective(history) is history
    assert plan.selection_losses(history) is None
    assert list(plan.findings(history, StopReason("done"))) == []
    assert plan.attributes_after() == {}


def test_what_a_plan_adds_is_used():
    """A racer aside: losses to select by, and attributes before and after."""
    X, y = load_iris(return_X_y=True)
    search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 1e-3}], cv=2)
    plan = search._plan
    search._plan = lambda task: replace(
        plan(task),
        selection_losses=lambda history: -history.losses,
        attributes={"before_": 1},
        attributes_after=lambda: {"after_": 2},
    )
    search.fit(X, y)
    assert search.best_params_ == {"C": 1e-3}
    assert list(search.cv_results_["penalized_loss"]) == list(-search.history_.losses)
    assert (search.before_, search.after_) == (1, 2)
