"""Orders corrected and deleted: all as the client sent it, but for the one element meant (CH-ACT-04, CH-ACT-05)."""

import json
from typing import Any

import msgspec
import pytest

from cds_service.protocol.cards import Card, CdsResponse, Source, Suggestion, encode, new_uuid
from hooks.assessment import Assessment
from hooks.chart.facts import Dosing, DrugCourse
from hooks.suggestions.revisions import as_sent, delete, original, update, with_dose
from tests.hooks.builders import assessed, changed, course, session

PULSE = Dosing(low=1500.0, high=1500.0)
DRAFT = course(
    "cyclophosphamide", None, status="draft", kind="MedicationRequest", source="MedicationRequest/o-1", steps=(PULSE,)
)
ORDER: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "id": "o-1",
    "meta": {"versionId": "3"},
    "status": "draft",
    "category": {"text": "an object where R4 has an array"},
    "medicationCodeableConcept": {"text": "Cyclophosphamide"},
    "subject": {"reference": "Patient/p1"},
    "dosageInstruction": [
        {
            "route": {"text": "IV"},
            "timing": {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}},
            "doseAndRate": [{"type": {"text": "ordered"}, "doseQuantity": {"value": 1500, "unit": "mg", "code": "mg"}}],
        }
    ],
}


def holding(resource: object, reference: str = "MedicationRequest/o-1") -> Assessment:
    return assessed(DRAFT, raw={reference: msgspec.Raw(json.dumps(resource).encode())})


def dosed(dosage: dict[str, Any] | None = None, **quantity: Any) -> dict[str, Any]:
    """The order with parts of its dosage, or of its quantity, changed."""
    order: dict[str, Any] = json.loads(json.dumps(ORDER))
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"] |= quantity
    order["dosageInstruction"][0] |= dosage or {}
    return order


def test_CH_ACT_04_the_order_as_it_came_even_if_it_is_not_valid_r4() -> None:
    assert original(holding(ORDER), DRAFT) == ORDER


@pytest.mark.parametrize(
    "sent",
    [
        {**ORDER, "id": None},
        {**ORDER, "id": "another"},
        {k: v for k, v in ORDER.items() if k != "id"},
        {**ORDER, "note": [{"text": None}]},
        {**ORDER, "note": [None]},
        {**ORDER, "authoredOn": None},
        {**ORDER, "authoredOn": ""},
        {**ORDER, "reasonCode": []},
        {**ORDER, "note": [{"text": "x", "extension": [{}]}]},
        [ORDER],
        "MedicationRequest/o-1",
        5,
    ],
)
def test_CH_ACT_04_CH_GEN_04_what_has_no_id_or_holds_a_null_or_nothing_is_not_sent_back(sent: object) -> None:
    assert original(holding(sent), DRAFT) is None


def test_a_dosage_of_very_many_words_is_not_reworded() -> None:
    assert with_dose(dosed({"text": "over 1 h; " * 100 + "1500 mg"}), DRAFT, 1050) is None


@pytest.mark.parametrize(
    "number", ["1.50", "0.10", "1500.000", "123456789012345678901234567890", "0.1234567890123456789"]
)
def test_CH_ACT_04_numbers_keep_their_precision(number: str) -> None:
    sent = json.dumps({**ORDER, "extension": [{"url": "u", "valueDecimal": 1}]}).replace(": 1}]", f": {number}}}]")
    corrected = original(assessed(DRAFT, raw={DRAFT.source: msgspec.Raw(sent.encode())}), DRAFT)
    assert corrected is not None
    action = update("Correct the dose", corrected)
    suggested = Suggestion(label="Correct", uuid=new_uuid(), actions=(action,))
    card = Card(
        uuid=new_uuid(),
        summary="A dose",
        indicator="warning",
        source=Source(label="Test"),
        suggestions=(suggested,),
        selection_behavior="any",
    )
    assert f'"valueDecimal":{number}}}'.encode() in encode(CdsResponse((card,)))


def test_CH_ACT_04_what_is_nested_beyond_all_reason_is_not_sent_back() -> None:
    def nested(levels: int) -> dict[str, Any]:
        inner: dict[str, Any] = {"url": "https://example.org/deep"}
        for _ in range(levels):
            inner = {"extension": [inner]}
        return {**ORDER, **inner}

    assert original(holding(nested(20)), DRAFT) == nested(20)
    assert original(holding(nested(40)), DRAFT) is None


@pytest.mark.parametrize(
    "raw", [b'{"id": "o-1"', b'{"resourceType": "\xff"}', b"[" * 5000 + b"]" * 5000, b"1e999", b"1e" + b"9" * 30]
)
def test_what_cannot_be_read_is_not_sent_back(raw: bytes) -> None:
    assert as_sent(assessed(DRAFT, raw={DRAFT.source: msgspec.Raw(raw)}), DRAFT.source) is None


def test_what_was_not_kept_is_not_sent_back() -> None:
    assert original(assessed(DRAFT), DRAFT) is None
    bare = changed(DRAFT, source="context.draftOrders.entry[0]")
    assert original(holding({k: v for k, v in ORDER.items() if k != "id"}, bare.source), bare) is None


def test_CH_ACT_04_an_update_is_the_whole_resource() -> None:
    action = update("Correct the dose", ORDER)
    assert (action.type, action.description, action.resource, action.resource_id) == (
        "update",
        "Correct the dose",
        ORDER,
        "",
    )


