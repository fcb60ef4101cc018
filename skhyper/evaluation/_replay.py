"""Reading of a journal: its trials, the time they took, and where the search stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from skhyper._splits import Splits
from skhyper._trial import History, Trial
from skhyper.evaluation._objective import finished_trial
from skhyper.evaluation._records import Records, scanned
from skhyper.evaluation._values import KnownValues, decoded, decoded_params


@dataclass
class Entry:
    """One trial in a journal.

    Attributes
    ----------
    params : dict
    is_given : bool
        Whether it was made by another search, from whose history this one started.
    is_shared : bool
        Whether it was added to the proposal before it.
    folds : dict
        Results of folds, by their numbers.
    ended_folds : sequence of int or None
        Numbers of the folds of the trial that ended; None if it did not.
    loss : float
        As written when it ended.
    n_deaths : int
        How often the process died while the trial was retried in a separate process, without a
        result since.
    was_cut : bool
        Whether the search ended, or was interrupted, while the trial ran: not a failure of the
        trial.
    ended_at : float
        Seconds that the search had taken when it ended.
    """

    params: dict[str, Any]
    is_given: bool = False
    is_shared: bool = False
    folds: dict[int, dict[str, Any]] = field(default_factory=dict)
    ended_folds: Sequence[int] | None = None
    loss: float = np.nan
    n_deaths: int = 0
    was_cut: bool = False
    ended_at: float = 0.0

    def trial(self, number: int, n_splits: int, pick: Callable[[Any], float]) -> Trial:
        """The trial; running if it did not end, or if a fold of it is missing."""
        run = self.ended_folds
        if run is None and len(self.folds) == n_splits:
            run = range(n_splits)  # the process died before it wrote that the trial ended
        scores = np.full(n_splits, np.nan)
        trial = Trial(number, self.params, scores=scores, shared=self.is_shared)
        if not run or not set(run) <= set(self.folds):
            return trial
        trial = finished_trial(trial, [self.folds[fold] for fold in run], pick, run)
        # That of a stopped trial is an estimate.
        is_estimate = trial.state == "stopped" and not np.isnan(self.loss)
        return replace(trial, loss=self.loss) if is_estimate else trial


@dataclass
class Replay:
    """The contents of a journal.

    Attributes
    ----------
    header : dict
        Empty if it is lost.
    entries : dict
        From numbers of trials to their entries, in the order of proposals.
    spent : float
        Seconds that the search took, in all processes.
    session : dict
        How the last process ran folds, and versions of packages.
    """

    header: dict[str, Any]
    entries: dict[int, Entry] = field(default_factory=dict)
    spent: float = 0.0
    session: dict[str, Any] = field(default_factory=dict)

    @property
    def n_splits(self) -> int:
        folds = (fold for entry in self.entries.values() for fold in entry.folds)
        if self.header:
            return sum(n for n, *_ in self.header["splits"]["sizes"])
        return max(folds, default=-1) + 1

    def history(self) -> History:
        """All trials; those that did not end are running."""
        pick, n_splits = picker(self.header.get("metric")), self.n_splits
        trials = tuple(
            entry.trial(number, n_splits, pick) for number, entry in self.entries.items()
        )
        splits: Any = Splits.from_stored(decoded(self.header["splits"])) if self.header else ()
        seed, fingerprint = self.header.get("seed", 0), self.header.get("fingerprint", "")
        return History(trials, seed, fingerprint, splits)

    def unfinished(self) -> dict[int, Entry]:
        """Trials that were proposed and did not end."""
        return {n: entry for n, entry in self.entries.items() if entry.ended_folds is None}

    def suspects(self) -> list[int]:
        """Trials that may have ended the process: they ran in it when it died.

        Of a list that was submitted all at once, only the first ones ran. Of one whose candidates
        all run one fold first, those without it did.
        """
        if not self.session.get("in_process"):
            return []
        running = [number for number, entry in self.unfinished().items() if not entry.was_cut]
        n_ran = 2 * self.session["workers"]
        new = [number for number in running if not self.entries[number].folds]
        is_new = len(running) > n_ran >= len(new) > 0
        return new if is_new else running[:n_ran]


def picker(metric: str | None) -> Callable[[Any], float]:
    """Function from the scores of a fold to that of a metric; to the first one if None."""

    def pick(scores: Any) -> float:
        if not isinstance(scores, Mapping):
            return scores
        return scores[metric if metric in scores else next(iter(scores))]

    return pick


def replayed(records: Records, known: KnownValues) -> Replay:
    """The contents of records; `known` looks up values that they do not contain."""
    replay = Replay(records.header or {})
    for record in records.records.values():
        replay.spent = record.get("at", replay.spent)
        if "asked" in record:
            params = decoded_params(record["params"], known)
            given, shared = record.get("given", False), record.get("shared", False)
            replay.entries[record["asked"]] = Entry(params, given, shared)
        elif "session" in record:
            replay.session = record["session"]
            for entry in replay.unfinished().values():
                entry.was_cut = False
        elif "cut" in record:
            for entry in _known(replay, record["cut"]):
                entry.was_cut, entry.n_deaths = True, 0
        else:
            _add_result(replay, record)
    replay.entries = dict(sorted(replay.entries.items()))
    return replay


def _known(replay: Replay, numbers: list[int]) -> list[Entry]:
    """Entries of trials; after damage, some may be unknown."""
    return [replay.entries[number] for number in numbers if number in replay.entries]


def _add_result(replay: Replay, record: Mapping[str, Any]) -> None:
    if "fold" in record:
        number, fold = record["fold"]
        for entry in _known(replay, [number]):
            entry.folds[fold] = decoded(record["result"])
            entry.n_deaths = 0
    elif "retried" in record:
        for entry in _known(replay, [record["retried"]]):
            entry.n_deaths += 1
    elif "ended" in record:
        for entry in _known(replay, [record["ended"]]):
            run = record["folds"]
            entry.ended_folds = range(run) if isinstance(run, int) else run
            entry.loss, entry.ended_at = decoded(record.get("loss", np.nan)), replay.spent


def load_history(path: Any, damaged: str = "raise") -> History:
    """The trials in a journal.

    Parameters
    ----------
    path : str or os.PathLike
        A journal, which another process may be writing.
    damaged : {"raise", "skip"}, default="raise"
        What to do about damaged, missing or reordered lines: raise an error, or skip them. An
        incomplete last line is not a damage, and is always skipped.

    Returns
    -------
    history : History
        Trials that have not ended have the state ``"running"``. Values that a journal does not
        contain, such as estimators, are placeholders with their ``repr``.

    Raises
    ------
    ValueError
        If the file is not a journal, has another version, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV, load_history
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "search.jsonl"
    ...     search = GridSearchCV(SVC(), {"C": [1, 10]}, journal=path).fit(X, y)
    ...     load_history(path)
    <History of 2 trials, best {'C': 10} with loss -0.98>
    """
    if damaged not in ("raise", "skip"):
        raise ValueError(f"damaged must be 'raise' or 'skip', got {damaged!r}.")
    records = scanned(Path(path).read_bytes(), str(path))
    if damaged == "raise":
        check_whole(records, path)
    history = replayed(records, KnownValues()).history()
    trials = tuple(replace(trial, number=i) for i, trial in enumerate(history))
    return replace(history, trials=trials)


def check_whole(records: Records, path: Any) -> None:
    """Raise if lines are damaged, missing or reordered; the message says how to save the rest."""
    if not records.damages:
        return
    history = replayed(records, KnownValues()).history()
    n_finished = len(history) - len(history.pending)
    more = f", and {len(records.damages) - 1} further lines" if len(records.damages) > 1 else ""
    raise ValueError(
        f"The journal {path} is damaged: {records.damages[0]}{more}. {n_finished} finished trials "
        'can be saved: skhyper.load_history(path, damaged="skip") returns them. To continue '
        "from them, pass them as history= to a search with another journal."
    )
