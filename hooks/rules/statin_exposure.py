"""R6-STATIN StatinExposure: no statin with anti-HMGCR antibodies, at any age and certainty of the diagnosis (B1)."""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion
from hooks.rules.base import CardDraft, Rule, md, scope
from hooks.rules.ordered import STATIN
from hooks.rules.statins import (
    SOURCES,
    antibody_row,
    hmgcr_positive,
    statin_present,
    statin_rows,
    statins,
    what_to_do,
)
from hooks.suggestions.statins import change_status, record_intolerance, remove_orders

LIPIDS = (
    "If lipids still have to be lowered: PCSK9 antibody, ezetimibe or bempedoic acid, chosen with cardiology; "
    "no other statin, and no red yeast rice (it holds lovastatin)."
)


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *scope(a, possible=True, history=True, children=True, palliative=True),
        hmgcr_positive(a),
        statin_present(a),
    )


def _card(a: Assessment) -> CardDraft:
    known = statins(a)
    ask = f"{what_to_do(known, 'Stop')}: anti-HMGCR antibody positive; do not rechallenge with any statin"
    why = [LIPIDS]
    suggestions = [*remove_orders(known.ordered), *change_status(a, known.present, "stopped", "Stop")]
    if known.allergy:
        why.append(f"On the allergy list already: {md(known.allergy.text)}.")
    else:
        suggestions.append(record_intolerance(a))
    if known.ordered and known.taken:
        why.append("A statin is being ordered, and one is taken: do not sign the one, and stop the other.")
    elif known.planned:
        why.append("A statin is planned or drafted: do not sign or start it.")
    return CardDraft(
        indicator="critical",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=(antibody_row(a.antibodies.hmgcr), *statin_rows(known.present)),
        suggestions=tuple(suggestions),
    )


RULE = Rule(name="StatinExposure", criteria=_criteria, card=_card, sources=SOURCES, orders=STATIN)
