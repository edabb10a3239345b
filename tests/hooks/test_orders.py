"""The order services on the wire: drafts as real clients send them (conformance sections 11 and 13, sandbox client)."""

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.drafts import MOST
from cds_service.fhir.servers import FhirServer
from cds_service.settings import Settings
from hooks.knowledge import load
from hooks.rules.order import RULES

TODAY = date(2026, 11, 22)
FHIR = "https://ehr.example.org/fhir"
ME = {"reference": "Patient/p1"}
ORDER_HOOKS = ("order-select", "order-sign")
LOINC = "http://loinc.org"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    app = create_app(Settings(fhir_servers=(FhirServer(FHIR, open=True),)), today=lambda: TODAY)
    yield app
    app.extensions["cds_service"]["engine"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def bundle(*resources: Any) -> Json:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


def prefetch(diagnosis: str = "715863001") -> Json:
    """A patient with anti-HMGCR myopathy."""
    antibody = {
        "resourceType": "Observation",
        "id": "hmgcr",
        "status": "final",
        "subject": ME,
        "code": {"coding": [{"system": LOINC, "code": "93493-5"}]},
        "effectiveDateTime": "2026-01-10",
        "valueQuantity": {"value": 148, "unit": "[arb'U]"},
        "referenceRange": [{"high": {"value": 20}}],
    }
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": ME,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": diagnosis}]},
    }
    empty = dict.fromkeys(
        (
            "medicationStatements",
            "medicationRequests",
            "medicationAdministrations",
            "scores",
            "allergies",
            "procedures",
        ),
        bundle(),
    )
    person = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-03-01"}
    return {"patient": person, "conditions": bundle(condition), "labs": bundle(antibody)} | empty


def sandbox_order(medication: Json | None = None, **more: Any) -> Json:
    """A MedicationRequest as the public sandbox writes it: its category is an object, and first it has no drug."""
    request = {
        "resourceType": "MedicationRequest",
        "id": "request-123",
        "status": "draft",
        "authoredOn": "2026-11-22",
        "category": {"coding": [{"system": "http://hl7.org/fhir/medication-request-category", "code": "outpatient"}]},
        "subject": ME,
        "requester": {"reference": "Practitioner/COREPRACTITIONER1"},
    }
    return request | ({"intent": "order", "medicationCodeableConcept": medication} if medication else {}) | more


STATIN = {
    "text": "Atorvastatin 40 MG Oral Tablet",
    "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "83367", "display": "atorvastatin"}],
}


def body(hook: str, *orders: Any, context: Json | None = None, **members: Any) -> Json:
    drafts: Json = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}}
    if hook == "order-select":
        drafts = {"selections": ["MedicationRequest/request-123"]} | drafts
    return {
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "hook": hook,
        "context": {"patientId": "p1", "userId": "Practitioner/COREPRACTITIONER1"}
        | (drafts if context is None else context),
        "prefetch": prefetch(),
    } | members


def call(client: FlaskClient, request: Json, status: int = 200) -> Json:
    response = client.post(f"/cds-services/nam-{request['hook']}", json=request)
    assert response.status_code == status, response.get_data(as_text=True)
    found: Json = response.get_json()
    return found


def names(answer: Json) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer["cards"]]


