"""R2-DAMAGE LikelyMuscleDamage: weakness with a normal CK may be damage (B1)."""

from hooks.assessment import Assessment
from hooks.assessment.labs import shown
from hooks.reasoning import Criterion
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, FactRow, Rule
from hooks.rules.escalation import READY, SOURCES, each_in, escalation_scope, fact_rows
from hooks.suggestions import investigations
from hooks.suggestions.resources import order


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *escalation_scope(a),
        each_in(a, READY, "adequate, documented as failed, or not tolerated"),
        activity_is(a, "DAMAGE_LIKELY", "weak, with CK normal twice"),
    )


def _card(a: Assessment) -> CardDraft:
    ask = "Weakness with normal CK may be damage: MRI and rehabilitation before more immunosuppression"
    assert a.activity.damage_pair is not None
    earlier, _ = a.activity.damage_pair
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "Atrophy and fatty replacement come early in IMNM and may be irreversible. "
            "More immunosuppression is unlikely to help damage. Look for oedema against fat on MRI.",
        ),
        facts=(
            *fact_rows(a, *a.three),
            FactRow("earlier CK", shown(earlier), str(earlier.when), "not above ULN"),
        ),
        suggestions=(
            investigations.muscle_mri(a, "oedema (active) or fat (damage)?"),
            order(a, "Refer to physiotherapy and rehabilitation", "Referral to physiotherapy and rehabilitation"),
        ),
    )


RULE = Rule(name="LikelyMuscleDamage", criteria=_criteria, card=_card, sources=SOURCES)
