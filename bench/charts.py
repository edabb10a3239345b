"""The charts that are measured: that of a fixture patient, grown to the sizes which the targets are about."""

from datetime import date
from typing import Any
from uuid import uuid4

import msgspec

import fixtures

Json = dict[str, Any]

# Refractory, and every gate for cyclophosphamide is passed: the longest way through the rules.
PATIENT = "nam-refractory-gates-passed"
OBSERVATIONS, DRUG_RESOURCES = 200, 60
GATE_BYTES = 300_000
# What charts mostly hold: hypertension, type 2 diabetes, asthma, chronic obstructive lung disease (SNOMED CT).
COMMON_CONDITIONS = ("38341003", "44054006", "195967001", "13645005")

ORDERED = (
    ("cyclophosphamide", 1500, 3, "wk"),
    ("methotrexate", 20, 1, "d"),
    ("rituximab", 1000, 2, "wk"),
    ("sulfamethoxazole-trimethoprim", 960, 2, "d"),
    ("atorvastatin", 40, 1, "d"),
    ("prednisone", 40, 1, "d"),
    ("folic acid", 5, 1, "wk"),
    ("ondansetron", 8, 1, "d"),
    ("mesna", 400, 3, "wk"),
    ("pantoprazole", 40, 1, "d"),
)


def full_chart(today: date = fixtures.ANCHOR) -> Json:
    """The prefetch, on this day, of an IMNM patient with 200 Observations and 60 drug resources."""
    chart: Json = fixtures.prefetch(PATIENT, today)
    _grow(chart["labs"], OBSERVATIONS - len(chart["scores"].get("entry", [])))
    drug_lists = [chart[key] for key in chart if key.startswith("medication") and chart[key].get("entry")]
    for number, drugs in enumerate(drug_lists):
        _grow(drugs, DRUG_RESOURCES * (number + 1) // len(drug_lists) - DRUG_RESOURCES * number // len(drug_lists))
    return chart


def gate_chart(today: date = fixtures.ANCHOR) -> Json:
    """A prefetch of 300 kB for a patient who has no myositis."""
    chart = full_chart(today)
    template = chart["conditions"]["entry"][0]["resource"]
    chart["conditions"] = _searchset(
        template
        | {
            "id": f"common-{number}",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": COMMON_CONDITIONS[number % 4]}]},
        }
        for number in range(20)
    )
    per_entry = len(msgspec.json.encode(chart["labs"])) / len(chart["labs"]["entry"])
    missing = GATE_BYTES - len(msgspec.json.encode(chart))
    _grow(chart["labs"], len(chart["labs"]["entry"]) + round(missing / per_entry))
    return chart


def transaction(chart: Json) -> Json:
    """What loads the chart into a FHIR server."""
    entries = [entry for key in chart if key != "patient" for entry in chart[key].get("entry", [])]
    resources = {f"{each['resourceType']}/{each['id']}": each for each in (entry["resource"] for entry in entries)}
    resources = {f"Patient/{PATIENT}": chart["patient"]} | resources
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": resource, "request": {"method": "PUT", "url": url}} for url, resource in resources.items()
        ],
    }


def request(hook: str = "patient-view", orders: tuple[Json, ...] = (), **members: Any) -> bytes:
    """The body of a call about the patient; `prefetch` or `fhirServer` are among the members."""
    context: Json = {"userId": "Practitioner/example", "patientId": PATIENT}
    if orders:
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}
    return msgspec.json.encode({"hook": hook, "hookInstance": str(uuid4()), "context": context, **members})


def orders() -> tuple[Json, ...]:
    """Ten drafts as they are signed together: what the rules are about, and what stands beside it."""
    return tuple(
        {
            "resourceType": "MedicationRequest",
            "id": f"order-{number}",
            "status": "draft",
            "intent": "order",
            "subject": {"reference": f"Patient/{PATIENT}"},
            "medicationCodeableConcept": {"text": drug},
            "dosageInstruction": [
                {
                    "timing": {"repeat": {"frequency": 1, "period": period, "periodUnit": unit}},
                    "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mg"}}],
                }
            ],
        }
        for number, (drug, dose, period, unit) in enumerate(ORDERED, start=1)
    )


def _grow(bundle: Json, count: int) -> None:
    """Up to `count` entries with copies, each round of them four weeks before the last."""
    originals = list(bundle["entry"])
    for number in range(len(originals), count):
        entry = fixtures.moved(originals[number % len(originals)], -28 * (number // len(originals)))
        entry["resource"]["id"] += f"-{number}"
        entry["fullUrl"] += f"-{number}"
        bundle["entry"].append(entry)
    bundle["total"] = len(bundle["entry"])


def _searchset(resources: Any) -> Json:
    entries = [
        {"fullUrl": f"https://fhir.example.org/r4/{each['resourceType']}/{each['id']}", "resource": each}
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
