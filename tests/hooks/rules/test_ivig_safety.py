"""S8-IVIG (B4)."""

from typing import Any

import pytest

from hooks.rules.ivig_safety import RULE
from tests.hooks.builders import assessed, changed, condition, course, infusion, lab
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

IVIG = infusion("ivig", 140_000, 10, days=4)
GOOD = lab("egfr", 90, 10, unit="mL/min/{1.73_m2}")
LOW = lab("egfr", 59, 10, unit="mL/min/{1.73_m2}")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((IVIG, GOOD), "silent"),
        ((IVIG, LOW), "fires"),
        ((IVIG, lab("egfr", 60, 10)), "silent"),
        ((IVIG, lab("egfr", 59, 90)), "fires"),
        ((IVIG, lab("egfr", 59, 91)), "cannot tell"),
        ((IVIG, lab("egfr", 60, 10, comparator="<")), "fires"),
        ((IVIG, lab("egfr", 60, 10, comparator=">")), "silent"),
        ((IVIG, changed(LOW, doubt="conflicting duplicates")), "cannot tell"),
        ((IVIG,), "cannot tell"),
        ((IVIG, condition("ckd-severe")), "fires"),
        ((IVIG, condition("dialysis")), "fires"),
        ((IVIG, condition("ckd-severe"), GOOD), "silent"),  # the measured value decides
        ((IVIG, GOOD, condition("thrombosis", "2025-11-22")), "fires"),
        ((IVIG, GOOD, condition("thrombosis", "2025-11-21")), "silent"),
        ((IVIG, GOOD, condition("thrombosis", 60, current=False)), "fires"),  # it happened, healed or not
        ((IVIG, GOOD, condition("thrombosis", None)), "fires"),
        ((IVIG, GOOD, condition("thrombosis", None, current=False)), "cannot tell"),
        ((IVIG, GOOD, condition("thrombosis", "2025")), "fires"),
        ((IVIG, GOOD, condition("thrombosis", "2025", current=False)), "cannot tell"),
        ((IVIG, GOOD, condition("thrombosis", "2024")), "silent"),
        ((IVIG, GOOD, condition("iga-deficiency", 4000)), "fires"),
        ((IVIG, GOOD, condition("iga-deficiency", None, current=False)), "fires"),
        ((LOW,), "silent"),
        ((LOW, infusion("ivig", 140_000, 42)), "fires"),
        ((LOW, infusion("ivig", 140_000, 43)), "silent"),
        ((LOW, course("ivig", -7, status="planned")), "fires"),
        ((LOW, course("ivig", 0, status="draft")), "fires"),
        ((LOW, course("scig", 30)), "silent"),
        ((LOW, course("immunoglobulin-route-unknown", 30)), "cannot tell"),
        ((IVIG, LOW, condition("palliative-care")), "silent"),
    ],
)
def test_a_reason_for_care(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_an_event_recorded_lately_but_long_ago_is_an_old_one() -> None:
    old = changed(condition("thrombosis", 2000), recorded=condition("x", 20).onset)
    assert outcome(RULE, assessed(IVIG, GOOD, old)) == "silent"
    recorded = changed(condition("thrombosis", None), recorded=condition("x", 20).onset)
    assert outcome(RULE, assessed(IVIG, GOOD, recorded)) == "fires"


def test_age_alone_does_not_bring_the_card() -> None:
    assert outcome(RULE, assessed(IVIG, GOOD, age=80)) == "silent"


def test_not_for_a_child() -> None:
    assert outcome(RULE, assessed(IVIG, LOW, age=15)) == "silent"


def test_what_was_not_looked_at_leaves_it_open() -> None:
    assert "laboratory results not checked" in judged(RULE, assessed(IVIG, unavailable=("labs",))).because
    assert outcome(RULE, assessed(LOW, unavailable=("medicationStatements",))) == "cannot tell"


def test_says_what_to_do_and_what_it_does_not_look_for() -> None:
    draft = card(RULE, assessed(IVIG, LOW, condition("thrombosis", 100, text="Pulmonary embolism")))
    assert draft.indicator == "warning"
    assert draft.summary.startswith("IVIG with recent thrombosis and reduced renal function")
    said = texts(draft)
    for word in ("sucrose-free", "slow rate", "hydration", "oestrogen", "immobility", "Age over 65", "cystatin C"):
        assert word in said
    assert "Pulmonary embolism 2026-08-14" in said
    assert "IVIG, last infusion given 2026-11-12" in said
    assert not resources(draft)


def test_iga_deficiency_asks_for_the_antibodies() -> None:
    draft = card(RULE, assessed(IVIG, course("ivig", 10), condition("iga-deficiency", text="Selective IgA deficiency")))
    assert draft.summary.startswith("IVIG with IgA deficiency:")
    assert "anti-IgA antibodies" in texts(draft)
    assert "eGFR not on record" in texts(draft)
    assert "cystatin" not in texts(draft)
    (request,) = resources(draft)
    assert request["code"] == {"text": "Anti-IgA antibodies"}
    assert "IVIG (active) ivig 2026-11-12" in texts(draft)


def test_an_old_thrombosis_is_no_row_and_kidney_disease_is() -> None:
    facts = (IVIG, condition("thrombosis", 4000, text="Old embolism"), condition("ckd-severe", text="CKD stage 4"))
    said = texts(card(RULE, assessed(*facts)))
    assert "Old embolism" not in said
    assert "Kidney disease CKD stage 4" in said


def test_the_trace_names_the_event_that_decides() -> None:
    long_ago, lately = condition("thrombosis", "2020-01-01"), condition("thrombosis", "2026-08-01")
    criteria = judged(RULE, assessed(IVIG, GOOD, long_ago, lately)).criteria
    (found,) = (part for criterion in criteria for part in criterion.parts if "thrombosis" in part.name)
    assert (found.when, found.source) == ("2026-08-01", lately.source)
