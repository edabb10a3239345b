"""No name, id, birth date, value, word or token is written; and the search for them finds what is.

What is called here is heard, and searched at the end of the session like all else (`tests.leaks.listening`). These
tests look at once, so that they fail by themselves.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask

import fixtures
from cds_service.app import create_app
from cds_service.fhir.servers import FhirServer
from cds_service.settings import Settings
from hooks import services as own_services
from hooks.knowledge import load
from tests.cds_service.support import Ehr, bundle
from tests.docs.generated import ROOT
from tests.leaks.listening import LISTENER
from tests.leaks.secrets import Mark, found_in

SUBJECT = {"reference": f"Patient/{Mark.ID}"}
UUID = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def resource(type_: str, number: int = 1, **members: Any) -> dict[str, Any]:
    return {"resourceType": type_, "id": f"{Mark.RESOURCE}-{number}", "subject": SUBJECT, **members}


def ck(number: int = 1, **members: Any) -> dict[str, Any]:
    usual = {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2157-6"}], "text": Mark.WORDS},
        "effectiveDateTime": "2026-11-20",
        "valueQuantity": {"value": Mark.CK, "unit": "U/L"},
        "note": [{"text": Mark.WORDS}],
    }
    return resource("Observation", number, **usual | members)


def chart() -> dict[str, Any]:
    """A patient who concerns the rules, of whom everything is marked, and some of it spoiled."""
    imnm = {"coding": [{"system": "http://snomed.info/sct", "code": "715863001"}], "text": Mark.WORDS}
    statin = resource(
        "MedicationStatement",
        status="active",
        medicationCodeableConcept={"text": f"Atorvastatin {Mark.DOSE} mg {Mark.WORDS}"},
        effectivePeriod={"start": Mark.WORDS},
    )
    spoiled = [
        ck(2, effectiveDateTime=Mark.WORDS),
        ck(3, valueQuantity={"value": Mark.WORDS}),
        ck(4, valueQuantity=None, valueString=Mark.WORDS),
        ck(5, subject={"reference": f"urn:{Mark.ID}"}),
        {"resourceType": Mark.WORDS},
    ]
    named = {"name": [{"family": Mark.FAMILY, "given": [Mark.GIVEN]}], "birthDate": Mark.BORN}
    return {
        "patient": {"resourceType": "Patient", "id": Mark.ID, **named},
        "conditions": bundle(resource("Condition", code=imnm, note=[{"text": Mark.WORDS}])),
        "medicationStatements": bundle(statin),
        "labs": bundle(ck(), *spoiled),
        "scores": None,
        "medicationRequests": None,
        "medicationAdministrations": None,
        "allergies": bundle(resource("AllergyIntolerance", patient=SUBJECT, code={"text": Mark.WORDS})),
        "procedures": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": Mark.ID}]},
    }


def call(prefetch: Any, hook: str = "patient-view", **members: Any) -> dict[str, Any]:
    context: dict[str, Any] = {"userId": f"Practitioner/{Mark.USER}", "patientId": Mark.ID}
    if hook == "order-sign":
        dose = [{"doseAndRate": [{"doseQuantity": {"value": Mark.DOSE, "unit": "mg"}}], "text": Mark.WORDS}]
        drug = {"text": f"Cyclophosphamide {Mark.DOSE} mg"}
        order = resource("MedicationRequest", medicationCodeableConcept=drug, dosageInstruction=dose)
        context["draftOrders"] = bundle(order, type="collection")
    usual = {"hook": hook, "hookInstance": UUID, "context": context, "prefetch": prefetch}
    return {name: value for name, value in (usual | members).items() if value is not None}


@pytest.fixture
def app(ehr: Ehr, tmp_path: Path) -> Iterator[Flask]:
    """The real services, with everything switched on that writes, and one that fails with the chart in its hands."""

    def fail(given: Any) -> Any:
        raise ValueError(f"{given.data} {given.context}")

    own = own_services(load())
    broken = msgspec.structs.replace(own[0], id="broken", evaluate=fail)
    made = create_app(
        Settings(
            log_level="debug",
            audit_log=tmp_path / "audit.jsonl",
            database=f"sqlite:///{tmp_path / 'nam-cds.sqlite'}",
            fhir_servers=(FhirServer(ehr.base),),
            deadline_seconds=5.0,
        ),
        today=lambda: fixtures.ANCHOR,
        services=(*own, broken),
    )
    yield made
    made.extensions["cds_service"]["engine"].close()


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    server = Ehr()
    yield server
    server.stop()


def test_CH_SEC_08_CH_AUTHZ_04_CH_JWT_19_nothing_of_a_patient_and_no_token_is_written(
    app: Flask, ehr: Ehr, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    client = app.test_client()
    granted = {
        "access_token": Mark.TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/*.read",
        "subject": "x",
    }
    fetching: dict[str, Any] = {"fhirServer": ehr.base, "fhirAuthorization": granted}
    headers = {"Authorization": f"Bearer {Mark.TOKEN}", "X-Request-ID": Mark.ID, "traceparent": Mark.ID}
    other = chart() | {"labs": bundle(ck(subject={"reference": f"Patient/{Mark.RESOURCE}"}))}
    ehr.pages[f"/fhir/Patient/{Mark.ID}"] = chart()["patient"]
    ehr.default = bundle(link=[{"relation": "next", "url": f"https://{Mark.WORDS}.example.org/{Mark.ID}"}])
    sent: list[tuple[str, Any, int]] = [
        ("nam-patient-view", call(chart()), 200),
        ("nam-order-sign", call(chart(), "order-sign"), 200),
        ("nam-patient-view", call(chart(), hookInstance=Mark.WORDS), 200),
        ("nam-patient-view", call(chart(), extension={Mark.WORDS: Mark.ID}), 200),
        ("nam-patient-view", call(other), 400),
        ("nam-patient-view", call(chart(), hook=Mark.WORDS), 400),
        ("nam-patient-view", call(None), 412),
        ("nam-patient-view", call(None, **fetching), 412),
        ("nam-patient-view", call(None, fhirServer=f"https://{Mark.WORDS}.example.org/{Mark.ID}"), 412),
        ("nam-patient-view", call(None, **fetching | {"fhirAuthorization": granted | {"patient": Mark.ID}}), 412),
        ("broken", call(chart()), 500),
        (Mark.ID, call(chart()), 404),
    ]
    feedback: dict[str, Any] = {"card": Mark.WORDS, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
    reason = {"reason": {"code": "other", "system": "urn:x"}, "userComment": f"{Mark.WORDS} {Mark.FAMILY} {Mark.ID}"}
    feedback["overrideReason"] = reason
    cards: list[Any] = []
    for service, members, status in sent:
        response = client.post(f"/cds-services/{service}", json=members, headers=headers)
        assert response.status_code == status, response.text
        cards += response.get_json().get("cards", [])
        client.post(f"/cds-services/{service}", data=json.dumps(members)[:-9], headers=headers)
        client.get(f"/cds-services/{service}?patient={Mark.ID}", headers=headers)
    items = [feedback, *(feedback | {"card": card["uuid"]} for card in cards)]
    assert client.post("/cds-services/nam-patient-view/feedback", json={"feedback": items}).status_code == 200
    client.get(f"/rules/{Mark.WORDS}")

    app.extensions["cds_service"]["engine"].close()
    logged = "".join(capfd.readouterr())
    files = {path.name: path.read_bytes().decode("utf-8", "replace") for path in tmp_path.iterdir()}
    assert '"event": "defect"' in logged
    assert files["audit.jsonl"].count('"event": "audit"') >= len(sent)
    assert cards
    assert cards[0]["source"]["topic"]["code"] in files["nam-cds.sqlite"] + files.get("nam-cds.sqlite-wal", "")
    for name, text in {"log": logged, **files}.items():
        assert found_in(text) == {}, name


def test_what_is_searched_was_heard(app: Flask, tmp_path: Path) -> None:
    """The session's end would find nothing, too, if nothing were heard."""
    app.test_client().post("/cds-services/nam-patient-view", json=call(chart()))
    heard = [text for text, (_, test) in LISTENER.texts.items() if test == LISTENER.test]
    assert any('"event": "audit"' in text for text in heard)
    assert LISTENER.folder is not None
    assert tmp_path.is_relative_to(LISTENER.folder)


