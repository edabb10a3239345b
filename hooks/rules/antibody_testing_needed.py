"""R5-UNK AntibodyTestingNeeded: anti-HMGCR and anti-SRP decide what comes next, and one of them is unknown (B1)."""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion, Truth, verdict
from hooks.rules import statin_pending_antibody
from hooks.rules.base import CardDraft, Rule, scope
from hooks.rules.sources import unavailable
from hooks.rules.statin_pending_antibody import CONCEPTS
from hooks.rules.statins import antibody_row
from hooks.suggestions import investigations


def _untested(a: Assessment) -> Criterion:
    """Unknown where laboratory results could not be had at all: a test that was done is not ordered again."""
    open_ = a.antibodies.open
    gone = unavailable(a, "labs")
    truth: Truth = None if open_ and gone else bool(open_)
    return Criterion(
        "an antibody is not tested, or indeterminate",
        truth,
        value=", ".join(f"{x.name} {x.words}" for x in open_),
        source=", ".join(x.result.source for x in open_ if x.result),
        missing="laboratory results" if truth is None else "",
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    pending = statin_pending_antibody.RULE
    asked = verdict(pending.name, pending.criteria(a)).outcome == "fires"
    return (
        *scope(a, children=True),
        Criterion("no antibody positive", not a.antibodies.positive),
        _untested(a),
        Criterion(f"not asked for by {pending.name}", not asked),
    )


def _card(a: Assessment) -> CardDraft:
    open_ = a.antibodies.open
    ask = f"Order {' and '.join(x.name for x in open_)}: the antibody decides what comes next in IMNM"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "Seronegative means that both antibodies were tested and negative; an untested one is not negative.",
            "Draw them before the next IVIG or plasma exchange: both change the result for months.",
        ),
        facts=(antibody_row(a.antibodies.hmgcr), antibody_row(a.antibodies.srp)),
        suggestions=tuple(investigations.antibody(a, CONCEPTS[x.name]) for x in open_),
    )


RULE = Rule(name="AntibodyTestingNeeded", criteria=_criteria, card=_card, sources=("labs",))
