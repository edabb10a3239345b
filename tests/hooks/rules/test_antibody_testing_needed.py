"""R5-UNK (B1)."""

from typing import Any

import pytest

from hooks.rules.antibody_testing_needed import RULE
from tests.hooks.builders import assessed, condition, course, infusion, lab, verdict
from tests.hooks.rules.asking import card, codes, outcome, texts

NEGATIVE = (verdict("anti-hmgcr", "negative"), verdict("anti-srp", "negative"))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), "fires"),
        ((NEGATIVE[0],), "fires"),
        ((NEGATIVE[0], verdict("anti-srp", "indeterminate")), "fires"),
        (NEGATIVE, "silent"),
        ((verdict("anti-srp", "positive"),), "silent"),
        ((verdict("anti-hmgcr", "positive", 3000), verdict("anti-hmgcr", "negative", 3)), "silent"),
        ((course("statin"),), "silent"),  # StatinPendingAntibody asks for both
        ((course("statin"), NEGATIVE[0]), "fires"),
        ((course("statin", 900, 400, status="stopped"),), "fires"),
        ((course("statin", 900, status="unknown"),), "fires"),  # StatinPendingAntibody cannot tell, so this one asks
        ((condition("polymyositis"),), "silent"),
        ((condition("imnm", current=False),), "silent"),
        ((condition("palliative-care"),), "silent"),
    ],
)
def test_an_antibody_is_missing_and_none_is_positive(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_children_are_tested_too() -> None:
    assert outcome(RULE, assessed(age=12)) == "fires"


def test_nothing_is_ordered_when_laboratory_results_could_not_be_had() -> None:
    assert outcome(RULE, assessed(unavailable=("labs",))) == "cannot tell"


def test_orders_what_is_missing() -> None:
    draft = card(RULE, assessed())
    assert draft.indicator == "info"
    assert codes(draft) == ["93493-5", "33921-8"]
    assert "anti-HMGCR and anti-SRP" in draft.summary
    draft = card(RULE, assessed(NEGATIVE[1]))
    assert codes(draft) == ["93493-5"]


def test_a_result_soon_after_ivig_says_so() -> None:
    grey = lab("anti-srp", 21.0, 10, result="indeterminate", upper=20.0, unit="units")
    said = texts(card(RULE, assessed(infusion("ivig", 140_000, 20), grey)))
    assert "indeterminate: 21 units (taken 10 days after IVIG) 2026-11-12 upper limit 20" in said
    assert "anti-HMGCR not tested" in said
