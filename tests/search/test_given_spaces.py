"""Searches without a search space, and with default ranges for single hyperparameters."""

import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, SearchCV
from skhyper.exceptions import InvalidSpaceError
from skhyper.search._given_spaces import given_spaces
from skhyper.space import Space, When, default_space

X, y = load_iris(return_X_y=True)
PIPELINE = make_pipeline(StandardScaler(), SVC())


@pytest.mark.parametrize("cls", [BayesSearchCV, SearchCV])
def test_without_a_space_the_default_one_is_searched(cls):
    search = cls(PIPELINE, n_iter=4, cv=3, random_state=0).fit(X, y)
    space = default_space(PIPELINE, X, y)
    assert list(search.space_.names) == list(space) == ["svc__C", "svc__gamma"]
    given = cls(PIPELINE, space, n_iter=4, cv=3, random_state=0).fit(X, y)
    assert search.cv_results_["params"] == given.cv_results_["params"]
    assert search.get_params()["search_spaces"] is None


def test_a_search_by_gradients_leaves_out_what_has_no_derivative():
    pipeline = make_pipeline(PCA(), LogisticRegression())
    assert "pca__n_components" in default_space(pipeline, X, y)
    search = GradientSearchCV(pipeline, n_iter=4, cv=3).fit(X, y)
    assert search.space_.names == ("logisticregression__C",)
    kernel = GradientSearchCV(KernelRidge(), n_iter=3, cv=3).fit(X, y)
    assert kernel.space_.names == ("alpha",)  # gamma would need another kernel
    rbf = GradientSearchCV(KernelRidge(kernel="rbf"), n_iter=3, cv=3).fit(X, y)
    assert set(rbf.space_.names) == {"alpha", "gamma"}


def test_no_default_space_is_an_error_that_says_what_to_write():
    with pytest.raises(InvalidSpaceError, match=r"no default space for LinearRegression\(\): give"):
        BayesSearchCV(LinearRegression()).fit(X, y)
    with pytest.raises(InvalidSpaceError, match=r"such as \{'fit_intercept': \[True, False\]\}"):
        SearchCV(LinearRegression()).fit(X, y)
    with pytest.raises(InvalidSpaceError, match=r"such as \{'alpha': \(1e-3, 1e3, 'log-uniform'"):
        SearchCV(QuantileRegressor()).fit(X, y)
    with pytest.raises(InvalidSpaceError, match="GaussianNB has no hypergradient"):
        GradientSearchCV(GaussianNB()).fit(X, y)


def test_auto_is_the_default_range_of_one_hyperparameter():
    full = Space(default_space(PIPELINE, X, y))
    spaces = {"svc__C": (1.0, 10.0), "svc__gamma": "auto"}
    search = BayesSearchCV(PIPELINE, spaces, n_iter=3, cv=3, random_state=0).fit(X, y)
    assert search.space_.names == ("svc__C", "svc__gamma")
    assert repr(search.space_.dimensions[1]) == repr(full.dimensions[1])
    assert spaces["svc__gamma"] == "auto"
    alone = GradientSearchCV(Ridge(), {"alpha": "auto"}, n_iter=3).fit(X, y)
    assert repr(alone.space_) == repr(Space(default_space(Ridge())))


def test_auto_in_sub_spaces_is_of_the_step_that_they_choose():
    swapped = [
        ({"svc": [SVC()], "svc__gamma": "auto"}, 3),
        {"svc": [LogisticRegression()], "svc__C": "auto"},
    ]
    first, second = given_spaces(swapped, PIPELINE, X, y)
    assert first[0]["svc__gamma"] == default_space(PIPELINE, X, y)["svc__gamma"]
    assert first[1] == 3
    assert second["svc__C"] == default_space(LogisticRegression())["C"]


def test_auto_under_conditions():
    plain = given_spaces({"gamma": "auto"}, KernelRidge(kernel="rbf"), X, y)
    assert isinstance(plain["gamma"], tuple)
    spaces = {"kernel": ["linear", "rbf"], "gamma": "auto", "alpha": When("auto", kernel="rbf")}
    both = given_spaces(spaces, KernelRidge(), X, y)
    assert both["gamma"].conditions == {"kernel": ["rbf"]}
    assert both["alpha"].values == default_space(KernelRidge())["alpha"]
    assert both["alpha"].conditions == {"kernel": "rbf"}
    without = given_spaces({"gamma": "auto"}, KernelRidge(), X, y)
    assert isinstance(without["gamma"], tuple)


def test_auto_where_there_is_no_default_range():
    with pytest.raises(InvalidSpaceError, match="'svc__degree': there is no default range; give"):
        BayesSearchCV(PIPELINE, {"svc__degree": "auto"}).fit(X, y)


def test_the_number_of_trials_is_known_before_fit():
    assert BayesSearchCV(PIPELINE, n_iter=7).total_iterations == 7


def test_none_in_a_list_of_spaces_is_refused():
    with pytest.raises(InvalidSpaceError, match="None"):
        BayesSearchCV(PIPELINE, [{"svc__C": "auto"}, None]).fit(X, y)
