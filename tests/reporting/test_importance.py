"""Importance in reports and notebooks."""

import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from reporting.searches import search
from sklearn.svm import SVC

from skhyper import History, SearchCV, Trial, inspection
from skhyper.reporting import _importance, _sections, results_html
from skhyper.reporting._importance import importance_bars, importance_caption, importance_of
from skhyper.reporting._record import record_of
from skhyper.space import Space


def fitted(n_trials, n_names, noise=0.0):
    """A search whose score depends on the first hyperparameter, and on noise."""
    rng = np.random.default_rng(0)
    names = [f"h{i}" for i in range(n_names)]
    found = SearchCV(SVC())
    found.space_ = Space({name: (0.0, 1.0) for name in names})
    points = rng.uniform(size=(n_trials, n_names))
    losses = (points[:, 0] - 0.3) ** 2 + noise * rng.normal(size=n_trials)
    found.history_ = History(
        tuple(
            Trial(i, dict(zip(names, p.tolist())), "complete", np.full(2, -loss), loss)
            for i, (p, loss) in enumerate(zip(points, losses))
        )
    )
    return found


def test_the_bars_are_those_of_the_inspection():
    record = record_of(fitted(25, 2))
    found = importance_of(record, 1000)
    expected = inspection.importance(record.search)
    assert found.names[0] == expected.names[0] == "h0"
    texts = [text.text for text in ET.fromstring(importance_bars(found)).iter("text")]
    assert texts == [
        part for n, m in zip(expected.names, expected.main) for part in (n, f"{100 * m:.0f} %")
    ]
    assert "do not rely" not in importance_caption(found)


def test_what_the_surrogate_did_not_learn_is_not_relied_on():
    found = importance_of(record_of(fitted(25, 2, noise=100.0)), 1000)
    assert "do not rely on it" in importance_caption(found)


def test_without_enough_trials_or_hyperparameters_there_is_none():
    assert importance_of(record_of(fitted(4, 3)), 1000) is None
    assert importance_of(record_of(fitted(20, 1)), 1000) is None
    assert importance_of(record_of(fitted(101, 10)), 1000) is None


def test_equal_scores_have_none():
    searched = fitted(20, 3)
    equal = [replace(t, loss=-0.5) for t in searched.history_]
    searched.history_ = History(tuple(equal))
    assert importance_of(record_of(searched), 1000) is None


def test_pictures_are_in_the_order_of_importance():
    searched = fitted(25, 2)
    for trial in searched.history_:
        trial.params["h9"] = trial.params.pop("h0")  # now the last one
    searched.space_ = None
    page = _sections.pictures(record_of(searched))
    assert page.index("Score over h9") < page.index("Score over h1")


def test_scikit_learns_own_search():
    searched = search("sklearn random")
    assert importance_of(record_of(searched), 1000) is None  # four trials


def test_a_display_computes_it_once_and_only_if_it_is_quick(monkeypatch):
    calls = []
    computed = _importance.importance
    monkeypatch.setattr(
        _importance, "importance", lambda s, **o: calls.append(1) or computed(s, **o)
    )
    searched = fitted(20, 2)
    assert "Importance of h0" in results_html(searched)
    assert results_html(searched) == results_html(searched)
    assert len(calls) == 1
    assert "Importance" not in results_html(fitted(_importance.QUICK // 3 + 1, 3))
    assert len(calls) == 1


@pytest.mark.slow
def test_the_time_of_a_display_is_bounded():
    searched = fitted(_importance.QUICK // 3, 3, noise=1.0)
    start = time.process_time()
    results_html(searched)
    assert time.process_time() - start < 6.0  # about 0.4 s
