"""The regimens of Pneumocystis prophylaxis, and the orders drafted from them (B3).

Doses, codes and words are data: `hooks/knowledge/pjp_regimens.yaml`.
"""

from pathlib import Path
from typing import Any

import msgspec

import hooks.knowledge
from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.knowledge.files import parse_yaml, read, typed
from hooks.knowledge.thresholds import Mark
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import coding, create, medication_request, suggestion
from hooks.suggestions.resources import order as laboratory_order

UCUM = "http://unitsofmeasure.org"


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an order says. `display` is empty where the value set of the drug has it."""

    text: str
    system: str
    code: str
    dosage: str
    amount: float
    unit: str
    ucum: str
    frequency: int
    period: int
    period_unit: str
    route: str
    display: str = ""


class Regimen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One regimen for adults. `drug` is the id of its value set."""

    drug: str
    name: str
    dose: str
    mark: Mark
    source: str
    draft: Draft
    check: str
    caution: str = ""
    reduced: Draft | None = None

    @property
    def checks(self) -> str:
        """What the reader has to check and to know, in sentences."""
        caution = f" {self.caution[:1].upper()}{self.caution[1:]}." if self.caution else ""
        return f"Check: {self.check}.{caution}"


class Regimens(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file: regimens in the order of choice, and sentences that go with them."""

    regimens: tuple[Regimen, ...]
    methotrexate: str
    child: str


def _load() -> Regimens:
    path = Path(hooks.knowledge.__file__).with_name("pjp_regimens.yaml")
    return typed(parse_yaml(read(path), path.name), Regimens, path.name)


REGIMENS = _load()


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
        note = f"{note} {REGIMENS.methotrexate}"
    code = coding(draft.system, draft.code, display)
    resource = medication_request(a, draft.text, code, dosage=(dosage,), note=note)
    label = f"Order {regimen.name}: {draft.dosage}"
    return suggestion(label, create(label, resource), recommended=recommended)
