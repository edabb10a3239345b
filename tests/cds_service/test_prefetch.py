"""What arrives under a prefetch key: the decision table of conformance 4.2, and what each value is taken for."""

import json
from typing import Any

import msgspec
import pytest

from cds_service.prefetch import Decision, Kind, Received, decide, read
from cds_service.registry import PrefetchTemplate
from tests.cds_service.support import TEMPLATES, bundle, condition, order, outcome, patient

PATIENT_TEMPLATE, CONDITIONS = TEMPLATES[0], TEMPLATES[1]


@pytest.mark.parametrize(
    ("kind", "can_fetch", "required", "decision"),
    [
        ("absent", True, True, "fetch"),
        ("absent", True, False, "fetch"),
        ("absent", False, True, "refuse"),
        ("absent", False, False, "unavailable"),
        ("nothing", True, True, "use"),
        ("nothing", True, False, "use"),
        ("nothing", False, True, "use"),
        ("nothing", False, False, "use"),
        ("failed", True, True, "refuse"),
        ("failed", False, True, "refuse"),
        ("failed", True, False, "unavailable"),
        ("failed", False, False, "unavailable"),
        ("malformed", True, True, "fetch"),
        ("malformed", True, False, "fetch"),
        ("malformed", False, True, "refuse"),
        ("malformed", False, False, "unavailable"),
        ("paged", True, True, "fetch next page"),
        ("paged", True, False, "fetch next page"),
        ("paged", False, True, "use incomplete"),
        ("paged", False, False, "use incomplete"),
        ("incomplete", True, True, "use incomplete"),
        ("incomplete", False, False, "use incomplete"),
        ("complete", True, True, "use"),
        ("complete", False, False, "use"),
    ],
)
def test_decision_table(kind: Kind, can_fetch: bool, required: bool, decision: Decision) -> None:
    assert decide(kind, can_fetch=can_fetch, required=required) == decision


def received(value: Any, template: Any = CONDITIONS) -> Received:
    return read(template, msgspec.Raw(json.dumps(value).encode()))


def test_CH_PF_03_missing_key_is_not_no_data() -> None:
    assert read(CONDITIONS, None).kind == "absent"


def test_CH_PF_04_null_is_no_data() -> None:
    assert received(None).kind == "nothing"


@pytest.mark.parametrize(
    "value",
    [
        {"resourceType": "Bundle", "type": "searchset", "total": 0},
        {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []},
        {"resourceType": "Bundle", "entry": None, "link": None, "total": None},
        {"resourceType": "Bundle"},
    ],
)
def test_CH_PF_05_empty_bundle_is_no_data(value: Any) -> None:
    assert received(value).kind == "nothing"


@pytest.mark.parametrize("severity", ["error", "fatal", "unheard-of"])
def test_CH_PF_06_operation_outcome_is_failure(severity: str) -> None:
    assert received(outcome(severity)).kind == "failed"
    assert received(bundle(outcome(severity))).kind == "failed"


def test_CH_PF_06_operation_outcome_beside_data_makes_it_incomplete() -> None:
    found = received(bundle(condition(), outcome("error")))
    assert (found.kind, len(found.entries)) == ("incomplete", 1)
    assert "error" in found.reason


@pytest.mark.parametrize("severity", ["warning", "information"])
def test_CH_PF_07_advice_in_a_bundle_is_no_failure(severity: str) -> None:
    assert received(bundle(outcome(severity), total=0)).kind == "nothing"
    assert received(bundle(condition(), outcome(severity))).kind == "complete"


def test_CH_PF_07_advice_in_place_of_the_answer_tells_nothing() -> None:
    assert received(outcome("information")).kind == "malformed"
    assert received({"resourceType": "OperationOutcome"}).kind == "failed"


