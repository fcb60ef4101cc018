"""Size and scale of the data that reach a part of an estimator."""

import numpy as np
import pytest
from contracts.naming import short
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Lasso, Ridge
from sklearn.multiclass import OneVsOneClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, SVR

from skhyper.space import Space, default_space
from skhyper.space._default_data import Data

X, y = make_regression(80, 6, random_state=0)
X = 30 * X + 7


def gamma_for(Z):
    """scikit-learn's "scale"."""
    return 1 / (Z.shape[1] * Z.var())


def middle(spec):
    """The range of gamma is from 1e-3 to 1e2 times that."""
    return np.sqrt(spec[0] * spec[1] * 10)


def test_of_sparse_and_of_dense_data_the_same_is_known():
    dense, scarce = Data.from_data(X, y), Data.from_data(sparse.csr_matrix(X), y)
    for name in ("n", "p", "variance", "y_std", "alpha_max"):
        assert getattr(scarce, name) == pytest.approx(getattr(dense, name), rel=1e-9)
    assert dense.variance == pytest.approx(X.var())
    assert not Lasso(alpha=1.01 * dense.alpha_max).fit(X, y).coef_.any()


def test_nothing_is_known_of_no_data_and_only_the_number_of_texts():
    assert Data.from_data(None, None) == Data()
    texts = Data.from_data(["a", "b"], None)
    assert (texts.n, texts.p, texts.variance) == (2, None, None)


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler()],
        [StandardScaler(), PCA(3)],
        ["passthrough", PolynomialFeatures(2), None, StandardScaler()],
        [FunctionTransformer(np.abs)],
        [StandardScaler(), SelectKBest(f_regression, k=3)],
    ],
    ids=short,
)
def test_what_reaches_a_step_is_what_the_transformers_before_it_give(steps):
    Z = make_pipeline(*steps).fit_transform(X, y)
    space = default_space(make_pipeline(*steps, SVR()), X, y)
    assert middle(space["svr__gamma"]) == pytest.approx(gamma_for(Z), rel=0.05)


def test_the_texts_of_a_vectorizer():
    texts = [f"word{i % 7} word{i % 5} and more{i % 3}" for i in range(60)]
    Z = TfidfVectorizer().fit_transform(texts).toarray()
    space = default_space(make_pipeline(TfidfVectorizer(), SVC()), texts, [0, 1] * 30)
    assert middle(space["svc__gamma"]) == pytest.approx(gamma_for(Z), rel=0.05)


def test_the_columns_of_a_column_transformer():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef")).assign(kind=["u", "v"] * 40)
    one_hot, number = OneHotEncoder(), make_pipeline(StandardScaler(), SVR())
    transformer = ColumnTransformer([("number", number, ["a", "b"]), ("kind", one_hot, ["kind"])])
    space = default_space(transformer, frame, y)
    assert middle(space["number__svr__gamma"]) == pytest.approx(1 / 2, rel=0.05)


@pytest.mark.parametrize(
    ("composition", "name"),
    [
        (VotingRegressor([("svr", SVR())]), "svr__gamma"),
        (StackingRegressor([("svr", SVR())]), "svr__gamma"),
        (BaggingRegressor(SVR()), "estimator__gamma"),
        (TransformedTargetRegressor(SVR()), "regressor__gamma"),
    ],
    ids=short,
)
def test_compositions_fit_their_parts_to_the_same_data(composition, name):
    assert middle(default_space(composition, X, y)[name]) == pytest.approx(gamma_for(X), rel=0.05)


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({}, y),
        ({"func": np.arcsinh, "inverse_func": np.sinh}, np.arcsinh(y)),
        ({"transformer": MinMaxScaler()}, (y - y.min()) / np.ptp(y)),
    ],
)
def test_scales_are_those_of_the_transformed_target(options, target):
    svr, lasso = (TransformedTargetRegressor(model, **options) for model in (SVR(), Lasso()))
    epsilon = default_space(svr, X, y)["regressor__epsilon"]
    assert epsilon[1] == pytest.approx(target.std(), rel=0.05)
    top = np.abs(X.T @ (target - target.mean())).max() / len(y)
    assert default_space(lasso, X, y)["regressor__alpha"][1] == pytest.approx(top, rel=0.05)


@pytest.mark.parametrize("func", [lambda y: y + 1, lambda y: y["no such column"]])
def test_a_function_of_a_user_is_not_called_for_a_default_range(func):
    changed = TransformedTargetRegressor(SVR(), func=func, inverse_func=func)
    assert default_space(changed, X, y)["regressor__epsilon"] == (1e-3, 1.0, "log-uniform")


