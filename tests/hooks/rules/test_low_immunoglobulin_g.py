"""S6-IGG (B4): IgG below 4 g/L before rituximab or cyclophosphamide; soon after IVIG it cannot be read."""

from typing import Any

import pytest

from hooks.rules.low_immunoglobulin_g import RULE
from tests.hooks.builders import assessed, changed, condition, course, infusion, lab
from tests.hooks.rules.asking import card, codes, outcome, texts

ORDER = course("rituximab", 0, status="draft")
LOW = lab("igg", 3.9, 10, unit="g/L")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((ORDER, LOW), "fires"),
        ((course("cyclophosphamide", -9, status="planned"), LOW), "fires"),
        ((infusion("cyclophosphamide", 1000, -9, status="planned"), LOW), "fires"),
        ((infusion("rituximab", 1000, 9), LOW), "silent"),  # given already
        ((ORDER, lab("igg", 4)), "silent"),
        ((ORDER, lab("igg", 4, comparator="<")), "fires"),
        ((ORDER, lab("igg", 5, comparator="<")), "cannot tell"),
        ((ORDER, lab("igg", 3, 91)), "cannot tell"),
        ((ORDER,), "cannot tell"),
        ((ORDER, LOW, infusion("ivig", 1, 38)), "silent"),
        ((ORDER, LOW, infusion("ivig", 1, 39)), "fires"),
        ((ORDER, LOW, infusion("ivig", 1, 9)), "fires"),  # after the test
        ((ORDER, LOW, infusion("ivig", 1, None)), "cannot tell"),
        ((ORDER, LOW, condition("other-myositis")), "silent"),
        ((LOW,), "silent"),
    ],
)
def test_low_igg(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_medication_that_could_not_be_had() -> None:
    assert outcome(RULE, assessed(LOW, unavailable=("medicationRequests",))) == "cannot tell"


def test_says_so() -> None:
    found = card(RULE, assessed(ORDER, changed(LOW, comparator="<")))
    assert found.indicator == "warning"
    assert found.summary.startswith("IgG <3.9 g/L before rituximab")
    assert "4 g/L [ENG]" in texts(found)
    assert codes(found) == ["2465-3"]
