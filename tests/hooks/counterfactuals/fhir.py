"""Changes made in what a record system sends: each as the resource, or the date, that would tell of it."""

import copy
from datetime import date
from itertools import count
from typing import Any

from hooks.chart.facts import Diagnosis, DrugCourse, Fact, LabResult, StrengthScore
from hooks.counterfactuals import Change
from tests.hooks.builders import knowledge

Prefetch = dict[str, Any]
_numbers = count(1)
_SYSTEMS = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
}
_QUALITATIVE = {"positive": ("10828004", "Positive"), "negative": ("260385009", "Negative")}


def sent(prefetch: Prefetch, patient: str, changes: tuple[Change, ...]) -> Prefetch:
    """The prefetch with changes made."""
    found = copy.deepcopy(prefetch)
    for change in changes:
        for fact in change.facts:
            _send(found, patient, fact)
        if change.failed:
            _fail(found, change.failed)
    return found


def day_of(changes: tuple[Change, ...], today: date) -> date:
    """The day on which to ask."""
    return max((change.today or today for change in changes), default=today)


def _send(prefetch: Prefetch, patient: str, fact: Fact) -> None:
    key, resource = _resource(fact)
    resource |= {"id": f"supposed-{next(_numbers)}", "subject": {"reference": f"Patient/{patient}"}}
    bundle = prefetch[key]
    if isinstance(fact, LabResult | StrengthScore):  # in place of results of the day
        same = resource["code"]["coding"][0]["code"]
        bundle["entry"] = [e for e in bundle.get("entry", ()) if not _of_the_day(e["resource"], same, str(fact.when))]
    bundle["entry"] = [*bundle.get("entry", ()), {"resource": resource}]


def _of_the_day(resource: dict[str, Any], code: str, on: str) -> bool:
    codes = [coding.get("code") for coding in resource.get("code", {}).get("coding", ())]
    return code in codes and str(resource.get("effectiveDateTime", "")).startswith(on)


def _resource(fact: Fact) -> tuple[str, dict[str, Any]]:
    if isinstance(fact, LabResult):
        return "labs", _laboratory(fact)
    if isinstance(fact, StrengthScore):
        return "scores", _score(fact)
    if isinstance(fact, Diagnosis):
        (concept,) = fact.concepts
        return "conditions", {
            "resourceType": "Condition",
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
            },
            "verificationStatus": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}
                ]
            },
            "code": _diagnosis(concept),
            "onsetDateTime": str(fact.onset),
        }
    assert isinstance(fact, DrugCourse)
    return "medicationRequests", {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": _code(fact.drug, "rxnorm"),
    }


def _laboratory(fact: LabResult) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
        ],
        "code": _code(fact.concept, "loinc"),
        "effectiveDateTime": str(fact.when),
    }
    if fact.result:
        code, display = _QUALITATIVE[fact.result]
        return resource | {
            "valueCodeableConcept": {"coding": [{"system": _SYSTEMS["snomed"], "code": code, "display": display}]}
        }
    quantity = {"value": fact.value, "unit": fact.unit, "system": "http://unitsofmeasure.org", "code": fact.unit}
    if fact.comparator:
        quantity["comparator"] = fact.comparator
    limit = {"referenceRange": [{"high": quantity | {"value": fact.upper}}]} if fact.upper else {}
    return resource | {"valueQuantity": quantity} | limit


def _score(fact: StrengthScore) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "exam"}]}
        ],
        "code": {"coding": [{"system": "urn:imacs:score", "code": f"mmt8-total-{fact.scale or 150}"}], "text": "MMT-8"},
        "effectiveDateTime": str(fact.when),
        "valueQuantity": {"value": fact.value, "unit": "{score}"},
    }


def _diagnosis(concept: str) -> dict[str, Any]:
    """By SNOMED CT, or by ICD-10 where only categories of that are in the value set."""
    found = knowledge().value_sets[concept]
    if "snomed" in found.codes:
        return _code(concept, "snomed")
    codes = [*found.codes.get("icd10", ()), *found.prefixes.get("icd10", ())]
    return {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": codes[0]}], "text": found.title}


def _code(concept: str, system: str) -> dict[str, Any]:
    code, display = next(iter(knowledge().value_sets[concept].codes[system].items()))
    return {"coding": [{"system": _SYSTEMS[system], "code": code, "display": display}]}


def _fail(prefetch: Prefetch, drug: str) -> None:
    """The reason is written into every statement of the drug."""
    names = knowledge().value_sets[drug]
    for entry in prefetch["medicationStatements"].get("entry", ()):
        resource = entry["resource"]
        text = str(resource.get("medicationCodeableConcept", {}))
        if any(alias.search(text) for alias in names.aliases):
            resource["statusReason"] = [{"text": "treatment failure"}]
