"""What the services ask for beforehand, and what their clients must be able to send (CH-PT-08)."""

from collections.abc import Iterable
from urllib.parse import quote

from cds_service.registry import PrefetchTemplate
from hooks.knowledge.model import Knowledge

PATIENT = "{{context.patientId}}"
PAGE = 500
"""Asked-for page size: fewer round trips; clients may give less."""
USAGE_REQUIREMENTS = (
    "Send the prefetch, or a fhirServer with an access token that may read Patient, Condition, "
    "MedicationStatement, MedicationRequest, MedicationAdministration, Medication, Observation, "
    "AllergyIntolerance and Procedure."
)


def laboratory_codes(knowledge: Knowledge) -> Iterable[str]:
    """Every code by which the laboratory value sets know a result, overlay included: bare codes, for a short query."""
    for value_set in knowledge.value_sets.values():
        if value_set.kind == "laboratory":
            for codes in value_set.codes.values():
                yield from codes


def prefetch_templates(knowledge: Knowledge) -> tuple[PrefetchTemplate, ...]:
    """The templates, within the recommended query subset (CH-PT-08)."""
    codes = ",".join(dict.fromkeys(quote(code, safe="") for code in laboratory_codes(knowledge)))

    def search(
        key: str, kind: str, query: str = "", *, stage: str = "full", required: bool = False
    ) -> PrefetchTemplate:
        return PrefetchTemplate(
            key=key,
            query=f"{kind}?patient={PATIENT}{query}&_count={PAGE}",
            resource_types=(kind, "Medication") if kind.startswith("Medication") else (kind,),
            stage="gate" if stage == "gate" else "full",
            required=required,
        )

    return (
        PrefetchTemplate("patient", f"Patient/{PATIENT}", ("Patient",), "gate", required=True),
        search("conditions", "Condition", stage="gate", required=True),
        search("medicationStatements", "MedicationStatement", required=True),
        search("medicationRequests", "MedicationRequest"),
        search("medicationAdministrations", "MedicationAdministration"),
        search("labs", "Observation", f"&code={codes}&_sort=-date", required=True),
        search("scores", "Observation", "&category=exam,survey&_sort=-date", required=True),
        search("allergies", "AllergyIntolerance"),
        search("procedures", "Procedure"),
    )
