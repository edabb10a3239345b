"""S4-INF (B4 S4-CYC-INF)."""

from typing import Any

import pytest

from hooks.rules.active_infection import RULE
from tests.hooks.builders import assessed, changed, condition, course, infusion, verdict
from tests.hooks.rules.asking import card, codes, judged, outcome, texts

CYC = course("cyclophosphamide", 0, status="draft", source="MedicationRequest/o-1")
RTX = course("rituximab", 0, status="draft", source="MedicationRequest/o-1")
LEADING = frozenset({"MedicationRequest/o-1"})
PNEUMONIA = condition("serious-infection", 10, text="Pneumonia *")
RUNNING = course("cyclophosphamide", 30, source="MedicationRequest/a")
NEXT = infusion("cyclophosphamide", 1000, -5, status="planned", source="MedicationRequest/a")
POSITIVE, NEGATIVE = verdict("hbsag", "positive"), verdict("hbsag", "negative")


def told(*facts: Any, **more: Any) -> str:
    return outcome(RULE, assessed(*facts, **{"leading": LEADING} | more))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((CYC, PNEUMONIA), "fires"),
        ((RTX, PNEUMONIA), "fires"),
        ((CYC, NEGATIVE), "silent"),
        ((RTX,), "silent"),
        ((CYC, NEGATIVE, condition("serious-infection", 60)), "fires"),
        ((CYC, NEGATIVE, condition("serious-infection", 61)), "silent"),  # a stale one on the problem list
        ((CYC, NEGATIVE, condition("serious-infection", None)), "fires"),
        ((CYC, NEGATIVE, condition("serious-infection", "2026-09")), "fires"),  # may be within 60 days
        ((CYC, NEGATIVE, changed(PNEUMONIA, current=False)), "silent"),
        ((CYC, NEGATIVE, condition("urinary-infection", 5)), "silent"),
        ((CYC, POSITIVE), "fires"),
        ((RTX, POSITIVE), "silent"),  # the business of HepatitisBScreening
        ((CYC,), "cannot tell"),
        ((CYC, verdict("hbsag", "indeterminate")), "cannot tell"),
        ((CYC, verdict("hbsag", "positive", 900), NEGATIVE), "fires"),
    ],
)
def test_infection_before_an_order(facts: tuple[Any, ...], expected: str) -> None:
    assert told(*facts) == expected


def test_an_old_onset_recorded_lately_counts() -> None:
    infection = changed(condition("serious-infection", 90), recorded=PNEUMONIA.onset)
    assert told(CYC, infection) == "fires"


@pytest.mark.parametrize(
    ("drugs", "expected"),
    [
        ((course("cyclophosphamide", -5, status="planned"),), "fires"),
        ((course("rituximab", -5, status="planned"),), "fires"),
        ((course("cyclophosphamide", 30),), "silent"),
        ((course("rituximab", 30),), "silent"),
        ((RUNNING, NEXT), "fires"),
        ((course("cyclophosphamide", 30, status="stopped"),), "silent"),
        ((), "silent"),
    ],
)
def test_on_patient_view_what_is_still_to_come(drugs: tuple[Any, ...], expected: str) -> None:
    assert told(*drugs, PNEUMONIA, leading=frozenset()) == expected


def test_on_an_order_hook_only_the_orders_it_asks_about() -> None:
    planned = course("cyclophosphamide", -5, status="planned")
    assert told(RTX, planned, POSITIVE) == "silent"
    assert told(changed(CYC, source="MedicationRequest/o-2"), RTX, POSITIVE) == "silent"


@pytest.mark.parametrize("other", ["palliative-care", "other-myositis"])
def test_also_in_palliative_care_and_with_a_possible_diagnosis(other: str) -> None:
    assert told(CYC, PNEUMONIA, condition(other)) == "fires"


def test_at_any_age_but_not_after_death() -> None:
    assert [told(CYC, PNEUMONIA, age=age) for age in (4, 90, None)] == ["fires"] * 3
    assert told(CYC, PNEUMONIA, deceased=True) == "silent"


def test_the_card_names_infection_and_drug() -> None:
    draft = card(RULE, assessed(CYC, PNEUMONIA, POSITIVE, leading=LEADING))
    assert draft.indicator == "critical"
    assert draft.summary == "Treat first, then cyclophosphamide: serious infection on record, HBsAg positive"
    said = texts(draft)
    assert "Infection Pneumonia \\* 2026-11-12 current, at most 60 days old or undated" in said
    assert "HBsAg positive 2026-10-23" in said
    assert "Cyclophosphamide (being ordered)  2026-11-22" in said
    assert codes(draft) == ["42595-9"]


def test_both_drugs_are_named_for_an_infection_and_cyclophosphamide_alone_for_hepatitis() -> None:
    planned = (course("cyclophosphamide", -5, status="planned"), course("rituximab", -9, status="planned"))
    infected = card(RULE, assessed(*planned, PNEUMONIA))
    assert infected.summary.startswith("Treat first, then cyclophosphamide and rituximab: serious infection")
    assert not infected.suggestions
    assert card(RULE, assessed(*planned, POSITIVE)).summary == "Treat first, then cyclophosphamide: HBsAg positive"


def test_a_dated_infusion_to_come_is_shown() -> None:
    assert "Cyclophosphamide (planned)  2026-11-27" in texts(card(RULE, assessed(RUNNING, NEXT, PNEUMONIA)))


def test_medication_and_laboratory_that_were_not_looked_at_leave_it_open() -> None:
    assert told(PNEUMONIA, leading=frozenset(), unavailable=("medicationRequests",)) == "cannot tell"
    assert told(CYC, unavailable=("labs",)) == "cannot tell"
    assert "HBsAg" in judged(RULE, assessed(CYC, leading=LEADING)).because
