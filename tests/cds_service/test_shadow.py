"""Shadow mode: all is computed, recorded and reported, and nothing is shown."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

import fixtures
from cds_service.app import create_app
from cds_service.engine import Engine
from cds_service.settings import Settings
from cds_service.store.report import Counts, report
from cds_service.store.tables import shown_card
from tests.cds_service.observability.test_metrics import Counted
from tests.cds_service.security.signing import NOW, PUBLIC_URL, claims, key_pair, write_clients
from tests.cds_service.security.signing import jwks as key_set
from tests.metamorphic.cases import viewed
from tests.web.html_pages import Page

Json = dict[str, Any]
Make = Callable[..., Flask]
PATIENT = "nam-refractory-gates-passed"
ESCALATION, ANTIBODIES = "EscalateToCyclophosphamide", "AntibodyTestingNeeded"
VIEW, SIGN = "/cds-services/nam-patient-view", "/cds-services/nam-order-sign"
SHADOW, LIVE = "north", "south"
KEYS = {SHADOW: key_pair("one"), LIVE: key_pair("two")}
NOTHING = b'{"cards":[]}'


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """The service with these settings, on one database."""
    made: list[Flask] = []

    def app(**settings: Any) -> Flask:
        usual: Json = {"database": f"sqlite:///{tmp_path}/cards.sqlite", "audit_log": tmp_path / "audit.jsonl"}
        made.append(create_app(Settings(**(usual | settings)), today=lambda: fixtures.ANCHOR, now=lambda: NOW))
        return made[-1]

    yield app
    for one in made:
        engine(one).close()


@pytest.fixture
def site(make: Make, tmp_path: Path) -> Callable[..., Flask]:
    """A service for two record systems; the file says of one that it is in shadow mode."""
    for name, key in KEYS.items():
        (tmp_path / f"{name}.json").write_bytes(key_set(key))
    file = write_clients(
        tmp_path,
        {
            SHADOW: {"issuer": f"https://{SHADOW}/", "jwks": f"{SHADOW}.json", "shadow": True},
            LIVE: {"issuer": f"https://{LIVE}/", "jwks": f"{LIVE}.json"},
        },
    )
    return lambda **settings: make(public_url=PUBLIC_URL, clients=file, **settings)


def engine(app: Flask) -> Engine:
    found: Engine = app.extensions["cds_service"]["engine"]
    return found


def token(client: str, path: str = VIEW) -> dict[str, str]:
    said = claims(iss=f"https://{client}/", aud=PUBLIC_URL + path)
    return {"Authorization": f"Bearer {KEYS[client].sign(said)}"}


def rules(answer: bytes) -> set[str]:
    return {card["source"]["topic"]["code"] for card in json.loads(answer)["cards"]}


def opened(client: FlaskClient, **more: Any) -> bytes:
    """A chart is opened, of which there is something to say; the answer."""
    answer = client.post(VIEW, json=viewed(PATIENT).body, **more)
    assert answer.status_code == 200
    return bytes(answer.data)


def kept(app: Flask) -> list[tuple[str, str, bool]]:
    """Client, rule, and whether it was in shadow mode, of each card on record."""
    asked = select(shown_card.c.client, shown_card.c.rule, shown_card.c.shadow)
    store = engine(app).store
    assert store
    return sorted(tuple(row) for row in store.read(lambda connection: connection.execute(asked).all()))


def audited(folder: Path) -> list[Json]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def test_nothing_is_sent_and_what_would_have_been_is_on_record(make: Make) -> None:
    app = make(shadow=True)
    assert opened(app.test_client()) == NOTHING
    assert kept(app) == [("anonymous", ANTIBODIES, True), ("anonymous", ESCALATION, True)]


def test_otherwise_cards_are_sent_and_marked_as_shown(make: Make) -> None:
    app = make()
    assert rules(opened(app.test_client())) == {ESCALATION, ANTIBODIES}
    assert {shadow for _, _, shadow in kept(app)} == {False}


def test_it_is_switched_for_each_client(site: Callable[..., Flask]) -> None:
    app = site()
    assert opened(app.test_client(), headers=token(SHADOW)) == NOTHING
    assert rules(opened(app.test_client(), headers=token(LIVE))) == {ESCALATION, ANTIBODIES}
    assert kept(app) == [(SHADOW, ANTIBODIES, True), (SHADOW, ESCALATION, True),
                         (LIVE, ANTIBODIES, False), (LIVE, ESCALATION, False)]  # fmt: skip


def test_the_setting_is_for_all_clients(site: Callable[..., Flask]) -> None:
    client = site(shadow=True).test_client()
    for name in KEYS:
        assert opened(client, headers=token(name)) == NOTHING


def test_orders_are_signed_without_a_word_too(make: Make) -> None:
    case = next(one for one in fixtures.orders() if one.id == "cyclophosphamide-above-the-cap")
    body = viewed(case.patient).body
    body = body | {"hook": "order-sign", "context": body["context"] | case.context}
    app = make(shadow=True)
    assert app.test_client().post(SIGN, json=body).data == NOTHING
    recorded = {rule for _, rule, _ in kept(app)}
    assert recorded == rules(make().test_client().post(SIGN, json=body).data)
    assert recorded


def test_discovery_is_the_same(make: Make) -> None:
    assert make(shadow=True).test_client().get("/cds-services").data == make().test_client().get("/cds-services").data


@pytest.mark.parametrize(
    ("change", "status"), [({"hook": "order-sign"}, 400), ({"prefetch": {}}, 412)], ids=["hook", "data"]
)
def test_an_error_is_an_error(make: Make, change: Json, status: int) -> None:
    """It is about the connection, which shadow mode is there to try out, and says nothing of the patient's care."""
    app = make(shadow=True)
    assert app.test_client().post(VIEW, json=viewed(PATIENT).body | change).status_code == status
    assert kept(app) == []


