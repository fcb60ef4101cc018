"""Knowledge from finished searches, its file, and candidates in another space."""

import json
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skhyper import BayesSearchCV, SearchCV
from skhyper._trial import History, Trial
from skhyper.exceptions import InvalidSpaceError
from skhyper.knowledge import Knowledge, learn
from skhyper.space import Space, When

SPACES = {"C": (1e-3, 1e3, "log-uniform"), "n": (1, 20), "kind": ["a", "b"]}
X, y = np.zeros((20, 1)), np.arange(20) % 2


def loss_at(params, shift=0.0):
    """Best at C = 10, n = 5 and kind "b"."""
    C, n = np.log10(params.get("C", 1.0)), params.get("n", 10)
    return (C - 1 - shift) ** 2 + ((n - 5) / 10) ** 2 + 0.5 * (params.get("kind", "a") == "a")


def history(seed, n=40):
    space, rng = Space(SPACES), np.random.default_rng(seed)
    candidates = space.from_unit(space.sample(n, rng))
    shift = 0.2 * rng.standard_normal()
    trials = [
        Trial(i, p, state="complete", loss=loss_at(p, shift), seconds=0.1)
        for i, p in enumerate(candidates)
    ]
    return History(tuple(trials))


@pytest.fixture(scope="module")
def knowledge():
    return learn([history(seed) for seed in range(8)], names="abcdefgh")


OWN = {"C": 1.0, "n": None, "kind": "a"}


def test_what_is_learned_is_good_elsewhere(knowledge):
    assert knowledge.data_sets == tuple("abcdefgh")
    assert set(knowledge.ranges) == {"C", "n", "kind"}
    chosen = knowledge.portfolio(Space(SPACES), OWN)
    assert len(chosen) == 8
    random = Space(SPACES).from_unit(Space(SPACES).sample(8, np.random.default_rng(5)))
    assert loss_at(chosen[0]) < 0.3
    assert np.median([loss_at(p) for p in chosen]) < 0.3 * np.median([loss_at(p) for p in random])


def test_it_is_matched_with_another_space_by_name_and_value(knowledge):
    narrow = knowledge.portfolio(Space({"C": (1e-3, 1.0, "log-uniform")}), OWN)
    assert all(p["C"] > 0.1 for p in narrow[:2])
    # The kind is the estimator's own one; the range goes beyond what was tried.
    wide = knowledge.portfolio(Space({"C": (1e-9, 1e9, "log-uniform")}), OWN)
    assert all(1e-3 <= p["C"] <= 1e3 for p in wide)
    assert 1 < wide[0]["C"] < 100
    conditional = Space({"kind": ["a", "b"], "C": When((0.1, 1e2, "log-uniform"), kind="b")})
    assert knowledge.portfolio(conditional, OWN)[0]["kind"] == "b"
    assert knowledge.portfolio(Space({"gamma": (0.0, 1.0)}), OWN) == []
    assert knowledge.portfolio(Space({"C": (1e5, 1e6, "log-uniform")}), OWN) == []


def test_a_constraint_is_called_a_bounded_number_of_times(knowledge):
    calls = []

    def constraint(params):
        calls.append(params)
        return 0.9e-3 < params["C"] < 1.01e-3

    found = knowledge.portfolio(Space(SPACES, constraint), OWN)
    assert all(constraint(params) for params in found)
    assert len(calls) < 700


def test_an_odd_default_does_not_make_numbers_choices():
    odd = Trial(40, {"C": "scale", "n": None, "kind": "a"}, state="complete", loss=9.0)
    found = learn([History((*history(seed).trials, odd)) for seed in range(2)])
    assert [found.ranges[name]["kind"] for name in ("C", "n", "kind")] == [
        "real",
        "integer",
        "choices",
    ]


def of_values(**values):
    rows = zip(*values.values())
    return History(
        tuple(
            Trial(i, dict(zip(values, row)), state="complete", loss=float(i), seconds=0.1)
            for i, row in enumerate(rows)
        )
    )


def test_infinite_values_are_left_out():
    one = of_values(C=[0.1, 1.0, np.inf, 10.0, 20.0, 50.0])  # no penalty in scikit-learn 1.8
    assert learn([one, one]).ranges == {
        "C": {"kind": "real", "low": 0.1, "high": 50.0, "log": True}
    }


