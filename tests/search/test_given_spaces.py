"""Searches without a search space, and with default ranges for single hyperparameters."""

import ast

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, AffinityPropagation
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    QuantileRegressor,
    Ridge,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid, RadiusNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, GradientSearchCV, SearchCV
from skhyper.exceptions import InvalidSpaceError
from skhyper.search._given_spaces import given_spaces
from skhyper.search._validate import check_values
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


@pytest.mark.parametrize(
    ("estimator", "example"),
    [
        (AffinityPropagation(), {"damping": (0.6, 0.9)}),  # from 0.5 to 1
        (DBSCAN(), {"min_samples": (1, 10)}),
        (NearestCentroid(), {"metric": ["euclidean"]}),
        (make_pipeline(StandardScaler(), RadiusNeighborsClassifier()), None),
    ],
)
def test_what_the_error_says_to_write_is_a_valid_space(estimator, example):
    with pytest.raises(InvalidSpaceError, match="no default space") as caught:
        given_spaces(None, estimator)
    found = ast.literal_eval(str(caught.value).partition("such as ")[2].rstrip("."))
    assert found == (example or {"radiusneighborsclassifier__radius": (1e-3, 1e3, "log-uniform")})
    check_values(estimator, Space(found))


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


def test_auto_of_what_is_active_with_another_choice_only():
    kernels = {"svc__kernel": ["rbf", "poly"], "svc__degree": When("auto", svc__kernel="poly")}
    degree = given_spaces(kernels, PIPELINE, X, y)["svc__degree"]
    assert (degree.values, degree.conditions) == ((2, 4), {"svc__kernel": "poly"})
    linear = make_pipeline(StandardScaler(), SVC(kernel="linear"))
    both = given_spaces({"svc__kernel": ["linear", "rbf"], "svc__gamma": "auto"}, linear, X, y)
    assert both["svc__gamma"] == default_space(PIPELINE, X, y)["svc__gamma"]
    svc, tree = SVC(), DecisionTreeClassifier()
    steps = {"svc": [svc, tree], "svc__min_samples_leaf": When("auto", svc=tree)}
    found = given_spaces(steps, PIPELINE, X, y)["svc__min_samples_leaf"]
    assert found.values == default_space(tree, X, y)["min_samples_leaf"]
    wrong = {"svc__kernel": ["rbf", "pol"], "svc__degree": "auto"}
    with pytest.raises(InvalidSpaceError, match="'svc__degree': there is no default range"):
        given_spaces(wrong, PIPELINE, X, y)


def test_auto_where_there_is_no_default_range():
    with pytest.raises(InvalidSpaceError, match="'svc__degree': there is no default range; give"):
        BayesSearchCV(PIPELINE, {"svc__degree": "auto"}).fit(X, y)
    with pytest.raises(InvalidSpaceError, match="'svc__spam': there is no default range; give"):
        BayesSearchCV(PIPELINE, {"svc": [SVC(), LogisticRegression()], "svc__spam": "auto"}).fit(
            X, y
        )


def test_auto_of_a_misspelled_name():
    with pytest.raises(InvalidSpaceError, match=r"parameter 'svc__c' .* Did you mean 'svc__C'"):
        BayesSearchCV(PIPELINE, {"svc__c": "auto"}).fit(X, y)
    with pytest.raises(InvalidSpaceError, match="Invalid parameter '1' for estimator Pipeline"):
        BayesSearchCV(PIPELINE, {1: "auto"}).fit(X, y)


def test_the_number_of_trials_is_known_before_fit():
    assert BayesSearchCV(PIPELINE, n_iter=7).total_iterations == 7


def test_none_in_a_list_of_spaces_is_refused():
    with pytest.raises(InvalidSpaceError, match="None"):
        BayesSearchCV(PIPELINE, [{"svc__C": "auto"}, None]).fit(X, y)


SCALED_SVC = make_pipeline(StandardScaler(), SVC())
BOTH = [("svc", SCALED_SVC), ("tree", DecisionTreeClassifier(random_state=0))]
COLUMNS = ColumnTransformer([("pca", make_pipeline(StandardScaler(), PCA()), [0, 1, 2])])
STACKED = StackingClassifier(BOTH, LogisticRegression(), cv=2)
LOG_TARGET = TransformedTargetRegressor(Lasso(), func=np.log1p, inverse_func=np.expm1)
UNION = FeatureUnion([("k", SelectKBest(k=2))])
COMPOSITIONS = {
    "columns": (make_pipeline(COLUMNS, Ridge()), {"columntransformer__pca__pca__n_components"}),
    "union": (
        make_pipeline(FeatureUnion([("k", SelectKBest(k=2))]), Ridge()),
        {"featureunion__k__k"},
    ),
    "voting": (VotingClassifier(BOTH), {"svc__svc__gamma", "tree__min_samples_leaf"}),
    "stacking": (
        StackingClassifier(BOTH, LogisticRegression(), cv=2),
        {"svc__svc__C", "final_estimator__C"},
    ),
    "bagging": (BaggingClassifier(SCALED_SVC, 3), {"max_samples", "estimator__svc__C"}),
    "one vs rest": (OneVsRestClassifier(SCALED_SVC), {"estimator__svc__gamma"}),
    "calibrated": (CalibratedClassifierCV(SCALED_SVC, cv=2), {"estimator__svc__gamma"}),
    "target": (
        TransformedTargetRegressor(Lasso(), func=np.log1p, inverse_func=np.expm1),
        {"regressor__alpha"},
    ),
}
# Whose hypergradients are there.
DIFFERENTIABLE = {"columns": "ridge__alpha", "union": "ridge__alpha"}
DIFFERENTIABLE |= {"one vs rest": "estimator__svc__gamma"}


@pytest.mark.fast_cases(4)
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_compositions_without_a_space(name):
    estimator, expected = COMPOSITIONS[name]
    for search in (
        BayesSearchCV(estimator, n_iter=3, cv=2, random_state=0),
        SearchCV(estimator, sampler="random", n_iter=3, cv=2, random_state=0),
    ):
        search.fit(X[::2], y[::2])
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert expected <= set(search.space_.names)
    gradients = GradientSearchCV(estimator, n_iter=3, cv=2)
    if name in DIFFERENTIABLE:
        assert DIFFERENTIABLE[name] in gradients.fit(X[::2], y[::2]).space_.names
        assert not expected - {DIFFERENTIABLE[name]} & set(gradients.space_.names)
    elif name != "target":
        with pytest.raises(InvalidSpaceError, match=r"has no hypergradient.* Use BayesSearchCV"):
            gradients.fit(X[::2], y[::2])


def test_a_default_space_with_a_range_of_the_user():
    space = default_space(PIPELINE, X, y) | {"svc__C": (1, 10.0)}
    search = BayesSearchCV(PIPELINE, space, n_iter=3, cv=3, random_state=0).fit(X, y)
    assert all(1 <= params["svc__C"] <= 10 for params in search.cv_results_["params"])
