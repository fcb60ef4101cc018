"""inspect: all of scikit-learn, what it prints, and what it promises."""

import html
import re
import warnings

import numpy as np
import pytest
from inspection.all_estimators import classes, construct, fit
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV
from skhyper.inspection import Inspection, inspect
from skhyper.space import Space

X, y = load_iris(return_X_y=True)


def show(found):
    """All that an inspection can show; warnings are errors here."""
    repr(found), found._repr_html_()
    return found.to_frame("parameters"), found.to_frame("hyperparameters")


@pytest.mark.parametrize("name", classes())
@pytest.mark.fast_cases(30)
def test_every_public_estimator(name):
    estimator = construct(name)
    found = inspect(estimator)
    show(found)
    assert found.n_parameters == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = set(estimator.get_params(deep=True))
    assert {h.name for h in found.hyperparameters} == names
    assert len(found.hyperparameters) == len(names)
    if name in ("FrozenEstimator", "SparseCoder"):  # which learn nothing themselves
        return
    assert fit(estimator)
    before = dict(vars(estimator))
    parameters, _ = show(inspect(estimator))
    # Hashing learns nothing, which scikit-learn 1.6 does not say.
    assert len(parameters) or not inspect(estimator).learns or "Hash" in name
    assert vars(estimator).keys() == before.keys()
    assert all(vars(estimator)[key] is value for key, value in before.items())


LINEAR = """\
LinearRegression: 2 parameters, 3 hyperparameters (0 not at the default)
Parameters (learned by fit)
  name        shape  size  dtype    summary
  ----------  -----  ----  -------  ---------------------------------
  coef_       (1,)      1  float64  weight of each feature: 2
  intercept_  ()        1  float64  value where all features are 0: 1
  other fitted attributes: n_features_in_, rank_, singular_
Hyperparameters (set before fit)
  name           value  default  allowed        active
  -------------  -----  -------  -------------  ------
  copy_X         True   True     True or False  yes
  fit_intercept  True   True     True or False  yes
  positive       False  False    True or False  yes"""


