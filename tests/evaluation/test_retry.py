"""Candidates that end the process, really: they are tried once more, alone, and then fail."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, load_history
from skhyper.evaluation import _retry

X, y = load_iris(return_X_y=True)

SCRIPT = textwrap.dedent("""
    import os, signal, sys, time, warnings
    from sklearn.datasets import load_diabetes, load_iris
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.svm import SVC
    from skhyper import GradientSearchCV, GridSearchCV, SearchCV

    MAIN = os.getpid()

    def die(how):
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "exit":
            os._exit(3)
        if how == "parent":  # and itself: a worker does not outlive it
            os.killpg(MAIN, signal.SIGKILL)
            time.sleep(600)
        if not os.path.exists("survives"):
            open("survives", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

    class Dies(SVC):
        def fit(self, X, y):
            if self.C == 3 and sys.argv[1] != "never":
                die(sys.argv[1])
            return super().fit(X, y)

    def transform(X, dies):
        if dies and sys.argv[1] != "never":
            die(sys.argv[1])
        return X

    kind = sys.argv[2]
    warnings.simplefilter("ignore")
    options = {"cv": 2, "journal": "j", "refit": kind == "multi" and "accuracy" or True}
    if kind == "gradient":
        space = {"ridge__alpha": (0.1, 10.0, "log-uniform")}
        space["functiontransformer__kw_args"] = [{"dies": False}, {"dies": True}]
        points = [{"functiontransformer__kw_args": {"dies": True}}]
        step = FunctionTransformer(transform, kw_args={"dies": False})
        search = GradientSearchCV(
            make_pipeline(step, Ridge()), space, n_iter=4, initial_points=points, **options
        )
        search.fit(*load_diabetes(return_X_y=True))
    else:
        if kind == "multi":
            options["scoring"] = ["accuracy", "f1_macro"]
        if kind == "raise":
            options["error_score"] = "raise"
        search = GridSearchCV(Dies(), {"C": [1, 2, 3, 4]}, return_train_score=True, **options)
        search.fit(*load_iris(return_X_y=True))
    for trial in search.history_:
        print(trial.number, trial.params.get("C"), trial.state, len(trial.message))
""")


def run(tmp_path, how, kind="grid"):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, how, kind],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=env,
        timeout=600,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("how", "kind"),
    [("kill", "multi"), ("exit", "grid")],
)
@pytest.mark.fast_cases(1)
def test_a_candidate_that_ends_its_process_fails(tmp_path, how, kind):
    code = run(tmp_path, how, kind).returncode
    assert code == (3 if how == "exit" else -signal.SIGKILL)
    n_before = len(load_history(tmp_path / "j"))
    out = run(tmp_path, how, kind)
    assert out.returncode == 0, out.stderr
    history = load_history(tmp_path / "j")
    assert len(history) == 4
    failed = history[n_before - 1]
    assert failed.state == "failed"
    how_it_ended = "exited with status 3" if how == "exit" else "was ended by SIGKILL"
    assert f"WorkerError: the worker process {how_it_ended}" in failed.message
    assert "2 3 failed" in out.stdout
    assert "3 4 complete" in out.stdout
    assert [t.state for t in history] == ["complete", "complete", "failed", "complete"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["grid", "gradient"])
def test_one_that_was_killed_for_another_reason_is_completed(tmp_path, kind):
    assert run(tmp_path, "once", kind).returncode == -signal.SIGKILL
    out = run(tmp_path, "once", kind)
    assert out.returncode == 0, out.stderr
    history = load_history(tmp_path / "j")
    assert [trial.state for trial in history] == 4 * ["complete"]
    (tmp_path / "other").mkdir()
    assert run(tmp_path / "other", "never", kind).stdout == out.stdout
    expected = load_history(tmp_path / "other" / "j")
    np.testing.assert_array_equal([t.scores for t in history], [t.scores for t in expected])


@pytest.mark.slow
def test_one_that_ends_all_processes_does_not_do_so_for_ever(tmp_path):
    codes = [run(tmp_path, "parent").returncode for _ in range(6)]
    assert codes == [-signal.SIGKILL] * 5 + [0]
    failed = load_history(tmp_path / "j")[2]
    assert failed.state == "failed"
    assert "4 worker processes died while {'C': 3} was retried" in failed.message


@pytest.mark.slow
def test_with_error_score_raise_it_is_an_error(tmp_path):
    run(tmp_path, "kill", "raise")
    out = run(tmp_path, "kill", "raise")
    assert "WorkerError: the worker process was ended by SIGKILL" in out.stderr


def test_an_interruption_is_no_reason_to_suspect_a_candidate(tmp_path, monkeypatch):
    class Interrupted(SVC):
        n_fits = 0

        def fit(self, X, y):
            Interrupted.n_fits += 1
            if Interrupted.n_fits == 4:
                raise KeyboardInterrupt
            return super().fit(X, y)

    points = [{"C": 1.0}, {"C": 2.0}]
    search = BayesSearchCV(
        Interrupted(), {"C": (0.1, 9.0)}, n_iter=3, cv=2, initial_points=points, random_state=0
    )
    search.set_params(journal=tmp_path / "j")
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    monkeypatch.setattr(_retry, "Processes", None)  # none is started
    assert search.fit(X, y).n_trials_ == 3
