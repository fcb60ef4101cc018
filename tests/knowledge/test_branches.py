"""Branches of a space by a choice of estimators."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skhyper.knowledge import branches_by
from skhyper.space import Space, When

KNN, SVM = KNeighborsClassifier(), SVC()


def points_in(space, branch, n=40):
    points = np.random.default_rng(0).random((n, space.n_dims))
    points[:, list(branch.fixed)] = list(branch.fixed.values())
    return space.from_unit(space.canonical(points))


def test_branches_of_a_conditional_space():
    space = Space(
        {"kind": [1, 2], "model": [KNN, SVM], "C": When((0.1, 9.0), model=SVM), "p": [2]},
    )
    knn, svm = branches_by(space, "model")
    assert (knn.params, svm.params) == ({"model": KNN, "p": 2}, {"model": SVM, "p": 2})
    assert all("C" in params and params["model"] is SVM for params in points_in(space, svm))
    assert not any("C" in params for params in points_in(space, knn))
    assert {params["kind"] for params in points_in(space, svm)} == {1, 2}


def test_branches_of_sub_spaces():
    linear, rbf = {"C": (0.1, 9.0), "kernel": ["linear"]}, {"C": (0.1, 99.0), "kernel": ["rbf"]}
    spaces = [{"model": [SVM], **linear}, {"model": [SVM, KNN]}, {"p": (1, 3)}, rbf]
    space = Space(spaces)
    found = branches_by(space, "model")
    assert [branch.params for branch in found] == [
        {"model": SVM, "kernel": "linear"},
        {"model": SVM},
        {"model": KNN},
        {},
        {"kernel": "rbf"},
    ]
    for branch, names in zip(found, ({"model", "C", "kernel"}, {"model"}, {"model"}, {"p"})):
        assert all(set(params) == names for params in points_in(space, branch))
    (alone,) = branches_by(space.restrict(0), "model")
    assert alone.params == {"model": SVM, "kernel": "linear"}
