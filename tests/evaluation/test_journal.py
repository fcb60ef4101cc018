"""Journals: incomplete, damaged, of killed processes, of other searches."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper._trial import History, Trial, TrialState
from skhyper.evaluation import Journal

X, y = load_iris(return_X_y=True)
SPACE = {"C": (1e-2, 1e2, "log-uniform")}
BASE = History((Trial(0, {"C": 1}, "complete", loss=-0.5),), 7, "print", ((1, 2),))


def written(path, n):
    journal = Journal(path)
    journal.open(BASE)
    for number in range(1, n + 1):
        journal.on_trial_end(Trial(number, {"C": number, "f": str}, "complete", loss=-number), BASE)
    journal.close()


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "j"
    assert Journal(path).read() is None
    written(path, 3)
    history, n_made = Journal(path).read()
    assert n_made == 3
    assert (history.seed, history.fingerprint, history.splits) == (7, "print", ((1, 2),))
    assert [t.loss for t in history] == [-0.5, -1, -2, -3]
    assert history[1].params == {"C": 1, "f": str}


def test_torn_at_every_byte(tmp_path):
    path = tmp_path / "j"
    written(path, 2)
    whole = path.read_bytes()
    lengths = []
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        known = Journal(path).read()
        lengths.append(0 if known is None else len(known[0]))
        # Appended after the last complete record.
        written(path, 1)
        history, _ = Journal(path).read()
        expected = 1 if known is None else lengths[-1]
        assert len(history) == expected + 1
        assert history[-1].loss == -1
    assert sorted(lengths) == lengths and lengths[0] == 0 and lengths[-1] == 2


def test_a_flipped_byte_ends_the_journal_there(tmp_path):
    path = tmp_path / "j"
    written(path, 3)
    data = bytearray(path.read_bytes())
    data[-3] ^= 0xFF
    path.write_bytes(bytes(data))
    history, _ = Journal(path).read()
    assert [t.loss for t in history] == [-0.5, -1, -2]


def test_another_file_is_left_alone(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("chapter one, and the next two years of my life")
    search = BayesSearchCV(SVC(), SPACE, n_iter=2, cv=2, journal=path)
    with pytest.raises(ValueError, match="is not a journal of skhyper"):
        search.fit(X, y)
    assert path.read_text().startswith("chapter one")


class StopsAt(SVC):
    n_fits = 0
    last = 10**9

    def fit(self, X, y):
        StopsAt.n_fits += 1
        if StopsAt.n_fits > StopsAt.last:
            raise KeyboardInterrupt
        return super().fit(X, y)


@pytest.mark.parametrize("kind", ["bayes", "manual"])
@pytest.mark.parametrize("n_whole", [1, 4, 8])
def test_a_resumed_search_is_the_uninterrupted_one(tmp_path, kind, n_whole):
    def search(journal):
        if kind == "bayes":
            return BayesSearchCV(StopsAt(), SPACE, n_iter=8, cv=3, random_state=0, journal=journal)
        return SearchCV(StopsAt(), sampler=[{"C": c} for c in range(1, 9)], cv=3, journal=journal)

    StopsAt.last = 10**9
    expected = search(None).fit(X, y)
    StopsAt.n_fits, StopsAt.last = 0, 3 * n_whole + 2
    interrupted = search(tmp_path / "j")
    if n_whole < 8:
        with pytest.raises(KeyboardInterrupt):
            interrupted.fit(X, y)
    else:
        interrupted.fit(X, y)
    StopsAt.n_fits, StopsAt.last = 0, 10**9
    resumed = search(tmp_path / "j").fit(X, y)
    assert StopsAt.n_fits == 3 * (8 - n_whole) + 1
    assert resumed.cv_results_["params"] == expected.cv_results_["params"]
    np.testing.assert_array_equal(
        resumed.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )


def test_a_journal_of_other_data_is_an_error(tmp_path):
    options = {"n_iter": 2, "cv": 2, "journal": str(tmp_path / "j")}
    BayesSearchCV(SVC(), SPACE, **options).fit(X, y)
    with pytest.raises(ValueError, match=r"of a search on other data.*delete it"):
        BayesSearchCV(SVC(), SPACE, **options).fit(X + 1, y)


def test_trials_given_by_another_search_do_not_count(tmp_path):
    first = SearchCV(SVC(), sampler=[{"C": 1.0}, {"C": 2.0}], cv=3).fit(X, y)
    options = {"cv": 3, "journal": tmp_path / "j", "random_state": 0}
    search = BayesSearchCV(SVC(), SPACE, n_iter=3, history=first.history_, **options)
    assert search.fit(X, y).n_trials_ == 5
    search = BayesSearchCV(SVC(), SPACE, n_iter=4, history=first.history_, **options)
    assert search.fit(X, y).n_trials_ == 6


def test_trials_are_read_in_the_order_of_asking(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.open(History(splits=((1, 2),)))
    for number in (2, 0, 3):  # finished in this order; 1 was running when it was killed
        journal.on_trial_end(Trial(number, {"C": number}, "complete", loss=0.0), BASE)
    journal.close()
    history, _ = journal.read()
    assert [(t.number, t.params["C"]) for t in history] == [(0, 0), (1, 2), (2, 3)]


def test_journals_of_older_versions_are_read(tmp_path):
    """Their trials have states that are plain strings, and do not know when they started."""
    old = Trial(0, {"C": 1}, "complete", np.array([0.5]), loss=-0.5)
    del old.__dict__["started"]
    old.__dict__["state"] = "complete"
    journal = Journal(tmp_path / "j")
    journal.open(History(splits=((1, 2),)))
    journal.on_trial_end(old, BASE)
    journal.close()
    (trial,), _ = journal.read()
    assert np.isnan(trial.started)
    assert trial.state is TrialState.COMPLETE


def test_when_trials_started(tmp_path):
    start = time.time()
    path = tmp_path / "j"
    search = BayesSearchCV(SVC(), SPACE, n_iter=3, cv=2, journal=path, random_state=0).fit(X, y)
    started = [trial.started for trial in search.history_]
    assert start < started[0] < started[1] < started[2] < time.time()
    assert [trial.started for trial in Journal(path).read()[0]] == started


def test_one_journal_serves_one_search_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    first = Journal(tmp_path / "j")
    first.open(BASE)
    with pytest.raises(ValueError, match="in use by another search"):
        Journal(tmp_path / "j").open(BASE)
    first.on_trial_end(Trial(1, {"C": 2}, "complete", loss=0.0), BASE)
    first.close()
    assert len(Journal(tmp_path / "j").read()[0]) == 2


@pytest.mark.parametrize("cls", ["grid", "manual"])
def test_a_list_with_repeats_is_resumed(tmp_path, cls):
    options = {"allow_repeats": True, "cv": 3, "journal": tmp_path / "j"}
    if cls == "grid":
        search = SearchCV(SVC(), {"C": [1, 2]}, sampler="grid", **options)
    else:
        search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 1}], **options)
    assert search.fit(X, y).n_trials_ == 2
    assert clone(search).fit(X, y).n_trials_ == 2


@pytest.mark.slow
def test_functions_of_a_script_are_known_again_in_another_process(tmp_path):
    script = textwrap.dedent("""
        import sys
        import numpy as np
        from sklearn.datasets import load_iris
        from sklearn.model_selection import KFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer
        from sklearn.svm import SVC
        from skhyper import SearchCV

        class OwnFolds(KFold):
            __repr__ = object.__repr__

        search = SearchCV(
            make_pipeline(FunctionTransformer(lambda a: [a, -a]["k" in {"l", "m"}]), SVC()),
            sampler=[{"svc__C": 1}, {"svc__C": 2}],
            scoring=lambda estimator, X, y: estimator.score(X, y),
            cv=OwnFolds(3, shuffle=True, random_state=np.random.RandomState(0)),
            journal=sys.argv[1],
        )
        print(search.fit(*load_iris(return_X_y=True)).n_trials_)
    """)
    command = [sys.executable, "-c", script, str(tmp_path / "j")]
    for seed in ("1", "2"):  # of the order of sets
        env = {**os.environ, "PYTHONHASHSEED": seed}
        out = subprocess.run(command, capture_output=True, text=True, env=env)
        assert out.stdout.strip() == "2", out.stderr


def test_a_journal_beside_warm_start(tmp_path):
    options = {"cv": 3, "warm_start": True, "journal": tmp_path / "j"}
    manual = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 10}], **options).fit(X, y)
    manual.set_params(sampler=[{"C": 5}]).fit(X, y)
    assert [t.params["C"] for t in manual.history_] == [1, 10, 5]
    assert [t.params["C"] for t in Journal(tmp_path / "j").read()[0]] == [1, 10, 5]
    options["journal"] = tmp_path / "k"
    bayes = BayesSearchCV(SVC(), SPACE, n_iter=4, random_state=0, **options).fit(X, y)
    assert bayes.set_params(n_iter=3).fit(X, y).n_trials_ == 7
    assert len(Journal(tmp_path / "k").read()[0]) == 7


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_kill_9(tmp_path, n_jobs):
    """A search that is killed repeatedly still ends, and repeats no trial."""
    script = textwrap.dedent(f"""
        import os, signal, sys
        from sklearn.datasets import load_iris
        from sklearn.svm import SVC
        from skhyper import BayesSearchCV

        class Killer:
            def setup(self, *args, **kwargs): pass
            teardown = on_fit_task_begin = on_fit_task_end = setup
            def on_fit_task_begin(self, estimator, context): pass
            def on_fit_task_end(self, estimator, context): pass
            n = 0
            def on_trial_end(self, search, trial):
                Killer.n += 1
                if Killer.n == 4:
                    os.kill(os.getpid(), signal.SIGKILL)

        space = {{"C": (1e-2, 1e2, "log-uniform")}}
        search = BayesSearchCV(
            SVC(), space, n_iter=10, cv=3, n_jobs={n_jobs}, random_state=0, journal=sys.argv[1]
        )
        search.set_callbacks(Killer()).fit(*load_iris(return_X_y=True))
        print("ended with", search.n_trials_, sorted(search.cv_results_["param_C"]))
    """)
    codes, out = [], None
    for _ in range(5):
        out = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "j")],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        codes.append(out.returncode)
        if out.returncode == 0:
            break
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0], out.stderr
    alone = BayesSearchCV(SVC(), SPACE, n_iter=10, cv=3, random_state=0).fit(X, y)
    expected = f"ended with 10 {sorted(alone.cv_results_['param_C'])}"
    assert out.stdout.strip() == expected
