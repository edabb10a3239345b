"""Disease activity (B0): active, biochemical only, damage, not computable, indeterminate; worse, rapid, severe."""

from typing import Any

import pytest

from hooks.assessment.activity import Activity
from tests.hooks.builders import assessed, ck, condition, lab, mmt


def activity(*facts: Any) -> Activity:
    return assessed(*facts).activity


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ((ck(400), mmt(125)), "ACTIVE_DISEASE"),
        ((ck(399), mmt(125)), "INDETERMINATE"),
        ((ck(400), mmt(126)), "INDETERMINATE"),
        ((ck(400, 90), mmt(125, 180)), "ACTIVE_DISEASE"),
        ((ck(400, 91), mmt(125)), "NOT_COMPUTABLE"),
        ((ck(400), mmt(125, 181)), "NOT_COMPUTABLE"),
        ((ck(400),), "NOT_COMPUTABLE"),
        ((mmt(125),), "NOT_COMPUTABLE"),
        ((mmt(148),), "INDETERMINATE"),  # strong: not active, whatever CK is
        ((ck(400), mmt(66, scale="80")), "ACTIVE_DISEASE"),  # 66/80 is the limit too
        ((ck(400), mmt(67, scale="80")), "INDETERMINATE"),
        ((ck(400), mmt(83, scale="percent")), "ACTIVE_DISEASE"),
        ((ck(400), mmt(78, scale="")), "NOT_COMPUTABLE"),
        ((ck(400), mmt(98, 40), mmt(78, 10, scale="")), "NOT_COMPUTABLE"),  # the newer doubtful score hides the older
        ((ck(400), mmt(142.5)), "BIOCHEMICAL_ONLY"),
        ((ck(400), mmt(142)), "INDETERMINATE"),
        ((ck(399), mmt(150)), "INDETERMINATE"),
        ((ck(200, 40), ck(200, 12), mmt(98)), "DAMAGE_LIKELY"),
        ((ck(200, 39), ck(200, 12), mmt(98)), "INDETERMINATE"),  # 27 days apart
        ((ck(200, 70), ck(201, 50), ck(200, 12), mmt(98)), "INDETERMINATE"),
        ((ck(200, 70), ck(150, 50), ck(200, 12), mmt(98)), "DAMAGE_LIKELY"),
        ((ck(180), mmt(98)), "INDETERMINATE"),
        ((ck(500, upper=251), mmt(98)), "INDETERMINATE"),  # its own upper limit
        ((ck(502, upper=251), mmt(98)), "ACTIVE_DISEASE"),
        ((ck(400, upper=None), mmt(98)), "ACTIVE_DISEASE"),  # the default
        ((ck(20_000, comparator=">"), mmt(98)), "ACTIVE_DISEASE"),
        ((ck(300, comparator=">"), mmt(98)), "NOT_COMPUTABLE"),
        ((ck(300, comparator="<"), mmt(98)), "INDETERMINATE"),
        ((ck(500, comparator="<"), mmt(98)), "NOT_COMPUTABLE"),
        ((ck(6200, doubt="no unit"), mmt(98)), "NOT_COMPUTABLE"),
        ((lab("creatine-kinase", None), mmt(98)), "NOT_COMPUTABLE"),
        ((ck(6200, "2026-11"), mmt(98)), "ACTIVE_DISEASE"),  # every day of the month is recent enough
        ((ck(6200, "2026"), mmt(98)), "NOT_COMPUTABLE"),
    ],
)
def test_state(facts: tuple[Any, ...], state: str) -> None:
    assert activity(*facts).state == state


def test_what_is_missing_is_said() -> None:
    assert activity().missing == "no CK on record; no MMT-8 on record"
    assert "more than 90 days ago" in activity(ck(400, 100)).missing
    assert "more than 180 days ago" in activity(mmt(98, 200)).missing
    assert "cannot be used: no unit" in activity(ck(400, doubt="no unit")).missing
    assert "cannot be used: the scale is not stated" in activity(mmt(78, scale="")).missing
    assert "no value" in activity(lab("creatine-kinase", None)).missing


@pytest.mark.parametrize(
    ("earlier", "now", "worse"),
    [
        ((mmt(113, 300),), mmt(98), True),  # 15 of 150
        ((mmt(112, 300),), mmt(98), False),
        ((mmt(113, 376),), mmt(98), None),  # more than 365 days before
        ((mmt(113, 300), mmt(90, 100)), mmt(98), True),  # the best counts
        ((mmt(70, 100),), mmt(56), True),  # 20 % of what it was
        ((mmt(70, 100),), mmt(57), False),
        ((), mmt(98), None),
        ((mmt(113, 300),), mmt(98, "2026-11"), None),
    ],
)
def test_worse(earlier: tuple[Any, ...], now: Any, worse: bool | None) -> None:
    found = activity(*earlier, now)
    assert found.worse is worse
    assert bool(found.worse_because) is (worse is True)


@pytest.mark.parametrize(
    ("facts", "rapid"),
    [
        ((mmt(120, 60), mmt(98, 10)), True),
        ((mmt(120, 71), mmt(98, 10)), False),  # 61 days between the two
        ((mmt(120, 110), mmt(98, 61)), False),  # the newer one is no longer recent
        ((condition("dysphagia", 60),), True),
        ((condition("dysphagia", 61),), False),
        ((condition("dysphagia", None),), None),
        ((condition("respiratory-failure", 5),), True),
        ((condition("dysphagia", 5, current=False),), False),
    ],
)
def test_rapid(facts: tuple[Any, ...], rapid: bool | None) -> None:
    assert activity(condition("imnm"), *facts).rapid is rapid


def test_severe() -> None:
    assert activity(condition("imnm"), condition("dysphagia", 900)).severe
    assert not activity(condition("imnm"), mmt(20)).severe
