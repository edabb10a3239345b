"""Request ids, and the one audit record of each call."""

import json
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.errors import SettingsError
from cds_service.protocol.cards import Card, CdsResponse, Coding, Source
from cds_service.registry import Answer, Call, CdsService
from cds_service.settings import Settings
from tests.cds_service.security.signing import NOW, PUBLIC_URL, claims, clients_file, key_pair
from tests.cds_service.support import PATIENT, TODAY, complete, patient, request, service

UUID = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
ADDRESS = "/cds-services/demo"
Audited = Callable[[], list[dict[str, Any]]]


def card(rule: str, indicator: Any) -> Card:
    topic = Coding(code=rule, system="urn:test")
    return Card(summary=rule, indicator=indicator, source=Source(label="Test", topic=topic))


def talkative(call: Call) -> Answer:
    cards = card("Statin", "critical"), card("Dose", "info"), card("Dose", "info")
    return Answer(CdsResponse(cards), fired=("Statin", "Dose", "Displaced"), dropped=("duplicate",))


def broken(call: Call) -> Answer:
    raise ValueError(call.data.patient_id)


def unencodable(call: Call) -> Answer:
    return Answer(CdsResponse((Card(summary="", indicator="info", source=Source(label="")),)), fired=("Statin",))


def answering(evaluate: Callable[[Call], Answer], **changes: Any) -> CdsService:
    return msgspec.structs.replace(service(lambda call: CdsResponse()), evaluate=evaluate, **changes)


@pytest.fixture
def audited(tmp_path: Path) -> Audited:
    """The records written since this was last asked."""
    file = tmp_path / "audit.jsonl"

    def read() -> list[dict[str, Any]]:
        lines = file.read_text().splitlines()
        file.write_text("")
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture
def services(make_app: Callable[..., Flask], tmp_path: Path) -> FlaskClient:
    app = make_app(
        answering(talkative),
        answering(broken, id="broken"),
        answering(unencodable, id="unencodable"),
        answering(talkative, id="shared"),
        answering(talkative, id="shared", hook="order-sign"),
        audit_log=tmp_path / "audit.jsonl",
        max_body_bytes=10_000,
    )

    @app.post("/cds-services/busy")
    def busy() -> str:
        abort(409)

    return app.test_client()


def test_CH_SEC_10_a_record_says_who_called_what_and_what_came_of_it(services: FlaskClient, audited: Audited) -> None:
    response = services.post(ADDRESS, json=request(complete()))
    (record,) = audited()
    assert record.pop("milliseconds") >= 0
    assert record.pop("timestamp").endswith("Z")
    assert record.pop("request_id") == response.headers["X-Request-ID"]
    assert len(record.pop("knowledge")) > 5
    assert len(record.pop("trace_id")) == 32
    assert len(record.pop("span_id")) == 16
    for pseudonym in (record.pop("user"), record.pop("patient")):
        assert re.fullmatch("[0-9a-f]{32}", pseudonym)
    assert record == {
        "event": "audit",
        "level": "info",
        "client": "anonymous",
        "service": "demo",
        "hook": "patient-view",
        "status": 200,
        "outcome": "answered",
        "rules": ["Statin", "Dose", "Displaced"],
        "cards": [
            {"rule": "Statin", "indicator": "critical", "count": 1},
            {"rule": "Dose", "indicator": "info", "count": 2},
        ],
    }


def test_CH_SEC_10_patient_and_user_are_the_same_again_and_cannot_be_read(
    services: FlaskClient, audited: Audited
) -> None:
    other = {"userId": "Practitioner/2", "patientId": PATIENT}
    for members in (request(complete()), request(complete() | {"conditions": None}), request(context=other)):
        services.post(ADDRESS, json=members)
    first, gate, refused = audited()
    assert first["patient"] == gate["patient"] == refused["patient"]
    assert first["user"] == gate["user"] != refused["user"]
    assert PATIENT not in json.dumps([first, gate, refused])
    assert "Practitioner" not in json.dumps([first, gate, refused])


