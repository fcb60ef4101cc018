"""Observers of folds and trials."""

import pytest

from skhyper._sklearn import HAS_CALLBACKS
from skhyper._trial import History, Trial
from skhyper.evaluation import FailureWatch, FoldCallbacks, FoldJob, Observer, TrialCallbacks


def failed(number, *messages):
    folds = tuple(
        {"fit_error": message and f"Traceback\n  File x\n    y\nValueError: {message}"}
        for message in messages
    )
    return Trial(number, {}, "failed", folds=folds)


def reasons(trials, base=()):
    watch = FailureWatch(float, base)
    found = [watch.on_trial_end(trial, History()) for trial in trials]
    assert watch.gave_up == any(found)
    return found


def test_an_observer_hears_and_does_nothing():
    job = FoldJob(0, 0, {}, 1)
    assert Observer().on_fold_start(job) is job
    assert Observer().on_trial_end(Trial(0, {}), History()) is None


def test_a_search_gives_up_after_three_trials_that_fail_alike():
    reason = "all of the first 3 trials failed with the same error"
    same = [failed(i, "one", "one") for i in range(3)]
    assert reasons(same) == [None, None, reason]
    assert reasons(same[2:], base=same[:2]) == [reason]


@pytest.mark.parametrize(
    "other", [failed(0, "one", "two"), failed(0, "one", None), failed(0, "two", "two")]
)
def test_a_search_goes_on_if_anything_else_was_seen(other):
    assert reasons([failed(1, "one", "one"), other, *[failed(i, "one") for i in range(5)]]) == (
        [None] * 7
    )


class Context:
    def __init__(self):
        self.calls = []

    def subcontext(self, task_name, task_id):
        self.calls.append(task_id)
        return self

    def call_on_fit_task_begin(self, estimator):
        self.calls.append(f"begin {estimator}")

    def call_on_fit_task_end(self, estimator):
        self.calls.append(f"end {estimator}")


def test_callbacks_of_folds():
    context = Context()
    observer = FoldCallbacks("search", "caller", context, n_splits=3)
    job = observer.on_fold_start(FoldJob(2, 1, {}, 4))
    observer.on_fold_end(job, {})
    if HAS_CALLBACKS:
        assert (job.caller, job.context, context.calls) == ("caller", context, [7])
    else:  # called here, and not by the worker
        assert (job.caller, job.context) == (None, None)
        assert context.calls == [7, "begin search", "end search"]


def test_callbacks_of_trials_read_the_history():
    class Search:
        pass

    class Stops:
        def on_trial_end(self, search, trial):
            assert search.history_[trial.number] is trial
            return trial.number == 1

    search, heard = Search(), []
    search._skl_callbacks = [object(), Stops()]
    observer = TrialCallbacks(search, [lambda *args: heard.append(args)])
    trials = Trial(0, {}, "complete"), Trial(1, {}, "complete")
    answers = [observer.on_trial_end(t, History(trials[: t.number + 1])) for t in trials]
    assert answers == [None, "a callback asked to stop"]
    assert [(s, len(history), t.number) for s, history, t in heard] == [
        (search, 1, 0),
        (search, 2, 1),
    ]
