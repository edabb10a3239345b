"""S9-FOLATE MethotrexateFolate: methotrexate without folic or folinic acid (B4)."""

from hooks.assessment import Assessment
from hooks.assessment.use import use_of
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, safety_scope
from hooks.rules.methotrexate import methotrexate, methotrexate_used
from hooks.rules.use import use_rows


def _no_folate(a: Assessment) -> Criterion:
    """No folate is taken, planned or being ordered; Unknown where one may be, or medication was not fully checked."""
    folate, unchecked = use_of(a, "folate"), a.unchecked(*MEDICATION_SOURCES)
    missing = f"medication not fully checked: {', '.join(unchecked)}" if unchecked else ""
    if folate.unclear:
        missing = "whether folic acid is still taken"
    truth: Truth = False if folate.present else None if missing else True
    courses = folate.courses or folate.unclear
    return Criterion(
        "no folic or folinic acid taken, planned or being ordered",
        truth,
        value=", ".join(course.text or course.ingredient for course in courses),
        source=", ".join(course.source for course in courses),
        missing=missing if truth is None else "",
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*safety_scope(a, critical=False), methotrexate_used(a), _no_folate(a))


def _card(a: Assessment) -> CardDraft:
    ask = "Methotrexate without folic acid on record: add it, or record it"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "Dose and day of folic acid by local practice: none is proposed here. It can be had without prescription.",
        ),
        facts=(*use_rows(methotrexate(a)), FactRow("Folic or folinic acid", "none recorded")),
    )


RULE = Rule(
    name="MethotrexateFolate",
    criteria=_criteria,
    card=_card,
    sources=MEDICATION_SOURCES,
    orders=frozenset({"methotrexate"}),
)
