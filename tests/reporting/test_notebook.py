"""The results of a search in a notebook."""

from html.parser import HTMLParser

import pytest
from reporting.searches import MARKUP, SEARCHES, search

import skhyper
from skhyper.reporting import results_html


class Reader(HTMLParser):
    def __init__(self, content):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("name", SEARCHES)
def test_all_searches(name):
    fitted = search(name)
    content = results_html(fitted)
    text = "".join(Reader(content).words)
    assert f"{fitted.best_score_:.4g}" in text
    assert str(getattr(fitted, "stop_reason_", "")) in text
    for hyperparameter in fitted.best_params_:
        assert f"{hyperparameter} = " in text
    assert len(content) < 30_000


def test_the_score_is_corrected():
    corrected = search("grid").corrected_score()
    low, high = corrected.interval
    expected = f"selection {corrected.estimate:.4g} (90 % interval {low:.4g} to {high:.4g})"
    assert expected in results_html(search("grid"))


def test_failures_are_counted_and_escaped():
    page = Reader(results_html(search("failures")))
    assert not {"script", "img"} & set(page.tags)
    text = "".join(page.words)
    assert "8 trials, 4 without a score" in text
    assert f"4 × ValueError: C=9.5 {MARKUP}" in text


def test_many_hyperparameters_and_messages_are_cut():
    params = {f"h{i}": i for i in range(30)}
    trials = [
        skhyper.Trial(i, params, "failed", message=f"{kind}Error: a")
        for i, kind in enumerate(["Type", "Value", "Index", "Key", "OS"])
    ]
    trials.append(skhyper.Trial(5, params, "complete", loss=-0.5))
    fitted = skhyper.SearchCV(**search("manual").get_params(deep=False))
    fitted.space_ = None
    fitted.history_ = skhyper.History(tuple(trials))
    text = "".join(Reader(results_html(fitted)).words)
    assert "h11 = 11, and 18 more" in text
    assert "and 2 other messages" in text


def test_a_search_without_a_score():
    fitted = skhyper.SearchCV(**search("manual").get_params(deep=False))
    assert results_html(fitted) == ""
    fitted.space_ = None
    fitted.history_ = skhyper.History((skhyper.Trial(0, {"C": 1}, "failed", message="no"),))
    assert "no score yet · 1 trial, 1 without a score" in results_html(fitted)
