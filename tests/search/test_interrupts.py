"""What a search says of itself after an interruption, wherever it came."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

import skhyper
from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.exceptions import HistoryMismatchWarning

X, y = load_iris(return_X_y=True)


class Interrupted(SVC):
    """Is interrupted at one of its fits, by `how`."""

    at, n_fits = 0, 0

    @staticmethod
    def how():
        raise KeyboardInterrupt

    def fit(self, X, y, sample_weight=None):
        Interrupted.n_fits += 1
        if Interrupted.n_fits == Interrupted.at:
            Interrupted.how()
        return super().fit(X, y, sample_weight)


def interrupt(monkeypatch, at, how=Interrupted.how):
    monkeypatch.setattr(Interrupted, "at", at)
    monkeypatch.setattr(Interrupted, "n_fits", 0)
    monkeypatch.setattr(Interrupted, "how", staticmethod(how))


def searches():
    C = {"C": (1.0, 9.0)}
    return {
        "grid": GridSearchCV(Interrupted(), {"C": [1, 2, 3]}, cv=2),
        "random": RandomizedSearchCV(Interrupted(), {"C": [1, 2, 3]}, n_iter=3, cv=2),
        "bayes": BayesSearchCV(Interrupted(), C, n_iter=3, cv=2, random_state=0),
        "sampled": SearchCV(Interrupted(), C, n_iter=3, cv=2, random_state=0),
        "manual": SearchCV(Interrupted(), sampler=[{"C": 1}, {"C": 2}, {"C": 3}], cv=2),
    }


every_search = pytest.mark.parametrize("kind", searches())


@every_search
def test_predict_says_what_happened_and_the_way_it_names_works(kind, monkeypatch):
    search = searches()[kind]
    interrupt(monkeypatch, 6)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    said = r"interrupted by KeyboardInterrupt after 2 trials.*refit_best\(X, y\)"
    for call in (lambda: search.predict(X), lambda: search.score(X, y)):
        with pytest.raises(NotFittedError, match=said) as caught:
            call()
    assert ("warm_start" in str(caught.value)) == (kind not in ("grid", "random"))
    with pytest.raises(AttributeError, match="interrupted by KeyboardInterrupt after 2"):
        _ = search.best_estimator_
    refitted = clone(search.estimator).set_params(**search.best_params_).fit(X, y)
    assert refitted.score(X, y) > 0.9
    assert not hasattr(search, "transform")
    repr(search), search._repr_html_()


@every_search
def test_best_params_before_the_first_trial_say_what_happened(kind, monkeypatch):
    search = searches()[kind]
    interrupt(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    for name in ("best_params_", "best_score_", "cv_results_"):
        with pytest.raises(AttributeError, match=r"interrupted .* before a trial was completed"):
            getattr(search, name)
    with pytest.raises(NotFittedError, match="before a trial was completed"):
        search.predict(X)
    assert search.history_.best is None
    search.fit(X, y)
    assert search.predict(X).shape == y.shape


def test_before_any_fit_nothing_is_said_of_interruptions():
    search = searches()["bayes"]
    with pytest.raises(AttributeError, match="has no attribute 'best_params_'"):
        _ = search.best_params_
    with pytest.raises(NotFittedError, match="not fitted yet"):
        search.predict(X)


@pytest.mark.parametrize("warm_start", [False, True])
def test_an_interruption_before_the_first_trial_is_asked_for(warm_start, monkeypatch):
    interrupt(monkeypatch, 0)
    search = searches()["bayes"].set_params(warm_start=warm_start).fit(X, y)
    first = search.history_

    def splits(*args, **kwargs):
        raise KeyboardInterrupt

    search.set_params(cv=type("Cv", (), {"get_n_splits": splits, "split": splits})())
    mismatch = pytest.warns(HistoryMismatchWarning) if warm_start else nullcontext()
    with mismatch, pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.stop_reason_ == "interrupted by KeyboardInterrupt"
    # With warm_start what was found is still there; without, nothing stale is.
    assert list(search.history_) == (list(first) if warm_start else [])
    assert hasattr(search, "best_params_") == warm_start
    with pytest.raises(NotFittedError, match="interrupted"):
        search.predict(X)


@every_search
def test_an_interruption_of_the_refit(kind, monkeypatch):
    search = searches()[kind]
    interrupt(monkeypatch, 7)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.n_trials_ == len(search.cv_results_["params"]) == 3
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    with pytest.raises(NotFittedError, match="after 3 trials"):
        search.predict(X)


def test_an_error_is_no_interruption(monkeypatch):
    """A wrong argument does not change a fitted search."""
    interrupt(monkeypatch, 0)
    search = searches()["bayes"].fit(X, y)
    with pytest.raises(ValueError, match="n_iter"):
        search.set_params(n_iter=-1).fit(X, y)
    assert search.predict(X).shape == y.shape


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM cannot be handled there")
@every_search
def test_sigterm_keeps_results_as_ctrl_c_does(kind, monkeypatch):
    calls = []
    before = signal.signal(signal.SIGTERM, lambda *args: calls.append(args[0]))
    search = searches()[kind]
    interrupt(monkeypatch, 6, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            search.fit(X, y)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert calls == [signal.SIGTERM]
    assert search.stop_reason_ == "interrupted by SIGTERM"
    assert search.n_trials_ == 2
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()


def test_a_gradient_search():
    rng = np.random.default_rng(0)
    search = GradientSearchCV(Ridge(), {"alpha": (1e-3, 1e3, "log-uniform")}, n_iter=4, cv=3)

    class Stop(skhyper.callbacks.Callback):
        def on_trial_end(self, search, trial):
            if trial.number == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.set_callbacks(Stop()).fit(rng.normal(size=(30, 3)), rng.normal(size=30))
    assert search.n_trials_ == 2
    with pytest.raises(NotFittedError, match="interrupted"):
        search.predict(X)


@pytest.mark.parametrize("at", [1, 6])
def test_the_documented_way_to_catch_an_interruption(at, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "user_guide" / "searching.md").read_text()
    (snippet,) = re.findall(
        r"^    try:\n        search\.fit.*?(?=\n\n)", page, re.DOTALL | re.MULTILINE
    )
    interrupt(monkeypatch, at)
    exec(textwrap.dedent(snippet), {"search": searches()["bayes"], "X": X, "y": y})
    expected = "0 trials, best: None" if at == 1 else "2 trials, best: Trial 1: complete"
    assert capsys.readouterr().out.startswith(expected)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("backend", "n_searches", "n_signals"),
    [
        ("None", 4, 1),
        pytest.param("None", 20, 2, marks=pytest.mark.slow),
        *(
            pytest.param(backend, 5, n_signals, marks=pytest.mark.slow)
            for backend in ("threads", "loky", "grid")
            for n_signals in (1, 2)
        ),
    ],
)
def test_ctrl_c_at_random_moments(backend, n_searches, n_signals):
    """Real signals to the process group; the script fails if a search is left inconsistent."""
    script = Path(__file__).with_name("interrupted_searches.py")
    seed = int.from_bytes(os.urandom(4), "big")
    out = subprocess.run(
        [sys.executable, str(script), backend, str(n_searches), str(n_signals), str(seed)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        start_new_session=True,  # signals are not for this process
    )
    assert out.returncode == 0, (seed, out.stdout, out.stderr)
    ends = out.stdout.splitlines()
    assert len(ends) == n_searches
    if n_signals == 1:
        assert "aborted" not in ends
        assert "Press it again to abort." in out.stderr
