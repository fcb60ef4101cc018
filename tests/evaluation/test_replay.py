"""What the lines of a journal say, and the public function that reads one."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
import time
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, SearchCV, load_history
from skhyper.evaluation._records import line_of, scanned
from skhyper.evaluation._replay import picker, replayed
from skhyper.evaluation._values import KnownValues, StoredChoice

X, y = load_iris(return_X_y=True)
SPACE = {"C": (1e-2, 1e2, "log-uniform")}


def records(*records):
    data = b"".join(line_of(n, record) for n, record in enumerate(records))
    return replayed(scanned(data, "j"), KnownValues())


def asked(number, **more):
    return {"asked": number, "params": {"C": number}, **more}


HEADER = {
    "seed": 1,
    "splits": {"sizes": [[2, 3, 1]], "n_samples": 4, "digest": "", "rng": None, "sets": None},
}
SESSION = {"session": {"in_process": True, "workers": 1}}
FOLD = {"test_scores": 0.5, "fit_time": 1.0, "score_time": 0.0, "fit_error": None}


def fold(number, n):
    return {"fold": [number, n], "result": FOLD, "at": 3.0}


def test_trials_that_ended_and_others():
    replay = records(
        HEADER, asked(0, given=True), fold(0, 0), fold(0, 1), {"ended": 0, "folds": 2},
        SESSION, asked(1, at=1.0), asked(2), fold(2, 1), fold(1, 0),
        {"ended": 1, "folds": 1, "at": 4.0}, asked(3), fold(3, 0), fold(3, 1),
    )  # fmt: skip
    history = replay.history()
    assert [trial.state for trial in history] == ["complete", "stopped", "running", "complete"]
    assert history[1].scores.tolist()[0] == 0.5
    assert (history.seed, len(history.splits)) == (1, 2)
    assert list(replay.unfinished()) == [2, 3]
    assert list(replay.entries[2].folds) == [1]
    assert [entry.is_given for entry in replay.entries.values()] == [True, False, False, False]
    assert (replay.spent, replay.entries[1].ended_at) == (3.0, 4.0)


def test_a_stopped_trial_has_the_folds_and_the_estimate_that_were_written():
    replay = records(
        HEADER, asked(0), fold(0, 1), fold(0, 0), {"ended": 0, "folds": [1], "loss": -0.9}
    )
    trial = replay.history()[0]
    assert (trial.state, trial.fold_numbers, trial.loss) == ("stopped", (1,), -0.9)
    np.testing.assert_array_equal(trial.scores, [np.nan, 0.5])


def test_who_may_have_ended_the_process():
    start = (HEADER, SESSION, asked(0), asked(1))
    assert records(*start).suspects() == [0, 1]
    assert records(*start, {"cut": [0]}).suspects() == [1]
    assert records(*start, {"cut": [0, 1]}, SESSION).suspects() == [0, 1]
    elsewhere = {"session": {"in_process": False, "workers": 2}}
    assert records(*start, elsewhere, asked(2)).suspects() == []
    # If a whole list was submitted, only its first candidates may have run.
    assert records(*start, asked(2), asked(3)).suspects() == [0, 1]
    # Of one whose candidates all run one fold first, the last one ran.
    assert records(*start, fold(0, 0), fold(1, 0), asked(2)).suspects() == [2]


def test_deaths_of_a_trial_that_is_tried_again():
    start, retried = (HEADER, SESSION, asked(0)), {"retried": 0}
    assert records(*start, retried, SESSION, retried).entries[0].n_deaths == 2
    assert records(*start, retried, SESSION, retried, fold(0, 0)).entries[0].n_deaths == 0
    assert records(*start, retried, {"cut": [0]}).entries[0].n_deaths == 0


def test_the_metric_of_the_search_is_read():
    options = {"scoring": ["accuracy", "neg_log_loss"], "cv": 3, "return_train_score": True}
    assert picker("b")({"a": 1, "b": 2}) == 2
    assert picker(None)({"a": 1, "b": 2}) == 1
    assert picker("of a callable")(3.0) == 3.0
    for refit in ("neg_log_loss", "accuracy", False):
        search = GridSearchCV(
            LogisticRegression(max_iter=1000), {"C": [1, 10]}, refit=refit, **options
        )
        found = journaled(search)
        assert [t.loss for t in found] == [t.loss for t in search.history_]


def journaled(search, X=X, y=y):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "j")
        search.set_params(journal=path).fit(X, y)
        return load_history(path)


def assert_same_trials(found, history):
    assert len(found) == len(history)
    for one, other in zip(found, history):
        assert (one.number, one.params, one.state) == (other.number, other.params, other.state)
        assert [type(v) for v in one.params.values()] == [type(v) for v in other.params.values()]
        assert pickle.dumps((one.loss, one.criterion, one.seconds, one.started, one.message)) == (
            pickle.dumps((other.loss, other.criterion, other.seconds, other.started, other.message))
        )
        np.testing.assert_array_equal(one.scores, other.scores)
        assert repr(one.gradient) == repr(other.gradient)
        assert repr(one.folds) == repr(other.folds)


def test_what_is_written_is_read():
    searches = [
        BayesSearchCV(SVC(), SPACE, n_iter=3, cv=3, random_state=0),
        GradientSearchCV(
            LogisticRegression(max_iter=1000), SPACE, n_iter=3, cv=3, scoring="neg_log_loss"
        ),
        SearchCV(SVC(), sampler=[{"C": np.float32(0.1)}, {"C": 1}, {"C": "wrong"}], cv=3),
        GridSearchCV(SVC(), {"class_weight": [None, {0: 2.0}], "C": np.array([1, 2])}, cv=2),
    ]
    for search in searches:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = journaled(search)
        assert_same_trials(found, search.history_)
        assert found.fingerprint == search.history_.fingerprint
        assert found.seed == search.history_.seed
        assert found.splits.digest == search.history_.splits.digest


def test_estimators_are_placeholders_until_a_search_knows_them(tmp_path):
    grid = {"C": [1.0, 2.0], "kernel": ["rbf", linear]}
    search = GridSearchCV(SVC(), grid, cv=3, journal=tmp_path / "j").fit(X, y)
    found = load_history(tmp_path / "j")
    kinds = [type(trial.params["kernel"]) for trial in found]
    assert kinds == [str, StoredChoice, str, StoredChoice]
    assert "linear" in repr(found[1].params["kernel"])
    listed = [dict(params) for params in search.cv_results_["params"]]
    again = SearchCV(SVC(), sampler=listed, cv=3, history=found).fit(X, y)
    assert again.n_trials_ == 4
    assert again.history_[1].params["kernel"] is linear


def linear(A, B):
    return A @ B.T


def write_garbage(data, line):
    lines = data.split(b"\n")
    lines[line - 1] = lines[line - 1].replace(b"0", b"1", 1)
    return b"\n".join(lines)


def test_a_damaged_journal_is_refused_and_the_rest_can_be_saved(tmp_path):
    path = tmp_path / "j"
    search = SearchCV(SVC(), SPACE, n_iter=8, cv=3, random_state=0, journal=path).fit(X, y)
    whole = path.read_bytes()
    n_lines = whole.count(b"\n")
    for line in range(1, n_lines + 1):
        path.write_bytes(write_garbage(whole, line))
        with pytest.raises(
            ValueError, match=rf"damaged: line {line} .* [78] finished trials can be saved"
        ):
            load_history(path)
        with pytest.raises(ValueError, match=rf"damaged: line {line} "):
            SearchCV(SVC(), SPACE, n_iter=8, cv=3, journal=path).fit(X, y)
        saved = load_history(path, damaged="skip")
        finished = [trial for trial in saved if trial.state == "complete"]
        assert len(finished) >= 7
        assert saved.fingerprint == search.history_.fingerprint
        losses = {trial.params["C"]: trial.loss for trial in search.history_}
        assert all(trial.loss == losses[trial.params["C"]] for trial in finished)
    # The saved trials serve another search.
    saved = load_history(path, damaged="skip")
    more = SearchCV(SVC(), SPACE, n_iter=1, cv=3, history=saved, random_state=1).fit(X, y)
    assert more.n_trials_ == len(saved) - len(saved.pending) + 1


def test_the_choice_about_damage_is_checked(tmp_path):
    with pytest.raises(ValueError, match="damaged must be 'raise' or 'skip', got 'ignore'"):
        load_history(tmp_path / "j", damaged="ignore")


def test_nothing_and_little_in_a_file(tmp_path):
    path = tmp_path / "j"
    with pytest.raises(FileNotFoundError, match="j"):
        load_history(path)
    for data in (b"", b'{"n":0,"skhyper_jour'):
        path.write_bytes(data)
        assert len(load_history(path)) == 0


def test_it_is_read_while_another_process_writes(tmp_path):
    script = textwrap.dedent("""
        import sys
        from sklearn.datasets import load_iris
        from sklearn.tree import DecisionTreeClassifier
        from skhyper import SearchCV
        space = {"min_impurity_decrease": (0.0, 1.0)}
        tree = DecisionTreeClassifier(random_state=0)
        search = SearchCV(tree, space, n_iter=60, cv=2, random_state=0, journal=sys.argv[1])
        search.fit(*load_iris(return_X_y=True))
    """)
    path, sizes = tmp_path / "j", []
    with subprocess.Popen([sys.executable, "-c", script, str(path)]) as process:
        while process.poll() is None:
            if path.exists():
                history = load_history(path)
                sizes.append(len(history))
                assert len(history.pending) <= 1
            time.sleep(0.02)
    assert process.returncode == 0
    assert sizes == sorted(sizes)
    assert len(load_history(path)) == 60


def test_the_format_is_plain_json(tmp_path):
    """Read without skhyper, as the documentation says."""
    path = tmp_path / "j"
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=KFold(2), journal=path).fit(X, y)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["n"] for record in records] == list(range(len(records)))
    assert records[0]["skhyper_journal"] == 2
    assert set(records[0]["digests"]) == {"data", "folds", "estimator", "scoring", "space"}
    assert [r["params"]["C"] for r in records if "asked" in r] == [1, 2]
    scores = [r["result"]["test_scores"] for r in records if "fold" in r]
    np.testing.assert_array_equal(
        np.reshape(scores, (2, 2)).T,
        [search.cv_results_[f"split{i}_test_score"] for i in range(2)],
    )
