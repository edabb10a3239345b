"""R4-FAIL AfterCyclophosphamideFailure: plasma exchange, IVIG again, mycophenolate (article step 4; B1, B7, B9)."""

from datetime import date

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.ivig_trial import measure
from hooks.assessment.trajectory import begun
from hooks.assessment.trials import DONE, infusions_of
from hooks.reasoning import Criterion, all_of, any_of
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, Rule
from hooks.rules.escalate_to_cyclophosphamide import refractory
from hooks.rules.escalation import (
    SOURCES,
    cyclophosphamide_given,
    escalation_scope,
    fact_rows,
    not_tolerated,
    state_in,
)
from hooks.rules.ivig_safety import reasons_for_care
from hooks.rules.ordered import AFTER_CYCLOPHOSPHAMIDE, NEXT_STEPS, none_ordered
from hooks.suggestions import investigations, next_line


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    cyc = a.cyclophosphamide
    return (
        *escalation_scope(a),
        activity_is(a, "ACTIVE_DISEASE", "disease active"),
        any_of(
            "cyclophosphamide has failed or cannot be given",
            all_of(
                "cyclophosphamide was given and failed or was not tolerated",
                cyclophosphamide_given(a, True),
                state_in(a, cyc, DONE, "failed or not tolerated"),
            ),
            all_of(
                "cyclophosphamide cannot be given, and the three have failed",
                cyclophosphamide_given(a, False),
                state_in(a, cyc, ("INTOLERANT",), "not tolerated by an allergy on record"),
                *refractory(a),
            ),
        ),
        none_ordered(a, "one of the next steps", NEXT_STEPS),
    )


def plasma_exchange_tried(a: Assessment) -> bool:
    """A completed session since the first IMNM drug on record (B9)."""
    first = min((c.start.earliest for c in begun(a.chart) if c.start), default=date.min)
    return any(s.performed and s.when and s.when.latest >= first for s in a.chart.sessions)


def ivig_retried(a: Assessment) -> bool:
    """A course of at least 1.8 g/kg since cyclophosphamide began (B9)."""
    began = [j.trial.start.earliest for j in a.cyclophosphamide.trials if j.trial.start]
    if not began:
        return False
    since, t = min(began), a.knowledge.thresholds
    courses = [measure(a.chart, i, t) for i in infusions_of(a.chart, "ivig") if i.when]
    return any(
        c.on >= since and c.counted is not None and c.counted >= t.ivig.retried_g_per_kg.value - 1e-9 for c in courses
    )


def _options(a: Assessment) -> tuple[list[str], list[Suggestion], list[str]]:
    """What is left: lines, drafts, and what was dropped with the reason."""
    urgent = bool(a.activity.rapid or a.activity.severe)
    lines, drafts, dropped = [], [], []
    if plasma_exchange_tried(a):
        dropped.append("plasma exchange (already given)")
    else:
        first = " — first, because the course is rapid or severe" if urgent else ""
        lines.append(
            f"**Plasma exchange** added to the regimen{first}. Give it before IVIG or rituximab: it removes them. "
            "Small case series only; the controlled trial in polymyositis and dermatomyositis was negative."
        )
        drafts.append(next_line.plasma_exchange(a, urgent=urgent))
    if not_tolerated(a, "ivig"):
        dropped.append("IVIG (not tolerated)")
    elif ivig_retried(a):
        dropped.append("IVIG again (already retried since cyclophosphamide)")
    else:
        lines.append(
            "**IVIG again**, at a higher dose or more often; it may work after an earlier failure. More than 2 g/kg in "
            "4 weeks needs a specialist: thrombosis, haemolysis and renal failure depend on the dose." + _with_care(a)
        )
        drafts.append(next_line.ivig(a))
    mycophenolate = [c.status in ("planned", "draft") for c in a.chart.courses_of("mycophenolate")]
    if mycophenolate:
        dropped.append(f"mycophenolate (already {'planned' if all(mycophenolate) else 'given'})")
    elif not_tolerated(a, "mycophenolate"):
        dropped.append("mycophenolate (not tolerated)")
    elif a.person.pregnant:
        dropped.append("mycophenolate (pregnant: teratogenic)")
    else:
        test = "; pregnancy tests first (REMS)" if a.person.fertile else ""
        lines.append(f"**Mycophenolate mofetil** 500 mg twice daily, stepped up to 1000–1500 mg twice daily{test}.")
        drafts.append(next_line.mycophenolate(a))
    return lines, drafts, dropped


def _with_care(a: Assessment) -> str:
    """What is on record that IvigSafety would warn of, once IVIG is ordered."""
    reasons = reasons_for_care(a)
    return f" **With care here: {' and '.join(reasons)}.**" if reasons else ""


def _card(a: Assessment) -> CardDraft:
    lines, drafts, dropped = _options(a)
    if a.cyclophosphamide.given:
        why = ["Cyclophosphamide was given and failed or was not tolerated, and the disease is active."]
    else:
        why = ["The three have failed, cyclophosphamide is not tolerated by record, and the disease is active."]
    if lines:
        ask = "Cyclophosphamide has failed or cannot be given: consider the next options with a myositis centre"
    else:
        ask = "Beyond the article's algorithm: refer to a tertiary myositis centre or a trial"
        why.append("Plasma exchange, IVIG again and mycophenolate were all tried or are not possible.")
    why += [f"- {line}" for line in lines]
    if dropped:
        why.append("Not proposed: " + "; ".join(dropped) + ".")
    if a.unchecked("procedures"):
        why.append("Earlier plasma exchange could not be looked up.")
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=fact_rows(a, *a.three, a.cyclophosphamide),
        suggestions=(*drafts, investigations.referral(a)),
    )


RULE = Rule(
    name="AfterCyclophosphamideFailure",
    criteria=_criteria,
    card=_card,
    sources=(*SOURCES, "allergies"),
    orders=AFTER_CYCLOPHOSPHAMIDE,
)
