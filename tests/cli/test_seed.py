"""`nam-cds seed`: the fixture patients into a FHIR server."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from click.testing import Result

import fixtures
from cds_service.cli import seed

Run = Callable[..., Result]
FHIR = "http://fhir.example/r4"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no transactions here"}]}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "PAUSE", 0.001)


def posted() -> list[dict[str, Any]]:
    bodies = [call.request.body for call in responses.calls if call.request.method == "POST"]
    return [json.loads(body) for body in bodies if body]


@responses.activate
def test_every_patient_is_loaded_and_reported(run: Run) -> None:
    responses.get(f"{FHIR}/metadata", json={})
    responses.post(FHIR, json={"resourceType": "Bundle", "type": "transaction-response"})
    result = run("seed", f"{FHIR}/", "--today", fixtures.ANCHOR.isoformat())
    assert result.exit_code == 0
    assert posted() == [fixtures.bundle(story.id, fixtures.ANCHOR) for story in fixtures.stories()]
    assert result.output.count("loaded") == len(fixtures.stories())
    assert {call.request.headers["Content-Type"] for call in responses.calls if call.request.method == "POST"} == {
        "application/fhir+json"
    }


@responses.activate
def test_chosen_patients_are_moved_to_another_day(run: Run) -> None:
    responses.get(f"{FHIR}/metadata", json={})
    responses.post(FHIR, json={})
    day = fixtures.ANCHOR + timedelta(days=40)
    assert run("seed", FHIR, "--patient", "nam-child", "--today", day.isoformat()).exit_code == 0
    assert posted() == [fixtures.bundle("nam-child", day)]


@responses.activate
def test_a_refused_patient_is_reported_and_fails(run: Run) -> None:
    responses.get(f"{FHIR}/metadata", json={})
    responses.post(FHIR, status=400, json=OUTCOME)
    responses.post(FHIR, json={})
    result = run("seed", FHIR, "--patient", "nam-child", "--patient", "nam-never-treated")
    assert result.exit_code == 1
    assert "400 no transactions here" in " ".join(result.output.split())
    assert result.output.count("loaded") == 2  # one row, and the message at the end
    assert "1 of 2 patients were not loaded." in result.stderr


@responses.activate
def test_it_waits_for_a_server_that_starts(run: Run) -> None:
    responses.get(f"{FHIR}/metadata", status=503)
    responses.get(f"{FHIR}/metadata", status=503)
    responses.get(f"{FHIR}/metadata", json={})
    responses.post(FHIR, json={})
    assert run("seed", FHIR, "--patient", "nam-child", "--wait", "60").exit_code == 0


@responses.activate
def test_without_waiting_a_server_that_starts_fails(run: Run) -> None:
    responses.get(f"{FHIR}/metadata", status=503)
    result = run("seed", FHIR, "--patient", "nam-child")
    assert result.exit_code == 1
    assert "metadata was answered with 503" in result.stderr


def test_a_read_only_server_is_told(run: Run, server: str) -> None:
    result = run("seed", f"{server}/fhir", "--patient", "nam-child")
    assert result.exit_code == 1
    assert "0 of 1" not in result.stderr
    assert "1 of 1 patients were not loaded." in result.stderr
