"""The loop, with a pool whose workers finish when the test says so."""

import numpy as np
import pytest

from skhyper._trial import History
from skhyper.evaluation import Budget, Evaluator, ListedCandidates, Observer, SampledCandidates
from skhyper.evaluation import _evaluator as module
from skhyper.samplers import Sampler
from skhyper.space import Space


class ScriptedPool:
    """Runs nothing; finishes, at each wait, the running job that `choose` picks, if any."""

    began, seconds = 0.0, 1.0

    def __init__(self, n_workers, choose, gives_up=False):
        self.n_workers, self._choose, self.gives_up = n_workers, choose, gives_up
        self.running, self.log, self.closed = [], [], None
        self.on_wait = lambda: None

    @property
    def has_room(self):
        return len(self.running) < self.n_workers

    def submit(self, job):
        self.running.append(job)
        self.log.append(("submit", job.trial, job.fold))

    def wait(self, timeout=None):
        self.on_wait()
        job = self._choose(self.running[: self.n_workers])
        if job is None:
            return
        self.running.remove(job)
        self.log.append(("done", job.trial, job.fold))
        score = job.params["a"] + job.fold
        times = {"fit_time": self.seconds, "score_time": 0.0}
        yield job, {"test_scores": score, "fit_error": None, **times}

    def cancel(self, trial):
        kept = [j for j in self.running[self.n_workers :] if j.trial != trial]
        self.running[self.n_workers :] = kept
        self.log.append(("cancel", trial, None))

    def close(self, kill=False):
        self.closed = kill


class Watching(Sampler):
    """Random points; keeps what it saw in each proposal: states and losses."""

    def __init__(self):
        self.seen, self.losses = [], []

    def ask(self, space, history, rng):
        self.seen.append([trial.state for trial in history])
        self.losses.append([trial.loss for trial in history])
        return space.sample(1, rng)[0]


class Calls(Observer):
    """Calls a function after each trial."""

    def __init__(self, function):
        self.on_trial_end = function


SPACE = Space({"a": (0.0, 1.0)})


