"""Where search ranges come from: tables, the data, the user."""

import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV
from skhyper.inspection import inspect
from skhyper.inspection._search_ranges import default_ranges, ranges_of_searches
from skhyper.space import Space, default_space

X, y = load_wine(return_X_y=True)
PIPELINE = make_pipeline(StandardScaler(), SVC())
BY_DATA = "default for SVC, by n_features, variance of X after StandardScaler"


def of_search(search):
    return ranges_of_searches({"": search, "estimator": search.estimator})[0]


def test_a_default_range_is_from_a_table_and_the_data():
    known, unknown = default_ranges(PIPELINE, X, y), default_ranges(PIPELINE)
    assert known["svc__C"][1] == unknown["svc__C"][1] == "default for SVC"
    assert known["svc__gamma"] == (default_space(PIPELINE, X, y)["svc__gamma"], BY_DATA)
    assert unknown["svc__gamma"][1] == f"{BY_DATA} (no data given)"


def test_a_search_without_a_space_has_the_default_one():
    search = BayesSearchCV(PIPELINE, n_iter=2, cv=3, random_state=0)
    assert of_search(search)["estimator__svc__gamma"][1] == f"{BY_DATA} (no data given)"
    _, notes = ranges_of_searches({"": search})
    assert notes == dict.fromkeys(
        ["estimator__svc__C", "estimator__svc__gamma"], "searched by BayesSearchCV"
    )
    dimension, source = of_search(search.fit(X, y))["estimator__svc__gamma"]
    assert dimension is search.space_.dimensions[1]
    assert source == BY_DATA


def test_ranges_of_the_user_beside_default_ones():
    spaces = [({"svc__C": (1, 10.0), "svc__gamma": "auto"}, 2)]
    search = BayesSearchCV(PIPELINE, spaces, cv=3, random_state=0).fit(X, y)
    found = of_search(search)
    assert found["estimator__svc__C"] == ((1, 10.0), "search_spaces of BayesSearchCV")
    assert found["estimator__svc__gamma"] == (search.space_.dimensions[1], BY_DATA)


@pytest.mark.parametrize(
    ("search", "text", "param"),
    [
        (GridSearchCV(SVC(), {"C": (1, 10)}), "1, 10", "param_grid"),
        (BayesSearchCV(SVC(), {"C": (1, 10)}), "1 to 10", "search_spaces"),
        (BayesSearchCV(SVC(), Space({"C": (1, 10)})), "1 to 10", "search_spaces"),
        (RandomizedSearchCV(SVC(), {"C": loguniform(1, 10)}), "loguniform(1", "param_dist"),
    ],
    ids=["grid", "bayes", "space", "random"],
)
def test_the_table_shows_ranges_and_sources(search, text, param):
    row = next(line for line in repr(inspect(search)).splitlines() if "estimator__C" in line)
    assert text in row
    assert f"{param}" in row
    html = inspect(search)._repr_html_()
    assert "range from" in html
    assert param in html


def test_of_a_search_around_a_search():
    outer = GridSearchCV(BayesSearchCV(SVC()), {"n_iter": [3, 5]})
    found = {h.name: h for h in inspect(outer).hyperparameters}
    assert found["estimator__n_iter"].search_range == [3, 5]
    assert found["estimator__estimator__C"].range_source == "default for SVC"
