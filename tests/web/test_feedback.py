"""The page of what became of cards."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.protocol.cards import Card, Coding, Source, new_uuid
from cds_service.protocol.feedback import FeedbackItem
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store.items import Shown
from cds_service.store.store import Store
from cds_service.web import feedback
from tests.web.html_pages import Page

COMMENT = "<script>alert('Mrs Example')</script>"


def show(store: Store, rule: str, client: str = "north") -> str:
    card = Card(
        uuid=new_uuid(),
        summary="Ask",
        indicator="info",
        source=Source(label="Rule", topic=Coding(code=rule, system="urn:nam-cds:rule")),
    )
    shown = Shown(service="s", hook="patient-view", caller=Caller(client), patient_id="patient-77", cards=(card,))
    assert store.record_shown(shown)
    return card.uuid


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(database=f"sqlite:///{tmp_path}/feedback.sqlite", keep_comments=True)


@pytest.fixture
def store(app: Flask) -> Store:
    found: Store = app.extensions["cds_service"]["engine"].store
    return found


@pytest.fixture
def full(store: Store) -> Store:
    """Three cards at two sites: one accepted, one overridden with a comment, one not answered."""
    for rule, outcome, code in (("Relapse", "accepted", ""), ("Relapse", "overridden", "will-do-later")):
        said: dict[str, Any] = {"outcome": outcome, "reason_code": code, "comment": COMMENT}
        item = FeedbackItem(card=show(store, rule), outcome_at=datetime.now(UTC), **said)
        store.record_feedback("s", Caller("north"), [item])
    show(store, "PjpProphylaxis", "south")
    return store


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as opened:
        yield opened


def cells(page: Page, label: str) -> int:
    return sum(1 for attributes in page.all("td") if attributes.get("data-label") == label)


def test_before_the_first_card(client: FlaskClient) -> None:
    page = Page(client.get("/feedback").text)
    assert "No card was shown." in page.text
    assert not page.all("svg")


@pytest.mark.usefixtures("full")
def test_each_rule_and_site_has_a_row_and_all_are_in_the_chart(client: FlaskClient) -> None:
    page = Page(client.get("/feedback").text)
    assert cells(page, "Rule") == 2
    assert "/rules/Relapse" in page.links
    assert "Relapse north 2 1 1 0 0 Will be done later 1" in page.text
    assert "PjpProphylaxis south 1 0 0 0 1" in page.text
    (chart,) = page.all("svg")
    assert chart["role"] == "img"
    assert "3 cards: 1 accepted, 1 overridden, 1 waiting." in page.text


@pytest.mark.usefixtures("full")
def test_the_choices_are_links(client: FlaskClient) -> None:
    page = Page(client.get("/feedback").text)
    assert {"/feedback?by=week", "/feedback?days=30", "/feedback?site=south"} <= set(page.links)
    week = Page(client.get("/feedback?by=week&site=south&days=90").text)
    assert cells(week, "Rule") == 1
    assert "/feedback?days=90&by=week" in week.links or "/feedback?by=week&days=90" in week.links
    assert "By week" in week.text


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("odd", ["by=day", "days=12", "days=x", "other=1", "by=week&by=month"])
def test_what_is_no_choice_is_passed_over(client: FlaskClient, odd: str) -> None:
    answer = client.get(f"/feedback?{odd}")
    assert answer.status_code == 200
    assert cells(Page(answer.text), "Rule") == 2


@pytest.mark.usefixtures("full")
def test_a_site_that_does_not_exist_is_text(client: FlaskClient) -> None:
    answer = client.get("/feedback?site=<script>x</script>")
    assert "<script" not in answer.text
    assert "No card was shown." in Page(answer.text).text


@pytest.mark.usefixtures("full")
def test_CH_FB_15_neither_comments_nor_patients_are_on_it(client: FlaskClient) -> None:
    for address in ("/feedback", "/feedback.csv"):
        text = client.get(address).text
        assert "Example" not in text
        assert "alert" not in text
        assert "patient-77" not in text


@pytest.mark.usefixtures("full")
def test_the_same_as_csv(client: FlaskClient) -> None:
    page = Page(client.get("/feedback?site=north").text)
    (address,) = [link for link in page.links if "csv" in link]
    answer = client.get(address)
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="feedback.csv"'
    (head, row) = answer.text.splitlines()
    assert head.endswith(",overridden: will-do-later")
    assert row.startswith("north,Relapse,")
    assert row.endswith(",2,1,1,0,0,0,1")


def test_feedback_on_unknown_cards_is_said(client: FlaskClient, store: Store) -> None:
    assert "not on record" not in client.get("/feedback").text
    item = FeedbackItem(card=new_uuid(), outcome="accepted", outcome_at=datetime.now(UTC))
    store.record_feedback("s", Caller("north"), [item])
    assert "Feedback on cards that are not on record: 1." in Page(client.get("/feedback").text).text


def test_nothing_is_kept_by_a_browser_and_nothing_runs(client: FlaskClient) -> None:
    for address in ("/feedback", "/feedback.csv"):
        answer = client.get(address)
        assert "no-store" in answer.headers["Cache-Control"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = Page(client.get("/feedback").text)
    assert not page.all("script")
    assert not any("style" in attributes for _, attributes in page.elements)


def test_a_store_that_is_down_is_said(client: FlaskClient, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "feedback.sqlite")) as connection:
        connection.execute("DROP TABLE shown_card")
    answer = client.get("/feedback")
    assert answer.status_code == 503
    assert "cannot be read" in answer.text


PUBLIC = "https://cds.example.org"


@pytest.mark.parametrize(
    ("chosen", "offered"),
    [
        ({}, True),
        ({"public_url": PUBLIC}, False),
        ({"host": "0.0.0.0", "public_url": PUBLIC}, False),
        ({"host": "0.0.0.0"}, False),
        ({"host": "0.0.0.0", "public_url": PUBLIC, "demo": True}, True),
        ({"host": "0.0.0.0", "public_url": PUBLIC, "feedback_page": "on"}, True),
        ({"feedback_page": "off"}, False),
        ({"feedback_page": "off", "demo": True}, False),
    ],
)
def test_who_may_see_it(chosen: dict[str, Any], offered: bool) -> None:
    assert feedback.offered(Settings(**chosen)) is offered


def test_where_it_is_not_offered_there_is_nothing(make_app: Callable[..., Flask]) -> None:
    client = make_app(feedback_page="off", database="memory").test_client()
    assert client.get("/feedback").status_code == 404
    assert client.get("/feedback.csv").status_code == 404
    assert "/feedback" not in Page(client.get("/rules/").text).links
