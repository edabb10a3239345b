"""The orders of a request as facts, and what they do to those of the chart (CH-CTX-05 to -07, CH-HOOK-05, -06)."""

from typing import Any

import msgspec
import pytest

from cds_service.drafts import draft_orders
from cds_service.patient_data import PatientData
from hooks.assessment.immunosuppression import active_courses
from hooks.chart import read
from hooks.chart.drafts import of_interest
from hooks.chart.facts import Chart, DrugCourse
from tests.hooks.chart.resources import (
    DAILY,
    KNOWLEDGE,
    ME,
    TODAY,
    WEEKLY,
    Resource,
    concept,
    dosage,
    order,
    patient_data,
    period,
    statement,
)

ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"


def asking(orders: list[Any], *chart: Resource, selections: tuple[str, ...] = (), **more: Any) -> PatientData:
    """The data of an order hook: a chart, and the orders of the request as the service gets them."""
    entries = [one if isinstance(one, dict) and "resource" in one else {"resource": one} for one in orders]
    gathered = draft_orders({"draftOrders": {"entry": entries}})["draftOrders"]
    data = patient_data(*chart, **more)
    sources = data.sources | {"draftOrders": gathered.source}
    return msgspec.structs.replace(data, sources=sources, selections=selections)


def ordering(orders: list[Any], *chart: Resource, **more: Any) -> Chart:
    return read(asking(orders, *chart, **more), KNOWLEDGE, TODAY)


def draft(name: str | Resource = "methotrexate", *doses: Resource, **fields: Any) -> Resource:
    return order(name, *doses, **({"status": "draft", "authoredOn": ...} | fields))


def plasma_exchange(**fields: Any) -> Resource:
    return {"resourceType": "ServiceRequest", "id": "px", "code": {"text": "plasma exchange"}} | fields


def test_a_draft_is_a_fact_with_its_own_status() -> None:
    found = ordering([draft("cyclophosphamide", dosage(1050), id="c")])
    (course,) = found.courses
    assert (course.drug, course.status, course.source) == ("cyclophosphamide", "draft", "MedicationRequest/c")
    assert (course.steps[0].low, course.steps[0].per_day) == (1050, None)
    assert str(course.start) == "2026-11-22"
    assert found.ordered == (course,)
    assert found.leading == {"MedicationRequest/c"}
    assert msgspec.json.decode(found.raw["MedicationRequest/c"])["status"] == "draft"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": ...}, {"intent": ...}, {"status": 7}, {"intent": "plan"}, {"subject": ...},
        {"subject": {"reference": "urn:uuid:0"}}, {"category": {"coding": []}}, {"authoredOn": "tomorrow"},
        {"status": "active"}, {"reasonCode": []}, {"dosageInstruction": ...}, {"note": "as text"},
    ],
)  # fmt: skip
def test_CH_CTX_06_an_order_need_be_neither_complete_nor_valid(fields: dict[str, Any]) -> None:
    (course,) = ordering([draft(**fields)]).courses
    assert (course.drug, course.status) == ("methotrexate", "draft")


def test_an_order_without_a_date_is_of_today_and_so_are_its_bounds() -> None:
    bounded = dosage(
        960, repeat={"frequency": 2, "period": 1, "periodUnit": "d", "boundsDuration": {"value": 10, "code": "d"}}
    )
    (course,) = ordering([draft("sulfamethoxazole-trimethoprim", bounded)]).courses
    assert (str(course.start), str(course.end)) == ("2026-11-22", "2026-12-01")


def test_an_order_without_an_id_is_known_by_its_place() -> None:
    found = ordering([draft("insulin", id="x"), draft("rituximab", id=...)])
    assert [course.source for course in found.courses] == ["context.draftOrders.entry[1]"]
    assert "context.draftOrders.entry[1]" in found.leading


@pytest.mark.parametrize(
    "orders",
    [
        [{"resourceType": "MedicationRequest"}],
        [{"resourceType": "MedicationRequest", "medicationCodeableConcept": {}}],
        [{"resourceType": "NutritionOrder", "status": "draft"}],
        [{"resourceType": "ServiceRequest", "id": "example", "code": {"coding": [{}]}, "reasonCode": []}],
        [{"resourceType": "ServiceRequest", "code": {"text": "MRI of the thigh"}}],
        [{"resourceType": "MedicationStatement", "medicationCodeableConcept": {"text": "methotrexate"}}],
        [{}], [None], ["methotrexate"], [{"resourceType": 5}], [],
    ],
)  # fmt: skip
def test_CH_HOOK_06_what_is_no_order_of_ours_is_passed_over(orders: list[Any]) -> None:
    found = ordering(orders)
    assert found.ordered == ()
    assert not of_interest(asking(orders), KNOWLEDGE)


def test_what_cannot_be_read_is_named() -> None:
    found = ordering([draft(), None])
    assert found.checked["draftOrders"] == "incomplete"
    assert found.unchecked_because["draftOrders"] == "entries that cannot be read: context.draftOrders.entry[1]"


