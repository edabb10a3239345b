"""FHIR resources and charts in one line each, for tests that read like the specification."""

import json
from datetime import date
from typing import Any

import msgspec

from cds_service.patient_data import Entry, PatientData, Source
from hooks.chart import read
from hooks.chart.facts import Chart, Dosing, DrugCourse, LabResult, StrengthScore
from hooks.knowledge import Knowledge, load

TODAY = date(2026, 11, 22)
KNOWLEDGE: Knowledge = load()
ME = {"reference": "Patient/p"}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ATC = "http://www.whocc.no/atc"
SCORE = "urn:imacs:score"

SOURCES = (
    "patient", "conditions", "medicationStatements", "medicationRequests", "medicationAdministrations", "labs",
    "scores",
    "allergies", "procedures",
)  # fmt: skip
_KEYS = {
    "Patient": "patient", "Condition": "conditions", "MedicationStatement": "medicationStatements",
    "MedicationRequest": "medicationRequests", "MedicationAdministration": "medicationAdministrations",
    "Observation": "labs", "AllergyIntolerance": "allergies", "Procedure": "procedures",
}  # fmt: skip

Resource = dict[str, Any]


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(value if isinstance(value, bytes) else json.dumps(value).encode())


def concept(code: str = "", system: str = "", text: str = "", display: str = "") -> Resource:
    coding = {k: v for k, v in (("system", system), ("code", code), ("display", display)) if v}
    found: Resource = {"coding": [coding]} if coding else {}
    return found | ({"text": text} if text else {})


def patient_data(*resources: Resource, medications: dict[str, Any] | None = None, **under: list[Any]) -> PatientData:
    """The resources under the keys they belong to; `under` puts more under a key as they are."""
    entries: dict[str, list[Entry]] = {key: [] for key in SOURCES}
    for resource in resources:
        key = _KEYS[resource["resourceType"]]
        entries[key].append(Entry(raw(resource), f"{key}.entry[{len(entries[key])}]"))
    for key, values in under.items():
        for value in values:
            entry = value if isinstance(value, Entry) else Entry(raw(value), f"{key}.entry[{len(entries[key])}]")
            entries[key].append(entry)
    sources = {key: Source(key, "complete", tuple(of_key)) for key, of_key in entries.items()}
    return PatientData("p", sources, {name: raw(value) for name, value in (medications or {}).items()})


def read_chart(*resources: Resource, **more: Any) -> Chart:
    return read(patient_data(*resources, **more), KNOWLEDGE, TODAY)


_count = 0


def _id() -> str:
    global _count  # noqa: PLW0603
    _count += 1
    return f"r{_count}"


def _resource(type_: str, fields: Resource, defaults: Resource) -> Resource:
    """The resource; a field given as `...` is left away."""
    merged: Resource = {"resourceType": type_, "id": _id()} | defaults | fields
    return {key: value for key, value in merged.items() if value is not ...}


def condition(code: Resource, **fields: Any) -> Resource:
    return _resource("Condition", {"code": code} | fields, {"subject": ME})


def imnm(**fields: Any) -> Resource:
    return condition(concept("715863001", SNOMED), **fields)


def observation(code: Resource, **fields: Any) -> Resource:
    defaults = {"status": "final", "subject": ME, "effectiveDateTime": "2026-11-10"}
    return _resource("Observation", {"code": code} | fields, defaults)


def quantity(value: Any, unit: str = "", **more: Any) -> Resource:
    return {"value": value} | ({"unit": unit} if unit else {}) | more


def lab(code: str, value: Any = None, unit: str = "", high: Any = None, **fields: Any) -> Resource:
    """A LOINC-coded laboratory value."""
    if value is not None:
        fields.setdefault("valueQuantity", quantity(value, unit))
    if high is not None:
        fields.setdefault("referenceRange", [{"high": {"value": high}}])
    return observation(concept(code, LOINC), **fields)


def ck(value: Any = 6200, unit: Any = "U/L", high: Any = None, **fields: Any) -> Resource:
    code = fields.pop("code", concept("2157-6", LOINC))
    return lab("", value, unit, high, **fields) | {"code": code}


def mmt8(value: Any, code: str = "", text: Any = "MMT-8", unit: Any = "", **fields: Any) -> Resource:
    return observation(
        concept(code, SCORE if code else "", text=text), **({"valueQuantity": quantity(value, unit)} | fields)
    )


def dosage(value: Any = None, unit: Any = "mg", *, repeat: Resource | None = None, **more: Any) -> Resource:
    found = dict(more)
    if value is not None:
        found["doseAndRate"] = [{"doseQuantity": quantity(value, unit)}]
    if repeat is not None:
        found["timing"] = {"repeat": repeat} | found.get("timing", {})
    return found


DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}
WEEKLY = {"frequency": 1, "period": 1, "periodUnit": "wk"}


def drug(name: str | Resource) -> Resource:
    return {"medicationCodeableConcept": {"text": name} if isinstance(name, str) else name}


def period(start: str = "", end: str = "") -> Resource:
    return {k: v for k, v in (("start", start), ("end", end)) if v}


def statement(name: str | Resource = "methotrexate", *doses: Resource, **fields: Any) -> Resource:
    defaults = drug(name) | {"status": "active", "subject": ME, "dosage": list(doses)}
    return _resource("MedicationStatement", fields, defaults)


def order(name: str | Resource = "methotrexate", *doses: Resource, **fields: Any) -> Resource:
    defaults = drug(name) | {
        "status": "active", "intent": "order", "subject": ME, "authoredOn": "2026-01-10",
        "dosageInstruction": list(doses)
    }  # fmt: skip
    return _resource("MedicationRequest", fields, defaults)


def administration(name: str | Resource = "rituximab", dose: Resource | None = None, **fields: Any) -> Resource:
    defaults = drug(name) | {"status": "completed", "subject": ME, "effectiveDateTime": "2026-04-20"}
    return _resource("MedicationAdministration", fields, defaults | ({"dosage": dose} if dose else {}))


def allergy(code: Resource, **fields: Any) -> Resource:
    defaults = {"patient": ME, "clinicalStatus": concept("active")}
    return _resource("AllergyIntolerance", {"code": code} | fields, defaults)


def procedure(code: Resource, **fields: Any) -> Resource:
    defaults = {"status": "completed", "subject": ME, "performedDateTime": "2026-11-15"}
    return _resource("Procedure", {"code": code} | fields, defaults)


def the_course(*resources: Resource, **more: Any) -> DrugCourse:
    (course,) = read_chart(*resources, **more).courses
    return course


def the_dosing(*resources: Resource) -> Dosing:
    (step,) = the_course(*resources).steps
    return step


def the_lab(*resources: Resource) -> LabResult:
    ((result,),) = read_chart(*resources).labs.values()
    return result


def the_score(*resources: Resource) -> StrengthScore:
    (score,) = read_chart(*resources).scores
    return score


def the_reason(*resources: Resource, **more: Any) -> str:
    """Why the only dropped entry was dropped."""
    (dropped,) = read_chart(*resources, **more).dropped
    return dropped.reason
