"""Which attributes of a fitted estimator are parameters.

In scikit-learn the names of all attributes that ``fit`` sets end with an underscore. They are of
one of these kinds:

parameter
    A number (or a split, a center, a category) that ``fit`` learned, which predictions or
    transformations need.
choice
    A hyperparameter that ``fit`` itself chose, as in ``LassoCV``.
data
    Training data that the model keeps, as its predictions need them.
bookkeeping
    Other attributes: counts, curves, scores, functions of the parameters, and results for the
    training samples only (``labels_``).

Other names, such as those of third parties, are parameters if they contain numbers.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

KINDS = ("parameter", "choice", "data", "unknown", "bookkeeping")

_DATA = set(["X_", "X_fit_", "X_train_", "y_train_", "training_data_", "_fit_X", "_y"])

_CHOICES = set(["C_", "best_params_", "best_threshold_", "kernel_", "l1_ratio_"])

_BOOKKEEPING = """
    Cs_ L_ W_sr_ X_max_ X_min_ X_offset_ X_scale_ active_ affinity_matrix_ alphas_ bandwidth_
    batch_size_ best_index_ best_loss_ best_score_ best_validation_score_ biclusters_ bound_
    breakdown_ category_count_ children_ class_count_ class_weight_ classes_
    cluster_centers_indices_ cluster_hierarchy_ coef_path_ coefs_paths_ column_labels_ columns_
    component_indices_ core_distances_ core_sample_indices_ costs_ covariance_prior_ criterion_
    cv_alphas_ cv_results_ cv_values_ data_max_ data_min_ data_range_ degrees_of_freedom_prior_
    density_ deviations_ dissimilarity_matrix_ dist_ dist_matrix_ distances_ doc_topic_prior_
    drop_idx_ dual_gap_ effective_metric_ effective_metric_params_ embedding_ eps_ epsilon_
    error_ estimator_errors_ estimators_features_ estimators_samples_ exp_dirichlet_component_
    explained_variance_ explained_variance_ratio_ f_ feature_all_ feature_count_
    feature_importances_ feature_names_ feature_names_in_ fit_status_ gamma_ h_samples_ inertia_
    inlier_mask_ inverse_components_ is_categorical_ kl_divergence_ knowledge_ labeled_iter_ labels_
    learning_rate_ log_marginal_likelihood_value_ loglike_ loss_ loss_curve_ lower_bound_
    lower_bounds_ max_abs_ max_features_ max_resources_ max_samples_ mean_precision_prior_
    mean_prior_ min_resources_ missing_values_bin_idx_ mixing_ mse_path_
    negative_outlier_factor_ noise_variance_ oob_decision_function_ oob_improvement_
    oob_prediction_ oob_score_ oob_scores_ order_ ordering_ outlier_label_ outliers_
    output_indices_ pairwise_indices_ precision_ precisions_ precisions_cholesky_ predecessor_
    probabilities_ pvalues_ rank_ ranking_ raw_covariance_ raw_location_ raw_support_
    reachability_ reconstruction_err_ reconstruction_error_ references_ refit_time_ row_labels_
    rows_ scores_ shape_fit_ shrinkage_ singular_ singular_values_ stress_ subcluster_labels_ t_
    topic_word_prior_ train_score_ transduction_ validation_score_ validation_scores_
    weight_concentration_prior_ whitening_ within_class_std_dev_ x_loadings_ x_scores_
    x_weights_ y_loadings_ y_scores_ y_weights_
