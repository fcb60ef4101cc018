"""Groups of candidates that share fits, and the pool that runs them."""

from collections import deque

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from skhyper.evaluation import FitGroups, FoldJob, SharingPool, params_key

FOREST = RandomForestClassifier(random_state=0)


def groups(listed, estimator=FOREST):
    found = FitGroups(estimator)
    found.add(listed)
    return found


def test_candidates_that_differ_in_one_hyperparameter_are_grouped():
    listed = [{"n_estimators": n, "max_depth": d} for d in (1, 2) for n in (5, 9)]
    assert len(groups(listed)) == 4
    assert len(groups(listed[1:])) == 2  # the first one is alone
    assert len(groups([{"max_depth": d} for d in (1, 2)])) == 0
    assert len(groups([{"n_estimators": n} for n in (3, 0, -1, 2.0)])) == 0


def test_a_second_rule_groups_candidates_that_agree_on_the_hyperparameter_of_the_first():
    def names(listed):
        found = groups(listed)
        group_of = [found.of(params_key(params)) for params in listed]
        return [group and (group.rule.name, len(group.values)) for group in group_of]

    listed = [{"n_estimators": 5, "ccp_alpha": a} for a in (0.0, 0.1, 0.2)]
    assert names(listed) == [("ccp_alpha", 3)] * 3
    two = [{"n_estimators": 9, "ccp_alpha": 0.0}, *listed]
    assert names(two) == [("n_estimators", 2)] * 2 + [("ccp_alpha", 2)] * 2
    assert names([*listed[:1], {"n_estimators": 0, "ccp_alpha": 0.0}]) == [None, None]


def test_why_candidates_are_not_grouped():
    listed = [{"n_estimators": n} for n in (5, 9)]
    found = groups(listed, RandomForestClassifier())
    assert len(found) == 0
    assert found.why_not == {"": "random_state is None: each fit has other trees"}
    # The other hyperparameters of the candidates count.
    seeded = [{"random_state": s, **params} for s in (None, 1) for params in listed]
    assert len(groups(seeded)) == 2


def test_steps_that_are_replaced():
    pipeline = Pipeline([("model", SVC())])
    boosting = GradientBoostingClassifier(random_state=0)
    listed = [
        {"model": model, "model__n_estimators": n} for model in (FOREST, boosting) for n in (1, 2)
    ]
    assert len(groups([*listed, {"model": SVC(), "model__C": 1}], pipeline)) == 4
    assert len(groups([{"model": "passthrough"}, *listed], pipeline)) == 4


class Inner:
    """A pool whose jobs are done one by one, each with results for its followers."""

    n_workers, gives_up, in_process, began = 2, True, True, 0.0

    def __init__(self, has_followers=True):
        self.jobs, self.cancelled, self.ran = deque(), [], []
        self._has_followers = has_followers

    @property
    def has_room(self):
        return len(self.jobs) < 2

    def submit(self, job):
        self.jobs.append(job)

    def wait(self, timeout=None):
        job = self.jobs.popleft()
        self.ran.append((job.trial, job.fold, job.followers and job.followers.values))
        result = one(job.params["n_estimators"]) | {"started": 7.0, "seconds": 1.0}
        if job.followers is not None and self._has_followers:
            longest = job.followers.longest
            result["followers"] = [one(value) for value in job.followers.values]
            for value, found in zip(job.followers.values, result["followers"]):
                found["shared"] = value != longest
            result["shared"] = job.params["n_estimators"] != longest
        yield job, result

    def cancel(self, trial):
        self.cancelled.append(trial)

    def close(self, kill=False):
        self.jobs.clear()


def one(value):
    return {"test_scores": float(value), "fit_time": 0.5, "score_time": 0.25, "fit_error": None}


VALUES = (5, 9, 7)


def jobs(fold=0):
    return [FoldJob(i, fold, {"n_estimators": n}, 3) for i, n in enumerate(VALUES)]


def sharing(finished=(), **options):
    inner, found = Inner(**options), FitGroups(FOREST)
    found.add([{"n_estimators": n} for n in VALUES], finished)
    return inner, SharingPool(inner, found)


def collected(pool):
    return [(job.trial, job.fold, result["test_scores"]) for job, result in pool.wait()]


def test_all_of_a_group_come_from_one_job():
    inner, pool = sharing()
    for job in jobs():
        pool.submit(job)
    assert collected(pool) == [(0, 0, 5.0), (1, 0, 9.0), (2, 0, 7.0)]
    assert inner.ran == [(0, 0, (9, 7))]


