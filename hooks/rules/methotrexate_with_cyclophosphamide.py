"""S9-MTX+CYC MethotrexateWithCyclophosphamide: is methotrexate stopped when cyclophosphamide comes? (B4)"""

from datetime import timedelta

import msgspec

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.use import DrugUse
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth, any_true, negate
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, safety_scope, threshold_text
from hooks.rules.methotrexate import methotrexate
from hooks.rules.use import infusion_rows, present, use_rows, used
from hooks.suggestions.resources import suggestion
from hooks.suggestions.revisions import delete


def _now(a: Assessment) -> DrugUse:
    """Methotrexate that is taken or being ordered; a plan alone is not yet beside cyclophosphamide (B4)."""
    return msgspec.structs.replace(methotrexate(a), planned=())


def _ends_soon(a: Assessment, course: DrugCourse) -> Truth:
    """Whether a course ends within the days ahead that count as being stopped."""
    if course.end is None:
        return False
    limit = a.today + timedelta(days=a.knowledge.thresholds.methotrexate.ending_days.value)
    return True if course.end.latest <= limit else None if course.end.earliest <= limit else False


def _goes_on(a: Assessment) -> Criterion:
    courses = _now(a).courses
    truth = any_true(negate(_ends_soon(a, course)) for course in courses)
    limit = a.knowledge.thresholds.methotrexate.ending_days
    return Criterion(
        "methotrexate goes on: no end soon, and no order that stops it",
        truth,
        value="; ".join(f"ends {course.end}" for course in courses if course.end),
        threshold=f"an end {threshold_text(limit, '≤')} ahead",
        source=", ".join(course.source for course in courses),
        missing="the day on which methotrexate ends" if truth is None else "",
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    now = _now(a)
    criteria = (*safety_scope(a, critical=False), present(a, now), used(a, "cyclophosphamide"))
    return (*criteria, _goes_on(a)) if now.present else criteria


def _card(a: Assessment) -> CardDraft:
    mtx = _now(a)
    ask = "Methotrexate beside cyclophosphamide: confirm that methotrexate is stopped"
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            "Both harm the marrow, and their effects add up; where methotrexate has failed it adds harm alone. The "
            "article does not say whether it is stopped. An end date within a week, or an order that stops it, answers "
            "this.",
        ),
        facts=(*use_rows(mtx), *infusion_rows(a, "cyclophosphamide")),
        suggestions=_removal(mtx),
    )


def _removal(mtx: DrugUse) -> tuple[Suggestion, ...]:
    label = "Remove the order of methotrexate"
    actions = [delete(label, course) for course in mtx.ordered]
    return tuple(suggestion(label, action) for action in actions if action)


RULE = Rule(
    name="MethotrexateWithCyclophosphamide",
    criteria=_criteria,
    card=_card,
    sources=MEDICATION_SOURCES,
    orders=frozenset({"methotrexate", "cyclophosphamide"}),
)
