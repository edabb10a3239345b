"""The course on a patient's page: a picture twice, for wide and narrow screens, and the same as tables."""

from typing import Any

import pytest
from flask.testing import FlaskClient

import fixtures
from tests.web.html_pages import Page

EVIL = "<img src=x onerror=alert(1)>"


def test_the_picture_and_its_tables_are_on_the_page(demo: FlaskClient) -> None:
    page = Page(demo.get("/patients/nam-relapse-on-taper").text)
    drawings = page.all("svg")
    assert [drawing["role"] for drawing in drawings] == ["img", "img"]
    assert len(page.all("caption")) >= 6
    for wanted in ("The course", "The same as a table", "CK is rising again", "1,150 U/L", "judged from 27 Apr 2026"):
        assert wanted in page.text


def test_a_chart_without_anything_to_draw_says_so(demo: FlaskClient) -> None:
    page = Page(demo.get("/patients/nam-look-alikes").text)
    assert not page.all("svg")
    assert "there is no picture of the course" in page.text


def test_what_cannot_be_used_is_beside_the_picture(demo: FlaskClient) -> None:
    text = Page(demo.get("/patients/nam-mmt8-without-scale").text).text
    assert "Not in the picture" in text
    assert "MMT-8: no score that can be used" in text


def test_text_of_the_record_is_inert_in_the_picture(demo: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    given = fixtures.prefetch

    def changed(patient_id: str, today: Any) -> Any:
        prefetch = given(patient_id, today)
        for entry in prefetch["medicationStatements"]["entry"]:
            code = entry["resource"].get("medicationCodeableConcept", {})
            code["text"] = f"{code.get('text', '')} {EVIL}"
        return prefetch

    monkeypatch.setattr(fixtures, "prefetch", changed)
    html = demo.get("/patients/nam-relapse-on-taper").text
    assert EVIL not in html
    assert "&lt;img src=x" in html
    Page(html)
