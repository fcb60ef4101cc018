"""When a Bayesian search begins with the knowledge that is shipped."""

import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, SearchCV
from skhyper.space import When

X, y = load_wine(return_X_y=True)
MODEL = make_pipeline(StandardScaler(), SVC())
SPACE = {"svc__C": (1e-2, 1e3, "log-uniform"), "svc__gamma": (1e-4, 1e1, "log-uniform")}


def fitted(model=MODEL, space=SPACE, n_iter=6, **options):
    search = BayesSearchCV(model, space, n_iter=n_iter, cv=2, random_state=0, **options)
    return search.fit(X, y)


def test_a_search_begins_with_what_did_well_on_other_data_sets():
    search = fitted()
    tried = search.cv_results_["params"]
    assert len(search.knowledge_) == 8
    # After the estimator's own values, which the surrogate does not see.
    assert tried[1:3] == search.knowledge_[:2]
    assert search.knowledge_.source == "SVC-error.npz"
    assert len(search.knowledge_.data_sets) >= 20
    assert search.knowledge_.reason == ""
    assert fitted().cv_results_["params"] == tried


def test_it_is_chosen_in_the_space_of_the_user():
    narrow = {"svc__C": (1e-2, 0.1, "log-uniform")}
    search = fitted(space=narrow)
    assert all(1e-2 <= params["svc__C"] <= 0.1 for params in search.knowledge_)
    constrained = fitted(constraint=lambda params: params["svc__C"] < 1)
    assert all(params["svc__C"] < 1 for params in constrained.knowledge_)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"knowledge": None}, "knowledge=None"),
        ({"initial_points": {"svc__C": 1.0, "svc__gamma": 0.1}}, "there are initial_points"),
        ({"scoring": make_scorer(lambda y_true, y_pred: 0.5)}, "none for this score"),
        ({"scoring": lambda estimator, X, y: 0.5}, "none for this score"),
        ({"model": SVC(), "space": {"C": (1.0, 10.0)}}, "are not standardized"),
        (
            {"space": {"svc__shrinking": [True, False], "svc__tol": (1e-4, 1e-2)}},
            "none of svc__C, svc__gamma is searched",
        ),
    ],
)
def test_it_does_not(options, reason):
    search = fitted(**{"n_iter": 3, **options})
    assert search.knowledge_ == []
    assert reason in search.knowledge_.reason


def test_nor_with_the_optimizer_of_scikit_optimize():
    pytest.importorskip("skopt")
    search = fitted(n_iter=2)
    search.set_params(optimizer_kwargs={"base_estimator": "RF"}).fit(X, y)
    assert search.knowledge_ == []
    assert "scikit-optimize" in search.knowledge_.reason


def test_nor_where_another_search_has_begun():
    first = SearchCV(MODEL, SPACE, n_iter=3, cv=2, random_state=0).fit(X, y)
    search = fitted(n_iter=2, history=first.history_)
    assert search.knowledge_.reason == "there is a history to start from"


def test_the_metric_that_is_optimized_chooses_the_file():
    space = {"max_depth": (1, 9), "min_samples_leaf": (1, 20)}
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        space,
        n_iter=4,
        cv=2,
        scoring={"a": "accuracy", "log": "neg_log_loss"},
        refit="log",
        random_state=0,
    ).fit(X, y)
    assert search.knowledge_.source == "DecisionTreeClassifier-log_loss.npz"


def test_a_space_of_few_candidates_is_tried_in_its_order():
    X, y = load_iris(return_X_y=True)
    space = {"C": [0.1, 1.0, 10.0]}
    search = BayesSearchCV(SVC(), space, n_iter=10, cv=2, random_state=0).fit(X, y)
    assert [p["C"] for p in search.cv_results_["params"]] == [0.1, 1.0, 10.0]
    assert search.knowledge_.reason == "every candidate of the space is tried"


