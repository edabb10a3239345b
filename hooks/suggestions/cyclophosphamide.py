"""Drafts around cyclophosphamide: the tests its gates ask for, and the order once all gates pass (B1, B2, B9)."""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.cyclophosphamide_dose import (
    BLOOD_COUNT,
    HEPATITIS_B,
    PREGNANCY_TEST,
    RENAL_FUNCTION,
    URINE,
    DoseAdvice,
)
from hooks.reasoning import Criterion
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import coding, create, medication_request, service_request, suggestion

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def gate_tests(a: Assessment, gates: tuple[Criterion, ...]) -> Suggestion:
    """One suggestion with the tests that belong before cyclophosphamide, without those whose gate is passed already."""
    passed = {gate.name for gate in gates if gate.truth}
    wanted: tuple[tuple[str, str, tuple[dict[str, str], ...]], ...] = (
        (BLOOD_COUNT, "Complete blood count with differential", ()),
        (RENAL_FUNCTION, "Creatinine and eGFR", (lab(a, "creatinine", "2160-0"),)),
        ("", "Liver tests with GGT and bilirubin (AST and ALT may come from muscle)", ()),
        (URINE, "Urinalysis with microscopy (red cell count)", ()),
        (PREGNANCY_TEST, "hCG pregnancy test", (lab(a, "hcg", "2118-8"),)),
        (HEPATITIS_B, "HBsAg", (lab(a, "hbsag", "5195-3"),)),
        (HEPATITIS_B, "Anti-HBc, total", (lab(a, "anti-hbc", "13952-7"),)),
        ("", "HBV DNA", (lab(a, "hbv-dna", "42595-9"),)),
        ("", "Immunoglobulin G", (lab(a, "igg", "2465-3"),)),
        ("", "Interferon-gamma release assay (IGRA) for tuberculosis", ()),
    )
    actions = [
        create(f"Order {text}", service_request(a, text, *codes)) for gate, text, codes in wanted if gate not in passed
    ]
    return suggestion("Order the tests needed before cyclophosphamide", *actions, recommended=True)


def pulse_order(a: Assessment, advice: DoseAdvice, instructions: str) -> Suggestion:
    """The draft order of one IV pulse. Call it only when `may_draft` says so."""
    assert advice.mg is not None
    table = a.knowledge.value_sets["cyclophosphamide"].codes["rxnorm"]
    mg = int(advice.mg)
    dose = {
        "text": f"{mg} mg IV as one pulse; next pulse only after review of blood count and renal function",
        "route": {"text": "intravenous"},
        "doseAndRate": [
            {"doseQuantity": {"value": mg, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
        ],
    }
    order = medication_request(
        a,
        "Cyclophosphamide, intravenous pulse",
        coding(RXNORM, "3002", table["3002"]),
        dosage=(dose,),
        note=instructions,
    )
    return suggestion(
        f"Draft cyclophosphamide {mg} mg IV (unsigned)", create(f"Draft cyclophosphamide {mg} mg IV", order)
    )
