"""The store of fitted steps: least recently used out, within a limit."""

import numpy as np

from skhyper.evaluation import _store
from skhyper.evaluation._store import Entry, Store

ENTRY = Entry({}, None, 0.0)


def test_the_least_recently_used_entry_is_removed():
    store = Store(10)
    assert store.put("a", ENTRY, 4)
    assert store.put("b", ENTRY, 4)
    assert store.get("a") is ENTRY
    assert store.put("c", ENTRY, 4)
    assert [store.get(key) is ENTRY for key in "abc"] == [True, False, True]
    assert store.put("a", ENTRY, 6), "in place of the one of 4 bytes"
    assert [store.get(key) is ENTRY for key in "ac"] == [True, True]


def test_what_is_larger_than_the_limit_is_not_kept():
    store = Store(10, n_workers=2)
    assert not store.put("a", ENTRY, 6)
    assert store.get("a") is None
    assert store.put("b", ENTRY, 5)
    assert store.clear()
    assert not store.clear()
    assert store.put("c", ENTRY, 5), "the room was freed"


def test_the_default_limit_is_a_quarter_of_the_available_memory(monkeypatch):
    monkeypatch.setattr(_store, "available_memory", lambda: 40)
    store = Store(None)
    assert not store.put("a", ENTRY, 11)
    assert store.put("b", ENTRY, 10)


def test_size_of_an_entry():
    X = np.zeros((10, 3))
    state = {"mean_": np.zeros(3), "X_": X, "vocabulary_": dict.fromkeys(range(100))}
    entry = Entry(state, np.zeros((10, 2)), 0.0)
    size = entry.size(known=X)
    arrays, per_word = 8 * (3 + 20), 100
    assert arrays + 100 * per_word < size < arrays + 200 * per_word
    assert entry.size(known=None) == size + X.nbytes
    assert Entry(None, np.zeros(5), 0.0).size(None) == 40