def test_CH_SEC_10_feedback_has_its_record(services: FlaskClient, audited: Audited) -> None:
    item = {"card": UUID, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
    assert services.post(f"{ADDRESS}/feedback", json={"feedback": [item, item]}).status_code == 200
    assert services.post(f"{ADDRESS}/feedback", data=b"{").status_code == 400
    kept, refused = audited()
    assert (kept["service"], kept["outcome"], kept["feedback"]) == ("demo", "feedback", {"overridden": 2})
    assert (refused["service"], refused["status"]) == ("demo", 400)
    assert UUID not in json.dumps([kept, refused])


@pytest.mark.parametrize(
    ("send", "status", "outcome"),
    [
        (lambda c: c.post(ADDRESS, json=request(complete() | {"conditions": None})), 200, "gate"),
        (lambda c: c.post(ADDRESS, data=b"{"), 400, "not-json"),
        (lambda c: c.post(ADDRESS, json={}), 400, "invalid-request"),
        (lambda c: c.post(ADDRESS, json=request(complete(), hook="order-sign")), 400, "hook-mismatch"),
        (lambda c: c.post(ADDRESS, json=request(complete() | {"patient": patient("x")})), 400, "patient-mismatch"),
        (lambda c: c.get(ADDRESS), 405, "method-not-allowed"),
        (lambda c: c.post(ADDRESS, json=request()), 412, "data-unavailable"),
        (lambda c: c.post(ADDRESS, data=b" " * 10_001), 413, "body-too-large"),
        (lambda c: c.post(ADDRESS, data=b"{}", content_type="text/plain"), 415, "unsupported-media-type"),
        (lambda c: c.post("/cds-services//demo/", json={}), 400, "invalid-request"),
        (lambda c: c.post("/cds-services/demo/more/and/more", json={}), 404, "not-found"),
        (lambda c: c.post("/cds-services/unencodable", json=request(complete())), 500, "internal-error"),
        (lambda c: c.post("/cds-services/broken", json=request(complete())), 500, "internal-error"),
        (lambda c: c.post("/cds-services/busy", json={}), 409, "http-error"),
    ],
)
def test_CH_SEC_10_there_is_exactly_one_record_also_of_what_is_refused(
    services: FlaskClient, audited: Audited, send: Callable[[FlaskClient], Any], status: int, outcome: str
) -> None:
    response = send(services)
    assert response.status_code == status
    (record,) = audited()
    assert (record["status"], record["outcome"]) == (status, outcome)
    assert record["request_id"] == response.headers["X-Request-ID"]
    assert "rules" not in record
    assert "cards" not in record


def test_CH_SEC_10_a_service_that_does_not_exist_is_not_named(services: FlaskClient, audited: Audited) -> None:
    assert services.post(f"/cds-services/{PATIENT}", json=request(complete())).status_code == 404
    (record,) = audited()
    assert record["outcome"] == "unknown-service"
    assert "service" not in record
    assert PATIENT not in json.dumps(record)


def test_a_hook_is_named_once_it_is_known(services: FlaskClient, audited: Audited) -> None:
    services.post(ADDRESS, data=b"{")
    services.post("/cds-services/shared", data=b"{}", content_type="text/plain")
    services.post("/cds-services/shared", json=request(complete()))
    assert [record.get("hook") for record in audited()] == ["patient-view", None, "patient-view"]


def test_what_is_no_call_has_no_record(services: FlaskClient, audited: Audited) -> None:
    for address in ("/cds-services", "/healthz", "/rules/", "/nope"):
        services.get(address)
    services.options(ADDRESS)
    assert audited() == []


def test_each_thread_has_its_own_record(services: FlaskClient, audited: Audited) -> None:
    ids = [f"{number:032x}" for number in range(8)]

    def call(id_: str) -> None:
        services.application.test_client().post(ADDRESS, json=request(complete()), headers={"X-Request-ID": id_})

    threads = [threading.Thread(target=call, args=(id_,)) for id_ in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = audited()
    assert sorted(record["request_id"] for record in records) == ids
    assert all(len(record["rules"]) == 3 for record in records)


def test_CH_SEC_10_who_called_is_written_and_so_is_whoever_may_not(
    demo: CdsService, audited: Audited, tmp_path: Path
) -> None:
    settings = Settings(
        public_url=PUBLIC_URL,
        clients=clients_file(tmp_path, tenants=["north"]),
        calls_per_minute=2,
        audit_log=tmp_path / "audit.jsonl",
        database="memory",
    )
    app = create_app(settings, services=(demo,), today=lambda: TODAY, now=lambda: NOW)
    tokens = [key_pair("one").sign(claims(tenant=tenant)) for tenant in ("north", "west", "north", "north")]
    for token in (*tokens, "no-token"):
        headers = {"Authorization": f"Bearer {token}"}
        app.test_client().post(ADDRESS, json=request(complete()), headers=headers)
    app.extensions["cds_service"]["engine"].close()
    found = [(one["status"], one["outcome"], one.get("client"), one.get("tenant")) for one in audited()]
    assert found == [
        (200, "answered", "st-elsewhere", "north"),
        (403, "forbidden", "st-elsewhere", "west"),
        (200, "answered", "st-elsewhere", "north"),
        (429, "too-many-calls", "st-elsewhere", "north"),
        (401, "unauthorized", None, None),
    ]


# The file


def test_by_default_records_are_among_the_log_lines_whatever_the_level(
    make_app: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    make_app(log_level="error").test_client().post(ADDRESS, json=request(complete()))
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "audit"


def test_the_file_may_be_moved_away_and_is_not_for_everybody(
    services: FlaskClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit.jsonl"
    capsys.readouterr()
    services.post(ADDRESS, json=request(complete()))
    file.rename(tmp_path / "audit.1")
    services.post(ADDRESS, json=request(complete()))
    assert [len((tmp_path / name).read_text().splitlines()) for name in ("audit.1", "audit.jsonl")] == [1, 1]
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 == 0
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_stops_the_start(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"NAM_CDS_AUDIT_LOG: .* cannot be written: No such file or directory"):
        make_app(audit_log=tmp_path / "nowhere" / "audit.jsonl")


@pytest.mark.parametrize("written", [OSError(28, "No space left on device"), 5])
def test_a_full_disk_costs_no_answer_and_is_logged(
    services: FlaskClient,
    audited: Audited,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    written: OSError | int,
) -> None:
    def write(file: int, data: bytes) -> int:
        if isinstance(written, OSError):
            raise written
        return written

    with monkeypatch.context() as full:
        full.setattr(os, "write", write)
        assert services.post(ADDRESS, json=request(complete())).status_code == 200
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["reason"]) == ("audit_failed", "No space left on device")
    services.post(ADDRESS, json=request(complete()))
    assert len(audited()) == 1


# Request ids


@pytest.mark.parametrize(
    "sent",
    ["d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA", "0123456789abcdef", "f" * 64],
)
def test_a_well_formed_request_id_is_kept(services: FlaskClient, audited: Audited, sent: str) -> None:
    for address in (ADDRESS, "/cds-services", "/nope"):
        assert services.post(address, json={}, headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent
    assert [record["request_id"] for record in audited()] == [sent]


@pytest.mark.parametrize("sent", ["", "Jane Doe", PATIENT, "12345678", "f" * 65, "0123456789abcdeg", "a" * 5000])
def test_any_other_is_replaced(services: FlaskClient, sent: str) -> None:
    answers = [services.get("/cds-services", headers={"X-Request-ID": sent}) for _ in "12"]
    first, second = (answer.headers["X-Request-ID"] for answer in answers)
    assert sent not in (first, second)
    assert first != second
    assert len(first) == 36


def test_every_line_of_a_request_bears_its_id(
    make_app: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    client = make_app(answering(broken)).test_client()
    capsys.readouterr()
    response = client.post(ADDRESS, json=request(complete(), hookInstance="no uuid"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["request_tolerated", "defect", "audit"]
    assert {line["request_id"] for line in lines} == {response.headers["X-Request-ID"]}
    client.get("/cds-services")
    make_app()
    assert "request_id" not in capsys.readouterr().err
