"""PaediatricPatient: the algorithm is for adults; for a child it is not applied (B1 suppression)."""

from hooks.assessment import Assessment
from hooks.reasoning import Criterion, negate
from hooks.rules.base import CardDraft, FactRow, Rule, scope


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    """Also a possible diagnosis with an antibody: juvenile polymyositis (A1)."""
    limit = a.knowledge.thresholds.reading.adult_age
    juvenile = a.antibodies.positive and a.diagnosis.conflict is None
    return (
        *scope(a, possible=juvenile, children=True),
        Criterion(
            "a child",
            negate(a.person.adult),
            value="" if a.person.age is None else str(a.person.age),
            unit="years",
            threshold=f"< {limit.value:g}",
            source=a.chart.person.source,
            missing="birth date" if a.person.age is None else "",
            fixed=a.person.age is not None,
        ),
    )


def _card(a: Assessment) -> CardDraft:
    limit = a.knowledge.thresholds.reading.adult_age
    ask = "Paediatric patient: the adult algorithm is not applied; treatment by a paediatric myositis specialist"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "The treatment steps and doses behind this service are for adults. For a child none of them is shown; "
            "cards about statins, antibodies and infection prophylaxis still are, without doses.",
        ),
        facts=(
            FactRow("Age", f"{a.person.age} years", threshold=f"adult ≥ {limit.value:g} [{limit.mark}]", grows=True),
        ),
    )


RULE = Rule(name="PaediatricPatient", criteria=_criteria, card=_card, sources=("patient", "conditions"))
