"""With a real FHIR server: what the EHR sends and what is fetched from it give the same cards, and drafts are valid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask.testing import FlaskClient
from requests.adapters import HTTPAdapter

import fixtures
from cds_service.app import create_app
from cds_service.fhir.servers import FhirServer
from cds_service.settings import Settings
from tests.conformance.watch import WATCH

pytestmark = pytest.mark.hapi

STORIES = [story.id for story in fixtures.stories()]
SERVICE = "/cds-services/nam-patient-view"
ORDER_HOOKS = ("order-select", "order-sign")
ORDERABLE = (
    "cyclophosphamide",
    "rituximab",
    "methotrexate",
    "mycophenolate mofetil",
    "IVIG",
    "rosuvastatin",
    "prednisone",
    "co-trimoxazole",
    "dapsone",
)
NAM_CDS = Path(sys.executable).with_name("nam-cds")


@pytest.fixture(scope="module")
def client(ehr: str) -> Iterator[FlaskClient]:
    # The first searches of a cold server are slow, and it shares the machine with the tests.
    settings = Settings(fhir_servers=(FhirServer(ehr, open=True),), deadline_seconds=60, max_pages=100)
    with create_app(settings, today=lambda: fixtures.ANCHOR).test_client() as test_client:
        yield test_client


def cards(
    client: FlaskClient,
    fhir_server: str,
    patient: str,
    prefetch: dict[str, Any],
    *,
    hook: str = "patient-view",
    context: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The cards of one call, without the uuids, which are new each time, and the versions that the server numbers."""
    request = {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "fhirServer": fhir_server,
        "context": {"userId": "Practitioner/example", "patientId": patient} | (context or {}),
    }
    response = client.post(f"/cds-services/nam-{hook}", json=request | ({"prefetch": prefetch} if prefetch else {}))
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[dict[str, Any]] = without_uuids(response.get_json()["cards"])
    return found


def without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_uuids(item) for key, item in value.items() if key not in ("uuid", "meta")}
    if isinstance(value, list):
        return [without_uuids(item) for item in value]
    return value


