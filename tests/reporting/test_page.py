"""Parts of pages: escaped, and well-formed enough for a strict reader."""

import base64
import hashlib
import re

from skhyper.reporting import _page

BAD = "<script>\"'&"


def test_all_parts_are_escaped():
    parts = [
        _page.text(BAD),
        _page.table([BAD], [[BAD]], label=BAD),
        _page.plain_table([BAD], [[BAD]], BAD),
        _page.cards({BAD: BAD}),
        _page.figure("", BAD),
        _page.facts({BAD: ""}),
    ]
    for part in parts:
        assert "<script" not in part
        assert "&lt;script&gt;" in part
    assert _page.page(BAD, {BAD: ""}, "").count("<script>") == 1


def test_the_policy_allows_the_script_of_the_page():
    page = _page.page("title", {"one": "<p>"}, "")
    script = re.search("<script>(.*?)</script>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert '<a href="#s0">one</a>' in page


def test_tables_say_how_they_are_sorted():
    page = _page.table(["a", "b"], [["1", "2"], ["3", "4"]], ["b"], sorted_by="b", marked=1)
    assert page.count("aria-sort=descending") == 1
    assert page.count("<td class=n>") == 2
    assert page.count("<tr class=best>") == 1
