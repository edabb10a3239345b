"""S9-MTX+CYC (B4): is methotrexate stopped when cyclophosphamide comes?"""

from typing import Any

import pytest

from hooks.rules.methotrexate_with_cyclophosphamide import RULE
from tests.hooks.builders import assessed, changed, condition, course, infusion, weekly, when
from tests.hooks.rules.asking import card, outcome, texts

MTX = course("methotrexate", 300, steps=(weekly(20),))
CYC = course("cyclophosphamide", 0, status="draft")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((MTX, CYC), "fires"),
        ((MTX, changed(CYC, status="planned", start=when(-5))), "fires"),
        ((MTX, infusion("cyclophosphamide", 1000, 35)), "fires"),
        ((MTX, infusion("cyclophosphamide", 1000, 36)), "silent"),
        ((changed(MTX, status="draft", start=when(0)), infusion("cyclophosphamide", 1000, 20)), "fires"),
        ((changed(MTX, status="planned", start=when(-9)), CYC), "silent"),
        ((changed(MTX, superseded=True), CYC), "silent"),
        ((changed(MTX, end=when(-7)), CYC), "silent"),
        ((changed(MTX, end=when(-8)), CYC), "fires"),
        ((changed(MTX, end=when("2026-11")), CYC), "cannot tell"),
        ((changed(MTX, end=when("2026-12")), CYC), "fires"),
        ((changed(MTX, end=when(-7)), changed(MTX, status="draft", start=when(0)), CYC), "fires"),
        ((changed(MTX, status="unknown"), CYC), "cannot tell"),
        ((MTX, changed(CYC, status="unknown", start=when(9))), "cannot tell"),
        ((changed(MTX, other_indication="given for lymphoma"), CYC), "silent"),
        ((MTX, CYC, condition("other-myositis")), "silent"),
        ((MTX,), "silent"),
        ((CYC,), "silent"),
    ],
)
def test_both_at_once(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_medication_that_could_not_be_had() -> None:
    assert outcome(RULE, assessed(CYC, unavailable=("medicationRequests",))) == "cannot tell"


def test_asks_for_confirmation() -> None:
    found = card(RULE, assessed(MTX, infusion("cyclophosphamide", 1000, 20)))
    assert found.indicator == "warning"
    assert found.suggestions == ()
    assert "Cyclophosphamide, last infusion given 2026-11-02" in texts(found)


def test_an_order_of_methotrexate_can_be_removed() -> None:
    ordered = changed(MTX, status="draft", start=when(0), source="MedicationRequest/order-1")
    (found,) = card(RULE, assessed(ordered, CYC)).suggestions
    assert [(a.type, a.resource_id) for a in found.actions] == [("delete", "MedicationRequest/order-1")]
    assert card(RULE, assessed(changed(ordered, source="draftOrders.entry[0]"), CYC)).suggestions == ()
