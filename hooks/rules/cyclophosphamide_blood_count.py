"""S1 CyclophosphamideBloodCount: no cyclophosphamide on a low blood count, nor without a recent one (B4 S1-CYC-CBC)."""

from cds_service.fhir.dates import within
from hooks.assessment import Assessment
from hooks.assessment.labs import at_most, below, fresh, latest, only_known_as, readable, shown, usable
from hooks.chart.facts import LabResult
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Criterion, any_of
from hooks.rules.base import (
    MEDICATION_SOURCES,
    CardDraft,
    FactRow,
    Rule,
    lab_criterion,
    md,
    on,
    safety_scope,
    threshold_text,
)
from hooks.rules.use import used
from hooks.suggestions.investigations import blood_count

DRUG = "cyclophosphamide"
CELLS = {"anc": "neutrophils", "wbc": "white cells", "platelets": "platelets"}


def too_low_to_give(a: Assessment) -> Criterion:
    """Below the limits of the label. White cells as few as that prove that neutrophils are."""
    return a.once(_too_low_to_give)


def _too_low_to_give(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds.cyclophosphamide
    return any_of(
        "blood count too low to give it",
        _low(a, "anc", t.anc_stop, inclusive=True),
        _low(a, "wbc", t.anc_stop, inclusive=True),
        _low(a, "platelets", t.platelets_stop),
    )


def too_low_to_go_on(a: Assessment) -> Criterion:
    """Below the limits at which the next dose is held."""
    return a.once(_too_low_to_go_on)


def _too_low_to_go_on(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds.cyclophosphamide
    return any_of(
        "blood count low",
        _low(a, "wbc", t.wbc_hold),
        _low(a, "anc", t.anc_hold),
        _low(a, "platelets", t.platelets_hold),
    )


def counted(a: Assessment, concept: str) -> LabResult | None:
    """The newest usable count of the last 14 days, also behind a newer one that is in doubt."""
    days = int(a.knowledge.thresholds.gates.cbc_days.value)
    return next((r for r in usable(a.chart, concept) if within(r.when, days, a.today)), None)


def _low(a: Assessment, concept: str, limit: Threshold, *, inclusive: bool = False) -> Criterion:
    """Whether a count is low. A newer one in doubt hides an older good one, but not an older low one."""
    days = a.knowledge.thresholds.gates.cbc_days
    result = counted(a, concept)
    truth = (at_most if inclusive else below)(result, limit.value) if result else None
    if truth is False and fresh(a.chart, concept, days, a.today) is None:
        truth = None
    relation = "≤" if inclusive else "<"
    return lab_criterion(
        f"{CELLS[concept]} low",
        truth,
        result,
        f"{readable(threshold_text(limit, relation))}, at most {days.value:g} days old",
        _missing(a, concept),
        between=only_known_as(result) if truth is None else "",
    )


def _missing(a: Assessment, concept: str) -> str:
    days, newest = a.knowledge.thresholds.gates.cbc_days, latest(a.chart, concept)
    doubt = f" (the newest is in doubt: {newest.doubt})" if newest and newest.doubt else ""
    return f"{CELLS[concept]} of the last {days.value:g} days{doubt}"


def _unknown(a: Assessment) -> Criterion:
    """B4 makes it a finding of its own that the count is not known."""
    stop, hold = too_low_to_give(a), too_low_to_go_on(a)
    unknown = stop.truth is None or hold.truth is None
    return Criterion(
        "no recent complete blood count",
        unknown,
        value="; ".join(dict.fromkeys(p.missing for c in (stop, hold) for p in c.parts if p.truth is None)),
        threshold=f"at most {a.knowledge.thresholds.gates.cbc_days.value:g} days old",
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    stop = too_low_to_give(a)
    return (
        *safety_scope(a, critical=stop.truth is True),
        used(a, DRUG),
        any_of("blood count low, or not known", stop, too_low_to_go_on(a), _unknown(a)),
    )


def _card(a: Assessment) -> CardDraft:
    days = f"{a.knowledge.thresholds.gates.cbc_days.value:g}"
    stop, hold = too_low_to_give(a), too_low_to_go_on(a)
    unknown = tuple(_missing(a, concept) for concept in CELLS if _open(a, concept))
    if stop.truth:
        ask = f"Do not give cyclophosphamide: {_named(stop)}"
        t = a.knowledge.thresholds.cyclophosphamide
        limits = f"neutrophils of {t.anc_stop} or less, or platelets below {t.platelets_stop}"
        why = readable(f"The US label gives none with {limits} (not verified).")
    elif hold.truth:
        ask = f"Hold cyclophosphamide: {_named(hold)}; repeat the blood count weekly"
        why = (
            "Give the next dose once the count has recovered, reduced by 20 to 40 % by its lowest point (not verified)."
        )
    elif a.unchecked("labs"):
        ask = f"Cyclophosphamide: blood count of the last {days} days not checked; see one before the next dose"
        why = "Laboratory results could not all be looked at: whether there is a complete blood count is not known."
    elif any(counted(a, concept) for concept in CELLS):
        ask = f"Cyclophosphamide: blood count of the last {days} days not complete; repeat it before the next dose"
        why = "White cells, neutrophils and platelets decide whether the next dose can be given."
    else:
        ask = f"Cyclophosphamide: no blood count of the last {days} days; order one before the next dose"
        why = "Whether the marrow can take the next dose is not known."
    return CardDraft(
        indicator="critical" if stop.truth else "warning",
        summary=ask,
        ask=ask,
        why=(why, "Order one for days 8 to 14 after each pulse and before the next."),
        facts=_rows(a),
        missing=unknown,
        suggestions=(blood_count(a),),
    )


def _open(a: Assessment, concept: str) -> bool:
    """Whether the count of these cells is not known."""
    return fresh(a.chart, concept, a.knowledge.thresholds.gates.cbc_days, a.today) is None


def _named(finding: Criterion) -> str:
    """The low counts, for a summary."""
    return ", ".join(f"{p.name.removesuffix(' low')} {p.value} ({p.when})" for p in finding.parts if p.truth)


def _rows(a: Assessment) -> tuple[FactRow, ...]:
    t = a.knowledge.thresholds.cyclophosphamide
    limits = {
        "anc": (threshold_text(t.anc_stop, "none at ≤"), threshold_text(t.anc_hold, "hold at <")),
        "wbc": (threshold_text(t.wbc_hold, "hold at <"),),
        "platelets": (threshold_text(t.platelets_stop, "none at <"), threshold_text(t.platelets_hold, "hold at <")),
    }
    return tuple(_row(a, concept, readable("; ".join(limit))) for concept, limit in limits.items())


def _row(a: Assessment, concept: str, limit: str) -> FactRow:
    """The count that decides, or the newest one on record with what is wrong with it."""
    name = CELLS[concept].capitalize()
    result = counted(a, concept) or latest(a.chart, concept)
    if result is None:
        return FactRow(name, "not on record", "", limit)
    remarks = [*(["preliminary"] if result.preliminary else []), *([md(result.doubt)] if result.doubt else [])]
    said = f" ({'; '.join(remarks)})" if remarks else ""
    return FactRow(name, md(shown(result)) + said, on(result.when), limit)


RULE = Rule(
    name="CyclophosphamideBloodCount",
    criteria=_criteria,
    card=_card,
    sources=(*MEDICATION_SOURCES, "labs"),
    orders=frozenset({DRUG}),
)