def test_what_was_shared_is_counted():
    _, pool = sharing()
    for job in jobs():
        pool.submit(job)
    counts = [result["reuse"] for _, result in pool.wait()]
    assert [(c.fits_asked, c.fits_made) for c in counts] == [(1, 1), (1, 0), (1, 0)]
    # The pretended time of each fit is .5 s; one of 7 trees alone would take 7 / 9 of that of 9.
    assert [c.seconds_saved for c in counts] == [0.0, 0.0, 0.0]


def test_times_are_those_of_each_candidate_alone():
    _, pool = sharing()
    for job in jobs():
        pool.submit(job)
    times = [result["fit_time"] for _, result in pool.wait()]
    np.testing.assert_allclose(times, [0.5 * 5 / 9, 0.5, 0.5 * 7 / 9])


def test_results_wait_for_jobs_that_come_later():
    inner, pool = sharing()
    first, second, third = jobs()
    pool.submit(first)
    assert collected(pool) == [(0, 0, 5.0)]
    pool.submit(second)
    assert not pool.has_room
    assert collected(pool) == [(1, 0, 9.0)]
    assert pool.has_room
    pool.submit(third)
    ((_, result),) = pool.wait()
    assert (result["started"], result["seconds"]) == (7.0, 0.75)
    assert len(inner.ran) == 1


def test_other_folds_are_other_jobs():
    inner, pool = sharing()
    for fold in (0, 1):
        pool.submit(jobs(fold)[1])
    assert [*collected(pool), *collected(pool)] == [(1, 0, 9.0), (1, 1, 9.0)]
    assert inner.ran == [(1, 0, (5, 7)), (1, 1, (5, 7))]


def test_known_folds_of_a_resumed_trial_are_not_run():
    inner, pool = sharing(finished=[({"n_estimators": 9}, [0])])
    pool.submit(jobs()[0])
    pool.submit(jobs(1)[0])
    collected(pool), collected(pool)
    assert inner.ran == [(0, 0, (7,)), (0, 1, (9, 7))]


def test_a_job_whose_worker_died_leaves_the_others_to_plain_fits():
    inner, pool = sharing(has_followers=False)
    first, second, third = jobs()
    pool.submit(first)
    pool.submit(third)
    assert collected(pool) == []  # it died in the fit of 9 trees
    pool.submit(second)
    assert [collected(pool)[0] for _ in range(3)] == [(0, 0, 5.0), (2, 0, 7.0), (1, 0, 9.0)]
    assert inner.ran == [(0, 0, (9, 7)), (0, 0, None), (2, 0, None), (1, 0, None)]


def test_a_cancelled_trial_still_fits_for_its_followers():
    inner, pool = sharing()
    first, second, third = jobs()
    for job in (first, second, third):
        pool.submit(job)
    pool.cancel(0)
    pool.cancel(2)
    assert inner.cancelled == [2]
    assert collected(pool) == [(0, 0, 5.0), (1, 0, 9.0)]  # the evaluator ignores the first
    pool.cancel(0)
    assert inner.cancelled == [2, 0]


def test_repeated_candidates_share_what_is_known():
    inner = Inner()
    listed = [{"n_estimators": n} for n in (5, 9, 9)]
    pool = SharingPool(inner, groups(listed))
    for i, params in enumerate(listed):
        pool.submit(FoldJob(i, 0, params, 3))
    assert collected(pool) == [(0, 0, 5.0), (1, 0, 9.0), (2, 0, 9.0)]
    assert len(inner.ran) == 1


@pytest.mark.parametrize("fold", [0, 1])
def test_callbacks_of_scikit_learn_are_called_for_each_fold(fold):
    calls = []

    class Context:
        def __init__(self, trial):
            self._trial = trial

        def call_on_fit_task_begin(self, estimator):
            calls.append(("begin", self._trial, estimator))

        def call_on_fit_task_end(self, estimator):
            calls.append(("end", self._trial, estimator))

    _, pool = sharing()
    for job in jobs(fold):
        extra = {"caller": "search", "context": Context(job.trial)}
        pool.submit(FoldJob(job.trial, fold, job.params, 3, **extra))
    assert len(collected(pool)) == 3
    expected = [(what, trial, "search") for trial in (1, 2) for what in ("begin", "end")]
    assert calls == expected


def test_closing_forgets_what_is_ready():
    inner, pool = sharing()
    for job in jobs():
        pool.submit(job)
    next(iter(pool.wait()))
    pool.close()
    assert not inner.jobs
    assert np.isfinite(pool.began)
