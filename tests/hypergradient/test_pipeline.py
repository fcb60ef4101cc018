"""Pipelines: against scikit-learn's fits and differences of them; what is fitted again."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

from skhyper.hypergradient import (
    Cotangents,
    Fit,
    InnerProblem,
    LeafTransformer,
    NotDifferentiableError,
    Output,
    Want,
    check_hypergradient,
    hypergradient,
    inner_problem,
    transformer_vjp,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 5)) * [1, 2, 3, 1, 0.5] + 1
y = np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=90)
FRAME = pd.DataFrame(X, columns=list("abcde"))
FRAME["cat"] = rng.choice(["u", "v", "w"], 90)
WORDS = np.array(["red", "green", "blue", "cyan", "black", "white", "grey", "pink"])
TEXTS = np.array([" ".join(rng.choice(WORDS, 6)) for _ in range(90)])


def nystroem(gamma=0.1, **params):
    return Nystroem(gamma=gamma, n_components=12, random_state=0, **params)


def rbf(gamma=0.1):
    return RBFSampler(gamma=gamma, n_components=15, random_state=0)


def union(**weights):
    return FeatureUnion(
        [("a", nystroem()), ("b", make_pipeline(StandardScaler(), nystroem(0.2)))],
        transformer_weights=weights,
    )


def columns():
    return ColumnTransformer(
        [
            ("num", make_pipeline(StandardScaler(), nystroem()), ["a", "b", "c"]),
            ("cat", OneHotEncoder(), ["cat"]),
        ],
        remainder=StandardScaler(),
        transformer_weights={"num": 2.0, "cat": 0.7, "remainder": 1.5},
    )


PIPELINES = {
    "scaled": (make_pipeline(StandardScaler(), Ridge(0.3)), X),
    "alone": (make_pipeline(Ridge(0.3)), X),
    "nystroem": (make_pipeline(nystroem(), Ridge(0.3)), X),
    "poly": (make_pipeline(StandardScaler(), nystroem(kernel="poly", coef0=0.5), Ridge(0.3)), X),
    "rbf": (make_pipeline(StandardScaler(), rbf(), StandardScaler(), Ridge(0.3)), X),
    "maps": (make_pipeline(nystroem(), None, Normalizer(), PolynomialFeatures(2), Ridge(3.0)), X),
    "functions": (make_pipeline(rbf(), FunctionTransformer(np.tanh), nystroem(), Ridge(0.3)), X),
    "union": (make_pipeline(union(b=2.0, a=0.5), Ridge(0.3)), X),
    "inside": (make_pipeline(rbf(), union(b=2.0, a=0.5), StandardScaler(), Ridge(0.3)), X),
    "columns": (make_pipeline(columns(), Ridge(0.3)), FRAME),
    "nested": (make_pipeline(rbf(), make_pipeline(StandardScaler(), nystroem(), Ridge(0.3))), X),
    "text": (make_pipeline(TfidfVectorizer(), Ridge(0.3, solver="sparse_cg")), TEXTS),
}


@pytest.mark.parametrize("case", PIPELINES)
def test_against_differences(case):
    pipeline, data = PIPELINES[case]
    check_hypergradient(pipeline, data, y)


@pytest.mark.parametrize("case", PIPELINES)
def test_the_fitted_pipeline_is_scikit_learns(case):
    pipeline, data = PIPELINES[case]
    pipeline = clone(pipeline)
    pipeline.set_params(**{n: 1e-12 for n in pipeline.get_params() if n.endswith("__tol")})
    problem = Session(pipeline)
    problem.load(data[:70], y[:70])
    for factor in (1.0, 2.0):
        values = {n: pipeline.get_params()[n] for n in problem.names}
        values = {n: v * factor for n, v in values.items() if not isinstance(v, dict)}
        ours = problem.fit(values)
        own = clone(pipeline).set_params(**values).fit(data[:70], y[:70])
        assert type(ours) is Pipeline
        assert str(ours) == str(own)
        expected = own.predict(data[70:])
        np.testing.assert_allclose(ours.predict(data[70:]), expected, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(problem.predict(data[70:], "predict"), expected, atol=1e-10)
    assert str(clone(pipeline)) == str(problem.estimator)


def test_a_classifier():
    labels = (y > np.median(y)).astype(int)
    classifier = make_pipeline(StandardScaler(), nystroem(), RidgeClassifier(5.0))
    check_hypergradient(classifier, X, labels, scoring="balanced_accuracy")


def test_where_minima_and_maxima_stay_the_same():
    pipeline = make_pipeline(rbf(), MinMaxScaler(), Ridge(0.3))
    check_hypergradient(pipeline, X, y, step=1e-5)


@pytest.mark.parametrize("weighted", [("ridge",), ("standardscaler", "ridge")])
def test_weights_of_samples(weighted):
    weight = rng.random(90)
    pipeline = make_pipeline(rbf(), StandardScaler(), Ridge(0.3))
    fit_params = {f"{step}__sample_weight": weight for step in weighted}
    check_hypergradient(pipeline, X, y, fit_params=fit_params)


def test_routed_metadata():
    weight = rng.random(90)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        ridge = Ridge(0.3).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(rbf(), make_pipeline(scaler), ridge)
        check_hypergradient(pipeline, X, y, fit_params={"sample_weight": weight})


class Counting(StandardScaler):
    n_fits = n_transforms = 0

    def fit(self, X, y=None, sample_weight=None):
        type(self).n_fits += 1
        return super().fit(X, y, sample_weight)

    def transform(self, X, copy=None):
        type(self).n_transforms += 1
        return super().transform(X, copy)


def squared(output):
    return float(output @ output), 2 * output


def test_what_is_fitted_and_loaded_once():
    Counting.n_fits = 0
    pipeline = make_pipeline(Counting(), nystroem(), Ridge())
    problem = Session(pipeline)
    final = problem.problem.final
    loads, load = [], final.load_part
    final.load_part = lambda part: loads.append(1) or load(part)
    problem.load(X, y)
    test = X[:20].copy()
    for alpha in (0.1, 1.0, 10.0):
        fitted = problem.fit({"ridge__alpha": alpha})
        hypergradient(problem.fitted, test, "predict", squared, ["ridge__alpha"])
    assert (Counting.n_fits, len(loads)) == (1, 1)
    Z = problem.fitted.last_step(test)[1]
    np.testing.assert_array_equal(Z, fitted[:-1].transform(test))
    assert problem.fitted.last_step(test)[1] is Z
    Counting.n_transforms = 0
    problem.predict(test, "predict")
    assert Counting.n_transforms == 0
    for gamma in (0.1, 0.2, 0.3):  # the first is what it was, but is set now
        problem.fit({"nystroem__gamma": gamma, "ridge__alpha": 1.0})
        hypergradient(problem.fitted, test, "predict", squared, problem.names)
    assert Counting.n_fits == 1 and len(loads) in (3, 4)
    assert problem.fitted.last_step(test)[1] is not Z
    problem.fit({"counting__with_std": False})
    assert Counting.n_fits == 2
    problem.load(X, y)
    problem.fit({})
    assert Counting.n_fits == 3


class Shifted(StandardScaler):
    """A third party's transformer, whose differentiable one keeps what it learned."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def transform(self, X, copy=None):
        return self.factor * super().transform(X)

    def fit_transform(self, X, y=None, **fit_params):
        return self.fit(X, y, **fit_params).transform(X)


