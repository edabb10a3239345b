"""R6-STATIN-U (B1)."""

import json
from typing import Any

import msgspec
import pytest

from hooks.rules.statin_pending_antibody import RULE
from tests.hooks.builders import assessed, condition, course, lab, verdict
from tests.hooks.rules.asking import card, codes, outcome, resources, texts

STATIN = course(
    "statin", 300, ingredient="rosuvastatin", text="Rosuvastatin 10 mg `", source="MedicationStatement/st-1"
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((STATIN,), "fires"),
        ((STATIN, verdict("anti-hmgcr", "indeterminate")), "fires"),
        ((STATIN, verdict("anti-srp", "positive")), "fires"),
        ((STATIN, verdict("anti-hmgcr", "negative")), "silent"),
        ((STATIN, verdict("anti-hmgcr", "positive")), "silent"),
        ((), "silent"),
        ((course("statin", 300, 100, status="stopped"),), "silent"),
        ((course("statin", 300, status="unknown"),), "cannot tell"),
        ((course("statin", -2, status="planned"),), "fires"),
        ((STATIN, condition("polymyositis")), "silent"),
        ((STATIN, condition("imnm", current=False)), "silent"),
        ((STATIN, condition("palliative-care")), "silent"),
    ],
)
def test_a_statin_while_anti_hmgcr_is_not_known(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_children_too() -> None:
    assert outcome(RULE, assessed(STATIN, age=15)) == "fires"


def test_holds_and_orders_both_antibodies() -> None:
    draft = card(RULE, assessed(STATIN))
    assert draft.indicator == "warning"
    assert draft.summary == "Hold rosuvastatin until anti-HMGCR is known; order anti-HMGCR and anti-SRP"
    assert codes(draft) == ["93493-5", "33921-8"]
    assert "Rosuvastatin 10 mg \\`" in texts(draft)


def test_orders_only_what_is_missing_and_shows_an_unclear_result() -> None:
    grey = lab("anti-hmgcr", None, 40, result="indeterminate", text="borderline <1:40>")
    draft = card(RULE, assessed(STATIN, grey, verdict("anti-srp", "negative")))
    assert codes(draft) == ["93493-5"]
    assert "anti-HMGCR indeterminate" in texts(draft)


def test_hold_changes_the_status_of_the_entry_only() -> None:
    entry = {
        "resourceType": "MedicationStatement",
        "id": "st-1",
        "status": "active",
        "medicationCodeableConcept": {"text": "Rosuvastatin 10 mg"},
        "subject": {"reference": "Patient/p1"},
    }
    raw = {"MedicationStatement/st-1": msgspec.Raw(json.dumps(entry).encode())}
    draft = card(RULE, assessed(STATIN, raw=raw))
    assert resources(draft, "MedicationStatement") == [{**entry, "status": "on-hold"}]


def test_a_planned_statin_is_not_started() -> None:
    draft = card(RULE, assessed(course("statin", -2, status="planned", ingredient="pravastatin")))
    assert draft.summary.startswith("Do not start pravastatin until")
