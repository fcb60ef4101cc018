"""The progress bar, and callbacks on every supported scikit-learn."""

import io
import pickle
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress

import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from skhyper import BayesSearchCV, GridSearchCV, SearchCV
from skhyper._sklearn import HAS_CALLBACKS
from skhyper.callbacks import Callback, MLflowLogger, ProgressBar, StopOnInterrupt
from skhyper.exceptions import SkhyperWarning

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


class Slow(SVC):
    def fit(self, X, y):
        time.sleep(0.01)
        return super().fit(X, y)


@pytest.mark.usefixtures("virtual_time")
def test_time_left_heeds_max_time_and_the_end_is_a_result():
    out = Terminal()
    search = SearchCV(Slow(), {"C": (1.0, 3.0)}, n_iter=100_000, max_time=0.3, cv=2)
    search.set_callbacks(ProgressBar(file=out)).fit(X, y)
    *lines, result = frames(out)
    left = [line.split("about ")[1].split()[:2] for line in lines]
    assert all(float(number) <= 0.3 and unit == "s" for number, unit in left)  # not hours
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


def test_failures_are_counted():
    out = Terminal()
    search = GridSearchCV(Fails(), {"C": [1, 2, 3]}, cv=2).set_callbacks(ProgressBar(file=out))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    *lines, result = frames(out)
    counts = [line.split("trials")[1].split("  ")[0] for line in lines]
    assert counts == ["", ", 1 failed", ", 1 failed"]
    assert result.startswith("3 trials, 1 failed in ")


class Fails(SVC):
    def fit(self, X, y):
        if self.C == 2:
            raise ValueError("no")
        return super().fit(X, y)


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


class LaterSlow(SVC):
    def fit(self, X, y):
        time.sleep(0.5 * (self.C > 10))
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", ["grid", "bayes"])
def test_a_callback_can_stop_the_search(kind, n_jobs):
    if kind == "grid":
        search = GridSearchCV(LaterSlow(), {"C": list(range(1, 300))}, cv=2, n_jobs=n_jobs)
    else:
        search = BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=300, cv=2, n_jobs=n_jobs)
    search.set_callbacks(StopAt(2)).fit(X, y)
    assert search.stop_reason_ == "a callback asked to stop"
    # Candidates of a grid run at the same time, and end in any order.
    n_most = 50 if kind == "grid" and n_jobs == 2 else 3
    assert search.n_trials_ <= n_most
    # Afterwards, trials are numbered without those that had not ended.
    is_third = {"C": 3} in search.cv_results_["params"] if kind == "grid" else search.n_trials_ == 3
    assert is_third
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
    assert len(jobs) >= 8 * 10  # one behind a slow one is sent to the other worker, too
    assert max(jobs) < (3e5 if listening else 2e3)


class CtrlC(StopAt):
    """A real SIGINT after a given trial, or when a refit begins."""

    def on_trial_end(self, search, trial):
        if trial.number == self.number:
            signal.raise_signal(signal.SIGINT)

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == self.number:
            signal.raise_signal(signal.SIGINT)


def interrupted(at, search=None):
    search = search or SearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=5, cv=2)
    return search.set_callbacks(StopOnInterrupt(), *[CtrlC(number) for number in at])


def test_ctrl_c_ends_a_search(capsys):
    search = interrupted([1]).fit(X, y)
    assert search.stop_reason_ == "stopped by Ctrl-C"
    assert search.stop_reason_.kind == "interrupted"
    assert search.n_trials_ == 2
    assert search.score(X, y) > 0.9
    assert "after 2 trials. Press it again to abort." in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("refit", [True, False])
def test_what_a_stopped_search_is(refit):
    search = GridSearchCV(SVC(), {"C": [1, 2, 3]}, cv=2, refit=refit)
    interrupted([0], search).fit(X, y)
    check_is_fitted(search)
    assert search.best_params_ == {"C": 1}
    assert hasattr(search, "predict") == refit


