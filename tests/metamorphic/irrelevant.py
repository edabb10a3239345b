"""Resources that no rule is about."""

from typing import Any

from tests.metamorphic.relations import CLINICAL, VERIFICATION, allergy, coding
from tests.vignettes.vocabulary import LOINC, OBSERVATION_CATEGORY, RXNORM, SNOMED, UCUM

Json = dict[str, Any]

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"


def irrelevant(patient: str) -> list[tuple[str, Json]]:
    """Resources of every kind that no rule is about, with the prefetch keys they come under."""
    subject = {"reference": f"Patient/{patient}"}
    tablet = {"text": "levothyroxine 50 microgram tablet", "coding": [coding(RXNORM, "10582", "levothyroxine")]}
    daily = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}, "text": "one every morning"}

    def observation(category: str, text: str, value: Json, *codes: Json) -> Json:
        return {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": category}]}],
            "code": {"text": text, "coding": list(codes)},
            "effectiveDateTime": "2026-11-19",
            "subject": subject,
        } | value

    sodium = {"valueQuantity": {"value": 139, "unit": "mmol/L", "system": UCUM, "code": "mmol/L"}}
    return [
        ("labs", observation("laboratory", "Sodium", sodium, coding(LOINC, "2951-2", "Sodium in serum"))),
        ("labs", observation("laboratory", "Blood film", {"valueString": "unremarkable"})),
        ("scores", observation("survey", "PHQ-9 total score", {"valueInteger": 4})),
        ("conditions", condition(patient, "Hallux valgus", coding(ICD10CM, "M20.10", "Hallux valgus"))),
        (
            "medicationStatements",
            {
                "resourceType": "MedicationStatement",
                "status": "active",
                "medicationCodeableConcept": tablet,
                "subject": subject,
                "effectivePeriod": {"start": "2019-03-04"},
                "dosage": [daily],
            },
        ),
        (
            "medicationRequests",
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "intent": "order",
                "medicationCodeableConcept": tablet,
                "subject": subject,
                "authoredOn": "2019-03-04",
                "dosageInstruction": [daily],
            },
        ),
        (
            "medicationAdministrations",
            {
                "resourceType": "MedicationAdministration",
                "status": "completed",
                "medicationCodeableConcept": {"text": "paracetamol 1 g"},
                "subject": subject,
                "effectiveDateTime": "2026-11-18",
                "dosage": {"dose": {"value": 1, "unit": "g", "system": UCUM, "code": "g"}},
            },
        ),
        ("allergies", allergy(patient, {"text": "peanut"})),
        (
            "procedures",
            {
                "resourceType": "Procedure",
                "status": "completed",
                "code": {"text": "Appendectomy", "coding": [coding(SNOMED, "80146002", "Appendectomy")]},
                "subject": subject,
                "performedDateTime": "2001-05-06",
            },
        ),
    ]


def irrelevant_drafts(patient: str) -> list[Json]:
    """Orders that no rule is about, one without a code."""
    subject = {"reference": f"Patient/{patient}"}
    return [
        {"resourceType": "NutritionOrder", "id": "other-1", "status": "draft", "intent": "order", "patient": subject},
        {
            "resourceType": "ServiceRequest",
            "id": "other-2",
            "status": "draft",
            "intent": "order",
            "code": {"text": "Radiograph of the left foot"},
            "subject": subject,
        },
        {
            "resourceType": "MedicationRequest",
            "id": "other-3",
            "status": "draft",
            "intent": "order",
            "medicationCodeableConcept": {"text": "levothyroxine 50 microgram tablet"},
            "subject": subject,
        },
        {"resourceType": "MedicationRequest", "id": "other-4", "status": "draft", "intent": "order"},
    ]


def condition(patient: str, text: str, *codes: Json) -> Json:
    """A current entry of the problem list."""
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [coding(CLINICAL.format("condition"), "active")]},
        "verificationStatus": {"coding": [coding(VERIFICATION.format("condition-ver-status"), "confirmed")]},
        "code": {"text": text, "coding": list(codes)},
        "subject": {"reference": f"Patient/{patient}"},
        "recordedDate": "2026-11-02",
    }
