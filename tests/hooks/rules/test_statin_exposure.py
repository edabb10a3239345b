"""R6-STATIN (B1, vignettes V24, V41)."""

import json
from typing import Any

import msgspec
import pytest

from hooks.rules.statin_exposure import RULE
from tests.hooks.builders import TODAY, allergy, assessed, changed, condition, course, lab, verdict
from tests.hooks.rules.asking import card, outcome, resources, texts

HMGCR = lab("anti-hmgcr", 148.0, "2026-01-20", result="positive", upper=20.0, unit="units")
STATIN = course("statin", 900, ingredient="atorvastatin", text="Atorvastatin 40 mg *", source="MedicationRequest/st-1")
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "st-1",
    "meta": {"versionId": "7"},
    "extension": [{"url": "https://example.org/pharmacy", "valueString": "north"}],
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Atorvastatin 40 mg"},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2024-06-05",
    "dosageInstruction": [
        {"text": "one at night", "doseAndRate": [{"doseQuantity": {"value": 0.5, "unit": "tablet"}}]}
    ],
}
STATEMENT = {
    "resourceType": "MedicationStatement",
    "id": "st-2",
    "status": "active",
    "medicationCodeableConcept": {"text": "Atorvastatin"},
    "subject": {"reference": "Patient/p1"},
}


def raw(*written: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {f"{r['resourceType']}/{r['id']}": msgspec.Raw(json.dumps(r).encode()) for r in written}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((HMGCR, STATIN), "fires"),
        ((verdict("anti-hmgcr", "positive", 3000), verdict("anti-hmgcr", "negative", 3), STATIN), "fires"),
        ((verdict("anti-hmgcr", "negative"), STATIN), "silent"),
        ((verdict("anti-hmgcr", "indeterminate"), STATIN), "silent"),
        ((verdict("anti-srp", "positive"), STATIN), "silent"),
        ((STATIN,), "silent"),
        ((HMGCR,), "silent"),
        ((HMGCR, changed(STATIN, status="stopped")), "silent"),
        ((HMGCR, changed(STATIN, status="on-hold")), "silent"),
        ((HMGCR, changed(STATIN, status="unknown")), "cannot tell"),
        ((HMGCR, course("statin", 900, 30, status="unknown")), "silent"),
        ((HMGCR, course("statin", 900, 0)), "fires"),  # the last day is today
        ((HMGCR, course("statin", 900, 1)), "silent"),
        ((HMGCR, course("statin", -3, status="planned")), "fires"),
        ((HMGCR, course("statin", None, status="draft")), "fires"),
        ((HMGCR, course("statin", 400, 100, status="planned")), "silent"),  # a plan that has passed
        ((HMGCR, STATIN, condition("other-myositis")), "fires"),
        ((HMGCR, STATIN, condition("imnm", current=False)), "fires"),
        ((HMGCR, STATIN, condition("palliative-care")), "fires"),
    ],
)
def test_no_statin_with_anti_hmgcr(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize("age", [4, 17, 90, None])
def test_at_any_age(age: int | None) -> None:
    assert outcome(RULE, assessed(HMGCR, STATIN, age=age)) == "fires"


def test_not_after_death() -> None:
    assert outcome(RULE, assessed(HMGCR, STATIN, deceased=True)) == "silent"


def test_what_was_not_looked_at_leaves_it_open() -> None:
    assert outcome(RULE, assessed(HMGCR, unavailable=("medicationRequests",))) == "cannot tell"
    assert outcome(RULE, assessed(HMGCR, STATIN, unavailable=("medicationRequests",))) == "fires"
    assert outcome(RULE, assessed(STATIN, unavailable=("labs",))) == "cannot tell"


def test_critical_and_says_what_and_why() -> None:
    draft = card(RULE, assessed(HMGCR, STATIN))
    assert draft.indicator == "critical"
    assert draft.summary.startswith("Stop atorvastatin: anti-HMGCR antibody positive")
    said = texts(draft)
    assert "positive: 148 units 2026-01-20 upper limit 20" in said
    assert "Atorvastatin 40 mg \\*" in said
    for alternative in ("PCSK9", "ezetimibe", "bempedoic acid", "cardiology"):
        assert alternative in said


def test_names_in_the_summary_are_plain_words_only() -> None:
    two = (STATIN, course("statin", ingredient="red yeast rice"))
    assert "Stop atorvastatin and red yeast rice:" in card(RULE, assessed(HMGCR, *two)).summary
    for odd in ("<img src=x>", "", "a" * 21):
        assert card(RULE, assessed(HMGCR, changed(STATIN, ingredient=odd))).summary.startswith("Stop statin:")
    many = (*two, course("statin", ingredient="simvastatin"))
    assert card(RULE, assessed(HMGCR, *many)).summary.startswith("Stop statin:")


def test_stopping_changes_the_status_and_nothing_else() -> None:
    seen = changed(STATIN, sources=("MedicationRequest/st-1", "MedicationStatement/st-2"))
    draft = card(RULE, assessed(HMGCR, seen, raw=raw(ORDER, STATEMENT)))
    stops = [action for s in draft.suggestions for action in s.actions if action.type == "update"]
    assert [a.resource for a in stops] == [{**ORDER, "status": "stopped"}, {**STATEMENT, "status": "stopped"}]
    assert all(len(s.actions) == 1 and s.is_recommended for s in draft.suggestions)


@pytest.mark.parametrize(
    ("statin", "kept"),
    [
        (STATIN, {}),
        (STATIN, raw({**ORDER, "status": "draft"})),
        (changed(STATIN, source="medicationStatements.entry[3]"), raw(ORDER)),
        (STATIN, raw({**ORDER, "note": [{"text": None}]})),
        (STATIN, raw({**ORDER, "dosageInstruction": [None]})),
    ],
)
def test_no_update_of_what_is_not_there_or_not_active_or_holds_a_null(
    statin: Any, kept: dict[str, msgspec.Raw]
) -> None:
    draft = card(RULE, assessed(HMGCR, statin, raw=kept))
    assert [r["resourceType"] for r in resources(draft)] == ["AllergyIntolerance"]


def test_a_planned_statin_is_not_to_be_started() -> None:
    draft = card(RULE, assessed(HMGCR, course("statin", -3, status="planned", ingredient="simvastatin")))
    assert draft.summary.startswith("Do not start simvastatin:")
    assert "do not sign" in texts(draft)


def test_the_allergy_list_gets_statins_as_a_class() -> None:
    (entry,) = resources(card(RULE, assessed(HMGCR, STATIN)), "AllergyIntolerance")
    assert entry["criticality"] == "high"
    assert entry["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
    assert entry["clinicalStatus"]["coding"][0]["code"] == "active"
    assert entry["code"]["text"].startswith("Statins")
    assert entry["code"]["coding"][0]["code"] == "C10AA"
    assert entry["note"] == [{"text": "anti-HMGCR myopathy: do not rechallenge"}]


def test_what_is_on_the_allergy_list_is_not_suggested_again() -> None:
    draft = card(RULE, assessed(HMGCR, STATIN, allergy("statin"), raw=raw(ORDER)))
    assert [r["resourceType"] for r in resources(draft)] == ["MedicationRequest"]
    assert "On the allergy list already: allergy to statin" in texts(draft)


def test_a_statin_that_ends_today_is_still_taken() -> None:
    assert card(RULE, assessed(HMGCR, course("statin", 900, TODAY.isoformat()))).summary.startswith("Stop statin")