@transformer_vjp.register(Shifted)
class ShiftedMap(LeafTransformer):
    names = ("factor",)
    passes_inputs = False

    def transform(self, X):
        self.unscaled = super().transform(X) / self.fitted.factor
        return self.fitted.factor * self.unscaled

    def pull_back(self, dZ_train, dZ_test, names, inputs):
        by_factor = np.vdot(self.fitted.transform(self.X_train) / self.fitted.factor, dZ_train)
        return {"factor": by_factor + np.vdot(self.unscaled, dZ_test)}, None, None


THIRD_PARTY = {"third party": (make_pipeline(Shifted(), union(a=0.5), Ridge(0.3)), X)}


@pytest.mark.parametrize("case", [*PIPELINES, *THIRD_PARTY])
def test_a_fit_is_unchanged_by_later_fits(case):
    pipeline, data = {**PIPELINES, **THIRD_PARTY}[case]
    problem = inner_problem(pipeline)
    fold, names = problem.load(data[:70], y[:70]), problem.names
    start = {name: pipeline.get_params()[name] for name in names}
    doubled = {
        name: {k: 2 * w for k, w in v.items()} if isinstance(v, dict) else 2 * v
        for name, v in start.items()
    }

    def derivatives(output):
        found = output.vjp(output.value - y[70:], Want(names, problem.traits.passes_data))
        return [output.value, found.X_train, found.X_test, *(found.params[name] for name in names)]

    fits, outputs, at_once = [], [], []
    # All at the start; each alone changed; all changed.
    for params in (start, *({**start, name: doubled[name]} for name in names), doubled):
        fits.append(fold.fit(params))
        outputs.append(fits[-1].predict(data[70:], "predict"))
        at_once.append(derivatives(outputs[-1]))
    assert not np.allclose(at_once[0][0], at_once[-1][0])
    for fit, output, expected in zip(fits, outputs, at_once):
        # No copy, as that of pandas may have another memory order, on which the last bit depends.
        again = fit.predict(data[70:], "predict")
        for found in (derivatives(output), derivatives(again)):
            for a, b in zip(found, expected):
                np.testing.assert_equal(a, b)
        np.testing.assert_allclose(fit.estimator.predict(data[70:]), expected[0], rtol=1e-4)


def test_a_problem_is_sent_to_another_process():
    pipeline, data = PIPELINES["columns"]
    problem = Session(pipeline)
    problem.load(data, y)
    problem.fit({})
    again = pickle.loads(pickle.dumps(problem))
    answers = [hypergradient(p.fitted, data, "predict", squared, p.names) for p in (problem, again)]
    assert answers[0] == answers[1]