def test_a_hyperparameter_of_which_a_search_has_no_value_in_the_range_is_left_out():
    C = [0.1, 0.5, 1.0, 10.0, 20.0, 50.0]
    numbers = of_values(C=C, gamma=C)
    words = of_values(C=C[:5], gamma=["scale", "auto", "scale", "auto", "scale"])
    assert list(learn([numbers, words]).ranges) == ["C"]
    with pytest.raises(ValueError, match="no hyperparameter in common"):
        learn([of_values(gamma=C), of_values(gamma=["scale", "auto"] * 2 + ["scale"])])
    neither = of_values(C=["a", "b", "c", 1.0, 2.0], gamma=[1.0, 2.0, 3.0, "scale", "auto"])
    with pytest.raises(ValueError, match="No trial of '1' has values in all of the ranges"):
        learn([numbers, neither])


def test_it_is_saved_without_pickles(knowledge, tmp_path):
    path = tmp_path / "ours.npz"
    knowledge.save(path)
    loaded = Knowledge.load(path)
    space = Space(SPACES)
    assert loaded.portfolio(space, OWN) == knowledge.portfolio(space, OWN)
    assert loaded.data_sets == knowledge.data_sets
    with np.load(path, allow_pickle=False) as file:
        assert "header" in file
    for content in (b"PK nothing", path.read_bytes()[:200], b""):
        (tmp_path / "other.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"is not a file of skhyper\.knowledge"):
            Knowledge.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("header", "arrays"),
    [
        ({"version": None}, {}),
        ({"ranges": {"C": 5}}, {}),
        ({"ranges": {}}, {}),
        ({"data_sets": ["a"]}, {}),
        ({"requires": [1]}, {}),
        ({}, {"factors": np.zeros((3, 3))}),
        ({}, {"weights": np.full((2, 8), np.nan)}),
        ({}, {"times": np.array(["a"])}),
        ({}, {"points": np.array([object()])}),
    ],
)
def test_a_file_with_other_content_is_refused_before_any_fit(knowledge, tmp_path, header, arrays):
    path = tmp_path / "ours.npz"
    knowledge.save(path)
    with np.load(path) as file:
        content = dict(file)
    found = json.loads(str(content["header"])) | header
    found = {name: value for name, value in found.items() if value is not None}
    np.savez(path, **{**content, **arrays, "header": json.dumps(found)})
    search = BayesSearchCV(NeverFitted(), SPACES, n_iter=4, cv=2, knowledge=path)
    with pytest.raises(ValueError, match=r"is not a file of skhyper\.knowledge, or is damaged"):
        search.fit(X, y)


