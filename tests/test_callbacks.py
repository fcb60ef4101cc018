"""The progress bar, and callbacks on every supported scikit-learn."""

import io
import pickle

import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, SearchCV
from skhyper._sklearn import HAS_CALLBACKS
from skhyper.callbacks import ProgressBar

X, y = load_iris(return_X_y=True)


class Recorder:
    """Follows the protocol of scikit-learn 1.9."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(SVC(), {"C": [1, 2, 3]}, cv=2),
        BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=3, cv=2, random_state=0),
        SearchCV(SVC(), sampler=[{"C": 1}, {"C": 2}, {"C": 3}], cv=2),
    ],
    ids=["grid", "bayes", "manual"],
)
def test_callbacks_see_every_fit(search):
    recorder = Recorder()
    search.set_callbacks(recorder).fit(X, y)
    for event in ("begin", "end"):
        names = [name for what, name in recorder.calls if what == event]
        assert names.count("candidate-split-evaluation") == 6
        assert names.count("search") == 1
        assert names.count("refit-with-best-params") == 1
        assert len(names) == 6 + 3
    assert recorder.calls[0][0] == "setup"
    assert recorder.calls[-1][0] == "teardown"


def test_teardown_after_an_error():
    recorder = Recorder()
    search = GridSearchCV(SVC(), {"C": [-1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="'C' parameter"):
        search.set_callbacks(recorder).fit(X, y)
    assert recorder.calls[-1][0] == "teardown"


def test_only_callbacks_are_accepted():
    with pytest.raises(TypeError, match="FitCallback"):
        GridSearchCV(SVC(), {"C": [1]}).set_callbacks(print)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn's own callbacks came with 1.9")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.slow
def test_scikit_learns_own_progress_bar_and_scoring_monitor(n_jobs, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar as SklearnProgressBar

    search = BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=4, cv=2, n_jobs=n_jobs, random_state=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # SVC itself has no callbacks
            search.set_callbacks(SklearnProgressBar()).fit(X, y)
    assert "BayesSearchCV - search" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self):
        return True


def frames(out):
    """Successive contents of the line on a terminal."""
    return [line for line in out.getvalue().split("\r") if line.strip()]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.fast_cases(1)
def test_progress_bar(n_jobs):
    out = Terminal()
    search = BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=5, cv=2, n_jobs=n_jobs, random_state=0)
    search.set_callbacks(ProgressBar(file=out)).fit(X, y)
    *lines, result = frames(out)
    assert [line.split()[1] for line in lines] == [f"{i}/5" for i in range(1, 6)]
    assert f"best {search.best_score_:.4g}" in lines[-1]
    assert lines[-1].startswith("[" + "#" * 24 + "]")
    assert result.startswith("5 trials in ")
    assert f"best {search.best_score_:.4g}  (n_iter=5 candidates were tried)" in result
    assert out.getvalue().endswith("\n")
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize("n_trials", [3, 80])
def test_without_a_terminal_there_are_few_plain_lines(n_trials):
    out = io.StringIO()
    settings = [{"C": 1 + i / n_trials} for i in range(n_trials)]
    search = SearchCV(SVC(), sampler=settings, cv=2).set_callbacks(ProgressBar(file=out))
    search.fit(X, y)
    assert "\r" not in out.getvalue()
    *lines, result = out.getvalue().splitlines()
    assert len(lines) == min(11, n_trials)
    assert lines[0].split()[1] == f"1/{n_trials}"
    assert result.startswith(f"{n_trials} trials in ")
    assert out.getvalue().endswith("\n")


def test_time_left_heeds_max_time_and_the_end_is_a_result():
    out = Terminal()
    search = SearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=100_000, max_time=0.3, cv=2)
    search.set_callbacks(ProgressBar(file=out)).fit(X, y)
    *lines, result = frames(out)
    left = [line.split("about ")[1].split()[0] for line in lines]
    assert set(left) == {"0"}  # by trials it would be minutes
    shares = [line.count("#") / 24 for line in lines]
    assert shares == sorted(shares)
    assert shares[-1] > 0.1  # by trials it would be none
    assert result.startswith(f"{search.n_trials_} trials in ")
    assert "(max_time=0.3 seconds have passed)" in result


def test_without_a_number_of_trials_none_is_shown():
    out = Terminal()
    search = SearchCV(SVC(), {"C": (1.0, 3.0)}, max_time=0.2, cv=2, random_state=0)
    search.set_callbacks(ProgressBar(file=out)).fit(X, y)
    assert frames(out)[0].split()[1:3] == ["1", "trials"]


def test_a_search_that_goes_on_counts_what_was_there(tmp_path):
    def fit(n_iter):
        out = Terminal()
        search = BayesSearchCV(
            SVC(), {"C": (1.0, 3.0)}, n_iter=n_iter, cv=2, journal=tmp_path / "j", random_state=0
        )
        search.set_callbacks(ProgressBar(file=out)).fit(X, y)
        return frames(out)

    fit(3)
    *lines, result = fit(5)
    assert [line.split()[1] for line in lines] == ["4/5", "5/5"]
    assert result.startswith("5 trials in ")
    assert fit(5) == []  # nothing left to do


def test_after_an_interruption_the_last_line_says_so():
    class Interrupts(StopAt):
        def on_trial_end(self, search, trial):
            if trial.number == self.number:
                raise KeyboardInterrupt

    out = io.StringIO()
    search = GridSearchCV(SVC(), {"C": [1, 2, 3]}, cv=2)
    search.set_callbacks(ProgressBar(file=out), Interrupts(1))
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    result = out.getvalue().splitlines()[-1]
    assert result.startswith("2 trials in ")
    assert result.endswith("(interrupted by KeyboardInterrupt)")


def test_progress_bar_in_a_second_fit_starts_anew():
    out = Terminal()
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=2).set_callbacks(ProgressBar(file=out))
    search.fit(X, y)
    search.fit(X, y)
    assert out.getvalue().count("1/2 trials") == 2
    assert pickle.loads(pickle.dumps(ProgressBar(file=out))).file is None


class StopAt:
    """Stops the search after a given trial."""

    def __init__(self, number):
        self.number = number

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context): ...

    def on_trial_end(self, search, trial):
        return trial.number == self.number


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", ["grid", "bayes"])
def test_a_callback_can_stop_the_search(kind, n_jobs):
    if kind == "grid":
        search = GridSearchCV(SVC(), {"C": list(range(1, 300))}, cv=2, n_jobs=n_jobs)
    else:
        search = BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=300, cv=2, n_jobs=n_jobs)
    search.set_callbacks(StopAt(2)).fit(X, y)
    assert search.stop_reason_ == "a callback asked to stop"
    # Candidates of a grid run at the same time: others may end later than this one.
    assert search.n_trials_ in ({1, 2, 3} if kind == "grid" and n_jobs == 2 else {3})
    assert search.best_estimator_.predict(X).shape == y.shape


@pytest.mark.parametrize("listening", [False, True])
def test_a_job_does_not_grow_with_what_was_tried(listening, monkeypatch):
    import cloudpickle

    sizes = []
    original = cloudpickle.dumps

    def spy(obj):
        sizes.append(len(original(obj)))
        return original(obj)

    search = BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=8, cv=10, n_jobs=2, random_state=0)
    if listening:
        search.set_callbacks(Recorder())
    search.fit(X[50:], y[50:])
    monkeypatch.setattr(cloudpickle, "dumps", spy)
    search.fit(X[50:], y[50:])
    jobs = sizes[1:]  # the first is what all jobs share
    assert len(jobs) == 8 * 10
    assert max(jobs) < (3e5 if listening else 2e3)
