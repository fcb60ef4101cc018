"""The journal of a search: resumed, in use, on a full disk, deleted. Damage is in test_replay."""

import json
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV, load_history
from skhyper.evaluation import Journal, _journal
from skhyper.exceptions import SkhyperWarning

X, y = load_iris(return_X_y=True)
SPACE = {"C": (1e-2, 1e2, "log-uniform")}


def bayes(journal, n_iter=3, **options):
    return BayesSearchCV(
        SVC(), SPACE, n_iter=n_iter, cv=2, random_state=0, journal=journal, **options
    )


def test_another_file_is_left_alone(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("chapter one, and the next two years of my life")
    with pytest.raises(ValueError, match="is not a journal of skhyper"):
        bayes(path).fit(X, y)
    assert path.read_text().startswith("chapter one")


def test_a_journal_of_pickles_is_refused_and_not_opened(tmp_path):
    path = tmp_path / "j"
    bomb = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    path.write_bytes(b"skhyper journal 1\n" + bomb)
    for read in (bayes(path).fit, lambda X, y: load_history(path)):
        with pytest.raises(ValueError, match=r"of format 1, written by skhyper 0\.1\.0\.dev0"):
            read(X, y)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("wrong", ["", "folder", "nowhere/j", "/dev/full", "pipe"])
def test_where_a_journal_cannot_be(tmp_path, wrong):
    (tmp_path / "folder").mkdir()
    if wrong == "pipe":
        getattr(os, "mkfifo", os.mkdir)(tmp_path / wrong)
    path = str(tmp_path / wrong) if wrong else ""
    with pytest.raises(ValueError, match=r"must name a file|does not exist"):
        bayes(path).fit(X, y)


class StopsAt(SVC):
    n_fits = 0
    last = 10**9

    def fit(self, X, y):
        StopsAt.n_fits += 1
        if StopsAt.n_fits > StopsAt.last:
            raise KeyboardInterrupt
        return super().fit(X, y)


@pytest.mark.parametrize("n_fits", [0, 1, 4, 14, 24])
@pytest.mark.parametrize("kind", ["bayes", "manual", "grid"])
@pytest.mark.fast_cases(5)
def test_finished_folds_are_not_fitted_again(tmp_path, kind, n_fits):
    settings = [{"C": c} for c in range(1, 9)]

    def search(journal):
        options = {"cv": 3, "journal": journal}
        if kind == "bayes":
            return BayesSearchCV(StopsAt(), SPACE, n_iter=8, random_state=0, **options)
        if kind == "grid":
            return GridSearchCV(StopsAt(), {"C": list(range(1, 9))}, **options)
        return SearchCV(StopsAt(), sampler=settings, **options)

    StopsAt.last = 10**9
    expected = search(None).fit(X, y)
    StopsAt.n_fits, StopsAt.last = 0, n_fits
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "j").fit(X, y)
    StopsAt.n_fits, StopsAt.last = 0, 10**9
    resumed = search(tmp_path / "j").fit(X, y)
    assert StopsAt.n_fits == 3 * 8 - n_fits + 1
    assert_same_results(resumed.cv_results_, expected.cv_results_)
    StopsAt.n_fits = 0
    search(tmp_path / "j").fit(X, y)
    assert StopsAt.n_fits == 1


def assert_same_results(one, other):
    """Tables are equal except for times."""
    assert one.keys() == other.keys()
    assert one["params"] == other["params"]
    for key in one:
        if "time" not in key and key != "params":
            np.testing.assert_array_equal(one[key], other[key])


def test_a_larger_grid_continues(tmp_path):
    options = {"cv": 3, "journal": tmp_path / "j"}
    GridSearchCV(SVC(), {"C": [2, 3]}, **options).fit(X, y)
    search = GridSearchCV(SVC(), {"C": [1, 2, 3, 4]}, **options).fit(X, y)
    assert [trial.params["C"] for trial in search.history_] == [2, 3, 1, 4]
    more = {"C": np.logspace(-2, 2, 100)}
    options |= {"journal": tmp_path / "k", "random_state": 0}
    RandomizedSearchCV(SVC(), more, n_iter=2, **options).fit(X, y)
    assert RandomizedSearchCV(SVC(), more, n_iter=5, **options).fit(X, y).n_trials_ == 5


