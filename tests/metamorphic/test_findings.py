"""A finding less, such as a normal blood count in place of a low one, never brings a critical card."""

from collections.abc import Callable

import msgspec
import pytest

from hooks.chart.matching import matchers
from hooks.knowledge import load
from tests.metamorphic.cases import RANKS, Service, all_cases, indicators, rank, sample
from tests.metamorphic.relations import Json, with_results, without
from tests.vignettes.vocabulary import QUALITATIVE

CASES = all_cases()
KNOWLEDGE = load()


def measured(value: float) -> Callable[[Json], Json | None]:
    """Put a number in the place of another one, in its unit."""
    return lambda resource: (
        {"valueQuantity": resource["valueQuantity"] | {"value": value}} if "valueQuantity" in resource else None
    )


def negative(_: Json) -> Json:
    code = QUALITATIVE["negative"]
    return {"valueCodeableConcept": {"coding": [{"system": code.system, "code": code.code, "display": code.display}]}}


_HEALTHY: dict[str, Callable[[Json], Json | None]] = {
    "751-8": measured(5),
    "777-3": measured(250),
    "6690-2": measured(7),
    "731-0": measured(2),
}
FINDINGS: dict[str, Callable[[Json], Json]] = {
    "low blood counts": lambda body: with_results(body, _HEALTHY),
    "low neutrophils": lambda body: with_results(body, {"751-8": _HEALTHY["751-8"]}),
    "low platelets": lambda body: with_results(body, {"777-3": _HEALTHY["777-3"]}),
    "renal impairment": lambda body: with_results(body, {"98979-8": measured(95)}),
    "hepatitis B": lambda body: with_results(body, {"5195-3": negative, "13952-7": negative}),
    "a positive pregnancy test": lambda body: with_results(body, {"2118-8": negative}),
    "red cells in the urine": lambda body: with_results(body, {"13945-1": measured(1)}),
    "low IgG": lambda body: with_results(body, {"2465-3": measured(9)}),
    "conditions": lambda body: without(body, "conditions", is_finding),
    "allergies": lambda body: without(body, "allergies", lambda _: True),
}
_FOUND = {
    "pregnancy",
    "serious-infection",
    "urinary-infection",
    "urinary-obstruction",
    "thrombosis",
    "iga-deficiency",
    "hepatitis-b",
    "ckd-severe",
    "dialysis",
    "pneumocystosis",
}


def is_finding(condition: Json) -> bool:
    concept = matchers(KNOWLEDGE).conditions.concept(msgspec.Raw(msgspec.json.encode(condition["code"])))
    return bool(concept.value_sets & _FOUND)


@pytest.mark.parametrize("finding", FINDINGS)
def test_removing_a_finding_never_adds_a_critical_card(finding: str, service: Service) -> None:
    changed = [(case, body) for case in CASES if (body := FINDINGS[finding](case.body)) != case.body]
    assert changed, "no request has this finding"
    for case, body in sample(finding, changed, 30):
        before = {rule for rule, indicator in indicators(service.cards(case)) if indicator == "critical"}
        after = {
            rule for rule, indicator in indicators(service.answer(case.with_body(body))) if indicator == "critical"
        }
        assert after <= before, case.id


REMOVED = {
    "low blood counts": "CyclophosphamideBloodCount",
    "hepatitis B": "HepatitisBScreening",
    "renal impairment": "MethotrexateRenalFunction",
    "conditions": "TeratogenInPregnancy",
}


@pytest.mark.parametrize(("finding", "rule"), REMOVED.items())
def test_there_are_findings_whose_removal_takes_a_critical_card_away(finding: str, rule: str, service: Service) -> None:
    """The relation above would hold for findings that nobody looks at."""
    critical = [case for case in CASES if rank(service.cards(case), rule) == RANKS["critical"]]
    changed = [case.with_body(FINDINGS[finding](case.body)) for case in critical]
    assert any(rank(service.answer(case), rule) < RANKS["critical"] for case in changed)
