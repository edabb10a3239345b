"""The service: prefetch (B0 "Minimum data"; CH-PT), gate, and from request to cards."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds_service.patient_data import Entry, PatientData, Source, SourceState
from cds_service.protocol.cards import encode
from cds_service.protocol.hooks import HOOKS
from cds_service.protocol.templates import fill, lint
from cds_service.registry import Call, CdsService
from hooks import services
from hooks.evaluation import evaluation
from hooks.knowledge import Knowledge, load
from hooks.patient_view import service
from hooks.prefetch import PAGE, laboratory_codes, prefetch_templates
from tests.hooks.builders import SOURCES, TODAY, knowledge

URL = "https://cds.example.org"


def templates(known: Knowledge | None = None) -> dict[str, Any]:
    return {template.key: template for template in prefetch_templates(known or knowledge())}


def test_CH_PT_every_template_is_within_the_recommended_subset() -> None:
    for template in templates().values():
        assert lint(template.key, template.query, HOOKS["patient-view"], required=template.required) == []


def test_the_keys_are_those_of_the_contract_and_each_asks_for_this_patient_alone() -> None:
    assert tuple(templates()) == SOURCES
    for template in templates().values():
        assert template.query.count("{{context.patientId}}") == 1
        assert fill(template.query, {"patientId": "a/b&c"}) is not None
    assert fill(templates()["labs"].query, {"patientId": "a&b"}) is not None
    assert "patient=a%26b&" in str(fill(templates()["labs"].query, {"patientId": "a&b"}))


def test_minimum_data_is_required_and_enrichers_are_not() -> None:
    required = {key for key, template in templates().items() if template.required}
    assert required == {"patient", "conditions", "medicationStatements", "labs", "scores"}


def test_the_gate_looks_at_the_patient_and_the_conditions_alone() -> None:
    assert {key for key, template in templates().items() if template.stage == "gate"} == {"patient", "conditions"}
    assert {template.stage for template in templates().values()} == {"gate", "full"}


def test_what_each_answer_may_hold() -> None:
    kinds = {key: template.resource_types for key, template in templates().items()}
    assert kinds["patient"] == ("Patient",)
    assert kinds["labs"] == kinds["scores"] == ("Observation",)
    assert kinds["medicationRequests"] == ("MedicationRequest", "Medication")
    assert kinds["allergies"] == ("AllergyIntolerance",)


def test_searches_are_paged_and_observations_come_newest_first() -> None:
    for key, template in templates().items():
        assert (f"_count={PAGE}" in template.query) == (key != "patient")
    assert "&_sort=-date&" in templates()["labs"].query
    assert "&category=exam,survey&_sort=-date&" in templates()["scores"].query


def asked(known: Knowledge) -> list[str]:
    return str(templates(known)["labs"].query).partition("code=")[2].partition("&")[0].split(",")


def test_every_laboratory_code_of_the_value_sets_is_asked_for_once() -> None:
    codes = asked(knowledge())
    assert len(set(codes)) == len(codes)
    expected = {
        code
        for value_set in knowledge().value_sets.values()
        if value_set.kind == "laboratory"
        for known in value_set.codes.values()
        for code in known
    }
    assert set(codes) == expected == set(laboratory_codes(knowledge()))
    assert {"2157-6", "397798009", "93493-5", "33921-8", "29463-7", "13945-1", "32546-4"} <= set(codes)
    assert "13969-1" not in codes  # CK-MB


def test_codes_of_the_site_are_asked_for_too_whatever_their_system(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "value_sets:\n"
        "  potassium:\n"
        "    add:\n"
        '      - {system: "http://loinc.org", code: 2823-3, display: Potassium, reason: ours}\n'
        '      - {system: "http://lab.example/codes", code: K|1 x, display: Potassium, reason: ours}\n'
    )
    known = load(site)
    assert set(asked(known)) - set(asked(knowledge())) == {"2823-3", "K%7C1%20x"}
    labs = templates(known)["labs"]
    assert lint(labs.key, labs.query, HOOKS["patient-view"], required=True) == []


def test_the_service_says_what_it_is() -> None:
    offered: CdsService = service(knowledge())
    assert (offered.id, offered.hook) == ("nam-patient-view", "patient-view")
    assert "Not reviewed by a clinician" in offered.description
    for kind in ("Patient", "Condition", "MedicationStatement", "Observation", "AllergyIntolerance", "Procedure"):
        assert kind in offered.usage_requirements
    assert offered.prefetch == prefetch_templates(knowledge())
    assert [one.id for one in services(knowledge())] == [offered.id, "nam-order-select", "nam-order-sign"]


def data(**found: list[dict[str, Any]]) -> PatientData:
    def source(key: str, state: SourceState = "complete") -> Source:
        entries = (
            Entry(msgspec.Raw(json.dumps(resource).encode()), f"{key}.entry[{n}]")
            for n, resource in enumerate(found.get(key, []))
        )
        return Source(key, state, tuple(entries))

    return PatientData("p1", {key: source(key) for key in SOURCES})


PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1978-05-01"}


def condition(code: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
    }


@pytest.mark.parametrize(("code", "expected"), [("715863001", True), ("31384009", True), ("38341003", False)])
def test_the_gate_opens_for_myositis_only(code: str, expected: bool) -> None:
    assert service(knowledge()).gate(data(patient=[PATIENT], conditions=[condition(code)]), TODAY) is expected


def test_V02_a_request_becomes_cards() -> None:
    call = Call(data(patient=[PATIENT], conditions=[condition("715863001")]), TODAY, URL)
    response = service(knowledge()).evaluate(call).response
    assert [card.source.topic.code for card in response.cards if card.source.topic] == ["AntibodyTestingNeeded"]
    assert response.cards[0].links[0].url == f"{URL}/rules/AntibodyTestingNeeded"
    encode(response)
    found = evaluation(call, knowledge())
    assert found.assessment.diagnosis.status == "DEFINITE"
    assert len(found.cards) == 1
