"""The regimens of Pneumocystis prophylaxis, and the orders drafted from them (B3).

Doses, codes and words are data: `hooks/knowledge/pjp_regimens.yaml`.
"""

from typing import Any

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.knowledge.regimens import Regimen
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import coding, create, medication_request, suggestion
from hooks.suggestions.resources import order as laboratory_order

UCUM = "http://unitsofmeasure.org"


def g6pd_test(a: Assessment, *, recommended: bool) -> Suggestion:
    """A suggestion to test G6PD, which dapsone needs."""
    note = "Before dapsone. May be falsely normal after haemolysis or transfusion."
    text = "Glucose-6-phosphate dehydrogenase (G6PD)"
    return laboratory_order(a, "Order G6PD", text, lab(a, "g6pd", "32546-4"), note=note, recommended=recommended)


def draft_order(a: Assessment, regimen: Regimen, *, reduced: bool, recommended: bool, methotrexate: bool) -> Suggestion:
    """A suggestion that drafts one regimen for an adult; just the first that fits, so none is ordered twice."""
    draft = regimen.reduced if reduced and regimen.reduced else regimen.draft
    display = draft.display or a.knowledge.value_sets[regimen.drug].codes["rxnorm"][draft.code]
    dosage: dict[str, Any] = {
        "text": draft.dosage,
        "timing": {"repeat": {"frequency": draft.frequency, "period": draft.period, "periodUnit": draft.period_unit}},
        "route": {"text": draft.route},
        "doseAndRate": [
            {"doseQuantity": {"value": draft.amount, "unit": draft.unit, "system": UCUM, "code": draft.ucum}}
        ],
    }
    note = f"Prophylaxis of Pneumocystis pneumonia. {regimen.checks}"
    if methotrexate and regimen.drug == "tmp-smx":
        note = f"{note} {a.knowledge.regimens.methotrexate}"
    code = coding(draft.system, draft.code, display)
    resource = medication_request(a, draft.text, code, dosage=(dosage,), note=note)
    label = f"Order {regimen.name}: {draft.dosage}"
    return suggestion(label, create(label, resource), recommended=recommended)
