"""S7-MMF (B4)."""

from typing import Any

import pytest

from hooks.rules.mycophenolate_safety import RULE
from tests.hooks.builders import assessed, condition, course, knowledge
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

PLANNED = course("mycophenolate", -7, status="planned")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((PLANNED,), "fires"),
        ((course("mycophenolate", 0, status="draft"),), "fires"),
        ((course("mycophenolate", 60),), "silent"),
        ((course("azathioprine", -7, status="planned"),), "silent"),
        ((PLANNED, condition("pregnancy", 60)), "silent"),
        ((PLANNED, condition("palliative-care")), "silent"),
        ((), "silent"),
    ],
)
def test_when_mycophenolate_is_about_to_start(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_what_was_not_looked_at_leaves_it_open() -> None:
    assert "medicationStatements" in judged(RULE, assessed(unavailable=("medicationStatements",))).because
    assert outcome(RULE, assessed(PLANNED, unavailable=("medicationStatements",))) == "fires"


def test_says_what_belongs_to_the_start() -> None:
    draft = card(RULE, assessed(PLANNED))
    assert draft.indicator == "info"
    said = texts(draft)
    for word in ("REMS", "live vaccines", "proton pump", "Antacids", "weekly for the first 4 weeks"):
        assert word in said
    (request,) = resources(draft)
    assert request["note"] == [{"text": "Weekly for the first 4 weeks of mycophenolate."}]


def test_never_at_signing() -> None:
    assert knowledge().rules[RULE.name].hooks == ("patient-view", "order-select")
