"""A script of tests: searches that receive real SIGINTs at random moments.

Arguments: backend, number of searches, number of signals for each search, seed. Signals are sent to
the whole process group, as a terminal sends them. It raises if a search is left inconsistent, and
prints how each one ended.
"""

import os
import random
import signal
import sys
import threading
import time

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from skhyper import GridSearchCV, SearchCV
from skhyper.callbacks import Callback, StopOnInterrupt

X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2


class Sleeper(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.0, seconds=0.005):
        self.a = a
        self.seconds = seconds

    def fit(self, X, y):
        for _ in range(10):
            time.sleep(self.seconds * (6 if len(X) == 20 else 1) / 10)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def score(self, X, y):
        return -((self.a - 0.5) ** 2)


class Timer(Callback):
    """Sends signals: at once after the first trial if `surely`, and after delays, until the end.

    It must be the first of the callbacks: when the others have ended, no signal may come.
    """

    def __init__(self, delays, surely):
        self.delays, self.surely = delays, surely
        self.sent = 0
        self.is_over = False
        self.lock = threading.Lock()

    def __getstate__(self):
        return {}

    def on_trial_end(self, search, trial):
        if trial.number == 0:
            threading.Thread(target=self._send_all, daemon=True).start()
            if self.surely:
                self._send()

    def teardown(self, estimator, context):
        with self.lock:
            self.is_over = True

    def _send_all(self):
        for delay in self.delays:
            time.sleep(delay)
            with self.lock:
                if not self.is_over:
                    self._send()

    def _send(self):
        self.sent += 1
        os.killpg(0, signal.SIGINT)


def search_for(kind):
    grid = list(np.linspace(0, 1, 20))
    if kind == "grid":
        return GridSearchCV(Sleeper(), {"a": grid}, cv=2, n_jobs=2)
    n_jobs = None if kind == "None" else 2
    return SearchCV(Sleeper(), {"a": (0.0, 1.0)}, n_iter=20, cv=2, n_jobs=n_jobs, random_state=0)


def outcome(search, timer, n_signals):
    try:
        search.fit(X, y)
    except KeyboardInterrupt:
        assert n_signals > 1, (timer.sent, search.stop_reason_, search.n_trials_)
        # Otherwise the signal came when the search was complete.
        if search.stop_reason_ == "interrupted by KeyboardInterrupt":
            return aborted(search)
    assert search.predict(X).shape == (20,)
    assert search.best_score_ == -search.history_.best.loss
    assert search.best_estimator_.a == search.best_params_["a"] == search.history_.best.params["a"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if search.stop_reason_ == "stopped by Ctrl-C":
        assert search.stop_reason_.kind == "interrupted"
        # all 20 if the signal came while the last ones ran
        assert 0 < search.n_trials_ <= 20
        assert timer.sent > 0
        return "stopped"
    assert search.n_trials_ == 20
    return "in refit" if timer.sent else "complete"


def aborted(search):
    assert search.stop_reason_.kind == "interrupted"
    assert search.n_trials_ == len(search.cv_results_["params"]) > 0
    try:
        search.predict(X)
    except NotFittedError as error:
        assert "refit_best" in str(error)
        search.refit_best(X, y).predict(X)
        return "aborted"
    raise AssertionError("an aborted search passes for fitted")


def main(kind, n_searches, n_signals, seed):
    rng = random.Random(seed)
    backend = "threading" if kind == "threads" else "loky"
    for i in range(n_searches):
        # The first search is surely interrupted; others may be over when the signal comes.
        delays = [rng.uniform(0, 0.25)] + [rng.uniform(0, 0.1) for _ in range(n_signals - 1)]
        timer = Timer(delays if i else delays[1:], surely=i == 0)
        search = search_for(kind).set_callbacks(timer, StopOnInterrupt())
        with joblib.parallel_config(backend):
            sys.stdout.write(f"{outcome(search, timer, n_signals)}\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
