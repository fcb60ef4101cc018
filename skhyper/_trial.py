"""Trials and their history: what has been evaluated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from skhyper._text import Printed
from skhyper._trial_pickle import from_columns, is_regular, to_columns
from skhyper._trial_text import history_text, trial_text


class TrialState(StrEnum):
    """State of a trial; each member equals its string."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"

    def __repr__(self) -> str:
        return str.__repr__(self)


class StopKind(StrEnum):
    """Kind of a :class:`StopReason`; each member equals its string."""

    CANDIDATES = "candidates"  # none are left
    SAMPLER = "sampler"  # the sampler proposes no further point
    MAX_TIME = "max_time"
    CALLBACK = "callback"
    FAILURES = "failures"  # all trials failed with the same error
    INTERRUPTED = "interrupted"

    def __repr__(self) -> str:
        return str.__repr__(self)


class StopReason(str):
    """Why a search ended: a sentence, and its `kind`.

    Parameters
    ----------
    text : str
    kind : StopKind or str, default="sampler"

    Examples
    --------
    >>> from skhyper.evaluation import StopReason
    >>> reason = StopReason("max_time=60 seconds have passed", "max_time")
    >>> reason
    'max_time=60 seconds have passed'
    >>> reason.kind
    'max_time'
    """

    kind: StopKind

    def __new__(cls, text: str, kind: StopKind | str = StopKind.SAMPLER) -> "StopReason":
        reason = super().__new__(cls, text)
        reason.kind = StopKind(kind)
        return reason


@dataclass(frozen=True, eq=False)
class Trial(Printed):
    """One candidate and its evaluation.

    Attributes
    ----------
    number : int
        Position in the order of proposals, from 0.
    params : dict
        The candidate: values of the hyperparameters.
    state : {"running", "complete", "stopped", "failed"}
        ``"stopped"``: ended before all folds were run. ``"failed"``: no fold could be fitted, or
        the mean score is not finite.
    scores : ndarray of shape (n_splits,)
        Score of each fold by the metric that is optimized (greater is better); nan where
        the fold was not run or failed.
    loss : float
        What samplers minimize: minus the mean score; nan if running or failed. If stopped, minus
        an estimate of the mean over all folds: some folds are easier than others, as complete
        trials show.
    folds : tuple of dict
        Results of scikit-learn's ``_fit_and_score``, one for each fold that was run, in the order
        of the splits.
    fold_numbers : tuple of int
        Numbers of the splits of `folds`; by default the first ones.
    seconds : float
        Time of fitting and scoring, summed over folds.
    message : str
        Traceback of the first failed fit, or another reason of a failure; empty otherwise.
    gradient : dict or None
        Derivative of `criterion` with respect to hyperparameters, from each name to a number,
        an array or a dict of the hyperparameter's shape; None if not computed.
    criterion : float
        What a search by gradients minimizes: the loss at the exact solution of the training
        problem, or a smooth surrogate loss; nan if not computed.
    shared : bool
        Whether the trial was added to the proposal before it, because it can share the fits of
        that. Such trials do not count as proposals.
    started : float
        When the first fold started, in seconds since the epoch; for a running trial, when it was
        submitted. nan if unknown, as in journals of older versions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV
    >>> search = GridSearchCV(SVC(), {"C": [0.1, 1]}).fit(*load_iris(return_X_y=True))
    >>> trial = search.history_[1]
    >>> trial.params, trial.state, len(trial.scores)
    ({'C': 1}, 'complete', 5)
    >>> bool(trial.loss == -trial.scores.mean())
    True
    """

    number: int
    params: Mapping[str, Any]
    state: TrialState | str = TrialState.RUNNING  # converted to a TrialState
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    loss: float = np.nan
    folds: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    seconds: float = np.nan
    message: str = field(default="", repr=False)
    gradient: Mapping[str, Any] | None = None
    criterion: float = np.nan
    started: float = field(default=np.nan, repr=False)
    fold_numbers: tuple[int, ...] = field(default=(), repr=False)
    shared: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", TrialState(self.state))
        if not self.fold_numbers:
            object.__setattr__(self, "fold_numbers", tuple(range(len(self.folds))))

    def __str__(self) -> str:
        return trial_text(self)

    @property
    def standard_error(self) -> float:
        """Standard error of `loss`, from the scores of the folds; nan with fewer than two."""
        scores = self.scores[~np.isnan(self.scores)]
        return float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else np.nan


