"""R0-CONFIRM (B1)."""

from typing import Any

import pytest

from hooks.rules.confirm_diagnosis import RULE
from tests.hooks.builders import assessed, ck, condition, course, infusion, verdict
from tests.hooks.rules.asking import card, codes, outcome, resources, texts

PM = condition("polymyositis", text="Polymyositis <b>|</b>")
STATIN = course("statin", 900, ingredient="atorvastatin", text="Atorvastatin 40 mg")
IVIG = course("ivig", 200, 196, status="completed")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((PM, ck(2000)), "fires"),
        ((PM, ck(1999)), "silent"),
        ((PM, ck(2509, upper=251)), "silent"),
        ((PM, ck(2510, upper=251)), "fires"),
        ((PM, ck(2000, 90)), "fires"),
        ((PM, ck(2000, 91)), "cannot tell"),
        ((PM,), "cannot tell"),
        ((PM, ck(400), STATIN), "fires"),
        ((PM, ck(399), STATIN), "silent"),
        ((PM, ck(400), course("statin", 900, 500, status="stopped")), "fires"),
        ((PM, ck(400), course("statin", -5, status="planned")), "silent"),
        ((PM, ck(400), condition("statin-adverse-effect", current=False)), "fires"),
        ((PM, ck(300), IVIG), "fires"),
        ((PM, ck(300), course("rituximab", 200, status="stopped")), "fires"),
        ((PM, ck(300), course("rituximab", 200, other_indication="lymphoma")), "silent"),
        ((PM, ck(300), course("ivig", -5, status="planned")), "silent"),
        ((condition("imnm"), ck(2000)), "silent"),
        ((PM, ck(2000), verdict("anti-srp", "positive")), "silent"),  # PROBABLE now
        ((condition("imnm", current=False), ck(2000)), "silent"),
        ((PM, condition("inclusion-body-myositis"), ck(2000)), "silent"),
        ((PM, condition("palliative-care"), ck(2000)), "silent"),
    ],
)
def test_something_must_speak_for_it(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_medication_that_was_not_looked_at_leaves_it_open() -> None:
    assert outcome(RULE, assessed(PM, ck(500), unavailable=("medicationRequests",))) == "cannot tell"
    assert outcome(RULE, assessed(PM, ck(2000), unavailable=("medicationRequests",))) == "fires"


def test_children_are_asked_about_too_and_the_dead_are_not() -> None:
    assert outcome(RULE, assessed(PM, ck(2000), age=9)) == "fires"
    assert outcome(RULE, assessed(PM, ck(2000), deceased=True)) == "silent"


def test_asks_for_both_antibodies_a_referral_and_the_code() -> None:
    a = assessed(PM, ck(2500), STATIN, IVIG, infusion("ivig", 140_000, 200))
    draft = card(RULE, a)
    assert draft.indicator == "info"
    assert codes(draft) == ["93493-5", "33921-8"]
    assert [r["code"]["text"] for r in resources(draft)][-1].startswith("Referral")
    assert [s.is_recommended for s in draft.suggestions] == [True, True, False]
    said = texts(draft)
    assert "715863001, Autoimmune necrotizing myopathy" in said
    assert "Atorvastatin 40 mg" in said
    assert "IVIG ivig 2026-05-06" in said
    assert "12.5 × ULN" in said
    assert "Polymyositis \\<b\\>\\|\\</b\\>" in said


def test_what_is_known_is_not_ordered_again() -> None:
    draft = card(RULE, assessed(PM, ck(2500), verdict("anti-hmgcr", "negative")))
    assert codes(draft) == ["33921-8"]
    both = (verdict("anti-hmgcr", "negative"), verdict("anti-srp", "negative"))
    draft = card(RULE, assessed(PM, ck(2500), condition("statin-adverse-effect", text="Myalgia (statin)"), *both))
    assert codes(draft) == []
    assert draft.summary.endswith("To confirm, consider biopsy and MRI")
    assert [s.is_recommended for s in draft.suggestions] == [True]
    assert "Recorded reaction to a statin Myalgia \\(statin\\) 2025-10-18" in texts(draft)
