"""Which fitted attributes are parameters."""

import numpy as np
import pytest
from contracts.naming import short
from inspection.all_estimators import construct, fit
from scipy import sparse
from sklearn.base import BaseEstimator

from skhyper.inspection._attributes import (
    _BY_CLASS,
    _CHOICES,
    _DATA,
    _MEANINGS,
    _OTHERS,
    KINDS,
    attributes,
    kind_of,
    meaning_of,
)

# By hand, from what predict or transform of each class reads.
LEARNED = {
    "ARDRegression": "alpha_ coef_ intercept_ lambda_ sigma_",
    "AdaBoostClassifier": "estimator_weights_",
    "AgglomerativeClustering": "",
    "BayesianRidge": "alpha_ coef_ intercept_ lambda_ sigma_",
    "CCA": "coef_ intercept_ x_rotations_ y_rotations_",
    "DBSCAN": "",
    "EmpiricalCovariance": "covariance_ location_",
    "FactorAnalysis": "components_ mean_ noise_variance_",
    "FastICA": "components_ mean_",
    "FeatureAgglomeration": "labels_",
    "GaussianMixture": "covariances_ means_ weights_",
    "GaussianNB": "class_prior_ theta_ var_",
    "GaussianProcessRegressor": "alpha_",
    "GridSearchCV": "",
    "HistGradientBoostingRegressor": "_baseline_prediction _predictors",
    "IncrementalPCA": "components_ mean_",
    "IsotonicRegression": "X_thresholds_ y_thresholds_",
    "KMeans": "cluster_centers_",
    "KNeighborsClassifier": "",
    "KernelDensity": "",
    "KernelPCA": "eigenvalues_ eigenvectors_",
    "KernelRidge": "dual_coef_",
    "LabelEncoder": "classes_",
    "LassoCV": "coef_ intercept_",
    "LinearDiscriminantAnalysis": "coef_ intercept_ scalings_ xbar_",
    "LogisticRegression": "coef_ intercept_",
    "LogisticRegressionCV": "coef_ intercept_",
    "MinCovDet": "covariance_ location_",
    "MinMaxScaler": "min_ scale_",
    "MLPRegressor": "coefs_ intercepts_",
    "MultinomialNB": "class_log_prior_ feature_log_prob_",
    "NearestCentroid": "centroids_ class_prior_",
    "Nystroem": "components_ normalization_",
    "OneClassSVM": "dual_coef_ intercept_ support_vectors_",
    "PCA": "components_ mean_",
    "PLSSVD": "x_weights_ y_weights_",
    "PowerTransformer": "lambdas_",
    "QuadraticDiscriminantAnalysis": "means_ priors_ rotations_ scalings_",
    "QuantileTransformer": "quantiles_",
    "RANSACRegressor": "",
    "RFE": "support_",
    "RidgeCV": "coef_ intercept_",
    "RobustScaler": "center_ scale_",
    "SVC": "dual_coef_ intercept_ support_vectors_",
    "SelectKBest": "scores_",
    "SimpleImputer": "statistics_",
    "StandardScaler": "mean_ scale_",
    "TSNE": "",
    "TfidfVectorizer": "vocabulary_",
    "VarianceThreshold": "variances_",
}
OTHER = {
    "GridSearchCV": {"best_params_": "choice"},
    "LassoCV": {"alpha_": "choice", "alphas_": "bookkeeping"},
    "LogisticRegressionCV": {"C_": "choice", "coefs_paths_": "bookkeeping"},
    "GaussianProcessRegressor": {"kernel_": "choice", "X_train_": "data"},
    "KNeighborsClassifier": {"_fit_X": "data", "_y": "data"},
    "KernelDensity": {"tree_": "data"},
    "KernelRidge": {"X_fit_": "data"},
    "DBSCAN": {"components_": "data", "labels_": "bookkeeping"},
    "KMeans": {"labels_": "bookkeeping", "n_iter_": "bookkeeping"},
}


@pytest.mark.parametrize("name", LEARNED)
def test_what_is_learned(name):
    estimator = construct(name)
    assert fit(estimator)
    found = {
        attribute: kind_of(estimator, attribute, value)
        for attribute, value in attributes(estimator)
        if not hasattr(value, "fit")
    }
    learned = sorted(attribute for attribute, kind in found.items() if kind == "parameter")
    assert [a for a in learned if a != "_bin_mapper"] == sorted(LEARNED[name].split())
    assert set(found.values()) <= set(KINDS)
    assert {a: found[a] for a in OTHER.get(name, {})} == OTHER.get(name, {})


def test_no_name_has_two_kinds():
    assert not _OTHERS & _CHOICES
    assert not _OTHERS & _DATA
    assert not _DATA & _CHOICES
    assert {kind for kinds in _BY_CLASS.values() for kind in kinds.values()} <= set(KINDS)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, "parameter"),
        (np.float32(1.5), "parameter"),
        (np.ones(3), "parameter"),
        (sparse.eye(3), "parameter"),
        ([np.ones(3), np.ones(2)], "parameter"),
        (np.array(["a", "b"]), "parameter"),
        (np.array([np.ones(2), np.ones(3)], dtype=object), "parameter"),
        ({"word": 3}, "parameter"),
        ("auto", "bookkeeping"),
        (True, "bookkeeping"),
        ([], "bookkeeping"),
        ({}, "bookkeeping"),
        ({"a": "b"}, "bookkeeping"),
        (np.zeros(0), "bookkeeping"),
        (object(), "bookkeeping"),
        (np.array([object()], dtype=object), "bookkeeping"),
    ],
    ids=short,
)
def test_what_a_third_party_learns(value, kind):
    assert kind_of(BaseEstimator(), "something_", value) == kind
    assert kind_of(BaseEstimator(), "n_something_", value) == "bookkeeping"


def test_attributes_do_not_touch_properties():
    class Careful(BaseEstimator):
        @property
        def feature_importances_(self):
            raise RuntimeError("computed")

    estimator = Careful()
    estimator.coef_, estimator.none_, estimator._hidden_, estimator.plain = 1.0, None, 2, 3
    assert dict(attributes(estimator)) == {"coef_": 1.0}
    assert dict(attributes(object())) == {}


def test_meanings():
    assert meaning_of(construct("LinearRegression"), "coef_") == "weight of each feature"
    assert meaning_of(construct("MLPClassifier"), "coefs_[0]") == ""
    assert meaning_of(construct("SVC"), "intercept_") == "offset of each decision"
    assert meaning_of(construct("HuberRegressor"), "scale_") == "scale of the errors"
    assert all(len(words) < 45 for words in _MEANINGS.values())
