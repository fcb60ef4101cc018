"""Ranges that depend on the data or on other hyperparameters."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from skhyper.kernel import ARDKernelRidge
from skhyper.linear_model import WeightedElasticNet
from skhyper.neural_network import MLPRegressor
from skhyper.space import Space, default_space
from skhyper.space import _default_ranges as ranges
from skhyper.space._default_data import Data


def test_what_would_contradict_other_settings_is_left_out():
    assert "bootstrap" not in default_space(RandomForestRegressor(oob_score=True, bootstrap=True))
    names = set(default_space(RandomForestRegressor(max_samples=0.5)))
    assert names == {"max_features", "min_samples_leaf", "max_samples"}
    assert "n_estimators" not in default_space(GradientBoostingRegressor(n_iter_no_change=5))
    assert "l1_ratio" not in default_space(LogisticRegression())
    assert "n_components" not in default_space(PCA(n_components=2))
    assert "n_components" not in default_space(PCA(svd_solver="arpack"))


def test_a_rule_for_the_number_of_components_is_kept():
    assert default_space(PCA(n_components="mle")) == {}
    assert default_space(PCA(n_components=0.9)) == default_space(PCA())


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


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_components_of_sparse_data_are_counted(format):
    X = sparse.random(60, 30, 0.2, random_state=0, format=format)
    for pca in (PCA(), make_pipeline("passthrough", PCA())):
        ((name, spec),) = default_space(pca, X, np.arange(60.0)).items()
        assert spec == (1, 10, "log-uniform")
        for k in spec[:2]:
            clone(pca).set_params(**{name: k}).fit(X[:30])
    assert default_space(PCA(), X.toarray()) == default_space(PCA())
    assert default_space(PCA(n_components=3), X) == {}
    assert default_space(PCA(), sparse.csr_matrix((4, 2))) == {}


def test_a_range_depends_on_the_data_that_reach_the_part():
    X, y = make_regression(60, 5, random_state=0)
    plain = default_space(make_pipeline("passthrough", SVR()), 100 * X, y)
    assert plain["svr__gamma"] == default_space(SVR(), 100 * X, y)["gamma"]
    scaled = default_space(make_pipeline(StandardScaler(), SVR()), 100 * X, y)
    Z = StandardScaler().fit_transform(X)
    assert scaled["svr__gamma"] == default_space(SVR(), Z, y)["gamma"]
    assert scaled["svr__epsilon"][1] == pytest.approx(y.std(), rel=0.05)


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


@pytest.mark.parametrize(
    ("n", "leaves", "depth", "rounds"),
    [(None, 512, 10, 1000), (100, 32, 6, 500), (2000, 62, 7, 500), (100_000, 512, 10, 1000)],
)
def test_boosting_is_capped_by_the_number_of_samples(n, leaves, depth, rounds):
    data = Data(n=n)
    assert ranges.leaves(512)(data, {}) == (4, leaves, "log-uniform")
    assert ranges.depth_of_xgboost(data, {}) == (3, depth)
    assert ranges.many_rounds(data, {}) == (50, rounds, "log-uniform")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_networks_without_adam_do_not_diverge(optimizer):
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:200], (y[:200] - y.mean()) / y.std()
    network = MLPRegressor(optimizer=optimizer, random_state=0)
    space = Space(default_space(network, X, y))
    for params in space.from_unit(np.random.default_rng(0).random((30, space.n_dims))):
        assert np.isfinite(clone(network).set_params(**params).fit(X, y).predict(X)).all()