def without(text, *names):
    """Lines of a repr that do not start with one of the names; the rest of versions differs."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip(" *").startswith(names))


def test_the_repr_of_a_line():
    line = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    text = without(repr(inspect(line)), "n_jobs", "tol")
    text = re.sub(r"\d hyperparameters", "3 hyperparameters", text)
    assert text == LINEAR


def test_the_repr_of_a_network():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPClassifier((8, 6), max_iter=2, random_state=0).fit(X, y)
    found = inspect(network)
    text = repr(found)
    n = 4 * 8 + 8 + 8 * 6 + 6 + 6 * 3 + 3
    assert found.n_parameters == n
    assert text.startswith(f"MLPClassifier: {n} parameters, 23 hyperparameters (3 not at")
    assert re.search(r"coefs_\[0\] +\(4, 8\) +32  float64  weights, 4 inputs to 8 units: ", text)
    assert re.search(r"coefs_\[1\] +\(8, 6\) +48  float64  weights, 8 units to 6 units: ", text)
    assert re.search(r"coefs_\[2\] +\(6, 3\) +18  float64  weights, 6 units to 3 outputs", text)
    assert re.search(r"intercepts_\[2\] +\(3,\) +3  float64  biases of 3 outputs: ", text)
    assert re.search(r"\n  \*  hidden_layer_sizes +\(8, 6\) +\(100,\) ", text)
    assert re.search(r"momentum .* no, needs solver='sgd'", text)


def test_the_repr_of_a_tree():
    text = repr(inspect(DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)))
    # Two splits of a feature and a threshold, three leaves of three shares.
    assert re.search(r"tree_ +13  5 nodes, 3 leaves, depth 2\n", text)
    assert re.search(
        r"\*  max_depth +2 +None +integer >= 1; None +yes +1 to 30, log +default for",
        text,
    )


def test_the_repr_of_a_support_vector_machine():
    text = repr(inspect(SVC(kernel="linear").fit(X, y)))
    assert re.search(r"support_vectors_ +\(27, 4\) +108  float64  support vectors", text)
    assert re.search(r"dual_coef_ +\(2, 27\) +54  float64  weight of each support vec", text)
    assert re.search(r" C +1.0 +1.0 +number > 0 +yes +yes +0.01 to 1e\+04, log +def", text)
    assert re.search(r"gamma .* no, needs kernel in 'rbf', 'poly', 'sigmoid'\n", text)


def test_the_repr_of_clusters():
    text = repr(inspect(KMeans(3, n_init=1, random_state=0).fit(X)))
    assert re.search(r"cluster_centers_ +\(3, 4\) +12  float64  cluster centers: ", text)
    assert "other fitted attributes: n_features_in_, labels_, inertia_, n_iter_\n" in text
    assert re.search(r"\*  n_clusters +3 +8 +integer >= 1 +yes +2 to 20 +default for KMeans", text)


def test_the_repr_of_a_pipeline():
    pipeline = Pipeline([("scale", StandardScaler()), ("ridge", Ridge(alpha=3.0))])
    text = repr(inspect(pipeline.fit(X, y)))
    assert text.startswith("Pipeline: 13 parameters, ")
    assert re.search(r"named_steps\['scale'\]  mean_ +\(4,\) ", text)
    assert re.search(r"named_steps\['ridge'\]  intercept_ +\(\) ", text)
    assert re.search(r"\*  scale +StandardScaler\(\) +required ", text)
    pattern = r"\*  ridge__alpha +3.0 +1.0 +number >= 0; array +yes +yes +0.0001 to 1e\+04, log"
    assert re.search(pattern, text)
    assert text.endswith("* not at the default")


def test_the_repr_of_a_search():
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=2)
    assert "none yet, the estimator is not fitted" in repr(inspect(search))
    text = repr(inspect(search.fit(X, y)))
    assert re.search(r"best_estimator_  support_vectors_  parameter ", text)
    assert re.search(r"best_params_ +choice +1 +chosen by the search: C=\d\n", text)
    assert re.search(r"estimator__C .* yes, searched by GridSearchCV +yes", text)


def test_a_search_of_skhyper():
    search = BayesSearchCV(SVC(), {"C": (1e-2, 1e2, "log-uniform")}, n_iter=2, cv=2)
    found = inspect(search.fit(X, y))
    show(found)
    notes = {h.name: h.note for h in found.hyperparameters}
    assert notes["estimator__C"] == "searched by BayesSearchCV"
    assert found.n_parameters == inspect(search.best_estimator_).n_parameters


def test_options_of_a_search_are_folded():
    search = BayesSearchCV(Ridge(), {"alpha": (1e-2, 1e2)}, n_iter=7)
    found = inspect(search)
    names = {h.name for h in found.hyperparameters if h.option}
    assert {"cv", "n_jobs", "verbose", "n_iter"} <= names
    assert not {"estimator", "search_spaces", "estimator__alpha"} & names
    text = repr(found)
    rows = [line.split() for line in text.splitlines()]
    assert ["*", "n_iter", "7", "50"] in [row[:4] for row in rows]
    assert not any(row[:1] == ["verbose"] for row in rows)
    assert f"and {len(names) - 1} options of the search at their defaults: " in text
    assert f"<summary>options of the search at their defaults: {len(names) - 1}" in (
        found._repr_html_()
    )
    assert set(found.to_frame()["name"]) == set(search.get_params())


def test_what_is_cut_is_said():
    class Wide(BaseEstimator):
        def __init__(self, value="x" * 300):
            self.value = value

    text = repr(inspect(Wide()))
    assert '… is cut: .to_frame("hyperparameters")' in text
    assert max(map(len, text.splitlines())) < 200
    assert inspect(Wide()).to_frame().loc[0, "value"] == "x" * 300


def test_names_and_paths_are_never_cut():
    deep = Ridge()
    for _ in range(6):
        deep = Pipeline([("a_long_name_of_a_step", deep)])
    text = repr(inspect(deep.fit(X, y)))
    assert "a_long_name_of_a_step__" * 6 + "alpha" in text
    assert ".".join(["named_steps['a_long_name_of_a_step']"] * 6) in text


def test_values_that_are_types_and_functions_and_arrays():
    class Any(BaseEstimator):
        def __init__(self, kind=np.float64, func=np.log1p, array=None, steps=()):
            self.kind, self.func, self.array, self.steps = kind, func, array, steps

    text = repr(inspect(Any(array=np.ones((2, 3)), steps=[("a", Pipeline([("b", Ridge())]))])))
    assert re.search(r" kind +float64 +float64 ", text)
    assert re.search(r" func +log1p +log1p ", text)
    assert re.search(r" array +ndarray of shape \(2, 3\) ", text)
    assert re.search(r" steps +\[\('a', Pipeline\(...\)\)\] ", text)


def test_nothing_to_learn():
    text = repr(inspect(FunctionTransformer()))
    assert text.startswith("FunctionTransformer: 0 parameters")
    assert "none, this estimator learns nothing" in text


def test_html_is_escaped():
    class Bad(BaseEstimator):
        def __init__(self, value="<script>alert(1)</script>"):
            self.value = value

        def fit(self, X, y=None):
            self.text_ = "<b>&"
            self.coef_ = np.ones(3)
            return self

    page = inspect(Bad().fit(X))._repr_html_()
    assert "<script>" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "<details>" in page
    assert html.escape("<b>&") in page


def test_frames():
    found = inspect(Ridge(alpha=2.0).fit(X, y))
    settings = found.to_frame()
    assert settings.set_index("name").loc["alpha", "value"] == 2.0
    assert list(settings.loc[settings["changed"], "name"]) == ["alpha"]
    learned = found.to_frame("parameters")
    assert learned.loc[learned["kind"] == "parameter", "size"].sum() == found.n_parameters == 5
    assert learned["size"].dtype.kind == "i"
    with pytest.raises(ValueError, match="table must be one of"):
        found.to_frame("both")


def test_frames_of_nothing_and_of_arrays():
    class Plain(BaseEstimator):
        pass

    assert inspect(Plain()).to_frame("parameters").empty
    assert inspect(Plain()).to_frame().empty
    assert "Hyperparameters (set before fit): none" in repr(inspect(Plain()))
    frame = inspect(Ridge(alpha=np.array([1.0, 2.0]))).to_frame().set_index("name")
    np.testing.assert_array_equal(frame.loc["alpha", "value"], [1.0, 2.0])


def test_the_search_ranges_are_a_space():
    found = inspect(SVC(kernel="poly"))
    ranges = {h.name: h.search_range for h in found.hyperparameters if h.search_range}
    assert Space(ranges).n_dims == 4


def test_no_estimator():
    with pytest.raises(TypeError, match=r"got the class Ridge; write Ridge\(\)"):
        inspect(Ridge)
    with pytest.raises(TypeError, match=r"inspect needs an estimator, .*; got int: 3"):
        inspect(3)


def test_an_inspection_is_a_value():
    found = inspect(Ridge())
    again = Inspection("Ridge", found.parameters, found.hyperparameters)
    assert repr(again) == repr(found)
