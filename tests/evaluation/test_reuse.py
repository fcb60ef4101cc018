"""The report of what was shared, and the observer that counts it."""

from skhyper.evaluation import FoldJob, Reuse, ReuseCounter


def test_counts_of_folds_are_added_and_removed_from_their_results():
    counter = ReuseCounter({"": "a reason"})
    job = FoldJob(0, 0, {}, 1)
    result = {"fit_time": 1.0, "reuse": Reuse(3, 2, 0.5, {"step": "another"})}
    counter.on_fold_end(job, result)
    assert result == {"fit_time": 1.0}
    counter.on_fold_end(job, {"fit_time": 1.0})
    counter.on_fold_end(job, {"reuse": Reuse(3, 0, 1.0)})
    assert counter.total == Reuse(6, 2, 1.5, {"": "a reason", "step": "another"})


def test_the_line_of_the_verbose_output():
    assert str(Reuse(6, 2, 1.52)) == "Shared 4 of 6 fits, saving 1.5 s"
