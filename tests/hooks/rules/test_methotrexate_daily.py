"""S9-MTX-DAILY (B4, vignette V33): daily instead of weekly, or too much of it; and the corrected order."""

import json
from typing import Any

import msgspec
import pytest

from hooks.chart.facts import Dosing, DrugCourse
from hooks.rules.base import CardDraft
from hooks.rules.methotrexate_daily import RULE
from tests.hooks.builders import assessed, changed, condition, course, daily, weekly, when
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

DAILY = course("methotrexate", 100, steps=(daily(15),), text="Methotrexate 2.5 mg")
ORDER: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "id": "order-1",
    "meta": {"versionId": "3"},
    "status": "draft",
    "category": {"text": "outpatient"},  # an object, as the public sandbox sends it
    "medicationCodeableConcept": {"text": "Methotrexate"},
    "subject": {"reference": "Patient/p1"},
    "dosageInstruction": [
        {
            "timing": {
                "repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "boundsPeriod": {"start": "2026-11-22"}}
            },
            "doseAndRate": [{"doseQuantity": {"value": 15, "unit": "mg"}}],
        }
    ],
}


def draft(*steps: Dosing, **more: Any) -> DrugCourse:
    return course("methotrexate", 0, status="draft", steps=steps, source="MedicationRequest/order-1", **more)


def ordered(order: dict[str, Any], drafted: DrugCourse) -> CardDraft:
    """The card on an order as it came; what it updates stays as it came too, so it need not be valid R4."""
    a = assessed(drafted, raw={"MedicationRequest/order-1": msgspec.Raw(json.dumps(order).encode())})
    assert outcome(RULE, a) == "fires"
    return RULE.card(a)


def corrected(order: dict[str, Any], drafted: DrugCourse | None = None) -> list[Any]:
    """What the suggestions of the card would put in place of an order."""
    found = ordered(order, drafted or draft(daily(15)))
    assert all(len(s.actions) == 1 and s.actions[0].type == "update" for s in found.suggestions)
    return resources(found)


def dosage(**changes: Any) -> dict[str, Any]:
    """ORDER with members of its dosage changed."""
    return {**ORDER, "dosageInstruction": [{**ORDER["dosageInstruction"][0], **changes}]}


def timing(**changes: Any) -> dict[str, Any]:
    """ORDER with members of `timing.repeat` changed."""
    repeat = {**ORDER["dosageInstruction"][0]["timing"]["repeat"], **changes}
    return dosage(timing={"repeat": repeat})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((DAILY,), "fires"),
        ((draft(daily(15)),), "fires"),
        ((changed(DAILY, status="planned", start=when(-5)),), "fires"),
        ((course("methotrexate", steps=(weekly(20),)),), "silent"),
        ((course("methotrexate", steps=(weekly(31),)),), "fires"),
        ((course("methotrexate", steps=(weekly(1e6),)),), "fires"),
        ((course("methotrexate"),), "cannot tell"),
        ((course("methotrexate", steps=(daily(15, as_needed=True),)),), "cannot tell"),
        ((changed(DAILY, status="unknown"),), "silent"),  # nothing says that it is taken
        ((changed(DAILY, status="stopped"),), "silent"),
        ((changed(DAILY, superseded=True),), "silent"),
        ((changed(DAILY, other_indication="given for lymphoma"),), "silent"),
        ((), "silent"),
        ((DAILY, condition("other-myositis")), "fires"),
        ((DAILY, condition("imnm", current=False)), "fires"),
        ((DAILY, condition("palliative-care")), "fires"),
        ((draft(Dosing(low=85, high=85, count=1), route="intramuscular"),), "silent"),
        ((draft(Dosing(low=85, high=85, count=1), route="subcutaneous"),), "fires"),
        ((draft(daily(15), route="intramuscular"),), "fires"),
        (
            (course("methotrexate", steps=(weekly(20),), doubt="the text says '20 mg daily', the timing …"),),
            "cannot tell",
        ),
        ((course("methotrexate", steps=(daily(20),), doubt="the text says '20 mg weekly', the timing …"),), "fires"),
        ((course("methotrexate", steps=(weekly(20),)), draft(daily(15))), "fires"),
    ],
)
def test_weekly_not_daily(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize("age", [4, 17, None])
def test_at_any_age(age: int | None) -> None:
    assert outcome(RULE, assessed(DAILY, age=age)) == "fires"


def test_what_was_not_looked_at_is_not_none() -> None:
    assert judged(RULE, assessed(DAILY, deceased=True)).outcome == "silent"
    found = RULE.criteria(assessed(unavailable=("medicationRequests",)))
    assert [c.truth for c in found[-2:]] == [None, False]


def test_says_what_is_wrong_with_whom() -> None:
    said = texts(card(RULE, assessed(DAILY)))
    assert "7 doses, 105 mg a week" in said
    assert "how it is really taken" in said
    assert "Methotrexate (active) Methotrexate 2.5 mg" in said
    assert "Write the order anew" not in said
    assert "the usual dose is" not in said


def test_the_order_is_corrected_in_its_timing_alone() -> None:
    (order,) = corrected(ORDER)
    assert order == timing(periodUnit="wk")
    drafted = ordered(ORDER, draft(daily(15)))
    assert drafted.suggestions[0].label == "Change methotrexate to 15 mg once a week (timing only)"
    assert "15–25 mg once a week" in texts(drafted)
    assert "how it is really taken" not in texts(drafted)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("15 mg once daily", "15 mg once a week"),
        ("Take 15 mg by mouth every day with food", "Take 15 mg by mouth once a week with food"),
        ("15 mg PO QD", "15 mg PO once a week"),
        ("15 mg by mouth", "15 mg by mouth"),
    ],
)
def test_its_words_change_with_it(written: str, words: str) -> None:
    (order,) = corrected(dosage(text=written))
    assert order["dosageInstruction"][0]["text"] == words


