"""From a clinician's feedback to the silence of a card, and back: over HTTP, with a database."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import fixtures
from cds_service.app import create_app
from cds_service.engine import Engine
from cds_service.explanation import explain, report
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store.items import Override
from cds_service.store.report import Counts
from cds_service.store.report import report as report_of
from cds_service.store.store import Store
from hooks import services
from hooks.knowledge import load
from tests.metamorphic.cases import viewed
from tests.metamorphic.relations import with_results

Json = dict[str, Any]
PATIENT = "nam-refractory-gates-passed"
ESCALATION, ANTIBODIES, STATIN = (
    "EscalateToCyclophosphamide", "AntibodyTestingNeeded", "StatinExposure",
)  # fmt: skip
SYSTEM = "urn:nam-cds:imnm-override"
CK = "2157-6"


class Ward:
    """A service with its database, and a calendar that the day is read from."""

    def __init__(self, folder: Path) -> None:
        self.day = fixtures.ANCHOR
        self.folder = folder
        self._made: list[Any] = []

    def now(self) -> datetime:
        """Noon of the day, where this machine is."""
        return datetime.combine(self.day, time(12)).astimezone(UTC)

    def client(self, **settings: Any) -> FlaskClient:
        """A worker with these settings, on the one database."""
        chosen = Settings(database=f"sqlite:///{self.folder}/cards.sqlite", log_level="error", **settings)
        app = create_app(chosen, today=lambda: self.day, store=Store.of(chosen, self.now))
        self._made.append(app.extensions["cds_service"]["engine"])
        return app.test_client()

    @property
    def engine(self) -> Engine:
        """Of the worker that was made last."""
        engine: Engine = self._made[-1]
        return engine

    def override(self, client: FlaskClient, card: Json, code: str, **reason: str) -> None:
        """Send what the clinician says of a card now, to the service that it came from."""
        coded = {"code": code, "system": SYSTEM} | reason
        item = {
            "card": card["uuid"],
            "outcome": "overridden",
            "overrideReason": {"reason": coded},
            "outcomeTimestamp": self.now().isoformat().replace("+00:00", "Z"),
        }
        answer = client.post("/cds-services/nam-patient-view/feedback", json={"feedback": [item]})
        assert answer.status_code == 200
        assert answer.json
        assert answer.json["kept"] == 1

    def close(self) -> None:
        for engine in self._made:
            engine.close()


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ehr(ward: Ward) -> FlaskClient:
    return ward.client()


def cards(client: FlaskClient, body: Json | None = None) -> dict[str, Json]:
    """The cards by rule, as the record system gets them."""
    answer = client.post("/cds-services/nam-patient-view", json=body or viewed(PATIENT).body)
    assert answer.status_code == 200, answer.text
    return {card["source"]["topic"]["code"]: card for card in json.loads(answer.data)["cards"]}


def with_new_ck() -> Json:
    def higher(resource: Json) -> Json:
        quantity = resource["valueQuantity"]
        return {"valueQuantity": quantity | {"value": quantity["value"] + 100}}

    return with_results(viewed(PATIENT).body, {CK: higher})


def quieted(ward: Ward, ehr: FlaskClient, rule: str = ESCALATION, code: str = "specialist-plan") -> dict[str, Json]:
    """A card is shown and overridden; the cards of the next call."""
    ward.override(ehr, cards(ehr)[rule], code)
    return cards(ehr)


@pytest.mark.parametrize("code", ["specialist-plan", "will-do-later", "already-done-elsewhere"])
def test_CH_FB_16_an_override_that_means_known_later_quiets_that_card(ward: Ward, ehr: FlaskClient, code: str) -> None:
    before = set(cards(ehr))
    assert before == {ESCALATION, ANTIBODIES}
    after = set(quieted(ward, ehr, code=code))
    assert after == before - {ESCALATION}


@pytest.mark.parametrize("code", ["not-indicated-clinically", "data-wrong", "patient-declined", "x-own-reason"])
def test_another_reason_quiets_nothing(ward: Ward, ehr: FlaskClient, code: str) -> None:
    assert ESCALATION in quieted(ward, ehr, code=code)


def test_the_trace_says_until_when_and_why(ward: Ward, ehr: FlaskClient) -> None:
    quieted(ward, ehr)
    service = services(load())[0]
    body = json.dumps(viewed(PATIENT).body).encode()
    found = report(explain(ward.engine, service, load(), body, ward.day))
    (verdict,) = [verdict for verdict in found["verdicts"] if verdict["rule"] == ESCALATION]
    until = ward.day + timedelta(days=14)
    assert verdict["outcome"] == "fires"
    assert verdict["shown"] == f"snoozed until {until}: Under a specialist centre's plan"
    assert ESCALATION not in {card["source"]["topic"]["code"] for card in found["cards"]}


def test_the_page_of_a_patient_says_it_too(ward: Ward) -> None:
    demo = ward.client(demo=True)
    quieted(ward, demo)
    page = demo.get(f"/patients/{PATIENT}").text
    assert "no card of its own: snoozed until" in page
    trace = demo.get(f"/patients/{PATIENT}/trace.json").get_json()
    assert "snoozed until" in json.dumps(trace["verdicts"])


def test_a_new_result_brings_the_card_back_at_once(ward: Ward, ehr: FlaskClient) -> None:
    assert ESCALATION not in quieted(ward, ehr)
    assert ESCALATION in cards(ehr, with_new_ck())
    assert ESCALATION not in cards(ehr)  # the old facts are still known


def test_it_ends_after_the_days_of_the_setting(ward: Ward) -> None:
    ehr = ward.client(snooze_days=3)
    assert ANTIBODIES in cards(ehr)
    quieted(ward, ehr, ANTIBODIES)
    first = ward.day
    for days, shown in ((1, False), (2, False), (3, True)):
        ward.day = first + timedelta(days=days)
        assert (ANTIBODIES in cards(ehr)) is shown, days


def test_it_can_be_switched_off(ward: Ward, ehr: FlaskClient) -> None:
    quieted(ward, ehr)
    assert ESCALATION in cards(ward.client(snooze_days=0))


def test_it_outlives_the_worker(ward: Ward, ehr: FlaskClient) -> None:
    quieted(ward, ehr)
    assert ESCALATION not in cards(ward.client())


def test_a_critical_card_is_never_quiet(ward: Ward, ehr: FlaskClient) -> None:
    body = viewed("nam-hmgcr-active-statin").body
    for code in ("specialist-plan", "already-done-elsewhere", "will-do-later"):
        ward.override(ehr, cards(ehr, body)[STATIN], code)
        ward.day += timedelta(days=1)
        assert cards(ehr, body)[STATIN]["indicator"] == "critical"


def test_a_later_override_with_another_reason_ends_it(ward: Ward, ehr: FlaskClient) -> None:
    first = cards(ehr)[ESCALATION]
    ward.override(ehr, first, "will-do-later")
    ward.day += timedelta(days=1)
    ward.override(ehr, first, "data-wrong")
    assert ESCALATION in cards(ehr)


def test_nobody_else_s_card_is_quiet(ward: Ward, ehr: FlaskClient) -> None:
    """The same chart under another patient's id."""
    quieted(ward, ehr)
    text = json.dumps(viewed(PATIENT).body).replace(PATIENT, "somebody-else")
    assert ESCALATION in cards(ehr, json.loads(text))


