"""The gate: whether a patient could concern any rule at all (design: most charts must cost next to nothing)."""

from datetime import date

import msgspec

from cds_service.fhir.bundles import UNREADABLE
from cds_service.fhir.views import ConditionCode
from cds_service.patient_data import PatientData
from hooks.chart.matching import matchers
from hooks.knowledge.model import Knowledge

ENTRY_CONDITIONS = frozenset({"imnm", "immune-myopathy-nec", "polymyositis", "drug-induced-myopathy", "other-myositis"})
"""The union of all rules' entry conditions: every status of IMNM but NONE (A1, B0)."""

_decoder = msgspec.json.Decoder(ConditionCode)


def concerns(data: PatientData, today: date, knowledge: Knowledge) -> bool | None:  # noqa: ARG001
    """Whether the conditions, current or historical, hold anything that a rule starts from.

    None if none does, but the code of one cannot be read: nobody knows what it says.
    """
    source = data.sources.get("conditions")
    if source is None:
        return False
    concept = matchers(knowledge).conditions.concept
    unread = False
    for entry in source.entries:
        try:
            condition = _decoder.decode(entry.resource)
        except UNREADABLE:
            unread = True
            continue
        code = concept(condition.code)
        unread = unread or bool(code.problem)
        if not ENTRY_CONDITIONS.isdisjoint(code.value_sets):
            denied = bytes(condition.verification_status)
            if b'"refuted"' not in denied and b'"entered-in-error"' not in denied:
                return True
    return None if unread else False
