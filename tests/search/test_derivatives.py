"""Which hyperparameters have derivatives, and BayesSearchCV with derivatives."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyRegressor
from sklearn.kernel_approximation import RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.metrics import check_scoring
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from skhyper import BayesSearchCV, GradientSearchCV
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.search._derivatives import criterion_and_names, landscape, with_real_ranges
from skhyper.space import Integer, Space, When

X, y = load_diabetes(return_X_y=True)
X, y = StandardScaler().fit_transform(X), (y - 152) / 77
SPACE = {"alpha": (1e-4, 1e2, "log-uniform"), "gamma": (1e-4, 1e1, "log-uniform")}


def test_names_of_ranges_anywhere_in_the_space():
    space = Space(
        {
            "kernel": ["linear", "rbf"],
            "alpha": (1e-4, 1e2, "log-uniform"),
            "gamma": When((1e-4, 1e1, "log-uniform"), kernel="rbf"),
            "degree": (1.0, 4.0),
            "coef0": [0.0, 1.0],
        }
    )
    scorer = check_scoring(KernelRidge(), "neg_mean_squared_error")
    criterion, names = criterion_and_names(KernelRidge(), space, scorer, "score")
    assert names == {"alpha", "gamma"}
    assert criterion.description == "mean_squared_error"


@pytest.mark.slow
def test_fewer_trials_with_gradients():
    """The trials after which the loss is within 0.1 % of the best of all searches."""
    fits = {}
    for told in (False, True):
        fits[told] = [
            BayesSearchCV(
                KernelRidge(kernel="rbf"), SPACE, n_iter=16, random_state=seed, use_gradients=told
            ).fit(X, y)
            for seed in range(3)
        ]
    best = max(search.best_score_ for searches in fits.values() for search in searches)
    needed = {
        told: [
            np.argmax(np.maximum.accumulate(-search.history_.losses) > best * 0.999)
            or search.n_trials_
            for search in searches
        ]
        for told, searches in fits.items()
    }
    assert np.mean(needed[True]) < np.mean(needed[False])
    trial = fits[True][0].history_[3]
    assert set(trial.gradient) == {"alpha", "gamma"}
    assert fits[False][0].history_[3].gradient is None


def test_scores_are_the_same_with_and_without():
    points = [{"alpha": 0.1, "gamma": 0.02}, {"alpha": 1.0, "gamma": 0.1}]
    scores = [
        BayesSearchCV(
            KernelRidge(kernel="rbf"),
            SPACE,
            initial_points=points,
            include_default=False,
            n_iter=2,
            use_gradients=told,
        )
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for told in (False, True)
    ]
    np.testing.assert_allclose(*scores, rtol=1e-10)


def test_where_there_is_no_derivative():
    X, y = load_iris(return_X_y=True)
    space = {"C": (1e-2, 1e2, "log-uniform")}
    search = BayesSearchCV(
        LogisticRegression(max_iter=1000), space, n_iter=5, cv=3, use_gradients=True, random_state=0
    )
    with pytest.warns(SkhyperWarning, match="fitted to values only"):
        search.fit(X, y)
    assert search.n_trials_ == 5
    search = BayesSearchCV(KNeighborsRegressor(), {"n_neighbors": (1, 20)}, use_gradients=True)
    with pytest.raises(InvalidSpaceError, match="KNeighborsRegressor has no hypergradient"):
        search.fit(X, y)
    search = BayesSearchCV(
        Ridge(), {"alpha": (0.1, 1.0)}, use_gradients=True, optimizer_kwargs={"acq_func": "EI"}
    )
    with pytest.raises(InvalidSpaceError, match="does not support gradients"):
        search.fit(X, y)


def test_whole_numbers_are_ends_of_a_real_range():
    spaces = {
        "alpha": (1, 100, "log-uniform"),
        "gamma": When((1, 2), kernel="rbf"),
        "kernel": ["rbf"],
        "degree": (1, 3),
    }
    real = with_real_ranges([(spaces, 3)], KernelRidge(kernel="rbf"))
    ((found, budget),) = real
    assert budget == 3
    assert found["alpha"] == (1.0, 100.0, "log-uniform")
    assert isinstance(found["alpha"][0], float)
    assert isinstance(found["gamma"].values[0], float)
    assert found["degree"] == (1, 3)
    search = GradientSearchCV(Ridge(), {"alpha": (1, 100)}, cv=3, random_state=0).fit(X, y)
    assert isinstance(search.best_params_["alpha"], float)
    with pytest.raises(InvalidSpaceError, match="No hyperparameter of Space"):
        GradientSearchCV(Ridge(), {"alpha": Integer(1, 100)}).fit(X, y)


def test_integer_ends_of_a_swapped_step():
    """The pipeline's own last step has no derivative; that of the space has one."""
    pipeline = Pipeline([("model", DummyRegressor())])
    assert with_real_ranges({"model__alpha": (1, 100)}, pipeline) == {"model__alpha": (1, 100)}
    spaces = {"model": [Ridge(), KernelRidge(kernel="rbf")], "model__alpha": (1, 100)}
    search = GradientSearchCV(pipeline, spaces, cv=3, n_iter=10, random_state=0).fit(X, y)
    assert all(isinstance(alpha, float) for alpha in search.cv_results_["param_model__alpha"])
    assert any(alpha % 1 for alpha in search.cv_results_["param_model__alpha"])


def test_random_features_without_a_seed():
    pipeline = make_pipeline(RBFSampler(gamma=0.1), Ridge())
    search = GradientSearchCV(pipeline, {"rbfsampler__gamma": (1e-3, 1.0)}, n_iter=3, cv=3)
    with pytest.warns(SkhyperWarning, match="Set rbfsampler__random_state to an integer"):
        search.fit(X, y)


def test_the_lasso_is_quasiconvex_in_a_pipeline_too():
    alpha = Space({"lasso__alpha": (1e-3, 1.0, "log-uniform")})
    assert landscape(make_pipeline(StandardScaler(), Lasso()), alpha) == (True, 0.0)
    assert landscape(Lasso(), Space({"alpha": (1e-3, 1.0, "log-uniform")}))[0]
    assert not landscape(make_pipeline(RBFSampler(gamma=0.1), Lasso()), alpha)[0]
    assert not landscape(Ridge(), Space({"alpha": (1e-3, 1.0, "log-uniform")}))[0]
    either = Space({"lasso": [Lasso(), Ridge()], **{"lasso__alpha": (1e-3, 1.0, "log-uniform")}})
    assert not landscape(make_pipeline(StandardScaler(), Lasso()), either)[0]


def test_descents_end_above_the_noise_of_libsvm():
    pipeline = make_pipeline(StandardScaler(), SVR())
    space = {"svr__C": (1e-1, 1e2, "log-uniform")}
    assert landscape(pipeline, Space(space)) == (False, 1e-4)
    search = GradientSearchCV(pipeline, space, n_iter=1, scoring="neg_mean_squared_error")
    assert search.fit(X[:60], y[:60]).sampler_.tol == 1e-4
    assert search.set_params(tol=1e-2).fit(X[:60], y[:60]).sampler_.tol == 1e-2