def test_a_final_estimator_is_fitted_to_predictions():
    models = [("ridge", Ridge()), ("lasso", Lasso())]
    stacked = StackingRegressor(models, final_estimator=SVR(), cv=3).fit(X, y)
    Z = stacked.transform(X)
    space = default_space(StackingRegressor(models, SVR()), X, y)
    assert middle(space["final_estimator__gamma"]) == pytest.approx(gamma_for(Z), rel=0.2)
    top = default_space(StackingRegressor(models, Lasso()), X, y)["final_estimator__alpha"][1]
    assert not Lasso(alpha=1.5 * top).fit(Z, y).coef_.any()
    assert Lasso(alpha=top / 2).fit(Z, y).coef_.any()
    classes = StackingClassifier([("svc", SVC())], final_estimator=SVC())
    space = default_space(classes, X, (y > 0).astype(int))
    assert space["final_estimator__gamma"] == (1e-4, 10.0, "log-uniform")


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_a_final_estimator_is_fitted_to_the_features_too_if_they_are_passed_through(container):
    models = [("ridge", Ridge()), ("none", "drop"), ("lasso", Lasso())]
    stacked = StackingRegressor(models, SVR(), passthrough=True)
    scale = default_space(stacked, container(X), y)["final_estimator__gamma"]
    Z = stacked.fit(X, y).transform(X)
    assert middle(scale) == pytest.approx(gamma_for(Z), rel=0.2)
    best = StackingRegressor(models, SelectKBest(f_regression), passthrough=True)
    assert default_space(best, container(X), y)["final_estimator__k"][1] == Z.shape[1] == 8
    classes = StackingClassifier([("svc", SVC())], SVC(), passthrough=True)
    space = default_space(classes, container(X), (y > 0).astype(str))
    assert middle(space["final_estimator__gamma"]) == pytest.approx(gamma_for(X), rel=0.05)
    unknown = default_space(stacked, [["a"], ["b"]] * 10, [1.0, 2.0] * 10)
    assert unknown["final_estimator__gamma"] == (1e-4, 10.0, "log-uniform")


class Counts(TransformerMixin, BaseEstimator):
    n_fits = 0

    def fit(self, X, y=None):
        Counts.n_fits += 1
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize(
    "step", [Counts(), FunctionTransformer(lambda X: X)], ids=["own", "lambda"]
)
def test_code_of_the_user_is_not_run(step):
    space = default_space(make_pipeline(step, SVR()), X, y)
    assert space["svr__gamma"] == (1e-4, 10.0, "log-uniform")
    assert Counts.n_fits == 0


def test_it_does_not_warn_of_few_rows():
    many = np.random.default_rng(0).normal(size=(1200, 3))
    step = QuantileTransformer(random_state=0)  # 1000 quantiles, of 500 rows
    space = default_space(make_pipeline(step, SVR()), many, many[:, 0])
    assert middle(space["svr__gamma"]) == pytest.approx(
        gamma_for(step.fit_transform(many)), rel=0.1
    )


def test_a_transformer_that_cannot_be_fitted_is_no_error_here():
    space = default_space(make_pipeline(PCA(100), Ridge()), X, y)
    assert set(space) == {"ridge__alpha"}


def test_the_given_estimator_is_not_fitted():
    pipeline = make_pipeline(StandardScaler(), SVR())
    default_space(pipeline, X, y)
    assert not hasattr(pipeline[0], "mean_")


@pytest.mark.parametrize(
    "y",
    [y[:, None], np.column_stack([y, y]), np.column_stack([y, -y]).tolist()],
    ids=["column", "two", "list"],
)
def test_several_targets_have_a_scale(y):
    data = Data.from_data(X, y)
    assert data.y_std == pytest.approx(np.std(np.asarray(y)[:, 0]))
    assert not Lasso(alpha=1.01 * data.alpha_max).fit(X, y).coef_.any()


def test_a_strategy_for_several_targets_fits_its_parts_to_the_same_features():
    targets = np.column_stack([y, y])
    several = default_space(MultiOutputRegressor(SVR()), X, targets)
    alone = default_space(SVR(), X, y)
    assert several == {f"estimator__{name}": spec for name, spec in alone.items()}
    labels = np.column_stack([y > 0, y > 1]).astype(int)
    for chain in (ClassifierChain(SVC()), MultiOutputClassifier(SVC())):
        names = [name for name in default_space(chain, X, labels) if name.endswith("gamma")]
        assert middle(default_space(chain, X, labels)[names[0]]) == pytest.approx(
            gamma_for(X), 0.05
        )


def test_parts_that_see_some_of_the_samples_only():
    many = np.random.default_rng(0).normal(size=(900, 3))
    classes = np.arange(900) % 9  # two of them have 200 samples
    pairs = OneVsOneClassifier(make_pipeline(StandardScaler(), KNeighborsClassifier()))
    name = "estimator__kneighborsclassifier__n_neighbors"
    assert default_space(pairs, many, classes.astype(str))[name][1] == 200 // 3
    assert default_space(pairs, many)[name] == default_space(pairs)[name]
    labeled = np.where(classes < 1, 1, -1)
    space = default_space(SelfTrainingClassifier(KNeighborsClassifier()), many, labeled)
    assert space["estimator__n_neighbors"][1] == 100 // 3
    texts = np.array(["a", "b"])[classes % 2]  # none is -1
    space = default_space(SelfTrainingClassifier(KNeighborsClassifier()), many, texts)
    assert space == default_space(SelfTrainingClassifier(KNeighborsClassifier()), many, classes)
    rare = np.repeat([0, 1, 2], [2, 2, 896])  # four samples have no other number of neighbors
    assert name not in default_space(pairs, many, rare)


@pytest.mark.parametrize("scale", [1e150, 1e300, 1e-200])
def test_a_scale_that_overflows_is_unknown(scale):
    data = Data.from_data(scale * X, scale * y)
    for value in (data.variance, data.y_std, data.alpha_max):
        assert value is None or np.isfinite(value)
    for cls in (SVR, Lasso):
        Space(default_space(cls(), scale * X, scale * y))
    assert Data.from_data(X + 1j, y + 1j).variance is None
