"""S11-CANCER CancerScreening: cancer comes in the years around the onset (B4). Off unless a site turns it on."""

from cds_service.fhir.dates import before, months_before
from hooks.assessment import Assessment
from hooks.reasoning import Criterion, Truth, negate
from hooks.rules.base import CardDraft, FactRow, Rule, md, on, safety_scope
from hooks.suggestions.resources import order

MONTHS_PER_YEAR = 12
NAME = "CancerScreening"


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    years, condition = a.knowledge.thresholds.cancer.onset_years, a.diagnosis.condition
    recent = _recent(a)
    return (
        Criterion("turned on by this site", a.knowledge.rules[NAME].enabled, fixed=True),
        *safety_scope(a, critical=False),
        Criterion(
            "onset of the myositis in the last years",
            recent,
            when=on(condition.since) if condition else "",
            threshold=f"within {years.value:g} years [{years.mark}]",
            source=condition.source if condition else "",
            missing="onset of the myositis" if recent is None else "",
        ),
    )


def _recent(a: Assessment) -> Truth:
    """Onset no longer ago than the limit. The date of record is no onset: it only shows that onset was not later."""
    condition = a.diagnosis.condition
    cutoff = months_before(a.today, int(a.knowledge.thresholds.cancer.onset_years.value) * MONTHS_PER_YEAR)
    if condition is None:
        return None
    if condition.onset:
        return negate(before(condition.onset, cutoff))
    return False if before(condition.recorded, cutoff) else None


def _card(a: Assessment) -> CardDraft:
    hmgcr, srp = a.antibodies.hmgcr, a.antibodies.srp
    moderate = hmgcr.state == "POSITIVE"
    ask = "Myositis of recent onset: check whether cancer screening was done in the last 12 months"
    why = [
        "Whether screening was done cannot be read from this record: no code for it is known here. Screening by risk "
        "(IMACS 2023): the basic panel for everyone, the enhanced panel with CT at moderate or high risk.",
        "High risk: two high-risk factors. Moderate: one, or two intermediate ones [M]. Necrotizing myopathy and "
        "anti-HMGCR are intermediate, anti-SRP is a low-risk factor; others have to be looked for.",
    ]
    if moderate:
        why.append("Two intermediate factors are on record (necrotizing myopathy, anti-HMGCR): at least moderate risk.")
    condition = a.diagnosis.condition
    assert condition is not None
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=(
            FactRow("Onset", md(condition.text), on(condition.onset)),
            *(
                FactRow(x.name, x.state.lower().replace("_", " "), on(x.result.when) if x.result else "")
                for x in (hmgcr, srp)
            ),
        ),
        suggestions=(
            order(
                a, "Order the basic cancer screening", "Cancer screening in myositis, basic panel", recommended=False
            ),
            *(
                (
                    order(
                        a,
                        "Order the enhanced screening",
                        "Cancer screening in myositis, enhanced panel with CT",
                        recommended=False,
                    ),
                )
                if moderate
                else ()
            ),
        ),
    )


RULE = Rule(name=NAME, criteria=_criteria, card=_card, sources=("conditions", "labs"))
