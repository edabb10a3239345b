"""S7-MMF MycophenolateSafety: what belongs to the start of mycophenolate (B4). Pregnancy is S2."""

from hooks.assessment import Assessment
from hooks.assessment.use import use_of
from hooks.reasoning import Criterion
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, safety_scope
from hooks.rules.sources import medication_missing
from hooks.rules.use import use_rows
from hooks.suggestions.resources import order


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    coming = use_of(a, "mycophenolate").coming
    missing = "" if coming else medication_missing(a)
    return (
        *safety_scope(a, critical=False),
        Criterion("not pregnant", not a.person.pregnant, value=a.person.pregnant_because),
        Criterion(
            "mycophenolate planned or being ordered",
            True if coming else None if missing else False,
            value=", ".join(course.text for course in coming),
            when=", ".join(str(course.start) for course in coming if course.start),
            source=", ".join(course.source for course in coming),
            missing=missing,
        ),
    )


def _card(a: Assessment) -> CardDraft:
    ask = "With mycophenolate: blood count weekly for 4 weeks, no live vaccines, mind antacids and PPIs"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "Blood count weekly for the first 4 weeks. No live vaccines.",
            "Antacids and proton pump inhibitors interact with mycophenolate; neither is looked for here.",
            "In the US it is prescribed under a REMS programme (pregnancy tests, contraception).",
        ),
        facts=use_rows(use_of(a, "mycophenolate")),
        suggestions=(
            order(
                a,
                "Order weekly blood counts",
                "Complete blood count with differential",
                note="Weekly for the first 4 weeks of mycophenolate.",
            ),
        ),
    )


RULE = Rule(
    name="MycophenolateSafety",
    criteria=_criteria,
    card=_card,
    sources=("conditions", *MEDICATION_SOURCES, "labs"),
    orders=frozenset({"mycophenolate"}),
)
