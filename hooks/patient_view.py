"""The `patient-view` service: its prefetch, its gate, and how it answers."""

from collections.abc import Iterable
from datetime import date
from urllib.parse import quote

from cds_service.patient_data import PatientData
from cds_service.protocol.cards import CdsResponse
from cds_service.registry import Call, CdsService, PrefetchTemplate
from hooks.chart import read
from hooks.chart.gate import concerns
from hooks.engine import Evaluation, evaluate
from hooks.knowledge.model import Knowledge

PATIENT = "{{context.patientId}}"
PAGE = 500
"""Asked-for page size: fewer round trips; clients may give less."""


def service(knowledge: Knowledge) -> CdsService:
    """The service, on this knowledge."""

    def answer(call: Call) -> CdsResponse:
        return CdsResponse(evaluation(call, knowledge).cards)

    def gate(data: PatientData, today: date) -> bool:
        return concerns(data, knowledge, today)

    return CdsService(
        id="nam-patient-view",
        hook="patient-view",
        title="Necrotizing autoimmune myopathy: what is due",
        description=(
            "For patients with immune-mediated necrotizing myopathy: whether IVIG, rituximab and methotrexate were "
            "adequate and failed, what may come next, what monitoring and Pneumocystis prophylaxis are due. "
            "Silent for everybody else. "
            "Not reviewed by a clinician; supports, does not replace, clinical judgement."
        ),
        usage_requirements=(
            "Send the prefetch, or a fhirServer with an access token that may read Patient, Condition, "
            "MedicationStatement, MedicationRequest, MedicationAdministration, Medication, Observation, "
            "AllergyIntolerance and Procedure."
        ),
        prefetch=prefetch_templates(knowledge),
        gate=gate,
        evaluate=answer,
    )


def evaluation(call: Call, knowledge: Knowledge) -> Evaluation:
    """The whole evaluation of a call, trace included."""
    chart = read(call.data, knowledge, call.today)
    return evaluate(chart, knowledge, call.today, call.public_url)


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
