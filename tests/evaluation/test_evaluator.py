"""The loop, with a pool whose workers finish when the test says so."""

import numpy as np
import pytest

from skhyper._trial import History
from skhyper.evaluation import Evaluator, SampledCandidates
from skhyper.samplers import Sampler
from skhyper.space import Space


class Context:
    def subcontext(self, **kwargs):
        return self

    def call_on_fit_task_begin(self, **kwargs):
        return self

    def call_on_fit_task_end(self, **kwargs):
        return False


class ScriptedPool:
    """Runs nothing; finishes, at each wait, the running job that `choose` picks."""

    def __init__(self, n_workers, choose):
        self.n_workers, self._choose = n_workers, choose
        self.running, self.log, self.closed = [], [], None

    @property
    def has_room(self):
        return len(self.running) < self.n_workers

    def submit(self, job):
        self.running.append(job)
        self.log.append(("submit", job.trial, job.fold))

    def wait(self):
        job = self._choose(self.running[: self.n_workers])
        self.running.remove(job)
        self.log.append(("done", job.trial, job.fold))
        score = job.params["a"] + job.fold
        yield job, {"test_scores": score, "fit_error": None, "fit_time": 1.0, "score_time": 0.0}

    def close(self, kill=False):
        self.closed = kill


class Watching(Sampler):
    """Random points; keeps what it saw at each question."""

    def __init__(self):
        self.seen = []

    def ask(self, space, history, n_points, rng):
        self.seen.append([trial.state for trial in history])
        return space.sample(n_points, rng)


def run(n_workers=1, n_parallel=1, ordered=True, choose=lambda jobs: jobs[0], n_iter=6, **kwargs):
    sampler = Watching()
    space = Space({"a": (0.0, 1.0)})
    pool = ScriptedPool(n_workers, choose)
    base = History((), 0, "", splits=((0, 1), (1, 0)))
    evaluator = Evaluator(
        SampledCandidates(sampler, [(space, n_iter)]),
        pool,
        base,
        float,
        n_parallel=n_parallel,
        ordered=ordered,
        max_time=kwargs.pop("max_time", None),
        search=None,
        caller=None,
        context=Context(),
        on_trial_end=kwargs.pop("on_trial_end", lambda trial, history: False),
    )
    evaluator.run()
    return evaluator, sampler, pool


def test_one_at_a_time():
    evaluator, sampler, pool = run()
    assert sampler.seen == [["complete"] * i for i in range(6)]
    assert [t.number for t in evaluator.history] == list(range(6))
    assert pool.closed is False
    trial = evaluator.history[2]
    np.testing.assert_allclose(trial.scores, [trial.params["a"], trial.params["a"] + 1])
    assert trial.loss == pytest.approx(-(trial.params["a"] + 0.5))
    assert trial.seconds == 2.0


def last(jobs):
    return jobs[-1]


def test_a_question_is_put_only_when_a_worker_is_free():
    _, sampler, pool = run(n_workers=4, n_parallel=3, ordered=False)
    running = 0
    for event, _, fold in pool.log:
        if event == "submit" and fold == 0:
            assert running < 4
        running += 1 if event == "submit" else -1
    assert max(s.count("running") for s in sampler.seen) == 2


@pytest.mark.parametrize("n_parallel", [1, 2, 3])
def test_ordered_searches_are_the_same_whatever_finishes_first(n_parallel):
    rng = np.random.default_rng(0)
    orders = [lambda jobs: jobs[0], last, lambda jobs: jobs[rng.integers(len(jobs))]]
    runs = [
        run(n_workers=n, n_parallel=n_parallel, choose=choose)
        for n in (1, 2, 5)
        for choose in orders
    ]
    settings = [[t.params for t in evaluator.history] for evaluator, _, _ in runs]
    assert all(s == settings[0] for s in settings)
    seen = [sampler.seen for _, sampler, _ in runs]
    assert all(s == seen[0] for s in seen), "what is asked depends on what is seen"


def test_unordered_searches_see_all_that_is_done():
    _, sampler, _ = run(n_workers=3, n_parallel=3, ordered=False, choose=last)
    assert any(
        "complete" in s and s.index("complete") > s.index("running")
        for s in sampler.seen
        if "running" in s and "complete" in s
    )


def test_a_callback_stops_at_once():
    evaluator, _, pool = run(
        n_workers=2, n_parallel=2, on_trial_end=lambda trial, history: trial.number == 1
    )
    assert evaluator.stop_reason == "a callback asked to stop"
    assert sum(t.state == "complete" for t in evaluator.history) == 2
    assert pool.closed is True, "running folds are not waited for"


def test_no_trial_is_started_after_max_time_but_the_first():
    evaluator, _, _ = run(max_time=1e-9)
    assert len(evaluator.history) == 1
    assert evaluator.stop_reason == "max_time=1e-09 seconds are over"


def test_the_pool_is_closed_when_a_fold_raises():
    def fail(jobs):
        raise KeyboardInterrupt

    pools = []
    original = ScriptedPool.__init__

    def spy(self, *args):
        original(self, *args)
        pools.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptedPool, "__init__", spy)
        with pytest.raises(KeyboardInterrupt):
            run(choose=fail)
    assert pools[0].closed is True
