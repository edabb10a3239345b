"""R2-CYC EscalateToCyclophosphamide: the three have failed, the disease is active (article step 2; B1, B2, B7, B9)."""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.cyclophosphamide_dose import advise, draft_gates, may_draft
from hooks.assessment.trials import DONE, FAILED
from hooks.reasoning import Criterion, any_of
from hooks.rules.activity import activity_is
from hooks.rules.base import CardDraft, FactRow, Rule, md
from hooks.rules.contraception import with_cyclophosphamide
from hooks.rules.escalation import (
    SOURCES,
    each_in,
    escalation_scope,
    fact_rows,
    not_pregnant,
    state_in,
    unverifiable,
)
from hooks.rules.ordered import MORE_OF_THE_SAME
from hooks.suggestions import cyclophosphamide, investigations

ASK = "Refractory IMNM: consider specialist referral and cyclophosphamide; evidence is low"


def refractory(a: Assessment) -> tuple[Criterion, ...]:
    """What the article's definition of refractory asks of the three drugs and of the disease."""
    return a.once(_refractory)


def _refractory(a: Assessment) -> tuple[Criterion, ...]:
    return (
        each_in(a, DONE, "failed or not tolerated"),
        any_of("at least one of them failed", *(state_in(a, t, FAILED, "failed") for t in a.three)),
        activity_is(a, "ACTIVE_DISEASE", "disease active"),
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*but_for_pregnancy(a), not_pregnant(a))


def but_for_pregnancy(a: Assessment) -> tuple[Criterion, ...]:
    """What the rule asks, pregnancy aside (B9 "Pregnant")."""
    return (
        *escalation_scope(a),
        *refractory(a),
        state_in(a, a.cyclophosphamide, ("NOT_EXPOSED",), "never given, not planned, no intolerance"),
    )


def _card(a: Assessment) -> CardDraft:
    t = a.knowledge.thresholds.cyclophosphamide
    gates, advice = a.once(draft_gates), a.once(advise)
    drafting = may_draft(gates, advice)
    dose = advice.text(t.cap_mg, t.round_mg)
    open_gates = [gate for gate in gates if gate.truth is not True]
    suggestions: list[Suggestion] = [investigations.referral(a), cyclophosphamide.gate_tests(a, gates)]
    if drafting:
        stop = "Stop methotrexate first. " if a.methotrexate.active else ""
        note = (
            f"{stop}Draft by decision support, unsigned. {dose.replace('**', '')} "
            "Mesna, hydration and antiemetic by local policy."
        )
        suggestions.append(cyclophosphamide.pulse_order(a, advice, note))
    why = [
        "IVIG, rituximab and methotrexate have each failed or were not tolerated, and the disease is active: "
        "weak, with raised CK.",
        f"{dose} Interval 2–4 weeks, for 3–6 months by response; pause before each pulse for blood count and "
        "renal function. Creatinine and eGFR over-estimate renal function in muscle wasting: consider cystatin C.",
        "Toxicity: infertility, malignancy, haemorrhagic cystitis, marrow suppression, infection; teratogenic. "
        "Mesna, hydration and antiemetic by local policy; Pneumocystis prophylaxis becomes due.",
        *with_cyclophosphamide(a),
    ]
    if unverifiable(a.three):
        why.insert(1, f"Documented failure of {', '.join(unverifiable(a.three))}; doses not verifiable.")
    if a.methotrexate.active:
        why.append(
            "Methotrexate is still active: stop it before cyclophosphamide (it failed; marrow toxicity adds up)."
        )
    if open_gates:
        why.append(
            "**No cyclophosphamide order is drafted** until these are known and passed: "
            + "; ".join(gate.name if gate.truth is False else gate.missing or gate.name for gate in open_gates)
            + "."
        )
    return CardDraft(
        indicator="warning",
        summary=ASK,
        ask=ASK,
        why=tuple(why),
        facts=(*fact_rows(a, *a.three), *_gate_rows(gates)),
        blocked=tuple(gate.name for gate in open_gates),
        suggestions=tuple(suggestions),
    )


def _gate_rows(gates: tuple[Criterion, ...]) -> tuple[FactRow, ...]:
    """The measured gates, each with value, date and limit."""
    measured = [c for gate in gates for c in (gate.parts or (gate,)) if c.value and c.threshold]
    return tuple(FactRow(c.name, md(f"{c.value} {c.unit}".strip()), c.when, c.threshold) for c in measured if c.when)


RULE = Rule(
    name="EscalateToCyclophosphamide",
    criteria=_criteria,
    card=_card,
    sources=(*SOURCES, "allergies"),
    orders=MORE_OF_THE_SAME,
)