def test_a_code_that_says_daily_goes() -> None:
    both = dosage(timing={"code": {"text": "daily"}, **ORDER["dosageInstruction"][0]["timing"]})
    assert corrected(both) == [timing(periodUnit="wk")]


@pytest.mark.parametrize(
    "order",
    [
        dosage(text="15 mg every morning"),
        dosage(text="15 mg täglich"),
        dosage(text="15 mg daily, one daily"),
        dosage(text="15 mg daily on Mondays"),
        dosage(text=3),
        dosage(patientInstruction="one each night"),
        dosage(timing={"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}, "event": ["2026-11-23"]}),
        dosage(timing="daily"),
        dosage(timing={"code": {"text": "daily"}}),
        timing(frequency=2),
        timing(period=2),
        timing(dayOfWeek=["mon"]),
        {**ORDER, "dosageInstruction": ["15 mg"]},
        {**ORDER, "dosageInstruction": ORDER["dosageInstruction"] * 2},
        {**ORDER, "dosageInstruction": {}},
        {**ORDER, "id": "another"},
    ],
)
def test_what_is_not_plain_is_left_to_the_prescriber(order: dict[str, Any]) -> None:
    assert corrected(order) == []


@pytest.mark.parametrize(
    "drafted",
    [
        draft(daily(31)),
        draft(daily(None)),
        draft(Dosing(low=10, high=15, per_day=1.0)),
        draft(Dosing(low=10, high=10, basis="mg/m2", per_day=1.0)),
        draft(daily(15, from_text=True)),
        draft(daily(15, count=28)),
        draft(daily(15), daily(15)),
    ],
)
def test_no_dose_is_invented(drafted: DrugCourse) -> None:
    assert corrected(ORDER, drafted) == []
    assert "Write the order anew" in texts(card(RULE, assessed(drafted)))


def test_the_largest_weekly_dose_is_still_corrected() -> None:
    assert corrected(ORDER, draft(daily(30))) == [timing(periodUnit="wk")]


def test_too_much_is_not_corrected() -> None:
    found = ordered(ORDER, draft(weekly(150)))
    assert found.suggestions == ()
    assert "above 30 mg a week" in found.summary
    assert "Write the order anew" in texts(found)


def test_doubts_and_words_are_named() -> None:
    said = texts(card(RULE, assessed(course("methotrexate", steps=(daily(15, from_text=True),), doubt="it is *odd*"))))
    assert "contradicts itself: it is \\*odd\\*" in said
    assert "read from its text" in said
