"""Markdown of cards: what a record system would render, and nothing that could do harm."""

import pytest

from cds_service.web.markdown import block, line
from tests.web.html_pages import Page


def test_a_table_is_a_table_whose_cells_know_their_columns() -> None:
    page = Page(block("| Fact | Value |\n|---|---|\n| CK | 900 |\n| MMT-8 | 98/150 |\n"))
    assert [cell["data-label"] for cell in page.all("td")] == ["Fact", "Value", "Fact", "Value"]
    assert page.text == "Fact Value CK 900 MMT-8 98/150"


@pytest.mark.parametrize(
    "text", ["<script>x</script>", "<img src=x onerror=y>", "![x](https://evil.example/x.png)", "[x](javascript:y)"]
)
def test_nothing_in_it_is_loaded_or_run(text: str) -> None:
    for page in (Page(block(text)), Page(line(text))):
        assert not page.all("script")
        assert not page.all("img")
        assert not page.handlers
        assert all(link.startswith("https://") for link in page.links)


def test_a_line_has_no_paragraph() -> None:
    assert line("value set `ivig`") == "value set <code>ivig</code>"