@pytest.mark.parametrize("beside", [{"a": 10**30}, {"b": "x" * 10}])
def test_a_null_beside_something_strange_hides_no_order(beside: Any) -> None:
    (course,) = ordering([draft({"text": "methotrexate", "coding": [{"display": None, **beside}]})]).courses
    assert course.drug == "methotrexate"


def test_orders_of_one_id_are_two_orders_that_cannot_be_named() -> None:
    found = ordering([draft("cyclophosphamide", id="same"), draft(id="same"), draft("rituximab", id="other")])
    places = ["context.draftOrders.entry[0]", "context.draftOrders.entry[1]", "MedicationRequest/other"]
    assert [(course.drug, course.source) for course in found.courses] == list(
        zip(("cyclophosphamide", "methotrexate", "rituximab"), places, strict=True)
    )
    assert found.leading == set(places)
    assert set(found.raw) == set(places)


@pytest.mark.parametrize("member", ["id", "subject", "patient", "medicationReference"])
@pytest.mark.parametrize("value", [3, ["x"], [{"reference": "x"}], True])
def test_a_member_of_a_wrong_type_hides_no_order(member: str, value: Any) -> None:
    found = ordering([draft("cyclophosphamide", dosage(1050)) | {member: value}])
    assert [course.drug for course in found.courses] == ["cyclophosphamide"]
    assert found.checked["draftOrders"] == "complete"


@pytest.mark.parametrize("entry", [{}, {"resourceType": 3}, {"resourceType": ["MedicationRequest"], "id": 3}])
def test_what_is_of_no_known_type_is_named(entry: Any) -> None:
    assert "entry[0]" in ordering([entry, draft()]).unchecked_because["draftOrders"]


def test_CH_REQ_13_nulls_hide_no_order_and_no_dose() -> None:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "3002", "display": None}
    dosing = {
        "text": None,
        "timing": {"event": [None], "repeat": {"frequency": 1, "period": 3, "periodUnit": "wk", "count": None}},
        "doseAndRate": [None, {"doseQuantity": {"value": 1050.50, "unit": "mg", "code": None}}],
    }
    sent = draft({"text": None, "coding": [coding]}, reasonCode=[None], note=None) | {"dosageInstruction": [dosing]}
    (course,) = ordering([sent]).ordered
    assert isinstance(course, DrugCourse)
    assert course.drug == "cyclophosphamide"
    (step,) = course.steps
    assert (step.low, step.basis) == (1050.5, "mg")
    assert step.per_day == pytest.approx(1 / 21)


@pytest.mark.parametrize(
    ("orders", "interesting"),
    [
        ([draft("methotrexate")], True),
        ([draft("insulin")], False),
        (
            [draft({"text": "?"}, medicationCodeableConcept=..., medicationReference={"reference": "Medication/1"})],
            True,
        ),
        ([draft(note="damaged")], True),
        ([plasma_exchange()], True),
        ([plasma_exchange(status=4)], True),
    ],
)
def test_only_orders_that_a_rule_could_know_are_looked_at_further(orders: list[Any], interesting: bool) -> None:
    assert of_interest(asking(orders), KNOWLEDGE) is interesting


def test_CH_TOL_17_a_medication_may_come_beside_the_order_or_within_it() -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "rituximab"}}
    by_reference: Resource = {"medicationCodeableConcept": ..., "medicationReference": {"reference": "#m"}}
    (course,) = ordering([draft(contained=[medication], **by_reference)]).courses
    assert course.drug == "rituximab"
    entries = [{"resource": medication}, {"resource": draft()}]
    gathered = draft_orders({"draftOrders": {"entry": entries}})["draftOrders"]
    assert [entry.location for entry in gathered.others] == ["context.draftOrders.entry[0]"]
    assert [entry.location for entry in gathered.source.entries] == ["context.draftOrders.entry[1]"]


@pytest.mark.parametrize(
    ("selections", "leading"),
    [
        ((), {"MedicationRequest/a", "MedicationRequest/b"}),
        (("MedicationRequest/b",), {"MedicationRequest/b"}),
        (("http://ehr.example/fhir/MedicationRequest/b",), {"MedicationRequest/b"}),
        (("urn:uuid:1",), {"MedicationRequest/a"}),
        (("MedicationRequest/b", "MedicationRequest/zz"), {"MedicationRequest/b"}),
        (("MedicationRequest/zz",), {"MedicationRequest/a", "MedicationRequest/b"}),
    ],
)
def test_CH_HOOK_05_the_selected_orders_lead(selections: tuple[str, ...], leading: set[str]) -> None:
    one = {"fullUrl": "urn:uuid:1", "resource": draft(id="a")}
    found = ordering([one, draft("rituximab", id="b")], selections=selections)
    assert found.leading == leading
    assert len(found.ordered) == 2


def test_a_selected_order_of_no_interest_is_no_reason_to_look_at_the_others() -> None:
    orders = [draft("methotrexate", id="a"), draft("insulin", id="b")]
    assert of_interest(asking(orders, selections=("MedicationRequest/a",)), KNOWLEDGE)
    assert not of_interest(asking(orders, selections=("MedicationRequest/b",)), KNOWLEDGE)


