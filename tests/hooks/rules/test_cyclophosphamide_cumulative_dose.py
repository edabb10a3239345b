"""S4-CUM (B4 S4-CYC-CUM)."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.rules.cyclophosphamide_cumulative_dose import RULE
from tests.hooks.builders import assessed, changed, condition, course, daily, infusion, lab
from tests.hooks.rules.asking import card, outcome, texts

CYC = course("cyclophosphamide", 60, steps=(Dosing(low=1000.0, high=1000.0, count=1),))


def grams(amount: float, **more: Any) -> tuple[Any, ...]:
    """So much given once, long ago, and recorded as completed."""
    given = infusion("cyclophosphamide", amount * 1000, 3000, **more)
    return given, course("cyclophosphamide", 3000, 3000, status="completed", source=given.course)


def draft(**step: Any) -> Any:
    step = {"low": 1000.0, "high": 1000.0} | step
    return course(
        "cyclophosphamide", 0, status="draft", kind="MedicationRequest", source="MedicationRequest/o-1",
        steps=(Dosing(**step),),
    )  # fmt: skip


LEADING = {"leading": frozenset({"MedicationRequest/o-1"})}
PLANNED = course("cyclophosphamide", -5, status="planned")


def level(*facts: Any, **more: Any) -> str:
    a = assessed(*facts, **more)
    return card(RULE, a).indicator if outcome(RULE, a) == "fires" else outcome(RULE, a)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((*grams(9.9), PLANNED), "silent"),
        ((*grams(10), PLANNED), "info"),
        ((*grams(10),), "silent"),  # nothing more is coming
        ((*grams(24.9),), "silent"),
        ((*grams(25),), "warning"),
        ((*grams(25), PLANNED), "warning"),
        ((*grams(35.9),), "warning"),
        ((*grams(36),), "critical"),
        ((*grams(20), *grams(16, other_indication="neoplasm")), "critical"),
        ((PLANNED,), "silent"),
        ((), "silent"),
    ],
)
def test_the_sum_decides(facts: tuple[Any, ...], expected: str) -> None:
    assert level(*facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((course("cyclophosphamide", 3000, 2900, status="completed"),), "cannot tell"),
        ((course("cyclophosphamide", 3000, 2900, status="completed"), *grams(12), PLANNED), "info"),
        ((course("cyclophosphamide", 3000, 2900, status="completed"), *grams(25)), "warning"),
        ((course("cyclophosphamide", 3000, 2900, status="completed"), *grams(36)), "critical"),
    ],
)
def test_a_lower_bound_is_enough_where_it_reaches_a_limit(facts: tuple[Any, ...], expected: str) -> None:
    assert level(*facts) == expected
    if expected != "cannot tell":
        said = texts(card(RULE, assessed(*facts)))
        assert "lifetime dose at least" in said
        assert "lower bound" in said


def test_what_was_not_looked_at_may_hide_more() -> None:
    assert level(*grams(9), PLANNED, unavailable=("medicationAdministrations",)) == "cannot tell"
    partly = card(RULE, assessed(*grams(26), unavailable=("medicationAdministrations",)))
    assert "at least 26 g" in partly.summary
    assert "medication not checked" in partly.missing[0]


@pytest.mark.parametrize(
    ("given", "order", "expected"),
    [
        (9.0, draft(), "info"),
        (8.9, draft(), "silent"),
        (24.0, draft(), "warning"),
        (35.0, draft(), "critical"),
        (8.0, draft(count=6), "info"),
        (8.0, draft(count=1), "silent"),
        (24.5, draft(low=None, high=None), "info"),
        (9.0, draft(per_day=1 / 21), "info"),
        (9.9, draft(low=100.0, high=150.0, per_day=1.0), "silent"),
    ],
)
def test_the_order_being_written_is_added(given: float, order: Any, expected: str) -> None:
    assert level(*grams(given), order, **LEADING) == expected


def test_a_daily_order_with_an_end_is_added_in_full() -> None:
    weeks = course(
        "cyclophosphamide", 0, -27, status="draft", kind="MedicationRequest", source="MedicationRequest/o-1",
        steps=(daily(100),),
    )  # fmt: skip
    assert level(*grams(7.2), weeks, **LEADING) == "info"  # 2.8 g in 28 days
    assert level(*grams(7.1), weeks, **LEADING) == "silent"


def test_an_order_per_kg_is_added_where_the_weight_is_known() -> None:
    per_kg = draft(low=15.0, high=15.0, basis="mg/kg")
    assert level(*grams(9), per_kg, lab("body-weight", 70, 5, unit="kg"), **LEADING) == "info"
    assert level(*grams(9), per_kg, **LEADING) == "silent"


def test_an_order_that_is_not_asked_about_is_not_added() -> None:
    other = changed(draft(), source="MedicationRequest/o-2")
    assert level(*grams(9), other, **LEADING) == "silent"


def test_the_card_says_what_was_given_and_what_the_order_adds() -> None:
    said = card(RULE, assessed(*grams(24.5), draft(), **LEADING))
    assert said.summary == ("Cyclophosphamide: lifetime dose 25.5 g, with this order, at or above the ceiling of 25 g")
    assert "Given so far 24.5 g; this order adds 1 g." in texts(said)
    unknown = card(RULE, assessed(*grams(24.5), draft(low=None, high=None), **LEADING))
    assert "not known, and is not added" in texts(unknown)
    assert "with this order" not in unknown.summary


def test_oncology_is_named_on_the_card() -> None:
    given = infusion("cyclophosphamide", 26_000, 3000)
    past = course(
        "cyclophosphamide", 3000, 3000, status="completed", source=given.course, other_indication="for a neoplasm"
    )
    assert "for a neoplasm" in texts(card(RULE, assessed(given, past)))


def test_children_and_palliative_care_only_when_critical() -> None:
    for more, palliative in (({"age": 12}, ()), ({}, (condition("palliative-care"),))):
        assert level(*grams(36), *palliative, **more) == "critical"
        assert level(*grams(26), *palliative, **more) == "silent"