def test_every_rule_of_the_order_hooks_says_which_orders_it_is_for() -> None:
    rules = load().rules
    for rule in RULES:
        hooks = set(rules[rule.name].hooks)
        assert bool(rule.orders) == bool(hooks.intersection(ORDER_HOOKS)), rule.name
        assert rule.orders <= {found.drug for found in load().value_sets.values()} | {"plasma-exchange"}, rule.name


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_SBX_from_no_drug_to_a_drug_to_a_dose(hook: str, client: FlaskClient) -> None:
    assert call(client, body(hook, sandbox_order())) == {"cards": []}
    first = call(client, body(hook, sandbox_order(STATIN)))
    assert names(first) == ["StatinExposure"]
    dosed = sandbox_order(STATIN, dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": 1}}]}])
    assert names(call(client, body(hook, dosed))) == ["StatinExposure"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_SBX_a_tab_that_is_clicked_again_sends_no_drafts(
    hook: str, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(client, body(hook, context={})) == {"cards": []}
    assert "context.draftOrders is missing" in capsys.readouterr().err


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_CH_TOL_17_a_strict_service_refuses_what_lacks_the_drafts(hook: str) -> None:
    app = create_app(Settings(strict=True), today=lambda: TODAY)
    refused = call(app.test_client(), body(hook, context={}), 400)
    assert refused["issue"][0]["expression"][0] in ("context.draftOrders", "context.selections")
    app.extensions["cds_service"]["engine"].close()


def test_CH_HOOK_05_only_the_selected_order_is_spoken_of(client: FlaskClient) -> None:
    orders = sandbox_order(STATIN), sandbox_order({"text": "folic acid 5 mg"}, id="other")
    request = body("order-select", *orders)
    assert names(call(client, request)) == ["StatinExposure"]
    request["context"]["selections"] = ["MedicationRequest/other"]
    assert call(client, request) == {"cards": []}
    request["context"]["selections"] = ["MedicationRequest/unknown"]
    assert names(call(client, request)) == ["StatinExposure"]


def test_every_order_counts_when_they_are_signed(client: FlaskClient) -> None:
    orders = sandbox_order({"text": "folic acid 5 mg"}), sandbox_order(STATIN, id="other", status="active")
    request = body("order-sign", *orders)
    request["context"]["selections"] = ["MedicationRequest/request-123"]  # no member of this hook's context
    assert names(call(client, request)) == ["StatinExposure"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_CH_HOOK_06_CH_TOL_17_other_resources_among_the_orders(hook: str, client: FlaskClient) -> None:
    by_reference = sandbox_order(intent="order", medicationReference={"reference": "Medication/m1"})
    medication = {"resourceType": "Medication", "id": "m1", "code": STATIN}
    others = [
        {"resourceType": "NutritionOrder", "status": "draft", "patient": ME},
        {"resourceType": "ServiceRequest", "id": "example-request-id", "status": "draft", "intent": "plan",
         "code": {"coding": [{}]}, "subject": ME, "reasonCode": []},
        {"resourceType": "DeviceRequest", "status": "draft"},
    ]  # fmt: skip
    assert names(call(client, body(hook, medication, *others, by_reference))) == ["StatinExposure"]
    assert call(client, body(hook, *others)) == {"cards": []}


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_another_patient_s_order_is_refused(hook: str, client: FlaskClient) -> None:
    order = sandbox_order(STATIN, subject={"reference": "Patient/somebody-else"})
    refused = call(client, body(hook, order), 400)
    assert refused["issue"][0]["expression"] == ["context.draftOrders.entry[0]"]
    assert "somebody-else" not in json.dumps(refused)


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("reference", ["urn:uuid:1", "https://ehr.example.org/x/1"])
@pytest.mark.parametrize(("patient", "status"), [("p1", 200), ("somebody-else", 400)])
def test_CH_PF_14_an_order_s_patient_may_stand_beside_it(
    hook: str, reference: str, patient: str, status: int, client: FlaskClient
) -> None:
    request = body(hook, sandbox_order(STATIN, subject={"reference": reference}))
    entry = {"fullUrl": reference, "resource": {"resourceType": "Patient", "id": patient}}
    request["context"]["draftOrders"]["entry"].append(entry)
    answer = call(client, request, status)
    if status == 200:
        assert names(answer) == ["StatinExposure"]
    else:
        assert answer["issue"][0]["expression"] == ["context.draftOrders.entry[0]"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("code", ["myositis", 7, {"coding": [7]}])
def test_CH_PF_11_a_diagnosis_that_cannot_be_read_is_not_silence(hook: str, code: Any, client: FlaskClient) -> None:
    request = body(hook, sandbox_order(STATIN))
    request["prefetch"]["conditions"]["entry"][0]["resource"]["code"] = code
    refused = call(client, request, 412)
    assert "conditions cannot be read" in refused["issue"][0]["details"]["text"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_more_orders_than_a_session_has_are_refused(hook: str, client: FlaskClient) -> None:
    assert names(call(client, body(hook, *[sandbox_order(STATIN, id=f"o{n}") for n in range(MOST)])))
    refused = call(client, body(hook, *[sandbox_order(STATIN)] * (MOST + 1)), 400)
    assert refused["issue"][0]["expression"] == ["context.draftOrders.entry"]


@pytest.mark.parametrize("drug", ["atorvastatin", "cyclophosphamide", "methotrexate", "IVIG"])
@pytest.mark.parametrize("piece", ["1", "1 ", "1,000 ", "mg", "x ", "daily "])
def test_texts_beyond_reason_are_read_in_no_time(drug: str, piece: str, client: FlaskClient) -> None:
    text = piece * (200_000 // len(piece))
    dosage = {"text": text, "doseAndRate": [{"doseQuantity": {"value": 1500, "unit": "mg"}}]}
    order = sandbox_order({"text": f"{drug} {text}"}, dosageInstruction=[dosage], note=[{"text": text}])
    started = time.perf_counter()
    call(client, body("order-sign", order))
    call(client, body("order-sign", sandbox_order({"text": drug}, dosageInstruction=[dosage])))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("frequency", [{"period": 1, "periodUnit": "min"}, {"timeOfDay": ["08:00:00"] * 5000}])
def test_an_order_that_repeats_beyond_reason_is_weighed_in_no_time(frequency: Json, client: FlaskClient) -> None:
    dosage = {"timing": {"repeat": frequency}, "doseAndRate": [{"doseQuantity": {"value": 70, "unit": "g"}}]}
    orders = [sandbox_order({"text": "IVIG"}, id=f"o{n}", dosageInstruction=[dosage]) for n in range(3)]
    started = time.perf_counter()
    call(client, body("order-sign", *orders))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    ("drafts", "where"),
    [
        ("a Bundle as text", "context.draftOrders"),
        ([], ""),
        ([sandbox_order(STATIN)], "context.draftOrders"),
        (7, "context.draftOrders"),
        ({"resourceType": "Parameters"}, "context.draftOrders"),
    ],
)
def test_drafts_of_a_wrong_type_are_refused(hook: str, drafts: Any, where: str, client: FlaskClient) -> None:
    request = body(hook)
    request["context"]["draftOrders"] = drafts
    answer = call(client, request, 400 if where else 200)
    assert answer == {"cards": []} if not where else answer["issue"][0]["expression"] == [where]


HOSTILE: list[Any] = [
    None, [], "x", 1, {}, {"resourceType": None}, {"resourceType": "MedicationRequest", "medicationCodeableConcept": 3},
    sandbox_order(STATIN, dosageInstruction="daily"), sandbox_order(STATIN, dosageInstruction=[None, 3]),
    sandbox_order({"text": None, "coding": [None]}), sandbox_order({"text": "x" * 100_000}),
    sandbox_order({"text": "methotrexate"}, dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": -5}}]}]),
    sandbox_order({"text": "methotrexate"}, dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": 1e308}}],
        "timing": {"repeat": {"frequency": 1e300, "period": 1e-300, "periodUnit": "d"}}}]),
    sandbox_order({"text": "cyclophosphamide"}, dosageInstruction=[{"text": "15 mg/kg " * 2000}]),
    sandbox_order({"text": "cyclophosphamide"}, authoredOn="9999-12-31"),
    sandbox_order({"text": "rituximab"}, authoredOn="0001-01-01", priorPrescription="x"),
    sandbox_order(STATIN, id="../../etc", contained=[None], note={"text": 1}, status=["draft"]),
    {"resourceType": "ServiceRequest", "code": {"text": "plasma exchange"}, "occurrenceDateTime": "9999-12-31"},
    {"resourceType": "ServiceRequest", "code": {"text": "plasma exchange"}, "occurrenceTiming": 4, "status": {}},
]  # fmt: skip


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("order", HOSTILE, ids=range(len(HOSTILE)))
def test_no_order_makes_the_service_fail(hook: str, order: Any, client: FlaskClient) -> None:
    call(client, body(hook, order))
    assert "StatinExposure" in names(call(client, body(hook, order, sandbox_order(STATIN))))


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@responses.activate
def test_an_order_that_no_rule_knows_costs_the_record_system_nothing(hook: str, client: FlaskClient) -> None:
    order = sandbox_order({"text": "folic lozenge"})
    assert call(client, body(hook, order, fhirServer=FHIR, prefetch=None)) == {"cards": []}
    assert len(responses.calls) == 0


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@responses.activate
def test_a_patient_without_myositis_costs_two_calls(hook: str, client: FlaskClient) -> None:
    responses.get(f"{FHIR}/Patient/p1", json={"resourceType": "Patient", "id": "p1"})
    responses.get(f"{FHIR}/Condition", json=bundle())
    assert call(client, body(hook, sandbox_order(STATIN), fhirServer=FHIR, prefetch=None)) == {"cards": []}
    assert len(responses.calls) == 2


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_nothing_but_an_order_hook_asks_about_drafts(hook: str, client: FlaskClient) -> None:
    """The drafts stay what they are: the chart of the same patient without them gives no such card."""
    answer = call(client, body(hook, sandbox_order(STATIN)) | {"hook": "patient-view"})
    assert "StatinExposure" not in names(answer)