def test_trials_given_by_another_search_do_not_count(tmp_path):
    first = SearchCV(SVC(), sampler=[{"C": 1.0}, {"C": 2.0}], cv=2).fit(X, y)
    path, expected = tmp_path / "j", bayes(None, 4, history=first.history_).fit(X, y)
    assert bayes(path, 3, history=first.history_).fit(X, y).n_trials_ == 5
    search = bayes(path, 4, history=first.history_).fit(X, y)
    assert_same_results(search.cv_results_, expected.cv_results_)
    # Without them, too: they are in the journal.
    assert bayes(path, 4).fit(X, y).n_trials_ == 6


def test_when_trials_started(tmp_path):
    start = time.time()
    search = bayes(tmp_path / "j").fit(X, y)
    started = [trial.started for trial in search.history_]
    assert start < started[0] < started[1] < started[2] < time.time()
    assert [trial.started for trial in load_history(tmp_path / "j")] == started


def test_a_torn_last_line_is_removed_with_a_note(tmp_path):
    path = tmp_path / "j"
    expected = bayes(path, 4).fit(X, y)
    whole = path.read_bytes()
    starts = [i for i in range(len(whole)) if whole[i - 1 : i] == b"\n"]
    for start in (starts[4], starts[-1]):
        path.write_bytes(whole[: start + 9])
        with pytest.warns(SkhyperWarning, match="last line of the journal .* was incomplete"):
            resumed = bayes(path, 4).fit(X, y)
        assert_same_results(resumed.cv_results_, expected.cv_results_)
        assert len(load_history(path)) == 4
    path.write_bytes(whole[:20])  # of the header
    with pytest.warns(SkhyperWarning, match="was incomplete"):
        bayes(path, 4).fit(X, y)
    assert len(load_history(path)) == 4


def test_one_journal_serves_one_search_at_a_time(tmp_path):
    path = tmp_path / "j"
    first = Journal(path)
    with pytest.raises(ValueError, match="in use by another search"):
        Journal(path)
    with pytest.raises(ValueError, match="in use by another search"):
        bayes(path).fit(X, y)
    first.close()
    assert not path.exists()  # nothing was written
    bayes(path).fit(X, y)
    assert len(load_history(path)) == 3


@pytest.mark.parametrize("cls", ["grid", "manual"])
def test_a_list_with_repeats_is_resumed(tmp_path, cls):
    options = {"allow_repeats": True, "cv": 3, "journal": tmp_path / "j"}
    if cls == "grid":
        search = SearchCV(SVC(), {"C": [1, 2]}, sampler="grid", **options)
    else:
        search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 1}], **options)
    assert search.fit(X, y).n_trials_ == 2
    assert clone(search).fit(X, y).n_trials_ == 2


