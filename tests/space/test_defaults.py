"""Default spaces: every setting that can be drawn from them can be fitted."""

import warnings

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.linear_model
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.svm
import sklearn.tree
from sklearn.base import clone, is_classifier
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingRegressor, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, SelectPercentile
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import skhyper.neural_network as networks
from skhyper import SearchCV
from skhyper._sklearn import value_error
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier
from skhyper.linear_model import BandedLogisticRegression, BandedRidge, WeightedElasticNet
from skhyper.space import Space, When, default_space
from skhyper.space._defaults import _FAMILIES, _TABLES

MODULES = [
    sklearn.linear_model,
    sklearn.svm,
    sklearn.naive_bayes,
    sklearn.neighbors,
    sklearn.tree,
    sklearn.ensemble,
]
OTHERS = [
    KernelRidge,
    GaussianProcessRegressor,
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
    MLPClassifier,
    MLPRegressor,
    KMeans,
    MiniBatchKMeans,
    GaussianMixture,
    PCA,
    SelectKBest,
    SelectPercentile,
    ARDKernelRidge,
    ARDKernelRidgeClassifier,
    BandedLogisticRegression,
    BandedRidge,
    WeightedElasticNet,
    networks.MLPClassifier,
    networks.MLPRegressor,
]
# Deprecated in scikit-learn 1.8, told apart by their own warning.
GONE = {"PassiveAggressiveClassifier", "PassiveAggressiveRegressor"}
CLASSES = [
    getattr(module, name)
    for module in MODULES
    for name in dir(module)
    if name in _TABLES and name not in GONE
] + OTHERS
# Rounds and iterations say nothing about whether a setting is valid.
SHORT = {"max_iter": 20, "n_estimators": 5}


def data_sets(kind):
    """Three tiny ones: few samples, correlated features on other scales, many features."""
    rng = np.random.RandomState(0)
    for n, p in ((40, 3), (60, 6), (50, 30)):
        if kind == "classifier":
            X, y = make_classification(
                n, p, n_informative=3, n_redundant=0, n_classes=2 + (p > 3), random_state=p
            )
        else:
            X, y = make_regression(n, p, noise=1.0, random_state=p)
        X = X if p != 6 else X + X[:, [0]] + rng.normal(size=X.shape)
        yield X, y


def shortened(estimator):
    own = estimator.get_params()
    short = {name: value for name, value in SHORT.items() if name in own}
    if "random_state" in own:
        short["random_state"] = 0
    return estimator.set_params(**short)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_setting_fits(cls):
    estimator = shortened(cls())
    rng = np.random.default_rng(0)
    for X, y in data_sets("classifier" if is_classifier(estimator) else "regressor"):
        if cls.__name__ in ("MultinomialNB", "ComplementNB", "CategoricalNB"):
            X = (X > 0).astype(int)
        if cls.__name__ in ("PoissonRegressor", "GammaRegressor", "TweedieRegressor"):
            X, y = StandardScaler().fit_transform(X), np.exp(y / np.abs(y).max())
        if cls is QuadraticDiscriminantAnalysis and X.shape[1] == 30:
            continue  # more features than samples of a class: no covariance has full rank
        if cls.__name__.startswith("SGD"):
            X = StandardScaler().fit_transform(X)
        if cls.__name__.startswith("MultiTask"):
            y = np.column_stack([y, X[:, 0]])
        if cls.__name__.startswith("Select"):
            y = (y > np.median(y)).astype(int)
        space = Space(default_space(estimator, X, y))
        for params in space.from_unit(space.sample(4, rng)):
            # What takes long is not what may fail.
            fitted = clone(estimator).set_params(**{**params, **short_of(params)})
            with np.errstate(all="ignore"):
                fitted.fit(X, y)
                if hasattr(fitted, "predict"):
                    fitted.predict(X)  # where too many neighbours are found out


def short_of(params):
    return {name: SHORT[name] for name in params if name in SHORT}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_ends_of_every_range_are_valid(cls):
    constraints = cls._parameter_constraints
    for data in ((), *data_sets("classifier" if is_classifier(cls()) else "regressor")):
        space = Space(default_space(cls(), *data)) if default_space(cls(), *data) else None
        if space is None:
            assert cls is SelectKBest  # whose k depends on the number of features
            continue
        for name, dimension in zip(space.names, space.dimensions, strict=True):
            for u in dimension.grid(3):
                error = value_error(cls(), name, dimension.from_unit(u), constraints[name])
                assert not error


def test_each_name_of_the_tables_is_a_hyperparameter():
    for cls in CLASSES:
        names = set(cls().get_params())
        # Those of other versions, and of the other library's networks, are left out by
        # default_space itself.
        assert set(_TABLES[cls.__name__]) - names <= {"l1_ratio", "learning_rate_init"}


