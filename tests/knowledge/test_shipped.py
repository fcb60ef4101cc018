"""Knowledge that comes with skhyper: which file is for an estimator, data and a score."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from skhyper import minimize
from skhyper.knowledge import KnowledgeStarts
from skhyper.knowledge._shipped import FOLDER, knowledge_for, shipped, units_of
from skhyper.samplers import GPSampler
from skhyper.space import Space, default_space
from skhyper.space._default_data import Data

WINE = load_wine(return_X_y=True)
HELD_OUT = (
    "breast|wdbc|wisconsin|digit|pendigit|penbased|wine|iris|diabetes|pima|california|housing"
)
FILES = sorted(FOLDER.glob("*.npz"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_small_and_without_data_sets_for_tests(path):
    assert path.stat().st_size < 25e3
    found = shipped(*path.stem.split("-"))
    assert found.source == path.name
    assert len(found.data_sets) >= 20
    names = " ".join(found.data_sets).replace("led7digit", "")
    assert not re.search(HELD_OUT, names, re.IGNORECASE)


def test_the_last_step_of_a_pipeline_counts_with_the_units_of_its_data():
    X, y = WINE
    model = make_pipeline(StandardScaler(), PCA(5), SVC())
    found, own, reason = knowledge_for(model, X, y, "error")
    assert reason == ""
    assert set(found.ranges) == {"svc__C", "svc__gamma"}
    reduced = make_pipeline(StandardScaler(), PCA(5)).fit_transform(X)
    unit = 1 / (5 * reduced.var())
    assert found.ranges["svc__gamma"]["low"] == pytest.approx(1e-3 * unit)
    assert own["svc__gamma"] == pytest.approx(unit)  # that is "scale"
    candidates = found.portfolio(Space(default_space(model, X, y)), own)
    assert len(candidates) == 8
    # PCA's number of components is the estimator's own one, as nothing is known of it.
    assert all(set(params) >= {"svc__C", "svc__gamma"} for params in candidates)


@pytest.mark.parametrize(
    ("model", "X", "reason"),
    [
        (SVC(), WINE[0], "features that reach SVC are not standardized"),
        (VotingClassifier([("svc", SVC())]), WINE[0], "none of VotingClassifier"),
        (SVC(), [["a"]] * len(WINE[1]), "features that reach SVC are not standardized"),
        (type("Pipeline", (BaseEstimator,), {})(), WINE[0], "none of Pipeline"),
        (SVC(), 7, "features that reach SVC are not standardized"),
    ],
)
def test_there_is_none(model, X, reason):
    found, _, why = knowledge_for(model, X, WINE[1], "error")
    assert found is None
    assert reason in why


def test_none_for_an_unknown_metric():
    assert knowledge_for(SVC(), *WINE, "unknown")[0] is None


def test_transformers_do_not_warn_of_the_number_of_rows():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(QuantileTransformer(n_quantiles=569), SVC())
    assert knowledge_for(model, X, y, "error")[0] is not None


def test_units_are_those_of_scikit_learn():
    X, y = load_diabetes(return_X_y=True)
    units = units_of(Data.from_data(X, y))
    assert SVC(gamma="scale").fit(X, y > 100)._gamma == pytest.approx(units["1/(p var)"])
    assert units["var(y)"] == pytest.approx(y.var())
    assert set(units_of(Data()).values()) == {None}


def test_data_of_trees_are_not_read():
    found, _, reason = knowledge_for(DecisionTreeClassifier(), None, None, "log_loss")
    assert reason == ""
    assert found is not None


def test_a_slow_transformer_is_read_as_a_quick_one_of_the_same_scale():
    X, y = WINE
    X = np.column_stack([X, np.ones(len(X))])  # a column without variance
    model = make_pipeline(PowerTransformer(), SVC())
    _, own, _ = knowledge_for(model, X, y, "error")
    assert own["svc__gamma"] == pytest.approx(1 / (14 * PowerTransformer().fit_transform(X).var()))


def test_the_scale_of_the_target_is_of_more_rows_than_the_transformers_are_fitted_to():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((3000, 300)), rng.standard_exponential(3000)
    found, own, _ = knowledge_for(make_pipeline(StandardScaler(), SVR()), X, y, "squared_error")
    of_rows = y[np.linspace(0, 2999, 2000).astype(int)]
    assert found.ranges["svr__epsilon"]["low"] == pytest.approx(1e-3 * of_rows.std())
    assert own["svr__gamma"] == pytest.approx(1 / 300)


@pytest.mark.parametrize("outer", [False, True])
def test_the_scale_of_a_transformed_target(outer):
    X, y = load_diabetes(return_X_y=True)
    options = {"func": np.log, "inverse_func": np.exp}
    if outer:
        model = TransformedTargetRegressor(make_pipeline(StandardScaler(), SVR()), **options)
        prefix = "regressor__svr__"
    else:
        target = TransformedTargetRegressor(SVR(), **options)
        model, prefix = (
            make_pipeline(StandardScaler(), target),
            "transformedtargetregressor__regressor__",
        )
    found, own, reason = knowledge_for(model, X, y, "squared_error")
    assert reason == ""
    assert found.ranges[f"{prefix}epsilon"]["low"] == pytest.approx(1e-3 * np.log(y).std())
    assert own[f"{prefix}gamma"] == pytest.approx(1 / 10)
    candidates = found.portfolio(Space(default_space(model, X, y)), own)
    assert len(candidates) == 8
    model.set_params(**candidates[0])


def test_none_for_a_target_of_unknown_scale():
    X, y = load_diabetes(return_X_y=True)
    target = TransformedTargetRegressor(SVR(), func=lambda y: y + 1, inverse_func=lambda y: y - 1)
    found, _, reason = knowledge_for(make_pipeline(StandardScaler(), target), X, y, "squared_error")
    assert found is None
    assert "scale of the data" in reason


def test_a_text_is_read_from_few_documents():
    class Counting(list):
        n_read = 0

        def __getitem__(self, i):
            Counting.n_read += 1
            return super().__getitem__(i)

    texts = Counting(f"word{i} other{i % 7}" for i in range(1000))
    steps = CountVectorizer(), StandardScaler(with_mean=False), SVC()
    knowledge_for(make_pipeline(*steps), texts, np.arange(1000) % 2, "error")
    assert 0 < Counting.n_read <= 60


@pytest.mark.slow
def test_knowledge_that_is_wrong_costs_little():
    """Losses of the data sets themselves, with all axes reversed."""
    found = shipped("DecisionTreeClassifier", "log_loss")
    space, functions = found.space, found.functions
    starts = KnowledgeStarts(found, {}, 8)
    cost = []
    for task in range(0, len(found.data_sets), 7):

        def loss(params, task=task):
            points = 1.0 - space.to_unit([params])
            return functions.predict(space, points)[0][0, task]

        runs = [
            [
                t.loss
                for t in minimize(
                    loss, space, 50, sampler=GPSampler(starts=known), random_state=seed
                ).history
            ]
            for seed in range(2)
            for known in (starts, None)
        ]
        best = [[min(run[:n]) for n in (10, 50)] for run in runs]
        cost += [np.subtract(best[0], best[1]), np.subtract(best[2], best[3])]
    at_10, at_50 = np.mean(cost, axis=0)
    assert at_10 <= 0.12
    assert at_50 <= 0.02
