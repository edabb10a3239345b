"""R7-MON (B1, B9)."""

from typing import Any

import pytest

from hooks.rules.monitoring_overdue import RULE
from tests.hooks.builders import assessed, ck, condition, course, daily, infusion, mmt
from tests.hooks.rules.asking import card, codes, judged, outcome, resources, texts

MTX = course("methotrexate", 400)
STABLE = (MTX, ck(150, 100), mmt(148, 100))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (STABLE, "silent"),
        ((MTX, ck(150, 101), mmt(148, 100)), "fires"),
        ((MTX, ck(150, 100), mmt(148, 101)), "fires"),
        ((MTX, mmt(148, 10)), "fires"),
        ((MTX, ck(150, 10)), "fires"),
        ((MTX, ck(900, 36), mmt(98, 10)), "fires"),  # active disease
        ((MTX, ck(900, 35), mmt(98, 10)), "silent"),
        ((MTX, ck(900, 36), mmt(148, 10)), "silent"),
        ((infusion("cyclophosphamide", 1000, 20), ck(150, 36), mmt(148, 10)), "fires"),
        ((infusion("cyclophosphamide", 1000, 36), ck(150, 36), mmt(148, 10)), "silent"),
        ((MTX, ck(150, 10, doubt="no unit"), ck(150, 101), mmt(148, 10)), "fires"),
        ((MTX, ck(150, 10), mmt(148, 10, scale=""), mmt(148, 101)), "fires"),
    ],
)
def test_how_old_a_measure_may_be(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((course("glucocorticoid", 90, steps=(daily(5),)),), "fires"),
        ((course("mycophenolate", 90),), "fires"),
        ((infusion("ivig", 140_000, 42),), "fires"),
        ((infusion("ivig", 140_000, 43),), "silent"),
        ((infusion("rituximab", 1000, 183),), "fires"),
        ((infusion("rituximab", 1000, 184),), "silent"),
        ((infusion("rituximab", 1000, None),), "cannot tell"),
        ((course("methotrexate", 90, 10, status="stopped"),), "silent"),
        ((MTX, condition("polymyositis")), "silent"),
        ((MTX, condition("palliative-care")), "silent"),
        ((), "silent"),
    ],
)
def test_only_while_the_disease_is_treated(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_adults_only() -> None:
    assert outcome(RULE, assessed(MTX, age=17)) == "silent"
    assert outcome(RULE, assessed(MTX, age=None)) == "cannot tell"


def test_what_was_not_looked_at_is_not_overdue() -> None:
    assert judged(RULE, assessed(MTX, mmt(148), unavailable=("labs",))).because == "laboratory results"
    assert judged(RULE, assessed(MTX, ck(150), unavailable=("scores",))).because == "strength scores"
    assert outcome(RULE, assessed(unavailable=("medicationRequests",))) == "cannot tell"


def test_orders_what_is_due() -> None:
    draft = card(RULE, assessed(MTX))
    assert draft.indicator == "info"
    assert draft.summary == "Monitoring due on immunotherapy: CK and MMT-8"
    assert codes(draft) == ["2157-6"]
    assert len(resources(draft)) == 2
    assert "every 100 days" in texts(draft)
    assert len(resources(card(RULE, assessed(MTX, ck(150, 10))))) == 1
    assert codes(card(RULE, assessed(MTX, mmt(148)))) == ["2157-6"]
    assert "every 35 days" in texts(card(RULE, assessed(MTX, ck(900, 36), mmt(98))))
