"""Callbacks of a search, for all supported versions of scikit-learn.

Pass them to the ``set_callbacks`` of a search. From scikit-learn 1.9 on, its own callbacks
(``sklearn.callback``) work too and are called for each fit. A callback may also have a method
``on_trial_end(search, trial)``, which is called in the main process after each trial and stops
the search by returning True. :class:`StopOnInterrupt` lets Ctrl-C stop it.
"""

import contextlib
import math
import multiprocessing
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from skhyper._progress import progress_output
from skhyper._text import duration
from skhyper._trial import History, Trial

__all__ = ["Callback", "MLflowLogger", "ProgressBar", "StopOnInterrupt"]


class Callback:
    """Base class whose hooks do nothing: override those you need.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV
    >>> from skhyper.callbacks import Callback
    >>> class GoodEnough(Callback):
    ...     def on_trial_end(self, search, trial):
    ...         return -trial.loss > 0.95
    >>> search = BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=50)
    >>> search.set_callbacks(GoodEnough()).fit(*load_iris(return_X_y=True)).stop_reason_
    'a callback asked to stop'
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the search."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called before the search, each fold (in its worker) and the refit."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Called after the search, each fold and the refit."""

    def on_trial_end(self, search: Any, trial: Trial) -> bool | None:
        """Called after each trial, in the main process; the search stops if it returns True.

        ``search.history_`` has all trials so far; ``cv_results_``, ``best_score_``,
        ``best_params_`` and ``best_index_`` are those of the trials that have ended.
        """

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after the search, even if it failed."""


class ProgressBar(Callback):
    """Progress, failures, time left and best score of a search, while it runs.

    On a terminal this is a line that is rewritten after each trial, in a notebook a bar that is
    drawn in place. If standard error is neither, as in a log file, nothing is written unless `file`
    is given: then about ten lines. The last line is the result.

    Parameters
    ----------
    file : file object, default=None
        Output, such as ``sys.stderr`` for plain lines in a log file. By default the notebook, or
        standard error if that is a terminal.
    width : int, default=24
        Number of characters of the bar.

    Examples
    --------
    >>> import sys
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import SearchCV
    >>> from skhyper.callbacks import ProgressBar
    >>> X, y = load_iris(return_X_y=True)
    >>> search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 10}])
    >>> search.set_callbacks(ProgressBar()).fit(X, y).n_trials_
    2
    """

    def __init__(self, file: TextIO | None = None, width: int = 24):
        if not isinstance(width, int) or isinstance(width, bool) or not 0 < width < 1000:
            raise ValueError(f"width must be an integer from 1 to 999, got {width!r}.")
        if file is not None and not hasattr(file, "write"):
            raise TypeError(f"file must be a file object or None, got {file!r}.")
        self.file = file
        self.width = width
        self._begin(None, None)

    def _begin(self, n_new: int | None, max_time: float | None) -> None:
        self._n_new, self._max_time = n_new, max_time
        self._n_done = 0  # of the new ones
        self._start = time.monotonic()
        self._ended = False
        self._output: Any = None  # chosen when the first trial has ended

    def __getstate__(self) -> dict[str, Any]:
        # Workers get a copy that does nothing; streams cannot be pickled.
        return {**self.__dict__, "file": None, "_output": None}

    def setup(self, estimator: Any, context: Any) -> None:
        self._begin(None, None)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        if context.task_name == "search":
            n_fits = context.max_subtasks
            params = estimator.get_params(deep=False)
            n_new = None if n_fits is None else n_fits // estimator.n_splits_
            if n_fits is None and params.get("max_time") is None:
                n_new = params.get("n_iter")  # proposals, to which trials are added
            self._begin(n_new, params.get("max_time"))

    def on_trial_end(self, search: Any, trial: Trial) -> None:
        self._n_done += not trial.shared
        if self._output is None:
            self._output = progress_output(self.file)
        spent = time.monotonic() - self._start
        part, left = self._progress(spent)
        history = search.history_
        n_finished = sum(t.state != "running" and not t.shared for t in history)
        # Includes trials that the search started from, such as those of a journal.
        n_before = n_finished - self._n_done
        of_all = "" if self._n_new is None else f"/{n_before + self._n_new}"
        filled = int(self.width * part)
        bar = "#" * filled + "." * (self.width - filled)
        text = (
            f"{n_finished}{of_all} trials{_failures(history)}  {duration(spent)}"
            f"{'' if math.isinf(left) else f', about {duration(left)} left'}{_best(history)}"
        )
        self._output.show(bar, text, part)

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        if context.task_name == "search":
            self._write_result(estimator)

    def teardown(self, estimator: Any, context: Any) -> None:
        self._write_result(estimator)  # of a search that was interrupted

    def _progress(self, spent: float) -> tuple[float, float]:
        """Share of the search that is done, and seconds left, by trials or by time."""
        part, left = 0.0, math.inf
        if self._n_new is not None:
            n_left = max(0, self._n_new - self._n_done)
            part = self._n_done / (self._n_done + n_left)
            left = spent / self._n_done * n_left if self._n_done else math.inf
        if self._max_time is not None:
            part = max(part, min(1.0, spent / self._max_time))
            left = min(left, max(0.0, self._max_time - spent))
        return part, left

    def _write_result(self, search: Any) -> None:
        if self._ended or self._output is None:
            return
        self._ended = True
        history = search.history_
        self._output.end(
            f"{len(history)} trials{_failures(history)} in "
            f"{duration(time.monotonic() - self._start)}{_best(history)}  ({search.stop_reason_})"
        )


def _best(history: History) -> str:
    best = history.best
    return "  no score yet" if best is None else f"  best {-best.loss:.4g}"


def _failures(history: History) -> str:
    n = sum(trial.state == "failed" for trial in history)
    return f", {n} failed" if n else ""


class StopOnInterrupt(Callback):
    """Ctrl-C ends a search as if its budget were used up; a second Ctrl-C aborts it.

    After the first one running trials are abandoned, the best candidate is refitted and ``fit``
    returns, with ``stop_reason_`` "stopped by Ctrl-C", of kind "interrupted". During the refit, a
    first Ctrl-C changes nothing. Before any trial is complete there is nothing to refit:
    ``KeyboardInterrupt`` is raised, as without this callback.

    Notes
    -----
    Python delivers Ctrl-C (SIGINT) to the main thread only. A search in another thread gives a
    warning, and is not stopped. A search in a worker process is stopped by the outer search. The
    handler of SIGINT is replaced during the search, and called by the second Ctrl-C. Fits in
    threads cannot be ended: they continue in the background.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV
    >>> from skhyper.callbacks import StopOnInterrupt
    >>> search = BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=3)
    >>> search.set_callbacks(StopOnInterrupt()).fit(*load_iris(return_X_y=True)).stop_reason_
    'n_iter=3 candidates were tried'
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._n_interrupts = 0
        self._in_trials = True
        self._before: Any = None  # the handler that is replaced; None if there is none
        self.is_active = False

    def __getstate__(self) -> dict[str, Any]:
        return StopOnInterrupt().__dict__  # workers get a copy that does nothing

    def setup(self, estimator: Any, context: Any) -> None:
        self._begin()
        in_main_process = multiprocessing.current_process().name == "MainProcess"
        in_main_thread = threading.current_thread() is threading.main_thread()
        self.is_active = in_main_process and in_main_thread
        handler = signal.getsignal(signal.SIGINT)
        if self.is_active and handler not in (signal.SIG_IGN, None):
            self._before = handler
            signal.signal(signal.SIGINT, self._interrupt)

    def on_trial_end(self, search: Any, trial: Trial) -> bool:
        # Only if the exception was lost: fits and destructors may catch it.
        return self._n_interrupts > 0

    def end_trials(self) -> bool:
        """Called by the search after its last trial; returns whether there was a Ctrl-C.

        From now on, a first Ctrl-C is ignored.
        """
        self._in_trials = False
        return self._n_interrupts > 0

    def _interrupt(self, number: int, frame: Any) -> None:
        self._n_interrupts += 1
        if self._n_interrupts == 1 and not self._in_trials:
            return  # the search has ended, and its results are about to be complete
        if self._n_interrupts > 1 and callable(self._before):
            self._before(number, frame)
        raise KeyboardInterrupt

    def teardown(self, estimator: Any, context: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        self._begin()


# Limits of MLflow on the length of a value.
_MAX_PARAM = 500


class MLflowLogger(Callback):
    """Logs a search to MLflow as a run, with one child run for each trial.

    Runs are written as soon as their trials end, so that a search can be watched. Trials that the
    search starts from (`history`, a journal) are not logged again. If MLflow fails, there is a
    warning, nothing further is logged, and the search continues.

    Parameters
    ----------
    experiment : str, default=None
        Name of the experiment, which is created if it does not exist; by default the active one.
    run_name : str, default=None
        Name of the run; that of the search's class by default.
    tags : dict, default=None
        Tags of the run.

    Attributes
    ----------
    run_id : str or None
        The run of the last search.

    Notes
    -----
    A child has the parameters of its candidate, the metrics ``mean_score``, ``score`` with a step
    for each fold, and ``seconds``. The run has the parameters of the search, those of the best
    candidate so far with the prefix ``best_``, and the metric ``best_score`` with a step for each
    trial. An active run becomes the parent of the run.

    Examples
    --------
    >>> from skhyper import BayesSearchCV
    >>> from skhyper.callbacks import MLflowLogger
    >>> from sklearn.svm import SVC
    >>> search = BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=5)
    >>> search.set_callbacks(MLflowLogger("svc")).fit(X, y)  # doctest: +SKIP
    """

    def __init__(
        self,
        experiment: str | None = None,
        run_name: str | None = None,
        tags: dict[str, str] | None = None,
    ):
        self.experiment = experiment
        self.run_name = run_name
        self.tags = tags
        self.run_id: str | None = None
        self._client: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None}  # workers get a copy that does nothing

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        if context.task_name == "search" and multiprocessing.parent_process() is None:
            with self._or_warning():
                self._start(estimator)

    def _start(self, search: Any) -> None:
        import mlflow
        from mlflow.tracking import MlflowClient

        client, active = MlflowClient(), mlflow.active_run()
        if self.experiment is not None:
            found = client.get_experiment_by_name(self.experiment)
            number = client.create_experiment(self.experiment) if found is None else None
            self._experiment_id = number or found.experiment_id
        elif active is not None:
            self._experiment_id = active.info.experiment_id
        else:
            # The one of mlflow.set_experiment, for which there is no public name.
            self._experiment_id = mlflow.tracking.fluent._get_experiment_id()
        tags = {**(self.tags or {}), "estimator_name": type(search).__name__}
        if active is not None:
            tags["mlflow.parentRunId"] = active.info.run_id
        name = self.run_name or type(search).__name__
        run = client.create_run(self._experiment_id, tags=tags, run_name=name)
        self.run_id, self._client, self._best = run.info.run_id, client, None
        self._log(self.run_id, params=search.get_params(deep=False))

    def on_trial_end(self, search: Any, trial: Trial) -> None:
        if self._client is not None:
            with self._or_warning():
                self._log_trial(search, trial)

    def _log_trial(self, search: Any, trial: Trial) -> None:
        started = None if math.isnan(trial.started) else int(1000 * trial.started)
        run = self._client.create_run(
            self._experiment_id,
            start_time=started,
            tags={"mlflow.parentRunId": self.run_id, "state": str(trial.state)},
            run_name=f"trial {trial.number}",
        )
        scores = [("score", score, fold) for fold, score in enumerate(trial.scores)]
        metrics = [("mean_score", -trial.loss, 0), ("seconds", trial.seconds, 0), *scores]
        self._log(run.info.run_id, dict(trial.params), metrics)
        if trial.message:
            self._client.set_tag(run.info.run_id, "message", trial.message[-5000:])
        status = "FAILED" if trial.state == "failed" else "FINISHED"
        self._client.set_terminated(run.info.run_id, status)
        best = search.history_.best
        if best is not None:
            self._best = best
            self._log(self.run_id, metrics=[("best_score", -best.loss, trial.number)])

    def _log(self, run_id: Any, params: Any = None, metrics: Any = ()) -> None:
        from mlflow.entities import Metric, Param

        now = int(1000 * time.time())
        self._client.log_batch(
            run_id,
            [Metric(name, value, now, step) for name, value, step in metrics if value == value],
            [Param(name, str(value)[:_MAX_PARAM]) for name, value in (params or {}).items()],
        )

    def teardown(self, estimator: Any, context: Any) -> None:
        if self._client is None:
            return
        with self._or_warning():
            if self._best is not None:
                best = {f"best_{name}": value for name, value in self._best.params.items()}
                self._log(self.run_id, best)
            reason = getattr(estimator, "stop_reason_", None)
            if reason is not None:
                self._client.set_tag(self.run_id, "stop_reason", str(reason))
            fitted = self._best is not None
            self._client.set_terminated(self.run_id, "FINISHED" if fitted else "FAILED")
        self._client = None

    @contextlib.contextmanager
    def _or_warning(self) -> Iterator[None]:
        """Context in which an error ends the logging and not the search."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (the search must not be lost)
            self._client = None
            warnings.warn(f"MLflow could not log the search: {error!r}", stacklevel=2)
