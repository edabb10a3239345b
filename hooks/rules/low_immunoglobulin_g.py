"""S6-IGG LowImmunoglobulinG: IgG is low and rituximab or cyclophosphamide is to come (B4)."""

from hooks.assessment import Assessment
from hooks.assessment.immunoglobulin_g import immunoglobulin_g
from hooks.assessment.immunosuppression import is_coming
from hooks.assessment.labs import latest, only_known_as, shown
from hooks.assessment.use import use_of
from hooks.reasoning import Criterion, Truth, negate
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
from hooks.rules.sources import medication_missing
from hooks.rules.use import use_rows
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import order

SOURCES = (*MEDICATION_SOURCES, "labs")
DRUGS = ("rituximab", "cyclophosphamide")


def low_igg(a: Assessment) -> tuple[Criterion, Criterion]:
    """IgG is low; and it was not taken soon after IVIG, which would make it unreadable."""
    t, known = a.knowledge.thresholds, immunoglobulin_g(a)
    limit, span = t.cyclophosphamide.igg_low, t.rituximab.igg_after_ivig_days
    readable: Truth = negate(known.after_ivig) if known.result else None
    return (
        lab_criterion(
            "IgG low",
            known.low,
            known.result or latest(a.chart, "igg"),
            f"{threshold_text(limit, '<')}, at most {t.reading.lab_fresh_days} old",
            f"IgG of the last {t.reading.lab_fresh_days.value:g} days",
            between=only_known_as(known.result) if known.low is None else "",
        ),
        Criterion(
            "IgG readable: not taken soon after IVIG",
            readable,
            when=on(known.result.when) if known.result else "",
            threshold=f"not within {span} after IVIG [{span.mark}]",
            missing="whether IVIG was given shortly before" if readable is None else "",
        ),
    )


def _coming(a: Assessment) -> Criterion:
    """Rituximab or cyclophosphamide is planned or being ordered; Unknown where medication could not be looked at."""
    courses = [course for drug in DRUGS for course in use_of(a, drug).coming]
    found = any(is_coming(a.chart, drug, a.today) for drug in DRUGS)
    missing = "" if found else medication_missing(a)
    truth: Truth = True if found else None if missing else False
    return Criterion(
        "rituximab or cyclophosphamide planned or being ordered",
        truth,
        value=", ".join(course.text or course.ingredient for course in courses),
        source=", ".join(course.source for course in courses),
        missing=missing,
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*safety_scope(a, critical=False), _coming(a), *low_igg(a))


def _card(a: Assessment) -> CardDraft:
    t, result = a.knowledge.thresholds, immunoglobulin_g(a).result
    assert result is not None
    limit = t.cyclophosphamide.igg_low
    names = " and ".join(drug for drug in DRUGS if is_coming(a.chart, drug, a.today))
    ask = f"IgG {result.comparator}{result.value:g} g/L before {names}: weigh the risk of infection first"
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            "Rituximab, cyclophosphamide and glucocorticoids lower IgG further. Repeat it before IVIG: for "
            f"{t.rituximab.igg_after_ivig_days.value:g} days after IVIG it cannot be read.",
        ),
        facts=(
            FactRow("IgG", md(shown(result)), on(result.when), threshold_text(limit, "<")),
            *use_rows(*[use_of(a, drug) for drug in DRUGS]),
        ),
        suggestions=(
            order(
                a, "Order IgG", "Immunoglobulin G", lab(a, "igg", "2465-3"), note="Draw before IVIG.", recommended=False
            ),
        ),
    )


RULE = Rule(
    name="LowImmunoglobulinG",
    criteria=_criteria,
    card=_card,
    sources=SOURCES,
    orders=frozenset(DRUGS),
)
