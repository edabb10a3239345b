"""A patient written for clinicians (YAML) becomes a CDS Hooks request with full prefetch.

The language is explained in README.md; its words are in vocabulary.py. Every resource is FHIR R4 as a tidy EHR would
send it: coded where the vocabulary has a code, with text beside it.
"""

import uuid
from typing import Any

import msgspec

from .fhir_parts import PATIENT_ID, Json
from .orders import Hook
from .patient_resources import person, resources
from .patient_words import Course, Finding, Patient, PatientError

KEYS = (
    "patient",
    "conditions",
    "medicationStatements",
    "medicationRequests",
    "medicationAdministrations",
    "labs",
    "scores",
    "allergies",
    "procedures",
)


def read_patient(raw: object) -> Patient:
    """The patient that the YAML mapping ``raw`` describes; PatientError names the key that is wrong."""
    if not isinstance(raw, dict):
        raise PatientError("patient: expected a mapping of keys such as born, conditions, drugs")
    # Entry by entry, so that a message says `drugs.ivig[0]` and not just where in some mapping.
    parts: Json = dict(raw)
    for section, entry_type in (("drugs", Course), ("results", Finding)):
        by_name = parts.get(section, {})
        if not isinstance(by_name, dict):
            raise PatientError(f"{section}: expected names with a list of entries each")
        parts[section] = {
            name: _convert(entries, list[entry_type], f"{section}.{name}")  # type: ignore[valid-type]
            for name, entries in by_name.items()
        }
    patient: Patient = _convert(parts, Patient, "")
    for key in (*patient.unavailable, *patient.absent):
        if key not in KEYS:
            raise PatientError(f"unavailable/absent: {key!r} is not a source; the sources are {', '.join(KEYS)}")
    request_body(patient)
    return patient


def _convert(raw: object, to: Any, where: str) -> Any:
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        at = (where + path.rstrip("`")).lstrip(".")
        raise PatientError(f"{at}: {message}" if at else message) from None


def request_body(patient: Patient, hook: Hook = "patient-view", drafts: Json | None = None) -> Json:
    """The body an EHR would post to a service for this patient; `drafts`: what an order hook's context adds."""
    return {
        "hook": hook,
        "hookInstance": str(uuid.uuid5(uuid.NAMESPACE_URL, msgspec.json.encode((patient, hook, drafts)).decode())),
        "context": {"userId": "Practitioner/vignette", "patientId": PATIENT_ID} | (drafts or {}),
        "prefetch": prefetch(patient),
    }


def prefetch(patient: Patient) -> Json:
    """All prefetch keys as searchset Bundles; an unavailable source is an OperationOutcome, an absent one left out."""
    found: dict[str, list[Json]] = {key: [] for key in KEYS[1:]}
    for key, resource in resources(patient):
        siblings = found[key]
        resource["id"] = f"{key.lower()}-{len(siblings) + 1}"
        siblings.append(resource)
    values: Json = {"patient": person(patient)}
    values |= {key: _searchset(entries) for key, entries in found.items()}
    values |= {key: _failure(key) for key in patient.unavailable}
    return {key: value for key, value in values.items() if key not in patient.absent}


def _searchset(entries: list[Json]) -> Json:
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    if entries:
        bundle["entry"] = [{"resource": resource, "search": {"mode": "match"}} for resource in entries]
    return bundle


def _failure(key: str) -> Json:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "forbidden", "diagnostics": f"{key}: access refused"}],
    }
