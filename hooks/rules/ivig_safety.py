"""S8-IVIG IvigSafety: thrombosis, kidneys and IgA deficiency before immunoglobulin (B4)."""

from cds_service.fhir.dates import before, months_before
from hooks.assessment import Assessment
from hooks.assessment.labs import below, fresh, latest, only_known_as, readable, shown
from hooks.assessment.person import kidney_failure
from hooks.chart.facts import Diagnosis
from hooks.reasoning import Criterion, Truth, any_of, any_true
from hooks.rules.base import CardDraft, FactRow, Rule, lab_criterion, md, on, safety_scope, threshold_text
from hooks.rules.ivig import ORDERS, SOURCES, ivig_present
from hooks.rules.sources import unavailable
from hooks.rules.use import infusion_rows
from hooks.suggestions.resources import order


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *safety_scope(a, critical=False),
        ivig_present(a),
        any_of("a reason for care with IVIG", _thrombosis(a), _kidneys(a), _iga_deficiency(a)),
    )


def _thrombosis(a: Assessment) -> Criterion:
    """Thrombosis, infarction or stroke lately, whatever its clinical status; a current one without a date counts."""
    months = a.knowledge.thresholds.ivig_safety.thrombosis_months
    found = _events(a)
    truths = [_lately(a, diagnosis) for diagnosis in found]
    deciding = [d for d, truth in zip(found, truths, strict=True) if truth is not False] or found
    return Criterion(
        "venous thrombosis, myocardial infarction or stroke lately",
        any_true(truths),
        value=", ".join(d.text for d in deciding),
        when=", ".join(on(d.since) for d in deciding),
        threshold=f"within {months} [{months.mark}]",
        source=", ".join(d.source for d in deciding),
        missing="date of the thrombosis" if any_true(truths) is None else "",
    )


def _events(a: Assessment) -> tuple[Diagnosis, ...]:
    return tuple(d for d in a.chart.diagnoses if "thrombosis" in d.concepts)


def _lately(a: Assessment, diagnosis: Diagnosis) -> Truth:
    """By onset, else by the date of record. One that is current and whose date does not tell counts as recent."""
    cutoff = months_before(a.today, int(a.knowledge.thresholds.ivig_safety.thrombosis_months.value))
    earlier = before(diagnosis.since, cutoff)
    if earlier is None:
        return True if diagnosis.current else None
    return not earlier


def _kidneys(a: Assessment) -> Criterion:
    """A low eGFR that is fresh; without a fresh one, kidney disease of stage 4 or 5 or dialysis on record."""
    t = a.knowledge.thresholds
    limit, result = t.ivig_safety.egfr, fresh(a.chart, "egfr", t.reading.lab_fresh_days, a.today)
    low: Truth = below(result, limit.value) if result else None
    if low is None and kidney_failure(a.chart):
        low = True
    missing = f"eGFR of the last {t.reading.lab_fresh_days.value:g} days"
    return lab_criterion(
        "eGFR low",
        low,
        result or latest(a.chart, "egfr"),
        f"{readable(threshold_text(limit, '<'))}, at most {t.reading.lab_fresh_days.value:g} days old",
        "eGFR (laboratory results not checked)" if unavailable(a, "labs") else missing,
        between=only_known_as(result) if low is None else "",
    )


def _iga_deficiency(a: Assessment) -> Criterion:
    """Selective IgA deficiency on record, whatever its clinical status: it does not go away."""
    found = _deficiency(a)
    return Criterion(
        "IgA deficiency on record",
        found is not None,
        value=found.text if found else "",
        when=on(found.since) if found else "",
        source=found.source if found else "",
    )


def _deficiency(a: Assessment) -> Diagnosis | None:
    return next((d for d in a.chart.diagnoses if "iga-deficiency" in d.concepts), None)


def reasons_for_care(a: Assessment) -> tuple[str, ...]:
    """What is known to make immunoglobulin more dangerous, in a few words each."""
    found = {
        "recent thrombosis": _thrombosis(a).truth,
        "reduced renal function": _kidneys(a).truth,
        "IgA deficiency": _iga_deficiency(a).truth,
    }
    return tuple(reason for reason, truth in found.items() if truth)


def _card(a: Assessment) -> CardDraft:
    kidneys, iga = _kidneys(a).truth, _deficiency(a)
    ask = (
        f"IVIG with {' and '.join(reasons_for_care(a))}: reduce the risk, or choose otherwise, before the next infusion"
    )
    why = [
        "Boxed warnings of immunoglobulin: thrombosis and renal failure [V/M]. A sucrose-free product, a slow rate, "
        "good hydration.",
        "Age over 65, oestrogen and immobility add to the risk; they are not looked for here.",
    ]
    if kidneys:
        why.append("Creatinine and eGFR over-estimate renal function in muscle wasting: consider cystatin C.")
    if iga:
        why.append(
            "IgA deficiency is a contraindication when there are **anti-IgA antibodies**: test them before the next "
            "infusion."
        )
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=(*_rows(a), *infusion_rows(a, "ivig")),
        suggestions=(order(a, "Order anti-IgA antibodies", "Anti-IgA antibodies"),) if iga else (),
    )


def _rows(a: Assessment) -> tuple[FactRow, ...]:
    """What was found, and the renal function whether low or not."""
    months = a.knowledge.thresholds.ivig_safety.thrombosis_months
    kidneys, result, iga = _kidneys(a), latest(a.chart, "egfr"), _deficiency(a)
    rows = [
        FactRow("Thrombosis", md(d.text), on(d.since), f"within {months.value:g} months [{months.mark}]")
        for d in _events(a)
        if _lately(a, d) is not False
    ]
    value = md(shown(result)) if result else "not on record"
    rows.append(FactRow("eGFR", value, on(result.when) if result else "", kidneys.threshold))
    rows += [FactRow("Kidney disease", md(d.text), on(d.since)) for d in kidney_failure(a.chart)]
    rows += [FactRow("IgA deficiency", md(iga.text), on(iga.since))] if iga else []
    return tuple(rows)


RULE = Rule(
    name="IvigSafety",
    criteria=_criteria,
    card=_card,
    sources=("conditions", "labs", *SOURCES),
    orders=ORDERS,
)