def test_a_journal_beside_warm_start(tmp_path):
    options = {"cv": 3, "warm_start": True, "journal": tmp_path / "j"}
    manual = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 10}], **options).fit(X, y)
    manual.set_params(sampler=[{"C": 5}]).fit(X, y)
    assert [t.params["C"] for t in manual.history_] == [1, 10, 5]
    assert [t.params["C"] for t in load_history(tmp_path / "j")] == [1, 10, 5]
    search = bayes(tmp_path / "k", 4, warm_start=True).fit(X, y)
    assert search.set_params(n_iter=3).fit(X, y).n_trials_ == 7
    assert len(load_history(tmp_path / "k")) == 7


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(2), KFold(2, shuffle=True), iter(list(ShuffleSplit(2).split(X)))]
)
def test_folds_without_a_seed_are_those_of_the_journal(tmp_path, cv):
    search = SearchCV(SVC(), sampler=[{"C": 1}], cv=cv, journal=tmp_path / "j")
    splits = list(search.fit(X, y).history_.splits)
    if not hasattr(cv, "split"):
        cv = iter([(np.array(train), np.array(test)) for train, test in splits])
    again = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 2}], cv=cv, journal=tmp_path / "j").fit(X, y)
    for (a, b), (c, d) in zip(splits, again.history_.splits, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_folds_of_100_000_samples_take_less_than_100_kB(tmp_path):
    rows = np.zeros((100_000, 1))
    target = np.arange(100_000) % 2
    for i, cv in enumerate(
        [5, KFold(5, shuffle=True), list(KFold(5, shuffle=True, random_state=0).split(rows))]
    ):
        path = tmp_path / str(i)
        search = GridSearchCV(DummyClassifier(), {"strategy": ["prior"]}, cv=cv, journal=path)
        search.fit(rows, target)
        assert path.stat().st_size < (10_000 if i < 2 else 100_000)


def test_a_journal_that_is_deleted_is_noticed(tmp_path):
    path = tmp_path / "j"

    class Deletes(SVC):
        def fit(self, X, y):
            path.unlink(missing_ok=True)
            return super().fit(X, y)

    search = SearchCV(Deletes(), SPACE, n_iter=3, cv=2, random_state=0, journal=path)
    with pytest.warns(SkhyperWarning, match="no longer written to the journal .* deleted") as seen:
        search.fit(X, y)
    assert len([w for w in seen if "no longer" in str(w.message)]) == 1
    assert search.n_trials_ == 3
    assert not path.exists()


def test_an_interruption_while_a_line_is_written(tmp_path, monkeypatch):
    """Ctrl-C after some bytes of a line: the rest of the file stays whole."""
    path, n_lines = tmp_path / "j", []
    append = Journal._append

    def interrupted(file, lines, end):
        n_lines.append(lines)
        if len(n_lines) == 7:  # the first fold of the second trial
            append(file, lines[:30], end)
            raise KeyboardInterrupt
        append(file, lines, end)

    monkeypatch.setattr(Journal, "_append", staticmethod(interrupted))
    with pytest.raises(KeyboardInterrupt):
        bayes(path, 4).fit(X, y)
    history = load_history(path)
    assert [trial.state for trial in history] == ["complete", "running"]
    resumed = bayes(path, 4).fit(X, y)
    assert_same_results(resumed.cv_results_, bayes(None, 4).fit(X, y).cv_results_)


def test_the_directory_may_change(tmp_path, monkeypatch):
    class Moves(SVC):
        def fit(self, X, y):
            os.chdir(tmp_path)
            return super().fit(X, y)

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    SearchCV(Moves(), SPACE, n_iter=2, cv=2, random_state=0, journal="j").fit(X, y)
    assert len(load_history(tmp_path / "here" / "j")) == 2


FULL_DISK = textwrap.dedent("""
    import resource, sys, warnings
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC
    from skhyper import BayesSearchCV, SearchCV
    limit = int(sys.argv[2])
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    search = SearchCV(SVC(), {"C": (0.1, 1.0)}, n_iter=9, cv=2, random_state=0, journal=sys.argv[1])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        search.fit(*load_iris(return_X_y=True))
    told = [w for w in seen if "no longer written" in str(w.message)]
    print(search.n_trials_, len(told), *[w.message for w in told])
""")


@pytest.mark.parametrize("limit", [2000, 100, 4103])
@pytest.mark.fast_cases(1)
def test_a_full_disk(tmp_path, limit):
    """A real limit of the size of files, somewhere in a line, or in the header."""
    pytest.importorskip("resource")
    path = tmp_path / "j"
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    out = subprocess.run([*command, str(limit)], capture_output=True, text=True)
    assert out.stdout.startswith("9 1 The search is no longer written to the journal"), out.stderr
    assert "File too large" in out.stdout
    whole = path.read_bytes()
    assert len(whole) <= limit
    assert whole == b"" or whole.endswith(b"\n")
    n_before = len(load_history(path))
    assert n_before < 9
    out = subprocess.run([*command, "0"], capture_output=True, text=True)  # with more space
    assert out.stdout == "9 0\n", out.stderr
    assert len(load_history(path)) == 9


def test_writing_that_fails_in_the_background(tmp_path, monkeypatch):
    """An error of fsync, as of a network drive that is gone."""

    def fsync(file):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(_journal.os, "fsync", fsync)
    with pytest.warns(SkhyperWarning, match="no longer written .*Input/output error"):
        search = bayes(tmp_path / "j").fit(X, y)
    assert search.n_trials_ == 3


READ_ONLY = textwrap.dedent("""
    import ctypes, os, sys
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC
    from skhyper import SearchCV
    folder, path = sys.argv[1:]
    if os.geteuid() == 0:  # without its capabilities, root must obey permissions
        version, none = 0x20080522, (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(version, 0), none) == 0

    class MakesReadOnly(SVC):
        def fit(self, X, y):
            os.chmod(path, 0o400)
            os.chmod(folder, 0o500)
            return super().fit(X, y)

    search = SearchCV(MakesReadOnly(), {"C": (0.1, 1.0)}, n_iter=3, cv=2, journal=path)
    print(search.fit(*load_iris(return_X_y=True)).n_trials_)
    search.fit(*load_iris(return_X_y=True))
""")


@pytest.mark.skipif(sys.platform != "linux", reason="needs capset of Linux, if run by root")
def test_a_folder_that_becomes_read_only(tmp_path):
    """The search that holds the journal keeps writing; a second one raises an error."""
    folder = tmp_path / "f"
    folder.mkdir()
    command = [sys.executable, "-W", "error", "-c", READ_ONLY, str(folder), str(folder / "j")]
    out = subprocess.run(command, capture_output=True, text=True)
    folder.chmod(0o700)
    assert out.stdout == "3\n", out.stderr
    assert "ValueError" in out.stderr and "cannot be written" in out.stderr
    assert len(load_history(folder / "j")) == 3


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.warns(SkhyperWarning, match=r"locked, since its file system does not supp"):
        bayes(tmp_path / "j").fit(X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_two_searches_started_at_once(tmp_path):
    """Checking and locking are atomic: of simultaneous processes, one searches."""
    script = textwrap.dedent("""
        import sys, time
        from sklearn.datasets import load_iris
        from sklearn.svm import SVC
        from skhyper import SearchCV
        search = SearchCV(SVC(), sampler=[{"C": 1}], cv=2, journal=sys.argv[1])
        data = load_iris(return_X_y=True)
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            search.fit(*data)
        except ValueError as error:
            assert "in use" in str(error)
        else:
            print("searched")
    """)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "j")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outs = [process.communicate(timeout=300) for process in processes]
    assert all(err == "" for _, err in outs), outs
    assert sum(out == "searched\n" for out, _ in outs) >= 1
    (trial,) = load_history(tmp_path / "j")
    assert trial.state == "complete"


def test_versions_of_packages_differ(tmp_path, monkeypatch):
    path = tmp_path / "j"
    bayes(path).fit(X, y)
    monkeypatch.setattr(sklearn, "__version__", "0.22")
    with pytest.warns(SkhyperWarning, match=r"made with scikit-learn 1\.\S+; this is scikit-l"):
        bayes(path, 4).fit(X, y)
    bayes(path, 5).fit(X, y)  # the last process had this version
    assert len(load_history(path)) == 5


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
            sampler=[{"svc__C": 1}, {"svc__C": 2, "svc__kernel": lambda a, b: a @ b.T}],
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


KILLED = textwrap.dedent("""
    import json, os, signal, sys, time
    import numpy as np
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC
    from skhyper import BayesSearchCV, load_history

    class Slow(SVC):
        def fit(self, X, y):
            with open("fits", "a") as file:
                print(repr(float(self.C)), len(X), float(X.sum()), file=file)
            time.sleep(0.02)
            return super().fit(X, y)

    X, y = load_iris(return_X_y=True)
    n_searches, n_jobs = map(int, sys.argv[1:])
    rng = np.random.default_rng(n_searches)

    def in_fork(after):
        pid = os.fork()
        if pid == 0:
            space = {"C": (1e-2, 1e2, "log-uniform")}
            options = {"n_iter": 12, "cv": 3, "random_state": 0, "n_jobs": n_jobs, "journal": "j"}
            search = BayesSearchCV(Slow(), space, **options).fit(X, y)
            scores = search.cv_results_["mean_test_score"].tolist()
            with open("results", "w") as file:
                json.dump([search.cv_results_["param_C"].tolist(), scores], file)
            os._exit(0)
        if after is not None:
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    for number in range(n_searches):
        os.mkdir(str(number))
        os.chdir(str(number))
        n_recorded = 0
        for _ in range(rng.integers(1, 4)):
            in_fork(rng.uniform(0.0, 1.5 if n_jobs == 1 else 4.0))
            history = load_history("j") if os.path.exists("j") else []
            assert sum(t.state == "complete" for t in history) >= n_recorded
            n_recorded = sum(t.state == "complete" for t in history)
            n_kills = _ + 1
        in_fork(None)
        fits = open("fits").read().splitlines()
        print(json.dumps([n_kills, len(fits), len(set(fits)), json.load(open("results"))]))
        os.chdir("..")
""")


# 50 take three minutes: SKHYPER_N_KILLED=50 pytest tests/evaluation/test_journal.py -k kill_9
N_KILLED = int(os.environ.get("SKHYPER_N_KILLED", "8"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("n_searches", "n_jobs"),
    [
        (1, 1),
        pytest.param(N_KILLED, 1, marks=pytest.mark.slow),
        pytest.param(N_KILLED // 4, 2, marks=pytest.mark.slow),
    ],
)
def test_kill_9_at_random_moments(tmp_path, n_searches, n_jobs):
    """Killed one to three times, searches end as others do; no recorded fold is fitted again."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", KILLED, str(n_searches), str(n_jobs)]
    out = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    expected = BayesSearchCV(SVC(), SPACE, n_iter=12, cv=3, random_state=0, n_jobs=n_jobs)
    results = expected.fit(X, y).cv_results_
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert len(lines) == n_searches
    for n_kills, n_fits, n_distinct, found in lines:
        assert found == [results["param_C"].tolist(), results["mean_test_score"].tolist()]
        assert n_distinct == 12 * 3 + 1
        # Folds that ran when the process was killed; workers may outlive it by one fold.
        assert n_fits <= n_distinct + n_kills * (1 if n_jobs == 1 else 4)


KILLED_REFIT = """
import os, sys
from sklearn.datasets import load_iris
from sklearn.svm import SVC
from skhyper import SearchCV

class DiesInRefit(SVC):
    def fit(self, X, y):
        with open("fits", "a") as file:
            file.write(".")
        if len(X) == 150 and sys.argv[1] == "dies":
            os.kill(os.getpid(), 9)
        return super().fit(X, y)

X, y = load_iris(return_X_y=True)
search = SearchCV(DiesInRefit(), {"C": (0.1, 10.0)}, n_iter=4, cv=3, journal="j", random_state=0)
print(search.fit(X, y).predict(X[:1]), len(search.history_))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no kill -9")
def test_a_search_that_is_killed_in_its_refit_only_fits_that_again(tmp_path):
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    runs = [
        subprocess.run(
            [sys.executable, "-c", KILLED_REFIT, how],
            capture_output=True,
            text=True,
            env=env,
            cwd=tmp_path,
        )
        for how in ("dies", "lives")
    ]
    assert [run.returncode for run in runs] == [-9, 0], runs[1].stderr
    assert runs[1].stdout.split() == ["[0]", "4"]
    assert len((tmp_path / "fits").read_text()) == 4 * 3 + 1 + 1