def test_other_files_are_refused(knowledge, tmp_path):
    path = tmp_path / "ours.npz"
    knowledge.save(path)
    whole = path.read_bytes()
    np.save(tmp_path / "array.npy", X)
    damaged = bytearray(whole)
    damaged[200:-400:37] = bytes(len(damaged[200:-400:37]))
    for content in ((tmp_path / "array.npy").read_bytes(), bytes(damaged), whole[:-9]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged"):
            Knowledge.load(path)
    path.write_bytes(whole)
    with np.load(path) as file:
        content = dict(file)
    header = json.loads(str(content["header"])) | {"version": 0}
    np.savez(path, **{**content, "header": json.dumps(header)})
    with pytest.raises(ValueError, match=r"has version 0.* Learn it again from the searches"):
        Knowledge.load(path)


def test_too_little_to_learn_from():
    with pytest.raises(ValueError, match="At least two searches with 5 complete trials"):
        learn([history(0), history(1, n=3)])
    with pytest.raises(ValueError, match="1 names were given for 2 searches"):
        learn([history(0), history(1)], names=["one"])
    other = History(tuple(Trial(i, {"z": i}, state="complete", loss=1.0) for i in range(9)))
    with pytest.raises(ValueError, match="no hyperparameter in common"):
        learn([history(0), other])
    with pytest.raises(TypeError, match="Expected histories, paths of journals or fitted"):
        learn([1, 2])
    with pytest.raises(TypeError, match=r"Expected a list of searches or journals, got 'a\.jsonl'"):
        learn("a.jsonl")
    for odd in (None, history(0), {"one": history(0), "two": history(1)}):
        with pytest.raises(TypeError, match="Expected a list of searches or journals, got"):
            learn(odd)
    for options in ({"rank": 1.5}, {"n_inducing": "9"}):
        with pytest.raises(TypeError, match="rank and n_inducing must be integers, got"):
            learn([history(0), history(1)], **options)
    for options in ({"rank": 0}, {"n_inducing": 0}):
        with pytest.raises(ValueError, match="rank and n_inducing must be at least 1"):
            learn([history(0), history(1)], **options)


class Surface(BaseEstimator):
    def __init__(self, C=1.0, n=10, kind="a", sign=1.0):
        self.C = C
        self.n = n
        self.kind = kind
        self.sign = sign

    def fit(self, X, y):
        return self

    def score(self, X, y):
        return -self.sign * loss_at(self.get_params())


class NeverFitted(Surface):
    def fit(self, X, y):
        raise AssertionError("It is fitted.")


def test_a_search_starts_from_it(knowledge, tmp_path):
    path = tmp_path / "ours.npz"
    knowledge.save(path)
    search = BayesSearchCV(Surface(), SPACES, n_iter=16, cv=2, knowledge=path, random_state=0)
    search.fit(X, y)
    tried = search.cv_results_["params"]
    assert len(search.knowledge_) == 8
    # The estimator's own values, two candidates, the middle, and every second trial.
    assert tried[0] == {"C": 1.0, "n": 10, "kind": "a"}
    assert tried[1:3] == search.knowledge_[:2]
    assert tried[4:16:2] == search.knowledge_[2:]
    without = BayesSearchCV(Surface(), SPACES, n_iter=16, cv=2, random_state=0).fit(X, y)
    least, others = (min(t.loss for t in s.history_[:5]) for s in (search, without))
    assert least < others


def test_a_missing_file_and_other_names_are_said(knowledge):
    search = BayesSearchCV(NeverFitted(), SPACES, cv=2, knowledge="Auto")
    with pytest.raises(FileNotFoundError, match="no file 'Auto': knowledge must be 'auto', a file"):
        search.fit(X, y)
    other = BayesSearchCV(Surface(), {"sign": (0.5, 2.0)}, n_iter=2, cv=2, knowledge=knowledge)
    assert other.fit(X, y).knowledge_.reason == "none of C, kind, n is searched"


def test_wrong_knowledge_is_given_up_after_two_candidates(knowledge):
    search = BayesSearchCV(
        Surface(sign=-1.0), SPACES, n_iter=16, cv=2, knowledge=knowledge, random_state=0
    ).fit(X, y)
    tried = search.cv_results_["params"]
    assert tried[1:3] == search.knowledge_[:2]
    assert not any(p in tried for p in search.knowledge_[2:])


def test_a_short_search_is_the_beginning_of_a_long_one(knowledge):
    options = {"cv": 2, "knowledge": knowledge, "random_state": 0}
    short = BayesSearchCV(Surface(), SPACES, n_iter=6, **options).fit(X, y).cv_results_["params"]
    search = BayesSearchCV(Surface(), SPACES, n_iter=12, **options).fit(X, y)
    assert search.cv_results_["params"][:6] == short
    assert sum(params in search.knowledge_ for params in short) == 3


def test_a_resumed_search_is_the_uninterrupted_one(knowledge, tmp_path):
    journal = tmp_path / "search.jsonl"
    options = {"n_iter": 12, "cv": 2, "knowledge": knowledge, "random_state": 0}
    search = BayesSearchCV(Surface(), SPACES, journal=journal, **options)
    whole = search.fit(X, y).cv_results_["params"]
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: len(lines) // 2]))
    resumed = BayesSearchCV(Surface(), SPACES, journal=journal, **options).fit(X, y)
    assert resumed.cv_results_["params"] == whole


def test_a_fitted_search_can_be_pickled(knowledge):
    search = BayesSearchCV(Surface(), SPACES, n_iter=5, cv=2, knowledge=knowledge).fit(X, y)
    assert pickle.loads(pickle.dumps(search)).best_params_ == search.best_params_


def test_it_is_not_for_other_samplers(knowledge):
    kwargs = {"base_estimator": "RF"}
    search = BayesSearchCV(Surface(), SPACES, optimizer_kwargs=kwargs, knowledge=knowledge)
    with pytest.raises(InvalidSpaceError, match="optimizer does not support knowledge"):
        search.fit(X, y)


def test_journals_and_searches_are_learned_from(tmp_path):
    found = []
    for seed in range(2):
        journal = tmp_path / f"{seed}.jsonl"
        search = SearchCV(
            Surface(), SPACES, n_iter=8, cv=2, journal=journal, random_state=seed
        ).fit(X, y)
        found += [search, journal]
    first, second = (str(tmp_path / f"{seed}.jsonl") for seed in range(2))
    assert learn(found).data_sets == ("0", first, "2", second)


def test_numbers_of_numpy_are_numbers(tmp_path):
    trials = [
        Trial(i, {"n": np.int64(i), "C": np.float32(10**i)}, state="complete", loss=float(i))
        for i in range(6)
    ]
    found = learn([History(tuple(trials))] * 2)
    assert found.ranges["n"] == {"kind": "integer", "low": 0, "high": 5, "log": False}
    assert found.ranges["C"] == {"kind": "real", "low": 1.0, "high": 1e5, "log": True}
    found.save(tmp_path / "ours.npz")
    assert Knowledge.load(tmp_path / "ours.npz").ranges == found.ranges