def run(
    n_workers=1,
    n_parallel=1,
    ordered=True,
    choose=lambda jobs: jobs[0],
    n_iter=6,
    max_time=None,
    racer=None,
    observers=(),
    n_splits=2,
):
    sampler = Watching()
    pool = ScriptedPool(n_workers, choose)
    evaluator = Evaluator(
        SampledCandidates(sampler, [(SPACE, n_iter)]),
        pool,
        History((), 0, "", splits=((0, 1),) * n_splits),
        Budget(max_time, n_parallel, ordered),
        racer,
        observers,
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


def test_it_asks_only_when_a_worker_is_free():
    _, sampler, pool = run(n_workers=4, n_parallel=3, ordered=False)
    running = 0
    for event, _, fold in pool.log:
        if event == "submit" and fold == 0:
            assert running < 4
        running += 1 if event == "submit" else -1
    assert max(s.count("running") for s in sampler.seen) == 2


@pytest.mark.parametrize(
    ("n_parallel", "ordered", "sizes"),
    [(100, False, [3, 3, 3, 3, 2]), (100, True, []), (63, False, []), (1, False, [])],
)
def test_only_busy_searches_ask_in_batches(monkeypatch, n_parallel, ordered, sizes):
    asked = []

    def ask_batch(self, space, history, rng, n):
        asked.append(n)
        return [self.ask(space, history, rng) for _ in range(n)]

    monkeypatch.setattr(Watching, "ask_batch", ask_batch)
    evaluator, sampler, _ = run(n_workers=5, n_parallel=n_parallel, ordered=ordered, n_iter=14)
    assert asked == sizes
    assert len(evaluator.history) == len(sampler.seen) == 14


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
    assert all(s == seen[0] for s in seen), "what a proposal sees"


@pytest.mark.parametrize("n_parallel", [1, 2, 3])
def test_what_an_ordered_proposal_sees(n_parallel):
    """Proposal t sees the losses of trials 0 ... t - n_parallel, and pending ones after these."""
    evaluator, sampler, _ = run(n_workers=5, n_parallel=n_parallel, choose=last, n_iter=7)
    made = [-(trial.params["a"] + 0.5) for trial in evaluator.history]
    for t, losses in enumerate(sampler.losses):
        n_known = max(0, t - n_parallel + 1)
        np.testing.assert_allclose(losses, made[:n_known] + [np.nan] * (t - n_known))
        assert sampler.seen[t] == ["complete"] * n_known + ["running"] * (t - n_known)


def test_unordered_searches_see_all_that_is_done():
    _, sampler, _ = run(n_workers=3, n_parallel=3, ordered=False, choose=last)
    assert any(
        "complete" in s and s.index("complete") > s.index("running")
        for s in sampler.seen
        if "running" in s and "complete" in s
    )


def test_an_observer_stops_at_once():
    def at_trial_1(trial, history):
        assert history[trial.number] is trial
        return "enough" if trial.number == 1 else None

    later = []
    observers = [Calls(at_trial_1), Calls(lambda trial, history: later.append(trial) or "too late")]
    evaluator, _, _ = run(observers=observers[1:])
    assert (evaluator.stop_reason, len(evaluator.history)) == ("too late", 1)
    later.clear()
    evaluator, _, pool = run(n_workers=2, n_parallel=2, observers=observers[:1])
    assert evaluator.stop_reason == "enough"
    assert sum(t.state == "complete" for t in evaluator.history) == 2
    assert pool.closed is True, "running folds are not waited for"


def test_no_trial_is_started_after_max_time_but_the_first():
    evaluator, _, _ = run(max_time=1e-9)
    assert len(evaluator.history) == 1
    assert evaluator.stop_reason == "max_time=1e-09 seconds have passed"


def listed(pool, n=6, n_splits=3, **kwargs):
    candidates = ListedCandidates([{"a": i / 10} for i in range(n)], "end of the list")
    base = History((), 0, "", splits=((0, 1),) * n_splits)
    return Evaluator(candidates, pool, base, **{"budget": Budget(), **kwargs})


def test_max_time_of_a_list_that_was_submitted_at_once(monkeypatch):
    """The first trial is waited for, and no other."""
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    pool = ScriptedPool(2, lambda jobs: jobs[0])
    pool.on_wait = lambda: clock.__setitem__(0, clock[0] + 1.0)
    evaluator = listed(pool, budget=Budget(max_time=0.5))
    evaluator.run()
    assert [event for event, _, _ in pool.log[:18]] == ["submit"] * 18
    assert [t.state for t in evaluator.history] == ["complete"] + ["running"] * 5
    assert evaluator.stop_reason == "max_time=0.5 seconds have passed"
    assert pool.closed is True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def tick(clock, seconds=1.0):
    clock[0] += seconds


def test_folds_that_hang_are_given_up_at_max_time(clock):
    """Trials 0 and 3 hang in their second fold; the others are done, and the refit has time."""

    def choose(jobs):
        able = [job for job in jobs if (job.trial, job.fold) not in ((0, 1), (3, 1))]
        return able[0] if able else None

    for kind in ("list", "sampler"):
        clock[0] = 0.0
        pool = ScriptedPool(3, choose, gives_up=True)
        pool.on_wait = lambda: tick(clock)
        budget = Budget(max_time=50.5, n_parallel=3, refit_scale=1.25)
        evaluator = listed(pool, 40, n_splits=2, budget=budget)
        if kind == "sampler":
            candidates = SampledCandidates(Watching(), [(SPACE, 40)])
            base = History((), 0, "", splits=((0, 1),) * 2)
            evaluator = Evaluator(candidates, pool, base, budget)
        evaluator.run()
        # Each fold has taken one second, by its own result.
        assert clock[0] == pytest.approx(49.25, abs=0.76)
        states = [trial.state for trial in evaluator.history]
        assert states[:4] == ["running", "complete", "complete", "running"]
        assert states.count("complete") > 15
        assert evaluator.stop_reason.kind == "max_time"
        assert pool.closed is True


def test_no_trial_is_started_that_would_not_end_in_time(clock):
    pool = ScriptedPool(1, lambda jobs: jobs[0], gives_up=True)
    pool.seconds = 10.0
    pool.on_wait = lambda: tick(clock, 10.0)
    evaluator = listed(pool, n_splits=2, budget=Budget(max_time=75.0))
    evaluator.run()
    assert clock[0] == 60.0
    assert [t.state for t in evaluator.history] == ["complete"] * 3
    assert evaluator.stop_reason == "max_time=75.0 seconds leave no time for another trial"


def test_no_fold_is_started_that_would_not_end_in_time(clock):
    """The second trial's folds take longer than the first one's have said."""
    pool = ScriptedPool(1, lambda jobs: jobs[0], gives_up=True)
    pool.on_wait = lambda: tick(clock, pool.seconds)
    evaluator = listed(pool, n_splits=5, budget=Budget(max_time=40.0))
    evaluator._observers = (Calls(lambda trial, history: setattr(pool, "seconds", 10.0)),)
    evaluator.run()
    assert clock[0] == 35.0
    assert [t.state for t in evaluator.history] == ["complete", "running"]
    assert evaluator.stop_reason == "max_time=40.0 seconds leave no time for another fold"


@pytest.mark.parametrize("began", [0.0, 3.0])
def test_the_first_trial_is_given_up_too_where_it_hangs(clock, began):
    """Its time counts from when the workers have started."""
    pool = ScriptedPool(2, lambda jobs: None, gives_up=True)
    pool.began = began
    pool.on_wait = lambda: tick(clock)
    evaluator = listed(pool, budget=Budget(max_time=5.0))
    evaluator.run()
    assert began + 5.0 <= clock[0] <= began + 6.0
    assert {t.state for t in evaluator.history} == {"running"}
    assert evaluator.stop_reason == "max_time=5.0 seconds have passed"


def test_max_time_is_looked_at_between_folds(clock):
    """In this process, too: the trial that is not done is none."""
    pool = ScriptedPool(1, lambda jobs: jobs[0])
    pool.on_wait = lambda: tick(clock)
    evaluator = listed(pool, n_splits=10, budget=Budget(max_time=13.0))
    evaluator.run()
    assert clock[0] == 13.0
    assert [t.state for t in evaluator.history] == ["complete", "running"]


class Race:
    """Ends trials at fixed numbers of folds; keeps what it saw."""

    def __init__(self, n_folds):
        self._n_folds, self.trials, self.histories = n_folds, [], []

    def goes_on(self, trial, history):
        self.trials.append(trial)
        self.histories.append(history)
        return len(trial.folds) < self._n_folds[trial.number]


def test_a_racer_is_asked_after_each_fold_but_the_last():
    race = Race([1, 3, 2, 3])
    evaluator, sampler, pool = run(racer=race, n_iter=4, n_splits=3)
    n_run = [1, 3, 2, 3]
    assert [len(t.folds) for t in evaluator.history] == n_run
    assert [t.state for t in evaluator.history] == ["stopped", "complete"] * 2
    started = [(trial, fold) for event, trial, fold in pool.log if event == "submit"]
    order = [fold for trial, fold in started if trial == 1]
    assert sorted(order) == [0, 1, 2] != order, "a random order"
    assert started == [(trial, fold) for trial, n in enumerate(n_run) for fold in order[:n]]
    asked = [(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert [(t.number, len(t.folds)) for t in race.trials] == asked
    a = evaluator.history[2].params["a"]
    expected = [a + i if i in order[:2] else np.nan for i in range(3)]
    np.testing.assert_allclose(evaluator.history[2].scores, expected)
    assert evaluator.history[2].fold_numbers == tuple(sorted(order[:2]))
    np.testing.assert_allclose(race.trials[4].scores, expected)
    assert race.trials[4].loss == pytest.approx(-np.nanmean(expected))
    # Fold effects are -1, 0 and 1, as the complete trial shows; the first trial preceded it.
    assert evaluator.history[2].loss == pytest.approx(-(a + 1))
    first = evaluator.history[0]
    assert first.loss == pytest.approx(-(first.params["a"] + order[0]))
    assert [len(history) for history in race.histories] == [t.number for t in race.trials]
    assert sampler.seen[3] == ["stopped", "complete", "stopped"]


@pytest.mark.parametrize("n_parallel", [1, 2, 3])
def test_ordered_races_are_the_same_whatever_finishes_first(n_parallel):
    """The racer compares trials, and stops some while their later folds run."""

    class WorseThanTheMean:
        def goes_on(self, trial, history):
            losses = [t.loss for t in history if t.state not in ("running", "failed")]
            return not losses or trial.loss < np.mean(losses)

    rng = np.random.default_rng(0)
    orders = [lambda jobs: jobs[0], last, lambda jobs: jobs[rng.integers(len(jobs))]]
    runs = [
        run(n, n_parallel, choose=choose, racer=WorseThanTheMean(), n_splits=4, n_iter=9)
        for n in (1, 2, 5)
        for choose in orders
    ]
    found = [[(t.params, len(t.folds), t.loss) for t in e.history] for e, _, _ in runs]
    assert all(trials == found[0] for trials in found)
    assert {t.state for t in runs[0][0].history} == {"complete", "stopped"}


def test_folds_of_a_raced_list_wait_for_a_free_worker():
    pool = ScriptedPool(2, lambda jobs: jobs[0])
    race = Race([5, 1, 3, 5])
    evaluator = listed(pool, 4, 5, racer=race)
    evaluator.run()
    assert [len(t.folds) for t in evaluator.history] == [5, 1, 3, 5]
    assert [trial for event, trial, _ in pool.log if event == "cancel"] == [2, 1]
    submitted = [trial for event, trial, _ in pool.log if event == "submit"]
    # All run their first fold, then the others from the best to the worst; scores ascend.
    assert submitted[:4] == [0, 1, 2, 3]
    assert list(dict.fromkeys(submitted[4:])) == [3, 2, 0]
    # One more fold of a stopped trial was running; the other one was stopped by its first.
    assert [submitted.count(trial) for trial in range(4)] == [5, 1, 4, 5]
    seen = {
        t.number: [u.number for u in h if u.state != "running"]
        for t, h in zip(race.trials, race.histories)
    }
    assert seen == {3: [], 2: [3], 1: [2, 3], 0: [1, 2, 3]}


@pytest.mark.parametrize("n_parallel", [1, 2, 3])
def test_breadth_first_races_are_the_same_whatever_finishes_first(n_parallel):
    class WorseThanTheMean:
        def goes_on(self, trial, history):
            losses = [t.loss for t in history if t.state not in ("running", "failed")]
            return not losses or trial.loss < np.mean(losses) + 0.1

    rng = np.random.default_rng(0)
    orders = [lambda jobs: jobs[0], last, lambda jobs: jobs[rng.integers(len(jobs))]]
    found = []
    for n_workers in (1, 2, 5):
        for choose in orders:
            pool = ScriptedPool(n_workers, choose)
            budget = Budget(n_parallel=n_parallel)
            evaluator = listed(pool, 9, 4, racer=WorseThanTheMean(), budget=budget)
            evaluator.run()
            found.append([(t.state, t.fold_numbers, t.loss) for t in evaluator.history])
    assert all(trials == found[0] for trials in found)
    assert {state for state, _, _ in found[0]} == {"complete", "stopped"}


def test_a_race_with_a_time_limit_ends_trials_one_after_the_other():
    pool = ScriptedPool(1, lambda jobs: jobs[0])
    evaluator = listed(pool, 3, 2, racer=Race([2, 2, 2]), budget=Budget(max_time=1e6))
    evaluator.run()
    submitted = [trial for event, trial, _ in pool.log if event == "submit"]
    assert submitted == [0, 0, 1, 1, 2, 2]


def test_trials_know_when_they_started(monkeypatch):
    monkeypatch.setattr(module.time, "time", lambda: 1000.0)
    evaluator, _, _ = run(n_iter=2, observers=[Calls(lambda trial, history: None)])
    assert [trial.started for trial in evaluator.history] == [1000.0, 1000.0]


def test_observers_hear_of_folds_in_their_order():
    heard = []

    class Hears(Observer):
        def __init__(self, name):
            self.name = name

        def on_fold_start(self, job):
            heard.append((self.name, "start", job.fold))
            return job

        def on_fold_end(self, job, result):
            heard.append((self.name, "end", job.fold, result["fit_time"]))

        def on_trial_end(self, trial, history):
            heard.append((self.name, trial.state))

    run(n_iter=1, observers=[Hears("journal"), Hears("progress")])
    names = ["journal", "progress"]
    assert heard == [
        *((name, "start", fold) for fold in range(2) for name in names),
        *((name, "end", fold, 1.0) for fold in range(2) for name in names),
        *((name, "complete") for name in names),
    ]


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