def test_CH_ACT_06_an_update_keeps_the_version_it_was_made_from() -> None:
    sent = original(holding(ORDER), DRAFT)
    assert sent is not None
    corrected = with_dose(sent, DRAFT, 1050)
    assert corrected is not None
    assert corrected["dosageInstruction"] != ORDER["dosageInstruction"]
    assert (corrected["id"], corrected["meta"]) == ("o-1", {"versionId": "3"})


def test_CH_ACT_05_delete_names_the_order_by_type_and_id() -> None:
    action = delete("Delete the order", DRAFT)
    assert action is not None
    assert (action.type, action.resource_id, action.resource) == ("delete", "MedicationRequest/o-1", {})
    plasma_exchange = delete("Delete the order", changed(session(-2, planned=True), source="ServiceRequest/x.1"))
    assert plasma_exchange is not None
    assert plasma_exchange.resource_id == "ServiceRequest/x.1"


def test_CH_PF_15_an_order_with_a_very_long_id_can_be_deleted() -> None:
    source = f"MedicationRequest/{'eXy9-' * 60}"
    action = delete("Delete the order", changed(DRAFT, source=source))
    assert action is not None
    assert action.resource_id == source


@pytest.mark.parametrize(
    "source", ["context.draftOrders.entry[0]", "MedicationRequest/", "MedicationRequest/a/b", "MedicationRequest/a b"]
)
def test_CH_ACT_05_what_has_no_proper_id_is_not_deleted(source: str) -> None:
    assert delete("Delete the order", changed(DRAFT, source=source)) is None


def test_CH_ACT_04_the_corrected_order_differs_in_its_dose_only() -> None:
    corrected = with_dose(ORDER, DRAFT, 1050)
    assert corrected == dosed(value=1050)
    assert json.dumps(corrected).replace("1050", "1500") == json.dumps(ORDER)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (dosed(value=1.5, unit="g", code="g"), dosed(value=1.05, unit="g", code="g")),
        (dosed(value=1.5, unit="gram", code=""), dosed(value=1.05, unit="gram", code="")),
        (dosed(unit="Milligram"), dosed(value=1050, unit="Milligram")),
        (
            dosed({"text": "by infusion over 1 h in 500 mL"}),
            dosed({"text": "by infusion over 1 h in 500 mL"}, value=1050),
        ),
        (dosed({"text": "1,500 mg IV"}), dosed({"text": "1050 mg IV"}, value=1050)),
        (dosed({"text": "1500mg IV"}), dosed({"text": "1050mg IV"}, value=1050)),
        (
            dosed({"text": "1.5 g IV", "patientInstruction": "drink"}),
            dosed({"text": "1.05 g IV", "patientInstruction": "drink"}, value=1050),
        ),
    ],
)
def test_a_dose_in_grams_or_also_in_words_is_corrected_where_it_stands(
    order: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert with_dose(order, DRAFT, 1050) == expected


RATE = ORDER["dosageInstruction"][0]["doseAndRate"][0]


@pytest.mark.parametrize(
    "order",
    [
        {**ORDER, "dosageInstruction": []},
        {**ORDER, "dosageInstruction": ORDER["dosageInstruction"] * 2},
        {**ORDER, "dosageInstruction": ORDER["dosageInstruction"][0]},
        {**ORDER, "dosageInstruction": ["1500 mg"]},
        {k: v for k, v in ORDER.items() if k != "dosageInstruction"},
        dosed({"doseAndRate": [RATE, RATE]}),
        dosed({"doseAndRate": [{"doseRange": {"low": {"value": 1400}, "high": {"value": 1500}}}]}),
        dosed({"doseAndRate": [{**RATE, "doseRange": {}}]}),
        dosed({"doseAndRate": [{"doseQuantity": 1500}]}),
        dosed(comparator="<"),
        dosed(value="1500"),
        dosed(value=True),
        dosed(unit="mg/kg", code="mg/kg"),
        dosed(unit="g", code="mg"),
        dosed(unit="", code=""),
        dosed(unit=5, code=7),
        dosed(value=3, unit="{vial}", code="{vial}"),
        dosed(value=1400),
        dosed({"text": "20 mg/kg"}),
        dosed({"text": "1400 mg IV"}),
        dosed({"text": "1500 mg, in two bags of 750 mg"}),
        dosed({"text": "1.500 mg"}),
        dosed({"text": "1.5.0 mg"}),
        dosed({"text": ["1500 mg"]}),
        dosed({"patientInstruction": "you get 1400 mg"}),
    ],
)
def test_no_correction_where_the_dose_is_not_one_plain_quantity(order: dict[str, Any]) -> None:
    assert with_dose(order, DRAFT, 1050) is None


@pytest.mark.parametrize(
    "read",
    [
        changed(DRAFT, steps=()),
        changed(DRAFT, steps=(PULSE, PULSE)),
        *(
            changed(DRAFT, steps=(msgspec.structs.replace(PULSE, **more),))
            for more in (
                {"total": True},
                {"from_text": True},
                {"low": None, "high": None},
                {"high": 1600.0},
                {"basis": "mg/kg"},
                {"over_days": 2},
            )
        ),
    ],
)
def test_no_correction_of_what_is_not_given_each_time(read: DrugCourse) -> None:
    assert with_dose(ORDER, read, 1050) is None