def test_a_draft_stays_apart_from_the_courses_of_the_chart() -> None:
    of_the_chart = statement("prednisone", dosage(20, repeat=DAILY), effectivePeriod=period("2026-01-05"))
    found = ordering([draft("prednisone", dosage(20, repeat=DAILY))], of_the_chart)
    assert [course.status for course in found.courses] == ["active", "draft"]
    assert not any(course.superseded for course in found.courses)


@pytest.mark.parametrize(
    "revision",
    [
        {"id": "old", "status": "active"},
        {"id": "new", "priorPrescription": {"reference": "MedicationRequest/old"}},
        {"id": "new", "priorPrescription": {"reference": "http://ehr.example/fhir/MedicationRequest/old"}},
    ],
)
def test_an_order_that_replaces_one_of_the_chart_leaves_it_as_history(revision: dict[str, Any]) -> None:
    old = order("methotrexate", dosage(15, repeat=WEEKLY), id="old")
    found = ordering([draft("methotrexate", dosage(20, repeat=WEEKLY), **revision)], old)
    before, after = found.courses
    assert (before.status, before.superseded, after.status) == ("active", True, "draft")
    assert active_courses(found, "methotrexate", TODAY) == ()


@pytest.mark.parametrize("status", ["stopped", "cancelled", "completed", "on-hold", "entered-in-error"])
def test_an_order_that_ends_a_drug_orders_nothing(status: str) -> None:
    taken = statement("methotrexate", dosage(15, repeat=WEEKLY), effectivePeriod=period("2026-01-05"))
    found = ordering([draft(id="stop", status=status)], taken)
    assert found.ordered == ()
    assert [course.superseded for course in found.courses] == [True]


def test_an_order_not_to_give_a_drug_ends_it() -> None:
    found = ordering([draft(doNotPerform=True)], statement("methotrexate", effectivePeriod=period("2026-01-05")))
    assert [course.superseded for course in found.courses] == [True]


def test_an_order_that_ends_another_by_name_ends_no_more_than_that() -> None:
    five = order("prednisone", dosage(5, repeat=DAILY), id="five")
    twenty = order("prednisone", dosage(20, repeat=DAILY), id="twenty", authoredOn="2026-03-01")
    other = order("methotrexate", dosage(20, repeat=WEEKLY), id="other")
    found = ordering([draft("prednisone", id="five", status="stopped")], five, twenty, other)
    assert {course.source: course.superseded for course in found.courses} == {
        "MedicationRequest/five": True, "MedicationRequest/twenty": False, "MedicationRequest/other": False,
    }  # fmt: skip


def test_a_plan_of_the_chart_that_is_ended_or_signed_is_no_longer_one() -> None:
    planned = order("rituximab", id="r", status="draft")
    assert ordering([draft("rituximab", id="r", status="cancelled")], planned).courses == ()
    assert [c.status for c in ordering([draft("rituximab", id="r")], planned).courses] == ["draft"]


def test_infusions_to_come_of_an_order_that_is_replaced_are_not_expected() -> None:
    weekly = dosage(1000, repeat=WEEKLY | {"boundsPeriod": period("2026-11-09", "2026-12-09")})
    old = order("rituximab", weekly, id="r", authoredOn="2026-11-09")
    assert [i.status for i in ordering([], old).infusions] == ["active", "active", "planned", "planned", "planned"]
    assert [i.status for i in ordering([draft("rituximab", id="r", status="stopped")], old).infusions] == [
        "active",
        "active",
    ]


def test_a_plasma_exchange_that_is_ordered() -> None:
    found = ordering([plasma_exchange(occurrenceDateTime="2026-11-24")])
    (session,) = found.sessions
    assert (session.planned, session.performed, session.draft, str(session.when)) == (True, False, True, "2026-11-24")
    assert found.ordered == (session,)
    undated = ordering([plasma_exchange(occurrencePeriod={"start": "2026-11-25"})]).sessions[0]
    assert str(undated.when) == "2026-11-25"


@pytest.mark.parametrize("fields", [{"status": "revoked"}, {"doNotPerform": True}])
def test_a_plasma_exchange_that_is_called_off(fields: dict[str, Any]) -> None:
    assert ordering([plasma_exchange(**fields)]).sessions == ()


def test_ivig_ordered_by_its_procedure_code() -> None:
    request: Resource = {
        "resourceType": "ServiceRequest",
        "id": "i",
        "code": concept("30233S1", ICD10PCS),
        "subject": ME,
    }
    (course,) = ordering([request]).courses
    assert (course.drug, course.status, course.kind) == ("ivig", "draft", "Procedure")


def test_without_drafts_nothing_is_ordered() -> None:
    assert draft_orders({}) == {}
    found = read(patient_data(statement()), KNOWLEDGE, TODAY)
    assert (found.ordered, found.leading) == ((), frozenset())