SVM, KNN, BAYES = SVC(), KNeighborsClassifier(), GaussianNB()
CHOICE = Pipeline([("scaler", StandardScaler()), ("model", DecisionTreeClassifier())])
LISTED = [
    {"model": [SVM], "model__C": (1e-2, 1e3, "log-uniform")},
    {"model": [KNN], "model__n_neighbors": (1, 50)},
    {"model": [BAYES]},
]
CONDITIONAL = {
    "model": [SVM, KNN, BAYES],
    "model__C": When((1e-2, 1e3, "log-uniform"), model=SVM),
    "model__n_neighbors": When((1, 50), model=KNN),
}


@pytest.mark.parametrize("space", [LISTED, CONDITIONAL], ids=["listed", "conditional"])
def test_each_branch_has_candidates_of_its_own(space):
    search = fitted(CHOICE, space, n_iter=12)
    known, (svm, knn, bayes) = search.knowledge_, search.knowledge_.branches
    assert [params for params, _ in (svm, knn, bayes)] == [
        {"model": model} for model in (SVM, KNN, BAYES)
    ]
    assert (svm[1].source, knn[1].source) == ("SVC-error.npz", "KNeighborsClassifier-error.npz")
    assert (len(svm[1]), len(knn[1]), bayes[1]) == (4, 4, [])
    assert bayes[1].reason == "there is none of GaussianNB for this score"
    assert known.source == "SVC-error.npz, KNeighborsClassifier-error.npz"
    assert known == [params for pair in zip(svm[1], knn[1]) for params in pair]
    # They are those of a search of each model alone.
    alone = fitted(
        Pipeline([("scaler", StandardScaler()), ("model", SVM)]),
        {"model__C": CONDITIONAL["model__C"].values},
        n_iter=1,
    )
    assert svm[1][0]["model__C"] == pytest.approx(alone.knowledge_[0]["model__C"])
    # After the estimator's own values; at most half of the trials at any time.
    tried = search.cv_results_["params"]
    assert tried[1:3] == known[:2]
    n_known = [sum(params in known for params in tried[:n]) for n in range(2, 13)]
    assert all(2 * n <= m + 2 for m, n in enumerate(n_known, start=2))


def test_each_branch_has_its_turn_where_each_sub_space_has_its_trials():
    search = fitted(CHOICE, [(space, 4) for space in LISTED[:2]])
    tried = search.cv_results_["params"]
    for number, (_, known) in enumerate(search.knowledge_.branches):
        assert any(params in known for params in tried[1 + 4 * number : 5 + 4 * number])


def test_own_values_that_are_not_tried_do_not_count():
    """At most half of the trials are known starts."""
    data = load_iris(return_X_y=True)
    space = {"C": (0.01, 100.0, "log-uniform"), "gamma": (1e-4, 1.0, "log-uniform")}
    pairs = [(space, 3), (space, 1)]  # gamma="scale" is outside
    default, without = (
        BayesSearchCV(SVC(), pairs, cv=2, random_state=0, include_default=include).fit(*data)
        for include in (None, False)
    )
    assert default.cv_results_["params"] == without.cv_results_["params"]
    assert default.knowledge_


def test_a_resumed_search_with_branches_is_the_uninterrupted_one(tmp_path):
    journal = tmp_path / "search.jsonl"
    whole = fitted(CHOICE, LISTED, n_iter=9, journal=journal).cv_results_["params"]
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: len(lines) // 2]))
    resumed = fitted(CHOICE, LISTED, n_iter=9, journal=journal).cv_results_["params"]
    assert repr(resumed) == repr(whole)


def test_a_branch_has_the_steps_that_it_fixes():
    spaces = [
        {"scaler": ["passthrough"], **LISTED[0]},
        {"scaler": [StandardScaler()], "model__max_depth": (1, 9)},
    ]
    search = fitted(CHOICE, spaces, n_iter=2, scoring="neg_log_loss", error_score=-9.0)
    (_, svm), (_, tree) = search.knowledge_.branches
    assert svm.reason == "there is none of SVC for this score"
    assert tree.source == "DecisionTreeClassifier-log_loss.npz"
    (_, svm), _ = fitted(CHOICE, spaces, n_iter=2).knowledge_.branches
    assert svm.reason == "the features that reach SVC are not standardized"
    nothing = fitted(CHOICE, spaces[:1] + LISTED[2:], n_iter=2).knowledge_
    assert nothing.reason == f"{svm.reason}; there is none of GaussianNB for this score"
