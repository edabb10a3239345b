"""R5 AntiHmgcrTailoring, AntiSrpTailoring, SeronegativeTailoring: what the autoantibody changes (B1, B5, section N).

They are never cards of their own: their text is part of the escalation card that fires.
"""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion
from hooks.rules.base import CardDraft, Rule
from hooks.rules.escalation import SOURCES, escalation_scope


def _positive(a: Assessment, concept: str) -> Criterion:
    antibody = a.antibodies.hmgcr if concept == "anti-hmgcr" else a.antibodies.srp
    result = antibody.result
    return Criterion(
        f"{antibody.name} positive",
        antibody.state == "POSITIVE",
        value=antibody.state,
        when=str(result.when or "") if result else "",
        source=result.source if result else "",
    )


def _text(summary: str, *why: str) -> CardDraft:
    return CardDraft(indicator="info", summary=summary, ask=summary, why=why)


_HMGCR_TEXT = _text(
    "Anti-HMGCR: optimise IVIG before or with cyclophosphamide",
    "**Anti-HMGCR positive:** optimise IVIG before or together with cyclophosphamide: 2 g/kg every 4 weeks, then an "
    "interval of 2 to 3 weeks, then IVIG with cyclophosphamide. Rituximab helped only 3 of 9 refractory anti-HMGCR "
    "patients: its failure is expected. Younger patients recover more slowly.",
)


_SRP_TEXT = _text(
    "Anti-SRP: rituximab again, with cyclophosphamide",
    "**Anti-SRP positive:** often more refractory. Consider giving rituximab again together with cyclophosphamide "
    "(after hepatitis B serology and IgG); rituximab alone helped 6 of 8, that the combination is better is unproven. "
    "Echocardiogram and ECG: cardiac involvement is described.",
)


_SERONEGATIVE_TEXT = _text(
    "Seronegative: IVIG again, higher or more often; question the diagnosis",
    "**Seronegative (anti-SRP and anti-HMGCR negative):** may respond to IVIG again at a higher dose or more often, "
    "even after a first failure (low evidence). Question the diagnosis again: genetic limb-girdle panel, review of "
    "the biopsy, cancer screening.",
)


ANTI_HMGCR = Rule(
    name="AntiHmgcrTailoring",
    criteria=lambda a: (*escalation_scope(a), _positive(a, "anti-hmgcr")),
    card=lambda _: _HMGCR_TEXT,
    sources=SOURCES,
)
ANTI_SRP = Rule(
    name="AntiSrpTailoring",
    criteria=lambda a: (*escalation_scope(a), _positive(a, "anti-srp")),
    card=lambda _: _SRP_TEXT,
    sources=SOURCES,
)
SERONEGATIVE = Rule(
    name="SeronegativeTailoring",
    criteria=lambda a: (
        *escalation_scope(a),
        Criterion("anti-SRP and anti-HMGCR both negative", a.antibodies.seronegative),
    ),
    card=lambda _: _SERONEGATIVE_TEXT,
    sources=SOURCES,
)
