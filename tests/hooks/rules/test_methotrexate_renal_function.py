"""S9-MTX-REN (B4): eGFR below 30 is critical, below 60 a warning; never computed."""

from typing import Any

import pytest

from hooks.rules.methotrexate_renal_function import RULE
from tests.hooks.builders import assessed, changed, condition, course, lab, weekly
from tests.hooks.rules.asking import card, outcome, texts

MTX = course("methotrexate", 300, steps=(weekly(20),))
CKD = condition("ckd-severe", text="CKD stage 4")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((lab("egfr", 59.9),), "warning"),
        ((lab("egfr", 30),), "warning"),
        ((lab("egfr", 29.9),), "critical"),
        ((lab("egfr", 30, comparator="<"),), "critical"),
        ((lab("egfr", 60, comparator="<"),), "warning"),  # perhaps below 30
        ((lab("egfr", 60),), "silent"),
        ((lab("egfr", 60, comparator=">"),), "silent"),
        ((lab("egfr", 45, comparator=">"),), "cannot tell"),
        ((lab("egfr", 20, 91),), "cannot tell"),
        ((lab("egfr", 20, 90),), "critical"),
        ((lab("egfr", 20, 20), lab("egfr", 80, 2)), "silent"),
        ((lab("egfr", 20, doubt="two values"),), "cannot tell"),
        ((lab("creatinine", 400),), "cannot tell"),
        ((), "cannot tell"),
        ((CKD,), "critical"),
        ((condition("dialysis"),), "critical"),
        ((CKD, lab("egfr", 70)), "silent"),
        ((changed(CKD, current=False),), "cannot tell"),
    ],
)
def test_by_egfr(facts: tuple[Any, ...], expected: str) -> None:
    a = assessed(MTX, *facts)
    found = outcome(RULE, a)
    assert (card(RULE, a).indicator if found == "fires" else found) == expected


@pytest.mark.parametrize(
    ("mtx", "egfr", "expected"),
    [
        (changed(MTX, status="draft"), 25, "fires"),
        (changed(MTX, status="stopped"), 25, "silent"),
        (changed(MTX, status="unknown"), 25, "cannot tell"),
        (changed(MTX, other_indication="given by the intrathecal route"), 25, "silent"),
    ],
)
def test_by_use(mtx: Any, egfr: float, expected: str) -> None:
    assert outcome(RULE, assessed(mtx, lab("egfr", egfr))) == expected


def test_critical_findings_reach_further() -> None:
    assert outcome(RULE, assessed(MTX, lab("egfr", 25), age=12)) == "fires"
    assert outcome(RULE, assessed(MTX, lab("egfr", 45), age=12)) == "silent"
    assert outcome(RULE, assessed(MTX, lab("egfr", 45), condition("palliative-care"))) == "silent"


def test_says_that_it_flatters() -> None:
    found = card(RULE, assessed(MTX, lab("egfr", 25)))
    assert found.summary == "Methotrexate with eGFR 25: stop it"
    assert "overestimate renal function in muscle wasting" in texts(found)
    assert [s.label for s in found.suggestions] == ["Order cystatin C", "Order blood count"]


def test_an_order_is_not_started() -> None:
    assert card(RULE, assessed(changed(MTX, status="draft"), lab("egfr", 25))).summary.endswith("do not start it")


def test_kidney_disease_without_egfr() -> None:
    said = texts(card(RULE, assessed(MTX, CKD)))
    assert "CKD stage 4" in said
    assert "a fresh eGFR" in said


def test_perhaps_below_the_stop() -> None:
    assert "cannot be told" in texts(card(RULE, assessed(MTX, lab("egfr", 60, comparator="<"))))
