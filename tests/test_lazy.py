"""What is imported when, looked at in a fresh process."""

import importlib
import json
import pickle
import pkgutil
import subprocess
import sys

import pytest

import skhyper
from skhyper._lazy import lazy_names

HEAVY = ("hypergradient", "inspection", "kernel", "linear_model", "neural_network", "plotting")


def in_a_fresh_process(code):
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(out.stdout.splitlines()[-1])


def test_import_skhyper_adds_nothing_heavy():
    code = """if True:
        import json, sys
        import sklearn.model_selection
        before = set(sys.modules)
        import skhyper
        new = sorted(set(sys.modules) - before)
        shown = dir(skhyper)
        from skhyper import BayesSearchCV, minimize, Optimizer, SearchCV
        print(json.dumps([new, shown, sorted(set(sys.modules) - before) == new]))
    """
    new, shown, no_more = in_a_fresh_process(code)
    # Old versions of scikit-learn and scipy have not imported quite as much before.
    small = {"skhyper", "cloudpickle", "joblib", "numpy", "scipy", *sys.stdlib_module_names}
    assert {name.split(".")[0] for name in new} <= small
    assert not [name for name in new if name.startswith("scipy.stats")]
    for name in HEAVY:
        assert f"skhyper.{name}" not in new
    assert set(shown) >= set(skhyper.__all__)
    assert no_more


@pytest.mark.parametrize("name", [*HEAVY, "GradientSearchCV"])
@pytest.mark.slow
def test_what_is_heavy_is_there_when_asked_for(name):
    code = f"""if True:
        import json, sys
        import skhyper
        found = skhyper.{name}
        from skhyper import {name}
        print(json.dumps([found is {name}, "{name}" in vars(skhyper)]))
    """
    assert in_a_fresh_process(code) == [True, True]


def test_registrations_are_there_before_they_are_needed():
    code = """if True:
        import json
        from sklearn.linear_model import Ridge
        from skhyper.hypergradient import inner_problem
        from skhyper.neural_network import MLPRegressor
        print(json.dumps([inner_problem(Ridge()).names, inner_problem(MLPRegressor()).names == []]))
    """
    names, none = in_a_fresh_process(code)
    assert "alpha" in names
    assert not none


@pytest.mark.slow
def test_a_search_by_gradients_is_unpickled_by_a_process_that_has_not_seen_it():
    from sklearn.linear_model import Ridge

    search = skhyper.GradientSearchCV(Ridge(), {"alpha": (1e-3, 1e3, "log-uniform")})
    code = f"""if True:
        import json, pickle
        search = pickle.loads({pickle.dumps(search)!r})
        from sklearn.datasets import load_diabetes
        print(json.dumps(float(search.set_params(n_iter=3).fit(*load_diabetes(return_X_y=True)).best_score_)))
    """
    assert 0 < in_a_fresh_process(code) < 1


def test_star_and_unknown_names():
    namespace = {}
    exec("from skhyper import *", namespace)
    assert set(skhyper.__all__) <= set(namespace)
    for package in (skhyper, skhyper.search, __import__("skhyper.evaluation").evaluation):
        with pytest.raises(AttributeError, match="has no attribute 'BayesSearch'"):
            package.BayesSearch  # noqa: B018
        assert set(package.__all__) <= set(dir(package))
        for name in package.__all__:
            assert getattr(package, name) is not None


PACKAGES = [m.name for m in pkgutil.iter_modules(skhyper.__path__, "skhyper.") if m.ispkg]


@pytest.mark.parametrize("name", ["skhyper", *PACKAGES])
def test_dir_shows_what_is_public(name):
    package = importlib.import_module(name)
    shown = {name for name in dir(package) if not name.startswith("__")}
    assert shown == {name for name in package.__all__ if not name.startswith("__")}


def test_names_are_where_one_looks_for_them():
    from skhyper import When, callbacks, default_space
    from skhyper.callbacks import ProgressBar

    assert When is skhyper.space.When
    assert default_space is skhyper.space.default_space
    assert callbacks.ProgressBar is ProgressBar


def test_a_name_is_looked_up_once(monkeypatch):
    import types

    package = types.ModuleType("pretended")
    monkeypatch.setitem(sys.modules, "pretended", package)
    getattr_, dir_ = lazy_names("pretended", {"dumps": "json"})
    assert "dumps" in dir_()
    assert "dumps" not in vars(package)
    assert getattr_("dumps") is json.dumps
    assert vars(package)["dumps"] is json.dumps
