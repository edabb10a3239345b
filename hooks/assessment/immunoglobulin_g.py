"""Is IgG low, and does the result tell? Soon after IVIG it does not (B4 S6)."""

import msgspec

from hooks.assessment import Assessment
from hooks.assessment.ivig_interference import after_ivig
from hooks.assessment.labs import below, fresh
from hooks.chart.facts import LabResult
from hooks.reasoning import Truth


class ImmunoglobulinG(msgspec.Struct, frozen=True):
    """The newest fresh IgG; `low` and `after_ivig` are None where that cannot be told."""

    result: LabResult | None
    low: Truth
    after_ivig: Truth


def immunoglobulin_g(a: Assessment) -> ImmunoglobulinG:
    """IgG of this patient today."""
    return a.once(_immunoglobulin_g)


def _immunoglobulin_g(a: Assessment) -> ImmunoglobulinG:
    t = a.knowledge.thresholds
    result = fresh(a.chart, "igg", t.reading.lab_fresh_days, a.today)
    if result is None:
        return ImmunoglobulinG(None, None, None)
    return ImmunoglobulinG(
        result,
        below(result, t.cyclophosphamide.igg_low.value),
        after_ivig(a.chart, result.when, t.rituximab.igg_after_ivig_days.value),
    )
