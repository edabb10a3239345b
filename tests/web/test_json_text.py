"""JSON on a page: all of it, indented, with the names of members marked, and never as markup."""

import json

import pytest

from cds_service.web.json_text import pretty
from tests.web.html_pages import Page


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [True, None, 0.5], "c": {"d": "x: y"}},
        {'"quoted"': 'a": b', "list": ['a": b', "<b>bold</b>", "&amp;"]},
        {"<script>alert(1)</script>": "</code><script>"},
        [],
        {},
    ],
)
def test_it_says_the_same_and_marks_the_names(value: object) -> None:
    page = Page(f"<pre>{pretty(json.dumps(value).encode())}</pre>")
    assert {tag for tag, _ in page.elements} <= {"pre", "b"}
    assert json.loads(page.text.replace(" :", ":")) == value
    names = sum(len(one) for one in (value, *_within(value)) if isinstance(one, dict))
    assert len(page.all("b")) == names
    assert pretty(value) == pretty(json.dumps(value).encode())


def _within(value: object) -> list[object]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*inner, *(deeper for one in inner for deeper in _within(one))]
