"""Drafts of what may follow cyclophosphamide: plasma exchange, IVIG again, mycophenolate (B1 R4-FAIL)."""

from typing import Any

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.suggestions.resources import coding, create, medication_request, service_request, suggestion

SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"


def plasma_exchange(a: Assessment, *, urgent: bool) -> Suggestion:
    """A draft request for plasma exchange; sessions and exchange fluid are the apheresis team's."""
    display = a.knowledge.value_sets["plasma-exchange"].codes["snomed"]["20720000"]
    request = service_request(
        a,
        "Therapeutic plasma exchange",
        coding(SNOMED, "20720000", display),
        note="Before, not after, IVIG or rituximab.",
        priority="urgent" if urgent else "",
    )
    return suggestion("Draft plasma exchange request", create("Request plasma exchange", request), recommended=urgent)


def ivig(a: Assessment) -> Suggestion:
    """IVIG again: dose as text only, because how much more is a specialist's decision (B1)."""
    order = medication_request(
        a,
        "Immunoglobulin G, human, intravenous (IVIG)",
        coding(ATC, "J06BA02", "immunoglobulins, normal human, for intravascular adm."),
        dosage=(
            {"text": "2 g/kg per course over 2 to 5 days; interval to be set by the specialist. Dose not calculated."},
        ),
        note="Check thrombosis risk, renal function and IgA deficiency first.",
    )
    return suggestion("Draft IVIG retreatment (dose to be completed)", create("Draft IVIG retreatment", order))


def mycophenolate(a: Assessment) -> Suggestion:
    """Mycophenolate mofetil, stepped up; without a structured dose as long as pregnancy has to be excluded (REMS)."""
    display = a.knowledge.value_sets["mycophenolate"].codes["rxnorm"]["68149"]
    text = "500 mg by mouth twice daily to start"
    steps: tuple[dict[str, Any], ...] = (
        {
            "sequence": 1,
            "text": text,
            "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [
                {
                    "doseQuantity": {
                        "value": 500,
                        "unit": "mg",
                        "system": "http://unitsofmeasure.org",
                        "code": "mg",
                    }
                }
            ],
        },
        {
            "sequence": 2,
            "text": "then 1000 mg twice daily, up to 1500 mg twice daily, as blood count and tolerance allow",
        },
    )
    note = "Weekly blood count for 4 weeks; no live vaccines; effective contraception."
    if a.person.fertile:
        steps = ({"sequence": 1, "text": f"dose after two negative pregnancy tests, see card: {text}"}, *steps[1:])
        note = f"Two negative pregnancy tests first, 8 to 10 days apart (REMS). {note}"
    order = medication_request(
        a,
        "Mycophenolate mofetil",
        coding(RXNORM, "68149", display),
        dosage=steps,
        note=note,
    )
    return suggestion("Draft mycophenolate mofetil", create("Draft mycophenolate mofetil", order))