# The search itself

PLANTED = """
import logging, sqlite3, subprocess, sys
import structlog
from cds_service import logs
from cds_service.observability.audit import AuditLog
from cds_service.records import CallRecord

def server(secret):
    return [sys.executable, "-c", f"print({secret!r}) # cds_service", "serve"]

def test_log_line():
    logs.configure("info")
    structlog.get_logger().info("x", found="SECRET-1")

def test_audit_record(tmp_path):
    AuditLog(tmp_path / "a", "1").write(CallRecord(fired=("SECRET-2",)), 200, 1.0)

def test_line_that_the_test_takes(capsys):
    sys.stderr.write("SECRET-3")
    capsys.readouterr()

def test_line_that_nobody_takes():
    print("SECRET-4")

def test_line_of_a_library():
    logging.getLogger("library").warning("found %s", "SECRET-5")

def test_pipe_of_a_server():
    subprocess.run(server("SECRET-6"), capture_output=True)

def test_file_of_a_server(tmp_path):
    with (tmp_path / "out").open("w") as out:
        subprocess.run(server("SECRET-7"), stdout=out)

def test_output_that_a_server_inherits(capfd):
    subprocess.run(server("SECRET-8"))

def test_database(tmp_path):
    with sqlite3.connect(tmp_path / "x.sqlite") as connection:
        connection.execute("create table t (x)")
        connection.execute("insert into t values (?)", ("SECRET-9",))
    connection.close()
"""
DEAF = """
def test_server_to_whom_nobody_listens():
    subprocess.run(server("x"), stdout=subprocess.DEVNULL)
"""