def drafts(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources of all suggestions."""
    return [
        action["resource"]
        for card in found
        for suggestion in card.get("suggestions", [])
        for action in suggestion.get("actions", [])
        if "resource" in action
    ]


@pytest.mark.parametrize("patient", STORIES)
def test_prefetch_and_fhir_calls_give_equal_cards(client: FlaskClient, ehr: str, patient: str) -> None:
    complete = fixtures.prefetch(patient, fixtures.ANCHOR)
    keys = sorted(complete)
    expected = cards(client, ehr, patient, complete)
    assert cards(client, ehr, patient, {}) == expected
    for half in (keys[::2], keys[1::2]):
        assert cards(client, ehr, patient, {key: complete[key] for key in half}) == expected


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("orders", fixtures.orders(), ids=lambda orders: orders.id)
def test_prefetch_and_fhir_calls_give_equal_cards_while_orders_are_written(
    client: FlaskClient, ehr: str, orders: fixtures.Orders, hook: str
) -> None:
    complete = fixtures.prefetch(orders.patient, fixtures.ANCHOR)
    keys = sorted(complete)
    context = writing(hook, orders.context)
    expected = cards(client, ehr, orders.patient, complete, hook=hook, context=context)
    assert bool(expected) == bool(orders.expect)
    for sent in ((), keys[::2], keys[1::2]):
        some = {key: complete[key] for key in sent}
        assert cards(client, ehr, orders.patient, some, hook=hook, context=context) == expected


def writing(hook: str, context: dict[str, Any]) -> dict[str, Any]:
    """The context of an order hook, with all its drafts selected where the hook has selections."""
    drafted = [entry["resource"] for entry in context["draftOrders"]["entry"]]
    selections = [f"{draft['resourceType']}/{draft['id']}" for draft in drafted]
    return context | ({"selections": selections} if hook == "order-select" else {})


def test_the_fixture_patients_give_cards_at_all(client: FlaskClient, ehr: str) -> None:
    """Equal cards prove little if there are none."""
    given = {
        patient: [card["source"]["topic"]["code"] for card in cards(client, ehr, patient, {})] for patient in STORIES
    }
    assert {patient for patient in STORIES if given[patient]} == {
        story.id for story in fixtures.stories() if story.expect
    }


@pytest.mark.parametrize("patient", STORIES)
def test_every_draft_is_valid_fhir(client: FlaskClient, ehr: str, patient: str) -> None:
    for draft in drafts(cards(client, ehr, patient, {})):
        validate(ehr, draft)


def validate(ehr: str, resource: dict[str, Any]) -> None:
    """The server finds no error in it."""
    answer = requests.post(f"{ehr}/{resource['resourceType']}/$validate", json=resource, timeout=120)
    errors = [issue for issue in answer.json()["issue"] if issue["severity"] in ("error", "fatal")]
    assert not errors, (resource, errors)
    assert answer.status_code == 200


@pytest.mark.parametrize("orders", fixtures.orders(), ids=lambda orders: orders.id)
def test_what_is_proposed_for_the_fixtures_orders_is_valid_fhir(
    client: FlaskClient, ehr: str, orders: fixtures.Orders
) -> None:
    for draft in drafts(cards(client, ehr, orders.patient, {}, hook="order-sign", context=orders.context)):
        validate(ehr, draft)


def test_orders_are_corrected_as_a_whole_and_what_is_corrected_is_valid(client: FlaskClient, ehr: str) -> None:
    (orders,) = [one for one in fixtures.orders() if one.id == "cyclophosphamide-and-methotrexate-daily"]
    sent = {entry["resource"]["id"]: entry["resource"] for entry in orders.context["draftOrders"]["entry"]}
    found = cards(client, ehr, orders.patient, {}, hook="order-sign", context=orders.context)
    updates = [
        action["resource"]
        for card in found
        for suggestion in card["suggestions"]
        for action in suggestion["actions"]
        if action["type"] == "update"
    ]
    assert {update["id"] for update in updates} == sent.keys()
    for update in updates:
        validate(ehr, update)
        changed = {name for name in update if update[name] != sent[update["id"]][name]}
        assert changed == {"dosageInstruction"}


@pytest.mark.parametrize("drug", ORDERABLE)
def test_what_is_proposed_when_a_drug_is_ordered_is_valid_fhir(client: FlaskClient, ehr: str, drug: str) -> None:
    """For every patient; each proposal once, whoever it is for."""
    seen: list[dict[str, Any]] = []
    for patient in STORIES:
        complete = fixtures.prefetch(patient, fixtures.ANCHOR)
        context = {"draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [ordering(patient, drug)]}}
        for draft in drafts(cards(client, ehr, patient, complete, hook="order-sign", context=context)):
            alike = renamed({name: value for name, value in draft.items() if name != "reasonReference"}, patient, "")
            if alike not in seen:
                seen.append(alike)
                validate(ehr, draft)
    assert seen, f"nobody is proposed anything when {drug} is ordered"


def ordering(patient: str, drug: str) -> dict[str, Any]:
    """An entry of the drafts: a drug, and no more than that."""
    return {
        "resource": {
            "resourceType": "MedicationRequest",
            "id": "order-1",
            "status": "draft",
            "intent": "order",
            "medicationCodeableConcept": {"text": drug},
            "subject": {"reference": f"Patient/{patient}"},
        }
    }


def test_there_are_drafts_of_each_kind(client: FlaskClient, ehr: str) -> None:
    """The check above would hold for no drafts as well."""
    kinds = {draft["resourceType"] for patient in STORIES for draft in drafts(cards(client, ehr, patient, {}))}
    assert {"AllergyIntolerance", "MedicationRequest", "ServiceRequest"} <= kinds


def test_a_chart_of_many_pages_is_read_to_its_end(
    client: FlaskClient, ehr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = "many-pages"
    chart = fixtures.bundle("nam-mmt8-without-scale", fixtures.ANCHOR)
    chart = renamed(chart, "nam-mmt8-without-scale", patient)
    creatine_kinase = [entry for entry in chart["entry"] if is_creatine_kinase(entry["resource"])]
    first = min(creatine_kinase, key=lambda entry: str(entry["resource"]["effectiveDateTime"]))
    before = date.fromisoformat(first["resource"]["effectiveDateTime"][:10])
    chart["entry"] += [older(first, before - timedelta(days=n), n) for n in range(1, 1201)]
    answer = requests.post(ehr, json=chart, timeout=300)
    assert answer.status_code == 200, answer.text[:2000]

    asked: list[str] = []
    send = HTTPAdapter.send

    def recorded(self: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        asked.append(str(request.url))
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", recorded)
    fetched = cards(client, ehr, patient, {})
    assert any("_getpages" in url for url in asked), asked

    complete = fixtures.prefetch("nam-mmt8-without-scale", fixtures.ANCHOR)
    complete = renamed(complete, "nam-mmt8-without-scale", patient)
    complete["labs"]["entry"] = [
        {"fullUrl": entry["fullUrl"], "resource": entry["resource"], "search": {"mode": "match"}}
        for entry in chart["entry"]
        if entry["resource"]["resourceType"] == "Observation" and not is_score(entry["resource"])
    ]
    complete["labs"]["total"] = len(complete["labs"]["entry"])
    assert fetched == cards(client, ehr, patient, complete)
    assert fetched


def renamed(value: Any, old: str, new: str) -> Any:
    """A copy in which ids and references of the patient `old` are those of `new`."""
    if isinstance(value, dict):
        return {key: renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


def is_creatine_kinase(resource: dict[str, Any]) -> bool:
    return any(coding.get("code") == "2157-6" for coding in resource.get("code", {}).get("coding", []))


def is_score(resource: dict[str, Any]) -> bool:
    codes = {coding["code"] for category in resource.get("category", []) for coding in category["coding"]}
    return bool(codes & {"exam", "survey"})


def older(entry: dict[str, Any], day: date, number: int) -> dict[str, Any]:
    """The same result, seen earlier."""
    copy = deepcopy(entry)
    resource = copy["resource"]
    resource["id"] = f"many-pages-older-ck-{number}"
    resource["effectiveDateTime"] = day.isoformat()
    copy["fullUrl"] = copy["fullUrl"].rpartition("/")[0] + "/" + resource["id"]
    copy["request"]["url"] = f"Observation/{resource['id']}"
    return copy


@pytest.fixture
def server(hapi: str) -> Iterator[str]:
    """`nam-cds serve` as a process of its own, allowed to call the HAPI server; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "NAM_CDS_PORT": str(port),
        "NAM_CDS_FHIR_SERVERS": f"{hapi};open",
        "NAM_CDS_DEADLINE_SECONDS": "60",
    }
    process = subprocess.Popen(
        [NAM_CDS, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 30
        while not answers(f"{address}/readyz"):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < end, "not ready in 30 s"
            time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def nam_cds(*arguments: str) -> str:
    done = subprocess.run([NAM_CDS, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_seed_and_call_show_the_cards_of_a_real_server(server: str, hapi: str) -> None:
    nam_cds("seed", hapi)
    today = datetime.now(UTC).date()
    for story in fixtures.stories():
        request = {
            "hook": "patient-view",
            "hookInstance": str(uuid4()),
            "fhirServer": hapi,
            "context": {"userId": "Practitioner/example", "patientId": story.id},
            "prefetch": fixtures.prefetch(story.id, today),
        }
        answer = WATCH.see_http(requests.post(server + SERVICE, json=request, timeout=60))
        assert answer.status_code == 200, answer.text
        shown = " ".join(nam_cds("call", server + SERVICE, "--fhir", hapi, "--patient", story.id).split())
        for card in answer.json()["cards"]:
            assert card["summary"][:40] in shown
