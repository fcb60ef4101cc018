"""Pipelines with samplers: scores of imbalanced-learn's own fits, gradients against differences."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline as PlainPipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GradientSearchCV
from skhyper.hypergradient import (
    NotDifferentiableError,
    _resampled,
    check_hypergradient,
    inner_problem,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = np.where(X[:, 0] + rng.normal(size=120) > 1, "rare", "common")
logistic = LogisticRegression(solver="newton-cholesky")


@pytest.fixture
def imblearn():
    pytest.importorskip("imblearn", reason="whose pipelines these are")
    from imblearn import over_sampling, pipeline, under_sampling

    class Names:
        Pipeline = pipeline.Pipeline
        SMOTE = over_sampling.SMOTE
        Under = under_sampling.RandomUnderSampler

    return Names


def test_gradients_and_names(imblearn):
    nystroem = Nystroem(gamma=0.2, n_components=8, random_state=0)
    model = imblearn.Pipeline(
        [
            ("first", clone(nystroem)),
            ("none", "passthrough"),
            ("smote", imblearn.SMOTE(k_neighbors=3, random_state=0)),
            ("under", imblearn.Under(random_state=0)),
            ("second", nystroem),
            ("model", logistic),
        ]
    )
    problem = Session(model)
    assert problem.names == ("second__gamma", "model__C")
    assert (
        "Steps up to 'under' (RandomUnderSampler), a sampler, are omitted" in problem.traits.why_not
    )
    check_hypergradient(model, X, y, scoring="neg_log_loss")


def test_without_a_sampler_it_is_a_pipeline(imblearn):
    steps = [("nystroem", Nystroem(gamma=0.2, n_components=8, random_state=0)), ("m", logistic)]
    problem, plain = inner_problem(imblearn.Pipeline(steps)), inner_problem(PlainPipeline(steps))
    assert (problem.names, problem.traits.why_not) == (plain.names, plain.traits.why_not)
    check_hypergradient(imblearn.Pipeline(steps), X, y, scoring="neg_log_loss")


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss"])
def test_a_search_has_the_scores_of_its_own_fits(imblearn, scoring):
    smote = imblearn.SMOTE(random_state=0)
    steps = [("scale", StandardScaler()), ("smote", smote), ("model", logistic)]
    model = imblearn.Pipeline(steps)
    space = {"model__C": (1e-2, 10.0, "log-uniform"), "smote__k_neighbors": [2, 5]}
    search = GradientSearchCV(
        model, space, cv=3, n_iter=6, scoring=scoring, return_train_score=True, random_state=0
    ).fit(X, y)
    assert all(trial.gradient is not None for trial in search.history_)
    assert {params["smote__k_neighbors"] for params in search.cv_results_["params"]} == {2, 5}
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        own = clone(model).set_params(**params)
        expected = cross_val_score(own, X, y, cv=3, scoring=scoring).mean()
        assert score == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(search.cv_results_["mean_train_score"]).all()
    assert isinstance(search.best_estimator_, imblearn.Pipeline)


def test_what_has_no_hypergradient_says_why(imblearn):
    sampler = ("smote", imblearn.SMOTE())
    with pytest.raises(NotDifferentiableError, match="'smote', is a sampler"):
        inner_problem(imblearn.Pipeline([sampler]))
    problem = Session(imblearn.Pipeline([sampler, ("model", RidgeClassifier())]))
    with pytest.raises(NotDifferentiableError, match=r"fit gets parameters.*model__sample_weight"):
        problem.load(X, y, model__sample_weight=np.ones(120))

    class Own(imblearn.Pipeline):
        def predict(self, X):
            return super().predict(X)

    with pytest.raises(NotDifferentiableError, match="overrides 'predict' of Pipeline"):
        inner_problem(Own([sampler, ("model", RidgeClassifier())]))


def test_imbalanced_learn_is_not_imported():
    nodes = ast.walk(ast.parse(Path(_resampled.__file__).read_text(encoding="utf-8")))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("imblearn" in ast.unparse(node) for node in imports)
    assert _resampled._resampling_pipeline() is None or "imblearn" in sys.modules