def session(secret: str, more: str = "", *options: str) -> "subprocess.CompletedProcess[str]":
    """A session of pytest with these tests, which pass. It leaves nothing behind: that would be found, too."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_planted.py"
        file.write_text((PLANTED + more).replace("SECRET", secret))
        usual = ["-q", "-p", "tests.leaks.listening", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder]
        command = [sys.executable, "-m", "pytest", *usual, *options, "--basetemp", f"{folder}/base", str(file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert " passed" in done.stdout, done.stdout + done.stderr
    assert "failed" not in done.stdout
    return done


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "side by side"])
def test_planted_leaks_fail_the_session_wherever_they_are(options: tuple[str, ...]) -> None:
    done = session(Mark.ID, DEAF, *options)
    assert done.returncode == 1
    found = done.stdout.partition("the service wrote what nobody may read")[2]
    for test in re.findall(r"def (test_\w+)", PLANTED + DEAF):
        folder = f"{test}0"  # of a test's files
        assert f"::{test}" in found or folder in found, f"{test} was not found:\n{found}"


def test_a_session_without_a_leak_passes() -> None:
    assert session("harmless").returncode == 0
    assert session("harmless", DEAF).returncode == 1


@pytest.mark.parametrize(
    "text",
    [
        f"Patient/{Mark.ID.upper()}",
        f"ck {Mark.CK} U/L",
        "GET /Patient/nam-never-treated",
        "Olga Testperson",
        '{"resourceType": "Patient"}',
        "Authorization: Bearer abcdefgh1234",
        "eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJodHRwczovL2UifQ.c2ln",
    ],
)
def test_a_secret_is_found_however_it_is_written(text: str) -> None:
    assert found_in(f"x{text}x")
    assert not found_in('WWW-Authenticate: Bearer, {"service": "nam-patient-view", "rule": "StatinExposure"}')
