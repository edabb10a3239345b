"""The oracle itself: a good answer passes, and each planted defect is told by the requirement that it breaks."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import cds_service.engine
from cds_service.protocol.cards import CdsResponse, encode
from tests.cds_service.support import TODAY, complete, request
from tests.conformance import invariants
from tests.conformance.answers import Answer, complaints, lower, of_body, of_cards, of_discovery, of_outcome
from tests.conformance.watch import WATCH

ROOT = Path(__file__).parents[2]
JSON = {"content-type": "application/json"}
CARD: dict[str, Any] = {
    "uuid": "11111111-1111-4111-8111-111111111111",
    "summary": "Order CK",
    "detail": "**CK** is *not* known, see [the rule](https://example.org/rules/ck)",
    "indicator": "warning",
    "source": {
        "label": "Article",
        "url": "https://example.org",
        "icon": "https://example.org/icon.png",
        "topic": {"code": "ck", "system": "https://example.org/rules"},
    },
    "suggestions": [
        {
            "label": "Order it",
            "uuid": "22222222-2222-4222-8222-222222222222",
            "isRecommended": True,
            "actions": [
                {"type": "create", "description": "Order", "resource": {"resourceType": "ServiceRequest"}},
                {"type": "update", "description": "Change", "resource": {"resourceType": "ServiceRequest", "id": "1"}},
                {"type": "delete", "description": "Cancel", "resourceId": "ServiceRequest/1"},
            ],
        },
        {"label": "Or that", "uuid": "33333333-3333-4333-8333-333333333333", "isRecommended": False},
    ],
    "selectionBehavior": "at-most-one",
    "overrideReasons": [{"code": "later", "system": "https://example.org/reasons", "display": "Later"}],
    "links": [
        {"label": "Rule", "url": "https://example.org/rules/x?a=b#c", "type": "absolute"},
        {"label": "App", "url": "https://example.org/launch", "type": "smart", "appContext": "{}"},
    ],
}
SERVICE: dict[str, Any] = {
    "hook": "patient-view",
    "id": "demo",
    "title": "Demo",
    "description": "It demonstrates.",
    "prefetch": {"patient": "Patient/{{context.patientId}}"},
    "usageRequirements": "None.",
}
OUTCOME: dict[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "invalid", "details": {"text": "hook is missing"}}],
}
GONE = object()


def planted(value: dict[str, Any], path: str, new: Any) -> dict[str, Any]:
    """A copy in which the member at the path is another, or gone."""
    changed = copy.deepcopy(value)
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place: Any = changed
    for step in way:
        place = place[step]
    if new is GONE:
        del place[last]
    else:
        place[last] = new
    return changed


def names(found: Any) -> set[str]:
    return {complaint.partition(":")[0] for complaint in found}


def test_good_answers_pass() -> None:
    assert list(of_cards({"cards": []})) == []
    assert list(of_cards({"cards": [CARD]})) == []
    assert list(of_discovery({"services": []})) == []
    assert list(of_discovery({"services": [SERVICE]})) == []
    assert list(of_outcome(OUTCOME)) == []


@pytest.mark.parametrize(
    ("expected", "path", "new"),
    [
        ("CH-GEN-03", "detail", None),
        ("CH-GEN-03", "suggestions.0.actions.0.resource.code", None),
        ("CH-GEN-04", "detail", ""),
        ("CH-GEN-04", "links", []),
        ("CH-GEN-04", "suggestions.0.actions.0.resource.code", {}),
        ("CH-GEN-07", "extension", "x"),
        ("CH-GEN-08", "extension", {"mine": 1}),
        ("CH-CARD-01", "summary", GONE),
        ("CH-CARD-01", "summary", "x" * 140),
        ("CH-CARD-01", "summary", "😀" * 70),
        ("CH-CARD-01", "summary", "two\nlines"),
        ("CH-CARD-02", "indicator", "hard-stop"),
        ("CH-CARD-03", "source", "Article"),
        ("CH-CARD-04", "uuid", "urn:uuid:11111111-1111-4111-8111-111111111111"),
        ("CH-CARD-04", "uuid", "11111111-1111-4111-8111-11111111111A"),
        ("CH-CARD-05", "detail", 1),
        ("CH-CARD-06", "detail", "name <img src=x onerror=alert(1)>"),
        ("CH-CARD-06", "detail", "[x](data:text/plain,1)"),
        ("CH-CARD-06", "detail", "![x](/rules)"),
        ("CH-CARD-08", "selectionBehavior", "all"),
        ("CH-CARD-09", "suggestions", GONE),
        ("CH-CARD-10", "overrideReasons", ["later"]),
        ("CH-CARD-11", "links", {"label": "x"}),
        ("CH-CARD-11", "suggestions", ["x"]),
        ("CH-SRC-01", "source.label", " "),
        ("CH-SRC-02", "source.url", "/rules"),
        ("CH-SRC-02", "source.icon", "icon.png"),
        ("CH-SRC-05", "source.topic", "ck"),
        ("CH-COD-01", "source.topic", {"code": "ck"}),
        ("CH-COD-01", "overrideReasons.0.system", GONE),
        ("CH-SUG-01", "suggestions.0.label", GONE),
        ("CH-SUG-02", "suggestions.1.uuid", "22222222-2222-4222-8222-222222222222"),
        ("CH-SUG-03", "suggestions.0.isRecommended", "yes"),
        ("CH-SUG-04", "suggestions.0.actions", []),
        ("CH-ACT-01", "suggestions.0.actions.0.type", "CREATE"),
        ("CH-ACT-03", "suggestions.0.actions.0.resource", "{}"),
        ("CH-ACT-04", "suggestions.0.actions.1.resource.id", GONE),
        ("CH-ACT-05", "suggestions.0.actions.2.resourceId", "1"),
        ("CH-LINK-01", "links.0.label", GONE),
        ("CH-LINK-02", "links.0.type", "Absolute"),
        ("CH-LINK-03", "links.0.url", "javascript:alert(1)"),
        ("CH-LINK-03", "links.0.url", "https://[::1"),
        ("CH-LINK-05", "links.1.appContext", {"a": 1}),
        ("CH-LINK-06", "links.1.url", "https://example.org/launch?iss=x"),
        ("CH-LINK-07", "links.0.autolaunchable", "yes"),
        ("cds-resp-1", "suggestions.1.isRecommended", True),
        ("cds-resp-2", "suggestions.0.actions.2.resource", {"resourceType": "ServiceRequest"}),
        ("cds-resp-3", "links.0.appContext", "x"),
        ("cds-resp-4", "overrideReasons.0.display", GONE),
        ("cds-resp-5", "suggestions.0.actions.1.description", GONE),
        ("cds-resp-6", "selectionBehavior", GONE),
        ("cds-resp-7", "suggestions.0.actionSelectionBehavior", "one"),
    ],
)
def test_CH_3_15_a_bad_card_is_told(expected: str, path: str, new: Any) -> None:
    assert expected in names(of_cards({"cards": [planted(CARD, path, new)]}))


def test_CH_3_15_bad_envelopes_are_told() -> None:
    calm = planted(CARD, "indicator", "info") | {"uuid": "44444444-4444-4444-8444-444444444444"}
    assert names(of_cards([])) == names(of_cards({})) == names(of_cards({"cards": None})) == {"CH-RESP-01"}
    assert "CH-RESP-01" in names(of_cards({"cards": ["x"]}))
    assert "CH-CARD-04" in names(of_cards({"cards": [CARD, CARD]}))
    assert "CH-CARD-12" in names(of_cards({"cards": [calm, CARD]}))
    assert names(of_cards({"cards": [], "systemActions": []})) == {"CH-GEN-04"}
    assert names(of_cards({"cards": [], "systemActions": {"type": "delete"}})) == {"CH-SYS-01"}
    unnamed = {"type": "delete", "resourceId": "Task/1"}
    assert names(of_cards({"cards": [], "systemActions": [unnamed]})) == {"cds-resp-5"}


@pytest.mark.parametrize(
    "body",
    [b"", b"cards", b'{"cards":[],}', b'{"cards":[],"cards":[]}', b'{"cards":[],"n":NaN}', b'{"cards":["\xff"]}'],
)
def test_CH_GEN_01_06_what_is_not_strict_json_is_told(body: bytes) -> None:
    assert names(of_body(body)) == {"CH-GEN-01"}


@pytest.mark.parametrize(
    ("expected", "path", "new"),
    [
        ("CH-GEN-03", "title", None),
        ("CH-GEN-04", "prefetch", {}),
        ("CH-GEN-07", "extension", []),
        ("CH-DISC-04", "hook", GONE),
        ("CH-DISC-05", "description", " "),
        ("CH-DISC-06", "id", GONE),
        ("CH-DISC-06", "id", "a/b"),
        ("CH-DISC-07", "title", 7),
        ("CH-DISC-08", "prefetch", {"patient": ["Patient/1"]}),
        ("CH-DISC-08", "prefetch", "Patient/1"),
        ("CH-DISC-09", "usageRequirements", True),
    ],
)
def test_a_bad_discovery_is_told(expected: str, path: str, new: Any) -> None:
    assert expected in names(of_discovery({"services": [planted(SERVICE, path, new)]}))


def test_bad_lists_of_services_are_told() -> None:
    assert names(of_discovery({})) == names(of_discovery({"services": {}})) == {"CH-DISC-02"}
    assert "CH-DISC-02" in names(of_discovery({"services": ["demo"]}))
    assert names(of_discovery({"services": [SERVICE, SERVICE]})) == {"CH-DISC-10"}


@pytest.mark.parametrize(
    ("expected", "path", "new"),
    [
        ("CH-STAT-10", "resourceType", "Bundle"),
        ("CH-STAT-10", "issue", []),
        ("CH-STAT-10", "issue.0.severity", "bad"),
        ("CH-STAT-10", "issue.0.severity", "warning"),
        ("CH-STAT-10", "issue.0.code", "oops"),
        ("CH-STAT-10", "issue.0.details", GONE),
        ("CH-GEN-03", "issue.0.diagnostics", None),
        ("CH-GEN-04", "issue.0.expression", []),
        ("CH-STAT-09", "issue.0.diagnostics", "Traceback (most recent call last)"),
    ],
)
def test_a_bad_outcome_is_told(expected: str, path: str, new: Any) -> None:
    assert expected in names(of_outcome(planted(OUTCOME, path, new)))


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("CH-GEN-01", Answer("GET", "/cds-services", 200, {"content-type": "text/html"}, b"<html>")),
        ("CH-GEN-01", Answer("GET", "/readyz", 200, JSON, b"{")),
        ("CH-GEN-03", Answer("GET", "/fhir/metadata", 200, JSON, b'{"status":null}')),
        ("CH-DISC-02", Answer("GET", "/cds-services/", 200, JSON, b"[]")),
        ("CH-RESP-01", Answer("POST", "/cds-services/demo", 200, JSON, b"[]")),
        ("CH-SEC-09", Answer("POST", "/cds-services/demo", 200, JSON, b'{"cards":[]}')),
        ("CH-STAT-10", Answer("POST", "/cds-services/demo", 400, JSON, b"")),
        ("CH-STAT-10", Answer("POST", "/cds-services/demo", 400, JSON, b'{"error":"no"}')),
        ("CH-GEN-01", Answer("GET", "/fhir/Patient", 404, {"content-type": "text/html"}, b"<html>")),
        ("CH-STAT-07", Answer("PUT", "/cds-services", 405, JSON, json.dumps(OUTCOME).encode())),
        ("CH-STAT-07", Answer("POST", "/cds-services/demo", 401, JSON, json.dumps(OUTCOME).encode())),
        ("CH-STAT-07", Answer("POST", "/cds-services/demo", 429, JSON, json.dumps(OUTCOME).encode())),
        (
            "CH-SEC-06",
            Answer(
                "GET",
                "/cds-services",
                304,
                {"access-control-allow-origin": "*", "access-control-allow-credentials": "true"},
                b"",
            ),
        ),
    ],
)
def test_a_bad_http_answer_is_told(expected: str, answer: Answer) -> None:
    assert expected in "\n".join(complaints(answer))


def test_good_http_answers_pass() -> None:
    no_store = lower([("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    assert complaints(Answer("POST", "/cds-services/demo", 200, no_store, b'{"cards":[]}')) == []
    assert complaints(Answer("POST", "/cds-services//demo/", 200, no_store, b'{"cards":[]}')) == []
    assert complaints(Answer("GET", "/rules/none", 404, {"content-type": "text/html"}, b"<html>")) == []
    assert complaints(Answer("HEAD", "/cds-services", 200, JSON, b"")) == []


def test_CH_3_15_the_invariants_of_requests() -> None:
    server, token = "https://ehr.example.org", {"access_token": "x", "scope": "patient/*.read"}
    assert names(invariants.of_request({"fhirAuthorization": token})) == {"cds-r-1", "cds-r-2"}
    assert list(invariants.of_request({"fhirServer": server, "fhirAuthorization": token | {"patient": "1"}})) == []
    assert list(invariants.of_request({"fhirServer": server})) == []


def test_CH_3_15_the_invariants_of_feedback() -> None:
    accepted = {"outcome": "accepted", "acceptedSuggestions": [{"id": "1"}]}
    overridden = {"outcome": "overridden", "overrideReason": {"userComment": "no"}}
    assert list(invariants.of_feedback({"feedback": [accepted, overridden, {"outcome": "overridden"}]})) == []
    assert names(invariants.of_feedback({"feedback": [{"outcome": "ignored"}]})) == {"cds-fb-1"}
    assert names(invariants.of_feedback({"feedback": [{"outcome": "accepted"}]})) == {"cds-fb-2"}
    assert names(invariants.of_feedback({"feedback": [overridden | {"overrideReason": {}}]})) == {"cds-fb-3"}


def test_the_watch_sees_answers_with_and_without_the_web(make_app: Callable[..., Flask], monkeypatch: Any) -> None:
    app = make_app()
    members = request(complete())
    assert app.test_client().post("/cds-services/demo", json=members).status_code == 200
    assert WATCH.take() == []
    monkeypatch.setattr(cds_service.engine, "encode", lambda response: b'{"cards":null}')
    app.test_client().post("/cds-services/demo", json=members)
    over_http = WATCH.take()
    wired = app.extensions["cds_service"]
    wired["engine"].answer(wired["catalogue"].services[0], json.dumps(members).encode(), TODAY)
    in_process = WATCH.take()
    assert names(in_process) == {"demo"}
    assert [one for one in (*over_http, *in_process) if "CH-RESP-01" not in one] == []
    assert len(over_http) == len(in_process) == 1


_PLANTED = """
import cds_service.engine
from cds_service.app import create_app
from cds_service.settings import Settings
from tests.cds_service.support import complete, request, service
from cds_service.protocol.cards import CdsResponse

def test_planted(monkeypatch):
    monkeypatch.setattr(cds_service.engine, "encode", lambda response: {body!r})
    app = create_app(Settings(), services=[service(lambda call: CdsResponse())])
    assert app.test_client().post("/cds-services/demo", json=request(complete())).status_code == 200
    app.extensions["cds_service"]["engine"].close()
"""


@pytest.mark.parametrize(("body", "ending"), [(b'{"cards":[]}', 0), (b'{"cards":[null]}', 1)])
def test_the_test_in_which_a_bad_answer_is_seen_fails(tmp_path: Path, body: bytes, ending: int) -> None:
    file = tmp_path / "test_planted.py"
    file.write_text(_PLANTED.format(body=body), encoding="utf-8")
    options = ["-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == ending, done.stdout
    assert ("CH-GEN-03: cards[0] is null" in done.stdout) == bool(ending)


def test_an_empty_response_is_good() -> None:
    assert of_body(encode(CdsResponse())) == []
