"""What is counted, who may read it, and that the sums of several workers are right."""

import fcntl
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

import fixtures
from cds_service.app import create_app
from cds_service.errors import SettingsError
from cds_service.fhir.servers import FhirServer
from cds_service.observability.metrics import SHARED_DIRECTORY, TABLE, shared_by_workers
from cds_service.protocol.cards import Card, CdsResponse, Coding, Source
from cds_service.registry import Answer, Call
from cds_service.settings import Settings
from cds_service.store.guarded import log_failure
from cds_service.store.items import StoreDownError
from hooks.chart.facts import DropKind
from tests.cds_service.support import PATIENT, TOKEN, Ehr, complete, request, service, with_access
from tests.cli.serving import AMPLE, Server, serving

ADDRESS = "/cds-services/demo"
SECRET = "a token of a scraper"
Numbers = dict[tuple[str, ...], float]


def numbers(text: str) -> Numbers:
    """The samples: name and values of labels."""
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "le")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def differences(before: Numbers, after: Numbers) -> Numbers:
    """What was added, the seconds and their buckets apart."""
    return {
        key: value - before.get(key, 0)
        for key, value in after.items()
        if value != before.get(key, 0) and not key[0].endswith(("_sum", "_bucket"))
    }


class Counted:
    """What an application added to the metrics of the process since it was last asked."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._before = self.read()

    def read(self) -> Numbers:
        response = self.client.get("/metrics")
        assert response.status_code == 200
        return numbers(response.text)

    def take(self) -> Numbers:
        after = self.read()
        found, self._before = differences(self._before, after), after
        return found


def talkative(call: Call) -> Answer:
    topics = [Coding(code=rule, system="urn:test") for rule in ("Statin", "Dose", "Dose")]
    cards = (Card(summary=one.code, indicator="info", source=Source(label="Test", topic=one)) for one in topics)
    return Answer(CdsResponse(tuple(cards)), fired=("Statin", "Dose", "Displaced"), dropped=("duplicate", "duplicate"))


def break_off(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.fixture
def counted(make_app: Callable[..., Flask], ehr: Ehr) -> Counted:
    talking = msgspec.structs.replace(service(lambda call: CdsResponse()), evaluate=talkative)
    return Counted(make_app(talking, fhir_servers=(FhirServer(ehr.base),)).test_client())


def test_a_call_is_counted_with_its_cards_rules_and_dropped_entries(counted: Counted) -> None:
    for _ in range(2):
        counted.client.post(ADDRESS, json=request(complete()))
    assert counted.take() == {
        ("nam_cds_call_seconds_count", "answered", "demo"): 2,
        ("nam_cds_cards_total", "info", "Statin"): 2,
        ("nam_cds_cards_total", "info", "Dose"): 4,
        ("nam_cds_rules_fired_total", "Statin"): 2,
        ("nam_cds_rules_fired_total", "Dose"): 2,
        ("nam_cds_rules_fired_total", "Displaced"): 2,
        ("nam_cds_dropped_entries_total", "duplicate"): 4,
    }


def test_gate_misses_and_refusals_are_counted_by_outcome(counted: Counted) -> None:
    counted.client.post(ADDRESS, json=request(complete() | {"conditions": None}))
    counted.client.post(ADDRESS, json={})
    counted.client.post(f"/cds-services/{PATIENT}", json=request(complete()))
    counted.client.get("/cds-services")
    assert counted.take() == {
        ("nam_cds_call_seconds_count", "gate", "demo"): 1,
        ("nam_cds_call_seconds_count", "invalid-request", "demo"): 1,
        ("nam_cds_call_seconds_count", "unknown-service", "unknown"): 1,
    }


def test_fhir_calls_are_counted_by_outcome(counted: Counted, ehr: Ehr) -> None:
    for page, outcome in (
        (complete()["orders"], "ok"),
        (500, "5xx"),
        (404, "4xx"),
        (302, "3xx"),
        (break_off, "failed"),
        (17_000_000 * "x", "too large"),
    ):
        ehr.default = page
        given = {key: value for key, value in complete().items() if key != "orders"}
        counted.client.post(ADDRESS, json=with_access(ehr.base, given))
        assert counted.take()[("nam_cds_fhir_calls_total", outcome)] == 1


def test_a_late_fhir_call_is_counted_as_late(make_app: Callable[..., Flask], ehr: Ehr) -> None:
    counted = Counted(make_app(fhir_servers=(FhirServer(ehr.base),), deadline_seconds=0.2).test_client())
    ehr.default = lambda handler: ehr.stopping.wait(20)
    given = {key: value for key, value in complete().items() if key != "orders"}
    assert counted.client.post(ADDRESS, json=with_access(ehr.base, given)).status_code == 412
    counted.client.application.extensions["cds_service"]["engine"].close()
    assert _until(lambda: counted.take().get(("nam_cds_fhir_calls_total", "late"))) == 1


def test_feedback_is_counted_by_outcome(counted: Counted) -> None:
    item = {"card": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
    items = [item | {"outcome": outcome} for outcome in ("accepted", "overridden", "overridden")]
    counted.client.post(f"{ADDRESS}/feedback", json={"feedback": items})
    assert counted.take() == {
        ("nam_cds_call_seconds_count", "feedback", "demo"): 1,
        ("nam_cds_feedback_items_total", "accepted"): 1,
        ("nam_cds_feedback_items_total", "overridden"): 2,
    }


def test_failures_of_the_store_and_of_the_audit_trail_are_counted(
    counted: Counted, make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_failure("first_use", StoreDownError())
    client = make_app(audit_log=tmp_path / "audit.jsonl").test_client()
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data: 0)
        client.post(ADDRESS, json=request(complete()))
    found = counted.take()
    assert found[("nam_cds_store_failures_total", "first_use")] == 1
    assert found[("nam_cds_audit_failures_total",)] == 1


def test_every_metric_of_the_table_is_exposed_and_no_other(counted: Counted) -> None:
    families = text_string_to_metric_families(counted.client.get("/metrics").text)
    exposed = {(family.name, family.documentation) for family in families if family.type in ("counter", "histogram")}
    assert exposed == {(row.name.removesuffix("_total"), row.help) for row in TABLE}


def test_no_label_holds_anything_of_a_request(counted: Counted, ehr: Ehr) -> None:
    ehr.holds(complete())
    counted.client.post(ADDRESS, json=with_access(ehr.base))
    counted.client.post(f"{ADDRESS}/{PATIENT}", json=with_access(ehr.base))
    text = counted.client.get("/metrics").text
    assert PATIENT not in text
    assert TOKEN not in text


CK = {
    "resourceType": "Observation",
    "status": "final",
    "subject": {"reference": "Patient/nam-never-treated"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "2157-6"}]},
    "effectiveDateTime": "2026-11-01",
    "valueQuantity": {"value": 7301, "unit": "U/L"},
}


def test_why_an_entry_was_dropped_is_one_of_few_words() -> None:
    app = create_app(Settings(log_level="error", database="memory"), today=lambda: fixtures.ANCHOR)
    counted = Counted(app.test_client())
    spoiled: list[dict[str, Any]] = [
        {"status": "entered-in-error"},
        {"valueQuantity": {"value": -7301, "unit": "U/L"}},
        {"valueQuantity": None, "valueString": "7301 units"},
        {"effectiveDateTime": "2028-01-01"},
        {"effectiveDateTime": "the 7301st day"},
        {"subject": {"reference": "urn:uuid:7301"}},
        {"id": 7301},
    ]
    prefetch = fixtures.prefetch("nam-never-treated", fixtures.ANCHOR)
    prefetch["labs"]["entry"] += [{"resource": CK | change} for change in spoiled]
    members = request(prefetch, context={"userId": "Practitioner/1", "patientId": "nam-never-treated"})
    assert counted.client.post("/cds-services/nam-patient-view", json=members).status_code == 200
    app.extensions["cds_service"]["engine"].close()
    found = {key[1] for key in counted.take() if key[0] == "nam_cds_dropped_entries_total"}
    assert {"not in force", "impossible value", "no value", "in the future", "part unreadable"} <= found
    assert found <= set(get_args(DropKind))


# Who may read them


@pytest.mark.parametrize(
    ("settings", "environ", "headers", "allowed"),
    [
        ({}, {"REMOTE_ADDR": "127.0.0.1"}, {}, True),
        ({}, {"REMOTE_ADDR": "::1"}, {}, True),
        ({}, {"REMOTE_ADDR": "10.1.2.3"}, {}, False),
        ({}, {"REMOTE_ADDR": ""}, {}, False),
        ({}, {"REMOTE_ADDR": "127.0.0.1"}, {"X-Forwarded-For": "10.1.2.3"}, False),
        ({}, {"REMOTE_ADDR": "127.0.0.1"}, {"Forwarded": "for=10.1.2.3"}, False),
        ({}, {"REMOTE_ADDR": "127.0.0.1"}, {"Via": "1.1 proxy"}, False),
        ({}, {"REMOTE_ADDR": "10.1.2.3"}, {"Authorization": f"Bearer {SECRET}"}, False),
        ({"metrics": "off"}, {"REMOTE_ADDR": "127.0.0.1"}, {}, False),
        ({"metrics": "token"}, {"REMOTE_ADDR": "10.1.2.3"}, {"Authorization": f"Bearer {SECRET}"}, True),
        ({"metrics": "token"}, {"REMOTE_ADDR": "127.0.0.1"}, {}, False),
        ({"metrics": "token"}, {"REMOTE_ADDR": "127.0.0.1"}, {"Authorization": f"Bearer {SECRET}x"}, False),
        ({"metrics": "token"}, {"REMOTE_ADDR": "127.0.0.1"}, {"Authorization": SECRET}, False),
        ({"metrics": "token"}, {"REMOTE_ADDR": "127.0.0.1"}, {"Authorization": "Bearer ü"}, False),
    ],
)
def test_metrics_are_not_for_everybody(
    make_app: Callable[..., Flask], tmp_path: Path, settings: Any, environ: Any, headers: Any, *, allowed: bool
) -> None:
    if settings.get("metrics") == "token":
        (tmp_path / "token").write_text(f"{SECRET}\n")
        settings = settings | {"metrics_token": tmp_path / "token"}
    client = make_app(**settings).test_client()
    response = client.get("/metrics", environ_overrides=environ, headers=headers)
    assert response.status_code == (200 if allowed else 404)
    assert ("nam_cds_" in response.text) == allowed
    assert response.headers["Cache-Control"] == "no-store"


def test_a_token_that_cannot_be_used_stops_the_start(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NAM_CDS_METRICS_TOKEN: it is needed"):
        Settings(metrics="token")
    with pytest.raises(SettingsError, match="NAM_CDS_METRICS_TOKEN: it is needed"):
        Settings(metrics_token=tmp_path)
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        make_app(metrics="token", metrics_token=tmp_path / "none")
    (tmp_path / "short").write_text("short\n")
    with pytest.raises(SettingsError, match="16 characters"):
        make_app(metrics="token", metrics_token=tmp_path / "short")


# Several workers


@pytest.mark.slow
def test_two_workers_answer_for_both_and_the_dead_stay_counted(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--database", "memory") as server:
        _until(lambda: len(server.workers) == 2)
        sent = 0
        while sent == 0 or len(_counting(server)) < 2:  # the system decides who takes a connection
            sent += _calls(server, 20)
            assert _counted(server) == sent
        directory = _directory(server)

        victim = min(server.workers)
        os.kill(victim, signal.SIGKILL)
        _until(lambda: len(server.workers) == 2 and victim not in server.workers)
        server.answered()
        assert _counted(server) == sent
        sent += _calls(server, 20)
        assert _counted(server) == sent
        assert directory.is_dir()
    assert not directory.exists()


def test_what_a_killed_server_left_behind_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, age in (("dead", 3600), ("running", 3600), ("starting", 0)):
        (tmp_path / f"nam-cds-metrics-{name}").mkdir()
        lock = tmp_path / f"nam-cds-metrics-{name}" / "lock"
        lock.touch()
        os.utime(lock, (time.time() - age, time.time() - age))
    with (tmp_path / "nam-cds-metrics-running" / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with shared_by_workers():
            during = {path.name.removeprefix("nam-cds-metrics-") for path in tmp_path.iterdir()}
            assert os.environ[SHARED_DIRECTORY].startswith(str(tmp_path))
    left = {path.name.removeprefix("nam-cds-metrics-") for path in tmp_path.iterdir()}
    assert left == {"running", "starting"} < during
    assert SHARED_DIRECTORY not in os.environ


def _calls(server: Server, number: int) -> int:
    """Calls on connections of their own, so that both workers get some."""
    for _ in range(number):
        address = f"{server.base}/cds-services/nam-patient-view"
        assert requests.post(address, json={}, timeout=AMPLE).status_code == 400
    return number


def _counted(server: Server) -> float:
    return numbers(server.answered("/metrics").text)[
        ("nam_cds_call_seconds_count", "invalid-request", "nam-patient-view")
    ]


def _directory(server: Server) -> Path:
    """Where the workers add up; only they know."""
    maps = [Path(f"/proc/{worker}/maps").read_text() for worker in server.workers]
    found = re.search(r"(/\S*nam-cds-metrics-\S+)/\S+\.db", "".join(maps))
    assert found
    return Path(found[1])


def _counting(server: Server) -> set[str]:
    """The workers that have counted a call."""
    return {file.name for file in _directory(server).glob("histogram_*.db") if b"invalid-request" in file.read_bytes()}


def _until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + AMPLE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")
