"""Lines of trials over the axes of their hyperparameters."""

import numpy as np
import pytest

from skhyper.plotting import ParallelCoordinatesDisplay
from skhyper.plotting._parallel import parallel_coordinates


def test_heights_are_coordinates_of_the_space(plain):
    data = parallel_coordinates(plain)
    expected = plain.space_.to_unit([dict(trial.params) for trial in plain.history_])
    np.testing.assert_allclose(data.heights[:, 0], expected[:, 0])
    # An integer has half a step on either side in the space, but not on an axis.
    depths = np.array([trial.params["max_depth"] for trial in plain.history_])
    np.testing.assert_allclose(data.heights[:, 1], (depths - 1) / 7)
    np.testing.assert_allclose(data.scores, plain.cv_results_["mean_test_score"])
    assert data.best == plain.best_index_


def test_inactive_hyperparameters_are_in_the_lane(conditional):
    display = ParallelCoordinatesDisplay.from_search(conditional)
    inactive = np.zeros((len(conditional.history_), 3), dtype=bool)
    for row, trial in enumerate(conditional.history_):
        inactive[row, 2] = not isinstance(trial.params.get("model__gamma"), float)
    assert inactive.any() and not inactive.all()
    np.testing.assert_array_equal(np.isnan(display.data.heights), inactive)
    drawn = display._drawn_heights()
    assert np.all(drawn[inactive] < -0.05)
    assert "scale, inactive" in [text.get_text() for text in display.ax_.texts]


def test_failed_trials_are_dotted(failures):
    display = ParallelCoordinatesDisplay.from_search(failures)
    failed = sum(trial.state == "failed" for trial in failures.history_)
    dotted = [line for line in display.ax_.lines if line.get_linestyle() == ":"]
    assert failed == len(dotted) > 0
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["best", "failed"]


def test_the_most_important_of_many_axes_are_shown(forty):
    display = ParallelCoordinatesDisplay.from_search(forty, max_axes=5)
    assert {axis.name for axis in display.data.axes[:2]} == {"x3", "x7"}
    assert display.ax_.get_legend().get_title().get_text() == "5 of 40 hyperparameters"


def test_chosen_axes_and_one_dimension(theirs, one):
    data = parallel_coordinates(theirs, names=["gamma"])
    assert [axis.name for axis in data.axes] == ["gamma"]
    assert ParallelCoordinatesDisplay.from_search(one).data.heights.shape == (6, 1)
    with pytest.raises(ValueError, match="'a' is not a hyperparameter of the search; it has"):
        parallel_coordinates(theirs, names=["a"])
