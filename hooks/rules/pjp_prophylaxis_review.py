"""R9-STOP PjpProphylaxisReview: prophylaxis has been running, and nothing calls for it any more (B1, B3)."""

from hooks.assessment import Assessment
from hooks.assessment.pjp import limit
from hooks.assessment.pjp_cover import running_since
from hooks.reasoning import Criterion, negate, none_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, scope
from hooks.rules.ordered import PROPHYLAXIS_OF_PJP
from hooks.rules.pjp_prophylaxis import risk, triggers


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    t, found = a.knowledge.thresholds.pjp, risk(a)
    course = found.cover.taken
    absent = None if a.unchecked(*MEDICATION_SOURCES) else False
    since = running_since(course, t.stop_after_months.value, a.today) if course else absent
    gc = found.taken.glucocorticoids
    low = negate(gc.at_least(t.stop_gc_mg.value))
    return (
        *scope(a, history=True, children=True),
        Criterion(
            "prophylaxis has been running long enough",
            since,
            value=course.text if course else "",
            when=str(course.start or "") if course else "",
            threshold=limit(t.stop_after_months),
            source=course.source if course else "",
            missing="" if since is not None else "start of the prophylaxis",
        ),
        none_of("no reason for PJP prophylaxis", triggers(a)),
        Criterion(
            "glucocorticoid low enough, as prednisone",
            low,
            value="unknown" if gc.mg_per_day is None else f"{gc.mg_per_day:g}",
            unit="mg/d",
            threshold=limit(t.stop_gc_mg, "<"),
            source=", ".join(gc.sources),
            missing="" if low is not None else "glucocorticoid dose",
        ),
    )


def _card(a: Assessment) -> CardDraft:
    t, found = a.knowledge.thresholds.pjp, risk(a)
    course = found.cover.taken
    assert course is not None
    since = course.start or course.known_by
    gc, ask = found.taken.glucocorticoids, "PJP prophylaxis: review whether it is still needed"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            f"{md(course.text)} has been taken since {since}, and no trigger for prophylaxis holds any more: "
            f"prednisone equivalent {limit(t.stop_gc_mg, '<')}, no cyclophosphamide within {t.cyc_days} "
            f"[{t.cyc_days.mark}], no rituximab within {t.rtx_days} [{t.rtx_days.mark}].",
            "These limits are carried over from guidance on ANCA vasculitis.",
        ),
        facts=(
            FactRow(
                "prophylaxis", md(course.text), f"since {course.start or course.known_by}", limit(t.stop_after_months)
            ),
            FactRow("glucocorticoid as prednisone", f"{gc.known_mg:g} mg/d", "", limit(t.stop_gc_mg, "<")),
            FactRow("other immunosuppressants", ", ".join(found.taken.names) or "none on record"),
        ),
    )


RULE = Rule(
    name="PjpProphylaxisReview", criteria=_criteria, card=_card, sources=MEDICATION_SOURCES, orders=PROPHYLAXIS_OF_PJP
)
