"""An allergy more never brings the drug that it forbids into a suggestion, and takes it out where it was."""

import msgspec
import pytest

from hooks.chart.matching import matchers
from hooks.knowledge import load
from hooks.knowledge.model import ValueSet
from tests.metamorphic.cases import Case, Service, actions, all_cases, drafted, names, sample
from tests.metamorphic.relations import Json, added, allergy
from tests.vignettes.vocabulary import LOINC, OBSERVATION_CATEGORY, RXNORM, SNOMED, UCUM

CASES = all_cases()
KNOWLEDGE = load()

WORDS = {
    "ace-inhibitor": "lisinopril",
    "rifamycin": "rifampicin",
    "statin-allergy": "statins",
    "lipid-alternative": "ezetimibe",
}
ALLERGENS = [one for one in KNOWLEDGE.value_sets.values() if one.kind in ("drug", "allergy")]
DAPSONE_WOULD_DO = [
    {
        "resourceType": "Observation",
        "id": f"dapsone-{code}",
        "status": "final",
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": "2026-11-19",
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
        "referenceRange": [{"low": {"value": low, "unit": unit, "system": UCUM, "code": unit}}],
    }
    for code, value, unit, low in [("32546-4", 10, "U/g{Hb}", 7), ("718-7", 14, "g/dL", 12)]
]
SYSTEMS = {"rxnorm": RXNORM, "snomed": SNOMED}
PROPHYLAXIS = {"tmp-smx", "atovaquone", "dapsone", "pentamidine"}
FORBIDS = {"sulfonamide-antibiotic": {"tmp-smx"}}
"""What an allergy rules out beside its own drug."""


def allergen(one: ValueSet) -> Json:
    """A CodeableConcept of what one is allergic to: coded where there are codes."""
    for family, system in SYSTEMS.items():
        for code, display in one.codes.get(family, {}).items():
            return {"coding": [{"system": system, "code": code}], "text": display}
    return {"text": WORDS[one.id]}


def drugs_of(resource: Json) -> frozenset[str]:
    """The drugs of a drafted MedicationRequest; none of any other resource."""
    concept = msgspec.Raw(msgspec.json.encode(resource.get("medicationCodeableConcept", {})))
    found = matchers(KNOWLEDGE).drugs.concept(concept).value_sets
    return frozenset(name for one in found for name in (one, KNOWLEDGE.value_sets[one].drug or one))


def forbidden(one: ValueSet) -> set[str]:
    return {one.id, one.drug or one.id} | FORBIDS.get(one.id, set())


def proposing(drug: str, service: Service) -> list[Case]:
    """Cases in which a suggestion would create an order of this drug."""
    return [case for case in CASES if any(drug in drugs_of(draft) for draft in drafted(service.cards(case)))]


@pytest.mark.parametrize("one", ALLERGENS, ids=names)
def test_an_allergy_never_adds_the_drug_it_forbids(one: ValueSet, service: Service) -> None:
    for case in sample(f"allergy to {one.id}", CASES, 12):
        check_allergy(one, case, service)


@pytest.mark.parametrize("drug", ["tmp-smx", "atovaquone", "cyclophosphamide", "mycophenolate"])
def test_an_allergy_removes_the_drug_it_forbids(drug: str, service: Service) -> None:
    allergens = [one for one in ALLERGENS if drug in forbidden(one)]
    cases = sample(drug, proposing(drug, service), 12)
    assert allergens
    assert cases, f"no request has a draft of {drug}"
    for one in allergens:
        for case in cases:
            check_allergy(one, case, service)


def test_one_allergy_after_the_other_never_brings_a_drug_back(service: Service) -> None:
    """Each time what was drafted against Pneumocystis is not tolerated, until nothing is left."""
    seen: set[str] = set()
    for case in sample("allergy after allergy", proposing("tmp-smx", service), 10):
        body = case.body
        for result in DAPSONE_WOULD_DO:
            body = added(body, result | {"subject": {"reference": f"Patient/{case.patient}"}}, "labs")
        given_up: set[str] = set()
        while found := prophylaxis(service.answer(case.with_body(body))):
            assert not found & given_up, (case.id, given_up)
            for drug in found:
                body = added(body, allergy(case.patient, {"text": drug}), "allergies")
            given_up |= found
        seen |= given_up
    assert seen == PROPHYLAXIS


def prophylaxis(cards: list[Json]) -> set[str]:
    """What is drafted against Pneumocystis."""
    return {drug for draft in drafted(cards) for drug in drugs_of(draft)} & PROPHYLAXIS


def check_allergy(one: ValueSet, case: Case, service: Service) -> None:
    """With the allergy no order of what it forbids is created, and none is corrected that was not before."""
    body = added(case.body, allergy(case.patient, allergen(one)), "allergies")
    cards = service.answer(case.with_body(body))
    if body != case.body:
        for draft in drafted(cards):
            assert not drugs_of(draft) & forbidden(one), (case.id, one.id, draft)
    before = corrected(service.cards(case))
    assert [drugs for drugs in corrected(cards) if drugs & forbidden(one) and drugs not in before] == []


def corrected(cards: list[Json]) -> list[frozenset[str]]:
    return [drugs_of(action["resource"]) for action in actions(cards) if action["type"] == "update"]


@pytest.mark.parametrize("one", ALLERGENS, ids=names)
def test_every_allergen_is_understood(one: ValueSet) -> None:
    """The relations above would hold for allergies that nobody recognises."""
    found = matchers(KNOWLEDGE).allergies.concept(msgspec.Raw(msgspec.json.encode(allergen(one))))
    assert one.id in found.value_sets