def test_no_class_is_listed_twice():
    names = [name for names, _ in _FAMILIES for name in names.split()]
    assert len(names) == len(set(names))


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


def test_what_a_search_inside_tunes_is_left_to_it():
    assert default_space(GridSearchCV(SVC(), {"C": [1, 2]})) == {}
    pipeline = make_pipeline(PCA(), GridSearchCV(Ridge(), {"alpha": [1, 2]}))
    assert set(default_space(pipeline)) == {"pca__n_components"}


def test_a_choice_of_the_user_is_kept():
    assert set(default_space(SVC())) == {"C", "gamma"}
    assert set(default_space(SVC(kernel="linear"))) == {"C"}
    assert set(default_space(SVC(kernel="poly"))) == {"C", "gamma", "degree", "coef0"}
    elastic = default_space(SGDClassifier(penalty="elasticnet", learning_rate="constant"))
    assert "penalty" not in elastic
    assert elastic["l1_ratio"] == (0.0, 1.0)
    assert elastic["eta0"] == (1e-4, 1.0, "log-uniform")


def test_what_would_contradict_other_settings_is_left_out():
    assert "bootstrap" not in default_space(RandomForestRegressor(oob_score=True, bootstrap=True))
    assert "n_estimators" not in default_space(GradientBoostingRegressor(n_iter_no_change=5))
    assert "l1_ratio" not in default_space(LogisticRegression())
    assert "n_components" not in default_space(PCA(n_components=2))
    assert "n_components" not in default_space(PCA(svd_solver="arpack"))


def test_ranges_that_depend_on_the_data():
    X, y = make_regression(60, 5, random_state=0)
    low, high, _ = default_space(SVR(), 10 * X, y)["gamma"]
    scale = 1 / (5 * (10 * X).var())
    np.testing.assert_allclose([low, high], [1e-3 * scale, 1e2 * scale], rtol=0.05)
    assert default_space(KNeighborsClassifier(), X, y)["n_neighbors"] == (1, 20, "log-uniform")
    assert default_space(DecisionTreeRegressor(), X, y)["min_samples_leaf"][1] == 15
    assert "ccp_alpha" not in default_space(DecisionTreeRegressor())
    # At the upper end of the range of a lasso nothing is left, just below it something.
    top = default_space(Lasso(), X, y)["alpha"][1]
    assert not Lasso(alpha=1.06 * top).fit(X, y).coef_.any()
    assert Lasso(alpha=0.94 * top).fit(X, y).coef_.any()


def test_behind_a_scaler_the_scale_of_the_data_is_not_known():
    X, y = make_regression(60, 5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), SVR())
    plain = default_space(make_pipeline("passthrough", SVR()), 100 * X, y)
    assert default_space(pipeline, 100 * X, y)["svr__gamma"] == (1e-4, 10.0, "log-uniform")
    assert plain["svr__gamma"] == default_space(SVR(), 100 * X, y)["gamma"]
    assert default_space(pipeline, X, y)["svr__epsilon"][1] == pytest.approx(y.std(), rel=0.05)


def test_a_pipeline_with_a_part_that_is_no_step():
    class Odd(Pipeline):
        def __init__(self, steps, *, extra=None):
            self.extra = extra
            super().__init__(steps)

    odd = Odd([("model", Ridge())], extra=SVC())
    assert set(default_space(odd, [[1.0], [2.0]])) == {"model__alpha", "extra__C", "extra__gamma"}
    assert default_space(Pipeline([])) == {}


@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([["a"], ["b"]] * 10, [0, 1] * 10),
        (np.full((20, 2), np.nan), np.ones(20)),
        (np.zeros((20, 2)), np.zeros(20)),
        (np.zeros((20, 0)), None),
        (np.ones((4, 1)), np.arange(4.0)),
    ],
    ids=["text", "nan", "constant", "no feature", "four samples"],
)
@pytest.mark.parametrize("cls", [SVR, ElasticNet, KNeighborsClassifier, DecisionTreeRegressor])
def test_any_data_give_a_space(cls, X, y):
    space = default_space(cls(), X, y)
    assert not space or Space(space).n_dims == len(space)


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


def test_weights_of_bands_take_the_place_of_alpha():
    banded = WeightedElasticNet(bands=[0, 0, 1])
    assert set(default_space(banded)) == {"l1_weights"}
    assert set(default_space(WeightedElasticNet(l1_weights=np.ones(3)))) == {"l1_weights"}
    assert set(default_space(WeightedElasticNet())) == {"alpha"}


def test_length_scales_follow_the_scale_of_the_data():
    X = np.random.default_rng(0).normal(size=(500, 8))
    low, high, _ = default_space(ARDKernelRidge(), 10 * X, X[:, 0])["length_scales"]
    assert low == pytest.approx(0.1 * 2 * 10, rel=0.1)
    assert high == pytest.approx(100 * 2 * 10, rel=0.1)