# Columns of each row of a data frame of trials.
_COLUMNS = ("state", "loss", "standard_error", "seconds", "started", "message", "shared")


def _row(trial: Trial) -> dict[str, Any]:
    """A trial as a row of a data frame."""
    row = {name: getattr(trial, name) for name in _COLUMNS} | {"state": str(trial.state)}
    row |= {f"param_{name}": value for name, value in trial.params.items()}
    row |= {f"split{fold}_score": score for fold, score in enumerate(trial.scores)}
    if trial.gradient is not None:
        row["criterion"] = trial.criterion
        row |= {f"gradient_{name}": value for name, value in trial.gradient.items()}
    return row


@dataclass(frozen=True)
class Stop:
    """Answer of a sampler that proposes no further point.

    Attributes
    ----------
    reason : str
        Why; empty if the space is exhausted.

    Examples
    --------
    >>> from skhyper.samplers import Stop
    >>> Stop("50 trials in a row were no better").reason
    '50 trials in a row were no better'
    """

    reason: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class History(Printed, Sequence):
    """Trials in the order in which they were proposed.

    Attributes
    ----------
    trials : tuple of Trial
    seed : int
        Seed of the search.
    fingerprint : str
        Digest of the data, the folds and the scoring of the trials.
    splits : tuple of (train, test) index arrays
        The folds. Those of a splitter of scikit-learn are not pickled, but drawn again.

    Examples
    --------
    >>> from skhyper import History, Trial
    >>> trials = (Trial(0, {"x": 1}, "complete", loss=0.5), Trial(1, {"x": 2}, "failed"))
    >>> history = History(trials)
    >>> history.best.params
    {'x': 1}
    >>> history.losses
    array([0.5, nan])
    >>> [trial.number for trial in history if trial.state == "failed"]
    [1]
    """

    trials: tuple[Trial, ...] = ()
    seed: int = 0
    fingerprint: str = ""
    splits: tuple = ()

    def __repr__(self) -> str:
        best = self.best
        found = "" if best is None else f", best {dict(best.params)!r} with loss {best.loss:.6g}"
        return f"<History of {len(self)} trials{found}>"

    def __str__(self) -> str:
        return history_text(self)

    def __getstate__(self) -> dict[str, Any]:
        regular = all(type(trial) is Trial and is_regular(trial) for trial in self.trials)
        # Trials of older versions have fewer attributes.
        regular = regular and len({frozenset(vars(trial)) for trial in self.trials}) <= 1
        return vars(self) | ({"trials": to_columns(self.trials)} if regular else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if isinstance(self.trials, dict):
            trials = from_columns(self.trials, lambda: object.__new__(Trial))
            vars(self).update(trials=trials)

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.trials[index]

    @property
    def losses(self) -> np.ndarray:
        """Loss of each trial, shape (n_trials,); nan unless it is complete."""
        done = TrialState.COMPLETE
        return np.array([t.loss if t.state == done else np.nan for t in self.trials], dtype=float)

    @property
    def best(self) -> Trial | None:
        """The complete trial with the smallest loss, the first of ties; None without any."""
        losses = self.losses
        return None if np.all(np.isnan(losses)) else self.trials[int(np.nanargmin(losses))]

    def to_frame(self) -> Any:
        """The trials as a pandas ``DataFrame``, one row each, with the number as index.

        Returns
        -------
        frame : DataFrame
            Columns ``state``, ``loss``, ``standard_error``, ``seconds``, ``started`` (UTC),
            ``message`` and ``shared`` (whether the trial was added to a proposal, as its fit
            answered for it); ``param_<name>`` for each hyperparameter, missing where inactive;
            ``split<k>_score`` for each fold; with gradients ``criterion`` and
            ``gradient_<name>``.
        """
        import pandas

        rows = [_row(trial) for trial in self.trials]
        index = pandas.Index([trial.number for trial in self.trials], name="number")
        frame = pandas.DataFrame(rows, index=index, columns=None if rows else _COLUMNS)
        groups = ("param_", "split", "criterion", "gradient_")
        order = {c: [i for i, g in enumerate(groups) if c.startswith(g)] for c in frame}
        frame = frame[sorted(frame, key=lambda column: order[column])]
        frame["started"] = pandas.to_datetime(frame["started"], unit="s", utc=True)
        return frame

    @property
    def pending(self) -> tuple[Trial, ...]:
        """Trials that are still running."""
        return tuple(trial for trial in self.trials if trial.state == "running")