def test_CH_PF_09_next_link() -> None:
    found = received(bundle(condition(), link=[{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]))
    assert (found.kind, found.next) == ("paged", "b")


@pytest.mark.parametrize(
    "value",
    [
        "123",
        "<html>",
        json.dumps(bundle(condition())),
        1,
        True,
        [],
        [condition()],
        {},
        {"resourceType": 1},
        order(),
        bundle(order()),
        bundle(entry={"resource": 1}),
        bundle(entry=[{"fullUrl": "x"}]),
        bundle(entry=[None]),
    ],
)
def test_CH_PF_12_wrong_type_is_malformed(value: Any) -> None:
    found = received(value)
    assert found.kind == "malformed"
    assert found.reason


def test_CH_PF_13_read_answered_by_a_bundle_and_search_by_a_resource() -> None:
    for answer in (patient(), bundle(patient()), {"resourceType": "Bundle", "entry": [{"resource": patient()}]}):
        assert received(answer, PATIENT_TEMPLATE).kind == "complete"
    found = received(condition())
    assert (found.kind, found.entries[0].location) == ("complete", "conditions")


def test_CH_PF_16_old_wrapper() -> None:
    wrapped = {"response": {"status": "200 OK"}, "resource": bundle(condition())}
    assert received(wrapped).kind == "complete"
    assert received(wrapped | {"response": {"status": "404 Not Found"}}).kind == "failed"
    assert received(wrapped | {"response": "200"}).kind == "malformed"


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        [],
        {"resource": "text"},
        {"resource": {"resourceType": 3}},
        {"fullUrl": 1, "resource": condition()},
        {"resource": condition() | {"subject": "Patient/1"}},
        {"resource": condition() | {"id": 5}},
        {},
    ],
)
def test_malformed_entry_loses_only_itself(bad: Any) -> None:
    value = bundle(condition(), condition())
    value["entry"].insert(1, bad)
    found = received(value)
    assert (found.kind, [bool(entry.head) for entry in found.entries]) == ("incomplete", [True, True])
    assert [entry.location for entry in found.entries] == ["conditions.entry[0]", "conditions.entry[2]"]
    assert found.reason == "1 of 3 entries cannot be read (conditions.entry[1])"


@pytest.mark.parametrize("bad", [{"resource": {"resourceType": "Observation", "id": 5}}, "no entry", {"resource": [1]}])
def test_malformed_entry_among_observations_loses_only_itself(bad: Any) -> None:
    """A Bundle of Observations is read in one go; a malformed one must not cost the others."""
    good = {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/1"}}
    template = PrefetchTemplate("labs", "Observation?patient={{context.patientId}}", ("Observation",), "full", False)
    value = {"resourceType": "Bundle", "entry": [{"resource": good}, bad, {"resource": good}]}
    found = read(template, msgspec.Raw(json.dumps(value).encode()))
    kept = [entry.location for entry in found.entries]
    assert kept[0] == "labs.entry[0]"
    assert kept[-1] == "labs.entry[2]"
    assert found.kind == "incomplete" or len(kept) == 3
    assert all(entry.head for entry in found.entries)


def test_unreadable_links_make_it_incomplete() -> None:
    assert received(bundle(condition(), link="next")).kind == "incomplete"


def test_total_beyond_the_entries_is_incomplete() -> None:
    found = received(bundle(condition(), total=5))
    assert (found.kind, found.reason) == ("incomplete", "it holds fewer entries than its total says")
    assert received(bundle(total=3)).kind == "incomplete"


def test_included_resources_are_kept_apart() -> None:
    medication = {"resourceType": "Medication", "id": "m"}
    found = received(bundle(condition(), medication, total=1))
    assert (found.kind, len(found.entries), len(found.others)) == ("complete", 1, 1)


def test_medications_come_along_even_where_a_template_names_them() -> None:
    template = msgspec.structs.replace(TEMPLATES[2], resource_types=("MedicationRequest", "Medication"))
    found = received(bundle(order(), {"resourceType": "Medication", "id": "m"}), template)
    assert (found.kind, len(found.entries), len(found.others)) == ("complete", 1, 1)
    assert received(bundle({"resourceType": "Medication", "id": "m"}), template).kind == "nothing"
    assert received({"resourceType": "Medication"}, template).kind == "malformed"


def test_nesting_too_deep_for_a_resource_is_malformed() -> None:
    deep = b'{"resourceType":"Condition","x":' + b"[" * 90000 + b"]" * 90000 + b"}"
    assert read(CONDITIONS, msgspec.Raw(deep)).kind == "malformed"
    assert read(CONDITIONS, msgspec.Raw(b'{"resourceType":"Bundle","entry":[{"resource":' + deep + b"}]}")).kind == (
        "malformed"
    )
