"""`nam-cds services` and `nam-cds call`: a record system in the terminal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import responses
from click.testing import Result

import fixtures
from fixtures import ANCHOR

Run = Callable[..., Result]
PATIENT = "nam-refractory-gates-passed"
CDS = "http://cds.example"
FHIR = "http://fhir.example/r4"
CARD = {
    "summary": "Do this",
    "indicator": "critical",
    "detail": "**Because** | of",
    "source": {"label": "A service"},
    "suggestions": [{"label": "Order it", "actions": [{"type": "delete", "description": "Stop", "resourceId": "X/1"}]}],
    "overrideReasons": [{"code": "no"}],
    "links": [{"label": "More", "url": "http://cds.example/more", "type": "absolute"}],
}


def call(run: Run, server: str, *more: str, patient: str = PATIENT) -> Result:
    service = f"{server}/cds-services/nam-patient-view"
    return run("call", service, "--fhir", f"{server}/fhir", "--patient", patient, *more)


def without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_uuids(item) for name, item in value.items() if name != "uuid"}
    return [without_uuids(item) for item in value] if isinstance(value, list) else value


def discovery(prefetch: dict[str, str] | None = None) -> None:
    service = {"id": "one", "hook": "patient-view", "title": "One", "prefetch": prefetch or {}}
    responses.get(f"{CDS}/cds-services", json={"services": [service]})


def call_one(run: Run, *more: str) -> Result:
    return run("call", f"{CDS}/cds-services/one", "--fhir", FHIR, "--patient", "p&1", *more)


def sent() -> dict[str, Any]:
    """The body of the last call of the service."""
    found: dict[str, Any] = json.loads(responses.calls[-1].request.body or "")
    return found


def test_services_are_listed(run: Run, server: str) -> None:
    for address in (server, f"{server}/", f"{server}/cds-services"):
        shown = run("services", address).output
        assert "nam-patient-view" in shown
        assert "patient-view" in shown


def test_services_as_json(run: Run, server: str) -> None:
    services = json.loads(run("services", server, "--json").output)["services"]
    assert [one["id"] for one in services] == ["nam-patient-view", "nam-order-select", "nam-order-sign"]


def test_a_call_shows_the_cards(run: Run, server: str) -> None:
    shown = call(run, server).output
    for wanted in ("WARNING", "Refractory IMNM", "1200 mg", "→ Draft cyclophosphamide", "Reasons to dismiss"):
        assert wanted in shown


@pytest.mark.parametrize("patient", [story.id for story in fixtures.stories()])
def test_cards_are_the_same_with_and_without_prefetch(run: Run, server: str, patient: str) -> None:
    with_, without = (
        json.loads(call(run, server, one, "--json", patient=patient).output) for one in ("--prefetch", "--no-prefetch")
    )
    assert without_uuids(with_) == without_uuids(without)


def test_silence_is_said(run: Run, server: str) -> None:
    assert "No card" in call(run, server, patient="nam-look-alikes").output


def test_a_patient_who_is_not_there_is_told_with_the_service_s_own_words(run: Run, server: str) -> None:
    result = call(run, server, patient="nobody")
    assert result.exit_code == 1
    assert "Prefetch patient is left out" in result.stderr
    assert "The service answered with 412" in result.stderr
    assert "prefetch.patient" in result.stderr


def test_an_unknown_service_is_told_with_those_there_are(run: Run, server: str) -> None:
    result = run("call", f"{server}/cds-services/other", "--fhir", f"{server}/fhir", "--patient", PATIENT)
    assert result.exit_code == 1
    assert "It offers: nam-patient-view, nam-order-select, nam-order-sign." in result.stderr


@responses.activate
def test_a_search_is_posted_and_got_only_if_that_fails(run: Run) -> None:
    discovery({"found": "Condition?patient={{context.patientId}}", "got": "Procedure?patient={{context.patientId}}"})
    responses.post(f"{FHIR}/Condition/_search", json={"resourceType": "Bundle", "id": "posted"})
    responses.post(f"{FHIR}/Procedure/_search", status=405)
    responses.get(f"{FHIR}/Procedure?patient=p%261", json={"resourceType": "Bundle", "id": "got"})
    responses.post(f"{CDS}/cds-services/one", json={"cards": []})
    assert call_one(run).exit_code == 0
    assert responses.calls[1].request.body == "patient=p%261"
    assert {key: value["id"] for key, value in sent()["prefetch"].items()} == {"found": "posted", "got": "got"}


@responses.activate
def test_a_key_that_fails_is_left_out_and_said(run: Run) -> None:
    discovery({"read": "Patient/{{context.patientId}}", "lacking": "Encounter/{{context.encounterId}}"})
    responses.get(f"{FHIR}/Patient/p%261", status=404)
    responses.post(f"{CDS}/cds-services/one", json={"cards": []})
    result = call_one(run)
    assert sent()["prefetch"] == {}
    assert "Prefetch read is left out: the FHIR server answered 404." in result.stderr
    assert "Prefetch lacking is left out: the context lacks what its template needs." in result.stderr


@responses.activate
def test_the_token_goes_to_the_fhir_server_and_in_the_request(run: Run) -> None:
    discovery({"read": "Patient/{{context.patientId}}"})
    responses.get(f"{FHIR}/Patient/p%261", json={"resourceType": "Patient"})
    responses.post(f"{CDS}/cds-services/one", json={"cards": []})
    result = call_one(run, "--token", "secret-token", "--cds-token", "other-token")
    to_cds, to_fhir, to_service = (call_.request.headers["Authorization"] for call_ in responses.calls)
    assert (to_cds, to_fhir, to_service) == ("Bearer other-token", "Bearer secret-token", "Bearer other-token")
    assert sent()["fhirAuthorization"]["access_token"] == "secret-token"
    assert "secret-token" not in result.output


@responses.activate
def test_a_request_is_complete(run: Run, tmp_path: Any) -> None:
    discovery()
    responses.post(f"{CDS}/cds-services/one", json={"cards": []})
    context = tmp_path / "context.json"
    context.write_text('{"encounterId": "e1"}')
    assert call_one(run, "--no-prefetch", "--user", "Practitioner/2", "--context", str(context)).exit_code == 0
    body = sent()
    assert body.pop("hookInstance")
    assert body == {
        "hook": "patient-view",
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/2", "patientId": "p&1", "encounterId": "e1"},
    }


@responses.activate
def test_cards_of_any_service_are_shown(run: Run) -> None:
    discovery()
    responses.post(f"{CDS}/cds-services/one", json={"cards": [CARD, {"summary": "Bare"}]})
    shown = call_one(run).output
    for wanted in ("CRITICAL", "Do this", "Because", "→ Order it", "delete X/1: Stop", "More: http://", "dismiss: no"):
        assert wanted in shown
    assert "Bare" in shown


@responses.activate
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": 500, "body": "<html>"}, "answered with 500"),
        ({"body": "<html>", "content_type": "text/html"}, "did not answer with JSON, but with text/html"),
        ({"json": {"cards": "none"}}, "no list of cards"),
        ({"json": []}, "no list of cards"),
    ],
)
def test_an_answer_that_is_none_is_told(run: Run, answer: dict[str, Any], told: str) -> None:
    discovery()
    responses.post(f"{CDS}/cds-services/one", **answer)
    result = call_one(run)
    assert result.exit_code == 1
    assert told in result.stderr


@responses.activate
def test_an_address_without_discovery_is_told(run: Run) -> None:
    responses.get(f"{CDS}/cds-services", json={"hello": "world"})
    assert "no CDS Hooks discovery" in run("services", CDS).stderr


@pytest.mark.parametrize("content", ["[]", "{"])
def test_a_context_that_is_no_object_is_told(run: Run, server: str, tmp_path: Any, content: str) -> None:
    file = tmp_path / "context.json"
    file.write_text(content)
    result = call(run, server, "--context", str(file))
    assert result.exit_code == 1
    assert "context.json is not" in result.stderr


def test_the_anchor_is_the_server_s_today(run: Run, server: str) -> None:
    assert ANCHOR.isoformat()[:4] in call(run, server).output
