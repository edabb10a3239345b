"""R5 AntiHmgcrTailoring, AntiSrpTailoring, SeronegativeTailoring: what the autoantibody changes (B1, B5, section N).

They are never cards of their own: their text is part of the escalation card that fires. A drug that was not tolerated,
or that pregnancy or failure rules out, is left out of it (B9).
"""

from hooks.assessment import Assessment
from hooks.assessment.antibodies import Antibody
from hooks.assessment.trials import DONE
from hooks.reasoning import Criterion, all_of
from hooks.rules.base import CardDraft, Rule
from hooks.rules.escalation import SOURCES, escalation_scope, not_tolerated, rituximab_waits
from hooks.rules.ordered import ESCALATION


def _positive(a: Assessment, concept: str) -> Criterion:
    antibody = a.antibodies.hmgcr if concept == "anti-hmgcr" else a.antibodies.srp
    result = antibody.result
    return Criterion(
        f"{antibody.name} positive",
        antibody.state == "POSITIVE",
        value=antibody.words,
        when=str(result.when or "") if result else "",
        source=result.source if result else "",
        between=antibody.between,
    )


def _negative(antibody: Antibody) -> Criterion:
    result = antibody.result
    return Criterion(
        f"{antibody.name} negative",
        antibody.state == "NEGATIVE",
        value=antibody.words,
        when=str(result.when or "") if result else "",
        source=result.source if result else "",
        between=antibody.between,
    )


def _text(summary: str, *why: str) -> CardDraft:
    return CardDraft(indicator="info", summary=summary, ask=summary, why=why)


def _cyclophosphamide_open(a: Assessment) -> bool:
    """Whether cyclophosphamide may still be spoken of: not failed, tolerated, not pregnant."""
    return not (a.person.pregnant or a.cyclophosphamide.state in DONE or not_tolerated(a, "cyclophosphamide"))


def _hmgcr_card(a: Assessment) -> CardDraft:
    if not_tolerated(a, "ivig"):
        advice = "IVIG would be the drug to optimise, but by the record it was not tolerated."
    elif _cyclophosphamide_open(a):
        advice = (
            "optimise IVIG before or together with cyclophosphamide: 2 g/kg every 4 weeks, then an interval of 2 to 3 "
            "weeks, then IVIG with cyclophosphamide."
        )
    else:
        advice = "optimise IVIG: 2 g/kg every 4 weeks, then an interval of 2 to 3 weeks."
    return _text(
        "Anti-HMGCR: IVIG first",
        f"**Anti-HMGCR positive:** {advice} Rituximab helped only 3 of 9 refractory anti-HMGCR patients: "
        "its failure is expected. Younger patients recover more slowly.",
    )


def _srp_card(a: Assessment) -> CardDraft:
    waits, findings = rituximab_waits(a)
    if a.person.pregnant:
        advice = "Rituximab is not proposed in pregnancy."
    elif not_tolerated(a, "rituximab"):
        advice = "Rituximab is not proposed again: by the record it was not tolerated."
    elif waits:
        advice = f"Rituximab again {waits}: {findings}."
    elif _cyclophosphamide_open(a):
        advice = (
            "Consider giving rituximab again together with cyclophosphamide (after hepatitis B serology and IgG); "
            "rituximab alone helped 6 of 8, that the combination is better is unproven."
        )
    else:
        advice = "Consider giving rituximab again (after hepatitis B serology and IgG); alone it helped 6 of 8."
    return _text(
        "Anti-SRP: rituximab early or again",
        f"**Anti-SRP positive:** often more refractory. {advice} "
        "Echocardiogram and ECG: cardiac involvement is described.",
    )


def _seronegative_card(a: Assessment) -> CardDraft:
    advice = (
        "IVIG again would be the first thought, but by the record it was not tolerated."
        if not_tolerated(a, "ivig")
        else "may respond to IVIG again at a higher dose or more often, even after a first failure (low evidence)."
    )
    return _text(
        "Seronegative: IVIG again; question the diagnosis",
        f"**Seronegative (anti-SRP and anti-HMGCR negative):** {advice} Question the diagnosis again: genetic "
        "limb-girdle panel, review of the biopsy, cancer screening.",
    )


ANTI_HMGCR = Rule(
    name="AntiHmgcrTailoring",
    criteria=lambda a: (*escalation_scope(a), _positive(a, "anti-hmgcr")),
    card=_hmgcr_card,
    sources=SOURCES,
    orders=ESCALATION,
)
ANTI_SRP = Rule(
    name="AntiSrpTailoring",
    criteria=lambda a: (*escalation_scope(a), _positive(a, "anti-srp")),
    card=_srp_card,
    sources=SOURCES,
    orders=ESCALATION,
)
SERONEGATIVE = Rule(
    name="SeronegativeTailoring",
    criteria=lambda a: (
        *escalation_scope(a),
        all_of(
            "anti-SRP and anti-HMGCR both negative", *(_negative(x) for x in (a.antibodies.srp, a.antibodies.hmgcr))
        ),
    ),
    card=_seronegative_card,
    sources=SOURCES,
    orders=ESCALATION,
)
