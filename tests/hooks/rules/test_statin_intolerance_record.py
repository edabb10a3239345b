"""R6-STATIN-H (B1)."""

from typing import Any

import pytest

from hooks.rules.statin_intolerance_record import RULE
from tests.hooks.builders import allergy, assessed, changed, condition, course, verdict
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

HMGCR = verdict("anti-hmgcr", "positive")
PAST = course("statin", 900, 120, status="stopped", text="Simvastatin [20] mg")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((HMGCR, PAST), "fires"),
        ((HMGCR, condition("statin-adverse-effect")), "fires"),
        ((HMGCR, changed(PAST, status="on-hold", end=None)), "fires"),
        ((HMGCR, changed(PAST, status="unknown", end=None)), "fires"),
        ((HMGCR, PAST, allergy("statin")), "silent"),
        ((HMGCR, PAST, allergy("sulfonamide-antibiotic")), "fires"),
        ((HMGCR,), "silent"),
        ((PAST,), "silent"),
        ((verdict("anti-hmgcr", "negative"), PAST), "silent"),
        ((HMGCR, PAST, course("statin", 10)), "silent"),  # StatinExposure says it
        ((HMGCR, course("statin", -3, status="planned")), "silent"),
        ((HMGCR, PAST, condition("imnm", current=False)), "fires"),
        ((HMGCR, PAST, condition("other-myositis")), "silent"),
        ((HMGCR, PAST, condition("palliative-care")), "silent"),
    ],
)
def test_a_past_statin_that_is_not_on_the_allergy_list(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_allergies_that_were_not_read_are_not_none() -> None:
    found = judged(RULE, assessed(HMGCR, PAST, unavailable=("allergies",)))
    assert (found.outcome, found.because) == ("cannot tell", "allergies not checked, or not all of them")
    assert outcome(RULE, assessed(HMGCR, PAST, allergy("statin"), unavailable=("allergies",))) == "silent"


def test_medication_that_was_not_read_leaves_a_past_statin_open() -> None:
    assert outcome(RULE, assessed(HMGCR, unavailable=("medicationStatements",))) == "cannot tell"


def test_suggests_the_entry() -> None:
    reaction = condition("statin-adverse-effect", text="Myalgia <statin>")
    draft = card(RULE, assessed(HMGCR, PAST, reaction, age=16))
    assert draft.indicator == "info"
    assert [r["resourceType"] for r in resources(draft)] == ["AllergyIntolerance"]
    said = texts(draft)
    assert "Simvastatin \\[20\\] mg" in said
    assert "Myalgia \\<statin\\>" in said
    assert "still taken" not in said


def test_asks_whether_it_is_still_taken_where_nobody_recorded_it() -> None:
    draft = card(RULE, assessed(HMGCR, changed(PAST, status="unknown", end=None)))
    assert "Whether Simvastatin \\[20\\] mg is still taken is not on record" in texts(draft)