def test_an_encoder_that_sees_its_training_data_differently():
    # TargetEncoder.fit_transform is cross-fitted: what comes after it must not see transform(X).
    encoder = TargetEncoder(target_type="continuous", smooth=5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-learn 1.9, of its own defaults
        encoder.set_params(**{"random_state": 0})
        inside = make_pipeline(encoder, StandardScaler(), nystroem())
        pipeline = make_pipeline(
            ColumnTransformer([("cat", inside, ["cat"])], remainder=nystroem()), Ridge(0.3)
        )
        check_hypergradient(pipeline, FRAME, y)


class Recording(Fit):
    """A fit whose VJPs note what they are asked for, and may leave out the data."""

    def __init__(self, fit, wanted, with_data=True):
        self.fit, self.wanted, self.with_data = fit, wanted, with_data
        self.estimator = fit.estimator

    def predict(self, X, method):
        output = self.fit.predict(X, method)

        def vjp(d_value, want):
            self.wanted.append(want)
            cotangents = output.vjp(d_value, want)
            return cotangents if self.with_data else Cotangents(cotangents.params)

        return Output(output.value, vjp)


def test_no_derivative_by_data_unless_it_is_wanted():
    problem = Session(make_pipeline(nystroem(), Ridge()))
    problem.load(X, y)
    problem.fit({})

    wanted = []
    fit = replace(problem.fitted, final=Recording(problem.fitted.final, wanted))
    for name in ("ridge__alpha", "nystroem__gamma"):
        _, gradient = hypergradient(fit, X, "predict", squared, [name])
        assert list(gradient) == [name]
    assert wanted == [Want(["alpha"], False), Want([], True)]


def test_derivatives_by_the_data():
    """Of a pipeline as a whole, which what contains it needs."""
    pipeline = make_pipeline(StandardScaler(), nystroem(), Ridge(0.3))
    train, test, target = X[:70], X[70:], y[:70]
    problem = Session(pipeline)
    problem.load(train, target)
    problem.fit({})
    _, d_output = squared(problem.predict(test, "predict"))
    _, dX_train, dX = problem.vjp(d_output, data=True)
    moves = rng.normal(size=train.shape), rng.normal(size=test.shape)

    def loss(t):
        fitted = clone(pipeline).fit(train + t * moves[0], target)
        return squared(fitted.predict(test + t * moves[1]))[0]

    slope = np.vdot(dX_train, moves[0]) + np.vdot(dX, moves[1])
    h = 1e-4
    difference = (8 * (loss(h) - loss(-h)) - loss(2 * h) + loss(-2 * h)) / (12 * h)
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


def test_a_step_that_blocks():
    problem = Session(make_pipeline(nystroem(), PCA(3), rbf(), Ridge()))
    assert problem.names == ("rbfsampler__gamma", "ridge__alpha")
    assert "nystroem__gamma omitted: the later step 'pca' (PCA)" in problem.traits.why_not
    assert not problem.traits.passes_data
    check_hypergradient(problem.estimator, X, y)
    with pytest.raises(NotDifferentiableError, match="nystroem__gamma omitted"):
        check_hypergradient(problem.estimator, X, y, names=["nystroem__gamma"])


class Constant(Ridge):
    """A model whose problem gives no derivatives with respect to its data."""


@inner_problem.register(Constant)
class ConstantProblem(InnerProblem):
    names = ("alpha",)

    def load(self, X, y, **fit_params): ...


def test_a_model_that_blocks():
    problem = Session(make_pipeline(nystroem(), Constant()))
    assert problem.names == ("constant__alpha",)
    assert "the last step 'constant' (Constant) has no derivatives" in problem.traits.why_not


def test_a_setting_without_derivatives_by_the_data():
    problem = Session(make_pipeline(nystroem(), Ridge()))
    problem.load(X, y)
    problem.fit({})
    fit = replace(problem.fitted, final=Recording(problem.fitted.final, [], False))
    with pytest.raises(NotDifferentiableError, match=r"\['nystroem__gamma'\] cannot be diff"):
        hypergradient(fit, X, "predict", squared, problem.names)


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="is 'passthrough': a hypergradient needs"):
        inner_problem(make_pipeline(StandardScaler(), "passthrough"))
    with pytest.raises(NotDifferentiableError, match="PCA has no hypergradient"):
        inner_problem(make_pipeline(StandardScaler(), PCA()))
    problem = Session(make_pipeline(StandardScaler(), Ridge()))
    with pytest.raises(ValueError, match=r"Pipeline\.fit does not accept the sample_weight"):
        problem.load(X, y, sample_weight=np.ones(90))
    problem.load(X, y)
    with pytest.raises(ValueError, match="'standardscaler' replaces a step of Pipeline"):
        problem.fit({"standardscaler": "passthrough"})
