"""R1-ADEQ TrialAdequacy: were IVIG, rituximab and methotrexate given enough, long enough? (article step 1; B1, B7)"""

from collections.abc import Iterable

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.trials import ClassTrials, TrialState
from hooks.reasoning import Criterion, all_of, any_of
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, Rule, md
from hooks.rules.escalation import (
    IN_WORDS,
    NAMES,
    SOURCES,
    cyclophosphamide_given,
    each_in,
    escalation_scope,
    fact_rows,
    not_pregnant,
    state_in,
)
from hooks.rules.ordered import CYCLOPHOSPHAMIDE
from hooks.suggestions import investigations
from hooks.suggestions.resources import build, create, suggestion

OPEN: tuple[TrialState, ...] = ("EXPOSED_UNKNOWN", "UNDERDOSED", "TOO_EARLY")
INADEQUATE: frozenset[TrialState] = frozenset({"UNDERDOSED", "TOO_EARLY"})
EXPOSED: tuple[TrialState, ...] = (
    "EXPOSED_UNKNOWN",
    "UNDERDOSED",
    "TOO_EARLY",
    "ADEQUATE",
    "INTOLERANT",
    "FAILED_DOC",
    "FAILED_INF",
)


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    while_ordering = (_inadequate(a),) if a.chart.ordered else ()
    return (*but_for_pregnancy(a), not_pregnant(a), *while_ordering)


def but_for_pregnancy(a: Assessment) -> tuple[Criterion, ...]:
    """What the rule asks, pregnancy aside (B9 "Pregnant")."""
    cyc = a.cyclophosphamide
    return (
        *escalation_scope(a),
        any_of(
            "a trial is open",
            all_of(
                "the three were given, and one of them cannot count as a trial yet",
                cyclophosphamide_given(a, False),
                each_in(a, EXPOSED, "given or not tolerated"),
                any_of("one trial is not adequate or not known", *(state_in(a, t, OPEN, "open") for t in a.three)),
            ),
            all_of(
                "none of the three was tolerated while the disease is active",
                cyclophosphamide_given(a, False),
                each_in(a, ("INTOLERANT",), "not tolerated"),
                activity_is(a, "ACTIVE_DISEASE", "disease active"),
            ),
            all_of(
                "cyclophosphamide ended without an adequate trial while the disease is active",
                cyclophosphamide_given(a, True),
                state_in(a, cyc, ("EXPOSED_UNKNOWN", "UNDERDOSED"), "not adequate or not known"),
                Criterion("cyclophosphamide no longer active", not cyc.active),
                activity_is(a, "ACTIVE_DISEASE", "disease active"),
            ),
        ),
    )


def _inadequate(a: Assessment) -> Criterion:
    """While orders are written only what is known not to be adequate is worth a card, and only as a warning."""
    before = () if a.cyclophosphamide.given else a.three
    known = [t for t in before if t.state in INADEQUATE]
    unknown = [t for t in before if t.state == "EXPOSED_UNKNOWN"]
    return Criterion(
        "cyclophosphamide is being ordered although a trial is known not to be adequate",
        True if known else None if unknown else False,
        value="; ".join(f"{NAMES[t.drug]} {IN_WORDS[t.state]}" for t in known or unknown),
        missing="" if known or not unknown else f"dose, dates or first MMT-8 of {_names(unknown)}",
    )


def _names(trials: Iterable[ClassTrials]) -> str:
    return ", ".join(NAMES[t.drug] for t in trials)


def _open(a: Assessment) -> tuple[ClassTrials, ...]:
    """The classes whose trial is open; cyclophosphamide alone once it was given."""
    if a.cyclophosphamide.given:
        return (a.cyclophosphamide,)
    return tuple(t for t in a.three if t.state in OPEN)


def _gap(t: ClassTrials) -> str:
    best = t.best
    assert best is not None
    quoted = f" (documented: “{md(best.failure)}”; but the trial was not adequate)" if best.failure else ""
    return f"{NAMES[t.drug]}: {md(best.trial.given, 160)} — {md(best.gap, 200)}{quoted}"


def _card(a: Assessment) -> CardDraft:
    trials = _open(a)
    if not trials:
        ask = "IVIG, rituximab and methotrexate not tolerated, so no trial was possible: refer to a myositis centre"
        return CardDraft(
            indicator="info",
            summary=ask,
            ask=ask,
            why=("None of the three could be tried, so the article's definition of failure cannot be met.",),
            facts=fact_rows(a, *a.three),
            suggestions=(investigations.referral(a),),
        )
    names = _names(trials)
    unknown_only = all(t.state == "EXPOSED_UNKNOWN" for t in trials)
    escalating = a.cyclophosphamide.planned and not a.cyclophosphamide.given
    ask = (
        f"Complete the record before escalating: dose, dates or first MMT-8 missing for {names}"
        if unknown_only
        else f"Not yet refractory: trial of {names} not adequate"
    )
    missing = [t for t in trials if t.state == "EXPOSED_UNKNOWN"]
    return CardDraft(
        indicator="warning" if escalating and not unknown_only else "info",
        summary=ask,
        ask=ask,
        why=tuple(_gap(t) for t in trials),
        facts=fact_rows(a, *a.three, *((a.cyclophosphamide,) if a.cyclophosphamide.given else ())),
        suggestions=tuple(_record_task(a, t) for t in missing),
    )


def _record_task(a: Assessment, t: ClassTrials) -> Suggestion:
    best = t.best
    assert best is not None
    text = (
        f"Record the MMT-8 from before {NAMES[t.drug]} began, with its scale and date"
        if best.trial.base == "ADEQUATE"
        else f"Record dose and dates of {NAMES[t.drug]}, and the body weight at the time"
    )
    task = build(a, "Task", {"status": "draft", "intent": "order", "description": text})
    return suggestion(text, create(text, task))


RULE = Rule(name="TrialAdequacy", criteria=_criteria, card=_card, sources=SOURCES, orders=CYCLOPHOSPHAMIDE)