"""
_OTHERS = frozenset(_BOOKKEEPING.split())

# Exceptions by class, also for its subclasses.
_BY_CLASS = {
    "ARDRegression": {"alpha_": "parameter"},
    "BayesianRidge": {"alpha_": "parameter"},
    "ClassicalMDS": {"eigenvalues_": "bookkeeping"},
    "DBSCAN": {"components_": "data"},
    "FactorAnalysis": {"noise_variance_": "parameter"},
    "GaussianProcessRegressor": {"alpha_": "parameter"},
    "FeatureAgglomeration": {"labels_": "parameter"},
    "IncrementalPCA": {"var_": "bookkeeping"},
    "KernelDensity": {"tree_": "data"},
    "LabelBinarizer": {"classes_": "parameter"},
    "LabelEncoder": {"classes_": "parameter"},
    "LinearDiscriminantAnalysis": {
        "covariance_": "bookkeeping",
        "means_": "bookkeeping",
        "priors_": "bookkeeping",
    },
    "MinCovDet": {"support_": "bookkeeping"},
    "MultiLabelBinarizer": {"classes_": "parameter"},
    "PLSSVD": {"x_weights_": "parameter", "y_weights_": "parameter"},
    "QuadraticDiscriminantAnalysis": {"covariance_": "bookkeeping"},
    "StandardScaler": {"var_": "bookkeeping"},
    "_BaseFilter": {"scores_": "parameter"},
}
_SVMS = ("SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM")
_BY_CLASS |= {name: {"support_": "bookkeeping"} for name in _SVMS}
_BY_CLASS["OneClassSVM"] |= {"offset_": "bookkeeping"}

# Learned, but without a public name.
_PRIVATE = {"_baseline_prediction", "_bin_mapper", "_fit_X", "_predictors", "_scaler", "_y"}

_MEANINGS = {
    "C_": "chosen by fit",
    "X_thresholds_": "breakpoints of the curve",
    "_baseline_prediction": "prediction before any tree",
    "_bin_mapper": "edges of the bins",
    "_fit_X": "training samples, candidates for neighbors",
    "_y": "their targets",
    "best_params_": "chosen by the search",
    "bin_edges_": "edges of the bins",
    "categories_": "categories seen",
    "class_log_prior_": "log share of each class",
    "class_prior_": "share of each class",
    "cluster_centers_": "cluster centers",
    "coef_": "weight of each feature",
    "components_": "directions",
    "covariance_": "covariance",
    "dual_coef_": "weight of each support vector",
    "estimator_weights_": "weight of each estimator",
    "feature_log_prob_": "log share of each feature in each class",
    "intercept_": "value where all features are 0",
    "kernel_": "kernel that fit chose",
    "means_": "means",
    "mean_": "mean of each feature",
    "offset_": "threshold",
    "scale_": "scale of each feature",
    "statistics_": "what replaces missing values",
    "support_vectors_": "support vectors",
    "theta_": "mean of each feature in each class",
    "var_": "variance of each feature",
    "vocabulary_": "terms seen",
    "weights_": "weights",
}
# Other meanings by class.
_MEANINGS_BY_CLASS = {
    "GaussianMixture": {
        "weights_": "share of each component",
        "means_": "center of each component",
    },
    "HuberRegressor": {"scale_": "scale of the errors"},
    "KernelRidge": {"dual_coef_": "weight of each training sample"},
    "BaseLibSVM": {"intercept_": "offset of each decision"},
    "NMF": {"components_": "parts"},
    "LatentDirichletAllocation": {"components_": "weight of each word in each topic"},
    "KernelDensity": {"tree_": "training samples"},
    "_BinaryGaussianProcessClassifierLaplace": {"pi_": "probability of each training sample"},
    "GaussianProcessRegressor": {"alpha_": "weight of each training sample"},
}


def attributes(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of all attributes that ``fit`` has set.

    Properties are not read: some are slow or deprecated, or raise.
    """
    for name, value in getattr(estimator, "__dict__", {}).items():
        learned = name.endswith("_") and not name.startswith("_")
        if (learned or name in _PRIVATE) and value is not None:
            yield name, value


def _bases(estimator: Any) -> list[str]:
    return [cls.__name__ for cls in type(estimator).__mro__]


def kind_of(estimator: Any, name: str, value: Any) -> str:
    """One of :data:`KINDS` for an attribute without estimators."""
    for base in _bases(estimator):
        if name in _BY_CLASS.get(base, {}):
            return _BY_CLASS[base][name]
    if name in _DATA:
        return "data"
    if name in _CHOICES or (name == "alpha_" and np.ndim(value) < 2):
        return "choice"
    if name in _OTHERS or name.startswith("n_"):
        return "bookkeeping"
    return "parameter" if _holds_numbers(value) else "bookkeeping"


def _holds_numbers(value: Any) -> bool:
    """Whether it is a number, an array, a tree or words, or a collection of such."""
    if isinstance(value, bool | np.bool_ | str | bytes):
        return False
    if isinstance(value, int | float | complex | np.number) or sparse.issparse(value):
        return True
    if isinstance(value, dict):
        return bool(value) and all(isinstance(v, int | float | np.number) for v in value.values())
    if isinstance(value, np.ndarray):
        if value.dtype != object or value.ndim == 0:
            return value.size > 0
        return value.size > 0 and all(_holds_numbers(v) or isinstance(v, str) for v in value.flat)
    if isinstance(value, list | tuple):
        return bool(value) and all(_holds_numbers(v) for v in value)
    return hasattr(value, "node_count") or hasattr(value, "nodes") or hasattr(value, "tck")


def meaning_of(estimator: Any, name: str) -> str:
    """What an attribute is, in a few words; empty for unknown names."""
    name = name.partition("[")[0]
    for base in _bases(estimator):
        if name in _MEANINGS_BY_CLASS.get(base, {}):
            return _MEANINGS_BY_CLASS[base][name]
    return _MEANINGS.get(name, "")
