"""Each part of a described patient as one FHIR R4 resource."""

import re
from collections.abc import Iterator

from .fhir_parts import PATIENT_ID, Json, coding, concept, day, look_up, number, quantity, subject
from .medication_resources import medications
from .patient_words import AllergyEntry, Diagnosis, Finding, Patient, PatientError, ProcedureEntry
from .vocabulary import CONDITIONS, DRUGS, MMT8_SCALES, OBSERVATION_CATEGORY, PROCEDURES, QUALITATIVE, RESULTS, Code


def resources(patient: Patient) -> Iterator[tuple[str, Json]]:
    """Every resource of the patient but Patient itself, with the prefetch key it belongs to."""
    for diagnosis in patient.conditions:
        yield "conditions", _condition(diagnosis)
    for drug, courses in patient.drugs.items():
        for position, course in enumerate(courses):
            yield from medications(drug, course, f"drugs.{drug}[{position}]")
    for name, findings in patient.results.items():
        for position, finding in enumerate(findings):
            yield _observation(name, finding, f"results.{name}[{position}]")
    for allergy in patient.allergies:
        yield "allergies", _allergy(allergy)
    for procedure in patient.procedures:
        yield "procedures", _procedure(procedure)


def person(patient: Patient) -> Json:
    """The Patient resource."""
    resource: Json = {"resourceType": "Patient", "id": PATIENT_ID}
    if patient.sex:
        resource["gender"] = patient.sex
    if patient.born:
        resource["birthDate"] = day(patient.born, "born")
    if patient.died:
        resource["deceasedDateTime"] = day(patient.died, "died")
    return resource


def _condition(entry: Diagnosis) -> Json:
    where = f"conditions: {entry.is_ or entry.text}"
    if (entry.is_ is None) == (entry.text is None):
        raise PatientError("conditions: each entry needs either `is` (a word of the vocabulary) or `text`")
    terminology = "http://terminology.hl7.org/CodeSystem/condition-"
    condition: Json = {
        "resourceType": "Condition",
        "subject": subject(),
        "verificationStatus": {"coding": [{"system": f"{terminology}ver-status", "code": entry.verification}]},
        "category": [{"coding": [{"system": f"{terminology}category", "code": "problem-list-item"}]}],
        "code": {"text": entry.text} if entry.is_ is None else concept(look_up(CONDITIONS, entry.is_, where)),
    }
    if entry.verification != "entered-in-error":
        condition["clinicalStatus"] = {"coding": [{"system": f"{terminology}clinical", "code": entry.status}]}
    if entry.onset:
        condition["onsetDateTime"] = day(entry.onset, where)
    if entry.recorded:
        condition["recordedDate"] = day(entry.recorded, where)
    return condition


def _observation(name: str, finding: Finding, where: str) -> tuple[str, Json]:
    known = RESULTS.get(name)
    if known is None and not finding.test:
        look_up(RESULTS, name, f"{where} (or give a `test`)")
    category = known.category if known else "laboratory"
    observation: Json = {
        "resourceType": "Observation",
        "status": finding.status,
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": category}]}],
        "code": {"text": finding.test or (known.text if known else name)},
        "subject": subject(),
        "effectiveDateTime": day(finding.on, where),
    }
    code = known.code if known and not finding.test else None
    value = finding.value
    if name == "MMT-8":
        points, code = _score(value, where)
        observation["valueQuantity"] = {"value": points}
    elif isinstance(value, str) and value.casefold() in QUALITATIVE:
        observation["valueCodeableConcept"] = concept(QUALITATIVE[value.casefold()])
    elif isinstance(value, str) and not re.match(r"[<>]?\d", value):
        observation["valueString"] = value
    else:
        observation["valueQuantity"] = quantity(value, where)
    if code:
        observation["code"]["coding"] = [coding(code)]
    limits = {
        side: {**observation["valueQuantity"], "value": limit}
        for side, limit in (("low", finding.normal_from), ("high", finding.normal_up_to))
        if limit is not None
    }
    if limits:
        observation["referenceRange"] = [limits]
    return "scores" if category == "exam" else "labs", observation


def _score(value: int | float | str, where: str) -> tuple[float, Code | None]:
    matched = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/(150|80)| ?(%))?", str(value))
    if not matched:
        raise PatientError(f"{where}.value: {value!r} is not like 96/150, 52/80, 64 % or 78")
    scale = matched[2] or matched[3]
    return number(matched[1]), MMT8_SCALES[scale] if scale else None


def _allergy(entry: AllergyEntry) -> Json:
    terminology = "http://terminology.hl7.org/CodeSystem/allergyintolerance-"
    drug = DRUGS.get(entry.to)
    allergy: Json = {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [{"system": f"{terminology}clinical", "code": entry.status}]},
        "verificationStatus": {"coding": [{"system": f"{terminology}verification", "code": "confirmed"}]},
        "code": concept(drug.code, drug.text) if drug else {"text": entry.to},
        "patient": subject(),
    }
    if entry.severe:
        allergy["criticality"] = "high"
    if entry.reaction:
        reaction: Json = {"manifestation": [{"text": entry.reaction}]}
        allergy["reaction"] = [reaction | ({"severity": "severe"} if entry.severe else {})]
    return allergy


def _procedure(entry: ProcedureEntry) -> Json:
    return {
        "resourceType": "Procedure",
        "status": entry.status,
        "code": concept(look_up(PROCEDURES, entry.is_, "procedures")),
        "subject": subject(),
        "performedDateTime": day(entry.on, f"procedures: {entry.is_}"),
    }
