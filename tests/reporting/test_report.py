"""Reports of all searches, as files and in a real browser."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from reporting import browser
from reporting.searches import MARKUP, SEARCHES, Fails, search
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

import skhyper
from skhyper.reporting import _sections


class Reader(HTMLParser):
    """Collects the text and the tags of a page."""

    def __init__(self):
        super().__init__()
        self.words, self.tags, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


@pytest.mark.parametrize("name", SEARCHES)
def test_all_searches(name, tmp_path):
    fitted = search(name)
    path = skhyper.report(fitted, tmp_path / "report.html")
    page = read(path)
    words = " ".join(page.words)
    assert f"{fitted.best_score_:.4g}" in words
    for hyperparameter in fitted.best_params_:
        assert hyperparameter in words
    for title in ("The question", "The answer", "Pictures", "Trials", "The fitted model"):
        assert title in page.words
    assert ("Failures" in page.words) == (name == "failures")
    assert page.tags.count("script") == 1  # ours
    # Nothing is loaded: links lead to the page itself, or hold their data.
    links = [value for _, key, value in page.attributes if key in ("src", "href", "action")]
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert not re.search(r"url\(|@import|https?:", re.sub(r"<pre>.*?</pre>", "", path.read_text()))


def test_what_the_question_and_the_answer_say(tmp_path):
    text = " ".join(read(skhyper.report(search("bayes"), tmp_path / "r.html")).words)
    assert "150 samples; 4 features; 3 classes: 0, 1, 2" in text
    assert "3 folds, cv=StratifiedKFold" in text
    assert "100 samples for training, 50 for scoring" in text
    assert "n_iter=8 candidates were tried" in text
    corrected = search("bayes").corrected_score()
    assert f"{corrected.estimate:.4g}" in text
    assert f"90 % interval {corrected.interval[0]:.4g} to" in text
    n_tied = skhyper.inspection.compare(search("bayes")).tied.sum()
    assert f"{n_tied} of 8 candidates, the best included" in text


def test_markup_in_values_and_messages_is_escaped(tmp_path):
    page = read(skhyper.report(search("failures"), tmp_path / "r.html"))
    assert "img" not in page.tags
    assert MARKUP in " ".join(page.words)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_five_hundred_trials_of_many_hyperparameters_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(_sections, "SLOW", 0)  # importance adds little to the size
    fitted = search("grid")
    rng = np.random.default_rng(0)
    names = [f"svc__hyperparameter_{i}" for i in range(40)]
    trials = tuple(
        skhyper.Trial(
            number, dict(zip(names, rng.uniform(size=40))), "complete", rng.uniform(size=5), -score
        )
        for number, score in enumerate(rng.uniform(size=500))
    )
    other = skhyper.GridSearchCV(**fitted.get_params(deep=False))
    vars(other).update(vars(fitted), history_=skhyper.History(trials), space_=None)
    del other.best_index_
    path = skhyper.report(other, tmp_path / "r.html")
    assert path.stat().st_size < 1_000_000
    assert read(path).tags.count("tr") > 500


def test_a_search_that_failed_is_reported_too(tmp_path):
    fitted = skhyper.SearchCV(Fails(), sampler=[{"C": 6.0}, {"C": 7.5}])
    with pytest.raises(ValueError, match="fits failed"):
        fitted.fit(*load_iris(return_X_y=True))
    words = " ".join(read(skhyper.report(fitted, tmp_path / "r.html")).words)
    assert "None of 2 trials has a score" in words
    assert "2 trials" in words
    assert "ValueError: C=6.0 " in words


def test_stopped_trials_are_listed_after_complete_ones(tmp_path):
    trials = (
        skhyper.Trial(0, {"C": "a"}, "complete", np.array([0.5, 0.5]), -0.5),
        skhyper.Trial(1, {"C": "b"}, "stopped", np.array([0.9, np.nan]), -0.9),
        skhyper.Trial(2, {"C": "\ud800"}, "complete", np.array([0.6, 0.6]), -0.6),
    )
    fitted = skhyper.SearchCV(SVC())
    fitted.space_ = None
    fitted.history_ = skhyper.History(trials)
    path = skhyper.report(fitted, tmp_path / "r.html")
    page = path.read_text(encoding="utf-8")
    positions = [page.index(f"<td class=n>{score}") for score in ("0.6", "0.5", "0.9")]
    assert positions == sorted(positions)
    assert "Small dots are trials that were stopped early" in page
    assert "&#55296;" in page


def test_what_cannot_be_reported(tmp_path):
    with pytest.raises(NotFittedError, match="call fit first"):
        skhyper.report(skhyper.GridSearchCV(SVC(), {"C": [1]}), tmp_path / "r.html")
    for wrong in (SVC(), 3, skhyper.GridSearchCV):
        with pytest.raises(TypeError, match="fitted search is needed"):
            skhyper.report(wrong, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    found = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def column(chromium, n):
    """Texts of a column of the table of trials."""
    cells = f"table.sortable tbody td:nth-child({n})"
    return chromium.evaluate(
        f"Array.from(document.querySelectorAll({cells!r}), cell => cell.textContent)"
    )


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_in_a_browser(chromium, width, dark, tmp_path):
    path = skhyper.report(search("failures"), tmp_path / "r.html")
    chromium.requests.clear()
    chromium.open(path, width, dark)
    assert chromium.problems == []
    assert chromium.requests == [path.as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    color = chromium.evaluate("getComputedStyle(document.body).backgroundColor")
    assert color == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")
    # Texts of pictures are not smaller than 9 pixels on a phone.
    scale = chromium.evaluate("document.querySelector('svg').getBoundingClientRect().width") / 440
    assert 13 * scale > 9


def test_tables_are_sorted_by_keyboard(chromium, tmp_path):
    chromium.open(skhyper.report(search("failures"), tmp_path / "r.html"))
    scores = column(chromium, 2)
    assert scores[:4] == sorted(scores[:4], reverse=True)
    assert scores[4:] == [""] * 4  # failed
    heading = "document.activeElement.closest('th')"
    for _ in range(50):  # to the heading of C, by Tab alone
        chromium.press("Tab")
        if chromium.evaluate(f"{heading} && {heading}.textContent") == "C":
            break
    chromium.press("Enter")
    assert column(chromium, 4) == ["0.1"] * 2 + ["1"] * 2 + ["9.5"] * 2 + ["10.25"] * 2
    assert chromium.evaluate(f"{heading}.getAttribute('aria-sort')") == "ascending"
    chromium.press(" ")
    assert [float(c) for c in column(chromium, 4)] == [10.25, 10.25, 9.5, 9.5, 1, 1, 0.1, 0.1]
    assert chromium.evaluate(f"{heading}.getAttribute('aria-sort')") == "descending"
    chromium.evaluate("document.querySelectorAll('table.sortable th button')[1].click()")
    assert column(chromium, 2)[4:] == [""] * 4  # empty cells stay at the end
    assert chromium.evaluate("document.querySelectorAll('table.sortable [aria-sort]').length") == 1
    assert chromium.problems == []


def test_the_content_policy_forbids_other_scripts_and_requests(chromium, tmp_path):
    """Even if something were not escaped."""
    path = skhyper.report(search("manual"), tmp_path / "r.html")
    bad = "<script>window.ran=1</script><img src='http://localhost/x.png' onerror='window.ran=1'>"
    path.write_text(path.read_text().replace("</body>", f"{bad}</body>"))
    chromium.open(path)
    assert chromium.evaluate("window.ran") is None
    assert chromium.problems
    chromium.problems.clear()
