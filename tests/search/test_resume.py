"""The history that a search starts from. Handing over is tested in test_search, too."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import ShuffleSplit
from sklearn.svm import SVC

from skhyper import SearchCV
from skhyper.evaluation import opened_journal
from skhyper.search._resume import starting_history
from skhyper.search._task import make_task

X, y = load_iris(return_X_y=True)


def start(search, X=X):
    task = make_task(search, X, y, {})
    plan = search._plan(task)
    with opened_journal(plan.journal) as journal:
        return starting_history(search, task, plan, journal).history, plan


def manual(*C, **options):
    return SearchCV(SVC(), sampler=[{"C": c} for c in C], cv=ShuffleSplit(3), **options)


def test_without_earlier_trials_there_are_folds_and_a_fingerprint():
    one, plan = start(manual(1, 2))
    other, _ = start(manual(3, random_state=1))
    assert (len(one), len(one.splits), plan.candidates.n_candidates) == (0, 3, 2)
    assert one.fingerprint == other.fingerprint != start(manual(1), X + 1)[0].fingerprint
    assert other.seed == np.random.RandomState(1).randint(2**31 - 1)


def test_trials_from_a_history_the_last_fit_and_a_journal_are_merged(tmp_path):
    journal = tmp_path / "journal"
    first = manual(1).fit(X, y)
    second = manual(2, history=first.history_, warm_start=True).fit(X, y)
    manual(3, history=first.history_, journal=journal).fit(X, y)
    second.set_params(sampler=[{"C": 3}, {"C": 4}, {"C": 1}], journal=journal)
    base, plan = start(second)
    assert [trial.params["C"] for trial in base] == [1, 3, 2]
    assert [trial.number for trial in base] == [0, 1, 2]
    assert plan.candidates.n_candidates == 1
    for one, other in zip(base.splits, first.history_.splits):
        np.testing.assert_array_equal(one[1], other[1])
    with pytest.raises(ValueError, match="belongs to a search with other data"):
        start(manual(1, journal=journal), X + 1)
