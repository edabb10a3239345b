"""R2-BIOCHEM HighCkFullStrength: CK is raised, strength is full: do not escalate on CK alone (B1)."""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, Rule
from hooks.rules.escalation import READY, SOURCES, each_in, escalation_scope, fact_rows
from hooks.suggestions import investigations
from hooks.suggestions.resources import order


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *escalation_scope(a),
        each_in(a, READY, "adequate, documented as failed, or not tolerated"),
        activity_is(a, "BIOCHEMICAL_ONLY", "CK raised with full strength"),
    )


def _card(a: Assessment) -> CardDraft:
    ask = "CK raised with full strength: do not escalate on CK alone; repeat CK in 4 weeks"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "More than half of treated anti-HMGCR patients who regain full strength still have a raised CK. "
            "Before repeating, ask for exercise, intramuscular injections, a statin, and check TSH.",
        ),
        facts=fact_rows(a, *a.three),
        suggestions=(
            investigations.ck(a, "In 4 weeks."),
            order(a, "Order TSH", "Thyroid-stimulating hormone (TSH)", recommended=False),
        ),
    )


RULE = Rule(name="HighCkFullStrength", criteria=_criteria, card=_card, sources=SOURCES)
