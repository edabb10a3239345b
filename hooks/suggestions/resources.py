"""Draft FHIR resources: built with fhir.resources, so valid R4 by construction.

Building costs far more than everything else, and drafts differ between patients only in subject and reason.
So a draft is
validated once without them and kept; per request they are filled in. What is kept names no patient.
"""

from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec

from cds_service.protocol.cards import Action, Suggestion, new_uuid
from hooks.assessment import Assessment

_SUBJECT = {"reference": "Patient/subject"}
_MODULES = {
    "ServiceRequest": "servicerequest",
    "MedicationRequest": "medicationrequest",
    "AllergyIntolerance": "allergyintolerance",
    "Task": "task",
}
_SUBJECT_MEMBER = {"AllergyIntolerance": "patient", "Task": "for"}
IMNM_TEXT = "Immune-mediated necrotizing myopathy"


def coding(system: str, code: str, display: str) -> dict[str, str]:
    """A FHIR Coding."""
    return {"system": system, "code": code, "display": display}


@lru_cache(maxsize=1024)
def _validated(kind: str, body: bytes) -> bytes:
    model = getattr(import_module(f"fhir.resources.R4B.{_MODULES[kind]}"), kind)
    built = model.model_validate(msgspec.json.decode(body))
    text: str = built.model_dump_json()
    return text.encode()


def build(a: Assessment, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A whole resource of `kind` for this patient: `body` plus subject and, for requests, the diagnosis as reason.

    Raises pydantic's ValidationError for a body that is not valid R4.
    """
    member = _SUBJECT_MEMBER.get(kind, "subject")
    resource: dict[str, Any] = msgspec.json.decode(
        _validated(kind, msgspec.json.encode({"resourceType": kind, **body, member: _SUBJECT}))
    )
    resource[member] = {"reference": f"Patient/{a.chart.patient_id}"}
    if kind in ("ServiceRequest", "MedicationRequest"):
        condition = a.diagnosis.condition
        if condition and condition.source.startswith("Condition/"):
            resource["reasonReference"] = [{"reference": condition.source}]
        else:
            resource["reasonCode"] = [{"text": IMNM_TEXT}]
    return resource


def suggestion(label: str, *actions: Action, recommended: bool = False) -> Suggestion:
    """A suggestion with a fresh uuid."""
    return Suggestion(label=label, uuid=new_uuid(), is_recommended=recommended, actions=actions)


def create(description: str, resource: dict[str, Any]) -> Action:
    """An action that creates a draft."""
    return Action(type="create", description=description, resource=resource)


def service_request(
    a: Assessment,
    text: str,
    *codes: dict[str, str],
    note: str = "",
    priority: str = "",
    intent: str = "order",
) -> dict[str, Any]:
    """A draft ServiceRequest. `codes` empty: the order goes by its text, because no verified code is known."""
    body: dict[str, Any] = {
        "status": "draft",
        "intent": intent,
        "code": {"text": text, **({"coding": list(codes)} if codes else {})},
    }
    if priority:
        body["priority"] = priority
    if note:
        body["note"] = [{"text": note}]
    return build(a, "ServiceRequest", body)


def medication_request(
    a: Assessment,
    text: str,
    *codes: dict[str, str],
    dosage: tuple[dict[str, Any], ...],
    note: str = "",
) -> dict[str, Any]:
    """A draft MedicationRequest; `dosage` holds FHIR Dosage elements, each with its text."""
    body: dict[str, Any] = {
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": text, **({"coding": list(codes)} if codes else {})},
        "dosageInstruction": list(dosage),
    }
    if note:
        body["note"] = [{"text": note}]
    return build(a, "MedicationRequest", body)


def order(
    a: Assessment, label: str, text: str, *codes: dict[str, str], note: str = "", recommended: bool = True
) -> Suggestion:
    """A suggestion that drafts one ServiceRequest."""
    return suggestion(label, create(label, service_request(a, text, *codes, note=note)), recommended=recommended)
