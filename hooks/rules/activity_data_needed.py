"""R1-DATA ActivityDataNeeded: treatment was tried, but CK or MMT-8 do not tell whether it worked (B1, B7)."""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.trials import DONE
from hooks.reasoning import Criterion, all_of, any_of
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, Rule, md
from hooks.rules.escalation import (
    SOURCES,
    cyclophosphamide_given,
    each_in,
    escalation_scope,
    fact_rows,
)
from hooks.suggestions import investigations


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *escalation_scope(a),
        any_of(
            "treatment was tried",
            cyclophosphamide_given(a, True),
            all_of(
                "the three were tried",
                cyclophosphamide_given(a, False),
                each_in(a, {"ADEQUATE", *DONE}, "adequate, failed or not tolerated"),
            ),
        ),
        activity_is(a, "NOT_COMPUTABLE", "disease activity cannot be computed"),
    )


def _card(a: Assessment) -> CardDraft:
    suggestions: list[Suggestion] = []
    needed = []
    if a.activity.ck_active is None:
        needed.append("CK")
        suggestions.append(investigations.ck(a))
    if a.activity.weak is None:
        needed.append("MMT-8 (state the scale)")
        suggestions.append(investigations.mmt8(a))
    suggestions.append(investigations.muscle_mri(a, "oedema or fat replacement?"))
    ask = f"Disease activity cannot be judged: measure {' and '.join(needed)}"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "Whether treatment failed cannot be told without a recent CK and a recent MMT-8 of known scale: "
            "CK alone must never call a patient refractory, and weakness alone may be damage.",
        ),
        facts=fact_rows(a, *a.three, *((a.cyclophosphamide,) if a.cyclophosphamide.given else ())),
        missing=(md(a.activity.missing, 300),),
        suggestions=tuple(suggestions),
    )


RULE = Rule(name="ActivityDataNeeded", criteria=_criteria, card=_card, sources=SOURCES)
