"""R3-COMBO RituximabWithCyclophosphamide: give rituximab again beside cyclophosphamide (article step 3; B1, B7).

Where EscalateToCyclophosphamide fires for an anti-SRP patient, the same thought is part of that card
(AntiSrpTailoring).
"""

from datetime import timedelta

from cds_service.fhir.dates import before
from hooks.assessment import Assessment
from hooks.assessment.trials import DONE
from hooks.reasoning import Criterion
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, Rule, on
from hooks.rules.escalation import (
    SOURCES,
    cyclophosphamide_given,
    escalation_scope,
    fact_rows,
    not_tolerated,
    rituximab_waits,
)
from hooks.rules.ordered import CYCLOPHOSPHAMIDE

DAYS_PER_MONTH = 30.5


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    t, cyc = a.knowledge.thresholds, a.cyclophosphamide
    low, high = t.cyclophosphamide.combo_weeks_min, t.cyclophosphamide.combo_weeks_max
    running = next((j.trial for j in reversed(cyc.trials) if j.trial.running), None)
    start = running.start if running else None
    weeks = (a.today - start.earliest).days / 7 if start else None
    months = t.rituximab.redose_months
    cutoff = a.today - timedelta(days=round(months.value * DAYS_PER_MONTH))
    return (
        *escalation_scope(a),
        activity_is(a, "ACTIVE_DISEASE", "disease active"),
        cyclophosphamide_given(a, True),
        Criterion("cyclophosphamide active", cyc.active),
        Criterion("cyclophosphamide has not failed", cyc.state not in DONE),
        Criterion(
            "cyclophosphamide under way long enough, and not too long",
            low.value <= weeks <= high.value if weeks is not None else None,
            value=f"{weeks:.0f}" if weeks is not None else "",
            unit="weeks",
            threshold=f"{low.value:g}–{high.value:g} weeks [{low.mark}]",
            missing="start of cyclophosphamide" if weeks is None else "",
        ),
        Criterion(
            "last rituximab long enough ago",
            before(a.rituximab.last, cutoff) if a.rituximab.given else False,
            when=str(a.rituximab.last or ""),
            threshold=f"> {months.value:g} months [{months.mark}]",
            missing="date of the last rituximab infusion",
        ),
        Criterion("rituximab tolerated", not not_tolerated(a, "rituximab")),
        Criterion("not pregnant", not a.person.pregnant),
        Criterion("rituximab not already planned", not a.rituximab.planned),
    )


def _card(a: Assessment) -> CardDraft:
    waits, findings = rituximab_waits(a)
    ask = "Active on cyclophosphamide: consider giving rituximab again beside it (case-level evidence)"
    before_it = "Before rituximab: hepatitis B serology and IgG."
    if waits:
        ask = f"Active on cyclophosphamide: rituximab again {waits}"
        before_it = f"Rituximab {waits}: {findings}."
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            f"Cyclophosphamide is under way and the last rituximab was on {on(a.rituximab.last)}. Rituximab with "
            "cyclophosphamide has been reported to help refractory cases, perhaps most in anti-SRP disease.",
            f"{before_it} Infection risk and low IgG add up.",
        ),
        facts=fact_rows(a, a.rituximab, a.cyclophosphamide),
    )


RULE = Rule(
    name="RituximabWithCyclophosphamide", criteria=_criteria, card=_card, sources=SOURCES, orders=CYCLOPHOSPHAMIDE
)