def test_an_earlier_override_quiets_nothing(make: Make) -> None:
    """The client was shown cards, answered one, and is in shadow mode since."""
    before = make().test_client()
    cards = json.loads(opened(before))["cards"]
    card = next(card for card in cards if card["source"]["topic"]["code"] == ESCALATION)
    reason = {"code": "specialist-plan", "system": "urn:nam-cds:imnm-override"}
    item = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": reason},
        "outcomeTimestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    assert before.post(f"{VIEW}/feedback", json={"feedback": [item]}).get_json() == {"kept": 1, "known": 0}
    app = make(shadow=True)
    opened(app.test_client())
    assert [rule for _, rule, shadow in kept(app) if shadow] == [ANTIBODIES, ESCALATION]


def test_the_report_counts_them_apart_and_nobody_ignored_them(make: Make) -> None:
    app = make(shadow=True)
    opened(app.test_client())
    store = engine(app).store
    assert store
    later = datetime.now(UTC) + timedelta(days=30)
    found = store.read(lambda connection: report(connection, later))
    assert {line.rule: line.total for line in found.lines} == {
        ESCALATION: Counts(shadow=1),
        ANTIBODIES: Counts(shadow=1),
    }
    page = Page(app.test_client().get("/feedback").text)
    assert f"{ESCALATION} 0 0 0 0 0 1" in page.text
    assert "recorded and not shown" in page.text
    assert "2 cards: 2 shadow." in page.text
    rule = Page(app.test_client().get(f"/rules/{ESCALATION}").text)
    assert "0 cards were shown: 0 accepted" in rule.text
    assert "1 was recorded in shadow mode and not shown." in rule.text


def test_audit_records_say_so(site: Callable[..., Flask], tmp_path: Path) -> None:
    client = site().test_client()
    opened(client, headers=token(SHADOW))
    opened(client, headers=token(LIVE))
    quiet, told = audited(tmp_path)
    assert quiet["shadow"] is True
    assert "shadow" not in told
    for name in ("outcome", "rules", "cards"):
        assert quiet[name] == told[name]


def test_metrics_count_them_apart(make: Make) -> None:
    client = make(shadow=True).test_client()
    counted = Counted(client)
    opened(client)
    found = counted.take()
    assert found["nam_cds_shadow_cards_total", "warning", ESCALATION] == 1
    assert found["nam_cds_shadow_cards_total", "info", ANTIBODIES] == 1
    assert not any(name == "nam_cds_cards_total" for name, *_ in found)
    make().test_client().post(VIEW, json=viewed(PATIENT).body)
    found = counted.take()
    assert found["nam_cds_cards_total", "warning", ESCALATION] == 1
    assert not any(name == "nam_cds_shadow_cards_total" for name, *_ in found)


def test_the_log_names_who_is_shown_nothing(
    make: Make, site: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    def said() -> list[Any]:
        lines = map(json.loads, capsys.readouterr().err.splitlines())
        return [line["clients"] for line in lines if line["event"] == "shadow_mode"]

    site()
    assert said() == [[SHADOW]]
    make(shadow=True)
    assert said() == ["all"]
    make()
    assert said() == []


def test_pages_say_so_and_show_the_cards_that_nobody_sees(make: Make) -> None:
    client = make(shadow=True, demo=True).test_client()
    text = client.get(f"/patients/{PATIENT}").text
    page = Page(text)
    assert "Shadow mode: cards are recorded, and shown to nobody." in page.text
    assert "Shadow mode: nobody sees a card." in page.text
    assert "Escalate" in page.text
    assert "<form" not in text
    assert "Shadow mode" not in Page(make(demo=True).test_client().get(f"/patients/{PATIENT}").text).text
