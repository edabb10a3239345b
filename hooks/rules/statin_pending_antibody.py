"""R6-STATIN-U StatinPendingAntibody: hold the statin until anti-HMGCR is known (B1)."""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, scope
from hooks.rules.ordered import STATIN
from hooks.rules.statins import antibody_row, statin_present, statin_rows, statins, what_to_do
from hooks.suggestions import investigations
from hooks.suggestions.statins import change_status, remove_orders

CONCEPTS = {"anti-HMGCR": "anti-hmgcr", "anti-SRP": "anti-srp"}
"""Value sets of the antibodies, by name."""


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    hmgcr = a.antibodies.hmgcr
    return (
        *scope(a, children=True),
        Criterion(
            "anti-HMGCR not tested, or indeterminate",
            hmgcr.state in ("NOT_TESTED", "INDETERMINATE"),
            value=hmgcr.words,
            when=str(hmgcr.result.when or "") if hmgcr.result else "",
            source=hmgcr.result.source if hmgcr.result else "",
        ),
        statin_present(a),
    )


def _card(a: Assessment) -> CardDraft:
    known = statins(a)
    open_ = a.antibodies.open
    names = " and ".join(x.name for x in open_)
    ask = f"{what_to_do(known, 'Hold')} until anti-HMGCR is known; order {names}"
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            "IMNM in someone who takes a statin may be anti-HMGCR myopathy, "
            "and with that antibody a statin must not be given.",
            "Draw the antibodies before the next IVIG or plasma exchange.",
        ),
        facts=(*(antibody_row(x) for x in open_), *statin_rows(known.present)),
        suggestions=(
            *(investigations.antibody(a, CONCEPTS[x.name]) for x in open_),
            *remove_orders(known.ordered),
            *change_status(a, known.taken, "on-hold", "Hold"),
        ),
    )


RULE = Rule(
    name="StatinPendingAntibody",
    criteria=_criteria,
    card=_card,
    sources=(*MEDICATION_SOURCES, "labs"),
    orders=STATIN,
)
