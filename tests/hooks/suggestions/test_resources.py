"""Draft resources: valid R4, for this patient, with the diagnosis as reason (B0 "Card conventions")."""

from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from hooks.suggestions.resources import (
    IMNM_TEXT,
    build,
    coding,
    create,
    medication_request,
    order,
    service_request,
    suggestion,
)
from tests.hooks.builders import assessed, changed, chart, condition

A = assessed()


def valid(resource: dict[str, Any]) -> None:
    kind = resource["resourceType"]
    getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate(resource)


def test_an_order_is_a_draft_with_subject_and_reason() -> None:
    request = service_request(A, "Test", coding("http://loinc.org", "2157-6", "CK"))
    valid(request)
    assert (request["status"], request["intent"]) == ("draft", "order")
    assert request["subject"] == {"reference": "Patient/p1"}
    assert A.diagnosis.condition is not None
    assert request["reasonReference"] == [{"reference": A.diagnosis.condition.source}]
    assert request["code"] == {
        "text": "Test",
        "coding": [{"system": "http://loinc.org", "code": "2157-6", "display": "CK"}],
    }
    assert "note" not in request
    assert "priority" not in request


def test_note_and_priority_are_there_when_given() -> None:
    request = service_request(A, "Test", note="Soon.", priority="urgent")
    valid(request)
    assert (request["note"], request["priority"]) == ([{"text": "Soon."}], "urgent")
    assert "coding" not in request["code"]


@pytest.mark.parametrize("source", ["conditions.entry[0]", ""])
def test_a_diagnosis_without_an_id_is_a_reason_in_words(source: str) -> None:
    a = assessed(chart(changed(condition("imnm"), source=source)))
    request = service_request(a, "Test")
    valid(request)
    assert request["reasonCode"] == [{"text": IMNM_TEXT}]
    assert "reasonReference" not in request


def test_without_any_diagnosis_the_reason_is_in_words_too() -> None:
    a = assessed(changed(chart(), diagnoses=()))
    assert a.diagnosis.condition is None
    assert service_request(a, "Test")["reasonCode"] == [{"text": IMNM_TEXT}]


def test_one_draft_serves_many_patients_and_names_none_of_the_others() -> None:
    first = service_request(A, "Shared", note="same")
    other = assessed(changed(chart(), patient_id="p2"))
    second = service_request(other, "Shared", note="same")
    assert second["subject"] == {"reference": "Patient/p2"}
    assert first["subject"] == {"reference": "Patient/p1"}
    assert "p1" not in str(second)
    second["code"]["text"] = "changed"
    assert service_request(A, "Shared", note="same")["code"]["text"] == "Shared"


def test_a_medication_order_holds_its_dosage() -> None:
    request = medication_request(A, "Drug", coding("s", "c", "d"), dosage=({"text": "once"},), note="n")
    valid(request)
    assert (request["status"], request["intent"]) == ("draft", "order")
    assert request["dosageInstruction"] == [{"text": "once"}]
    assert request["note"] == [{"text": "n"}]
    bare = medication_request(A, "Drug", dosage=({"text": "once"},))
    assert "note" not in bare
    assert bare["medicationCodeableConcept"] == {"text": "Drug"}


def test_the_subject_stands_where_each_resource_has_it() -> None:
    task = build(A, "Task", {"status": "draft", "intent": "order", "description": "x"})
    valid(task)
    assert task["for"] == {"reference": "Patient/p1"}
    assert "reasonReference" not in task
    allergy = build(A, "AllergyIntolerance", {"code": {"text": "x"}})
    valid(allergy)
    assert allergy["patient"] == {"reference": "Patient/p1"}


def test_a_body_that_is_not_R4_is_refused() -> None:
    with pytest.raises(ValidationError):
        build(A, "ServiceRequest", {"status": "draft", "intent": "order", "code": {"text": "x"}, "nonsense": 1})
    with pytest.raises(ValidationError):
        build(A, "Task", {"status": "draft"})


def test_suggestions_have_uuids_of_their_own() -> None:
    one, two = (suggestion("x", create("y", {"resourceType": "Task"})) for _ in range(2))
    assert one.uuid != two.uuid
    assert one.is_recommended is False
    assert order(A, "Order", "Test").is_recommended is True
    assert order(A, "Order", "Test", recommended=False).is_recommended is False
    assert order(A, "Order", "Test").actions[0].type == "create"
