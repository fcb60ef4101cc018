"""Searches as studies of Optuna."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, SearchCV
from skhyper.linear_model import BandedRidge
from skhyper.space import When

optuna = pytest.importorskip("optuna")
X, y = load_iris(return_X_y=True)


def test_a_study_has_the_trials():
    space = {
        "C": (0.01, 100.0, "log-uniform"),
        "kernel": ["rbf", "poly"],
        "degree": When((2, 4), kernel="poly"),
    }
    search = BayesSearchCV(SVC(), space, n_iter=8, cv=3, random_state=0).fit(X, y)
    study = search.to_study(study_name="iris")
    assert study.study_name == "iris"
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.best_value == pytest.approx(search.best_score_)
    assert study.best_params == search.best_params_
    assert len(study.trials) == search.n_trials_
    for ours, theirs in zip(search.history_, study.trials):
        assert theirs.params == ours.params
        assert theirs.value == pytest.approx(-ours.loss)
        assert theirs.intermediate_values[2] == pytest.approx(-ours.loss)
        assert theirs.duration.total_seconds() == pytest.approx(ours.seconds, abs=1e-5)
    C = study.trials[0].distributions["C"]
    assert optuna.distributions.FloatDistribution(0.01, 100.0, log=True) == C
    degrees = [t.distributions["degree"] for t in study.trials if "degree" in t.params]
    assert set(degrees) == {optuna.distributions.IntDistribution(2, 4)}
    importances = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(), params=["C"]
    )
    assert list(importances) == ["C"]


@pytest.mark.filterwarnings("ignore")  # of the failed fits
def test_objects_failures_and_values_out_of_range():
    pipe = Pipeline([("scale", StandardScaler()), ("svc", SVC())])
    candidates = [
        {"scale": StandardScaler(), "svc__C": 1.0},
        {"scale": MinMaxScaler(), "svc__C": 10.0},
        {"scale": StandardScaler(), "svc__C": -1.0},
    ]
    search = SearchCV(pipe, sampler=candidates, cv=3).fit(X, y)
    study = search.to_study()
    assert study.trials[1].params["scale"] == "MinMaxScaler()"
    assert study.trials[2].state == optuna.trial.TrialState.FAIL
    assert "InvalidParameterError" in study.trials[2].user_attrs["message"]
    bayes = BayesSearchCV(SVC(), {"gamma": (0.1, 1.0)}, n_iter=3, cv=3, random_state=0).fit(X, y)
    first = bayes.to_study().trials[0]
    assert bayes.history_[0].params == {"gamma": "scale"}
    assert first.params == {}
    assert first.user_attrs["param_gamma"] == "'scale'"


def test_vectors_and_grids():
    search = GradientSearchCV(
        BandedRidge(np.ones(4)), {"alphas": (1e-3, 1e3, "log-uniform")}, n_iter=3, random_state=0
    ).fit(X, y.astype(float))
    assert set(search.to_study().trials[0].params) == {f"alphas[{i}]" for i in range(4)}
    grid = GridSearchCV(Ridge(), {"alpha": np.logspace(-1, 1, 3)}).fit(X, y)
    values = [t.params["alpha"] for t in grid.to_study().trials]
    np.testing.assert_allclose(values, [0.1, 1, 10])
    one = GridSearchCV(GaussianNB(), {}).fit(X, y)
    assert len(one.to_study().trials) == 1
