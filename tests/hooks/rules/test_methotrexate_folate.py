"""S9-FOLATE (B4): methotrexate without folic or folinic acid."""

from typing import Any

import pytest

from hooks.rules.methotrexate_folate import RULE
from tests.hooks.builders import assessed, changed, condition, course, weekly
from tests.hooks.rules.asking import card, outcome, texts

MTX = course("methotrexate", 300, steps=(weekly(20),))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((MTX,), "fires"),
        ((changed(MTX, status="draft"),), "fires"),
        ((MTX, course("folate", 300)), "silent"),
        ((MTX, course("folate", 0, status="draft")), "silent"),
        ((MTX, course("folate", -3, status="planned")), "silent"),
        ((MTX, course("folate", 300, status="stopped")), "fires"),
        ((MTX, course("folate", 300, status="on-hold")), "fires"),
        ((MTX, course("folate", 300, superseded=True)), "fires"),
        ((MTX, course("folate", 300, status="unknown")), "cannot tell"),
        ((changed(MTX, status="unknown"),), "cannot tell"),
        ((changed(MTX, other_indication="given for ectopic pregnancy"),), "silent"),
        ((MTX, condition("other-myositis")), "silent"),
        ((MTX, condition("palliative-care")), "silent"),
        ((), "silent"),
    ],
)
def test_folate(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_not_checked_is_not_none() -> None:
    assert outcome(RULE, assessed(MTX, unavailable=("medicationAdministrations",))) == "cannot tell"
    assert outcome(RULE, assessed(MTX, course("folate", 9), unavailable=("medicationRequests",))) == "silent"


def test_no_dose_is_proposed() -> None:
    found = card(RULE, assessed(MTX))
    assert found.indicator == "info"
    assert found.suggestions == ()
    assert "none recorded" in texts(found)