def test_ctrl_c_during_the_refit_changes_nothing_and_twice_aborts():
    refit = "refit-with-best-params"
    search = interrupted([refit]).fit(X, y)
    assert search.stop_reason_ == "n_iter=5 candidates were tried"
    for at in ([1, refit], [refit, refit]):
        with pytest.raises(KeyboardInterrupt):
            interrupted(at, search).fit(X, y)
        with pytest.raises(NotFittedError, match="refit_best"):
            search.predict(X)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_is_for_the_handler_of_before():
    calls = []
    before = signal.signal(signal.SIGINT, lambda *args: calls.append(args[0]))
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted([1, "refit-with-best-params"]).fit(X, y)
        assert calls == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
        assert len(calls) == 2
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_before_the_first_trial_passes_on():
    class Interrupted(SVC):
        def fit(self, X, y):
            signal.raise_signal(signal.SIGINT)

    search = interrupted([], SearchCV(Interrupted(), sampler=[{"C": 1}], cv=2))
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.stop_reason_ == "interrupted by KeyboardInterrupt"


def test_a_fit_that_catches_ctrl_c_ends_the_search_too():
    """As those of some libraries do, in order to end with the model so far."""

    class Catches(SVC):
        def fit(self, X, y):
            if self.C == 2:
                with suppress(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)
            return super().fit(X, y)

    settings = [{"C": value} for value in (1, 2, 3, 4)]
    search = interrupted([], SearchCV(Catches(), sampler=settings, cv=2))
    # Ctrl-C is counted once for each fold: the second fold's would be the second one.
    search.set_params(cv=[(range(0, 150, 2), range(1, 150, 2))]).fit(X, y)
    assert search.stop_reason_ == "stopped by Ctrl-C"
    assert search.n_trials_ == 2


def test_outside_of_the_main_thread_stop_on_interrupt_warns():
    before, found = signal.getsignal(signal.SIGINT), []

    def run():
        with pytest.warns(SkhyperWarning, match="Ctrl-C to the main thread only"):
            found.append(interrupted([]).fit(X, y).n_trials_)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [5]
    assert signal.getsignal(signal.SIGINT) is before


def test_stop_on_interrupt_respects_that_ctrl_c_is_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        search = interrupted([1]).fit(X, y)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert search.n_trials_ == 5


def test_stop_on_interrupt_in_a_worker_is_inactive():
    callback = StopOnInterrupt()
    callback.setup(None, None)
    copy = pickle.loads(pickle.dumps(callback))
    callback.teardown(None, None)
    assert not copy.is_active


def test_a_search_within_a_search_has_its_own_first_ctrl_c():
    inner = interrupted([1], SearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=5, cv=2))

    class Nested(Callback):
        def on_trial_end(self, search, trial):
            if trial.number == 1:
                inner.fit(X, y)  # the first Ctrl-C is the inner one's

    outer = SearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=4, cv=2)
    outer.set_callbacks(StopOnInterrupt(), Nested()).fit(X, y)
    assert (inner.n_trials_, outer.n_trials_) == (2, 4)


@pytest.mark.filterwarnings("ignore")  # of MLflow's own dependencies
def test_mlflow_logger_logs_a_run_a_search_and_one_a_trial(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    try:
        logger = MLflowLogger("svc", tags={"by": "test"})
        search = SearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=4, cv=3, random_state=0, n_jobs=2)
        search.set_callbacks(logger).fit(X, y)
        client = MlflowClient()
        experiment = client.get_experiment_by_name("svc").experiment_id
        runs = client.search_runs([experiment])
        parent = client.get_run(logger.run_id)
        children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == logger.run_id]
        assert mlflow.active_run() is None
    finally:
        mlflow.set_tracking_uri(before)
    assert len(runs) == len(children) + 1 == 5
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["by"] == "test"
    assert parent.data.tags["stop_reason"] == search.stop_reason_
    assert parent.data.metrics["best_score"] == pytest.approx(search.best_score_)
    assert parent.data.params["best_C"] == str(search.best_params_["C"])
    assert parent.data.params["n_iter"] == "4"
    scores = {run.data.params["C"]: run.data.metrics["mean_score"] for run in children}
    expected = {str(t.params["C"]): -t.loss for t in search.history_}
    assert scores == pytest.approx(expected)


def test_mlflow_that_fails_does_not_end_the_search(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    search = SearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=2, cv=3, random_state=0)
    with pytest.warns(UserWarning, match="MLflow could not log the search"):
        search.set_callbacks(MLflowLogger()).fit(X, y)
    assert search.n_trials_ == 2
    assert pickle.loads(pickle.dumps(MLflowLogger("a"))).experiment == "a"
