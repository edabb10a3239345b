"""From a call of our own services to feedback, joined to the rule, the knowledge and the suggestion behind it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from sqlalchemy import and_, select

import fixtures
from cds_service.app import create_app
from cds_service.protocol.cards import new_uuid
from cds_service.settings import Settings
from cds_service.store.store import Store
from cds_service.store.tables import accepted_suggestion, feedback, shown_card, shown_suggestion
from hooks.knowledge import load

PATIENT = "nam-refractory-gates-passed"


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings, today=lambda: fixtures.ANCHOR)
    yield made
    made.extensions["cds_service"]["engine"].close()


def call(app: Flask, service: str, hook: str, **context: Any) -> list[dict[str, Any]]:
    """The cards that a record system gets."""
    members = {
        "hook": hook,
        "hookInstance": new_uuid(),
        "context": {"userId": "Practitioner/1", "patientId": PATIENT} | context,
        "prefetch": fixtures.prefetch(PATIENT, fixtures.ANCHOR),
    }
    cards: list[dict[str, Any]] = app.test_client().post(f"/cds-services/{service}", json=members).get_json()["cards"]
    assert cards
    return cards


def store_of(app: Flask) -> Store:
    store: Store = app.extensions["cds_service"]["engine"].store
    return store


def orders() -> Any:
    return next(one for one in fixtures.orders() if one.id == "cyclophosphamide-above-the-cap").context


def test_CH_FB_16_feedback_is_joined_to_rule_knowledge_and_suggestion(app: Flask) -> None:
    cards = call(app, "nam-patient-view", "patient-view")
    card = next(card for card in cards if len(card.get("suggestions", ())) > 1)
    chosen = card["suggestions"][1]["uuid"]
    members = {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": chosen}],
        "outcomeTimestamp": "2026-11-22T09:30:00Z",
    }
    sent = app.test_client().post("/cds-services/nam-patient-view/feedback", json={"feedback": [members]})
    assert sent.get_json() == {"kept": 1, "known": 0}
    answered = and_(
        *(feedback.c[name] == shown_card.c[name] for name in ("card", "client", "tenant")),
    )
    joined = (
        select(shown_card.c.rule, shown_card.c.indicator, shown_card.c.knowledge_version, shown_suggestion.c.position)
        .join(feedback, answered)
        .join(accepted_suggestion, accepted_suggestion.c.feedback == feedback.c.id)
        .join(shown_suggestion, shown_suggestion.c.suggestion == accepted_suggestion.c.suggestion)
    )
    (row,) = store_of(app).read(lambda connection: connection.execute(joined).all())
    assert tuple(row) == (card["source"]["topic"]["code"], card["indicator"], load().version, 1)


def test_CH_FB_16_cards_of_every_hook_are_kept(app: Flask) -> None:
    viewed = call(app, "nam-patient-view", "patient-view")
    signed = call(app, "nam-order-sign", "order-sign", **orders())
    query = select(shown_card.c.card, shown_card.c.hook)
    kept = {tuple(row) for row in store_of(app).read(lambda connection: connection.execute(query).all())}
    sent = {"patient-view": viewed, "order-sign": signed}
    assert kept == {(card["uuid"], hook) for hook, cards in sent.items() for card in cards}


def test_nothing_of_the_patient_is_in_the_file(tmp_path: Path) -> None:
    app = create_app(Settings(database=f"sqlite:///{tmp_path}/f.sqlite"), today=lambda: fixtures.ANCHOR)
    cards = call(app, "nam-patient-view", "patient-view")
    app.extensions["cds_service"]["engine"].close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert cards[0]["uuid"].encode() in held
    chart = fixtures.prefetch(PATIENT, fixtures.ANCHOR)
    person = chart["patient"]
    words = [person["name"][0]["family"], person["birthDate"], PATIENT, "Practitioner/1", cards[0]["summary"]]
    assert [word for word in words if json.dumps(word).strip('"').encode() in held] == []


def test_what_explains_a_patient_of_the_demonstration_is_no_call(settings: Settings) -> None:
    """The page itself shows cards, and calls for them as a record system does."""
    app = create_app(msgspec.structs.replace(settings, demo=True), today=lambda: fixtures.ANCHOR)
    for page in ("/response.json", "/trace.json"):
        assert app.test_client().get(f"/patients/{PATIENT}{page}").status_code == 200
    kept = store_of(app).read(lambda connection: connection.execute(select(shown_card)).all())
    app.extensions["cds_service"]["engine"].close()
    assert kept == []
