"""Nobody without myositis gets a card, on any hook, whoever wrote the record; and the records could be read."""

import copy
import json
import re
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

import fixtures
from cds_service.engine import Engine
from cds_service.registry import CdsService
from hooks import services
from hooks.knowledge import load
from hooks.knowledge.model import Knowledge
from tests.foreign_patients.calls import orders_of, request
from tests.foreign_patients.populations import Foreigner, Resource
from tests.foreign_patients.readings import Count, Left, behind_the_gate, counts, left_out

SERVICES = services(load())
each_service = pytest.mark.parametrize("service", SERVICES, ids=[service.id for service in SERVICES])

# On purpose not the value sets of the project: every code near an inflammatory or toxic myopathy, and every word.
_MYOSITIS_CODE = re.compile(r"(M33|M60|M35\.?8|G72|G73)")
_MYOSITIS_WORD = re.compile(r"myosit|myopath|muscle|筋炎|ミオパチー", re.IGNORECASE)

EXPECTED = {
    Left("Observation", "has words for a value, not a number", doubtful=True): "QNS: quantity not sufficient",
    Left("Observation", "is dated in the future", doubtful=True): "damaged so: the time of a later visit",
    Left("Observation", "says the same as …", doubtful=False): "one result under two ids",
    Left(
        "Observation", "differs from … of the same time", doubtful=False
    ): "of two results of one minute, one is taken",
    Left("MedicationRequest", "is without status: shows no exposure", doubtful=False): "damaged so: no status",
    Left("MedicationAdministration", "is not-done: nothing shows that it was given", doubtful=False): "not given",
}
"""Each reason that was looked at and found right. Another one has to be looked at first."""


def has_myositis(one: Foreigner) -> bool:
    for resource in one.resources:
        if resource["resourceType"] == "Condition":
            code = resource.get("code", {})
            codes = [coding.get("code", "") for coding in code.get("coding", ())]
            if any(map(_MYOSITIS_CODE.match, codes)) or _MYOSITIS_WORD.search(json.dumps(code, ensure_ascii=False)):
                return True
    return False


@pytest.fixture(scope="module")
def others(people: tuple[Foreigner, ...]) -> list[Foreigner]:
    return [one for one in people if not has_myositis(one)]


@pytest.fixture(scope="module")
def ordering(others: list[Foreigner]) -> list[tuple[Foreigner, list[Resource]]]:
    """Each patient with orders that are being written: the own ones, else those of the patient before."""
    orders = next(filter(None, map(orders_of, others)))
    return [(one, orders := orders_of(one) or orders) for one in others]


def answer(client: FlaskClient, service: CdsService, body: dict[str, Any]) -> list[dict[str, Any]]:
    response = client.post(f"/cds-services/{service.id}", json=body)
    assert response.status_code == 200, response.text
    cards: list[dict[str, Any]] = response.get_json()["cards"]
    return cards


def with_imnm(one: Foreigner) -> Foreigner:
    """The same patient with the diagnosis of a fixture."""
    chart = fixtures.bundle("nam-never-treated", fixtures.ANCHOR)
    condition = next(e["resource"] for e in chart["entry"] if e["resource"]["resourceType"] == "Condition")
    resources = [*copy.deepcopy(one.bundle)["entry"], {"resource": condition}]
    patient = next(e for e in resources if e["resource"]["resourceType"] == "Patient")
    condition["subject"] = {"reference": patient.get("fullUrl") or f"Patient/{one.id}"}
    return msgspec.structs.replace(one, bundle=one.bundle | {"entry": resources})


def test_there_are_enough_of_them_from_every_population(others: list[Foreigner]) -> None:
    assert len(others) >= 300
    assert len({(one.population, one.id) for one in others}) == len(others)
    assert {one.population for one in others} == {"carebundle", "carebundle, damaged", "clinosim US", "clinosim JP"}


@each_service
def test_nobody_without_myositis_gets_a_card(
    service: CdsService, ordering: list[tuple[Foreigner, list[Resource]]], client: FlaskClient
) -> None:
    told = [(one.id, answer(client, service, request(one, service, orders))) for one, orders in ordering]
    assert [(patient, cards) for patient, cards in told if cards] == []


@each_service
def test_no_rule_would_speak_of_them_behind_the_gate(
    service: CdsService, ordering: list[tuple[Foreigner, list[Resource]]], engine: Engine, knowledge: Knowledge
) -> None:
    for one, orders in ordering:
        evaluation = behind_the_gate(request(one, service, orders), service, engine, knowledge).evaluation
        assert [verdict.rule for verdict in evaluation.verdicts if verdict.outcome == "fires"] == [], one.id
        assert evaluation.cards == ()
        assert set(left_out(evaluation.assessment.chart)) <= EXPECTED.keys(), one.id


def test_what_is_left_out_of_their_records_is_left_out_rightly(
    people: tuple[Foreigner, ...], engine: Engine, knowledge: Knowledge, told: dict[str, Count]
) -> None:
    told |= counts(people, SERVICES[0], engine, knowledge)
    for population, count in told.items():
        assert count.left.keys() <= EXPECTED.keys(), population
        doubtful = sum(number for left, number in count.left.items() if left.doubtful)
        assert (doubtful > 0) == (population == "carebundle, damaged"), population
        observations = sum(number for left, number in count.left.items() if left.type == "Observation")
        assert count.facts["results"] == count.resources["labs"] - observations - count.unknown_system > 0
        assert (count.unknown_system > 0) == (population == "carebundle, damaged"), population


@each_service
def test_the_same_patients_with_imnm_get_cards(
    service: CdsService, people: tuple[Foreigner, ...], client: FlaskClient
) -> None:
    """That shows that the silence above is not that of a test which cannot fail."""
    cyclophosphamide = {
        "resourceType": "MedicationRequest",
        "intent": "order",
        "medicationCodeableConcept": {"text": "cyclophosphamide 1000 mg infusion"},
    }
    alive = [one for one in people if not any("deceased" in name for name in next(one.resources))]
    silent = [
        one.id for one in alive if not answer(client, service, request(with_imnm(one), service, [cyclophosphamide]))
    ]
    assert silent == []