def test_no_other_client_s_card_is_quiet(ward: Ward, ehr: FlaskClient) -> None:
    quieted(ward, ehr)
    service, body = services(load())[0], json.dumps(viewed(PATIENT).body).encode()
    for caller in (Caller("other-ehr"), Caller("anonymous", "tenant")):
        assert b'"code":"EscalateToCyclophosphamide"' in ward.engine.answer(service, body, ward.day, caller)
    assert b'"code":"EscalateToCyclophosphamide"' not in ward.engine.answer(service, body, ward.day)


def test_an_order_is_spoken_of_whatever_was_overridden(ward: Ward, ehr: FlaskClient) -> None:
    """Also where the card on the very same order was overridden."""
    case = next(one for one in fixtures.orders() if one.id == "cyclophosphamide-above-the-cap")
    body = viewed(case.patient).body
    body = body | {"hook": "order-sign", "context": body["context"] | case.context}

    def ordered() -> dict[str, Json]:
        answer = ehr.post("/cds-services/nam-order-sign", json=body)
        return {card["source"]["topic"]["code"]: card for card in json.loads(answer.data)["cards"]}

    before = ordered()
    assert before
    for card in before.values():
        ward.override(ehr, card, "specialist-plan")
    assert ordered().keys() == before.keys()


def test_a_store_that_is_down_quiets_nothing_and_costs_no_card(ward: Ward, ehr: FlaskClient) -> None:
    assert ESCALATION not in quieted(ward, ehr)
    with closing(sqlite3.connect(ward.folder / "cards.sqlite")) as connection:
        connection.execute("DROP TABLE shown_card")
    assert ESCALATION in cards(ehr)
    assert ESCALATION in cards(ehr)


def test_the_report_counts_what_was_sent_and_not_what_stayed_away(ward: Ward, ehr: FlaskClient) -> None:
    quieted(ward, ehr)
    cards(ehr)
    store = ward.engine.store
    assert store
    found = store.read(lambda connection: report_of(connection, ward.now()))
    told = {line.rule: line.total for line in found.lines}
    assert told == {
        ESCALATION: Counts(overridden=1, reasons={"specialist-plan": 1}),
        ANTIBODIES: Counts(waiting=3),
    }


def test_the_database_is_asked_only_for_patients_who_pass_the_gate(
    ward: Ward, ehr: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    store = ward.engine.store
    assert store

    def ask(caller: Caller, patient: str, since: datetime) -> tuple[Override, ...]:
        asked.append(patient)
        return ()

    monkeypatch.setattr(store, "snoozes", ask)
    body = deepcopy(viewed(PATIENT).body)
    cards(ehr, body)
    assert asked == [PATIENT]
    body["prefetch"]["conditions"] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    assert cards(ehr, body) == {}
    assert asked == [PATIENT]
