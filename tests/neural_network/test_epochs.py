"""Networks after some epochs, compared with trainings of as many epochs."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skhyper.neural_network import MLPClassifier
from skhyper.neural_network._epochs import networks_by_epoch

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("batch_size", [40, 150])
def test_they_are_those_of_shorter_trainings(batch_size):
    network = MLPClassifier((5,), batch_size=batch_size, max_iter=6, random_state=0).fit(X, y)
    found = networks_by_epoch(network, X, y, [1, 4, 6, 9])
    assert list(found) == [1, 4, 6]
    for epoch, own in found.items():
        shorter = MLPClassifier((5,), batch_size=batch_size, max_iter=epoch, random_state=0)
        np.testing.assert_array_equal(own.predict_proba(X), shorter.fit(X, y).predict_proba(X))
    np.testing.assert_array_equal(found[6].predict_proba(X), network.predict_proba(X))


def test_early_stopping_has_all_epochs_up_to_its_end():
    options = {"learning_rate": 1.0, "random_state": 0, "early_stopping": True}
    network = MLPClassifier((5,), n_iter_no_change=3, **options).fit(X, y)
    n = network.n_iter_
    assert network.best_iter_ < n < network.max_iter
    found = networks_by_epoch(network, X, y, range(1, n + 5))
    assert list(found) == list(range(1, n + 1))
    best = found[network.best_iter_]
    np.testing.assert_array_equal(best.predict_proba(X), network.predict_proba(X))
    assert not np.array_equal(found[n].coefs_[0], best.coefs_[0])
