"""Default spaces of estimators and compositions."""

import warnings

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.linear_model
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.svm
import sklearn.tree
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skhyper.neural_network as networks
from skhyper import SearchCV
from skhyper.space import Space, When, default_space


def test_a_text_vectorizer_fits():
    texts = [f"word{i % 7} word{i % 5} and more{i % 3}" for i in range(60)]
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    space = Space(default_space(pipeline, texts, [0, 1] * 30))
    for params in space.from_unit(space.sample(10, np.random.default_rng(0))):
        clone(pipeline).set_params(**params).fit(texts, [0, 1] * 30)


def test_deprecated_estimators_have_one_too():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        estimator = sklearn.linear_model.PassiveAggressiveClassifier()
    assert default_space(estimator) == {"C": (1e-5, 10.0, "log-uniform")}


def test_names_are_nested():
    pipeline = Pipeline([("scale", StandardScaler()), ("pca", PCA()), ("model", SGDClassifier())])
    space = default_space(pipeline)
    assert space["pca__n_components"] == (0.5, 0.999)
    assert isinstance(space["model__l1_ratio"], When)
    assert space["model__l1_ratio"].conditions == {"model__penalty": ["elasticnet"]}
    Space(space)


def test_inside_of_a_column_transformer_and_of_an_ensemble():
    transformer = ColumnTransformer([("a", PCA(), [0, 1])])
    assert set(default_space(transformer)) == {"a__n_components"}
    boosted = AdaBoostClassifier(DecisionTreeClassifier())
    assert default_space(boosted)["estimator__max_depth"] == (1, 6)
    assert "estimator__min_samples_leaf" not in default_space(boosted)


def test_where_a_discriminant_analysis_transforms_its_solver_is_left_alone():
    lda = LinearDiscriminantAnalysis()  # with "lsqr" it cannot transform
    for used in (
        make_pipeline(lda, SVC()),
        make_pipeline(make_pipeline(StandardScaler(), lda), SVC()),
        FeatureUnion([("lda", lda)]),
        ColumnTransformer([("lda", lda, [0])]),
    ):
        assert not [name for name in default_space(used) if name.endswith(("solver", "shrinkage"))]
    alone = {"solver", "shrinkage"}
    assert set(default_space(lda)) == alone
    for predicts in (
        Pipeline([("pca", PCA()), ("lda", lda)]),
        make_pipeline(PCA(), VotingClassifier([("lda", lda)])),
        make_pipeline(SelectFromModel(lda), SVC()),
    ):
        names = default_space(predicts)
        assert {
            name.rpartition("__")[2] for name in names if "lda" in name or "estim" in name
        } == alone


def test_what_a_search_inside_tunes_is_left_to_it():
    assert default_space(GridSearchCV(SVC(), {"C": [1, 2]})) == {}
    pipeline = make_pipeline(PCA(), GridSearchCV(Ridge(), {"alpha": [1, 2]}))
    assert set(default_space(pipeline)) == {"pca__n_components"}


def test_the_inside_of_a_frozen_estimator_cannot_be_set():
    X, y = make_classification(40, 5, random_state=0)
    frozen = FrozenEstimator(PCA().fit(X))
    assert set(default_space(make_pipeline(frozen, Ridge()), X, y)) == {"ridge__alpha"}
    assert default_space(CalibratedClassifierCV(FrozenEstimator(SVC().fit(X, y))), X, y) == {}
    search = SearchCV(make_pipeline(frozen, SVC()), n_iter=3, random_state=0, cv=3).fit(X, y)
    assert search.n_trials_ == 3


def test_a_choice_of_the_user_is_kept():
    assert set(default_space(SVC())) == {"C", "gamma"}
    assert set(default_space(SVC(kernel="linear"))) == {"C"}
    assert set(default_space(SVC(kernel="poly"))) == {"C", "gamma", "degree", "coef0"}
    elastic = default_space(SGDClassifier(penalty="elasticnet", learning_rate="constant"))
    assert "penalty" not in elastic
    assert elastic["l1_ratio"] == (0.0, 1.0)
    assert elastic["eta0"] == (1e-4, 1.0, "log-uniform")


def test_a_pipeline_with_a_part_that_is_no_step():
    class Odd(Pipeline):
        def __init__(self, steps, *, extra=None):
            self.extra = extra
            super().__init__(steps)

    odd = Odd([("model", Ridge())], extra=SVC())
    assert set(default_space(odd, [[1.0], [2.0]])) == {"model__alpha", "extra__C", "extra__gamma"}
    assert default_space(Pipeline([])) == {}


def test_what_is_inactive_is_left_out_or_conditioned():
    counted = default_space(TfidfVectorizer(vocabulary=["a", "b"]))
    assert not {"min_df", "max_df"} & set(counted)
    assert set(default_space(KernelRidge(kernel="chi2"))) == {"alpha", "gamma"}
    both = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=EmpiricalCovariance())
    assert default_space(both) == {}
    gamma = default_space(KernelRidge())["gamma"]
    assert (gamma.values, gamma.conditions) == ((1e-4, 10.0, "log-uniform"), {"kernel": ["rbf"]})
    assert "p" not in default_space(KNeighborsClassifier(metric="euclidean"))


def test_a_subclass_has_the_space_of_its_base_and_a_stranger_none():
    class MyRidge(Ridge):
        pass

    class SVC:
        def get_params(self, deep=True):
            return {"C": 1}

    assert default_space(MyRidge()) == default_space(Ridge())
    assert default_space(SVC()) == {}


def test_the_tables_are_not_handed_out():
    default_space(MLPClassifier())["activation"].append("logistic")
    assert default_space(MLPClassifier())["activation"] == ["relu", "tanh"]


def test_no_estimator():
    with pytest.raises(TypeError, match="needs an estimator, an instance"):
        default_space(Ridge)
    with pytest.raises(TypeError, match="needs an estimator, an instance"):
        default_space({"alpha": 1})


def test_data_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[3, 2\]"):
        default_space(Ridge(), [[1.0], [2.0], [3.0]], [1.0, 2.0])
    assert "max_features" in default_space(RandomForestClassifier(), np.zeros((0, 2)), [])


def test_a_search_takes_it():
    X, y = make_classification(60, 5, random_state=0)
    estimator = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    space = default_space(estimator, X, y)
    search = SearchCV(estimator, space, n_iter=5, random_state=0, cv=3).fit(X, y)
    assert search.n_trials_ == 5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_of_our_networks_the_rate_is_searched_and_the_momentum_where_it_counts():
    adam, momentum = networks.MLPClassifier(), networks.MLPRegressor(optimizer="momentum")
    assert default_space(adam)["learning_rate"] == (1e-4, 1e-1, "log-uniform")
    assert "momentum" not in default_space(adam)
    assert default_space(momentum)["momentum"] == (0.5, 0.99)
    assert not {"learning_rate", "momentum"} & set(default_space(MLPClassifier()))


def test_a_small_space_is_a_part_of_the_full_one():
    for estimator in (SVC(), DecisionTreeClassifier(), KNeighborsClassifier(), SGDClassifier()):
        full, small = default_space(estimator), default_space(estimator, size="small")
        assert small
        assert all(name in full for name in small)
    assert set(default_space(KNeighborsClassifier(), size="small")) == {"n_neighbors", "weights"}
    nested = default_space(make_pipeline(PCA(), KNeighborsClassifier()), size="small")
    assert "kneighborsclassifier__p" not in nested
    with pytest.raises(ValueError, match="size must be 'full' or 'small', got 'tiny'"):
        default_space(SVC(), size="tiny")
