"""What a notebook shows of a search."""

import json
import subprocess
import sys

import pytest
import sklearn
from reporting.searches import search
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils import estimator_html_repr

import skhyper

OURS = ["grid", "random", "bayes", "gradient", "manual", "conditional", "failures"]


@pytest.mark.parametrize("name", OURS)
def test_results_follow_the_diagram(name):
    fitted = search(name)
    page = fitted._repr_mimebundle_()["text/html"]
    diagram, _, results = page.partition('<div class="skhyper-results"')
    assert "sk-top-container" in diagram
    assert f"{fitted.best_score_:.4g}" in results
    assert "<svg" in results
    assert '<div class="skhyper-results"' in fitted._repr_html_()
    # Its own diagram, and that of a pipeline around it, stay scikit-learn's.
    for estimator in (fitted, make_pipeline(fitted)):
        assert "skhyper-results" not in estimator_html_repr(estimator)


def test_before_fit_it_is_scikit_learns():
    grid = skhyper.GridSearchCV(SVC(), {"C": [1]})
    assert "skhyper-results" not in grid._repr_html_()
    assert "sk-top-container" in grid._repr_mimebundle_()["text/html"]


def test_as_text_there_is_no_html():
    with sklearn.config_context(display="text"):
        assert set(search("grid")._repr_mimebundle_()) == {"text/plain"}
        assert not hasattr(search("grid"), "_repr_html_")


def test_the_package_of_reports_is_imported_when_it_is_shown():
    code = """if True:
        import json, sys
        from sklearn.svm import SVC
        from skhyper import GridSearchCV
        before = "skhyper.reporting" in sys.modules
        GridSearchCV(SVC(), {"C": [1]})._repr_html_()
        print(json.dumps([before, "skhyper.reporting" in sys.modules]))
    """
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == [False, True]
