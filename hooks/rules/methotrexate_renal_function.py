"""S9-MTX-REN MethotrexateRenalFunction: methotrexate leaves by the kidney (B4). eGFR is read, never computed (B9)."""

from hooks.assessment import Assessment
from hooks.assessment.labs import below, fresh, latest, only_known_as, readable, shown
from hooks.assessment.person import kidney_failure
from hooks.chart.facts import Diagnosis, LabResult
from hooks.reasoning import Criterion, Truth, any_of
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
from hooks.rules.methotrexate import blood_count, methotrexate, methotrexate_used
from hooks.rules.use import use_rows
from hooks.suggestions.resources import order

SOURCES = (*MEDICATION_SOURCES, "labs", "conditions")


def _egfr(a: Assessment) -> LabResult | None:
    return fresh(a.chart, "egfr", a.knowledge.thresholds.reading.lab_fresh_days, a.today)


def _failure(a: Assessment) -> Diagnosis | None:
    """Kidney disease on record that tells what no fresh eGFR does."""
    return None if _egfr(a) else next(iter(kidney_failure(a.chart)), None)


def _lower_than(a: Assessment, limit: float) -> Truth:
    result = _egfr(a)
    if result:
        return below(result, limit)
    return True if _failure(a) else None


def severe(a: Assessment) -> Truth:
    """Whether renal function is below the limit at which methotrexate is stopped; None where it cannot be told."""
    return _lower_than(a, a.knowledge.thresholds.methotrexate.egfr_stop.value)


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *safety_scope(a, critical=severe(a) is True),
        methotrexate_used(a),
        any_of("renal function is reduced", _low_egfr(a), _kidney_failure(a)),
    )


def _low_egfr(a: Assessment) -> Criterion:
    t, limit = a.knowledge.thresholds, a.knowledge.thresholds.methotrexate.egfr_low
    result = _egfr(a)
    below_limit = below(result, limit.value) if result else None
    return lab_criterion(
        "eGFR below the limit",
        below_limit,
        result or latest(a.chart, "egfr"),
        f"{readable(threshold_text(limit, '<'))}, at most {t.reading.lab_fresh_days} old",
        f"eGFR of the last {t.reading.lab_fresh_days.value:g} days",
        between=only_known_as(result) if below_limit is None else "",
    )


def _kidney_failure(a: Assessment) -> Criterion:
    found = _failure(a)
    return Criterion(
        "no fresh eGFR, and kidney disease of stage 4 or 5 or dialysis on record",
        found is not None,
        value=found.text if found else "",
        when=on(found.since) if found else "",
        source=found.source if found else "",
    )


def _card(a: Assessment) -> CardDraft:
    t, use = a.knowledge.thresholds.methotrexate, methotrexate(a)
    result, failure, stop = _egfr(a), _failure(a), severe(a)
    found = f"eGFR {result.comparator}{result.value:g}" if result else "severe kidney disease on record"
    verb = "stop" if use.taken else "do not start"
    if stop:
        ask = f"Methotrexate with {found}: {verb} it"
    else:
        ask = f"Methotrexate with {found}: reduce or replace it, and watch the blood count"
    why = [
        "Methotrexate leaves the body by the kidney: with reduced renal function it accumulates and harms the marrow."
    ]
    if result:
        why.append(
            "Creatinine and the eGFR made from it overestimate renal function in muscle wasting: the true one may be "
            "lower. Cystatin C does not come from muscle."
        )
        limit = t.egfr_stop if stop else t.egfr_low
        row = FactRow("eGFR", md(shown(result)), on(result.when), readable(threshold_text(limit, "<")))
    if result and stop is None:
        why.append(f"Whether it is below {readable(str(t.egfr_stop))} cannot be told: then methotrexate is stopped.")
    if failure:
        row = FactRow("Kidney disease", md(failure.text), on(failure.since), readable(threshold_text(t.egfr_stop, "<")))
    suggestions = (
        order(a, "Order cystatin C", "Cystatin C, with eGFR", recommended=result is not None),
        blood_count(a, "Methotrexate with reduced renal function."),
    )
    return CardDraft(
        indicator="critical" if stop else "warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=(row, *use_rows(use)),
        missing=() if result else ("a fresh eGFR",),
        suggestions=suggestions,
    )


RULE = Rule(
    name="MethotrexateRenalFunction",
    criteria=_criteria,
    card=_card,
    sources=SOURCES,
    orders=frozenset({"methotrexate"}),
)
