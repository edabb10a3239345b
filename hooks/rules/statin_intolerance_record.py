"""R6-STATIN-H StatinIntoleranceRecord: anti-HMGCR myopathy after a statin belongs on the allergy list (B1)."""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion, Truth, negate
from hooks.rules.base import CardDraft, FactRow, Rule, md, on, scope
from hooks.rules.ordered import STATIN_OR_ALTERNATIVE
from hooks.rules.sources import recorded
from hooks.rules.statins import (
    SOURCES,
    antibody_row,
    hmgcr_positive,
    statin_rows,
    statins,
)
from hooks.suggestions.statins import record_intolerance


def _listed(a: Assessment) -> Criterion:
    """Whether the allergy list names statins; Unknown unless all of it was read."""
    allergy = statins(a).allergy
    truth: Truth = True if allergy else None if a.unchecked("allergies") else False
    return Criterion(
        "statins are on the allergy list",
        truth,
        value=allergy.text if allergy else "",
        source=allergy.source if allergy else "",
        missing="" if truth is not None else "allergies not checked, or not all of them",
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    known = statins(a)
    listed = _listed(a)
    return (
        *scope(a, history=True, children=True),
        hmgcr_positive(a),
        Criterion("no statin is known to be taken or ordered now", not known.present),
        recorded(a, "a statin was taken", (*known.exposure, *known.reactions)),
        Criterion(
            "no statin on the allergy list",
            negate(listed.truth),
            source=listed.source,
            missing=listed.missing,
            needs="none",
            parts=(listed,),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    known = statins(a)
    ask = "Record statin intolerance: anti-HMGCR myopathy, and statins are not on the allergy list"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "An entry on the allergy list for statins as a class keeps another prescriber from starting one again.",
            *(f"Whether {md(c.text)} is still taken is not on record: ask, and stop it." for c in known.unclear),
        ),
        facts=(
            antibody_row(a.antibodies.hmgcr),
            *statin_rows(known.exposure),
            *(FactRow("Recorded reaction", md(d.text), on(d.since)) for d in known.reactions),
        ),
        suggestions=(record_intolerance(a),),
    )


RULE = Rule(
    name="StatinIntoleranceRecord", criteria=_criteria, card=_card, sources=SOURCES, orders=STATIN_OR_ALTERNATIVE
)
